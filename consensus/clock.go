package consensus

import (
	"fmt"
	"slices"
	"sync"
	"time"
)

// MaxSkew is how far a clock may be off before people are warned.
const MaxSkew = time.Second

// Clocks compares this node's clock with those of others, as NTP does. An answer has the other
// clock's time, read half a round trip ago, give or take as much.
//
// No clock is trusted for being this node's own or the leader's. Of three or more, the middle one
// is right if most are. Of two that differ nobody can tell which is right, so the caller takes the
// one that does less harm.
type Clocks struct {
	now func() time.Time // this node's clock

	mu    sync.Mutex
	known map[MemberID]reading // guarded by mu
}

// reading is what another clock showed when this node's clock showed at. The time since then is
// measured by at's monotonic clock, so a change of this node's clock does not matter.
type reading struct {
	at          time.Time
	wall        int64         // Unix nanoseconds
	uncertainty time.Duration // of wall
}

func (r reading) wallAt(now time.Time) int64 { return r.wall + int64(now.Sub(r.at)) }

// NewClocks returns an empty comparison. now is this node's clock.
func NewClocks(now func() time.Time) *Clocks {
	return &Clocks{now: now, known: map[MemberID]reading{}}
}

// When a new reading replaces the last one.
const (
	// readingKept is the age at which a reading gives way to a less exact one.
	readingKept = 10 * time.Second
	// readingSlack is how far apart two readings may be beyond their uncertainties without a
	// contradiction.
	readingSlack = 100 * time.Millisecond
)

// Note takes a clock's answer: its time wall, in Unix nanoseconds. asked is this node's clock when
// the question left, and rtt how long the answer took. If this node's clock was set in between, the
// answer is ignored.
func (c *Clocks) Note(of MemberID, asked time.Time, rtt time.Duration, wall int64) {
	now := c.now()
	if passed := time.Duration(now.UnixNano() - asked.UnixNano()); (passed - rtt).Abs() > MaxSkew/2 {
		return
	}
	r := reading{at: now, wall: wall + int64(rtt/2), uncertainty: rtt / 2}
	c.mu.Lock()
	defer c.mu.Unlock()
	old, ok := c.known[of]
	if ok && r.uncertainty > old.uncertainty && now.Sub(old.at) < readingKept {
		if apart := time.Duration(r.wall - old.wallAt(now)).Abs(); apart <= r.uncertainty+old.uncertainty+readingSlack {
			return
		}
	}
	c.known[of] = r
}

// Times is the clocks of a group at one moment.
type Times struct {
	Own time.Time
	// Early and Late are both the middle clock, or the two middle ones of an even number.
	Early, Late time.Time
	// Compared says that there is another clock among them, or nobody to compare with.
	Compared bool
	own      int64
	known    map[MemberID]reading
}

// Read returns the clocks as they are now. of is the members that count, without this node.
func (c *Clocks) Read(of []MemberID) Times {
	now := c.now()
	t := Times{Own: now, own: now.UnixNano(), known: make(map[MemberID]reading, len(of)), Compared: len(of) == 0}
	walls := append(make([]int64, 0, 8), t.own)
	c.mu.Lock()
	for _, id := range of {
		if r, ok := c.known[id]; ok {
			walls = append(walls, r.wallAt(now))
			t.known[id], t.Compared = r, true
		}
	}
	c.mu.Unlock()
	slices.Sort(walls)
	t.Early, t.Late = time.Unix(0, walls[(len(walls)-1)/2]), time.Unix(0, walls[len(walls)/2])
	return t
}

// Ahead is how far another clock is ahead of this node's, 0 if it is not known.
func (t Times) Ahead(of MemberID) time.Duration {
	if r, ok := t.known[of]; ok {
		return time.Duration(r.wallAt(t.Own) - t.own)
	}
	return 0
}

// Of is another clock's time in Unix nanoseconds, 0 if it is not known.
func (t Times) Of(id MemberID) int64 {
	if r, ok := t.known[id]; ok {
		return r.wallAt(t.Own)
	}
	return 0
}

