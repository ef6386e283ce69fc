package consensus

import (
	"testing"
	"time"
)

// TestVenueBehindKnowsItsLag has a venue get its appends over a line of 4 kB/s, while heartbeats
// are fast. It knows how far the group is, and since when its own boards are behind.
func TestVenueBehindKnowsItsLag(t *testing.T) {
	t.Parallel()
	c, venue, l := venueBehind(t, func(*Config) {})
	lead := c.leader()
	fresh := func(n *testNode) func() bool {
		return func() bool { at, ok := n.Fresh(); return ok && time.Since(at) < time.Second }
	}
	for _, n := range c.nodes {
		waitFor(t, n.cfg.Name+" to know that it lacks nothing, though nothing happens", fresh(n))
	}
	l.faults(func(h hello) fault {
		if h.Channel == channelAppend {
			return fault{rate: 4 << 10}
		}
		return fault{}
	})
	l.cut()
	waitFor(t, "the venue to be reached again", func() bool { return lead.reachable(venue.ID()) })
	begun := time.Now()
	if _, err := lead.Propose(within(t, 20*time.Second), noise(100, 1000)...); err != nil {
		t.Fatal(err)
	}
	end := lead.Commit()
	waitFor(t, "the venue to know how far the others are", func() bool { return venue.Newest() >= end })
	old := func() bool { at, _ := venue.Fresh(); return time.Since(at) > 3*time.Second }
	waitFor(t, "the venue's boards to be old", old)
	if venue.Applied() >= end {
		t.Fatal("the line was not slow")
	}
	if at, _ := venue.Fresh(); at.Before(begun.Add(-2 * time.Second)) {
		t.Errorf("the boards lack moves of %v ago, and are said to be %v old", time.Since(begun), time.Since(at))
	}
	if at, ok := lead.Fresh(); !ok || time.Since(at) > time.Second {
		t.Errorf("the leader's boards are said to be %v old", time.Since(at))
	}
	l.faults(func(hello) fault { return fault{} })
	l.cut()
	c.arrives(venue)
	waitFor(t, "the venue to be fresh again", fresh(venue))
}

// TestRestartOnAnIdleGroup restarts a follower while nothing is proposed and there is no election.
// It finds out that its boards are fresh, and they stay so.
func TestRestartOnAnIdleGroup(t *testing.T) {
	t.Parallel()
	c := newClusterOf(t, 3, true)
	lead, n := c.leader(), c.follower()
	lead.propose("one")
	term := status(lead).Term
	waitFor(t, "the follower to have it", func() bool { return n.Applied() >= lead.Applied() })
	n.stop()
	n.start()
	waitFor(t, "a state that stays fresh", func() bool {
		opened := n.openedAt
		at, ok := n.Fresh()
		return ok && at.Sub(opened) > time.Second && time.Since(at) < time.Second
	})
	if now := status(lead).Term; now != term {
		t.Logf("the term was %d and is %d: an election has told the node its term", term, now)
	}
}

func TestFreshness(t *testing.T) {
	var f Freshness
	t0 := time.Unix(1000, 0)
	at := func(s int) time.Time { return t0.Add(time.Duration(s) * time.Second) }
	want := func(applied uint64, want int) {
		t.Helper()
		switch got, ok := f.UpTo(applied); {
		case ok != (want >= 0):
			t.Errorf("with %d applied a moment is known: %v", applied, ok)
		case ok && !got.Equal(at(want)):
			t.Errorf("with %d applied the boards are of %v, not of %d", applied, got.Sub(t0), want)
		}
	}
	want(100, -1)
	f.Note(at(1), 10)
	want(9, -1)
	want(10, 1)
	f.Note(at(2), 10)
	f.Note(at(3), 20)
	f.Note(at(4), 15) // of a former leader
	f.Note(at(2), 30) // overtaken on the way
	f.Note(at(5), 30)
	want(10, 2)
	want(29, 3)
	want(30, 5)
	for i := range 10 * maxObservations {
		f.Note(at(10+i), uint64(100+i))
	}
	if len(f.observations) > maxObservations || f.Newest() != 100+10*maxObservations-1 {
		t.Errorf("%d moments are kept, up to %d", len(f.observations), f.Newest())
	}
	want(99, 5)
	want(1<<40, 10+10*maxObservations-1)
}
