package consensus

import (
	"sync/atomic"
	"time"
)

// batchGate decides how long proposals wait in the queue, so that more of them share one batch. A
// batch costs each node one write to its disk, whatever its size.
//
// The gate is closed while this node writes the batch before. If the majority is near, the gate
// then stays closed until that batch is applied here: the callers that it answers are about to
// propose again. The gate is open while nothing is on its way to the disk, and for a majority that
// is far away, slow or gone.
//
// The majority is near if it committed the last timed write soon: at most nearFactor times as long
// after the end of the write as the write took. No wait is longer than that either.
//
// Owned by the Raft loop, but for awaitsApply.
type batchGate struct {
	writes       int       // writes of entries that the write loop has not finished
	lastEntry    uint64    // the index of the last entry of the newest write
	writeBeganAt time.Time // when the write loop got that write
	deadline     time.Time // when the gate opens at the latest, once nothing is being written
	majorityNear bool
	timing       timedWrite // the write that is being timed
	timer        *time.Timer
	// awaitsApply says that proposals wait for entries to be applied, or for the timer. The apply
	// loop then wakes the Raft loop.
	awaitsApply atomic.Bool
}

// timedWrite is a write that is done here and not yet committed.
type timedWrite struct {
	lastEntry uint64 // 0: none
	deadline  time.Time
}

const nearFactor = 3

func newBatchGate() *batchGate {
	g := &batchGate{timer: time.NewTimer(0)}
	g.timer.Stop()
	return g
}

// writeBegan is called when the write loop gets entries up to last.
func (g *batchGate) writeBegan(last uint64, now time.Time) {
	g.writes++
	g.lastEntry, g.writeBeganAt = last, now
}

// writesDone is called when the write loop has finished that many writes. The log is committed up
// to commit.
func (g *batchGate) writesDone(writes int, commit uint64) {
	if g.writes -= writes; g.writes > 0 {
		return
	}
	now := time.Now()
	g.deadline = now.Add(nearFactor * now.Sub(g.writeBeganAt))
	if g.timing.lastEntry == 0 {
		g.timing = timedWrite{g.lastEntry, g.deadline}
		g.committed(commit) // a majority may have been faster than this node
	}
}

// committed is called when the log is committed up to index.
func (g *batchGate) committed(index uint64) {
	if g.timing.lastEntry != 0 && index >= g.timing.lastEntry {
		g.majorityNear = time.Until(g.timing.deadline) >= 0
		g.timing.lastEntry = 0
	}
}

// mustWait reports whether proposals must wait, and sees to it that the Raft loop is woken when
// they need not any longer. anyQueued reports whether there are any.
func (g *batchGate) mustWait(applied *atomic.Uint64, anyQueued func() bool) bool {
	if g.writes > 0 {
		return true
	}
	if g.majorityNear && applied.Load() < g.lastEntry && anyQueued() {
		g.awaitsApply.Store(true)
		if applied.Load() < g.lastEntry { // the apply loop may have been too early
			if left := time.Until(g.deadline); left > 0 {
				g.timer.Reset(left)
				return true
			}
			g.majorityNear = false
		}
	}
	if g.awaitsApply.Load() {
		g.timer.Stop()
		g.awaitsApply.Store(false)
	}
	return false
}