// ForRelease is the time by which held commands may be released. It is never later than the right
// time, if this node's clock or most others are right. ok is false while nothing may be released,
// as this node's clock was compared with no other.
func (t Times) ForRelease() (at time.Time, ok bool) {
	if t.Early.Before(t.Own) {
		return t.Early, t.Compared
	}
	return t.Own, t.Compared
}

// skew is how far a clock is ahead of the middle one, negative if it is behind, and the uncertainty
// of that. known is false if the clock is not known.
func (t Times) skew(of, self MemberID) (ahead, off time.Duration, known bool) {
	if of == self {
		return time.Duration(t.own - t.Early.UnixNano()), 0, t.Compared
	}
	r, ok := t.known[of]
	return time.Duration(r.wallAt(t.Own) - t.Early.UnixNano()), r.uncertainty, ok
}

// otherMembers returns the members whose clocks this node compares with its own.
func (n *Node) otherMembers() []MemberID {
	var ids []MemberID
	for _, m := range n.roster.list() {
		if m.ID != n.id {
			ids = append(ids, m.ID)
		}
	}
	return ids
}

// Times returns the clocks of the members.
func (n *Node) Times() Times {
	t := n.clocks.Read(n.otherMembers())
	if _, member := n.roster.get(n.id); !member { // it does not know with whom to compare
		t.Compared = len(t.known) > 0
	}
	return t
}

// ReleaseTime is [Times.ForRelease] of the members' clocks.
func (n *Node) ReleaseTime() (at time.Time, ok bool) { return n.Times().ForRelease() }

// receiveClock takes what a peer's clock showed. It keeps the later middle clock for commandTime,
// which every batch calls.
func (n *Node) receiveClock(of MemberID, asked time.Time, rtt time.Duration, wall int64) {
	n.clocks.Note(of, asked, rtt, wall)
	t := n.Times()
	n.groupClock.Store(&reading{at: t.Own, wall: t.Late.UnixNano()})
}

// commandTime is the time that the leader stamps commands with: its own clock if that is right,
// otherwise the group's. Of two clocks that differ it is the later one, so that no delay gets
// shorter.
func (n *Node) commandTime() time.Time {
	own, late := n.cfg.Now(), n.groupClock.Load()
	if late == nil {
		return own
	}
	if wall := time.Unix(0, late.wallAt(own)); wall.Sub(own).Abs() > MaxSkew {
		return wall
	}
	return own
}

// ClockWarnings returns a sentence for each clock that is wrong by more than [MaxSkew].
func (n *Node) ClockWarnings() []string {
	var out []string
	t, members := n.Times(), n.roster.list()
	for _, m := range members {
		ahead, off, known := t.skew(m.ID, n.id)
		if !known || ahead.Abs()-off <= MaxSkew {
			continue
		}
		than := "the other members'"
		if len(t.known) == 1 {
			than = "the only other clock that could be read, and nobody can tell which is right"
		}
		out = append(out, fmt.Sprintf("the clock of %s is %s %s; set it by NTP", m.Name, DescribeSkew(ahead), than))
	}
	return out
}

// DescribeSkew describes a difference of clocks, such as "10m0s ahead of".
func DescribeSkew(ahead time.Duration) string {
	word := "ahead of"
	if ahead < 0 {
		word = "behind"
	}
	return fmt.Sprintf("%v %s", ahead.Abs().Round(100*time.Millisecond), word)
}

// Skew is how far this node's clock is ahead of the group's.
func (n *Node) Skew() time.Duration {
	ahead, _, _ := n.Times().skew(n.id, n.id)
	return ahead
}

// warnOfClocks logs when clocks begin to differ, and when they agree again. The policy loop calls
// it.
func (n *Node) warnOfClocks() {
	warnings := n.ClockWarnings()
	switch {
	case len(warnings) > 0 && !n.clocksWrong:
		n.log.Warn("clocks differ", "why", warnings)
	case len(warnings) == 0 && n.clocksWrong:
		n.log.Info("the clocks agree again")
	}
	n.clocksWrong = len(warnings) > 0
}
