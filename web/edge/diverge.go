package edge

import (
	"fmt"
	"time"

	"github.com/chessrelay/chessrelay/consensus"
)

// An edge compares the rolling sum of its boards with its upstream's. It cannot tell which of two
// sums is right. But a member that is wrong learns that from the other members, and then serves no
// edges. So a difference that lasts for differsAfter is this edge's fault.
const differsAfter = 6 * time.Second

// comparison holds what the upstreams' sums have shown.
type comparison struct {
	sums *consensus.Sums // nil: the machine has none
	consensus.Comparison
	with  string    // the URL of the upstream that was last compared
	since time.Time // since when the sums have differed
}

func newComparison(m Machine) comparison {
	var c comparison
	if s, ok := m.(consensus.Summed); ok {
		c.sums = s.Sums()
	}
	return c
}

// newest is what the edges below are told.
func (c *comparison) newest() (now, mark consensus.Point) {
	if c.sums == nil {
		return now, mark
	}
	return c.sums.Newest()
}

// compare takes the sums that an upstream tells, if the edge follows it.
func (l *LogClient) compare(from *upstream, s *Status) {
	l.mu.Lock()
	defer l.mu.Unlock()
	c := &l.compared
	if c.sums == nil || l.current != from {
		return
	}
	did := c.Differs && c.with == from.url
	c.Compare(c.sums, s.Sum, s.Mark)
	c.with = from.url
	if c.Differs && !did {
		c.since = time.Now()
	}
}

// Differences says so if this edge's boards are not its upstream's.
func (l *LogClient) Differences() []string {
	l.mu.Lock()
	defer l.mu.Unlock()
	if !l.compared.Differs {
		return nil
	}
	return []string{fmt.Sprintf("the boards of %s differ from those of %s, which it follows, at entry %d of the log; restart this edge", l.cfg.Name, l.compared.with, l.compared.At)}
}

// Diverged says why this edge's boards are considered wrong; empty: they are not.
func (l *LogClient) Diverged() string {
	l.mu.Lock()
	since := l.compared.since
	l.mu.Unlock()
	if why := l.Differences(); len(why) > 0 && time.Since(since) > differsAfter {
		return why[0]
	}
	return ""
}
