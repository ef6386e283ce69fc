package consensus

import (
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
)

// TestHold: submissions wait for an append that is being written, for one that a near majority is about to commit, and
// for nothing else, nor longer than holdWrites times its write.
func TestHold(t *testing.T) {
	const write = time.Millisecond
	some, none := func() bool { return true }, func() bool { return false }
	// append plays an append of the entry last that is committed this long after it is written here; negative: before.
	append := func(h *hold, last uint64, after time.Duration) {
		h.write(last, time.Now())
		time.Sleep(write)
		if after < 0 {
			h.committed(last)
			h.written(1, last)
			return
		}
		h.written(1, last-1)
		time.Sleep(after)
		h.committed(last)
	}
	cases := []struct {
		name    string
		play    func(h *hold, applied *atomic.Uint64)
		offered func() bool
		want    bool
	}{
		{"nothing is on its way", func(*hold, *atomic.Uint64) {}, some, false},
		{"being written", func(h *hold, _ *atomic.Uint64) { h.write(1, time.Now()) }, some, true},
		{"written, who knows how far the majority is", func(h *hold, _ *atomic.Uint64) { h.write(1, time.Now()); h.written(1, 0) }, some, false},
		{"near", func(h *hold, _ *atomic.Uint64) { append(h, 1, write); append(h, 2, 0) }, some, true},
		{"the majority had it first", func(h *hold, _ *atomic.Uint64) { append(h, 1, -1); append(h, 2, 0) }, some, true},
		{"near, and nobody would wait", func(h *hold, _ *atomic.Uint64) { append(h, 1, write); append(h, 2, 0) }, none, false},
		{"near, and applied", func(h *hold, applied *atomic.Uint64) {
			append(h, 1, write)
			append(h, 2, 0)
			applied.Store(2)
		}, some, false},
		{"far", func(h *hold, _ *atomic.Uint64) { append(h, 1, holdWrites*write+1); append(h, 2, 0) }, some, true}, // the second one was near
		{"far now", func(h *hold, _ *atomic.Uint64) { append(h, 1, write); append(h, 2, holdWrites*write+1) }, some, false},
		{"near, and waited long enough", func(h *hold, _ *atomic.Uint64) { append(h, 1, write); append(h, 2, holdWrites*write) }, some, false},
		{"two are being written", func(h *hold, _ *atomic.Uint64) {
			append(h, 1, write)
			h.write(2, time.Now())
			h.write(3, time.Now())
			h.written(1, 1)
		}, some, true},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				h, applied := newHold(), &atomic.Uint64{}
				c.play(h, applied)
				if got := h.holds(applied, c.offered); got != c.want {
					t.Errorf("they wait: %v, want %v", got, c.want)
				}
				if waits := c.want && h.writing == 0; h.waits.Load() != waits {
					t.Errorf("the apply loop wakes the Raft loop: %v, want %v", !waits, waits)
				}
			})
		})
	}
}

// TestHoldEnds: the timer wakes the Raft loop when the time is over, and a majority that let it
// come to that is far.
func TestHoldEnds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h, applied, some := newHold(), &atomic.Uint64{}, func() bool { return true }
		h.write(1, time.Now())
		time.Sleep(time.Millisecond)
		h.written(1, 1)
		h.write(2, time.Now())
		time.Sleep(time.Millisecond)
		h.written(1, 1)
		if !h.holds(applied, some) {
			t.Fatal("nobody waits for a near majority")
		}
		began := time.Now()
		<-h.timer.C
		if took := time.Since(began); took != holdWrites*time.Millisecond {
			t.Errorf("they waited for %s after a write of 1ms", took)
		}
		for range 2 {
			if h.holds(applied, some) {
				t.Error("they wait for ever")
			}
		}
		if h.near || h.waits.Load() {
			t.Errorf("near %v, waits %v", h.near, h.waits.Load())
		}
	})
}
