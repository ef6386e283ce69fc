package consensus

import (
	"testing"
	"time"

	"github.com/chessrelay/chessrelay/store"
)

// TestSlowDiskAppliesAtOnce has a follower learn of a commit before its own disk has the entry, as
// the slowest of three always does. It applies the entry as soon as the disk has it, and not only
// with the next tick.
func TestSlowDiskAppliesAtOnce(t *testing.T) {
	t.Parallel()
	const tick, rounds = 400 * time.Millisecond, 12
	c, g := newCluster(t, 0), newDiskStall()
	t.Cleanup(g.resume)
	for i := range 3 {
		n := c.add(func(cfg *Config) {
			cfg.Tick = tick
			if i == 2 {
				cfg.seams.openLog = func(path string) (entryLog, error) {
					l, err := store.OpenLog(path, store.LogOptions{})
					return stallingLog{l, g}, err
				}
			}
		})
		waitFor(t, n.cfg.Name+" to vote", func() bool { return suffrage(c.nodes[0], n.ID()) == "voter" })
	}
	lead, slow := c.nodes[0], c.nodes[2]
	lead.propose("before")
	c.waitSame([]string{"before"})
	quick := 0
	for range rounds {
		g.stall()
		lead.propose("a move")
		want := lead.Applied()
		waitFor(t, "the slow one to hear of the commit", func() bool { return slow.Commit() >= want })
		g.resume()
		began := time.Now()
		waitFor(t, "the slow one to apply it", func() bool { return slow.Applied() >= want })
		if time.Since(began) < tick/4 {
			quick++
		}
	}
	// A loop that sleeps until its next tick is quick once in four rounds, by chance.
	if quick <= rounds/2 {
		t.Errorf("it was quick %d times of %d", quick, rounds)
	}
}
