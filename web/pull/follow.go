package pull

import (
	"fmt"
	"time"

	"github.com/chessrelay/chessrelay/relay"
	"github.com/chessrelay/chessrelay/relay/mirror"
	"github.com/chessrelay/chessrelay/relay/relaypb"
)

// boardProgress is what one source showed of a board.
type boardProgress struct {
	plies  int
	result relay.Result
	// another source is ahead, and nothing new came since; zero: none is ahead
	silentSince  time.Time
	missingSince time.Time // the source does not show the board since; zero: it does
}

// chooseSources returns the index of the source that each board follows. A board without a source
// is not in the map. The rules hold for each board alone:
//
//  1. A source is dead if its polls have failed for its SilentSeconds, or if it shows another
//     round.
//  2. A source is silent for a board if another one has more of the game. It must have shown
//     nothing new for its SilentSeconds since then. A player's long think makes no source silent.
//  3. The board follows the first source in the list that is neither dead nor silent for it.
//  4. The board changes only to a source with at least as many plies, with a result if the board
//     has one, and with no source ahead of it. So the board loses nothing, and does not come back
//     too early.
//  5. Without such a source, the board stays with its own, even if that is no longer in the list.
func (r *roundPuller) chooseSources(view mirror.Round, sources []*comparison, now time.Time) map[relay.GameID]int {
	shown := make(map[relay.GameID][]*mirror.Game, len(view.Games))
	for _, g := range view.Games {
		shown[g.ID] = make([]*mirror.Game, len(sources))
	}
	for i, s := range sources {
		for j, c := range s.changes {
			if of := shown[c.Game]; of != nil && of[i] == nil {
				of[i] = &s.games[j]
			}
		}
	}
	progress := make(map[relay.GameID][]boardProgress, len(view.Games))
	chosen := make(map[relay.GameID]int, len(view.Games))
	for _, g := range view.Games {
		ofBoard := r.progress[g.ID]
		if ofBoard == nil {
			ofBoard = make([]boardProgress, len(sources))
		}
		noteProgress(ofBoard, shown[g.ID], sources, now)
		progress[g.ID] = ofBoard
		if i := r.chooseSource(g, ofBoard, shown[g.ID], sources, now); i >= 0 {
			chosen[g.ID] = i
		}
	}
	r.progress = progress
	return chosen
}

// noteProgress notes what the sources show of a board now.
func noteProgress(progress []boardProgress, shown []*mirror.Game, sources []*comparison, now time.Time) {
	for i, s := range shown {
		p := &progress[i]
		if s == nil {
			p.missingSince = earliest(p.missingSince, now)
			continue
		}
		p.missingSince = time.Time{}
		behind := false
		for k, other := range shown {
			behind = behind || other != nil && !sources[k].dead && ahead(other, s)
		}
		switch news := p.plies != len(s.Moves) || p.result != s.Result; {
		case !behind:
			p.silentSince = time.Time{}
		case news || p.silentSince.IsZero():
			p.silentSince = now
		}
		p.plies, p.result = len(s.Moves), s.Result
	}
}

// ahead reports whether a has more of the game than b.
func ahead(a, b *mirror.Game) bool {
	over := func(g *mirror.Game) bool { return g.Result != "" && g.Result != relay.Ongoing }
	return len(a.Moves) > len(b.Moves) || len(a.Moves) == len(b.Moves) && over(a) && !over(b)
}

// boardAhead reports whether the board has more of the game than the source: moves, or a result
// that somebody has set.
func boardAhead(s *mirror.Game, g *relay.Game) bool {
	over := s.Result != "" && s.Result != relay.Ongoing
	return len(s.Moves) < int(g.Ply()) || g.Over() && !g.Automatic && !over
}

// chooseSource returns the index of the source that the board is to follow; -1 if no source shows
// it.
func (r *roundPuller) chooseSource(g *relay.Game, progress []boardProgress, shown []*mirror.Game, sources []*comparison, now time.Time) int {
	current := -1
	for i, s := range sources {
		if s.target.ID == g.Source {
			current = i
		}
	}
	changesSource := g.Source != "" && g.Source != relay.ManualSource // from one source to another
	for i, s := range sources {
		p := &progress[i]
		silence := s.target.Silence()
		switch {
		case s.dead:
		case shown[i] == nil:
			// A half-written file may lack a board for a moment.
			if i == current && !r.hasPassed(p.missingSince, silence, now) {
				return i
			}
		case !p.silentSince.IsZero() && r.hasPassed(p.silentSince, silence, now):
		case i != current && changesSource && (!p.silentSince.IsZero() || boardAhead(shown[i], g)):
		default:
			return i
		}
	}
	if current >= 0 || changesSource {
		return current
	}
	for i := range sources {
		if shown[i] != nil {
			return i
		}
	}
	return -1
}

// followsSource reports whether the board of a change follows the source. A new board is opened
// once every more trusted source has been read or is dead, since it may have the board too.
func (r *roundPuller) followsSource(view mirror.Round, sources []*comparison, chosen map[relay.GameID]int, source int, c mirror.Change) bool {
	if i, ok := chosen[c.Game]; ok {
		return i == source
	}
	for _, g := range view.Games {
		if g.ID == c.Game {
			return false // it was just opened for a more trusted source
		}
	}
	for _, s := range sources[:source] {
		if !s.everRead && !s.dead {
			return false
		}
	}
	return true
}

// followCommand is the command that records which source the board follows. It is nil if the board
// already has it, or if there is only one source.
func (s *comparison) followCommand(g *relay.Game) *relaypb.Command {
	if g == nil || g.Source == s.target.ID || g.Source == relay.ManualSource || g.Source == "" && len(s.sources) == 1 {
		return nil
	}
	const reserve = 100 // lines of the audit trail that stay free for everything else
	if len(g.Changes) > relay.MaxChanges-reserve {
		return nil
	}
	return &relaypb.Command{
		Request: fmt.Sprintf("follow/%s/%d/%s", g.ID, g.Index, s.target.ID), Source: s.target.ID,
		Op: &relaypb.Command_UpdateGame{UpdateGame: &relaypb.UpdateGame{Game: string(g.ID), Source: &s.target.ID}},
	}
}
