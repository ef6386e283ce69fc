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

// Machine is what the log is applied to: the part of a [consensus.StateMachine] that an edge uses.
// One goroutine makes all calls.
type Machine interface {
	Apply(batch []consensus.Command)
	Restore(applied uint64, load func(func(key string, value []byte) error) error) error
}

// LogClientConfig configures a [LogClient].
type LogClientConfig struct {
	// Name is what people call the edge. URL is where the edges below it reach it.
	Name, URL string
	// Upstreams are the base URLs of the nodes to follow, the preferred one first. At least one.
	Upstreams []string
	// Invited is set if Upstreams come from an invitation. Then a member must vouch for each URL
	// before the edge shows the token there.
	Invited bool
	// Token, if any, is shown to upstreams that were named and to those that Voucher approves.
	Token string
	// Voucher, if set, checks the proofs of upstreams that the edge has learnt of. It also names
	// the cluster that the edge belongs to.
	Voucher consensus.Voucher
	// Machine applies what upstreams send.
	Machine Machine
	// Tail is the tail that Machine appends to.
	Tail *Tail
	// Identified, if set, is called with the cluster's id before the first call of Machine. An
	// error ends OpenLogClient.
	Identified func(cluster string) error
	Log        *slog.Logger
	// Evaluations, if set, takes what the upstream's engine thinks.
	Evaluations EvaluationsTaker
	// Watching, if set, returns what spectators here and below watch with evaluations, in at most
	// 2 KiB.
	Watching func() string
	// Roots are the CAs that may sign an upstream's certificate. Nil: the system's.
	Roots *x509.CertPool
	// Now is this edge's clock, which it compares with the group's. Nil: time.Now.
	Now func() time.Time

	// Silence is how long an upstream may send nothing before the edge leaves it; upstreams send
	// something every half second. Boards older than Silence are stale. The edge asks its upstream
	// four times in that time how far it is. Zero: 2 s.
	Silence time.Duration
	// Patience is how long an upstream may be stale, or behind this edge, before the edge tries
	// another one. Zero: 5 s.
	Patience time.Duration
	// Probation is how long a preferred upstream must be well before the edge returns to it. Zero:
	// 10 s. ProbeEvery is the time between two questions. Zero: 2 s.
	Probation  time.Duration
	ProbeEvery time.Duration
}

// LogClient applies what an upstream has applied, each entry once and in the same order. It looks
// for another upstream when that one fails. It is to an edge what a [consensus.Node] is to a venue.
type LogClient struct {
	cfg     LogClientConfig
	log     *slog.Logger
	self    Hop
	http    *connections
	submits *connections // see Forward

	cancel context.CancelFunc
	wg     sync.WaitGroup
	loaded chan struct{} // closed once there are boards
	failed chan error    // holds at most one: the error of Identified

	fresh  consensus.Freshness
	clocks *consensus.Clocks

	applied    atomic.Uint64 // the index of the boards
	began      bool          // loaded is closed; owned by follow
	identified bool          // Identified was called; owned by follow

	switches, images, entries, gotBytes atomic.Uint64
	newest                              atomic.Uint64 // the highest Status.Newest

	mu        sync.Mutex
	cluster   string // guarded by mu, as all below; empty: any cluster will do
	upstreams *upstreams
	current   *upstream // the upstream that is followed; nil: none
	leave     context.CancelCauseFunc
	state     Status    // the newest one received
	heard     time.Time // when it was received
	behind    time.Time // since when state.Newest has been above applied; zero: it is not
	compared  comparison
	unfit     time.Time // since when current has been stale or behind this edge; zero: it is not
}

var (
	errSilent    = errors.New("it was silent for too long")
	errPreferred = errors.New("a preferred upstream is healthy again")
	errStale     = errors.New("it gets nothing new itself")
	errBehind    = errors.New("it is behind this edge")
	errGone      = errors.New("it ended the stream")
)

