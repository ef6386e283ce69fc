package consensus

import (
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

func TestClockWarnings(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var set time.Duration // how far this node's own clock is wrong
		c := NewClocks(func() time.Time { return time.Now().Round(0).Add(set) })
		// hear has a member's clock, wrong by so much, answer after rtt.
		hear := func(of MemberID, wrong, rtt time.Duration) {
			asked := c.now()
			wall := time.Now().Add(wrong + rtt/4).UnixNano() // the way back takes longer
			time.Sleep(rtt)
			c.Note(of, asked, rtt, wall)
		}
		check := func(of []MemberID, early, late time.Duration, ok bool) {
			t.Helper()
			r := c.Read(of)
			near := func(at time.Time, want time.Duration) bool {
				return (at.Sub(time.Now().Round(0)) - want).Abs() < 50*time.Millisecond
			}
			at, released := r.ForRelease()
			if !near(r.Early, early) || !near(r.Late, late) || !near(at, min(early, set)) || released != ok {
				t.Errorf("early %v, late %v, for release %v (%v)", time.Until(r.Early), time.Until(r.Late), time.Until(at), released)
			}
		}
		check(nil, 0, 0, true)            // alone
		check([]MemberID{2}, 0, 0, false) // not compared yet
		set = time.Hour
		hear(2, 0, 20*time.Millisecond)
		// Nobody can tell: the delay is longer, the release later.
		check([]MemberID{2}, 0, time.Hour, true)
		check([]MemberID{2, 3}, 0, time.Hour, true)
		hear(3, 0, 30*time.Millisecond)
		check([]MemberID{2, 3}, 0, 0, true)
		set = -time.Hour
		hear(2, 0, 20*time.Millisecond)
		hear(3, 0, 30*time.Millisecond)
		check([]MemberID{2, 3}, 0, 0, true)
		set = 0
		hear(2, 0, 20*time.Millisecond)
		hear(3, -time.Hour, 30*time.Millisecond)
		check([]MemberID{2, 3}, 0, 0, true)
		hear(3, 0, 2*time.Second) // is less exact, but contradicts what was known
		if ahead := c.Read([]MemberID{3}).Ahead(3); ahead.Abs() > time.Second {
			t.Errorf("the clock that was set is %v ahead", ahead)
		}
		hear(3, 0, 10*time.Millisecond)
		hear(3, 0, time.Second) // is less exact: ignored
		if ahead := c.Read([]MemberID{3}).Ahead(3); ahead.Abs() > 5*time.Millisecond {
			t.Errorf("the better reading is lost: %v", ahead)
		}
		before, asked := c.known[2], c.now()
		set = time.Hour // while the answer is on its way
		c.Note(2, asked, time.Millisecond, time.Now().UnixNano())
		if c.known[2] != before {
			t.Error("an answer is taken though the clock was set meanwhile")
		}
		set = 0
		time.Sleep(time.Hour) // a reading is good for long
		check([]MemberID{2, 3}, 0, 0, true)
	})
}

// TestLeaderStamps has a node with a wrong clock lead: commands get the others' time. A lone node
// has only its own.
func TestLeaderStamps(t *testing.T) {
	t.Parallel()
	stamp := func(dst, command []byte, at time.Time) []byte {
		return append(append(dst, command...), at.UTC().Format(" 2006-01-02T15:04")...)
	}
	c := newCluster(t, 0)
	for i := range 3 {
		c.add(func(cfg *Config) {
			cfg.Stamp = stamp
			if i == 0 {
				cfg.Now = func() time.Time { return time.Now().Add(-24 * time.Hour) }
			}
		})
	}
	lead := c.leader()
	day := func(by time.Duration) string { return time.Now().Add(by).UTC().Format("2006-01-02") }
	propose := func(want string) bool {
		if _, err := c.nodes[2].Propose(within(t, 20*time.Second), []byte("move")); err != nil {
			t.Fatal(err)
		}
		all := c.nodes[2].list.all()
		return strings.HasPrefix(all[len(all)-1], "move "+want)
	}
	waitFor(t, "three clocks to be compared", func() bool { return len(lead.Times().known) == 2 })
	if !propose(day(0)) {
		t.Errorf("the log has %q", c.nodes[2].list.all())
	}
	waitFor(t, "the others to warn", func() bool {
		w := c.nodes[1].ClockWarnings()
		return len(w) == 1 && strings.Contains(w[0], "node-0 is 24h0m0s behind the other members'")
	})
}
