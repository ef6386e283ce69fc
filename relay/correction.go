package relay

import (
	"cmp"

	"github.com/chessrelay/chessrelay/relay/relaypb"
	"github.com/chessrelay/chessrelay/relay/rules"
)

// correctMoves takes the plies after toPly back, plays others in their place, and may set the
// result. It does all of that, or nothing. Without a result, the result stays.
//
// Moves at the start that are there already, with the same clocks, stay and keep their index. The
// change goes back only to where the game differs. So a client that knows the whole game, such as a
// reader of PGN, may send it from ply 0 each time.
func (s *State) correctMoves(c *relaypb.Command, op *relaypb.CorrectMoves, out *Outcome) error {
	g, err := s.gameToChange(op.Game, c.Request, out)
	if g == nil {
		return err
	}
	if err := firstError(
		checkRange("toPly", int64(op.ToPly), 0, int64(g.Ply())),
		checkRange("moves", int64(len(op.Moves)), 0, MaxCorrection),
		checkRange("moves", int64(len(op.Moves)), 0, MaxPlies-int64(op.ToPly)),
		checkText("reason", op.Reason, MaxReason, true),
	); err != nil {
		return err
	}
	if err := g.refuseManual(c); err != nil {
		return err
	}
	next := *g.Game
	if g.Automatic { // the moves may lead to it again
		next.Result, next.Automatic = Ongoing, false
	}
	if op.Result != "" {
		var err error
		if next.Result, next.Forfeit, err = scoreOf(op.Result, op.Forfeit); err != nil {
			return err
		}
	}
	same, line, err := g.newLine(c, op, out)
	if err != nil {
		return err
	}
	to := Ply(op.ToPly) + Ply(same)
	if to < g.Ply() {
		if err := g.mayTakeBack(c, to); err != nil {
			return err
		}
		next.moves = g.cut(to)
	}
	if len(line.moves) > 0 && to == g.LockedPly() {
		if err := g.mayPlay(c, to+1, line.moves[0].UCI); err != nil {
			return err
		}
	}
	for i := range line.moves {
		next.moves.add(&line.moves[i], line.played[i])
	}
	if next.Ply() > 0 && (next.moves.last != rules.Move{}) {
		next.setAutomaticResult()
	}
	result, forfeit := next.Result, next.Forfeit
	sameResult := result == g.Result && forfeit == g.Forfeit
	if !sameResult {
		if err := g.mayChange(c, LockResult); err != nil {
			return err
		}
	}
	if to == g.Ply() && len(line.moves) == 0 && sameResult {
		out.duplicateOfChange(g.newest())
		return nil
	}
	if err := g.roomForChange(g.Ply() - to); err != nil {
		return err
	}
	if to < g.Ply() {
		g.stored.takeBack(to)
	}
	change := Change{
		Index: out.Index, Term: out.Term, At: Millis(c.At), By: c.By, Reason: op.Reason,
		Kind: ChangeCorrection, FromPly: g.Ply(), ToPly: to, Added: len(line.moves), Request: c.Request,
		Removed: g.movesAfter(to), Source: c.Source,
	}
	if !sameResult {
		change.Was, change.Result, change.Forfeit = g.Result, result, forfeit
	}
	if len(change.Removed)+len(line.moves) > 0 {
		next.lockMoves(c, next.Ply())
	}
	if byPerson(c) && op.Result != "" {
		next.setLocks(g.lock(c, LockResult))
	}
	next.Changes = append(next.Changes, change)
	s.putGame(g, &next, out)
	if len(change.Removed)+len(line.moves) > 0 {
		out.tell(tellCorrection, c.At)
	}
	if !sameResult {
		out.tell(tellResult, c.At)
	}
	return nil
}

// A line is a sequence of moves, each legal in the position after the one before, unless it says
// that it is illegal.
type line struct {
	moves  []Move
	played []rules.Move
}

// newLine reads the moves of a correction. same is how many of them the game has already; the line
// has the others.
func (g *Game) newLine(c *relaypb.Command, op *relaypb.CorrectMoves, out *Outcome) (same int, l line, err error) {
	to := Ply(op.ToPly)
	pos := *g.position(to)
	clock := g.ClockAt(to)
	for i, m := range op.Moves {
		ply := to + Ply(i) + 1
		told, err := readClock(m.WhiteMs, m.BlackMs)
		if err := firstError(err, checkTime("at", m.At), checkText("move", m.Move, maxMoveText, false)); err != nil {
			return 0, l, inMove(i, err)
		}
		fen, err := playedFEN(m.Illegal, m.Fen)
		if err != nil {
			return 0, l, inMove(i, err)
		}
		var move Move
		var played rules.Move
		if fen != "" {
			if move, err = illegalMove(&pos, m.Move, fen); err != nil {
				return 0, l, inMove(i, err)
			}
			pos = pos.afterIllegal(move.FEN)
		} else {
			if played, err = pos.Find(m.Move); err != nil {
				return 0, l, &IllegalMoveError{Ply: ply, Move: m.Move, FEN: pos.fen(), Reason: pos.Explain(err)}
			}
			move.UCI = string(pos.appendUCI(nil, played))
			pos = pos.afterMove(played)
		}
		var carried Sides
		clock, carried = told.carriedFrom(clock)
		if same == i && ply <= g.Ply() {
			// Like move, stands has SAN and FEN only if it is illegal.
			stands := readMove(g.moves.record(ply), ply)
			if !byPerson(c) && (ply <= g.LockedPly() || ply <= g.clockLockedTo()) {
				told = NoClock() // a person has told these clocks
			}
			if move.UCI == stands.UCI && move.SAN == stands.SAN && move.FEN == stands.FEN && told.agrees(stands.Clock) && (m.At == 0 || Millis(m.At) == stands.At) {
				same++
				clock = stands.Clock
				continue
			}
		}
		move.Clock, move.Carried, move.At, move.Index, move.Term = clock, carried, Millis(cmp.Or(m.At, c.At)), out.Index, out.Term
		l.moves = append(l.moves, move)
		l.played = append(l.played, played)
	}
	return same, l, nil
}

// agrees reports whether c contradicts nothing in the other clock.
func (c Clock) agrees(other Clock) bool { return c.filledFrom(other) == other }

// newest returns the newest change of the game's moves and result.
func (g *Game) newest() Change {
	c := Change{Index: g.CreatedAtIx, Term: g.CreatedTerm}
	for i := len(g.Changes) - 1; i >= 0; i-- {
		if g.Changes[i].Kind != ChangeTags {
			c = g.Changes[i]
			break
		}
	}
	if m, ok := g.LastMove(); ok && m.Index > c.Index {
		return Change{Index: m.Index, Term: m.Term}
	}
	return c
}

// Corrected returns the moves that the last change, a correction, has played, and the ply before
// them.
func (g *Game) Corrected() (from Ply, moves []Move) {
	if len(g.Changes) > 0 {
		from = g.Changes[len(g.Changes)-1].ToPly
	}
	return from, g.movesAfter(from)
}
