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

// Boards keeps the records of a state machine by key, as they were at one
// position of the log. Make one with [OpenBoards]. Safe for concurrent use;
// what writes waits for what writes.
//
// Locks, in the order in which they are taken: write, mu.
type Boards struct {
	path string

	// write makes Checkpoint, Install and Close wait for one another.
	write sync.Mutex

	mu     sync.Mutex
	file   *boardsFile // in use; replaced by Install
	state  boardsState // durable
	failed error       // of the first failed write, or os.ErrClosed
}

// boardsFile is an open file that is closed when nobody uses it any more: one
// that Install has replaced lives on until the snapshots of it are done.
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

// Checkpoint is what one transaction of [Boards.Checkpoint] changes.
type Checkpoint struct {
	Position
	Put    map[string][]byte // keys are not empty, and have 32 KiB at most
	Delete []string          // done before Put; a key that is not there is no error
}

// OpenBoards opens the boards in the file at path, and creates it if there is
// none. It reads the whole file and checks every record and their tally, and
// removes what a crash has left of a received file.
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

// Position is that of the last durable checkpoint, or of what was installed.
// An index of zero: nothing was stored yet.
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

// Checkpoint makes the changes of c and its position durable in one
// transaction. The index may stay, and must not go back ([ErrBackwards]).
// Maps and values are the caller's again when it returns.
//
// After any other error nothing of it is to be seen until the file is opened
// anew, and this store refuses everything with [ErrFailed].
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
	// In key order, so that equal checkpoints make equal files.
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

// Load calls fn with every record in the order of the keys, all of one
// checkpoint. The value is valid during fn only. fn must not call Checkpoint
// or Install.
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
		// Copied under the guard: fn must neither meet a fault in mapped
		// memory nor have a panic of its own taken for one.
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

// Close releases the file. Snapshots that are still open stay usable, and
// keep the file locked until they are closed.
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
