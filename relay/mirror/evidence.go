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

// sourceGame is a game of the source with what follows from the games around it.
type sourceGame struct {
	*Game
	creationRequest string    // the request id of its creation
	board           int       // 0: none that can be believed
	place           int       // in the source, from 1
	heading         heading   // of its tags
	who             [2]person // White, Black
	pairRepeats     bool      // the source has another game of the same two
}

// otherGames is what the other games of the source and the other boards of the round say of a pair of
// games.
type otherGames struct {
	// elsewhereInSource: the source has the person at another of its games.
	elsewhereInSource func(p *person) bool
	// elsewhereInRound: the round has the person at another board than that one.
	elsewhereInRound func(p *person, but *boardGame) bool
	// sourceHasID: the source has a game of that id.
	sourceHasID func(id string) bool
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
func (s *sourceGame) relation(b *boardGame) relation {
	r := relation{stands: len(b.moves), told: len(s.Moves), start: startAgrees(b, s.Game)}
	if !r.start {
		return r
	}
	r.common = common(b, s.Game)
	if n := min(r.stands, r.told); r.common < n {
		alike, others := r.common, 0
		for i := r.common; i < n && 2*others <= n && 2*alike < n; i++ {
			if sameMove(b, i, &s.Moves[i]) {
				alike++
			} else {
				others++
			}
		}
		r.resemble = 2*alike >= n && n >= 4
	}
	for _, before := range b.replaced {
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
func (b *boardGame) over() bool { return b.Over() && !b.Automatic }

// untouched: nothing is recorded that could be lost.
func (b *boardGame) untouched() bool { return len(b.moves) == 0 && !b.Over() }

// nobody: the players are not known.
func nobody(who *[2]person) bool { return len(who[0].keys) == 0 && len(who[1].keys) == 0 }

func (s *sourceGame) nobody() bool { return nobody(&s.who) }
func (b *boardGame) nobody() bool  { return nobody(&b.who) }

// hasBoardOf reports whether the source gives the game the number of the board.
func (s *sourceGame) hasBoardOf(b *boardGame) bool {
	return s.board > 0 && (s.board == b.Board || s.board == b.taggedBoard)
}

// corrects reports whether the source's moves, which are not those that stand, can be a correction
// of them by the same players. A correction keeps the beginning. It goes back a little way, or over
// less than half of the game, or leaves most moves as they were. A game that is over is corrected
// only by a source in which it is over as well, and only near its end.
func (s *sourceGame) corrects(b *boardGame, r relation) bool {
	lost := r.stands - r.common
	switch {
	case !r.start:
		return r.stands == 0
	case r.common == min(r.stands, r.told):
		return true
	case b.over() && (s.Result == relay.Ongoing || r.common == 0):
		return false
	case b.over():
		const few = 3
		return lost <= few && 2*r.common >= r.stands || r.resemble || s.Result == b.Result && 4*r.common >= 3*r.stands
	case r.common == 0: // the first moves of a game were entered wrongly, such as e3 by a pawn on its way to e4
		few := 2
		if s.hasBoardOf(b) {
			few = 4
		}
		return !s.pairRepeats && (r.stands <= few || s.hasBoardOf(b) && r.resemble)
	}
	return lost <= tellingPlies || 2*r.common >= r.stands || r.resemble
}

// evidence weighs what speaks for the game being that of the board.
func (s *sourceGame) evidence(b *boardGame, others *otherGames) rank {
	if contradict(s.heading.round, b.heading.round) {
		return none
	}
	r := s.relation(b)
	straight := [2]likeness{s.who[0].like(&b.who[0]), s.who[1].like(&b.who[1])}
	crossed := [2]likeness{s.who[0].like(&b.who[1]), s.who[1].like(&b.who[0])}
	low, high := min(straight[0], straight[1]), max(straight[0], straight[1])
	pair := low >= similar || min(crossed[0], crossed[1]) >= similar
	corrects := s.corrects(b, r)
	switch {
	case contradict(s.ID, b.sourceID): // two names for one game are met where the source makes them anew
		if others.sourceHasID(b.sourceID) || low < same || !(r.agree() || b.untouched()) || !s.resultStands(b) {
			return none
		}
	case s.ID != "" && s.ID == b.sourceID:
		known := pair || high == same && s.sameNobody(b) // as in a bye
		one := max(high, crossed[0], crossed[1]) >= similar
		if b.untouched() || known && corrects && !s.newDay(b) || one && r.agree() && s.resultStands(b) {
			return sameID
		}
		return none // the id is used again
	}
	otherEvent := contradict(s.heading.event, b.heading.event)
	harmless := b.untouched() || r.agree()
	switch {
	case low == same && otherEvent && harmless, low == same && !otherEvent && corrects && !s.newDay(b):
		return samePair
	case low == same:
		return none
	case min(crossed[0], crossed[1]) == same:
		if harmless && !otherEvent && (!b.over() || s.Result == b.Result || s.hasBoardOf(b)) {
			return swapped
		}
		return none
	case otherEvent:
		return none
	case high == same && low == similar && corrects && !s.newDay(b):
		// A source that shows a name otherwise, and less of the game, changes nothing but the name.
		if s.resultStands(b) || r.agree() || r.told == 0 || s.Result != relay.Ongoing {
			return likePair
		}
		return none
	case high == same && low == unknown && (harmless || s.sameNobody(b) && corrects),
		low == similar && harmless && (r.agree() || s.hasBoardOf(b) || r.told == 0):
		if s.resultStands(b) || r.agree() && r.told >= r.stands && low == similar {
			return likePair
		}
		return none
	}
	// The source called the players so when the board was opened. They may have been renamed since,
	// or are nobody in particular.
	if s.creationRequest == b.creationRequest() && s.resultStands(b) && (harmless || s.nobody() && b.nobody() && corrects) {
		return likePair
	}
	if rank := s.boardEvidence(b, r, straight, crossed, others); rank != none {
		return rank
	}
	for i := range 2 {
		if straight[i] >= similar && r.many() && !b.over() && !others.elsewhereInSource(&b.who[1-i]) && !others.elsewhereInRound(&s.who[1-i], b) {
			return sameLine
		}
	}
	return none
}

// resultStands reports whether the source does not contradict a result that stands. One that a
// person has set contradicts no source.
func (s *sourceGame) resultStands(b *boardGame) bool {
	_, locked := b.Lock(relay.LockResult)
	return !b.over() || locked || s.Result == "" || s.Result == b.Result
}

// newDay: the game that stands is over, and the source has one that goes on, of another date.
func (s *sourceGame) newDay(b *boardGame) bool {
	return b.over() && s.Result == relay.Ongoing && contradict(s.heading.date, b.heading.date)
}

// sameNobody reports whether nobody in particular sits at the same side in both.
func (s *sourceGame) sameNobody(b *boardGame) bool {
	for i := range 2 {
		if len(s.who[i].keys) == 0 && len(b.who[i].keys) == 0 {
			return s.resultStands(b)
		}
	}
	return false
}

// boardEvidence is that of the board's number.
func (s *sourceGame) boardEvidence(b *boardGame, r relation, straight, crossed [2]likeness, others *otherGames) rank {
	if !s.hasBoardOf(b) || contradict(s.heading.date, b.heading.date) || contradict(s.heading.site, b.heading.site) || !s.resultStands(b) {
		return none
	}
	for i := range 2 { // one player is the same, in either colour
		left, came := &b.who[1-i], &s.who[1-i]
		switch {
		case straight[i] >= similar:
		case crossed[1-i] >= similar: // s.who[1-i] sits where g.who[i] sat
			left, came = &b.who[1-i], &s.who[i]
		default:
			continue
		}
		if others.elsewhereInSource(left) || others.elsewhereInRound(came, b) {
			return none
		}
		if b.untouched() || r.agree() || r.common > 0 && s.corrects(b, r) {
			return sameBoard
		}
	}
	if (b.nobody() || s.nobody()) && (b.untouched() || r.agree()) {
		return sameBoard
	}
	return none
}

// common is the number of plies that both have at the start.
func common(b *boardGame, s *Game) int {
	n := min(len(b.moves), len(s.Moves))
	for i := range n {
		if !sameMove(b, i, &s.Moves[i]) {
			return i
		}
	}
	return n
}

// sameMove compares the move at index i. It also takes the two ways to write castling for one: as
// the king's step, and as the king taking its rook, which is how it is written in Chess960. That
// starts from the usual position too, now and then.
func sameMove(b *boardGame, i int, told *Move) bool {
	stands, ply := &b.moves[i], relay.Ply(i)+1
	switch {
	case stands.Is(told.UCI) && told.FEN == "":
		return true
	case stands.Illegal && told.FEN != "":
		m := b.MoveAt(ply)
		return m.SAN == told.UCI && m.FEN == told.FEN
	case stands.Illegal || told.FEN != "" || !mayCastle(told.UCI):
		return false
	}
	return kingTakesRook.Replace(stands.UCI()) == kingTakesRook.Replace(told.UCI) && strings.HasPrefix(b.MoveAt(ply).SAN, "O-O")
}

// mayCastle reports whether the move is along a back rank, from where a king begins. It is asked of
// every move in which two games differ, and so it must cost little.
func mayCastle(uci string) bool {
	return len(uci) == 4 && uci[0] == 'e' && uci[1] == uci[3] && (uci[1] == '1' || uci[1] == '8')
}

var kingTakesRook = strings.NewReplacer("e1g1", "e1h1", "e1c1", "e1a1", "e8g8", "e8h8", "e8c8", "e8a8")

// sameStart compares the men and who moves; the rest is written by different customs.
func sameStart(b *boardGame, s *Game) bool { return s.noStart || men(b.StartFEN) == men(s.StartFEN) }

// startAgrees: a start that a person has set contradicts no source.
func startAgrees(b *boardGame, s *Game) bool {
	_, locked := b.Lock(relay.LockStart)
	return locked || sameStart(b, s)
}

func men(fen string) string {
	if fen == "" {
		fen = relay.StartFEN
	}
	fields := strings.Fields(fen)
	return strings.Join(fields[:min(2, len(fields))], " ")
}
