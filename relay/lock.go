package relay

import (
	"slices"
	"strings"

	"github.com/chessrelay/chessrelay/relay/relaypb"
)

// This file has the locks: what a person sets stays, and a source cannot change it. A command with
// [relaypb.Command.Source] comes from a source; every other one is a person's. Apply checks the
// locks, so they apply on every node, whatever a program that reads a source thinks. note.go has
// what the source has instead.

// A Lock is a field of a game that a person has set.
type Lock struct {
	// Field is its name in the HTTP API: white.name, result, timeControl, tags.Event, fen (the
	// start position), clock or moves.
	Field string `json:"field"`
	By    string `json:"by,omitempty"` // who set it, if known
	Since Millis `json:"since"`
	// ToPly is the last locked ply, of the fields moves and clock.
	ToPly Ply `json:"toPly,omitempty"`
}

// The fields that are locked as a whole.
const (
	LockResult = "result"
	LockStart  = "fen"
	LockClock  = "clock"
	LockMoves  = "moves"
)

// noOverrides is for a game of which no person has set anything.
var noOverrides overrides

// currentOverrides never returns nil.
func (g *Game) currentOverrides() *overrides {
	if g.overrides == nil {
		return &noOverrides
	}
	return g.overrides
}

// Locks returns the game's locks but that of the moves, by field. The caller must not change them.
func (g *Game) Locks() []Lock { return g.currentOverrides().locks }

// Note returns what a source has and the game does not, since a person has set it; nil if the
// source agrees.
func (g *Game) Note() *SourceNote { return g.currentOverrides().note }

func (g *Game) setLocks(locks []Lock) {
	d := *g.currentOverrides()
	d.locks = locks
	g.setOverrides(d)
}

func (g *Game) setNote(note *SourceNote) {
	d := *g.currentOverrides()
	d.note = note
	g.setOverrides(d)
}

// setLockedMoves locks the moves up to ply for by; ply -1 unlocks them.
func (g *Game) setLockedMoves(ply Ply, by string) {
	g.lockedMoves = int32(ply + 1)
	if g.currentOverrides().lockedBy != by {
		d := *g.currentOverrides()
		d.lockedBy = strings.Clone(by) // it may be a part of the log entry
		g.setOverrides(d)
	}
}

func (g *Game) setOverrides(d overrides) {
	g.overrides = &d
	if len(d.locks) == 0 && d.lockedBy == "" && d.note == nil {
		g.overrides = nil
	}
}

// LockedFields returns all locks of the game, by field; nil if there is none.
func (g *Game) LockedFields() []Lock {
	moves, locked := g.Lock(LockMoves)
	if !locked {
		return g.Locks()
	}
	out := slices.Clone(g.Locks())
	at, _ := findLock(out, LockMoves)
	return slices.Insert(out, at, moves)
}

// Lock returns the lock of a field; false if sources may change it.
func (g *Game) Lock(field string) (Lock, bool) {
	if field == LockMoves {
		if g.lockedMoves == 0 {
			return Lock{}, false
		}
		return Lock{Field: LockMoves, By: g.currentOverrides().lockedBy, ToPly: g.LockedPly(), Since: g.lockedSince()}, true
	}
	if at, ok := findLock(g.Locks(), field); ok {
		return g.Locks()[at], true
	}
	return Lock{}, false
}

// LockedPly is the last ply that a person has fixed: a source cannot change the moves up to it. It
// is -1 if the moves are not locked, and 0 if a person has taken all moves back.
func (g *Game) LockedPly() Ply { return Ply(g.lockedMoves) - 1 }

// lockedSince is when a person fixed the last locked move: played it, or left it as the last one.
func (g *Game) lockedSince() Millis {
	ply := min(g.LockedPly(), g.Ply())
	var m Move
	if ply > 0 {
		m = readMove(g.moves.record(ply), ply)
	}
	for i := len(g.Changes) - 1; i >= 0 && g.Changes[i].Index >= m.Index; i-- {
		if c := &g.Changes[i]; c.leavesAt(g.LockedPly()) {
			return c.At
		}
	}
	return m.At
}

// leavesAt reports whether a person has left the game at that ply by this change.
func (c *Change) leavesAt(ply Ply) bool {
	return c.Source == "" && (c.Kind == ChangeTakeback || c.Kind == ChangeCorrection) && c.ToPly+Ply(c.Added) == ply
}

// TakenBack returns the move after [Game.LockedPly] that a person took back; false if there is
// none. A source that still shows it has not seen the takeback, so the move must not come back.
func (g *Game) TakenBack() (Move, bool) {
	if g.lockedMoves == 0 {
		return Move{}, false
	}
	for i := len(g.Changes) - 1; i >= 0; i-- {
		c := &g.Changes[i]
		if c.Kind != ChangeTakeback && c.Kind != ChangeCorrection || c.FromPly == c.ToPly && c.Added == 0 {
			continue
		}
		// After a correction that played other moves, the source may go on as before.
		if c.Added > 0 || len(c.Removed) == 0 || !c.leavesAt(g.LockedPly()) {
			return Move{}, false
		}
		return c.Removed[0], true
	}
	return Move{}, false
}

