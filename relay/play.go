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
	out.Game = g.Game
	ply := Ply(op.Ply)
	if m := g.recorded(ply, op.Move, c.Request); m != nil {
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
	p, reason := g.pos.play(op.Move, c.Request)
	if reason != "" {
		return &IllegalMoveError{Ply: ply, Move: op.Move, FEN: g.FEN(), Reason: reason}
	}
	if clock.White == NoTime || clock.Black == NoTime { // else the move before is left in peace, and out of the cache
		clock = clock.over(g.Clock())
	}
	m := Move{
		Ply: ply, SAN: p.san, UCI: p.uci, FEN: p.fen,
		Clock: clock, At: Millis(op.At),
		Index: out.Index, Term: out.Term, Request: p.request,
	}
	if m.At == 0 {
		m.At = Millis(c.At)
	}
	next := *g.Game
	// See addRound: the version before shares the array and never sees the new
	// element. After a takeback the slice has no room left, and this copies.
	next.Moves = append(next.Moves, m)
	g.pos = p.after
	s.putGame(g, &next, out)
	out.Move = &next.Moves[len(next.Moves)-1]
	out.event(EventMove, int64(m.At))
	return nil
}

// recorded finds the move that this very play has made already: the same move
// at the same ply, or one of the same request that was taken back since. The
// latter is why a second copy of a command, come late, cannot bring a move back.
// It returns nil if there is none.
func (g *Game) recorded(ply Ply, text, request string) *Move {
	if request != "" {
		for _, c := range g.Changes {
			for i := range c.Removed {
				if m := &c.Removed[i]; m.Ply == ply && m.Request == request {
					return m
				}
			}
		}
	}
	if ply > g.Ply() {
		return nil
	}
	m := &g.Moves[ply-1]
	if text == m.SAN || text == m.UCI || request != "" && m.Request == request {
		return m
	}
	// Another spelling? The position before the ply knows.
	if before, err := parsePosition(g.FENAt(ply - 1)); err == nil && before.uci(text) == m.UCI {
		return m
	}
	return nil
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
func (s *State) putGame(g *liveGame, next *Game, out *Outcome) {
	next.Index = out.Index
	g.Game = next
	s.touch(g)
	out.Game = next
}

// event adds an event of the type, about the game that the outcome has.
func (out *Outcome) event(typ EventType, at int64) {
	out.Events = append(out.Events, Event{Type: typ, Index: out.Index, At: Millis(at), Game: out.Game})
}
