package pull

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/chessrelay/chessrelay/relay"
	"github.com/chessrelay/chessrelay/relay/mirror"
)

// target is what one poll is about: a source, with the number of its round filled in.
type target struct{ relay.Source }

// Status is how a source fares, as the API shows it. Times are those of this node's clock, and counts those since it leads.
type Status struct {
	LastPoll   relay.Millis `json:"lastPoll,omitempty"`
	LastChange relay.Millis `json:"lastChange,omitempty"` // when the source last showed something new
	NextPoll   relay.Millis `json:"nextPoll,omitempty"`
	LastError  string       `json:"lastError,omitempty"` // of the last poll; empty if it went well
	// FailingSince is when the first poll failed of those that have without one that went well; 0: the last one went well.
	FailingSince relay.Millis `json:"failingSince,omitempty"`
	Problems     []string     `json:"problems,omitempty"` // what of the games could not be taken, up to ten
	Polls        uint64       `json:"polls"`
	Unchanged    uint64       `json:"unchanged"`
	Errors       uint64       `json:"errors"`
	Bytes        uint64       `json:"bytes"`
	Games        int          `json:"games"`          // that the source shows
	Kept         int          `json:"kept,omitempty"` // plies that the boards have and the source does not
}

const maxProblems = 10

// poll polls the source of one round.
type poll struct {
	*Puller
	round  relay.RoundID
	target target
	cancel context.CancelFunc
	ended  chan struct{}
	log    *slog.Logger

	// Owned by run.
	source   reader
	games    []mirror.Game // as last shown
	problems []string      // what of the text could not be read
	faults   []error       // of each game, what of it could not be played
	unread   []string      // all that of it which the boards do not have either
	refused  []string      // what the boards did not take
	kept     int
	later    time.Time // when the games are to be applied, though they may not have changed; zero: not
	short    map[relay.GameID]shortened
	failed   int                  // polls in a row
	applied  *mirror.Replacements // by the last apply

	mu     sync.Mutex
	status Status // guarded by mu
}

// reader fetches the games of one kind of source. It returns false if they are as the last time, and tells
// what of them cannot be read.
type reader interface {
	read(ctx context.Context, f *fetcher, b *budget) (games []Game, problems []string, changed bool, err error)
}

func (s *poll) tell() Status {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.status
}

func (s *poll) run(ctx context.Context) {
	for ctx.Err() == nil {
		pause := s.once(ctx)
		s.mu.Lock()
		s.status.NextPoll = millis(time.Now().Add(pause))
		s.mu.Unlock()
		t := time.NewTimer(pause)
		select {
		case <-t.C:
		case <-ctx.Done():
			t.Stop()
			return
		}
	}
}

// once polls, and returns the pause before the next time.
func (s *poll) once(life context.Context) time.Duration {
	ctx, cancel := context.WithTimeout(life, pollTimeout)
	defer cancel()
	select {
	case s.slots <- struct{}{}:
		defer func() { <-s.slots }()
	case <-ctx.Done():
		return s.target.Interval() // all are busy with others
	}
	if !s.cfg.Leads() {
		return lookInterval // look ends this soon
	}
	var b budget
	b.left.Store(MaxBytes)
	if s.source == nil {
		s.source = newReader(s.target, s.lookup, &s.memory)
	}
	games, problems, changed, err := s.source.read(ctx, s.fetch, &b)
	now := time.Now()
	if err == nil && changed {
		s.take(games, problems)
		s.later = now
	}
	if err == nil && s.edited() {
		s.later = now
	}
	if err == nil && !s.later.IsZero() && !now.Before(s.later) {
		if err = s.apply(ctx, now); err != nil {
			s.later = now // again, even if the source shows nothing new
		}
	}
	if life.Err() != nil {
		return 0 // not the source's fault
	}
	s.note(now, &b, changed, err)
	if err == nil {
		s.failed = 0
		if s.finished() {
			return max(s.target.Interval(), finishedInterval)
		}
		return s.target.Interval()
	}
	s.failed++
	pause := min(s.target.Interval()<<min(s.failed, 10), maxBackoff)
	pause = max(pause/2+rand.N(pause/2), s.target.Interval())
	if a, ok := errors.AsType[*answerError](err); ok {
		pause = max(pause, a.retryAfter)
	}
	return pause
}

// finished reports whether the round is.
func (s *poll) finished() (yes bool) {
	s.cfg.Boards.Read(func(_ uint64, b *relay.State) {
		r, ok := b.Round(s.round)
		yes = ok && r.Status == relay.RoundFinished
	})
	return yes
}

// note writes down how a poll went.
func (s *poll) note(now time.Time, b *budget, changed bool, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	st := &s.status
	st.LastPoll = millis(now)
	st.Polls++
	s.total.polls.Add(1)
	bytes := uint64(b.spent.Load())
	st.Bytes += bytes
	s.total.bytes.Add(bytes)
	was, since := st.LastError, st.FailingSince
	st.LastError, st.FailingSince = "", 0
	switch {
	case err != nil:
		st.Errors++
		s.total.errors.Add(1)
		st.LastError, st.FailingSince = clip(err.Error()), cmp.Or(since, st.LastPoll)
		if st.LastError != was {
			log := s.log
			if local, ok := errors.AsType[*errLocal](err); ok {
				log = log.With("address", local.addr)
			}
			log.Warn("the source cannot be taken over", "err", err)
		}
		return
	case changed:
		st.LastChange = millis(now)
	default:
		st.Unchanged++
		s.total.unchanged.Add(1)
	}
	if was != "" {
		s.log.Info("the source is there again")
	}
	problems := slices.Concat(s.unread, s.refused)
	for i := range problems {
		problems[i] = clip(problems[i])
	}
	st.Games, st.Kept, st.Problems = len(s.games), s.kept, problems
	if n := len(problems); n > maxProblems {
		st.Problems = append(problems[:maxProblems:maxProblems], fmt.Sprintf("and %d more", n-maxProblems))
	}
}

// clip shortens a text that may quote the source.
func clip(s string) string {
	const enough = 300
	if len(s) <= enough {
		return s
	}
	return strings.ToValidUTF8(s[:enough], "") + "…"
}

func millis(t time.Time) relay.Millis { return relay.Millis(t.UnixMilli()) }
