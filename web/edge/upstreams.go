package edge

import (
	"math/rand/v2"
	"slices"
	"time"
)

// upstream is a node that this edge follows, or might follow.
type upstream struct {
	url  string
	rank int // its place among the named ones; learnt ones follow them

	failures int       // failures since it was last well for some time
	rest     time.Time // not to be tried before
	last     string    // why it failed, as logged

	wellSince time.Time     // since when probes have found it well; zero: the last one did not
	probation time.Duration // how long it must be well before the edge returns to it
	returned  time.Time     // when the edge last returned to it
}

// Pauses after a failure, and after a refusal, which would repeat.
const (
	firstRest   = 200 * time.Millisecond
	maxRest     = 5 * time.Second
	refusedRest = 10 * time.Second
	// lookAgain bounds the wait while all upstreams rest.
	lookAgain = 250 * time.Millisecond
	// steady is how long a connection must last to clear the failures before it.
	steady = 10 * time.Second
	// staleRest is the pause of an upstream that is itself stale.
	staleRest = 20 * time.Second
)

// upstreams are the named ones, in the order of preference, then those that the newest state names.
// Guarded by LogClient.mu.
type upstreams struct {
	list  []*upstream
	named int // the number of named ones, which come first
}

func newUpstreams(named []string, probation time.Duration) *upstreams {
	u := &upstreams{named: len(named)}
	for i, url := range named {
		u.list = append(u.list, &upstream{url: url, rank: i, probation: probation})
	}
	return u
}

// learn replaces the learnt upstreams by urls, except the one that is in use.
func (u *upstreams) learn(urls []string, inUse *upstream, self string) {
	named := u.named
	var learnt, others []*upstream
	for _, c := range u.list[named:] {
		if c == inUse || slices.Contains(urls, c.url) {
			learnt = append(learnt, c)
		}
	}
	for _, url := range urls {
		if url != self && !slices.ContainsFunc(u.list, func(c *upstream) bool { return c.url == url }) {
			others = append(others, &upstream{url: url, rank: named})
		}
	}
	// Edges below one node learn the same URLs and must not all choose the same one.
	rand.Shuffle(len(others), func(i, j int) { others[i], others[j] = others[j], others[i] })
	u.list = slices.Concat(u.list[:named], learnt, others)
}

// choose returns the upstream to try now: the first that has not failed lately. If all have, it
// returns the first that does not rest. If all rest, it returns nil and how long to wait.
func (u *upstreams) choose(now time.Time) (best *upstream, wait time.Duration) {
	wait = lookAgain
	for _, c := range u.list {
		if d := c.rest.Sub(now); d > 0 {
			wait = min(wait, d)
			continue
		}
		if best == nil || best.failures > 0 && c.failures == 0 {
			best = c
		}
	}
	return best, wait
}

// others reports whether another upstream than c could be tried now.
func (u *upstreams) others(c *upstream, now time.Time) bool {
	return slices.ContainsFunc(u.list, func(o *upstream) bool { return o != c && !o.rest.After(now) })
}

// failed makes c rest for at least the given time, longer after each failure.
func (c *upstream) failed(now time.Time, lasted, atLeast time.Duration) {
	if lasted > steady {
		c.failures = 0
	}
	c.failures++
	pause := min(firstRest<<min(c.failures-1, 10), maxRest)
	c.rest = now.Add(max(atLeast, pause)/2 + rand.N(max(atLeast, pause)/2))
	c.wellSince = time.Time{}
	// An upstream that fails soon after a return needs a longer probation.
	if !c.returned.IsZero() {
		if c.probation > 0 && now.Sub(c.returned) < time.Minute {
			c.probation = min(2*c.probation, 5*time.Minute)
		}
		c.returned = time.Time{}
	}
}
