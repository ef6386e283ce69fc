package mirror

import (
	"strings"

	"github.com/chessrelay/chessrelay/relay"
)

// This file judges whether a game of the source is a game of the round. The rules stand in doc.go;
// the first number of a constant's comment is that of the rule.

// A rank is how strong the evidence is that two games are one.
type rank int

const (
	none      rank = iota
	sameLine       // 5. one player, and many moves
	sameBoard      // 4. the board, and one player or the moves
	likePair       // 3. names that may be theirs
	swapped        // 2. both players, with the other colours
	samePair       // 2. event, round and both players
	sameID         // 1. the id in the source
)

// tellingPlies are so many that two games of one round that have them in common are probably one.
const tellingPlies = 10

// said is a game of the source with what follows from the games around it.
type said struct {
	*Game
	key   string    // the request id of its creation
	board int       // 0: none that can be believed
	place int       // in the source, from 1
	head  heading   // of its tags
	who   [2]person // White, Black
	twice bool      // the source has another game of the same two
}

// A relation is how the moves of a game of the source stand to those of one of the round.
type relation struct {
	common   int // plies at the beginning that are the same
	stands   int // plies of the round's game
	told     int // plies of the source's
	start    bool
	resemble bool // most plies are the same, place by place
}

func (s *said) relation(g *seat) relation {
	r := relation{stands: len(g.moves), told: len(s.Moves), start: sameStart(g, s.Game)}
	if !r.start {
		return r
	}
	r.common = common(g, s.Game)
	if n := min(r.stands, r.told); r.common < n {
		alike := r.common
		for i := r.common; i < n; i++ {
			if sameMove(g, i, &s.Moves[i]) {
				alike++
			}
		}
		r.resemble = 2*alike >= n && n >= 4
	}
	return r
}

// agree: one of the two can be the other one a while ago, and both have a move. A game without
// moves agrees with nothing.
func (r relation) agree() bool { return r.start && r.common > 0 && r.common == min(r.stands, r.told) }

// many: they agree over so many moves that it is no accident.
func (r relation) many() bool { return r.agree() && r.common >= tellingPlies }

// over: somebody has said how the game ended. An automatic result goes with the moves.
func (g *seat) over() bool { return g.Over() && !g.Automatic }

// untouched: nothing is recorded that could be lost.
func (g *seat) untouched() bool { return len(g.moves) == 0 && !g.over() }

// nobody: the players are not known.
func nobody(who *[2]person) bool { return len(who[0].keys) == 0 && len(who[1].keys) == 0 }

func (s *said) nobody() bool { return nobody(&s.who) }
func (g *seat) nobody() bool { return nobody(&g.who) }

// at reports whether the source gives the game the number of the board.
func (s *said) at(g *seat) bool {
	return s.board > 0 && (s.board == g.Board || s.board == g.board)
}

// corrects reports whether the source's moves, which are not those that stand, can be a correction
// of them. A correction keeps the beginning. It goes back a little way, or over less than half of
// the game, or leaves most moves as they were. A game that is over is corrected only by a source in
// which it is over as well.
func (s *said) corrects(g *seat, r relation) bool {
	switch {
	case !r.start:
		return r.stands == 0
	case r.common == min(r.stands, r.told):
		return true
	case g.over() && s.Result == relay.Ongoing: // reopened at its end, or another game with the same opening
		return (r.common >= tellingPlies || s.at(g) && r.common >= tellingPlies/2) && 4*r.common >= 3*r.stands
	case g.over() && r.common > 0:
		return 2*r.common >= min(r.stands, r.told) || r.resemble
	case g.over():
		return false
	case r.common == 0: // the first moves of a game were entered wrongly, such as e3 by a pawn on its way to e4
		few := 2
		if s.at(g) {
			few = 4
		}
		return !s.twice && (r.stands <= few || s.at(g) && r.resemble)
	}
	return r.stands-r.common <= tellingPlies || 2*r.common >= r.stands || r.resemble
}

