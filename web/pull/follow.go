package pull

import (
	"fmt"
	"time"

	"github.com/chessrelay/chessrelay/relay"
	"github.com/chessrelay/chessrelay/relay/mirror"
	"github.com/chessrelay/chessrelay/relay/relaypb"
)

// boardLine is what one source showed of a board.
type boardLine struct {
	plies   int
	result  relay.Result
	silent  time.Time // since when it has shown nothing new while another source is ahead of it; zero: none is
	missing time.Time // since when it has not shown the board; zero: it does
}

// follow chooses the source of each board, and returns its place. A board that follows none now is
// not there.
//
// The rules, which hold for each board alone:
//
//  1. A source is dead if its polls have failed for its SilentSeconds, or if it shows another
//     round.
//  2. It is silent for a board if another source has more of the game, and it has shown nothing new
//     since for SilentSeconds. A player who thinks makes no source silent.
//  3. The board follows the first source in the list that is neither dead nor silent for it.
//  4. It goes to another source only if that one has at least as many plies as the board, a result
//     if the board has one, and is behind none. So it loses nothing, and does not come back too
//     early.
//  5. If there is no such source, the board stays with the one that it follows, also if that is
//     gone from the list.
func (r *roundPuller) follow(view mirror.Round, all []*offer, now time.Time) map[relay.GameID]int {
	shows := make(map[relay.GameID][]*mirror.Game, len(view.Games))
	for _, g := range view.Games {
		shows[g.ID] = make([]*mirror.Game, len(all))
	}
	for i, o := range all {
		for j, c := range o.changes {
			if of := shows[c.Game]; of != nil && of[i] == nil {
				of[i] = &o.games[j]
			}
		}
	}
	known := make(map[relay.GameID][]boardLine, len(view.Games))
	out := make(map[relay.GameID]int, len(view.Games))
	for _, g := range view.Games {
		lines := r.progress[g.ID]
		if lines == nil {
			lines = make([]boardLine, len(all))
		}
		watch(lines, shows[g.ID], all, now)
		known[g.ID] = lines
		if i := r.choose(g, lines, shows[g.ID], all, now); i >= 0 {
			out[g.ID] = i
		}
	}
	r.progress = known
	return out
}

// watch notes what the sources show of a board now.
func watch(lines []boardLine, shows []*mirror.Game, all []*offer, now time.Time) {
	for i, s := range shows {
		l := &lines[i]
		if s == nil {
			l.missing = earliest(l.missing, now)
			continue
		}
		l.missing = time.Time{}
		behind := false
		for k, other := range shows {
			behind = behind || other != nil && !all[k].dead && ahead(other, s)
		}
		switch news := l.plies != len(s.Moves) || l.result != s.Result; {
		case !behind:
			l.silent = time.Time{}
		case news || l.silent.IsZero():
			l.silent = now
		}
		l.plies, l.result = len(s.Moves), s.Result
	}
}

// ahead reports whether a has more of the game than b.
func ahead(a, b *mirror.Game) bool {
	over := func(g *mirror.Game) bool { return g.Result != "" && g.Result != relay.Ongoing }
	return len(a.Moves) > len(b.Moves) || len(a.Moves) == len(b.Moves) && over(a) && !over(b)
}

// behind reports whether the board has more of the game than the source: moves, or a result that
// somebody has told.
func behind(s *mirror.Game, g *relay.Game) bool {
	over := s.Result != "" && s.Result != relay.Ongoing
	return len(s.Moves) < int(g.Ply()) || g.Over() && !g.Automatic && !over
}

// choose returns the place of the source that the board is to follow; -1 if no source shows it.
func (r *roundPuller) choose(g *relay.Game, lines []boardLine, shows []*mirror.Game, all []*offer, now time.Time) int {
	current := -1
	for i, o := range all {
		if o.target.ID == g.Source {
			current = i
		}
	}
	moves := g.Source != "" && g.Source != relay.ManualSource // from one source to another
	for i, o := range all {
		l := &lines[i]
		silence := o.target.Silence()
		switch {
		case o.dead:
		case shows[i] == nil:
			// A file that is being written may lack a board for a moment.
			if i == current && !r.passed(l.missing, silence, now) {
				return i
			}
		case !l.silent.IsZero() && r.passed(l.silent, silence, now):
		case i != current && moves && (!l.silent.IsZero() || behind(shows[i], g)):
		default:
			return i
		}
	}
	if current >= 0 || moves {
		return current
	}
	for i := range all {
		if shows[i] != nil {
			return i
		}
	}
	return -1
}

// mine reports whether what the source at that place says of a game is for the boards. A board that
// is not there yet is opened once every source that is trusted more has been read, or is dead: it
// may have the board too.
func (r *roundPuller) mine(view mirror.Round, all []*offer, follow map[relay.GameID]int, place int, c mirror.Change) bool {
	if i, ok := follow[c.Game]; ok {
		return i == place
	}
	for _, g := range view.Games {
		if g.ID == c.Game {
			return false // it was opened a moment ago, for a source that is trusted more
		}
	}
	for _, o := range all[:place] {
		if !o.everRead && !o.dead {
			return false
		}
	}
	return true
}

// followed is the command that says which source the board follows; nil if it says so already, or
// if there is but one source.
func (o *offer) followed(g *relay.Game) *relaypb.Command {
	if g == nil || g.Source == o.target.ID || g.Source == relay.ManualSource || g.Source == "" && len(o.sources) == 1 {
		return nil
	}
	const reserve = 100 // lines of the audit trail that are left for everything else
	if len(g.Changes) > relay.MaxChanges-reserve {
		return nil
	}
	return &relaypb.Command{
		Request: fmt.Sprintf("follow/%s/%d/%s", g.ID, g.Index, o.target.ID), Source: o.target.ID,
		Op: &relaypb.Command_UpdateGame{UpdateGame: &relaypb.UpdateGame{Game: string(g.ID), Source: &o.target.ID}},
	}
}
