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

// target is a source, with the number of its round filled in.
type target struct{ relay.Source }

// Status is the state of a source, as the API shows it. Times are by this node's clock. Counts are
// those since it leads.
type Status struct {
	// State says it in words: "polled", "failing: …", "stopped: …" with the reason, "waiting: …",
	// or "starting".
	State      string       `json:"state"`
	LastPoll   relay.Millis `json:"lastPoll,omitempty"`
	LastChange relay.Millis `json:"lastChange,omitempty"` // when something new last came
	NextPoll   relay.Millis `json:"nextPoll,omitempty"`
	LastError  string       `json:"lastError,omitempty"` // of the last poll; empty if it succeeded
	// FailingSince is when the current run of failed polls began; 0 if the last poll succeeded.
	FailingSince relay.Millis `json:"failingSince,omitempty"`
	Problems     []string     `json:"problems,omitempty"` // with the games, at most ten and a count
	Polls        uint64       `json:"polls"`
	Unchanged    uint64       `json:"unchanged"`
	Errors       uint64       `json:"errors"`
	Bytes        uint64       `json:"bytes"`
	Games        int          `json:"games"`            // in the source
	Follow       int          `json:"follow,omitempty"` // boards; 0 with a single source
	Kept         int          `json:"kept,omitempty"`   // plies that only the boards have
	Locked       int          `json:"locked,omitempty"` // boards that differ because of a lock
}

// SourceStatus is a source of a round, and its state.
type SourceStatus struct {
	ID   string           `json:"id"`
	Kind relay.SourceKind `json:"kind"`
	URL  string           `json:"url"`
	Status
}

const maxProblems = 10

// poller polls one source of a round.
type poller struct {
	*roundPuller
	index  int // among the round's sources
	target target
	log    *slog.Logger

	// Owned by run.
	source   sourceReader
	failures int // polls in a row

	// Owned by the holder of the round's turn.
	shorterGames map[relay.GameID]shorterGame

	mu       sync.Mutex
	state    sourceState // guarded by mu
	lastTake takeReport  // guarded by mu
	movedOn  string      // guarded by mu; not empty: the source shows another round, in words
	problems []string    // guarded by mu; parts of the text that could not be read
	status   Status      // guarded by mu
}

// sourceState is what a source shows.
type sourceState struct {
	games    []mirror.Game // immutable
	faults   []error       // for each game, the part that could not be played
	everRead bool          // at least one poll succeeded
	// start of the current run of failed polls; zero: the last one succeeded
	failingSince time.Time
}

// takeReport is what the last comparison made of a source.
type takeReport struct {
	unplayable []string // errors of games that the boards do not have to the end
	refused    []string // errors of the boards
	kept       int
	following  int
	locked     int
}

// sourceReader fetches the games of one kind of source. changed is false if they are as they were
// the last time. problems are the parts that cannot be read.
type sourceReader interface {
	read(ctx context.Context, f *fetcher, b *budget) (games []Game, problems []string, changed bool, err error)
}

func (s *poller) currentStatus() Status {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.status
}

// run polls, and compares the boards if that is due between two polls.
func (s *poller) run(ctx context.Context) {
	next := s.now()
	for ctx.Err() == nil {
		if now := s.now(); !now.Before(next) {
			next = now.Add(s.pollOnce(ctx))
			s.mu.Lock()
			s.status.NextPoll = millis(next)
			s.mu.Unlock()
		} else if err := s.compareBetweenPolls(ctx); err != nil {
			s.log.Warn("the source's games could not be recorded", "err", err)
		}
		t := time.NewTimer(max(0, earliest(next, s.nextComparison()).Sub(s.now())))
		select {
		case <-t.C:
		case <-ctx.Done():
			t.Stop()
			return
		}
	}
}

// compareBetweenPolls compares the boards if a scheduled comparison is due. The boards of a round
// that is over stay as they are.
func (s *poller) compareBetweenPolls(life context.Context) error {
	if s.restReason() != "" {
		s.cancelComparison()
		return nil
	}
	ctx, cancel := context.WithTimeout(life, pollTimeout)
	defer cancel()
	return s.compareIfDue(ctx, false)
}

