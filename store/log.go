package store

import (
	"errors"
	"fmt"
	"os"
	"sync"

	"go.etcd.io/raft/v3"
	"go.etcd.io/raft/v3/raftpb"
)

// Log is a node's Raft log and HardState: a write-ahead log in a directory of its own. Make one
// with [OpenLog]. Any number of goroutines may read while one writes; writers wait for one another.
//
// Entries and HardStates are immutable and shared: neither side changes one that it has passed or
// received.
//
// Locks, in order: write, disk, mu.
type Log struct {
	dir  folder
	path string
	size int64 // of new segments

	// write makes writers wait for one another. It guards:
	write     sync.Mutex
	lastBatch uint64 // number of the last batch
	pages     []byte // for the next write; it begins with the last page of the last segment
	spare     *segment
	ready     chan madeSegment // of the next segment, if it is being made or ready; else nil
	spawn     func(func())     // runs its argument, on a goroutine of its own

	// disk is locked by readers while they read segments, and by a writer while it removes
	// segments.
	disk sync.RWMutex

	mu     sync.RWMutex
	state  logState   // durable
	segs   []*segment // the last is written to
	terms  termRuns   // of (compacted, last]
	tail   tail
	failed error // of the first failed write, or os.ErrClosed
}

// LogOptions are the settings of [OpenLog]. The zero value is right for a node.
type LogOptions struct {
	// TailBytes bounds the memory for the tail of the log, by which Entries and Term need no disk
	// for recent entries. Zero: 64 MiB. The last entry is always kept. With a small value a
	// follower that is a little behind makes the leader's Raft goroutine wait for the disk.
	TailBytes int64

	// SegmentBytes is the size of the log's files. Zero: 8 MiB.
	SegmentBytes int64
}

const (
	defaultTailBytes    = 64 << 20
	defaultSegmentBytes = 8 << 20
	minSegmentBytes     = segmentHeader + 4<<10
)

func (o LogOptions) withDefaults() LogOptions {
	if o.TailBytes == 0 {
		o.TailBytes = defaultTailBytes
	}
	if o.SegmentBytes == 0 {
		o.SegmentBytes = defaultSegmentBytes
	}
	o.SegmentBytes = min(max(o.SegmentBytes, minSegmentBytes), maxSegment)
	return o
}

// Close closes the files, and waits for a segment that is being made. Later reads of the files are
// refused.
func (l *Log) Close() error {
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
	return errors.Join(l.closeSegments(), l.dir.Close())
}

// closeSegments closes the files of all segments. The caller holds all locks.
func (l *Log) closeSegments() (err error) {
	if l.ready != nil {
		// A segment that could not be made is made at the next start.
		if m := <-l.ready; m.err == nil {
			l.segs = append(l.segs, m.seg)
		}
		l.ready = nil
	}
	if l.spare != nil {
		l.segs = append(l.segs, l.spare)
	}
	for _, s := range l.segs {
		err = errors.Join(err, s.f.Close())
	}
	return err
}

// HardState is the HardState that was saved last, empty if none was.
func (l *Log) HardState() raftpb.HardState {
	l.mu.RLock()
	defer l.mu.RUnlock()
	return l.state.hs
}

// FirstIndex is the index of the first entry, and LastIndex()+1 if there is none.
func (l *Log) FirstIndex() uint64 {
	l.mu.RLock()
	defer l.mu.RUnlock()
	return l.state.compacted + 1
}

// LastIndex is the index of the last entry, and the compacted index if there is none.
func (l *Log) LastIndex() uint64 {
	l.mu.RLock()
	defer l.mu.RUnlock()
	return l.state.last
}

// Term is the term of entry i, which is known for FirstIndex()-1, too. The error is
// [raft.ErrCompacted] below that, and [raft.ErrUnavailable] behind the end. It never needs the
// disk.
func (l *Log) Term(i uint64) (uint64, error) {
	l.mu.RLock()
	defer l.mu.RUnlock()
	switch {
	case i < l.state.compacted:
		return 0, raft.ErrCompacted
	case i > l.state.last:
		return 0, raft.ErrUnavailable
	case i == l.state.compacted:
		return l.state.term, nil
	}
	return l.terms.at(i), nil
}
