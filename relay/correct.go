package relay

import (
	"github.com/chessrelay/chessrelay/relay/relaypb"
)

// findChange returns the line of the audit trail that the request has written.
func (g *Game) findChange(request string) (Change, bool) {
	for i := len(g.Changes) - 1; i >= 0; i-- {
		if g.Changes[i].Request == request {
			return g.Changes[i], true
		}
	}
	return Change{}, false
}

// gameToChange returns the game that a command is to change. It returns nil if there is no such
// game, or if the request has changed the game already; out is then the answer.
func (s *State) gameToChange(id, request string, out *Outcome) (*liveGame, error) {
	g := s.games.get(GameID(id))
	if g == nil {
		return nil, &NotFoundError{"game", clip(id, 32)}
	}
	out.Game = g.Game
	if done, ok := g.findChange(request); ok {
		out.duplicateOfChange(done)
		return nil, nil
	}
	return g, nil
}

// duplicateOfChange answers a command that asks for what is so already. The answer is the change
// that made it so.
func (out *Outcome) duplicateOfChange(c Change) {
	out.Index, out.Term, out.Duplicate = c.Index, c.Term, true
}

// takeBack removes the plies after toPly. A game that was over goes on again: its result belonged
// to moves that no longer stand.
func (s *State) takeBack(c *relaypb.Command, op *relaypb.TakeBack, out *Outcome) error {
	g, err := s.gameToChange(op.Game, c.Request, out)
	if g == nil {
		return err
	}
	if err := firstError(
		checkRange("toPly", int64(op.ToPly), 0, int64(g.Ply())),
		checkText("reason", op.Reason, MaxReason, true),
	); err != nil {
		return err
	}
	to := Ply(op.ToPly)
	if err := firstError(g.refuseManual(c), g.mayTakeBack(c, to)); err != nil {
		return err
	}
	if to == g.Ply() {
		return g.nothingToTakeBack(out)
	}
	if err := g.roomForChange(g.Ply() - to); err != nil {
		return err
	}
	before := g.Game
	next := *before
	next.moves = g.cut(to)
	g.stored.takeBack(to)
	change := Change{
		Index: out.Index, Term: out.Term, At: Millis(c.At), By: c.By, Reason: op.Reason,
		Kind: ChangeTakeback, FromPly: g.Ply(), ToPly: to, Request: c.Request,
		Removed: g.movesAfter(to), Source: c.Source,
	}
	next.lockMoves(c, to)
	if g.Over() {
		if err := g.mayChange(c, LockResult); err != nil {
			return err
		}
		next.unlockFields([]string{LockResult}) // it was of moves that no longer stand
		change.Was, next.Result, next.Forfeit, next.Automatic = g.Result, Ongoing, false, false
	}
	next.Changes = append(next.Changes, change)
	s.putGame(g, &next, out)
	out.tell(tellTakeback, c.At)
	if before.Over() {
		out.tell(tellResult, c.At)
	}
	return nil
}

// nothingToTakeBack answers a takeback to the game's present ply. If a takeback led there, it is
// asked for again; otherwise it is a mistake.
func (g *Game) nothingToTakeBack(out *Outcome) error {
	for i := len(g.Changes) - 1; i >= 0; i-- {
		c := g.Changes[i]
		if c.Kind != ChangeTakeback {
			continue
		}
		last, played := g.LastMove()
		if c.ToPly == g.Ply() && (!played || last.Index < c.Index) {
			out.duplicateOfChange(c)
			return nil
		}
		break
	}
	return bad("toPly", "the game stands at ply %d: there is nothing to take back", g.Ply())
}

// roomForChange refuses to correct a game that has been corrected too often.
func (g *Game) roomForChange(removes Ply) error {
	if len(g.Changes) >= MaxChanges {
		return refuse(ErrLimit, "the game has been corrected %d times, which is the limit", len(g.Changes))
	}
	if removes == 0 {
		return nil
	}
	removed := int(removes)
	for _, c := range g.Changes {
		removed += len(c.Removed)
	}
	if removed > MaxRemoved {
		return refuse(ErrLimit, "more than %d moves of the game have been taken back", MaxRemoved)
	}
	return nil
}

// setResult ends a game, corrects its result, or reopens it ("*"). A person's result is locked, and
// no longer automatic.
func (s *State) setResult(c *relaypb.Command, op *relaypb.SetResult, out *Outcome) error {
	g, err := s.gameToChange(op.Game, c.Request, out)
	if g == nil {
		return err
	}
	result, forfeit, err := scoreOf(op.Result, op.Forfeit)
	if err := firstError(err, checkText("reason", op.Reason, MaxReason, true)); err != nil {
		return err
	}
	_, locked := g.Lock(LockResult)
	same := result == g.Result && forfeit == g.Forfeit
	if same && !g.Automatic && (locked || !byPerson(c) || !g.Over()) {
		out.duplicateOfChange(g.lastResult())
		return nil
	}
	if err := firstError(g.refuseManual(c), g.mayChange(c, LockResult), g.roomForChange(0)); err != nil {
		return err
	}
	next := *g.Game
	next.Result, next.Forfeit, next.Automatic = result, forfeit, false
	if byPerson(c) {
		next.setLocks(g.lock(c, LockResult))
	}
	if same { // it is confirmed
		s.putGame(g, &next, out)
		out.tell(tellGame, c.At)
		return nil
	}
	next.Changes = append(next.Changes, Change{
		Index: out.Index, Term: out.Term, At: Millis(c.At), By: c.By, Reason: op.Reason,
		Kind: ChangeResult, FromPly: g.Ply(), ToPly: g.Ply(), Result: result, Forfeit: forfeit, Was: g.Result, Request: c.Request, Source: c.Source,
	})
	s.putGame(g, &next, out)
	out.tell(tellResult, c.At)
	return nil
}

// lastResult returns the change that set the game's result, which may be its creation.
func (g *Game) lastResult() Change {
	if g.Automatic {
		m := readMove(g.moves.record(g.Ply()), g.Ply())
		return Change{Index: m.Index, Term: m.Term}
	}
	for i := len(g.Changes) - 1; i >= 0; i-- {
		if c := g.Changes[i]; c.Result != "" || c.Was != "" {
			return c
		}
	}
	return Change{Index: g.CreatedAtIx, Term: g.CreatedTerm}
}
