package pull

import (
	"context"
	"fmt"
	"log/slog"
	"slices"
	"sync"
	"time"

	"github.com/chessrelay/chessrelay/relay"
	"github.com/chessrelay/chessrelay/relay/mirror"
)

// roundPuller polls the sources of one round, and brings its boards to what they show.
type roundPuller struct {
	*Puller
	id      relay.RoundID
	targets []target
	sources []*poller // the most trusted first
	cancel  context.CancelFunc
	wg      sync.WaitGroup // of the sources
	log     *slog.Logger
	began   time.Time

	// Owned by the holder of the round's turn.
	progress map[relay.GameID][]boardProgress // one element for each source

	mu           sync.Mutex
	compareSoon  bool      // guarded by mu; the next poll must compare
	compareLater time.Time // guarded by mu; the next comparison without a poll; zero: none
	// playersCompared are the tournament's replacements at the last comparison.
	playersCompared *mirror.Replacements // guarded by mu
	// locksCompared is the lockHash of the boards at the last comparison.
	locksCompared uint64 // guarded by mu
}

func newRoundPuller(p *Puller, id relay.RoundID, targets []target) *roundPuller {
	r := &roundPuller{
		Puller: p, id: id, targets: targets, log: p.log.With("round", id), began: p.now(),
	}
	for i, t := range targets {
		r.sources = append(r.sources, &poller{roundPuller: r, index: i, target: t, log: r.log.With("source", t.URL), status: Status{State: "starting"}})
	}
	return r
}

func (r *roundPuller) start(ctx context.Context) {
	ctx, r.cancel = context.WithCancel(ctx)
	for _, s := range r.sources {
		s.log.Info("polling a source", "kind", s.target.Kind, "interval", s.target.Interval())
		r.wg.Go(func() { s.run(ctx) })
	}
}

// stop ends the polls and waits for them.
func (r *roundPuller) stop() {
	r.cancel()
	r.wg.Wait()
	r.log.Info("no longer polling the round's sources")
}

// scheduleComparison has the boards compared at a time, or soon if at is zero.
func (r *roundPuller) scheduleComparison(at time.Time) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if at.IsZero() {
		r.compareSoon = true
	} else if r.compareLater.IsZero() || at.Before(r.compareLater) {
		r.compareLater = at
	}
}

// cancelComparison cancels what is due at a time. The next poll compares instead.
func (r *roundPuller) cancelComparison() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.compareLater, r.compareSoon = time.Time{}, true
}

// nextComparison is the time of the next comparison without a poll; zero if there is none.
func (r *roundPuller) nextComparison() time.Time {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.compareLater
}

// afterFinish is how long a finished round is still polled, since it may be corrected.
const afterFinish = time.Hour

// restReason says why the round is not polled now; empty if it is. It follows from the log and the
// clock, so every leader decides the same.
func (r *roundPuller) restReason() (why string) {
	now := r.now()
	r.cfg.Boards.Read(func(_ uint64, b *relay.State) {
		is, ok := b.Round(r.id)
		if !ok {
			return
		}
		switch {
		case is.Status == relay.RoundFinished && is.StatusSet == relay.RoundFinished:
			why = "stopped: a person has finished the round; polling goes on if the round is opened again"
		case is.Status == relay.RoundFinished:
			at := finishedAt(b, is)
			if now.Sub(at) >= afterFinish {
				why = fmt.Sprintf("stopped: the round finished at %s; polling goes on if the round is opened again",
					at.UTC().Format("2006-01-02 15:04 UTC"))
			}
		case is.StartsAfterPrevious && is.Status == relay.RoundNew:
			if before := previous(b, is); before != nil && before.Status != relay.RoundFinished {
				why = fmt.Sprintf("waiting: the round starts when %q is finished, or when a person starts it", clip(before.Name))
			}
		}
	})
	return why
}

// finishedAt is when the round's last game got its result.
func finishedAt(b *relay.State, r *relay.Round) time.Time {
	last := r.CreatedAt
	for _, id := range r.Games {
		g, ok := b.Game(id)
		if !ok {
			continue
		}
		at := max(g.CreatedAt, g.ClockTime())
		for _, c := range slices.Backward(g.Changes) {
			if c.Result != "" {
				at = c.At
				break
			}
		}
		last = max(last, at)
	}
	return time.UnixMilli(int64(last))
}

// previous is the round before this one in its tournament; nil for the first.
func previous(b *relay.State, r *relay.Round) *relay.Round {
	t, ok := b.Tournament(r.Tournament)
	if !ok {
		return nil
	}
	i := slices.Index(t.Rounds, r.ID)
	if i <= 0 {
		return nil
	}
	before, _ := b.Round(t.Rounds[i-1])
	return before
}

// sourceStatuses are the states of all sources.
func (r *roundPuller) sourceStatuses() []SourceStatus {
	out := make([]SourceStatus, len(r.sources))
	for i, s := range r.sources {
		out[i] = SourceStatus{ID: s.target.ID, Kind: s.target.Kind, URL: s.target.URL, Status: s.currentStatus()}
	}
	return out
}

// earliest is the earlier of two times. A zero time counts as none.
func earliest(a, b time.Time) time.Time {
	if a.IsZero() || !b.IsZero() && b.Before(a) {
		return b
	}
	return a
}