func findLock(locks []Lock, field string) (at int, found bool) {
	return slices.BinarySearchFunc(locks, field, func(l Lock, field string) int { return strings.Compare(l.Field, field) })
}

// lock returns the game's locks with one for each field, by whoever asked last. If all of them are
// there, it returns the same slice.
func (g *Game) lock(c *relaypb.Command, fields ...string) []Lock {
	locks, cloned := g.Locks(), false
	for _, field := range fields {
		at, found := findLock(locks, field)
		if found && locks[at].By == c.By {
			continue
		}
		if !cloned {
			locks, cloned = slices.Clone(locks), true
		}
		l := Lock{Field: field, By: c.By, Since: Millis(c.At)}
		if found {
			locks[at] = l
			continue
		}
		locks = slices.Insert(locks, at, l)
	}
	return locks
}

// byPerson reports whether a person asks, and not a source.
func byPerson(c *relaypb.Command) bool { return c.Source == "" }

// refuseManual refuses a source that would change a board which a person plays by hand.
func (g *Game) refuseManual(c *relaypb.Command) error {
	if byPerson(c) || g.Source != ManualSource {
		return nil
	}
	return &LockedError{Field: "the board"}
}

// mayChange refuses a source that would change a locked field.
func (g *Game) mayChange(c *relaypb.Command, field string) error {
	if byPerson(c) {
		return nil
	}
	if l, locked := g.Lock(field); locked {
		return &LockedError{Field: field, By: l.By}
	}
	return nil
}

// mayTakeBack refuses a source that would take back a move that a person has fixed.
func (g *Game) mayTakeBack(c *relaypb.Command, to Ply) error {
	if byPerson(c) || to >= g.LockedPly() || to == g.Ply() {
		return nil
	}
	return &LockedError{Field: LockMoves, By: g.currentOverrides().lockedBy}
}

// mayPlay refuses a source that would play the move that a person took back.
func (g *Game) mayPlay(c *relaypb.Command, ply Ply, uci string) error {
	if byPerson(c) || ply != g.LockedPly()+1 {
		return nil
	}
	if m, ok := g.TakenBack(); ok && m.UCI == uci {
		return &LockedError{Field: LockMoves, By: g.currentOverrides().lockedBy}
	}
	return nil
}

// lockMoves locks the moves up to ply if a person made them.
func (g *Game) lockMoves(c *relaypb.Command, ply Ply) {
	if byPerson(c) {
		g.setLockedMoves(ply, c.By)
	}
}

// unlock lets sources change fields again. A source itself may unlock only the moves, which says
// that it agrees with them.
func (s *State) unlock(c *relaypb.Command, op *relaypb.Unlock, out *Outcome) error {
	g, err := s.gameToChange(op.Game, c.Request, out)
	if g == nil {
		return err
	}
	if err := checkText("reason", op.Reason, MaxReason, true); err != nil {
		return err
	}
	if len(op.Fields) > maxLocks {
		return bad("fields", "must be at most %d, not %d", maxLocks, len(op.Fields))
	}
	for _, f := range op.Fields {
		if !lockable(f) {
			return bad("fields", "has the unknown field %q: use the names of the game's locks", clip(f, 32))
		}
		if !byPerson(c) && f != LockMoves {
			return &LockedError{Field: f}
		}
	}
	if !byPerson(c) && len(op.Fields) == 0 {
		return bad("fields", "is required from a source, which can unlock only the moves")
	}
	next := *g.Game
	freed := next.unlockFields(op.Fields)
	if len(freed) == 0 {
		out.duplicateOfChange(Change{Index: g.Index, Term: out.Term})
		return nil
	}
	if byPerson(c) {
		if err := g.roomForChange(0); err != nil {
			return err
		}
		next.Changes = append(next.Changes, Change{
			Index: out.Index, Term: out.Term, At: Millis(c.At), By: c.By, Reason: op.Reason, Kind: ChangeUnlock,
			FromPly: g.Ply(), ToPly: g.Ply(), Fields: []FieldChange{{Name: "locks", Was: strings.Join(freed, ", ")}}, Request: c.Request,
		})
	}
	s.putGame(g, &next, out)
	out.tell(tellGame, c.At)
	return nil
}

// unlockFields removes the locks of the fields, or all locks if fields is empty. It returns the
// fields that were locked.
func (g *Game) unlockFields(fields []string) (freed []string) {
	asked := func(field string) bool { return len(fields) == 0 || slices.Contains(fields, field) }
	var left []Lock
	for _, l := range g.Locks() {
		if asked(l.Field) {
			freed = append(freed, l.Field)
			continue
		}
		left = append(left, l)
	}
	if len(freed) > 0 {
		g.setLocks(left)
	}
	if g.lockedMoves > 0 && asked(LockMoves) {
		freed = append(freed, LockMoves)
		g.setLockedMoves(-1, "")
	}
	return freed
}

// maxLocks is how many fields a game can have locked.
const maxLocks = 20 + MaxTags

