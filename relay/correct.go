package relay

import (
	"github.com/chessrelay/chessrelay/relay/relaypb"
)

// findChange finds the line of the audit trail that the request has written.
func (g *Game) findChange(request string) (Change, bool) {
	for i := len(g.Changes) - 1; i >= 0; i-- {
		if g.Changes[i].Request == request {
			return g.Changes[i], true
		}
	}
	return Change{}, false
}

// gameToChange finds the game that a line of the audit trail is to be added to. It returns none if there is no
// such game, or if the request has added its line already, which is then the answer.
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

// duplicateOfChange answers a correction that is in effect, by the change that
// brought it about.
func (out *Outcome) duplicateOfChange(c Change) {
	out.Index, out.Term, out.Duplicate = c.Index, c.Term, true
}

// takeBack removes the plies after toPly. A game that was over goes on again:
// its result belonged to moves that no longer stand.
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

// nothingToTakeBack answers a takeback to where the game stands. If a takeback
// brought it there, this is that one asked for again; otherwise it is a mistake.
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

// roomForChange refuses a game that has been corrected beyond all measure.
func (g *Game) roomForChange(removes Ply) error {
	if len(g.Changes) >= MaxChanges {
		return refuse(ErrLimit, "the game has been corrected %d times, and may not be again", len(g.Changes))
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

// setResult ends a game, corrects its result, or lets it go on ("*"). A person's result is locked,
// and no longer automatic.
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
	if same { // which somebody has confirmed
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

// lastResult is the change that gave the game the result that it has, which may be
// its creation.
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
