package edge

import (
	"cmp"
	"slices"
	"sync"

	"github.com/chessrelay/chessrelay/consensus"
)

// The bounds of a tail, unless the caller says otherwise.
const (
	defaultTailEntries = 64 << 10
	defaultTailBytes   = 32 << 20
	blockSize          = 64 << 10
	placesInBlock      = 512 // room for as many at first; a move's frame has some 100 bytes
)

// Tail is the newest entries that a node has applied, as frames: written once, and the same bytes for each
// follower, which is no more here than an index into them. Memory is allocated as entries come.
//
// Nobody waits for a follower: the lock is held for a copy into a block or a search in it, and what a follower writes to its
// connection is read without it, since the bytes of a block never change.
type Tail struct {
	maxEntries, maxBytes int

	// news has one in it after something was appended; [Feed] takes it.
	news chan struct{}

	mu      sync.Mutex
	floor   uint64 // what has been applied up to here is not in the tail any more
	last    uint64 // of the newest entry, or floor
	blocks  []*block
	entries int
	bytes   int
}

// block is some frames of entries, one after the other.
type block struct {
	data    []byte // its array is never exchanged
	entries []place
}

// place is where the frame of an entry ends in a block.
type place struct {
	index uint64
	end   int
}

func (p place) compare(index uint64) int { return cmp.Compare(p.index, index) }

func (b *block) last() uint64 { return b.entries[len(b.entries)-1].index }

// NewTail makes a tail that holds so many entries, and frames of so many bytes, at most, to the next block; zero:
// 64 Ki entries, 32 MiB. It begins at index 0.
func NewTail(maxEntries, maxBytes int) *Tail {
	if maxEntries <= 0 {
		maxEntries = defaultTailEntries
	}
	if maxBytes <= 0 {
		maxBytes = defaultTailBytes
	}
	return &Tail{maxEntries: maxEntries, maxBytes: maxBytes, news: make(chan struct{}, 1)}
}

// Append adds what was applied, in the order of the log. It keeps nothing of batch, and waits for nobody. An entry that is not
// newer than the newest is passed over.
func (t *Tail) Append(batch []consensus.Command) {
	t.mu.Lock()
	for i := range batch {
		if c := &batch[i]; c.Index > t.last {
			t.append(c)
		}
	}
	t.mu.Unlock()
	t.tell()
}

func (t *Tail) tell() {
	select {
	case t.news <- struct{}{}:
	default:
	}
}

func (t *Tail) append(c *consensus.Command) {
	size := frameHeader + entryHeader + len(c.Data)
	var b *block
	if n := len(t.blocks); n > 0 && cap(t.blocks[n-1].data)-len(t.blocks[n-1].data) >= size {
		b = t.blocks[n-1]
	} else {
		b = &block{data: make([]byte, 0, max(size, min(blockSize, t.maxBytes))), entries: make([]place, 0, placesInBlock)}
		t.blocks = append(t.blocks, b)
		t.bytes += cap(b.data)
	}
	b.data = appendEntry(b.data, t.last, c)
	b.entries = append(b.entries, place{c.Index, len(b.data)})
	t.last = c.Index
	t.entries++
	drop := 0
	for drop < len(t.blocks)-1 && (t.entries > t.maxEntries || t.bytes > t.maxBytes) {
		old := t.blocks[drop]
		t.entries -= len(old.entries)
		t.bytes -= cap(old.data)
		t.floor = old.last()
		drop++
	}
	t.blocks = slices.Delete(t.blocks, 0, drop)
}

// Reset empties the tail: the boards were replaced as of log index applied. Who has less needs an image. An index below the newest
// entry means that one.
func (t *Tail) Reset(applied uint64) {
	t.mu.Lock()
	t.last = max(t.last, applied)
	t.floor = t.last
	t.blocks, t.entries, t.bytes = nil, 0, 0
	t.mu.Unlock()
	t.tell()
}

// Last is the index of the newest entry.
func (t *Tail) Last() uint64 {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.last
}

// after returns frames that follow index, from one block, and the index of the last of them; none if there are none. behind: the
// tail does not reach back to index. The bytes do not change any more.
func (t *Tail) after(index uint64) (frames []byte, last uint64, behind bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if index < t.floor {
		return nil, index, true
	}
	if index >= t.last {
		return nil, index, false
	}
	b := t.block(index + 1)
	i, _ := slices.BinarySearchFunc(b.entries, index+1, place.compare)
	return slices.Clip(b.data[b.start(i):]), b.last(), false
}

// block is the first one that has an entry at index or above. There is one.
func (t *Tail) block(index uint64) *block {
	i, _ := slices.BinarySearchFunc(t.blocks, index, func(b *block, index uint64) int { return cmp.Compare(b.last(), index) })
	return t.blocks[i]
}

func (b *block) start(i int) int {
	if i == 0 {
		return 0
	}
	return b.entries[i-1].end
}

// memory is what a tail knows of one index.
type memory int

const (
	unknown memory = iota // too old, or yet to come
	has                   // there is an entry
	hasNot                // there is none: the log has something else there
)

// sum is the sum of the entry at index, if the tail has it.
func (t *Tail) sum(index uint64) (uint32, memory) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if index <= t.floor || index > t.last {
		return 0, unknown
	}
	b := t.block(index)
	i, found := slices.BinarySearchFunc(b.entries, index, place.compare)
	if !found {
		return 0, hasNot
	}
	return entrySum(b.data[b.start(i)+frameHeader : b.entries[i].end]), has
}

// size is the memory that the frames take, and how many they are.
func (t *Tail) size() (entries, bytes int) {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.entries, t.bytes
}