// lockable reports whether a field of that name can be locked.
func lockable(field string) bool {
	switch field {
	case LockResult, LockStart, LockClock, LockMoves, "timeControl":
		return true
	}
	side, of, ok := strings.Cut(field, ".")
	switch {
	case !ok:
		return false
	case side == "tags":
		return len(of) <= MaxTagName
	case side == "white", side == "black":
		return slices.Contains(playerFields, of)
	}
	return false
}

// playerFields are a player's fields, as the HTTP API spells them.
var playerFields = []string{"name", "title", "rating", "fideId", "federation", "team"}

// namedFields returns the fields that an update of a player names.
func namedFields(side string, p *relaypb.PlayerUpdate) (out []string) {
	if p == nil {
		return nil
	}
	for i, is := range []bool{p.Name != nil, p.Title != nil, p.Rating != nil, p.FideId != nil, p.Federation != nil, p.Team != nil} {
		if is {
			out = append(out, side+"."+playerFields[i])
		}
	}
	return out
}

// UpdatedFields returns the fields that an update of a game names, as in [Lock.Field].
func UpdatedFields(op *relaypb.UpdateGame) []string {
	if op == nil {
		return nil
	}
	out := append(namedFields("black", op.Black), namedFields("white", op.White)...)
	if op.TimeControl != nil {
		out = append(out, "timeControl")
	}
	for _, t := range op.Tags {
		if t.GetName() != WarningTag {
			out = append(out, "tags."+t.GetName())
		}
	}
	if op.Fen != nil || op.Variant != nil || op.StartPosition != nil {
		out = append(out, LockStart)
	}
	return out
}

// givenFields returns the fields that a creation sets.
func givenFields(op *relaypb.CreateGame) (out []string) {
	for _, p := range []struct {
		side string
		*relaypb.Player
	}{{"black", op.Black}, {"white", op.White}} {
		for i, is := range []bool{
			nameKnown(p.GetName()), p.GetTitle() != "", p.GetRating() != 0, p.GetFideId() != 0, p.GetFederation() != "", p.GetTeam() != "",
		} {
			if is {
				out = append(out, p.side+"."+playerFields[i])
			}
		}
	}
	if op.TimeControl != "" {
		out = append(out, "timeControl")
	}
	for _, t := range op.Tags {
		if t.GetName() != WarningTag && t.GetValue() != "" {
			out = append(out, "tags."+t.GetName())
		}
	}
	if op.Fen != "" || op.Variant != "" || op.StartPosition != nil {
		out = append(out, LockStart)
	}
	return out
}

// nameKnown reports whether a name is somebody's. A place that is kept free is for the source to
// fill.
func nameKnown(name string) bool { return strings.Trim(name, "?- .") != "" }

// withoutLocked returns the update without the locked fields.
func (g *Game) withoutLocked(op *relaypb.UpdateGame) *relaypb.UpdateGame {
	locked := func(field string) bool { _, is := findLock(g.Locks(), field); return is }
	out := &relaypb.UpdateGame{Game: op.Game, Reason: op.Reason, Source: op.Source}
	for _, p := range []struct {
		side string
		from *relaypb.PlayerUpdate
		to   **relaypb.PlayerUpdate
	}{{"white", op.White, &out.White}, {"black", op.Black, &out.Black}} {
		if p.from == nil {
			continue
		}
		u := &relaypb.PlayerUpdate{}
		keep(&u.Name, p.from.Name, locked(p.side+".name"))
		keep(&u.Title, p.from.Title, locked(p.side+".title"))
		keep(&u.Rating, p.from.Rating, locked(p.side+".rating"))
		keep(&u.FideId, p.from.FideId, locked(p.side+".fideId"))
		keep(&u.Federation, p.from.Federation, locked(p.side+".federation"))
		keep(&u.Team, p.from.Team, locked(p.side+".team"))
		*p.to = u
	}
	keep(&out.TimeControl, op.TimeControl, locked("timeControl"))
	for _, t := range op.Tags {
		if !locked("tags." + t.GetName()) {
			out.Tags = append(out.Tags, t)
		}
	}
	keep(&out.Fen, op.Fen, locked(LockStart))
	keep(&out.Variant, op.Variant, locked(LockStart))
	keep(&out.StartPosition, op.StartPosition, locked(LockStart))
	return out
}

func keep[T any](to **T, from *T, locked bool) {
	if !locked {
		*to = from
	}
}

// overridesFrom returns nil if there are none.
func overridesFrom(r *relaypb.GameRecord) *overrides {
	var g Game
	g.setOverrides(overrides{locks: locksFrom(r.Locks), lockedBy: r.LockedBy, note: noteFrom(r.Note)})
	return g.overrides
}

func lockRecords(locks []Lock) []*relaypb.LockRecord {
	return mapped(locks, func(l Lock) *relaypb.LockRecord {
		return &relaypb.LockRecord{Field: l.Field, By: l.By, At: int64(l.Since), Ply: int32(l.ToPly)}
	})
}

func locksFrom(records []*relaypb.LockRecord) []Lock {
	return mapped(records, func(r *relaypb.LockRecord) Lock {
		return Lock{Field: r.Field, By: r.By, Since: Millis(r.At), ToPly: Ply(r.Ply)}
	})
}
