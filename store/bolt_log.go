package store

import (
	"errors"
	"fmt"
	"os"
	"sync"

	bolt "go.etcd.io/bbolt"
	"go.etcd.io/raft/v3"
	"go.etcd.io/raft/v3/raftpb"
)

// BoltLog is a [Log] in one bbolt file. Make one with [OpenLog].
//
// Locks, in the order in which they are taken: write, disk, mu.
type BoltLog struct {
	path string
	db   *bolt.DB

	// write makes writers wait for one another.
	write sync.Mutex

	// disk is held by readers while they read the file, and by a writer
	// while it commits a change to entries that may be in the file only.
	// Without it a reader could see that change before it is durable.
	// Entries that are in the tail are read without it.
	disk sync.RWMutex

	mu     sync.RWMutex
	state  logState // durable
	tail   tail
	failed error // of the first failed write, or os.ErrClosed
}

var _ Log = (*BoltLog)(nil)

// OpenLog opens the log in the file at path, and creates it if there is none.
// It reads the whole file and checks every record and that none is missing:
// an acknowledged entry that is lost must be noticed before this node takes
// part again, and not when a follower asks for it. The log is compacted, so
// this reads some hundred megabytes at most.
func OpenLog(path string, o LogOptions) (*BoltLog, error) {
	o = o.withDefaults()
	if err := createBolt(path, initLog); err != nil {
		return nil, fmt.Errorf("create log %s: %w", path, err)
	}
	l := &BoltLog{path: path, tail: tail{limit: uint64(max(0, o.TailBytes))}}
	var c logCheck
	db, err := openBolt(path, func(bucket string, key, value []byte) error {
		return c.record(&l.tail, bucket, key, value)
	})
	if err != nil {
		return nil, err
	}
	if err := c.finish(); err != nil {
		return nil, errors.Join(damaged(path, "%v", err), db.Close())
	}
	if err := removeTemps(path); err != nil {
		return nil, errors.Join(err, db.Close())
	}
	if len(l.tail.ents) == 0 {
		l.tail.reset(c.state.last + 1)
	}
	l.db, l.state = db, *c.state
	return l, nil
}

// initLog makes an empty log.
func initLog(tx *bolt.Tx) error {
	if _, err := tx.CreateBucket(bucketEntries); err != nil {
		return err
	}
	b, err := tx.CreateBucket(bucketState)
	if err != nil {
		return err
	}
	rec, err := logState{hs: &raftpb.HardState{}}.record()
	if err != nil {
		return err
	}
	return b.Put(keyState, rec)
}

// logCheck follows the records of a log in file order: the entries, and
// then the state that says which ones there should be.
type logCheck struct {
	first, next uint64 // of the entries seen; zero if none
	state       *logState
}

func (c *logCheck) record(t *tail, bucket string, key, value []byte) error {
	switch bucket {
	case string(bucketEntries):
		e, size, err := openEntry(key, value)
		if err != nil {
			return fmt.Errorf("entry %x: %w", key, err)
		}
		i := e.GetIndex()
		if c.next == 0 {
			c.first = i
			t.reset(i)
		} else if i != c.next {
			return fmt.Errorf("entry %d follows entry %d", i, c.next-1)
		}
		c.next = i + 1
		t.add(e, size)
		t.trim()
		return nil
	case string(bucketState):
		s, err := openLogState(value)
		if err != nil {
			return fmt.Errorf("state: %w", err)
		}
		c.state = &s
		return nil
	}
	return fmt.Errorf("unknown bucket %q", bucket)
}

func (c *logCheck) finish() error {
	if c.state == nil {
		return errors.New("its state record is missing")
	}
	first, next := c.first, c.next
	if next == 0 {
		first, next = c.state.compacted+1, c.state.compacted+1
	}
	if first != c.state.compacted+1 || next != c.state.last+1 {
		return fmt.Errorf("entries [%d, %d) are there, [%d, %d) should be",
			first, next, c.state.compacted+1, c.state.last+1)
	}
	return nil
}

// Close releases the file. Reading the file's entries is refused after it.
func (l *BoltLog) Close() error {
	l.write.Lock()
	defer l.write.Unlock()
	l.disk.Lock()
	defer l.disk.Unlock()
	l.mu.Lock()
	defer l.mu.Unlock()
	if errors.Is(l.failed, os.ErrClosed) {
		return nil
	}
	l.failed = fmt.Errorf("log %s: %w", l.path, os.ErrClosed)
	return l.db.Close()
}

