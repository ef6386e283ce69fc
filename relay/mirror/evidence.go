package mirror

import (
	"strings"

	"github.com/chessrelay/chessrelay/relay"
)

// This file judges whether a source game is a board game. The rules are in doc.go. The number in a
// constant's comment is the number of its rule.

// evidence is how strongly two games seem to be one.
type evidence int

const (
	noEvidence  evidence = iota
	sameLine             // 5. one player, and many moves
	sameBoard            // 4. the tagged board, with one of the players or unknown ones
	similarPair          // 3. names that may be theirs
	swappedPair          // 2. both players, with the other colours
	samePair             // 2. event, round and both players
	sameID               // 1. the id in the source
)

// tellingPlies is how many common plies make two games of one round probably the same.
const tellingPlies = 10

// sourceGame is a game of the source, with what follows from the games around it.
type sourceGame struct {
	*Game
	creationRequest string    // the request id of its creation
	board           int       // 0: none that can be believed
	place           int       // in the source, from 1
	heading         heading   // of its tags
	players         [2]player // White, Black
	pairRepeats     bool      // the source has another game of the same two
}

// otherGames answers what the other games of source and round say about a pair.
type otherGames struct {
	// elsewhereInSource: the source has the player in another game.
	elsewhereInSource func(p *player) bool
	// elsewhereInRound: the round has the player at a board other than but, in a game that goes on.
	elsewhereInRound func(p *player, but *boardGame) bool
	// sourceHasID: the source has a game of that id.
	sourceHasID func(id string) bool
}

// relation is how the moves of a source game compare with those of a board game.
type relation struct {
	common    int // plies at the beginning that are the same
	recorded  int // plies of the round's game
	shown     int // plies of the source's
	sameStart bool
	mostAlike bool // most plies are the same, place by place
}

// relation compares with the recorded moves. Where a person has changed them, it also compares with
// the lines that the source had before. A value that a person has fixed contradicts no source.
func (s *sourceGame) relation(b *boardGame) relation {
	r := relation{recorded: len(b.moves), shown: len(s.Moves), sameStart: startAgrees(b, s.Game)}
	if !r.sameStart {
		return r
	}
	r.common = commonPlies(b, s.Game)
	if n := min(r.recorded, r.shown); r.common < n {
		alike, different := r.common, 0
		for i := r.common; i < n && 2*different <= n && 2*alike < n; i++ {
			if sameMove(b, i, &s.Moves[i]) {
				alike++
			} else {
				different++
			}
		}
		r.mostAlike = 2*alike >= n && n >= 4
	}
	for _, before := range b.replaced {
		same := 0
		for same < min(len(before), r.shown) && before[same] == s.Moves[same].UCI {
			same++
		}
		if same > r.common && same == min(len(before), r.shown) {
			r = relation{common: same, recorded: len(before), shown: r.shown, sameStart: true}
		}
	}
	return r
}

// agree reports whether one of the two may be an earlier state of the other. Both must have a move:
// a game without moves agrees with nothing.
func (r relation) agree() bool {
	return r.sameStart && r.common > 0 && r.common == min(r.recorded, r.shown)
}

// agreeLong reports whether they agree over too many moves for an accident.
func (r relation) agreeLong() bool { return r.agree() && r.common >= tellingPlies }

// decided reports whether somebody has set the result. A result that the boards set goes with the
// moves.
func (b *boardGame) decided() bool { return b.Over() && !b.Automatic }

// nothingRecorded reports whether there is nothing that could be lost.
func (b *boardGame) nothingRecorded() bool { return len(b.moves) == 0 && !b.Over() }

func playersUnknown(players *[2]player) bool {
	return len(players[0].nameKeys) == 0 && len(players[1].nameKeys) == 0
}

func (s *sourceGame) playersUnknown() bool { return playersUnknown(&s.players) }
func (b *boardGame) playersUnknown() bool  { return playersUnknown(&b.players) }

// hasBoardOf reports whether the source's number for the game is that of the board.
func (s *sourceGame) hasBoardOf(b *boardGame) bool {
	return s.board > 0 && (s.board == b.Board || s.board == b.taggedBoard)
}

