package pull

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/chessrelay/chessrelay/relay"
	"github.com/chessrelay/chessrelay/relay/mirror"
	"github.com/chessrelay/chessrelay/relay/relaypb"
)

// takebackDelay is how long a source must show the same before moves that it lacks are taken back.
const takebackDelay = 30 * time.Second

// shorterGame is a game of which the source shows less than the boards have.
type shorterGame struct {
	plies int // in the source
	since time.Time
}

// comparison is one source while the boards are compared.
type comparison struct {
	*poller
	sourceState
	movedOn string          // not empty: all its games are of another round, in words
	leftOut string          // not empty: some of its games are of another round, in words
	dead    bool            // it has failed for so long that boards change to others
	changes []mirror.Change // one for each of its games; nothing is taken back
}

// usable reports whether boards may take anything from the source now.
func (s *comparison) usable() bool { return s.everRead && s.movedOn == "" }

// compareIfDue compares the boards with the sources if that is due. polled says that a poll has
// just ended. Then a comparison that failed before is tried again.
func (r *roundPuller) compareIfDue(ctx context.Context, polled bool) error {
	if !r.comparisonDue(polled) {
		return nil
	}
	turn := r.Puller.queues.Enter(r.id)
	defer turn.Leave()
	if err := turn.Wait(ctx); err != nil {
		return fmt.Errorf("a push to the round is being recorded: %w", err)
	}
	if !r.comparisonDue(polled) {
		return nil // another source's poller has done it
	}
	r.mu.Lock()
	r.compareSoon, r.compareLater = false, time.Time{}
	r.mu.Unlock()
	err := r.compare(ctx)
	if err != nil {
		r.scheduleComparison(time.Time{})
	}
	return err
}

func (r *roundPuller) comparisonDue(polled bool) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return polled && r.compareSoon || !r.compareLater.IsZero() && !r.now().Before(r.compareLater)
}

// compare brings the boards to what the sources show. The caller has the round's turn.
func (r *roundPuller) compare(ctx context.Context) error {
	if err := r.cfg.Sync(ctx); err != nil {
		return fmt.Errorf("the boards cannot be compared: %w", err)
	}
	return mirror.Converge(func(bool) (again bool, err error) { return r.takeFromAll(ctx) })
}

// takeFromAll changes the boards of each source, the most trusted first. again says that another
// attempt is needed: somebody else may have changed a game, or new boards must follow a source.
func (r *roundPuller) takeFromAll(ctx context.Context) (again bool, err error) {
	now := r.now()
	view := r.view()
	if view.ID == "" {
		return false, errors.New("the round is gone")
	}
	r.mu.Lock()
	r.playersCompared, r.locksCompared = view.Players, lockHash(view.Games)
	r.mu.Unlock()
	sources := r.comparisons(view, now)
	chosen := r.chooseSources(view, sources, now)
	anySubmitted := false
	for i, s := range sources {
		report := takeReport{}
		if s.usable() {
			if anySubmitted { // the next source must see the boards that were just opened
				view = r.view()
				s.changes = s.diff(view)
			}
			follows := func(c mirror.Change) bool { return r.followsSource(view, sources, chosen, i, c) }
			changes := s.withTakebacks(view, follows, now, &report)
			submitted, retry, err := s.submitChanges(ctx, view, changes, follows, &report)
			if err != nil {
				return false, err
			}
			anySubmitted, again = anySubmitted || submitted > 0, again || retry
		}
		if s.leftOut != "" {
			report.refused = append(report.refused, s.leftOut)
		}
		s.mu.Lock()
		s.poller.lastTake, s.poller.movedOn = report, s.movedOn
		s.updateStatus()
		s.mu.Unlock()
	}
	return again, nil
}

// comparisons are the sources, compared with the boards.
func (r *roundPuller) comparisons(view mirror.Round, now time.Time) []*comparison {
	sources := make([]*comparison, len(r.sources))
	for i, p := range r.sources {
		p.mu.Lock()
		s := &comparison{poller: p, sourceState: p.state}
		p.mu.Unlock()
		sources[i] = s
		s.leaveOutOtherRounds(view)
		if s.usable() {
			s.changes = s.diff(view)
		}
		broken := s.failingSince
		if !s.everRead && broken.IsZero() {
			broken = r.began // its first poll is still on its way
		}
		if !broken.IsZero() {
			s.dead = r.hasPassed(broken, s.target.Silence(), now)
		}
		s.dead = s.dead || s.movedOn != ""
	}
	return sources
}

