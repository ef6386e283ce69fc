package consensus

import (
	"sync/atomic"
	"time"
)

// A hold is how long submissions wait for company: until the append before them is written here, and then until it is
// applied here too, since those whose commands were in it are about to submit their next ones. So few
// large appends carry what many small ones would, each of which costs every node a write to its disk.
//
// Nobody waits when no append is on its way. And for a majority that is far away, slow or gone, nobody waits once the append is
// written here: those that follow it leave meanwhile, one behind the other. A majority is near if the one append whose time was
// taken last was committed within holdWrites times as long as its write took, counted from the end of that.
// No wait is longer either.
//
// Owned by the Raft loop, but for waits.
type hold struct {
	writing int       // writes of entries that the append loop has yet to finish
	last    uint64    // the last entry of the latest of them
	began   time.Time // when that was given to the append loop
	until   time.Time // when its time is over, once it is written
	near    bool      // the majority
	timed   timed     // whose time is being taken
	timer   *time.Timer
	// waits is whether submissions wait for entries to be applied, or for the timer: the
	// apply loop is to wake the Raft loop.
	waits atomic.Bool
}

// timed is an append that is written here, and is not committed.
type timed struct {
	last  uint64 // 0: there is none
	until time.Time
}

const holdWrites = 3

func newHold() *hold {
	h := &hold{timer: time.NewTimer(0)}
	h.timer.Stop()
	return h
}

// write is told of an append that is given to the append loop, and that ends with the entry last.
func (h *hold) write(last uint64, now time.Time) {
	h.writing++
	h.last, h.began = last, now
}

// written is told how many of them are done, and up to where the log is committed.
func (h *hold) written(appends int, commit uint64) {
	if h.writing -= appends; h.writing > 0 {
		return
	}
	now := time.Now()
	h.until = now.Add(holdWrites * now.Sub(h.began))
	if h.timed.last == 0 {
		h.timed = timed{h.last, h.until}
		h.committed(commit) // a majority may have been quicker than this node
	}
}

// committed is told up to where.
func (h *hold) committed(index uint64) {
	if h.timed.last != 0 && index >= h.timed.last {
		h.near = time.Until(h.timed.until) >= 0
		h.timed.last = 0
	}
}

// holds says whether submissions are to wait. Some says whether there are any.
func (h *hold) holds(applied *atomic.Uint64, some func() bool) bool {
	if h.writing > 0 {
		return true
	}
	if h.near && applied.Load() < h.last && some() {
		h.waits.Store(true)
		if applied.Load() < h.last { // or else the apply loop may have looked too early
			if left := time.Until(h.until); left > 0 {
				h.timer.Reset(left)
				return true
			}
			h.near = false
		}
	}
	if h.waits.Load() {
		h.timer.Stop()
		h.waits.Store(false)
	}
	return false
}
