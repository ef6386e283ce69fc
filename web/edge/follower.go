package edge

import (
	"context"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/hex"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"sync"
	"sync/atomic"
	"time"

	"github.com/chessrelay/chessrelay/consensus"
)

// Machine is what the log is applied to: the part of a consensus.StateMachine that an edge uses. All calls are from one goroutine.
type Machine interface {
	Apply(batch []consensus.Command)
	Restore(applied uint64, load func(func(key string, value []byte) error) error) error
}

// Config is what a [Follower] works with.
type Config struct {
	// Name is what people call the edge, URL where its own followers reach it.
	Name, URL string
	// Upstreams are the base URLs of the nodes to follow, the preferred one first. At least one.
	Upstreams []string
	// Invited: an invitation has them, so a member has to vouch for each before the token goes
	// there.
	Invited bool
	// Token is shown to them, if it is not empty, and to no others but those that Voucher approves.
	Token string
	// Voucher, if set, is by what members are known that an upstream tells of. It also says which
	// cluster the edge is of.
	Voucher consensus.Voucher
	// Machine gets what they send.
	Machine Machine
	// Tail is the one that Machine appends to.
	Tail *Tail
	// Identified, if set, is called once it is known which cluster they are of, before Machine is first called. An error ends Open.
	Identified func(cluster string) error
	Log        *slog.Logger
	// Roots are the CAs whose upstreams are believed. Nil: those of the system.
	Roots *x509.CertPool
	// Now is this edge's clock, which it compares with its upstream's. Nil: time.Now.
	Now func() time.Time

	// Silence is how long an upstream may say nothing until it is given up; it says something each
	// half second. Zero: 2 s. The boards are stale if they are older than that. Four times in that
	// time the upstream is asked how far it is.
	Silence time.Duration
	// Patience is how long an upstream may itself be stale, or be behind this edge, until another one is tried. Zero: 5 s.
	Patience time.Duration
	// Probation is how long a preferred upstream has to be well again before it is returned to, ProbeEvery how often it is asked. Zero:
	// 10 s, 2 s.
	Probation  time.Duration
	ProbeEvery time.Duration
}

// Follower is the edge's side of a stream: it applies what an upstream has applied, in the same order, each entry once, and looks for
// another upstream when that one fails. It is to an edge what a consensus.Node is to a venue.
type Follower struct {
	cfg     Config
	log     *slog.Logger
	self    Hop
	http    *asker
	submits *asker // see Forward

	cancel context.CancelFunc
	wg     sync.WaitGroup
	loaded chan struct{} // closed once there are boards
	failed chan error    // of one: what Identified failed with

	fresh  consensus.Freshness
	clocks *consensus.Clocks

	applied    atomic.Uint64 // the boards stand at it
	began      bool          // loaded is closed; owned by follow
	identified bool          // Identified was called; owned by follow

	switches, images, entries, gotBytes atomic.Uint64
	newest                              atomic.Uint64 // the highest Status.Newest

	mu        sync.Mutex
	cluster   string // guarded by mu, as all below; empty: any will do so far
	upstreams *upstreams
	current   *upstream // the one that is followed; nil: none
	leave     context.CancelCauseFunc
	state     Status    // the last that came
	heard     time.Time // when it came
	behind    time.Time // since when state.Newest has been above applied; zero: it is not
	compared  comparison
	unfit     time.Time // since when current has been stale or behind this edge; zero: it is not
}

var (
	errSilent    = errors.New("nothing was heard from it")
	errPreferred = errors.New("one that is preferred is well again")
	errStale     = errors.New("it hears nothing new itself")
	errBehind    = errors.New("it is behind this edge")
	errGone      = errors.New("it ended the stream")
)

// Open starts to follow, and returns once there are boards, or ctx ends, or Identified fails.
func Open(ctx context.Context, cfg Config) (*Follower, error) {
	for _, d := range []struct {
		value *time.Duration
		zero  time.Duration
	}{{&cfg.Silence, 2 * time.Second}, {&cfg.Patience, 5 * time.Second}, {&cfg.Probation, 10 * time.Second}, {&cfg.ProbeEvery, 2 * time.Second}} {
		if *d.value == 0 {
			*d.value = d.zero
		}
	}
	if len(cfg.Upstreams) == 0 || cfg.Machine == nil || cfg.Tail == nil {
		return nil, errors.New("edge: an upstream, a machine and its tail are needed")
	}
	if cfg.Log == nil {
		cfg.Log = slog.New(slog.DiscardHandler)
	}
	if cfg.Identified == nil {
		cfg.Identified = func(string) error { return nil }
	}
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	lifetime, cancel := context.WithCancel(context.Background())
	f := &Follower{
		clocks: consensus.NewClocks(cfg.Now),
		cfg:    cfg, log: cfg.Log, cancel: cancel, loaded: make(chan struct{}), failed: make(chan error, 1),
		self:    Hop{ID: newID(), Name: cfg.Name, HTTP: cfg.URL},
		cluster: cfg.Voucher.ClusterID,
		http: newAsker(&http.Transport{
			Proxy:                 http.ProxyFromEnvironment,
			DialContext:           (&net.Dialer{Timeout: cfg.Silence}).DialContext,
			TLSHandshakeTimeout:   cfg.Silence,
			TLSClientConfig:       &tls.Config{RootCAs: cfg.Roots},
			ResponseHeaderTimeout: cfg.Silence,
			DisableCompression:    true,
			MaxIdleConns:          4,
			IdleConnTimeout:       10 * time.Second, // a node closes them after 15 s
		}),
		submits:   newSubmits(cfg.Roots),
		upstreams: newUpstreams(cfg.Upstreams, cfg.Probation),
		compared:  newComparison(cfg.Machine),
	}
	f.wg.Go(func() { f.run(lifetime) })
	f.wg.Go(func() { f.probe(lifetime) })
	f.wg.Go(func() { f.look(lifetime) })
	var err error
	select {
	case <-f.loaded:
		return f, nil
	case err = <-f.failed:
	case <-ctx.Done():
		err = fmt.Errorf("no upstream has sent the boards: %w", f.whyNot(ctx.Err()))
	}
	return nil, errors.Join(err, f.Close())
}

