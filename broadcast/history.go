package broadcast

import (
	"cmp"
	"slices"
	"sync"
	"sync/atomic"
)

// history is the newest frames of one round, shared by all its spectators.
//
// They read it without a lock: each change makes a new view and leaves the old
// ones as they are. So no spectator ever holds a lock that Publish needs. That is
// for the promise, not for speed: with a mutex BenchmarkPublish showed the same.
type history struct {
	maxFrames int
	maxBytes  int

	view atomic.Pointer[view] // replaced under mu

	mu    sync.Mutex // among those who change it: Publish, Reset, and the waking
	bytes int
	dirty bool // view.wake is due to be closed; see wakeList
}

// view is a history at one moment. Immutable; the arrays behind frames are
// shared between views, and only ever grow beyond what an older view can see.
//
// Invariant: every event of the round that was published with index > floor is
// in frames, and the indexes of frames ascend from above floor to last.
type view struct {
	floor  uint64
	last   uint64 // of the newest frame, or floor
	frames []*frame
	wake   chan struct{} // closed some time after this view has been replaced by one with other frames
}

func (h *history) init(floor uint64, maxFrames, maxBytes int) {
	h.maxFrames, h.maxBytes = maxFrames, maxBytes
	h.view.Store(&view{floor: floor, last: floor, wake: make(chan struct{})})
}

// append adds f, and drops the oldest frames beyond the bounds. It reports by
// how many bytes the history grew, and false if f is not newer than what is
// here already: then nothing has changed.
//
// A frame that was dropped stays in memory until append has to move the others
// to a new array, so that at the worst there are twice as many as the bounds say.
func (h *history) append(f *frame) (grown int, ok bool) {
	h.mu.Lock()
	defer h.mu.Unlock()
	v := *h.view.Load()
	if f.index <= v.last {
		return 0, false
	}
	before := h.bytes
	v.frames = append(v.frames, f)
	v.last = f.index
	h.bytes += f.cost()
	drop := 0
	for drop < len(v.frames) && (len(v.frames)-drop > h.maxFrames || h.bytes > h.maxBytes) {
		h.bytes -= v.frames[drop].cost()
		v.floor = v.frames[drop].index
		drop++
	}
	v.frames = v.frames[drop:]
	h.view.Store(&v)
	return h.bytes - before, true
}

// reset forgets everything up to floor: a spectator that has less needs a
// snapshot. A floor below the newest frame means that frame. It reports how
// many bytes were freed.
func (h *history) reset(floor uint64) (freed int) {
	h.mu.Lock()
	defer h.mu.Unlock()
	v := *h.view.Load()
	v.floor = max(floor, v.last)
	v.last = v.floor
	v.frames = nil
	h.view.Store(&v)
	freed, h.bytes = h.bytes, 0
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
	v := h.view.Load()
	if index < v.floor {
		return dst, true, v.wake
	}
	i, found := slices.BinarySearchFunc(v.frames, index, func(f *frame, index uint64) int {
		return cmp.Compare(f.index, index)
	})
	if found {
		i++
	}
	bytes := 0
	for n := 0; i < len(v.frames) && n < maxBatchFrames && bytes < maxBatchBytes; i, n = i+1, n+1 {
		dst = append(dst, v.frames[i])
		bytes += v.frames[i].cost() / 2
	}
	return dst, false, v.wake
}

// bounds are the floor and the newest index.
func (h *history) bounds() (floor, last uint64) {
	v := h.view.Load()
	return v.floor, v.last
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
	v := *h.view.Load()
	wake := v.wake
	v.wake = make(chan struct{})
	h.view.Store(&v)
	h.dirty = false
	h.mu.Unlock()
	close(wake)
}
