package broadcast

import (
	"cmp"
	"slices"
	"sync"
	"sync/atomic"
)

// history is the newest frames of one topic, shared by all its spectators.
//
// Spectators read it without a lock: each change makes a new moment and leaves the old ones as they
// are. So no spectator can hold a lock that Publish needs.
type history struct {
	maxFrames int
	maxBytes  int

	newest atomic.Pointer[moment] // replaced under mu

	mu      sync.Mutex // guards changes, by Publish and Reset
	bytes   int
	changed chan struct{} // closed by the next change; nil if nobody waits, see wait
}

// moment is a history at one moment. Immutable. Moments share the array behind frames, which only
// grows beyond the end of older ones.
//
// Invariant: every event of the topic that was published with index > floor is in frames. The
// indexes of frames ascend, from above floor to last.
type moment struct {
	floor  uint64
	last   uint64 // of the newest frame, or floor
	frames []*frame
	// held is how many held commands are still to come, which the truth has already. While there
	// are any, the end of the frames says nothing about later indexes.
	held int
	// epoch changes when spectators may no longer see what they were sent; see renew.
	epoch uint32
}

func (h *history) init(floor uint64, maxFrames, maxBytes int) {
	h.maxFrames, h.maxBytes = maxFrames, maxBytes
	h.newest.Store(&moment{floor: floor, last: floor})
}

// addHeld notes a held command, whose frame will come later than newer indexes of other rounds.
func (h *history) addHeld() { h.changeHeld(1) }

// removeHeld notes that a held command's frame is here, or never will be.
func (h *history) removeHeld() { h.changeHeld(-1) }

func (h *history) changeHeld(n int) {
	h.mu.Lock()
	defer h.mu.Unlock()
	v := *h.newest.Load()
	v.held += n
	h.replaceLocked(&v)
}

// add adds f, and drops the oldest frames beyond the bounds. It returns by how many bytes the
// history grew. ok is false, and f is not added, if f is not newer than the last frame. released: f
// was held until now.
//
// A dropped frame stays in memory until the array of frames moves. So at worst there are twice as
// many as the bounds allow.
func (h *history) add(f *frame, released bool) (grown int, ok bool) {
	h.mu.Lock()
	defer h.mu.Unlock()
	v := *h.newest.Load()
	if released {
		v.held--
	}
	if f.index <= v.last {
		h.replaceLocked(&v)
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
	h.replaceLocked(&v)
	return h.bytes - before, true
}

// reset forgets everything up to floor, or up to the newest frame if that is newer. A spectator
// with less needs a snapshot. It returns how many bytes were freed.
func (h *history) reset(floor uint64) (freed int) { return h.forget(floor, 0) }

// renew is reset, and begins a new epoch: every spectator needs a snapshot, even with all frames.
// It is called after deletions and restorations, which no delay holds.
func (h *history) renew(floor uint64) (freed int) { return h.forget(floor, 1) }

func (h *history) forget(floor uint64, epochs uint32) (freed int) {
	h.mu.Lock()
	defer h.mu.Unlock()
	v := *h.newest.Load()
	v.epoch += epochs
	v.floor = max(floor, v.last)
	v.last = v.floor
	v.frames = nil
	h.replaceLocked(&v)
	freed, h.bytes = h.bytes, 0
	return freed
}

// begin forgets everything and starts at floor, with so many held commands above it.
func (h *history) begin(floor uint64, held int) (freed int) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.replaceLocked(&moment{floor: floor, last: floor, held: held, epoch: h.newest.Load().epoch})
	freed, h.bytes = h.bytes, 0
	return freed
}

func (h *history) replaceLocked(v *moment) {
	h.newest.Store(v)
	if h.changed != nil {
		close(h.changed)
		h.changed = nil
	}
}

// wait returns a channel that is closed once the history differs from v.
func (h *history) wait(v *moment) <-chan struct{} {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.newest.Load() != v {
		return ready
	}
	if h.changed == nil {
		h.changed = make(chan struct{})
	}
	return h.changed
}

// ready is a closed channel.
var ready = func() <-chan struct{} { c := make(chan struct{}); close(c); return c }()

// The limits of one batch. A spectator that catches up keeps no more than this in memory in the
// middle of a write.
const (
	maxBatchFrames = 64
	maxBatchBytes  = 64 << 10
)

// after returns the frames after index, oldest first, at most one batch. index must not be below
// the floor.
func (v *moment) after(index uint64) []*frame {
	if index >= v.last {
		return nil
	}
	i := len(v.frames) - 1
	if i > 0 && v.frames[i-1].index > index { // most have all but the newest
		var found bool
		if i, found = slices.BinarySearchFunc(v.frames, index, func(f *frame, index uint64) int {
			return cmp.Compare(f.index, index)
		}); found {
			i++
		}
	}
	end := i
	for bytes := 0; end < len(v.frames) && end-i < maxBatchFrames && bytes < maxBatchBytes; end++ {
		bytes += v.frames[end].whole.length()
	}
	return v.frames[i:end]
}

// hasHeld reports whether a frame is still to come.
func (h *history) hasHeld() bool { return h.newest.Load().held > 0 }

// epoch returns the present epoch.
func (h *history) epoch() uint32 { return h.newest.Load().epoch }

// bounds returns the floor and the newest index.
func (h *history) bounds() (floor, last uint64) {
	v := h.newest.Load()
	return v.floor, v.last
}
