package relay

import (
	"github.com/chessrelay/chessrelay/relay/relaypb"
	"github.com/chessrelay/chessrelay/relay/rules"
)

// Standard chess and Chess960 are known. SAN and UCI are read in common spellings; SAN is written
// as in the PGN standard. A move has ply [Game.Ply]+1 and must be legal. Package rules decides
// that, and only rules.go calls it. fen.go and fencheck.go decide what a game may start from. Mate
// and stalemate end a game with an automatic result, which the arbiter or a source may overrule. A
// game with a result takes no move. A takeback reopens it; a correction keeps the result unless it
// names another. A clock that a move does not tell is carried over from the move before
// ([Move.Carried]); clocks may also be told without a move.

func (s *State) playMove(c *relaypb.Command, op *relaypb.PlayMove, out *Outcome) error {
	g := s.games.get(GameID(op.Game))
	if g == nil {
		return &NotFoundError{"game", clip(op.Game, 32)}
	}
	clock, err := readClock(op.WhiteMs, op.BlackMs)
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
	fen, err := playedFEN(op.Illegal, op.Fen)
	if err != nil {
		return err
	}
	if m := g.recordedMove(ply, op.Move, fen, c.Request); m != nil {
		out.move = m
		out.Index, out.Term, out.Duplicate = m.Index, m.Term, true
		return nil
	}
	switch {
	case g.hidden:
		return s.deletedGame(g.Game)
	case ply <= g.Ply():
		return &PlyConflictError{Ply: ply, Expected: g.Ply() + 1, Current: g.MoveAt(ply)}
	case ply > g.Ply()+1:
		return &PlyConflictError{Ply: ply, Expected: g.Ply() + 1}
	case g.Over():
		return refuse(ErrGameOver, `the game is over (%s); set its result to "*" or take a move back to go on`, g.Result)
	}
	pos := &g.moves.after
	var m Move
	var played rules.Move
	if fen != "" {
		if m, err = illegalMove(pos, op.Move, fen); err != nil {
			return err
		}
	} else if played, err = pos.Find(op.Move); err != nil {
		return &IllegalMoveError{Ply: ply, Move: op.Move, FEN: g.FEN(), Reason: pos.Explain(err)}
	} else if !byPerson(c) {
		if err := firstError(g.refuseManual(c), g.mayPlay(c, ply, string(pos.appendUCI(nil, played)))); err != nil {
			return err
		}
	}
	var carried Sides
	if clock.White == NoTime || clock.Black == NoTime { // otherwise leave the move before alone
		clock, carried = clock.carriedFrom(g.Clock())
	}
	m.Clock, m.Carried, m.At, m.Index, m.Term, m.Request = clock, carried, Millis(op.At), out.Index, out.Term, c.Request
	if m.At == 0 {
		m.At = Millis(c.At)
	}
	next := *g.Game
	next.moves.add(&m, played)
	next.lockMoves(c, ply)
	if !m.Illegal && next.setAutomaticResult() {
		out.tell(tellResult, int64(m.At))
	}
	s.putGame(g, &next, out)
	out.tell(tellMove, int64(m.At))
	return nil
}

// setAutomaticResult gives a game without a result the result of its last position, if that is mate
// or stalemate. It reports whether it has. The arbiter, or a source, may set another result.
func (g *Game) setAutomaticResult() bool {
	pos := &g.moves.after
	if g.Over() || pos.HasMove() {
		return false
	}
	if _, locked := g.Lock(LockResult); locked {
		return false // a person has said that it goes on
	}
	switch {
	case !pos.InCheck():
		g.Result = Draw
	case pos.Turn() == rules.White:
		g.Result = BlackWins
	default:
		g.Result = WhiteWins
	}
	g.Forfeit, g.Automatic = false, true
	return true
}

// recordedMove returns the move that this command has made before: the same move at the same ply,
// or one of the same request that was taken back since. So a late copy of a command cannot bring a
// move back. It returns nil if there is none. fen is that of an illegal move, or empty.
func (g *Game) recordedMove(ply Ply, text, fen, request string) *Move {
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
	m := readMove(g.moves.record(ply), ply)
	if (request == "" || request != m.Request) && !g.isSameMove(&m, text, fen) {
		return nil
	}
	m.complete(g.position(ply - 1))
	return &m
}

// isSameMove reports whether m, a move of the game, is the move that the text means, or the illegal
// one that led to fen.
func (g *Game) isSameMove(m *Move, text, fen string) bool {
	switch {
	case m.Illegal != (fen != ""):
		return false
	case m.Illegal:
		same, err := illegalMove(g.position(m.Ply-1), text, fen)
		return err == nil && same.SAN == m.SAN && same.FEN == m.FEN
	}
	return text == m.UCI || g.position(m.Ply-1).uci(text) == m.UCI
}

func readClock(white, black *int64) (Clock, error) {
	c := NoClock()
	if white != nil {
		if err := checkRange("clock.white", *white, 0, int64(MaxClock)); err != nil {
			return c, err
		}
		c.White = Millis(*white)
	}
	if black != nil {
		if err := checkRange("clock.black", *black, 0, int64(MaxClock)); err != nil {
			return c, err
		}
		c.Black = Millis(*black)
	}
	return c, nil
}

// filledFrom returns c, with unknown sides taken from before.
func (c Clock) filledFrom(before Clock) Clock {
	if c.White == NoTime {
		c.White = before.White
	}
	if c.Black == NoTime {
		c.Black = before.Black
	}
	return c
}

// carriedFrom is [Clock.filledFrom]. It also returns the sides whose time came from before.
func (c Clock) carriedFrom(before Clock) (Clock, Sides) {
	return c.filledFrom(before), before.toldSides() &^ c.toldSides()
}

// putGame publishes the new version of a game.
func (s *State) putGame(g *liveGame, next *Game, out *Outcome) {
	next.Index = out.Index
	// Nothing else can change the round's status.
	restate := g.Result != next.Result || next.Ply() == 0 && g.Ply() > 0 ||
		g.Ply() == 0 && next.Ply() > 0 && s.rounds[g.Round].Status == RoundNew
	g.Game = next
	s.touch(g)
	if restate {
		s.updateStatus(g.Round, out)
	}
	out.Game, out.delayed, out.private = next, g.delayed, g.private
}
