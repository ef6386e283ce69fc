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
	// State says it in words: "polled", "failing: …", "stopped: …" with the reason, "waiting: …",
	// or "starting".
	State      string       `json:"state"`
	LastPoll   relay.Millis `json:"lastPoll,omitempty"`
	LastChange relay.Millis `json:"lastChange,omitempty"` // when the source last showed something new
	NextPoll   relay.Millis `json:"nextPoll,omitempty"`
	LastError  string       `json:"lastError,omitempty"` // of the last poll; empty if it went well
	// FailingSince is when the current run of failed polls began; 0 if the last poll went well.
	FailingSince relay.Millis `json:"failingSince,omitempty"`
	Problems     []string     `json:"problems,omitempty"` // what of the games could not be taken, up to ten
	Polls        uint64       `json:"polls"`
	Unchanged    uint64       `json:"unchanged"`
	Errors       uint64       `json:"errors"`
	Bytes        uint64       `json:"bytes"`
	Games        int          `json:"games"`            // that the source shows
	Follow       int          `json:"follow,omitempty"` // boards that follow this source, of a round with several
	Kept         int          `json:"kept,omitempty"`   // plies that the boards have and the source does not
	Locked       int          `json:"locked,omitempty"` // boards where a person has set something else than the source says
}

// SourceStatus is a source of a round, and how it fares.
type SourceStatus struct {
	ID   string           `json:"id"`
	Kind relay.SourceKind `json:"kind"`
	URL  string           `json:"url"`
	Status
}

const maxProblems = 10

// poll polls one source of a round.
type poll struct {
	*round
	place  int // among the round's sources
	target target
	log    *slog.Logger

	// Owned by run.
	source reader
	failed int // polls in a row

	// Owned by whoever has the round's turn in its line.
	short map[relay.GameID]shortened

	mu       sync.Mutex
	shows    shown    // guarded by mu
	took     taken    // guarded by mu
	movedOn  string   // guarded by mu; says that the source shows another round
	problems []string // guarded by mu; what of the text could not be read
	status   Status   // guarded by mu
}

// shown is what a source shows.
type shown struct {
	games   []mirror.Game // not changed any more
	faults  []error       // of each game, what of it could not be played
	read    bool          // at least one poll went well
	failing time.Time     // when the current run of failed polls began; zero if the last poll went well
}

// taken is what became of it.
type taken struct {
	unread  []string // what of the games the boards do not have, since it cannot be played
	refused []string // what the boards did not take
	kept    int
	follow  int
	locked  int
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

// run polls, and compares the boards when that is due between two polls.
func (s *poll) run(ctx context.Context) {
	next := s.now()
	for ctx.Err() == nil {
		if now := s.now(); !now.Before(next) {
			next = now.Add(s.once(ctx))
			s.mu.Lock()
			s.status.NextPoll = millis(next)
			s.mu.Unlock()
		} else if err := s.catchUp(ctx); err != nil {
			s.log.Warn("what the source shows cannot be taken over", "err", err)
		}
		t := time.NewTimer(max(0, earliest(next, s.when()).Sub(s.now())))
		select {
		case <-t.C:
		case <-ctx.Done():
			t.Stop()
			return
		}
	}
}

// catchUp compares the boards if that is due at a time which has come. Those of a round that is
// over stay as they are.
func (s *poll) catchUp(life context.Context) error {
	if s.rests() != "" {
		s.forget()
		return nil
	}
	ctx, cancel := context.WithTimeout(life, pollTimeout)
	defer cancel()
	return s.settle(ctx, false)
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
	if why := s.rests(); why != "" {
		s.rest(why)
		return min(s.target.Interval(), restInterval)
	}
	var b budget
	b.left.Store(MaxBytes)
	if s.source == nil {
		s.source = newReader(s.target, s.lookup, &s.memory)
	}
	games, problems, changed, err := s.source.read(ctx, s.fetch, &b)
	if life.Err() != nil {
		return 0 // not the source's fault
	}
	s.show(games, problems, changed, err)
	if s.edited() {
		s.due(time.Time{})
	}
	if e := s.settle(ctx, true); err == nil {
		err = e
	}
	if life.Err() != nil {
		return 0
	}
	s.note(&b, changed, err)
	if err == nil {
		s.failed = 0
		if s.slow() {
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

// show notes what a poll brought.
func (s *poll) show(games []Game, problems []string, changed bool, err error) {
	now := s.now()
	s.mu.Lock()
	defer s.mu.Unlock()
	if err != nil {
		s.shows.failing = earliest(s.shows.failing, now)
		return
	}
	if changed {
		games = s.target.filter(games)
		s.shows.games, s.shows.faults, s.problems = make([]mirror.Game, len(games)), make([]error, len(games)), problems
		for i, g := range games {
			s.shows.games[i], s.shows.faults[i] = g.Game, g.Err
			// A text that ends in the middle is still being written.
			s.shows.games[i].Broken = g.Broken || g.Truncated
		}
	}
	if changed || !s.shows.failing.IsZero() {
		s.due(time.Time{})
	}
	s.shows.read, s.shows.failing = true, time.Time{}
}

// slow reports whether the source is to be asked less often: the round is finished, or the source
// has gone on to another.
func (s *poll) slow() (yes bool) {
	s.mu.Lock()
	yes = s.movedOn != ""
	s.mu.Unlock()
	s.cfg.Boards.Read(func(_ uint64, b *relay.State) {
		r, ok := b.Round(s.id)
		yes = yes || ok && r.Status == relay.RoundFinished
	})
	return yes
}

// rest writes down why the source is not polled.
func (s *poll) rest(why string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.status.State != why {
		s.log.Info("the source is not polled", "state", why)
	}
	s.status.State = why
}

// note writes down how a poll went.
func (s *poll) note(b *budget, changed bool, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	now := millis(s.now())
	st := &s.status
	st.LastPoll = now
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
		st.LastError, st.FailingSince = clip(err.Error()), cmp.Or(since, now)
		st.State = "failing: " + st.LastError
		if st.LastError != was {
			log := s.log
			if local, ok := errors.AsType[*errLocal](err); ok {
				log = log.With("address", local.addr)
			}
			log.Warn("the source cannot be taken over", "err", err)
		}
		return
	case changed:
		st.LastChange = now
	default:
		st.Unchanged++
		s.total.unchanged.Add(1)
	}
	if was != "" {
		s.log.Info("the source is there again")
	}
	s.noteTaken()
}

// noteTaken writes down what became of what the source shows. The caller holds mu.
func (s *poll) noteTaken() {
	st := &s.status
	problems := slices.Concat(s.problems, s.took.unread, s.took.refused)
	for i := range problems {
		problems[i] = clip(problems[i])
	}
	st.Games, st.Kept, st.Follow, st.Locked = len(s.shows.games), s.took.kept, s.took.follow, s.took.locked
	st.Problems = problems
	if n := len(problems); n > maxProblems {
		st.Problems = append(problems[:maxProblems:maxProblems], fmt.Sprintf("and %d more", n-maxProblems))
	}
	if st.LastError == "" {
		if st.State = "polled"; s.movedOn != "" {
			st.State = "stopped: " + s.movedOn
		}
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