// OpenLogClient starts to follow. It returns once there are boards, ctx ends or Identified fails.
func OpenLogClient(ctx context.Context, cfg LogClientConfig) (*LogClient, error) {
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
	l := &LogClient{
		clocks: consensus.NewClocks(cfg.Now),
		cfg:    cfg, log: cfg.Log, cancel: cancel, loaded: make(chan struct{}), failed: make(chan error, 1),
		self:    Hop{ID: newID(), Name: cfg.Name, HTTP: cfg.URL},
		cluster: cfg.Voucher.ClusterID,
		http: newConnections(&http.Transport{
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
	l.wg.Go(func() { l.run(lifetime) })
	l.wg.Go(func() { l.probe(lifetime) })
	l.wg.Go(func() { l.look(lifetime) })
	var err error
	select {
	case <-l.loaded:
		return l, nil
	case err = <-l.failed:
	case <-ctx.Done():
		err = fmt.Errorf("no upstream has sent the boards: %w", l.whyNot(ctx.Err()))
	}
	return nil, errors.Join(err, l.Close())
}

// stay refuses redirects: neither the token nor a submission may leave the upstream.
func stay(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }

// newID draws an id like those of the group's members.
func newID() string {
	var b [8]byte
	_, _ = rand.Read(b[:]) // never fails, see crypto/rand
	return hex.EncodeToString(b[:])
}

// whyNot returns the last reason why an upstream was not followed, or err.
func (l *LogClient) whyNot(err error) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, c := range l.upstreams.list {
		if c.last != "" {
			return fmt.Errorf("%w (%s: %s)", err, c.url, c.last)
		}
	}
	return err
}

// Close stops the client and waits for its goroutines.
func (l *LogClient) Close() error {
	l.cancel()
	l.wg.Wait()
	l.http.close()
	l.submits.close()
	return nil
}

// run follows one upstream after the other.
func (l *LogClient) run(ctx context.Context) {
	for ctx.Err() == nil {
		l.mu.Lock()
		c, wait := l.upstreams.choose(time.Now())
		l.mu.Unlock()
		if c == nil {
			sleep(ctx, wait)
			continue
		}
		began := time.Now()
		err := l.follow(ctx, c)
		if ctx.Err() != nil {
			return
		}
		l.ended(c, err, time.Since(began))
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

// ended notes why c is no longer followed.
func (l *LogClient) ended(c *upstream, err error, lasted time.Duration) {
	l.mu.Lock()
	was := l.current == c
	l.current, l.leave, l.unfit = nil, nil, time.Time{}
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
	l.mu.Unlock()
	switch {
	case was:
		l.log.Info("no longer following an upstream", "upstream", c.url, "after", lasted.Round(time.Millisecond), "why", err)
	case !told: // a reason that repeats is logged once
		l.log.Warn("cannot follow an upstream", "upstream", c.url, "why", err)
	}
}

// isRefusal reports whether the upstream would answer the same the next time.
func isRefusal(err error) bool {
	var r *refusedError
	for _, e := range []error{ErrUnvouched, ErrOtherCluster, ErrLoop, ErrTooDeep, ErrDiverged} {
		if errors.Is(err, e) {
			return true
		}
	}
	return errors.As(err, &r) && r.status < 500
}

// probe asks the upstreams that are preferred to the current one whether they are well. It returns
// to one that has been well for its probation.
func (l *LogClient) probe(ctx context.Context) {
	every := time.NewTicker(l.cfg.ProbeEvery)
	defer every.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-every.C:
		}
		for _, c := range l.preferred() {
			well := l.isWell(ctx, c)
			l.mu.Lock()
			switch now := time.Now(); {
			case !well:
				c.wellSince = time.Time{}
			case c.wellSince.IsZero():
				c.wellSince = now
			case now.Sub(c.wellSince) >= c.probation && l.leave != nil && l.current != nil && l.current.rank > c.rank:
				c.rest, c.failures, c.wellSince, c.returned = time.Time{}, 0, time.Time{}, now
				l.leave(errPreferred)
			}
			l.mu.Unlock()
		}
	}
}

// preferred returns the upstreams that rank before the current one.
func (l *LogClient) preferred() []*upstream {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.current == nil {
		return nil
	}
	var out []*upstream
	for _, c := range l.upstreams.list {
		if c.rank < l.current.rank {
			out = append(out, c)
		}
	}
	return out
}

// isWell reports whether c could be followed now and is not behind this edge.
func (l *LogClient) isWell(ctx context.Context, c *upstream) bool {
	ctx, cancel := context.WithTimeout(ctx, l.cfg.Silence)
	defer cancel()
	s, err := l.peek(ctx, c)
	return err == nil && !l.stale(s.AgeMs) && s.Applied >= l.applied.Load()
}

func (l *LogClient) stale(ageMs int64) bool { return ageMs > l.cfg.Silence.Milliseconds() }

// accepts checks what an upstream says of itself.
func (l *LogClient) accepts(s *Status) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	switch {
	case l.cluster != "" && s.Cluster != l.cluster:
		return fmt.Errorf("%w: %s, and this edge shows %s", ErrOtherCluster, s.Cluster, l.cluster)
	case s.Has(l.self.ID):
		return ErrLoop
	}
	return nil
}
