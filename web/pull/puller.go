package pull

import (
	"cmp"
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
	watchInterval = 250 * time.Millisecond // between looks at the leadership and the rounds
	maxAtOnce     = 8                      // polls at a time
	maxBackoff    = time.Minute
	pollTimeout   = time.Minute // for a poll with all its requests and its comparison
	// finishedInterval is the shortest pause once the round is finished. It may still be corrected.
	finishedInterval = time.Minute
	// restInterval is the pause between checks whether a resting source is to be polled again.
	restInterval = 5 * time.Second
)

// Config is what a [Puller] works with.
type Config struct {
	// Leads reports whether this node leads. Only then are sources polled.
	Leads func() bool
	// Boards has the rounds and their sources.
	Boards broadcast.View
	// Sync waits until this node's boards have everything that was committed before the call.
	Sync func(ctx context.Context) error
	// Submit proposes commands and returns what the boards made of each, once they are applied. The
	// commands have their operation and request id; Submit adds the rest.
	Submit func(ctx context.Context, commands ...*relaypb.Command) ([]relay.Outcome, error)
	Allow  Allow
	Log    *slog.Logger
	Now    func() time.Time // nil: time.Now
}

// Puller polls the sources of rounds while its node leads.
type Puller struct {
	cfg    Config
	log    *slog.Logger
	fetch  *fetcher
	slots  chan struct{} // one element for each poll in progress
	queues Queues
	memory Memory
	// players are the parsed replacements of the tournaments.
	players Players
	// lookupURL is where the host of a LiveChess Cloud tournament is looked up.
	lookupURL string

	cancel context.CancelFunc
	wg     sync.WaitGroup

	total struct{ polls, unchanged, errors, bytes, commands atomic.Uint64 }

	mu     sync.Mutex
	rounds map[relay.RoundID]*roundPuller // guarded by mu; the rounds that are polled now
}

// Stats are counts since the node started.
type Stats struct {
	Sources   int // of the rounds that are polled now
	Polls     uint64
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
		lookupURL: "https://lookup.livechesscloud.com/meta/", cancel: cancel, rounds: map[relay.RoundID]*roundPuller{},
	}
	p.wg.Go(func() { p.watchRounds(ctx) })
	return p
}

// Close cancels the polls, and waits until all goroutines have ended.
func (p *Puller) Close() error {
	p.cancel()
	p.wg.Wait()
	p.fetch.close()
	return nil
}

// Queues are the queues of the rounds. Polls wait in them, and pushes may.
func (p *Puller) Queues() *Queues { return &p.queues }

// Memory remembers the games that polls have read. Pushes may share it.
func (p *Puller) Memory() *Memory { return &p.memory }

// Status is the state of the round's first source; false if this node does not poll it.
func (p *Puller) Status(id relay.RoundID) (Status, bool) {
	all := p.Sources(id)
	if len(all) == 0 {
		return Status{}, false
	}
	return all[0].Status, true
}

// Sources are the states of the round's sources, the most trusted first; none if this node does not
// poll them.
func (p *Puller) Sources(id relay.RoundID) []SourceStatus {
	p.mu.Lock()
	r := p.rounds[id]
	p.mu.Unlock()
	if r == nil {
		return nil
	}
	return r.sourceStatuses()
}

// Stats returns the counts.
func (p *Puller) Stats() Stats {
	p.mu.Lock()
	n := 0
	for _, r := range p.rounds {
		n += len(r.sources)
	}
	p.mu.Unlock()
	return Stats{
		n, p.total.polls.Load(), p.total.unchanged.Load(), p.total.errors.Load(), p.total.bytes.Load(), p.total.commands.Load(),
	}
}

func (p *Puller) now() time.Time {
	if p.cfg.Now != nil {
		return p.cfg.Now()
	}
	return time.Now()
}

// watchRounds starts and stops polls as leadership and the rounds change. When it ends, so do the
// polls.
func (p *Puller) watchRounds(ctx context.Context) {
	every := time.NewTicker(watchInterval)
	defer every.Stop()
	for {
		wanted := map[relay.RoundID][]target{}
		if p.cfg.Leads() {
			wanted = p.targets()
		}
		p.mu.Lock()
		running := maps.Clone(p.rounds)
		p.mu.Unlock()
		for id, r := range running {
			if !slices.Equal(wanted[id], r.targets) {
				p.stopRound(id, r)
				delete(running, id)
			}
		}
		for id, targets := range wanted {
			if running[id] == nil {
				p.startRound(ctx, id, targets)
			}
		}
		select {
		case <-ctx.Done():
			for id, r := range p.rounds { // only this goroutine changes them
				p.stopRound(id, r)
			}
			return
		case <-every.C:
		}
	}
}

// targets are the sources of all rounds.
func (p *Puller) targets() map[relay.RoundID][]target {
	out := map[relay.RoundID][]target{}
	p.cfg.Boards.Read(func(_ uint64, b *relay.State) {
		for _, r := range b.Sources() {
			place := 0
			if t, ok := b.Tournament(r.Tournament); ok {
				place = slices.Index(t.Rounds, r.ID) + 1
			}
			for _, s := range r.Sources {
				s.Round = cmp.Or(s.Round, place)
				out[r.ID] = append(out[r.ID], target{s})
			}
		}
	})
	return out
}

func (p *Puller) startRound(ctx context.Context, id relay.RoundID, targets []target) {
	r := newRoundPuller(p, id, targets)
	p.mu.Lock()
	p.rounds[id] = r
	p.mu.Unlock()
	r.start(ctx)
}

// stopRound stops the polls of a round and waits for them, so no source is polled twice.
func (p *Puller) stopRound(id relay.RoundID, r *roundPuller) {
	r.stop()
	p.mu.Lock()
	delete(p.rounds, id)
	p.mu.Unlock()
}
