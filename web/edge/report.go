package edge

import "time"

// Name is the edge's name.
func (l *LogClient) Name() string { return l.cfg.Name }

// ID tells the edge apart from all others, and from itself before a restart.
func (l *LogClient) ID() string { return l.self.ID }

// ClusterID is the id of the cluster that the edge shows.
func (l *LogClient) ClusterID() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.cluster
}

// Err is nil: an edge without an upstream keeps looking for one.
func (l *LogClient) Err() error { return nil }

// Applied is the log index of the boards.
func (l *LogClient) Applied() uint64 { return l.applied.Load() }

// Commit is the same as Newest: an edge has no part in commits.
func (l *LogClient) Commit() uint64 { return l.Newest() }

// LastContact is when the upstream last heard from the leader, as far as this edge knows.
func (l *LogClient) LastContact() time.Time {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.heard.Add(-time.Duration(l.state.AgeMs) * time.Millisecond)
}

// Stale reports whether the boards may be out of date, and since when.
func (l *LogClient) Stale() (bool, time.Time) {
	fresh, _ := l.Fresh()
	return time.Since(fresh) > l.cfg.Silence, fresh
}

// Status is what the edge tells the edges below it. Without an upstream it names the path of the
// last entries.
func (l *LogClient) Status() Status {
	l.mu.Lock()
	defer l.mu.Unlock()
	applied := l.applied.Load()
	fresh, _ := l.Fresh()
	now, mark := l.compared.newest()
	return Status{
		Sum: now, Mark: mark,
		Now:          l.groupTime(),
		Cluster:      l.cluster,
		Path:         append(l.state.Path[:len(l.state.Path):len(l.state.Path)], l.self),
		Applied:      applied,
		Newest:       max(l.newestLocked(), applied),
		AgeMs:        max(0, time.Since(fresh).Milliseconds()),
		Leader:       l.state.Leader,
		Alternatives: usable(append(append([]string{}, l.cfg.Upstreams...), l.state.Alternatives...)),
		Keys:         l.state.Keys,
	}
}

// Report describes the edge for people.
type Report struct {
	Upstream  string     `json:"upstream"` // the URL that it follows; empty: none now
	Path      []Hop      `json:"path"`     // from the Raft group down to this edge
	Depth     int        `json:"depth"`    // the number of nodes above it
	Lag       uint64     `json:"lag"`      // entries between its boards and the newest index that it knows of
	LagMs     int64      `json:"lagMs"`    // since when it has been behind, in ms; 0: it is not
	AgeMs     int64      `json:"ageMs"`    // see Status
	SkewMs    int64      `json:"skewMs"`   // how far its clock is ahead of the group's, negative if behind
	Stale     bool       `json:"stale"`
	Switches  uint64     `json:"switches"` // connections to an upstream since the start
	Images    uint64     `json:"images"`   // images of the boards that it received
	Entries   uint64     `json:"entries"`
	GotBytes  uint64     `json:"gotBytes"`
	Leader    Hop        `json:"-"`
	Upstreams []Upstream `json:"upstreams"` // all that it knows of, in the order in which it would try them
}

// Upstream is one node that an edge could follow.
type Upstream struct {
	URL   string `json:"url"`
	Named bool   `json:"named"` // false: learnt from an upstream
	// State is "followed", "ready", or "resting" after a failure.
	State string `json:"state"`
	Error string `json:"error,omitempty"` // why it was not followed, or is no longer
}

// Report describes the edge now.
func (l *LogClient) Report() Report {
	s := l.Status()
	stale, _ := l.Stale()
	r := Report{
		Path: s.Path, Depth: s.Depth(), Lag: s.Newest - s.Applied, AgeMs: s.AgeMs, SkewMs: l.Skew().Milliseconds(), Stale: stale, Leader: s.Leader,
		Switches: l.switches.Load(), Images: l.images.Load(), Entries: l.entries.Load(), GotBytes: l.gotBytes.Load(),
		Upstreams: []Upstream{},
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	now := time.Now()
	if r.Lag > 0 && !l.behind.IsZero() {
		r.LagMs = now.Sub(l.behind).Milliseconds()
	}
	for _, c := range l.upstreams.list {
		u := Upstream{URL: c.url, Named: l.isNamed(c), State: "ready", Error: c.last}
		if err := l.neverShows(c); err != nil {
			u.Error = err.Error()
		}
		switch {
		case c == l.current:
			u.State, r.Upstream = "followed", c.url
		case c.rest.After(now):
			u.State = "resting"
		}
		r.Upstreams = append(r.Upstreams, u)
	}
	return r
}
