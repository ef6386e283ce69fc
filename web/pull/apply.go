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

const (
	// patience is for how long a source must show the same before moves are taken back that it merely lacks.
	patience = 30 * time.Second
	// maxTries is how often the boards are brought to what the source shows, if others change them meanwhile.
	maxTries = 3
	// maxBatch bounds the commands that are submitted at once.
	maxBatch = 1000
)

// shortened is a game of which the source shows less than the boards have.
type shortened struct {
	moves int // that the source shows
	since time.Time
}

// take notes what was read, as it can be compared with the boards.
func (s *poll) take(games []Game, problems []string) {
	s.games, s.faults, s.problems = make([]mirror.Game, len(games)), make([]error, len(games)), problems
	for i, g := range games {
		s.games[i], s.faults[i] = g.Game, g.Err
		// A text that ends in the middle is still being written.
		s.games[i].Broken = g.Broken || g.Truncated
	}
}

// apply brings the boards to what the source shows.
func (s *poll) apply(ctx context.Context, now time.Time) error {
	s.refused = nil
	turn := s.lines.Enter(s.round)
	defer turn.Leave()
	if err := turn.Wait(ctx); err != nil {
		return fmt.Errorf("a push to the round is being recorded: %w", err)
	}
	if err := s.cfg.Sync(ctx); err != nil {
		return fmt.Errorf("the boards cannot be compared: %w", err)
	}
	for try := 1; ; try++ {
		round := s.boards()
		if round.ID == "" {
			return errors.New("the round is gone")
		}
		s.applied = round.Players
		changes := s.changes(round, now)
		s.unread = slices.Clone(s.problems)
		for i, c := range changes {
			if s.faults[i] != nil && c.Warning != "" { // else the boards have what could not be played
				s.unread = append(s.unread, s.faults[i].Error())
			}
		}
		var commands []*relaypb.Command
		for _, c := range changes {
			commands = append(commands, c.Commands...)
		}
		if len(commands) == 0 {
			s.refused, _ = refusals(changes, nil)
			return nil
		}
		if !s.cfg.Leads() {
			return errors.New("this node no longer leads")
		}
		var outcomes []relay.Outcome
		for batch := range slices.Chunk(commands, maxBatch) {
			out, err := s.cfg.Submit(ctx, batch...)
			if err != nil {
				return fmt.Errorf("what the source shows could not be recorded: %w", err)
			}
			outcomes = append(outcomes, out...)
			s.total.commands.Add(uint64(len(batch)))
		}
		again := false
		if s.refused, again = refusals(changes, outcomes); !again || try == maxTries {
			return nil // what was refused is asked for again when the source shows something else
		}
	}
}

// refusals are what the boards did not take, one of each game, since what follows in it is refused because of that. again says that
// somebody else may have changed a game meanwhile.
func refusals(changes []mirror.Change, outcomes []relay.Outcome) (out []string, again bool) {
	for _, c := range changes {
		err := c.Err
		for _, o := range outcomes[:len(c.Commands)] {
			if err == nil {
				err = o.Err
			}
		}
		outcomes = outcomes[len(c.Commands):]
		if err != nil {
			out = append(out, fmt.Sprintf("board %d: %v", c.Board, err))
		}
		again = again || errors.Is(err, relay.ErrPlyConflict) || errors.Is(err, relay.ErrGameOver) ||
			errors.Is(err, relay.ErrBoardTaken) || errors.Is(err, relay.ErrNotFound)
	}
	return out, again
}

// boards reads the round.
func (s *poll) boards() (round mirror.Round) {
	s.cfg.Boards.Read(func(_ uint64, b *relay.State) {
		r, ok := b.Round(s.round)
		if !ok {
			return
		}
		t, _ := b.Tournament(r.Tournament)
		round = mirror.Round{ID: r.ID, Shorten: r.Shorten, Players: s.players.Of(t)}
		for _, id := range r.Games {
			if g, ok := b.Game(id); ok {
				round.Games = append(round.Games, g)
			}
		}
	})
	return round
}

// changes are what leads from the round to what the source shows. Games of which it shows less are shortened only if
// the round says so, and once they have been as short for some time; later is set to when that will be.
func (s *poll) changes(round mirror.Round, now time.Time) []mirror.Change {
	shorten := round.Shorten
	round.Shorten = false
	changes := mirror.Diff(round, s.games)
	short := map[relay.GameID]shortened{}
	games := slices.Clone(s.games)
	s.later, s.kept = time.Time{}, 0
	for i, c := range changes {
		if c.Kept == 0 {
			continue
		}
		is := shortened{len(s.games[i].Moves), now}
		if was, ok := s.short[c.Game]; ok && was.moves == is.moves {
			is = was
		}
		short[c.Game] = is
		settled := is.since.Add(patience)
		if shorten && !s.games[i].Broken && !now.Before(settled) {
			continue // this one is taken back
		}
		games[i].Broken = true
		s.kept += c.Kept
		if shorten && !s.games[i].Broken && (s.later.IsZero() || settled.Before(s.later)) {
			s.later = settled
		}
	}
	s.short = short
	round.Shorten = shorten
	return mirror.Diff(round, games)
}
