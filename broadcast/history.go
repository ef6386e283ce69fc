package broadcast

import (
	"slices"
	"sync"
)

// history is the newest frames of one round, shared by all its spectators.
//
// Invariant: every event of the round that was published with index > floor is
// in frames, and the indexes of frames ascend from above floor to last.
type history struct {
	maxFrames int
	maxBytes  int

	mu     sync.Mutex
	floor  uint64
	last   uint64 // of the newest frame, or floor
	frames []*frame
	bytes  int
	wake   chan struct{} // closed, and replaced, once frames or floor changed
	dirty  bool          // wake is due to be closed; see wakeList
}

func (h *history) init(floor uint64, maxFrames, maxBytes int) {
	h.floor, h.last = floor, floor
	h.maxFrames, h.maxBytes = maxFrames, maxBytes
	h.wake = make(chan struct{})
}

// append adds f, and drops the oldest frames beyond the bounds. It reports by
// how many bytes the history grew, and false if f is not newer than what is
// here already: then nothing has changed.
func (h *history) append(f *frame) (grown int, ok bool) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if f.index <= h.last {
		return 0, false
	}
	before := h.bytes
	h.frames = append(h.frames, f)
	h.bytes += f.cost()
	h.last = f.index
	drop := 0
	for drop < len(h.frames) && (len(h.frames)-drop > h.maxFrames || h.bytes > h.maxBytes) {
		h.bytes -= h.frames[drop].cost()
		h.floor = h.frames[drop].index
		drop++
	}
	clear(h.frames[:drop]) // nobody shares the array: after copies out of it
	h.frames = h.frames[drop:]
	return h.bytes - before, true
}

// reset forgets everything up to floor: a spectator that has less needs a
// snapshot. A floor below the newest frame means that frame. It reports how
// many bytes were freed.
func (h *history) reset(floor uint64) (freed int) {
	h.mu.Lock()
	defer h.mu.Unlock()
	freed = h.bytes
	h.floor = max(floor, h.last)
	h.last = h.floor
	h.frames, h.bytes = nil, 0
	return freed
}

// The most that is taken from a history at once, so that a spectator which
// catches up neither holds the lock for long nor is sent one huge message.
const (
	maxBatchFrames = 64
	maxBatchBytes  = 64 << 10
)

// after appends to dst the frames that follow index, oldest first, as many as
// fit one batch. behind: the history does not reach back to index. wake is
// closed after the next change to what was seen here.
func (h *history) after(index uint64, dst []*frame) (frames []*frame, behind bool, wake <-chan struct{}) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if index < h.floor {
		return dst, true, h.wake
	}
	if index >= h.last {
		return dst, false, h.wake
	}
	i, found := slices.BinarySearchFunc(h.frames, index, func(f *frame, index uint64) int {
		switch {
		case f.index < index:
			return -1
		case f.index > index:
			return 1
		}
		return 0
	})
	if found {
		i++
	}
	bytes := 0
	for n := 0; i < len(h.frames) && n < maxBatchFrames && bytes < maxBatchBytes; i, n = i+1, n+1 {
		dst = append(dst, h.frames[i])
		bytes += h.frames[i].cost() / 2
	}
	return dst, false, h.wake
}

// bounds are the floor and the newest index.
func (h *history) bounds() (floor, last uint64) {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.floor, h.last
}

// markDirty reports whether the caller has to see to it that wakeAll is
// called: true once, until it was.
func (h *history) markDirty() bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	was := h.dirty
	h.dirty = true
	return !was
}

// wakeAll wakes everyone who waits. Closing the channel takes time in
// proportion to them, so it is done outside the lock.
func (h *history) wakeAll() {
	h.mu.Lock()
	wake := h.wake
	h.wake = make(chan struct{})
	h.dirty = false
	h.mu.Unlock()
	close(wake)
}
