package edge

import "time"

// Name is the edge's name.
func (f *Follower) Name() string { return f.cfg.Name }

// ID tells the edge apart from all others, and from itself before a restart.
func (f *Follower) ID() string { return f.self.ID }

// ClusterID is the cluster that the edge shows.
func (f *Follower) ClusterID() string {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.cluster
}

// Err is nil: an edge that finds no upstream goes on looking for one.
func (f *Follower) Err() error { return nil }

// Applied is the log index that the boards stand at.
func (f *Follower) Applied() uint64 { return f.applied.Load() }

// Commit is what Newest is: an edge has no part in commits.
func (f *Follower) Commit() uint64 { return f.Newest() }

// LastContact is when the upstream last had word from the leader, as far as is known here.
func (f *Follower) LastContact() time.Time {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.heard.Add(-time.Duration(f.state.AgeMs) * time.Millisecond)
}

// Stale reports whether the boards may be out of date, and since when.
func (f *Follower) Stale() (bool, time.Time) {
	fresh, _ := f.Fresh()
	return time.Since(fresh) > f.cfg.Silence, fresh
}

// Status is what the edge's own followers are told. While it has no upstream it names the path by which the last entries came.
func (f *Follower) Status() Status {
	f.mu.Lock()
	defer f.mu.Unlock()
	applied := f.applied.Load()
	fresh, _ := f.Fresh()
	now, mark := f.compared.newest()
	return Status{
		Sum: now, Mark: mark,
		Now:          f.groupTime(),
		Cluster:      f.cluster,
		Path:         append(f.state.Path[:len(f.state.Path):len(f.state.Path)], f.self),
		Applied:      applied,
		Newest:       max(f.newestLocked(), applied),
		AgeMs:        max(0, time.Since(fresh).Milliseconds()),
		Leader:       f.state.Leader,
		Alternatives: usable(append(append([]string{}, f.cfg.Upstreams...), f.state.Alternatives...)),
		Keys:         f.state.Keys,
	}
}

// Report is how the edge fares, for people.
type Report struct {
	Upstream  string     `json:"upstream"` // the URL that it follows; empty: none now
	Path      []Hop      `json:"path"`     // from the Raft group down to this edge
	Depth     int        `json:"depth"`    // how many nodes are above it
	Lag       uint64     `json:"lag"`      // log indexes between what it has and the newest that it knows of
	LagMs     int64      `json:"lagMs"`    // since when it has lacked something, in ms; 0: it lacks nothing
	AgeMs     int64      `json:"ageMs"`    // see Status
	SkewMs    int64      `json:"skewMs"`   // how far its clock is ahead of the group's, negative if behind
	Stale     bool       `json:"stale"`
	Switches  uint64     `json:"switches"` // connections to an upstream since the start
	Images    uint64     `json:"images"`   // of the boards that it has got
	Entries   uint64     `json:"entries"`
	GotBytes  uint64     `json:"gotBytes"`
	Leader    Hop        `json:"-"`
	Upstreams []Upstream `json:"upstreams"` // all that it knows of, in the order in which it would try them
}

// Upstream is one node that an edge could follow.
type Upstream struct {
	URL   string `json:"url"`
	Named bool   `json:"named"` // or else learnt from an upstream
	// State is "followed", "ready", or "resting" after a failure.
	State string `json:"state"`
	Error string `json:"error,omitempty"` // why it was last not followed, or no longer
}

// Report tells how the edge fares.
func (f *Follower) Report() Report {
	s := f.Status()
	stale, _ := f.Stale()
	r := Report{
		Path: s.Path, Depth: s.Depth(), Lag: s.Newest - s.Applied, AgeMs: s.AgeMs, SkewMs: f.Skew().Milliseconds(), Stale: stale, Leader: s.Leader,
		Switches: f.switches.Load(), Images: f.images.Load(), Entries: f.entries.Load(), GotBytes: f.gotBytes.Load(),
		Upstreams: []Upstream{},
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	now := time.Now()
	if r.Lag > 0 && !f.behind.IsZero() {
		r.LagMs = now.Sub(f.behind).Milliseconds()
	}
	for _, c := range f.upstreams.list {
		u := Upstream{URL: c.url, Named: f.isNamed(c), State: "ready", Error: c.last}
		if err := f.neverShows(c); err != nil {
			u.Error = err.Error()
		}
		switch {
		case c == f.current:
			u.State, r.Upstream = "followed", c.url
		case c.rest.After(now):
			u.State = "resting"
		}
		r.Upstreams = append(r.Upstreams, u)
	}
	return r
}
