package relay

import (
	"github.com/chessrelay/chessrelay/relay/relaypb"
)

func (s *State) playMove(c *relaypb.Command, op *relaypb.PlayMove, out *Outcome) error {
	g, ok := s.games[GameID(op.Game)]
	if !ok {
		return &NotFoundError{"game", clip(op.Game, 32)}
	}
	clock, err := readClock(op)
	if err := firstError(
		err,
		checkRange("ply", int64(op.Ply), 1, MaxPlies),
		checkTime("at", op.At),
		checkText("move", op.Move, maxMoveText, false),
	); err != nil {
		return err
	}
	s.place(g, out)
	ply := Ply(op.Ply)
	if m, ok := g.recorded(ply, op.Move, c.Request); ok {
		out.Move = m
		out.Index, out.Term, out.Duplicate = m.Index, m.Term, true
		return nil
	}
	switch {
	case ply <= g.Ply():
		return &PlyConflictError{Ply: ply, Expected: g.Ply() + 1, Current: g.Moves[ply-1]}
	case ply > g.Ply()+1:
		return &PlyConflictError{Ply: ply, Expected: g.Ply() + 1}
	case g.Over():
		return refuse(ErrGameOver, `the game is over (%s); set its result to "*" or take a move back to go on`, g.Result)
	}
	p, reason := g.pos.play(op.Move)
	if reason != "" {
		return &IllegalMoveError{Ply: ply, Move: op.Move, FEN: g.FEN(), Reason: reason}
	}
	m := Move{
		Ply: ply, SAN: p.san, UCI: p.uci, FEN: p.fen,
		Clock: clock.over(g.Clock()), At: Millis(op.At),
		Index: out.Index, Term: out.Term, Request: c.Request,
	}
	if m.At == 0 {
		m.At = Millis(c.At)
	}
	next := *g
	// See addRound: the version before shares the array and never sees the new
	// element. After a takeback the slice has no room left, and this copies.
	next.Moves = append(next.Moves, m)
	next.pos = p.after
	s.putGame(&next, out)
	out.Move = m
	out.event(EventMove, &next, c.At)
	return nil
}

// recorded finds the move that this very play has made already: the same move
// at the same ply, or one of the same request that was taken back since. The
// latter is why a second copy of a command, come late, cannot bring a move back.
func (g *Game) recorded(ply Ply, text, request string) (Move, bool) {
	if request != "" {
		for _, c := range g.Changes {
			for _, m := range c.Removed {
				if m.Ply == ply && m.Request == request {
					return m, true
				}
			}
		}
	}
	if ply > g.Ply() {
		return Move{}, false
	}
	m := g.Moves[ply-1]
	if text == m.SAN || text == m.UCI || request != "" && m.Request == request {
		return m, true
	}
	// Another spelling? The position before the ply knows.
	before, err := parsePosition(g.FENAt(ply - 1))
	return m, err == nil && before.uci(text) == m.UCI
}

func readClock(op *relaypb.PlayMove) (Clock, error) {
	c := NoClock()
	for _, side := range []struct {
		from  *int64
		to    *Millis
		field string
	}{{op.WhiteMs, &c.White, "clock.white"}, {op.BlackMs, &c.Black, "clock.black"}} {
		if side.from == nil {
			continue
		}
		if err := checkRange(side.field, *side.from, 0, int64(MaxClock)); err != nil {
			return c, err
		}
		*side.to = Millis(*side.from)
	}
	return c, nil
}

// over is c, with the sides that it does not know carried over from before.
func (c Clock) over(before Clock) Clock {
	if c.White == NoTime {
		c.White = before.White
	}
	if c.Black == NoTime {
		c.Black = before.Black
	}
	return c
}

// putGame publishes the new version of a game.
func (s *State) putGame(g *Game, out *Outcome) {
	g.Index = out.Index
	s.games[g.ID] = g
	s.touch(gameKey(g.ID))
	out.Game = g
}

// event adds an event of the type to the outcome. What it tells is taken from
// the game as the command left it.
func (out *Outcome) event(typ EventType, g *Game, at int64) {
	e := Event{
		Type: typ, Index: out.Index, Round: g.Round, GameID: g.ID, Board: g.Board, At: Millis(at), Game: g,
	}
	switch typ {
	case EventMove:
		e.Move = out.Move
		e.At = out.Move.At
	case EventTakeback:
		e.Ply, e.FEN, e.Clock = g.Ply(), g.FEN(), g.Clock()
	case EventResult:
		e.Result = g.Result
	}
	out.Events = append(out.Events, e)
}
