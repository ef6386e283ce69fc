package store

import (
	"sort"

	"go.etcd.io/raft/v3/raftpb"
)

// tail is the end of the log in memory: the entries [first, first+len(ents)).
//
// Invariant: every entry in it is durable, and it holds the last entry of the
// log if the log holds any. Not safe for concurrent use, but the slices that
// slice hands out stay as they are: entries are appended behind them and
// everything else makes a new array.
type tail struct {
	first uint64
	ents  []*raftpb.Entry
	// ends[i]-base is the size of ents[0..i] in their encoding. Raft asks for
	// sizes with every message, and working them out costs more than the
	// lookup.
	ends  []uint64
	base  uint64
	limit uint64
}

// entryOverhead is about what an entry takes in memory beside its payload.
const entryOverhead = 200

func (t *tail) next() uint64 { return t.first + uint64(len(t.ents)) }

// add appends e, whose index must be next().
func (t *tail) add(e *raftpb.Entry, size uint64) {
	t.ents = append(t.ents, e)
	t.ends = append(t.ends, t.end()+size)
}

func (t *tail) end() uint64 {
	if len(t.ends) == 0 {
		return t.base
	}
	return t.ends[len(t.ends)-1]
}

// truncate drops the entries from index on.
func (t *tail) truncate(index uint64) {
	if index <= t.first {
		t.reset(index)
		return
	}
	if n := index - t.first; n < uint64(len(t.ents)) {
		t.ents = t.ents[:n:n] // the next add must not write where readers still look
		t.ends = t.ends[:n]
	}
}

// reset empties the tail; the next entry to be added is at index.
func (t *tail) reset(index uint64) {
	t.first, t.ents, t.ends, t.base = index, nil, nil, 0
}

// drop forgets the entries before index.
func (t *tail) drop(index uint64) {
	switch {
	case index <= t.first:
		return
	case index >= t.next():
		t.reset(index)
		return
	}
	n := index - t.first
	t.base = t.ends[n-1]
	t.first = index
	// Copied, so that the array does not keep what was dropped alive.
	t.ents = append([]*raftpb.Entry(nil), t.ents[n:]...)
	t.ends = append([]uint64(nil), t.ends[n:]...)
}

// trim forgets the oldest entries once the limit is passed. It makes room for a
// quarter of the limit at a time, so that the copy is paid for once in many
// appends.
func (t *tail) trim() {
	weight := func(i int) uint64 { // of ents[i:]
		return t.end() - t.before(i) + uint64(len(t.ents)-i)*entryOverhead
	}
	if len(t.ents) < 2 || weight(0) <= t.limit {
		return
	}
	n := sort.Search(len(t.ents)-1, func(i int) bool { return weight(i) <= t.limit/4*3 })
	t.drop(t.first + uint64(n))
}

// before is ends[i-1], also for the first.
func (t *tail) before(i int) uint64 {
	if i == 0 {
		return t.base
	}
	return t.ends[i-1]
}

// slice returns the entries of [lo, hi) that fit into room bytes, and one at
// least if atLeastOne. first <= lo <= hi <= next().
func (t *tail) slice(lo, hi, room uint64, atLeastOne bool) []*raftpb.Entry {
	a, b := int(lo-t.first), int(hi-t.first)
	if a == b {
		return []*raftpb.Entry{}
	}
	start := t.before(a)
	n := sort.Search(b-a, func(i int) bool { return t.ends[a+i]-start > room })
	if n == 0 && atLeastOne {
		n = 1
	}
	return t.ents[a : a+n : a+n] // capped: the caller may append to it
}
