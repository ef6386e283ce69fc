package store

import (
	"sort"

	"go.etcd.io/raft/v3/raftpb"
)

// tail is the end of the log in memory, in chunks that follow one another.
//
// Invariant: every entry in it is durable, and it has the last entry of the log, if any. It is not
// safe for concurrent use. But the slices that slice returns stay as they are: entries are added
// behind them, and everything else makes a new array.
type tail struct {
	first  uint64  // the first entry's index
	chunks []chunk // none of them empty
	base   uint64  // size of all entries before, so that sizes are differences of ends
	limit  uint64
}

// chunk is entries in one array.
type chunk struct {
	first uint64
	ents  []raftpb.Entry
	// ends is the sum of the encoded sizes of all entries up to each one. Raft asks for sizes with
	// every message, and computing them costs more than a lookup.
	ends []uint64
}

const (
	// entryOverhead is about what an entry takes in memory beside its payload.
	entryOverhead = 80
	// chunkLength and chunkBytes are the most entries in one array, and about their size.
	chunkLength = 1024
	chunkBytes  = 256 << 10
	// ownChunk is how many entries, added together, become a chunk of their own.
	ownChunk = 128
)

func (c chunk) next() uint64 { return c.first + uint64(len(c.ents)) }

func (c chunk) full() bool {
	return len(c.ents) == cap(c.ents) || c.ends[len(c.ends)-1]-c.ends[0] >= chunkBytes
}

func (t *tail) next() uint64 {
	if len(t.chunks) == 0 {
		return t.first
	}
	return t.chunks[len(t.chunks)-1].next()
}

// end is the sum of all sizes.
func (t *tail) end() uint64 {
	if len(t.chunks) == 0 {
		return t.base
	}
	c := t.chunks[len(t.chunks)-1]
	return c.ends[len(c.ends)-1]
}

// add adds entries, whose first index must be next(). Many entries become a chunk without a copy.
// Raft soon asks for them together, and gets them without a copy.
func (t *tail) add(entries []raftpb.Entry) {
	if len(entries) >= ownChunk {
		c := chunk{first: t.next(), ents: entries[:len(entries):len(entries)], ends: make([]uint64, len(entries))}
		end := t.end()
		for i := range entries {
			end += uint64(entries[i].Size())
			c.ends[i] = end
		}
		t.chunks = append(t.chunks, c)
		return
	}
	for i := range entries {
		end := t.end() + uint64(entries[i].Size())
		last := len(t.chunks) - 1
		if last < 0 || t.chunks[last].full() {
			room := ownChunk // few may come between many and many
			if last < 0 || len(t.chunks[last].ents) <= ownChunk {
				room = chunkLength
			}
			t.chunks = append(t.chunks, chunk{
				first: t.next(),
				ents:  make([]raftpb.Entry, 0, room),
				ends:  make([]uint64, 0, room),
			})
			last++
		}
		c := &t.chunks[last]
		c.ents = append(c.ents, entries[i])
		c.ends = append(c.ends, end)
	}
}

// truncate drops the entries from index on.
func (t *tail) truncate(index uint64) {
	if index <= t.first {
		t.reset(index)
		return
	}
	if index >= t.next() {
		return
	}
	i := t.chunkOf(index)
	if n := index - t.chunks[i].first; n > 0 {
		c := &t.chunks[i]
		// The next add must not write where readers still look.
		c.ents, c.ends = c.ents[:n:n], c.ends[:n:n]
		i++
	}
	t.chunks = t.chunks[:i]
}

// reset empties the tail; the next entry to be added is at index.
func (t *tail) reset(index uint64) {
	t.first, t.chunks, t.base = index, nil, 0
}

// drop forgets the entries before index. Those in the chunk of index stay in memory.
func (t *tail) drop(index uint64) {
	switch {
	case index <= t.first:
		return
	case index >= t.next():
		t.reset(index)
		return
	}
	t.base = t.endBefore(index)
	t.first = index
	t.chunks = append([]chunk(nil), t.chunks[t.chunkOf(index):]...)
}

// trim forgets the oldest entries once the limit is passed. It makes room for a quarter of the
// limit.
func (t *tail) trim() {
	weight := func(from uint64) uint64 { // of the entries from there on
		return t.end() - t.endBefore(from) + (t.next()-from)*entryOverhead
	}
	if t.next()-t.first < 2 || weight(t.first) <= t.limit {
		return
	}
	n := sort.Search(int(t.next()-t.first)-1, func(i int) bool { return weight(t.first+uint64(i)) <= t.limit/4*3 })
	t.drop(t.first + uint64(n))
}

// chunkOf is the number of the chunk with the entry at index. first <= index < next().
func (t *tail) chunkOf(index uint64) int {
	return sort.Search(len(t.chunks), func(i int) bool { return index < t.chunks[i].next() })
}

// endBefore is the sum of the sizes of the entries before index. first <= index <= next().
func (t *tail) endBefore(index uint64) uint64 {
	if index == t.first {
		return t.base
	}
	c := t.chunks[t.chunkOf(index-1)]
	return c.ends[index-1-c.first]
}

// slice returns the entries of [lo, hi) that fit into room bytes, and at least one if atLeastOne.
// first <= lo <= hi <= next().
func (t *tail) slice(lo, hi, room uint64, atLeastOne bool) []raftpb.Entry {
	if lo == hi {
		return []raftpb.Entry{}
	}
	start := t.endBefore(lo)
	n := uint64(sort.Search(int(hi-lo), func(i int) bool { return t.endBefore(lo+uint64(i)+1)-start > room }))
	if n == 0 && atLeastOne {
		n = 1
	}
	if n == 0 {
		return []raftpb.Entry{}
	}
	hi = lo + n
	i := t.chunkOf(lo)
	c := t.chunks[i]
	if hi <= c.next() {
		return c.ents[lo-c.first : hi-c.first : hi-c.first] // capped: the caller may append to it
	}
	ents := make([]raftpb.Entry, 0, n)
	for ; lo < hi; i++ {
		c := t.chunks[i]
		to := min(hi, c.next())
		ents = append(ents, c.ents[lo-c.first:to-c.first]...)
		lo = to
	}
	return ents
}