// pollOnce polls, and returns the pause before the next poll.
func (s *poller) pollOnce(life context.Context) time.Duration {
	ctx, cancel := context.WithTimeout(life, pollTimeout)
	defer cancel()
	select {
	case s.slots <- struct{}{}:
		defer func() { <-s.slots }()
	case <-ctx.Done():
		return s.target.Interval() // other sources have all slots
	}
	if !s.cfg.Leads() {
		return watchInterval // watchRounds is about to stop this poller
	}
	if why := s.restReason(); why != "" {
		s.noteRest(why)
		return min(s.target.Interval(), restInterval)
	}
	var b budget
	b.left.Store(MaxBytes)
	if s.source == nil {
		s.source = newReader(s.target, s.lookupURL, &s.memory)
	}
	games, problems, changed, err := s.source.read(ctx, s.fetch, &b)
	if life.Err() != nil {
		return 0 // not the source's fault
	}
	s.noteAnswer(games, problems, changed, err)
	if s.settingsChanged() {
		s.scheduleComparison(time.Time{})
	}
	if e := s.compareIfDue(ctx, true); err == nil {
		err = e
	}
	if life.Err() != nil {
		return 0
	}
	s.notePoll(&b, changed, err)
	if err == nil {
		s.failures = 0
		if s.pollsRarely() {
			return max(s.target.Interval(), finishedInterval)
		}
		return s.target.Interval()
	}
	s.failures++
	pause := min(s.target.Interval()<<min(s.failures, 10), maxBackoff)
	pause = max(pause/2+rand.N(pause/2), s.target.Interval())
	if a, ok := errors.AsType[*answerError](err); ok {
		pause = max(pause, a.retryAfter)
	}
	return pause
}

// noteAnswer notes what a poll brought.
func (s *poller) noteAnswer(games []Game, problems []string, changed bool, err error) {
	now := s.now()
	s.mu.Lock()
	defer s.mu.Unlock()
	if err != nil {
		s.state.failingSince = earliest(s.state.failingSince, now)
		return
	}
	if changed {
		games = s.target.filter(games)
		s.state.games, s.state.faults, s.problems = make([]mirror.Game, len(games)), make([]error, len(games)), problems
		for i, g := range games {
			s.state.games[i], s.state.faults[i] = g.Game, g.Err
			// A text that ends in the middle is still being written.
			s.state.games[i].Broken = g.Broken || g.Truncated
		}
	}
	if changed || !s.state.failingSince.IsZero() {
		s.scheduleComparison(time.Time{})
	}
	s.state.everRead, s.state.failingSince = true, time.Time{}
}

// pollsRarely reports whether longer pauses are enough: the round is finished, or the source has
// gone on to another one.
func (s *poller) pollsRarely() (yes bool) {
	s.mu.Lock()
	yes = s.movedOn != ""
	s.mu.Unlock()
	s.cfg.Boards.Read(func(_ uint64, b *relay.State) {
		r, ok := b.Round(s.id)
		yes = yes || ok && r.Status == relay.RoundFinished
	})
	return yes
}

// noteRest shows in the status why the source is not polled.
func (s *poller) noteRest(why string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.status.State != why {
		s.log.Info("the source is not polled", "state", why)
	}
	s.status.State = why
}

// notePoll shows in the status how a poll went.
func (s *poller) notePoll(b *budget, changed bool, err error) {
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
			if local, ok := errors.AsType[*localAddressError](err); ok {
				log = log.With("address", local.addr)
			}
			log.Warn("the poll failed", "err", err)
		}
		return
	case changed:
		st.LastChange = now
	default:
		st.Unchanged++
		s.total.unchanged.Add(1)
	}
	if was != "" {
		s.log.Info("polls succeed again")
	}
	s.updateStatus()
}

// updateStatus shows in the status what the comparison made of the source. The caller holds mu.
func (s *poller) updateStatus() {
	st := &s.status
	problems := slices.Concat(s.problems, s.lastTake.unplayable, s.lastTake.refused)
	for i := range problems {
		problems[i] = clip(problems[i])
	}
	st.Games, st.Kept, st.Follow, st.Locked = len(s.state.games), s.lastTake.kept, s.lastTake.following, s.lastTake.locked
	st.Problems = problems
	if n := len(problems); n > maxProblems {
		st.Problems = append(problems[:maxProblems:maxProblems], fmt.Sprintf("and %d more", n-maxProblems))
	}
	if st.LastError == "" {
		st.State = "polled"
		if s.movedOn != "" {
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
