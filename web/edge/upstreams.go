package edge

import (
	"math/rand/v2"
	"slices"
	"time"
)

// upstream is one node that this edge follows, or might.
type upstream struct {
	url  string
	rank int // its place among those that were named; those that were learnt come after all of them

	failures int       // since it last was well for a while
	rest     time.Time // not to be tried before
	last     string    // why it failed, as it was logged

	wellSince time.Time     // probes have found it well since; zero: the last one has not
	probation time.Duration // how long it has to be so before a return to it
	returned  time.Time     // when there last was one
}

// Pauses of an upstream that failed, and of one that refused, which will do so again.
const (
	firstRest   = 200 * time.Millisecond
	maxRest     = 5 * time.Second
	refusedRest = 10 * time.Second
	// lookAgain is how long it waits at the most while all rest.
	lookAgain = 250 * time.Millisecond
	// steady is how long a connection has to last for the failures before it to be forgotten.
	steady = 10 * time.Second
	// staleRest is that of one which itself hears nothing new.
	staleRest = 20 * time.Second
)

// upstreams are those that were named, in the order of preference, and those that the newest state names besides.
// Guarded by Follower.mu.
type upstreams struct {
	list  []*upstream
	named int // so many of them, from the first
}

func newUpstreams(named []string, probation time.Duration) *upstreams {
	u := &upstreams{named: len(named)}
	for i, url := range named {
		u.list = append(u.list, &upstream{url: url, rank: i, probation: probation})
	}
	return u
}

// learn puts these in the place of those that were learnt before, but for the one that is in use.
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
	// All edges below one node learn the same, and should not all go to the same one.
	rand.Shuffle(len(others), func(i, j int) { others[i], others[j] = others[j], others[i] })
	u.list = slices.Concat(u.list[:named], learnt, others)
}

// choose is the one to be tried now: of those that may, the first that has not failed lately, or else the first. nil: none yet, and
// wait is until when.
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

// others reports whether another one than c could be tried now.
func (u *upstreams) others(c *upstream, now time.Time) bool {
	return slices.ContainsFunc(u.list, func(o *upstream) bool { return o != c && !o.rest.After(now) })
}

// failed has c rest, longer each time, or for as long as at least.
func (c *upstream) failed(now time.Time, lasted, atLeast time.Duration) {
	if lasted > steady {
		c.failures = 0
	}
	c.failures++
	pause := min(firstRest<<min(c.failures-1, 10), maxRest)
	c.rest = now.Add(max(atLeast, pause)/2 + rand.N(max(atLeast, pause)/2))
	c.wellSince = time.Time{}
	// One that was returned to and is gone at once has to prove itself for longer.
	if !c.returned.IsZero() {
		if c.probation > 0 && now.Sub(c.returned) < time.Minute {
			c.probation = min(2*c.probation, 5*time.Minute)
		}
		c.returned = time.Time{}
	}
}
