package store

import "go.etcd.io/raft/v3/raftpb"

// Log is where one node keeps its Raft log and HardState. It is a small
// interface so that a second store can be held to the same conformance
// suite. Any number of goroutines may read while one writes; writers wait for
// one another.
//
// Entries and HardStates are immutable, and shared: neither side changes one
// that it has handed over or been given.
type Log interface {
	// HardState is what was saved last. It is empty if nothing was, never nil.
	HardState() *raftpb.HardState

	// FirstIndex is the index of the first entry available, and LastIndex()+1
	// if there is none.
	FirstIndex() uint64

	// LastIndex is the index of the last entry, and the compacted index if
	// there is none.
	LastIndex() uint64

	// Term is the term of entry i, which is known for FirstIndex()-1 too.
	// It returns [raft.ErrCompacted] below that and [raft.ErrUnavailable]
	// behind the end.
	Term(i uint64) (uint64, error)

	// Entries returns the entries in [lo, hi), as many as have together no
	// more than maxSize bytes in their protobuf encoding, and at least one.
	// It returns [raft.ErrCompacted] if lo has been compacted and
	// [raft.ErrUnavailable] if the log ends before hi. The caller owns the
	// slice and may append to it.
	Entries(lo, hi, maxSize uint64) ([]*raftpb.Entry, error)

	// Append makes entries and hs durable in one transaction, replacing every
	// stored entry from entries[0].Index on. A nil or empty hs leaves the
	// saved one as it is. Entries that have been compacted already are
	// skipped. [ErrGap] is returned for a gap, and nothing is stored.
	//
	// Readers see the change once it is durable. After an error other than
	// ErrGap nothing of it is to be seen, now or after a restart, or all of
	// it after a restart: what reached the disk is not known, so every later
	// write is refused with [ErrFailed].
	Append(hs *raftpb.HardState, entries []*raftpb.Entry) error

	// Reset drops every entry and starts behind a snapshot at index and term,
	// in one transaction. A nil or empty hs leaves the saved one as it is.
	Reset(index, term uint64, hs *raftpb.HardState) error

	// Compact drops the entries up to index, and keeps the term of index. A
	// checkpoint at index or behind it must be durable already. An index
	// compacted before is no error and changes nothing; one behind the end is
	// [raft.ErrUnavailable]. A crash in between may leave a part of the
	// entries dropped, from the front.
	Compact(index uint64) error

	Close() error
}

// LogOptions are the settings of [OpenLog]. The zero value is what a node
// should use.
type LogOptions struct {
	// TailBytes bounds the memory for the tail of the log that is kept so
	// that Entries and Term need no disk for recent entries. Zero means 64
	// MiB. The last entry is kept whatever its size. With a small value a
	// follower that is a little behind makes the leader's Raft goroutine
	// wait for the disk.
	TailBytes int64

	// SegmentBytes is the size of the files that the log consists of. Zero
	// means 8 MiB.
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