// leaveOutOtherRounds removes the games of other rounds. If no game is left, the source has moved
// on.
func (s *comparison) leaveOutOtherRounds(view mirror.Round) {
	inSource, inRound, foreign := mirror.OtherRound(view, s.games)
	if len(foreign) == 0 {
		return
	}
	tagged := 0
	for i := range s.games {
		if s.games[i].Round != "" {
			tagged++
		}
	}
	if len(foreign) == tagged {
		s.movedOn = fmt.Sprintf("the source now shows round %s, but the games of this round are of round %s", inSource, inRound)
		return
	}
	s.leftOut = fmt.Sprintf("%d games of round %s are left out: the games of this round are of round %s", len(foreign), inSource, inRound)
	games, faults := make([]mirror.Game, 0, len(s.games)), make([]error, 0, len(s.games))
	for i := range s.games {
		if !slices.Contains(foreign, i) {
			games, faults = append(games, s.games[i]), append(faults, s.faults[i])
		}
	}
	s.games, s.faults = games, faults
}

// hasPassed reports whether d has passed since then. Otherwise it schedules a comparison for that
// time.
func (r *roundPuller) hasPassed(since time.Time, d time.Duration, now time.Time) bool {
	if at := since.Add(d); now.Before(at) {
		if len(r.sources) > 1 {
			r.scheduleComparison(at)
		}
		return false
	}
	return true
}

// diff compares without taking back moves that the source lacks.
func (s *comparison) diff(view mirror.Round) []mirror.Change {
	view.Source, view.Shorten = s.target.ID, false
	return mirror.Diff(view, s.games)
}

// withTakebacks returns the changes with takebacks of moves that the source no longer shows. A move
// is taken back only if the round says so, and once the source has shown the same for
// takebackDelay. Until then the boards keep it, and report counts it.
func (s *comparison) withTakebacks(view mirror.Round, follows func(mirror.Change) bool, now time.Time, report *takeReport) []mirror.Change {
	shorter := map[relay.GameID]shorterGame{}
	takesBack := false
	kept := make([]bool, len(s.changes))
	for i, c := range s.changes {
		if c.Kept == 0 || !follows(c) {
			continue
		}
		short := shorterGame{len(s.games[i].Moves), now}
		if was, ok := s.shorterGames[c.Game]; ok && was.plies == short.plies {
			short = was
		}
		shorter[c.Game] = short
		if view.Shorten && !s.games[i].Broken && s.failingSince.IsZero() {
			at := short.since.Add(takebackDelay)
			if !now.Before(at) {
				takesBack = true // this one is taken back
				continue
			}
			s.scheduleComparison(at)
		}
		kept[i] = true
		report.kept += c.Kept
	}
	s.shorterGames = shorter
	if !takesBack {
		return s.changes
	}
	games := slices.Clone(s.games)
	for i := range games {
		games[i].Broken = games[i].Broken || kept[i]
	}
	view.Source = s.target.ID
	return mirror.Diff(view, games)
}

// submitChanges submits the commands for the boards that follow the source, and returns their
// number.
func (s *comparison) submitChanges(
	ctx context.Context, view mirror.Round, changes []mirror.Change, follows func(mirror.Change) bool, report *takeReport,
) (n int, again bool, err error) {
	boards := make(map[relay.GameID]*relay.Game, len(view.Games))
	for _, g := range view.Games {
		boards[g.ID] = g
	}
	followed := make([]mirror.Change, 0, len(changes))
	opened := false
	for i, c := range changes {
		if !follows(c) {
			continue
		}
		g := boards[c.Game]
		opened = opened || c.New
		if g != nil || c.New {
			report.following++
		}
		if len(c.Locked) > 0 {
			report.locked++
		}
		// Without a warning, the boards have the move that could not be played.
		if s.faults[i] != nil && c.Warning != "" {
			report.unplayable = append(report.unplayable, s.faults[i].Error())
		}
		if update := s.followCommand(g); update != nil {
			c.Commands = slices.Concat([]*relaypb.Command{update}, c.Commands)
		}
		followed = append(followed, c)
		n += len(c.Commands)
	}
	if len(s.sources) == 1 {
		report.following = 0
	}
	if n > 0 && !s.cfg.Leads() {
		return 0, false, errors.New("this node no longer leads")
	}
	refused, again, err := mirror.Submit(ctx, followed, s.cfg.Submit)
	if err != nil {
		return 0, false, fmt.Errorf("the source's changes could not be recorded: %w", err)
	}
	s.total.commands.Add(uint64(n))
	for i, err := range refused {
		switch board := followed[i].Board; {
		case err != nil && board > 0:
			report.refused = append(report.refused, fmt.Sprintf("board %d: %v", board, err))
		case err != nil:
			report.refused = append(report.refused, err.Error())
		}
	}
	return n, again || opened && len(s.sources) > 1, nil
}

// view reads the round.
func (r *roundPuller) view() (view mirror.Round) {
	r.cfg.Boards.Read(func(_ uint64, b *relay.State) {
		is, ok := b.Round(r.id)
		if !ok {
			return
		}
		t, _ := b.Tournament(is.Tournament)
		view = mirror.Round{ID: is.ID, Deleted: b.DeletedGames(r.id), Shorten: is.Shorten, Players: r.players.Of(t)}
		for _, id := range is.Games {
			if g, ok := b.Game(id); ok {
				view.Games = append(view.Games, g)
			}
		}
	})
	return view
}