// HardState implements [Log].
func (l *BoltLog) HardState() *raftpb.HardState {
	l.mu.RLock()
	defer l.mu.RUnlock()
	return l.state.hs
}

// FirstIndex implements [Log].
func (l *BoltLog) FirstIndex() uint64 {
	l.mu.RLock()
	defer l.mu.RUnlock()
	return l.state.compacted + 1
}

// LastIndex implements [Log].
func (l *BoltLog) LastIndex() uint64 {
	l.mu.RLock()
	defer l.mu.RUnlock()
	return l.state.last
}

// Term implements [Log].
func (l *BoltLog) Term(i uint64) (uint64, error) {
	l.mu.RLock()
	s := l.state
	switch {
	case i < s.compacted:
		l.mu.RUnlock()
		return 0, raft.ErrCompacted
	case i > s.last:
		l.mu.RUnlock()
		return 0, raft.ErrUnavailable
	case i == s.compacted:
		l.mu.RUnlock()
		return s.term, nil
	case i >= l.tail.first:
		defer l.mu.RUnlock()
		return l.tail.ents[i-l.tail.first].GetTerm(), nil
	}
	l.mu.RUnlock()
	ents, err := l.entriesFromDisk(i, i+1, 0)
	if err != nil {
		return 0, err
	}
	return ents[0].GetTerm(), nil
}

// Entries implements [Log].
func (l *BoltLog) Entries(lo, hi, maxSize uint64) ([]*raftpb.Entry, error) {
	l.mu.RLock()
	if err := l.checkRange(lo, hi); err != nil {
		l.mu.RUnlock()
		return nil, err
	}
	if lo >= l.tail.first {
		defer l.mu.RUnlock()
		return l.tail.slice(lo, hi, maxSize, true), nil
	}
	l.mu.RUnlock()
	return l.entriesFromDisk(lo, hi, maxSize)
}

// checkRange says whether [lo, hi) is in the log. The caller holds mu.
func (l *BoltLog) checkRange(lo, hi uint64) error {
	switch {
	case lo <= l.state.compacted:
		return raft.ErrCompacted
	case hi > l.state.last+1, l.state.last == l.state.compacted:
		return raft.ErrUnavailable
	case lo > hi:
		return fmt.Errorf("entries [%d, %d): %w", lo, hi, raft.ErrUnavailable)
	}
	return nil
}

// entriesFromDisk is Entries for a lo that was not in the tail a moment ago.
func (l *BoltLog) entriesFromDisk(lo, hi, maxSize uint64) ([]*raftpb.Entry, error) {
	l.disk.RLock()
	defer l.disk.RUnlock()

	// The part that is in memory is taken first: while we read the disk,
	// entries may leave the tail, and be replaced in it.
	l.mu.RLock()
	err := l.checkRange(lo, hi)
	if err == nil && lo >= l.tail.first {
		defer l.mu.RUnlock()
		return l.tail.slice(lo, hi, maxSize, true), nil
	}
	if err == nil {
		err = l.failed // what the file holds is not known then
	}
	split := min(hi, l.tail.first)
	var rest tail
	if err == nil && hi > split {
		rest = l.tail
		rest.ends = append([]uint64(nil), l.tail.ends[:hi-split]...)
	}
	l.mu.RUnlock()
	if err != nil {
		return nil, err
	}

	ents, used, err := l.readFile(lo, split, maxSize)
	if err != nil {
		return nil, fmt.Errorf("read log: %w", err)
	}
	if hi > split && uint64(len(ents)) == split-lo && used <= maxSize {
		ents = append(ents, rest.slice(split, hi, maxSize-used, false)...)
	}
	return ents, nil
}

// readFile reads entries from [lo, hi) until they have more than maxSize bytes,
// and returns all but the one that is too much, and their size.
func (l *BoltLog) readFile(lo, hi, maxSize uint64) (ents []*raftpb.Entry, used uint64, err error) {
	err = view(l.db, l.path, func(tx *bolt.Tx) error {
		c := tx.Bucket(bucketEntries).Cursor()
		k, v := c.Seek(indexKey(lo))
		for i := lo; i < hi; i++ {
			e, size, err := openEntry(k, v)
			if err != nil {
				return damaged(l.path, "entry %d: %v", i, err)
			}
			if e.GetIndex() != i {
				return damaged(l.path, "entry %d is missing", i)
			}
			if len(ents) > 0 && used+size > maxSize {
				return nil
			}
			ents, used = append(ents, e), used+size
			k, v = c.Next()
		}
		return nil
	})
	return ents, used, err
}
