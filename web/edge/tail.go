package edge

import (
	"cmp"
	"slices"
	"sync"

	"github.com/chessrelay/chessrelay/consensus"
)

// The bounds of a tail, unless the caller sets others.
const (
	defaultTailEntries = 64 << 10
	defaultTailBytes   = 32 << 20
	blockSize          = 64 << 10
	placesInBlock      = 512 // initial capacity; a move's message has about 100 bytes
)

// Tail holds the newest entries that a node has applied, as messages. Each is written once, and
// every edge is sent the same bytes: an edge is an index into the tail. Nobody waits for an edge:
// mu is held to copy into a block or to search one. The bytes of a block never change, so they are
// sent without the lock.
type Tail struct {
	maxEntries, maxBytes int

	// news holds a value after something was appended; [LogServer] takes it.
	news chan struct{}

	mu      sync.Mutex
	floor   uint64 // entries up to this index have left the tail
	last    uint64 // the index of the newest entry, or floor
	blocks  []*block
	entries int
	bytes   int
}

// block holds the messages of consecutive entries.
type block struct {
	data    []byte // its array is never replaced
	entries []place
}

// place is where the message of an entry ends in a block.
type place struct {
	index uint64
	end   int
}

func (p place) compare(index uint64) int { return cmp.Compare(p.index, index) }

func (b *block) last() uint64 { return b.entries[len(b.entries)-1].index }

// NewTail returns a tail that holds at most maxEntries entries and maxBytes bytes, rounded up to a
// block. Zero: 64 Ki entries, 32 MiB. It begins at index 0.
func NewTail(maxEntries, maxBytes int) *Tail {
	if maxEntries <= 0 {
		maxEntries = defaultTailEntries
	}
	if maxBytes <= 0 {
		maxBytes = defaultTailBytes
	}
	return &Tail{maxEntries: maxEntries, maxBytes: maxBytes, news: make(chan struct{}, 1)}
}

// Append adds applied entries in the order of the log. It does not retain batch and never waits. It
// ignores an entry that is not newer than the newest.
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
	size := messageHeader + entryHeader + len(c.Data)
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

// Reset empties the tail after the boards were replaced by those of index applied. An edge that has
// less needs an image. An index below the newest entry counts as that one.
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

// after returns the messages that follow index in one block, if any, and the index of the last one.
// behind is set if the tail no longer reaches back to index. The bytes do not change.
func (t *Tail) after(index uint64) (messages []byte, last uint64, behind bool) {
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

// block returns the first block with an entry at index or above. There must be one.
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

// memory is what a tail knows about one index.
type memory int

const (
	unknown memory = iota // too old, or in the future
	has                   // there is an entry
	hasNot                // there is no entry: the log has another one there
)

// sum returns the sum of the entry at index, if the tail has it.
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
	return entrySum(b.data[b.start(i)+messageHeader : b.entries[i].end]), has
}

// size returns the bytes and the number of the messages.
func (t *Tail) size() (entries, bytes int) {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.entries, t.bytes
}
