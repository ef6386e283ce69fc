package store

import (
	"fmt"

	bolt "go.etcd.io/bbolt"
	"go.etcd.io/raft/v3"
	"go.etcd.io/raft/v3/raftpb"
	"google.golang.org/protobuf/proto"
)

// compactStep is how many entries one transaction of Compact drops, so that an
// append that comes meanwhile waits for some milliseconds at most.
const compactStep = 4096

// Append implements [Log].
func (l *BoltLog) Append(hs *raftpb.HardState, entries []*raftpb.Entry) error {
	l.write.Lock()
	defer l.write.Unlock()
	next, err := l.begin(hs)
	if err != nil {
		return err
	}
	if err := contiguous(entries, next.last); err != nil {
		return err
	}
	entries = behind(entries, next.compacted)
	if len(entries) == 0 && next.hs == l.state.hs {
		return nil
	}
	from := next.last + 1
	if len(entries) > 0 {
		from = entries[0].GetIndex()
		next.last = entries[len(entries)-1].GetIndex()
	}
	if from < l.tail.first { // read without mu: only writers write it
		l.disk.Lock()
		defer l.disk.Unlock()
	}
	sizes, err := l.store(next, from, entries)
	if err != nil {
		return err
	}

	l.mu.Lock()
	defer l.mu.Unlock()
	l.state = next
	if len(entries) > 0 {
		l.tail.truncate(from)
		for i, e := range entries {
			l.tail.add(e, sizes[i])
		}
		l.tail.trim()
	}
	return nil
}

// begin returns the state to start from, with hs in it, or why there must be
// no write. The caller holds write.
func (l *BoltLog) begin(hs *raftpb.HardState) (logState, error) {
	l.mu.RLock()
	defer l.mu.RUnlock()
	if l.failed != nil {
		return logState{}, l.failed
	}
	s := l.state
	if !raft.IsEmptyHardState(hs) && !proto.Equal(hs, s.hs) {
		s.hs = proto.Clone(hs).(*raftpb.HardState)
	}
	return s, nil
}

// contiguous checks that entries follow one another, and the log that ends at
// last without a gap.
func contiguous(entries []*raftpb.Entry, last uint64) error {
	for i, e := range entries {
		switch want := entries[0].GetIndex() + uint64(i); {
		case e.GetIndex() != want || want == 0:
			return fmt.Errorf("append: entry %d stands at place %d: %w", e.GetIndex(), want, ErrGap)
		case i == 0 && want > last+1:
			return fmt.Errorf("append: entry %d, but the log ends at %d: %w", want, last, ErrGap)
		case uint32(e.GetType()) > maxRecordType:
			return fmt.Errorf("append: entry %d has type %d, this log keeps %d at most", want, e.GetType(), maxRecordType)
		}
	}
	return nil
}

// behind leaves out the entries that have been compacted.
func behind(entries []*raftpb.Entry, compacted uint64) []*raftpb.Entry {
	if len(entries) == 0 || entries[0].GetIndex() > compacted {
		return entries
	}
	return entries[min(uint64(len(entries)), compacted+1-entries[0].GetIndex()):]
}

// store commits entries and next, of which next.last is the last entry. It
// returns the sizes of the entries.
func (l *BoltLog) store(next logState, from uint64, entries []*raftpb.Entry) (sizes []uint64, err error) {
	old := l.state.last
	err = l.commit(next, func(tx *bolt.Tx) error {
		b := tx.Bucket(bucketEntries)
		b.FillPercent = 1 // keys come in order, so no page is ever inserted into
		sizes = make([]uint64, len(entries))
		var buf []byte // bbolt keeps what it is given until the commit, so it grows and is not reused
		for i, e := range entries {
			key := indexKey(e.GetIndex())
			start := len(buf)
			var err error
			if buf, sizes[i], err = appendEntry(buf, key, e); err != nil {
				return err
			}
			if err := b.Put(key, buf[start:]); err != nil {
				return err
			}
		}
		if len(entries) == 0 || old <= next.last {
			return nil
		}
		return deleteRange(b, next.last+1, old)
	})
	return sizes, err
}

// commit makes one transaction that changes the entries by fn, and the state
// to next. After an error this log takes no more writes.
func (l *BoltLog) commit(next logState, fn func(*bolt.Tx) error) error {
	err := update(l.db, l.path, func(tx *bolt.Tx) error {
		if err := fn(tx); err != nil {
			return err
		}
		rec, err := next.record()
		if err != nil {
			return err
		}
		return tx.Bucket(bucketState).Put(keyState, rec)
	})
	if err == nil {
		return nil
	}
	err = fmt.Errorf("write log %s: %w: %w", l.path, ErrFailed, err)
	l.mu.Lock()
	l.failed = err
	l.mu.Unlock()
	return err
}

// deleteRange deletes the entries [lo, hi].
func deleteRange(b *bolt.Bucket, lo, hi uint64) error {
	for i := lo; i <= hi; i++ {
		if err := b.Delete(indexKey(i)); err != nil {
			return err
		}
	}
	return nil
}

// Reset implements [Log].
func (l *BoltLog) Reset(index, term uint64, hs *raftpb.HardState) error {
	l.write.Lock()
	defer l.write.Unlock()
	next, err := l.begin(hs)
	if err != nil {
		return err
	}
	next.compacted, next.term, next.last = index, term, index
	l.disk.Lock()
	defer l.disk.Unlock()
	err = l.commit(next, func(tx *bolt.Tx) error {
		if err := tx.DeleteBucket(bucketEntries); err != nil {
			return err
		}
		_, err := tx.CreateBucket(bucketEntries)
		return err
	})
	if err != nil {
		return err
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.state = next
	l.tail.reset(index + 1)
	return nil
}

// Compact implements [Log].
func (l *BoltLog) Compact(index uint64) error {
	for {
		done, err := l.compactSome(index)
		if done || err != nil {
			return err
		}
	}
}

// compactSome drops some of the entries up to index.
func (l *BoltLog) compactSome(index uint64) (done bool, err error) {
	l.write.Lock()
	defer l.write.Unlock()
	next, err := l.begin(nil)
	if err != nil {
		return false, err
	}
	if index <= next.compacted {
		return true, nil
	}
	if index > next.last {
		return false, fmt.Errorf("compact to %d, but the log ends at %d: %w", index, next.last, raft.ErrUnavailable)
	}
	first := next.compacted + 1
	next.compacted = min(index, next.compacted+compactStep)
	if next.term, err = l.Term(next.compacted); err != nil {
		return false, err
	}
	l.disk.Lock()
	defer l.disk.Unlock()
	err = l.commit(next, func(tx *bolt.Tx) error {
		return deleteRange(tx.Bucket(bucketEntries), first, next.compacted)
	})
	if err != nil {
		return false, err
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.state = next
	l.tail.drop(next.compacted + 1)
	return next.compacted == index, nil
}