// mayCorrect reports whether the source's other moves can be a correction by the same players. A
// correction keeps the beginning. It goes back a few moves, or over less than half of the game, or
// it leaves most moves as they were. A game that is over is corrected only near its end, and only
// if it is over in the source too.
func (s *sourceGame) mayCorrect(b *boardGame, r relation) bool {
	lost := r.recorded - r.common
	switch {
	case !r.sameStart:
		return r.recorded == 0
	case r.common == min(r.recorded, r.shown):
		return true
	case b.decided() && (s.Result == relay.Ongoing || r.common == 0):
		return false
	case b.decided():
		const few = 3
		return lost <= few && 2*r.common >= r.recorded || r.mostAlike || s.Result == b.Result && 4*r.common >= 3*r.recorded
	case r.common == 0: // a wrong first move, such as e3 by a pawn on its way to e4
		few := 2
		if s.hasBoardOf(b) {
			few = 4
		}
		return !s.pairRepeats && (r.recorded <= few || s.hasBoardOf(b) && r.mostAlike)
	}
	return lost <= tellingPlies || 2*r.common >= r.recorded || r.mostAlike
}

// weigh returns the strongest evidence that the source game is the board game.
func (s *sourceGame) weigh(b *boardGame, others *otherGames) evidence {
	if contradict(s.heading.round, b.heading.round) {
		return noEvidence
	}
	r := s.relation(b)
	straight := [2]likeness{s.players[0].likenessTo(&b.players[0]), s.players[1].likenessTo(&b.players[1])}
	crossed := [2]likeness{s.players[0].likenessTo(&b.players[1]), s.players[1].likenessTo(&b.players[0])}
	low, high := min(straight[0], straight[1]), max(straight[0], straight[1])
	pair := low >= similarPlayer || min(crossed[0], crossed[1]) >= similarPlayer
	mayCorrect := s.mayCorrect(b, r)
	switch {
	case contradict(s.ID, b.sourceID): // some sources give new ids to the same games
		if others.sourceHasID(b.sourceID) || low < samePlayer || !(r.agree() || b.nothingRecorded()) || !s.resultAgrees(b) {
			return noEvidence
		}
	case s.ID != "" && s.ID == b.sourceID:
		known := pair || high == samePlayer && s.sameUnknownPlayer(b) // as in a bye
		one := max(high, crossed[0], crossed[1]) >= similarPlayer
		if b.nothingRecorded() || known && mayCorrect && !s.isLaterGame(b) || one && r.agree() && s.resultAgrees(b) {
			return sameID
		}
		return noEvidence // the source uses the id again for another game
	}
	otherEvent := contradict(s.heading.event, b.heading.event)
	losesNothing := b.nothingRecorded() || r.agree()
	switch {
	case low == samePlayer && otherEvent && losesNothing, low == samePlayer && !otherEvent && mayCorrect && !s.isLaterGame(b):
		return samePair
	case low == samePlayer:
		return noEvidence
	case min(crossed[0], crossed[1]) == samePlayer:
		if losesNothing && !otherEvent && (!b.decided() || s.Result == b.Result || s.hasBoardOf(b)) {
			return swappedPair
		}
		return noEvidence
	case otherEvent:
		return noEvidence
	case high == samePlayer && low == similarPlayer && mayCorrect && !s.isLaterGame(b):
		// A source with another spelling and fewer moves changes only the name.
		if s.resultAgrees(b) || r.agree() || r.shown == 0 || s.Result != relay.Ongoing {
			return similarPair
		}
		return noEvidence
	case high == samePlayer && low == unknownPlayer && (losesNothing || s.sameUnknownPlayer(b) && mayCorrect),
		low == similarPlayer && losesNothing && (r.agree() || s.hasBoardOf(b) || r.shown == 0):
		if s.resultAgrees(b) || r.agree() && r.shown >= r.recorded && low == similarPlayer {
			return similarPair
		}
		return noEvidence
	}
	// The source used these names when the board was opened. The players may have been renamed
	// since, or may be unknown.
	if s.creationRequest == b.creationRequest() && s.resultAgrees(b) && (losesNothing || s.playersUnknown() && b.playersUnknown() && mayCorrect) {
		return similarPair
	}
	if evidence := s.boardEvidence(b, r, straight, crossed, others); evidence != noEvidence {
		return evidence
	}
	for i := range 2 {
		if straight[i] >= similarPlayer && r.agreeLong() && !b.decided() && !others.elsewhereInSource(&b.players[1-i]) && !others.elsewhereInRound(&s.players[1-i], b) {
			return sameLine
		}
	}
	return noEvidence
}