// evidence weighs what speaks for the game being that of the seat.
func (s *said) evidence(g *seat, elsewhere func(p *person) bool) rank {
	r := s.relation(g)
	straight := [2]likeness{s.who[0].like(&g.who[0]), s.who[1].like(&g.who[1])}
	crossed := [2]likeness{s.who[0].like(&g.who[1]), s.who[1].like(&g.who[0])}
	somebody := max(straight[0], straight[1], crossed[0], crossed[1]) >= similar
	if s.ID != "" && g.id != "" {
		switch {
		case s.ID == g.id && (r.start || r.stands == 0) && (somebody || r.agree() || g.untouched()):
			return sameID
		case s.ID == g.id || !r.many():
			return none
		}
	}
	if differ(s.head.round, g.place.round) {
		return none
	}
	otherEvent := differ(s.head.event, g.place.event)
	harmless := g.untouched() || r.agree()
	switch low, high := min(straight[0], straight[1]), max(straight[0], straight[1]); {
	case low == same && otherEvent && harmless, low == same && !otherEvent && s.corrects(g, r):
		return samePair
	case low == same:
		return none
	case min(crossed[0], crossed[1]) == same:
		if harmless && !otherEvent && (!g.over() || s.Result == g.Result || s.at(g)) {
			return swapped
		}
		return none
	case otherEvent:
		return none
	case high == same && low == similar && (harmless || s.corrects(g, r)),
		high == same && low == unknown && harmless,
		low == similar && harmless && (r.agree() || s.at(g)):
		// A source that shows a name otherwise, and less of the game, changes nothing but the name.
		if !s.resultStands(g, r) && !(high == same && low == similar && (r.agree() || r.told == 0 || s.Result != relay.Ongoing)) {
			return none
		}
		return likePair
	}
	// The source called the players so when the board was opened. They may have been renamed since,
	// or are nobody in particular.
	if s.key == g.key() && harmless && s.resultStands(g, r) || s.key == g.key() && s.nobody() && g.nobody() && s.corrects(g, r) {
		return likePair
	}
	if rank := s.boardEvidence(g, r, straight, crossed, elsewhere); rank != none {
		return rank
	}
	if max(straight[0], straight[1]) >= similar && r.many() && s.resultStands(g, r) {
		return sameLine
	}
	return none
}

// resultStands reports whether the source does not contradict a result that stands.
func (s *said) resultStands(g *seat, r relation) bool {
	return !g.over() || s.Result == "" || s.Result == g.Result || r.many() && r.told >= r.stands
}

// boardEvidence is that of the board's number.
func (s *said) boardEvidence(g *seat, r relation, straight, crossed [2]likeness, elsewhere func(*person) bool) rank {
	if !s.at(g) || differ(s.head.date, g.place.date) || differ(s.head.site, g.place.site) || !s.resultStands(g, r) {
		return none
	}
	for i := range 2 { // one player is the same, in either colour
		others := &g.who[1-i]
		if straight[i] < similar && crossed[1-i] < similar {
			continue
		}
		if elsewhere(others) {
			return none
		}
		if g.untouched() || r.agree() || r.told > 0 && s.corrects(g, r) {
			return sameBoard
		}
	}
	if g.nobody() && (g.untouched() || r.agree()) || r.many() {
		return sameBoard
	}
	return none
}

// common is the number of plies that both have at the start.
func common(g *seat, s *Game) int {
	n := min(len(g.moves), len(s.Moves))
	for i := range n {
		if !sameMove(g, i, &s.Moves[i]) {
			return i
		}
	}
	return n
}

// sameMove compares the move at index i. It also takes the two ways to write castling for one: as
// the king's step, and as the king taking its rook, which is how it is written in Chess960. That
// starts from the usual position too, now and then.
func sameMove(g *seat, i int, told *Move) bool {
	stands, ply := &g.moves[i], relay.Ply(i)+1
	switch {
	case stands.Is(told.UCI) && told.FEN == "":
		return true
	case stands.Illegal && told.FEN != "":
		m := g.MoveAt(ply)
		return m.SAN == told.UCI && m.FEN == told.FEN
	case stands.Illegal || told.FEN != "":
		return false
	}
	return kingTakesRook.Replace(stands.UCI()) == kingTakesRook.Replace(told.UCI) && strings.HasPrefix(g.MoveAt(ply).SAN, "O-O")
}

var kingTakesRook = strings.NewReplacer("e1g1", "e1h1", "e1c1", "e1a1", "e8g8", "e8h8", "e8c8", "e8a8")

// sameStart compares the men and who moves; the rest is written by different customs.
func sameStart(g *seat, s *Game) bool { return s.noStart || men(g.StartFEN) == men(s.StartFEN) }

func men(fen string) string {
	if fen == "" {
		fen = relay.StartFEN
	}
	fields := strings.Fields(fen)
	return strings.Join(fields[:min(2, len(fields))], " ")
}