// stay has no redirect followed: the token, or a submission, must not get elsewhere.
func stay(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }

// newID draws an id like those of the group's members.
func newID() string {
	var b [8]byte
	_, _ = rand.Read(b[:]) // never fails, see crypto/rand
	return hex.EncodeToString(b[:])
}

// whyNot is the last reason for which an upstream was not followed, or err.
func (f *Follower) whyNot(err error) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, c := range f.upstreams.list {
		if c.last != "" {
			return fmt.Errorf("%w (%s: %s)", err, c.url, c.last)
		}
	}
	return err
}

// Close ends it, and waits until it has.
func (f *Follower) Close() error {
	f.cancel()
	f.wg.Wait()
	f.http.close()
	f.submits.close()
	return nil
}

// run follows one upstream after the other.
func (f *Follower) run(ctx context.Context) {
	for ctx.Err() == nil {
		f.mu.Lock()
		c, wait := f.upstreams.choose(time.Now())
		f.mu.Unlock()
		if c == nil {
			sleep(ctx, wait)
			continue
		}
		began := time.Now()
		err := f.follow(ctx, c)
		if ctx.Err() != nil {
			return
		}
		f.ended(c, err, time.Since(began))
	}
}

func sleep(ctx context.Context, d time.Duration) {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
	case <-ctx.Done():
	}
}

// ended notes why c is not followed any more.
func (f *Follower) ended(c *upstream, err error, lasted time.Duration) {
	f.mu.Lock()
	was := f.current == c
	f.current, f.leave, f.unfit = nil, nil, time.Time{}
	switch {
	case errors.Is(err, errPreferred):
		c.rest = time.Now().Add(firstRest)
	case errors.Is(err, errStale), errors.Is(err, errBehind):
		c.failed(time.Now(), 0, staleRest)
	case isRefusal(err):
		c.failed(time.Now(), 0, refusedRest)
	default:
		c.failed(time.Now(), lasted, 0)
	}
	told := c.last == err.Error()
	c.last = err.Error()
	f.mu.Unlock()
	switch {
	case was:
		f.log.Info("an upstream is followed no longer", "upstream", c.url, "after", lasted.Round(time.Millisecond), "why", err)
	case !told: // again and again the same is one line
		f.log.Warn("an upstream cannot be followed", "upstream", c.url, "why", err)
	}
}

// isRefusal reports whether it would be the same the next time.
func isRefusal(err error) bool {
	var r *refusedError
	for _, e := range []error{ErrUnvouched, ErrOtherCluster, ErrLoop, ErrTooDeep, ErrDiverged} {
		if errors.Is(err, e) {
			return true
		}
	}
	return errors.As(err, &r) && r.status < 500
}

// probe asks the preferred upstreams, while another one is followed, whether they are well, and returns to one that has been so for its
// probation.
func (f *Follower) probe(ctx context.Context) {
	every := time.NewTicker(f.cfg.ProbeEvery)
	defer every.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-every.C:
		}
		for _, c := range f.preferred() {
			well := f.isWell(ctx, c)
			f.mu.Lock()
			switch now := time.Now(); {
			case !well:
				c.wellSince = time.Time{}
			case c.wellSince.IsZero():
				c.wellSince = now
			case now.Sub(c.wellSince) >= c.probation && f.leave != nil && f.current != nil && f.current.rank > c.rank:
				c.rest, c.failures, c.wellSince, c.returned = time.Time{}, 0, time.Time{}, now
				f.leave(errPreferred)
			}
			f.mu.Unlock()
		}
	}
}

// preferred are the named upstreams before the one that is followed.
func (f *Follower) preferred() []*upstream {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.current == nil {
		return nil
	}
	var out []*upstream
	for _, c := range f.upstreams.list {
		if c.rank < f.current.rank {
			out = append(out, c)
		}
	}
	return out
}

// isWell reports whether c could be followed now, and would bring what this edge gets now.
func (f *Follower) isWell(ctx context.Context, c *upstream) bool {
	ctx, cancel := context.WithTimeout(ctx, f.cfg.Silence)
	defer cancel()
	s, err := f.peek(ctx, c)
	return err == nil && !f.stale(s.AgeMs) && s.Applied >= f.applied.Load()
}

func (f *Follower) stale(ageMs int64) bool { return ageMs > f.cfg.Silence.Milliseconds() }

// accepts judges what an upstream says of itself.
func (f *Follower) accepts(s *Status) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	switch {
	case f.cluster != "" && s.Cluster != f.cluster:
		return fmt.Errorf("%w: %s, and this edge shows %s", ErrOtherCluster, s.Cluster, f.cluster)
	case s.Has(f.self.ID):
		return ErrLoop
	}
	return nil
}
