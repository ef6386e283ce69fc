package consensus

import (
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
)

// TestBatchGate checks what closes the gate: a write, and a batch that a near majority is about to
// commit. Nothing else does, nor for longer than nearFactor times the write.
func TestBatchGate(t *testing.T) {
	const write = time.Millisecond
	some, none := func() bool { return true }, func() bool { return false }
	// writeUpTo plays a write of entries up to last. They are committed this long after the write
	// ends; negative: before its end.
	writeUpTo := func(g *batchGate, last uint64, after time.Duration) {
		g.writeBegan(last, time.Now())
		time.Sleep(write)
		if after < 0 {
			g.committed(last)
			g.writesDone(1, last)
			return
		}
		g.writesDone(1, last-1)
		time.Sleep(after)
		g.committed(last)
	}
	cases := []struct {
		name      string
		play      func(g *batchGate, applied *atomic.Uint64)
		anyQueued func() bool
		want      bool
	}{
		{"nothing is on its way", func(*batchGate, *atomic.Uint64) {}, some, false},
		{"being written", func(g *batchGate, _ *atomic.Uint64) { g.writeBegan(1, time.Now()) }, some, true},
		{"written, who knows how far the majority is", func(g *batchGate, _ *atomic.Uint64) { g.writeBegan(1, time.Now()); g.writesDone(1, 0) }, some, false},
		{"near", func(g *batchGate, _ *atomic.Uint64) { writeUpTo(g, 1, write); writeUpTo(g, 2, 0) }, some, true},
		{"the majority had it first", func(g *batchGate, _ *atomic.Uint64) { writeUpTo(g, 1, -1); writeUpTo(g, 2, 0) }, some, true},
		{"near, and nobody would wait", func(g *batchGate, _ *atomic.Uint64) { writeUpTo(g, 1, write); writeUpTo(g, 2, 0) }, none, false},
		{"near, and applied", func(g *batchGate, applied *atomic.Uint64) {
			writeUpTo(g, 1, write)
			writeUpTo(g, 2, 0)
			applied.Store(2)
		}, some, false},
		// The second one was near.
		{"far", func(g *batchGate, _ *atomic.Uint64) { writeUpTo(g, 1, nearFactor*write+1); writeUpTo(g, 2, 0) }, some, true},
		{"far now", func(g *batchGate, _ *atomic.Uint64) { writeUpTo(g, 1, write); writeUpTo(g, 2, nearFactor*write+1) }, some, false},
		{"near, and waited long enough", func(g *batchGate, _ *atomic.Uint64) { writeUpTo(g, 1, write); writeUpTo(g, 2, nearFactor*write) }, some, false},
		{"two are being written", func(g *batchGate, _ *atomic.Uint64) {
			writeUpTo(g, 1, write)
			g.writeBegan(2, time.Now())
			g.writeBegan(3, time.Now())
			g.writesDone(1, 1)
		}, some, true},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				g, applied := newBatchGate(), &atomic.Uint64{}
				c.play(g, applied)
				if got := g.mustWait(applied, c.anyQueued); got != c.want {
					t.Errorf("they wait: %v, want %v", got, c.want)
				}
				if waits := c.want && g.writes == 0; g.awaitsApply.Load() != waits {
					t.Errorf("the apply loop wakes the Raft loop: %v, want %v", !waits, waits)
				}
			})
		})
	}
}

// TestBatchGateOpens checks that the timer wakes the Raft loop at the deadline. A majority that
// reaches it is far.
func TestBatchGateOpens(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g, applied, some := newBatchGate(), &atomic.Uint64{}, func() bool { return true }
		g.writeBegan(1, time.Now())
		time.Sleep(time.Millisecond)
		g.writesDone(1, 1)
		g.writeBegan(2, time.Now())
		time.Sleep(time.Millisecond)
		g.writesDone(1, 1)
		if !g.mustWait(applied, some) {
			t.Fatal("nobody waits for a near majority")
		}
		began := time.Now()
		<-g.timer.C
		if took := time.Since(began); took != nearFactor*time.Millisecond {
			t.Errorf("they waited for %s after a write of 1ms", took)
		}
		for range 2 {
			if g.mustWait(applied, some) {
				t.Error("they wait for ever")
			}
		}
		if g.majorityNear || g.awaitsApply.Load() {
			t.Errorf("near %v, waits %v", g.majorityNear, g.awaitsApply.Load())
		}
	})
}