// resultAgrees reports whether the source does not contradict the recorded result. A result that a
// person has set contradicts no source.
func (s *sourceGame) resultAgrees(b *boardGame) bool {
	_, locked := b.Lock(relay.LockResult)
	return !b.decided() || locked || s.Result == "" || s.Result == b.Result
}

// isLaterGame reports whether the board game is over and the source's game goes on at another date.
func (s *sourceGame) isLaterGame(b *boardGame) bool {
	return b.decided() && s.Result == relay.Ongoing && contradict(s.heading.date, b.heading.date)
}

// sameUnknownPlayer reports whether the player of one colour is unknown in both.
func (s *sourceGame) sameUnknownPlayer(b *boardGame) bool {
	for i := range 2 {
		if len(s.players[i].nameKeys) == 0 && len(b.players[i].nameKeys) == 0 {
			return s.resultAgrees(b)
		}
	}
	return false
}

// boardEvidence weighs the board number, and who has left the board and who has come.
func (s *sourceGame) boardEvidence(b *boardGame, r relation, straight, crossed [2]likeness, others *otherGames) evidence {
	if !s.hasBoardOf(b) || contradict(s.heading.date, b.heading.date) || contradict(s.heading.site, b.heading.site) || !s.resultAgrees(b) {
		return noEvidence
	}
	for i := range 2 { // one player is the same, in either colour
		left, came := &b.players[1-i], &s.players[1-i]
		switch {
		case straight[i] >= similarPlayer:
		case crossed[1-i] >= similarPlayer: // s.players[1-i] sits where b.players[i] sat
			left, came = &b.players[1-i], &s.players[i]
		default:
			continue
		}
		if others.elsewhereInSource(left) || others.elsewhereInRound(came, b) {
			return noEvidence
		}
		if b.nothingRecorded() || r.agree() || r.common > 0 && s.mayCorrect(b, r) {
			return sameBoard
		}
	}
	if (b.playersUnknown() || s.playersUnknown()) && (b.nothingRecorded() || r.agree()) {
		return sameBoard
	}
	return noEvidence
}

// commonPlies is the number of plies at the start that are the same in both.
func commonPlies(b *boardGame, s *Game) int {
	n := min(len(b.moves), len(s.Moves))
	for i := range n {
		if !sameMove(b, i, &s.Moves[i]) {
			return i
		}
	}
	return n
}

// sameMove compares the moves at index i. Castling may be written as the king's step, or as the
// king taking its rook. The second is the notation of Chess960, which can also start from the usual
// position.
func sameMove(b *boardGame, i int, shown *Move) bool {
	recorded, ply := &b.moves[i], relay.Ply(i)+1
	switch {
	case recorded.Is(shown.UCI) && shown.FEN == "":
		return true
	case recorded.Illegal && shown.FEN != "":
		m := b.MoveAt(ply)
		return m.SAN == shown.UCI && m.FEN == shown.FEN
	case recorded.Illegal || shown.FEN != "" || !mayCastle(shown.UCI):
		return false
	}
	return kingTakesRook.Replace(recorded.UCI()) == kingTakesRook.Replace(shown.UCI) && strings.HasPrefix(b.MoveAt(ply).SAN, "O-O")
}

// mayCastle reports whether the move is along a back rank from the king's start square. It runs for
// every move that differs, so it must be cheap.
func mayCastle(uci string) bool {
	return len(uci) == 4 && uci[0] == 'e' && uci[1] == uci[3] && (uci[1] == '1' || uci[1] == '8')
}

var kingTakesRook = strings.NewReplacer("e1g1", "e1h1", "e1c1", "e1a1", "e8g8", "e8h8", "e8c8", "e8a8")

// sameStart compares the pieces and the side to move. Sources write the rest by different customs.
func sameStart(b *boardGame, s *Game) bool {
	return s.startUnreadable || placementAndTurn(b.StartFEN) == placementAndTurn(s.StartFEN)
}

// startAgrees is sameStart, except that a start that a person has set contradicts no source.
func startAgrees(b *boardGame, s *Game) bool {
	_, locked := b.Lock(relay.LockStart)
	return locked || sameStart(b, s)
}

func placementAndTurn(fen string) string {
	if fen == "" {
		fen = relay.StartFEN
	}
	fields := strings.Fields(fen)
	return strings.Join(fields[:min(2, len(fields))], " ")
}
