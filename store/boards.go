package store

import (
	"errors"
	"fmt"
	"os"
	"slices"
	"sync"

	bolt "go.etcd.io/bbolt"
	"go.etcd.io/raft/v3/raftpb"
)

// The boards are a bbolt file with two buckets, side by side:
//
//	"records": the caller's key -> the caller's value
//	"state":   "state" -> index, term, tally of the records, ConfState
//
// Every value begins with a CRC-32C of key and value (record.go), since bbolt has checksums only
// for its two meta pages. The state record begins with a version. Its tally is the number of the
// records and the sum of their checksums, so a lost record is noticed, too.
//
// Before bbolt maps a file, the package reads it page by page and checks its tree and every record
// (image.go).
//
// bbolt writes twice for each transaction: the pages, then a meta page that makes them valid. Its
// list of free pages is not stored but found again at open. The file does not shrink: free pages
// are used again.
//
// A snapshot is the boards file itself, read in one transaction together with its position. It is
// sent as compressed chunks with a SHA-256 at the end (stream.go). The receiver writes it beside
// its own boards, checks the hash, the tree, every record and the position, and renames it into
// place.
//
// [Boards.Install] swaps the file at once. The old file is closed when its last [Snapshot] is. An
// open snapshot keeps pages from being used again, so the file grows until it is closed. Beyond 1
// GiB a checkpoint that makes the file grow waits for that.

// Boards keeps the records of a state machine by key, as of one position of the log. Make one with
// [OpenBoards]. Any goroutine may use it; writers wait for one another.
//
// Locks, in order: write, mu.
type Boards struct {
	path string

	// write makes Checkpoint, Install and Close wait for one another.
	write sync.Mutex

	mu     sync.Mutex
	file   *boardsFile // in use; replaced by Install
	state  boardsState // durable
	failed error       // of the first failed write, or os.ErrClosed
}

// boardsFile is an open file that is closed by its last user. One that Install has replaced stays
// open until its snapshots are done.
type boardsFile struct {
	db   *bolt.DB
	mu   sync.Mutex
	uses int
}

func (f *boardsFile) acquire() {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.uses++
}

func (f *boardsFile) release() error {
	f.mu.Lock()
	f.uses--
	last := f.uses == 0
	f.mu.Unlock()
	if last {
		return f.db.Close()
	}
	return nil
}

// Checkpoint is the changes of one transaction of [Boards.Checkpoint].
type Checkpoint struct {
	Position
	Put    map[string][]byte // keys are not empty, and have at most 32 KiB
	Delete []string          // done before Put; a missing key is no error
}

// OpenBoards opens the boards in the file at path, and creates it if there is none. It reads the
// whole file, checks every record and their tally, and removes what a crash has left of a received
// file.
func OpenBoards(path string) (*Boards, error) {
	if err := createBolt(path, initBoards); err != nil {
		return nil, fmt.Errorf("create boards %s: %w", path, err)
	}
	db, state, err := openBoardsFile(path)
	if err != nil {
		return nil, err
	}
	if err := removeTemps(path); err != nil {
		return nil, errors.Join(err, db.Close())
	}
	return &Boards{path: path, file: &boardsFile{db: db, uses: 1}, state: state}, nil
}

// openBoardsFile opens and checks a boards file, which must exist.
func openBoardsFile(path string) (*bolt.DB, boardsState, error) {
	var c boardsCheck
	db, err := openBolt(path, c.record)
	if err != nil {
		return nil, boardsState{}, err
	}
	if err := c.finish(); err != nil {
		return nil, boardsState{}, errors.Join(damaged(path, "%v", err), db.Close())
	}
	return db, *c.state, nil
}

// initBoards makes empty boards, at no position.
func initBoards(tx *bolt.Tx) error {
	if _, err := tx.CreateBucket(bucketRecords); err != nil {
		return err
	}
	b, err := tx.CreateBucket(bucketState)
	if err != nil {
		return err
	}
	rec, err := boardsState{Position: Position{ConfState: &raftpb.ConfState{}}}.record()
	if err != nil {
		return err
	}
	return b.Put(keyState, rec)
}

// Position is that of the last durable checkpoint, or of the installed file. An index of zero:
// nothing was stored yet.
func (b *Boards) Position() Position {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.state.Position
}

