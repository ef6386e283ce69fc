package pull

import (
	"context"
	"log/slog"
	"maps"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/chessrelay/chessrelay/broadcast"
	"github.com/chessrelay/chessrelay/relay"
	"github.com/chessrelay/chessrelay/relay/relaypb"
)

const (
	lookInterval = 250 * time.Millisecond // how often it is looked who leads and what is to be polled
	maxAtOnce    = 8                      // polls at a time
	maxBackoff   = time.Minute
	pollTimeout  = time.Minute // of a poll with all its requests, and of what follows from it
	// finishedInterval is the least pause where the round is finished: something may be corrected yet.
	finishedInterval = time.Minute
)

// Config is what a [Puller] works with.
type Config struct {
	// Leads reports whether this node leads: only then are sources polled.
	Leads func() bool
	// Boards has the rounds and their sources.
	Boards broadcast.View
	// Sync waits until this node's boards have what was committed before.
	Sync func(ctx context.Context) error
	// Submit brings commands through the log, and returns what the boards made of each once they have. The commands
	// have their operation and request id; Submit adds the rest.
	Submit func(ctx context.Context, commands ...*relaypb.Command) ([]relay.Outcome, error)
	Allow  Allow
	Log    *slog.Logger
}

// Puller polls the sources of rounds while its node leads.
type Puller struct {
	cfg    Config
	log    *slog.Logger
	fetch  *fetcher
	slots  chan struct{} // one for each poll that is on
	lines  Lines
	memory Memory
	// players are the parsed replacements of the tournaments.
	players Players
	// lookup is where the host of a LiveChess Cloud tournament is asked for.
	lookup string

	cancel context.CancelFunc
	wg     sync.WaitGroup

	total struct{ polls, unchanged, errors, bytes, commands atomic.Uint64 }

	mu      sync.Mutex
	sources map[relay.RoundID]*poll // guarded by mu; what is polled now
}

// Stats are counts since the node started.
type Stats struct {
	Sources   int    // polled now
	Polls     uint64 // of them, what became of them:
	Unchanged uint64
	Errors    uint64
	Bytes     uint64 // of documents
	Commands  uint64 // submitted
}

// Open starts a puller.
func Open(cfg Config) *Puller {
	if cfg.Log == nil {
		cfg.Log = slog.New(slog.DiscardHandler)
	}
	ctx, cancel := context.WithCancel(context.Background())
	p := &Puller{
		cfg: cfg, log: cfg.Log, fetch: newFetcher(cfg.Allow), slots: make(chan struct{}, maxAtOnce),
		lookup: "https://lookup.livechesscloud.com/meta/", cancel: cancel, sources: map[relay.RoundID]*poll{},
	}
	p.wg.Go(func() { p.look(ctx) })
	return p
}

// Close calls off what is on its way, and waits until it has ended.
func (p *Puller) Close() error {
	p.cancel()
	p.wg.Wait()
	p.fetch.close()
	return nil
}

// Lines are the lines in which polls wait for each other, and for whoever else enters them.
func (p *Puller) Lines() *Lines { return &p.lines }

// Memory remembers the games that polls have read. Pushes may share it.
func (p *Puller) Memory() *Memory { return &p.memory }

// Status tells how the source of a round fares; false if this node does not poll it.
func (p *Puller) Status(id relay.RoundID) (Status, bool) {
	p.mu.Lock()
	s, ok := p.sources[id]
	p.mu.Unlock()
	if !ok {
		return Status{}, false
	}
	return s.tell(), true
}

// Stats returns the counts.
func (p *Puller) Stats() Stats {
	p.mu.Lock()
	n := len(p.sources)
	p.mu.Unlock()
	return Stats{
		n, p.total.polls.Load(), p.total.unchanged.Load(), p.total.errors.Load(), p.total.bytes.Load(), p.total.commands.Load(),
	}
}

// look starts and ends polls, as leadership and the rounds change. The polls end with it.
func (p *Puller) look(ctx context.Context) {
	every := time.NewTicker(lookInterval)
	defer every.Stop()
	for {
		wanted := map[relay.RoundID]target{}
		if p.cfg.Leads() {
			wanted = p.targets()
		}
		p.mu.Lock()
		running := maps.Clone(p.sources)
		p.mu.Unlock()
		for id, s := range running {
			if wanted[id] != s.target {
				p.end(id, s)
			}
		}
		for id, t := range wanted {
			if s, ok := running[id]; !ok || s.target != t {
				p.begin(ctx, id, t)
			}
		}
		select {
		case <-ctx.Done():
			return
		case <-every.C:
		}
	}
}

// targets are the sources of all rounds.
func (p *Puller) targets() map[relay.RoundID]target {
	out := map[relay.RoundID]target{}
	p.cfg.Boards.Read(func(_ uint64, b *relay.State) {
		for _, r := range b.Sources() {
			t := target{Source: r.Sources[0]}
			if tour, ok := b.Tournament(r.Tournament); ok && t.Round == 0 {
				t.Round = slices.Index(tour.Rounds, r.ID) + 1
			}
			out[r.ID] = t
		}
	})
	return out
}

func (p *Puller) begin(ctx context.Context, id relay.RoundID, t target) {
	ctx, cancel := context.WithCancel(ctx)
	s := &poll{Puller: p, round: id, target: t, cancel: cancel, ended: make(chan struct{}), log: p.log.With("round", id, "source", t.URL)}
	p.mu.Lock()
	p.sources[id] = s
	p.mu.Unlock()
	s.log.Info("polling a source", "kind", t.Kind, "interval", t.Interval())
	p.wg.Go(func() {
		defer close(s.ended)
		defer cancel()
		s.run(ctx)
	})
}

// end stops a poll and waits for it, so that no round has two.
func (p *Puller) end(id relay.RoundID, s *poll) {
	s.cancel()
	<-s.ended
	p.mu.Lock()
	delete(p.sources, id)
	p.mu.Unlock()
	s.log.Info("no longer polling a source")
}
