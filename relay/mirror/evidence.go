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

// around is what the other games of the source and the other boards of the round say of a pair of
// games.
type around struct {
	// elsewhere: the source has the person at another of its games.
	elsewhere func(p *person) bool
	// seated: the round has the person at another board than that one.
	seated func(p *person, but *seat) bool
	// shows: the source has a game of that id.
	shows func(id string) bool
}

// A relation is how the moves of a game of the source stand to those of one of the round.
type relation struct {
	common   int // plies at the beginning that are the same
	stands   int // plies of the round's game
	told     int // plies of the source's
	start    bool
	resemble bool // most plies are the same, place by place
}

// relation compares with the moves that stand and, where a person has changed them, with those that
// the source had before: what a person has fixed contradicts no source.
func (s *said) relation(g *seat) relation {
	r := relation{stands: len(g.moves), told: len(s.Moves), start: startAgrees(g, s.Game)}
	if !r.start {
		return r
	}
	r.common = common(g, s.Game)
	if n := min(r.stands, r.told); r.common < n {
		alike, others := r.common, 0
		for i := r.common; i < n && 2*others <= n && 2*alike < n; i++ {
			if sameMove(g, i, &s.Moves[i]) {
				alike++
			} else {
				others++
			}
		}
		r.resemble = 2*alike >= n && n >= 4
	}
	for _, before := range g.before {
		same := 0
		for same < min(len(before), r.told) && before[same] == s.Moves[same].UCI {
			same++
		}
		if same > r.common && same == min(len(before), r.told) {
			r = relation{common: same, stands: len(before), told: r.told, start: true}
		}
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
func (g *seat) untouched() bool { return len(g.moves) == 0 && !g.Over() }

// nobody: the players are not known.
func nobody(who *[2]person) bool { return len(who[0].keys) == 0 && len(who[1].keys) == 0 }

func (s *said) nobody() bool { return nobody(&s.who) }
func (g *seat) nobody() bool { return nobody(&g.who) }

// at reports whether the source gives the game the number of the board.
func (s *said) at(g *seat) bool {
	return s.board > 0 && (s.board == g.Board || s.board == g.board)
}

// corrects reports whether the source's moves, which are not those that stand, can be a correction
// of them by the same players. A correction keeps the beginning. It goes back a little way, or over
// less than half of the game, or leaves most moves as they were. A game that is over is corrected
// only by a source in which it is over as well, and only near its end.
func (s *said) corrects(g *seat, r relation) bool {
	lost := r.stands - r.common
	switch {
	case !r.start:
		return r.stands == 0
	case r.common == min(r.stands, r.told):
		return true
	case g.over() && (s.Result == relay.Ongoing || r.common == 0):
		return false
	case g.over():
		const few = 3
		return lost <= few && 2*r.common >= r.stands || r.resemble || s.Result == g.Result && 4*r.common >= 3*r.stands
	case r.common == 0: // the first moves of a game were entered wrongly, such as e3 by a pawn on its way to e4
		few := 2
		if s.at(g) {
			few = 4
		}
		return !s.twice && (r.stands <= few || s.at(g) && r.resemble)
	}
	return lost <= tellingPlies || 2*r.common >= r.stands || r.resemble
}

// evidence weighs what speaks for the game being that of the seat.
func (s *said) evidence(g *seat, near *around) rank {
	if differ(s.head.round, g.place.round) {
		return none
	}
	r := s.relation(g)
	straight := [2]likeness{s.who[0].like(&g.who[0]), s.who[1].like(&g.who[1])}
	crossed := [2]likeness{s.who[0].like(&g.who[1]), s.who[1].like(&g.who[0])}
	low, high := min(straight[0], straight[1]), max(straight[0], straight[1])
	pair := low >= similar || min(crossed[0], crossed[1]) >= similar
	corrects := s.corrects(g, r)
	switch {
	case differ(s.ID, g.id): // two names for one game are met where the source makes them anew
		if near.shows(g.id) || low < same || !(r.agree() || g.untouched()) || !s.resultStands(g) {
			return none
		}
	case s.ID != "" && s.ID == g.id:
		known := pair || high == same && s.sameNobody(g) // as in a bye
		one := max(high, crossed[0], crossed[1]) >= similar
		if g.untouched() || known && corrects && !s.newDay(g) || one && r.agree() && s.resultStands(g) {
			return sameID
		}
		return none // the id is used again
	}
	otherEvent := differ(s.head.event, g.place.event)
	harmless := g.untouched() || r.agree()
	switch {
	case low == same && otherEvent && harmless, low == same && !otherEvent && corrects && !s.newDay(g):
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
	case high == same && low == similar && corrects && !s.newDay(g):
		// A source that shows a name otherwise, and less of the game, changes nothing but the name.
		if s.resultStands(g) || r.agree() || r.told == 0 || s.Result != relay.Ongoing {
			return likePair
		}
		return none
	case high == same && low == unknown && (harmless || s.sameNobody(g) && corrects),
		low == similar && harmless && (r.agree() || s.at(g) || r.told == 0):
		if s.resultStands(g) || r.agree() && r.told >= r.stands && low == similar {
			return likePair
		}
		return none
	}
	// The source called the players so when the board was opened. They may have been renamed since,
	// or are nobody in particular.
	if s.key == g.key() && s.resultStands(g) && (harmless || s.nobody() && g.nobody() && corrects) {
		return likePair
	}
	if rank := s.boardEvidence(g, r, straight, crossed, near); rank != none {
		return rank
	}
	for i := range 2 {
		if straight[i] >= similar && r.many() && !g.over() && !near.elsewhere(&g.who[1-i]) && !near.seated(&s.who[1-i], g) {
			return sameLine
		}
	}
	return none
}

// resultStands reports whether the source does not contradict a result that stands. One that a
// person has set contradicts no source.
func (s *said) resultStands(g *seat) bool {
	_, locked := g.Lock(relay.LockResult)
	return !g.over() || locked || s.Result == "" || s.Result == g.Result
}

// newDay: the game that stands is over, and the source has one that goes on, of another date.
func (s *said) newDay(g *seat) bool {
	return g.over() && s.Result == relay.Ongoing && differ(s.head.date, g.place.date)
}

// sameNobody reports whether nobody in particular sits at the same side in both.
func (s *said) sameNobody(g *seat) bool {
	for i := range 2 {
		if len(s.who[i].keys) == 0 && len(g.who[i].keys) == 0 {
			return s.resultStands(g)
		}
	}
	return false
}

// boardEvidence is that of the board's number.
func (s *said) boardEvidence(g *seat, r relation, straight, crossed [2]likeness, near *around) rank {
	if !s.at(g) || differ(s.head.date, g.place.date) || differ(s.head.site, g.place.site) || !s.resultStands(g) {
		return none
	}
	for i := range 2 { // one player is the same, in either colour
		left, came := &g.who[1-i], &s.who[1-i]
		switch {
		case straight[i] >= similar:
		case crossed[1-i] >= similar: // s.who[1-i] sits where g.who[i] sat
			left, came = &g.who[1-i], &s.who[i]
		default:
			continue
		}
		if near.elsewhere(left) || near.seated(came, g) {
			return none
		}
		if g.untouched() || r.agree() || r.common > 0 && s.corrects(g, r) {
			return sameBoard
		}
	}
	if (g.nobody() || s.nobody()) && (g.untouched() || r.agree()) {
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
	case stands.Illegal || told.FEN != "" || !mayCastle(told.UCI):
		return false
	}
	return kingTakesRook.Replace(stands.UCI()) == kingTakesRook.Replace(told.UCI) && strings.HasPrefix(g.MoveAt(ply).SAN, "O-O")
}

// mayCastle reports whether the move is along a back rank, from where a king begins. It is asked of
// every move in which two games differ, and so it must cost little.
func mayCastle(uci string) bool {
	return len(uci) == 4 && uci[0] == 'e' && uci[1] == uci[3] && (uci[1] == '1' || uci[1] == '8')
}

var kingTakesRook = strings.NewReplacer("e1g1", "e1h1", "e1c1", "e1a1", "e8g8", "e8h8", "e8c8", "e8a8")

// sameStart compares the men and who moves; the rest is written by different customs.
func sameStart(g *seat, s *Game) bool { return s.noStart || men(g.StartFEN) == men(s.StartFEN) }

// startAgrees: a start that a person has set contradicts no source.
func startAgrees(g *seat, s *Game) bool {
	_, locked := g.Lock(relay.LockStart)
	return locked || sameStart(g, s)
}

func men(fen string) string {
	if fen == "" {
		fen = relay.StartFEN
	}
	fields := strings.Fields(fen)
	return strings.Join(fields[:min(2, len(fields))], " ")
}
