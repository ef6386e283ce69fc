package edge

import (
	"fmt"
	"time"

	"github.com/chessrelay/chessrelay/consensus"
)

// An edge compares the rolling sum of its boards with its upstream's. Of two that differ it cannot
// tell which is right. But a member of the group that is wrong finds that out from the others, and
// serves no edges then. So what still differs after differsAfter is this edge's fault.
const differsAfter = 6 * time.Second

// comparison is what the sums of upstreams have told.
type comparison struct {
	sums *consensus.Sums // nil: the machine has none
	consensus.Comparison
	with  string    // the URL of the upstream that was compared last
	since time.Time // when it began to differ from that one
}

func newComparison(m Machine) comparison {
	var c comparison
	if s, ok := m.(consensus.Summed); ok {
		c.sums = s.Sums()
	}
	return c
}

// newest is what this edge's own followers are told.
func (c *comparison) newest() (now, mark consensus.Point) {
	if c.sums == nil {
		return now, mark
	}
	return c.sums.Newest()
}

// compare takes what an upstream tells of its sums, if that is the one that is followed.
func (f *Follower) compare(from *upstream, s *Status) {
	f.mu.Lock()
	defer f.mu.Unlock()
	c := &f.compared
	if c.sums == nil || f.current != from {
		return
	}
	did := c.Differs && c.with == from.url
	c.Compare(c.sums, s.Sum, s.Mark)
	c.with = from.url
	if c.Differs && !did {
		c.since = time.Now()
	}
}

// Differences says it if this edge's boards are not its upstream's.
func (f *Follower) Differences() []string {
	f.mu.Lock()
	defer f.mu.Unlock()
	if !f.compared.Differs {
		return nil
	}
	return []string{fmt.Sprintf("the boards of %s differ from those of %s, which it follows, at entry %d of the log; restart this edge", f.cfg.Name, f.compared.with, f.compared.At)}
}

// Diverged says why this edge's boards are taken for wrong; empty: they are not.
func (f *Follower) Diverged() string {
	f.mu.Lock()
	since := f.compared.since
	f.mu.Unlock()
	if why := f.Differences(); len(why) > 0 && time.Since(since) > differsAfter {
		return why[0]
	}
	return ""
}