// use returns the present file and state. The caller releases the file.
func (b *Boards) use() (*boardsFile, boardsState, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.failed != nil {
		return nil, boardsState{}, b.failed
	}
	b.file.acquire()
	return b.file, b.state, nil
}

// fail keeps the first error that stops this store.
func (b *Boards) fail(err error) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.failed == nil {
		b.failed = err
	}
	return err
}

// Checkpoint makes the changes of c and its position durable in one transaction. The index may
// stay, and must not go back ([ErrBackwards]). Checkpoint does not keep maps and values.
//
// After any other error the change is invisible until the file is opened again, and this store
// refuses everything with [ErrFailed].
func (b *Boards) Checkpoint(c Checkpoint) error {
	b.write.Lock()
	defer b.write.Unlock()
	f, state, err := b.use()
	if err != nil {
		return err
	}
	defer f.release()
	if c.Index < state.Index {
		return fmt.Errorf("checkpoint at %d after one at %d: %w", c.Index, state.Index, ErrBackwards)
	}
	for key := range c.Put {
		if key == "" || len(key) > bolt.MaxKeySize {
			return fmt.Errorf("checkpoint: a key of %d bytes", len(key))
		}
	}
	state.Position = c.Position
	if state.ConfState == nil {
		state.ConfState = &raftpb.ConfState{}
	}
	err = update(f.db, b.path, func(tx *bolt.Tx) error {
		if err := state.tally.change(tx.Bucket(bucketRecords), c); err != nil {
			return err
		}
		rec, err := state.record()
		if err != nil {
			return err
		}
		return tx.Bucket(bucketState).Put(keyState, rec)
	})
	if err != nil {
		return b.fail(fmt.Errorf("write boards %s: %w: %w", b.path, ErrFailed, err))
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	b.state = state
	return nil
}

// change makes the changes of c in records, and keeps the tally right.
func (t *tally) change(records *bolt.Bucket, c Checkpoint) error {
	for _, key := range c.Delete {
		old := records.Get([]byte(key))
		if old == nil {
			continue
		}
		t.remove(old)
		if err := records.Delete([]byte(key)); err != nil {
			return err
		}
	}
	// In the order of the keys, so that equal checkpoints make equal files.
	keys := make([]string, 0, len(c.Put))
	for key := range c.Put {
		keys = append(keys, key)
	}
	slices.Sort(keys)
	for _, k := range keys {
		key := []byte(k)
		if old := records.Get(key); old != nil {
			t.remove(old)
		}
		rec := seal(key, append(make([]byte, crcSize, crcSize+len(c.Put[k])), c.Put[k]...))
		t.add(rec)
		if err := records.Put(key, rec); err != nil {
			return err
		}
	}
	return nil
}

// Load calls fn with every record of one checkpoint in the order of the keys. The value is valid
// only during fn. fn must not call Checkpoint or Install.
func (b *Boards) Load(fn func(key string, value []byte) error) error {
	f, _, err := b.use()
	if err != nil {
		return err
	}
	defer f.release()
	tx, err := f.db.Begin(false)
	if err != nil {
		return fmt.Errorf("load boards %s: %w", b.path, err)
	}
	defer tx.Rollback()
	var c *bolt.Cursor
	if err := guard(b.path, func() error { c = tx.Bucket(bucketRecords).Cursor(); return nil }); err != nil {
		return err
	}
	step := c.First
	var key string
	var value []byte
	for {
		var end bool
		// Copied under the guard: fn must not meet a fault in mapped memory, and its own panic must
		// not be taken for one.
		err := guard(b.path, func() error {
			k, rec := step()
			if end = k == nil; end {
				return nil
			}
			payload, err := open(k, rec)
			if err != nil {
				return damaged(b.path, "record %q: %v", k, err)
			}
			key, value = string(k), append(value[:0], payload...)
			return nil
		})
		if err != nil || end {
			return err
		}
		if err := fn(key, value); err != nil {
			return err
		}
		step = c.Next
	}
}

// Close releases the file. Open snapshots stay usable, and keep the file locked until they are
// closed.
func (b *Boards) Close() error {
	b.write.Lock()
	defer b.write.Unlock()
	b.mu.Lock()
	f, closed := b.file, errors.Is(b.failed, os.ErrClosed)
	b.failed = fmt.Errorf("boards %s: %w", b.path, os.ErrClosed)
	b.mu.Unlock()
	if closed {
		return nil
	}
	return f.release()
}
