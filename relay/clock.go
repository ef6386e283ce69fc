package relay

import (
	"cmp"
	"encoding/json"
	"fmt"
	"slices"

	"github.com/chessrelay/chessrelay/relay/relaypb"
)

// NoClock is the clock with no side known.
func NoClock() Clock { return Clock{NoTime, NoTime} }

// Known reports whether at least one side is known.
func (c Clock) Known() bool { return c.White >= 0 || c.Black >= 0 }

// clockJSON is a Clock in JSON: an unknown side is left out.
type clockJSON struct {
	White *Millis `json:"white,omitempty"`
	Black *Millis `json:"black,omitempty"`
}

// MarshalJSON writes {"white":ms,"black":ms} without the unknown sides.
func (c Clock) MarshalJSON() ([]byte, error) {
	var out clockJSON
	if c.White >= 0 {
		out.White = &c.White
	}
	if c.Black >= 0 {
		out.Black = &c.Black
	}
	return json.Marshal(out)
}

// UnmarshalJSON reads what MarshalJSON writes. An absent side becomes [NoTime]; a negative time is
// an error.
func (c *Clock) UnmarshalJSON(data []byte) error {
	var in clockJSON
	if err := json.Unmarshal(data, &in); err != nil {
		return err
	}
	*c = NoClock()
	for _, side := range []struct {
		from *Millis
		to   *Millis
		name string
	}{{in.White, &c.White, "white"}, {in.Black, &c.Black, "black"}} {
		if side.from == nil {
			continue
		}
		if *side.from < 0 {
			return fmt.Errorf("clock: %s is negative", side.name)
		}
		*side.to = *side.from
	}
	return nil
}

// MarshalJSON writes a list of "white" and "black".
func (s Sides) MarshalJSON() ([]byte, error) {
	return []byte([...]string{`[]`, `["white"]`, `["black"]`, `["white","black"]`}[s&(WhiteSide|BlackSide)]), nil
}

// UnmarshalJSON reads what MarshalJSON writes. Another name is an error.
func (s *Sides) UnmarshalJSON(data []byte) error {
	var list []string
	if err := json.Unmarshal(data, &list); err != nil {
		return err
	}
	*s = 0
	for _, name := range list {
		switch name {
		case "white":
			*s |= WhiteSide
		case "black":
			*s |= BlackSide
		default:
			return fmt.Errorf("a side is white or black, not %q", clip(name, 32))
		}
	}
	return nil
}

// LiveClock is a game's clock now, and whose clock runs.
type LiveClock struct {
	Clock
	Running string // "white" or "black"; empty if none does
}

// liveJSON is a LiveClock in JSON, which always has running.
type liveJSON struct {
	clockJSON
	Running *string `json:"running"`
}

// MarshalJSON writes the clock with "running": "white", "black" or null.
func (c LiveClock) MarshalJSON() ([]byte, error) {
	var out liveJSON
	if c.White >= 0 {
		out.White = &c.White
	}
	if c.Black >= 0 {
		out.Black = &c.Black
	}
	if c.Running != "" {
		out.Running = &c.Running
	}
	return json.Marshal(out)
}

// UnmarshalJSON reads what MarshalJSON writes, as [Clock] does.
func (c *LiveClock) UnmarshalJSON(data []byte) error {
	var in liveJSON
	if err := json.Unmarshal(data, &in); err != nil {
		return err
	}
	c.Running = ""
	if in.Running != nil {
		c.Running = *in.Running
	}
	return c.Clock.UnmarshalJSON(data)
}

// LiveClock returns the game's clock, and whose clock runs. From the first move until the result it
// is the clock of the side to move, if at least one side's time is known.
func (g *Game) LiveClock() LiveClock {
	c := LiveClock{Clock: g.Clock()}
	switch {
	case g.Over() || g.Ply() == 0 || !c.Known():
	case g.WhitePlays(g.Ply() + 1):
		c.Running = "white"
	default:
		c.Running = "black"
	}
	return c
}

// ClockTime is when the present clocks were told, with the last move or later without one. The
// running clock goes on from there. It is 0 if there is no move and nothing was told.
func (g *Game) ClockTime() Millis {
	set, ply := g.clocks, g.Ply()
	var m Move
	if ply > 0 {
		m = readMove(g.moves.record(ply), ply)
	}
	if set != nil && set.ply == ply && set.index > m.Index {
		return set.at
	}
	return m.At
}

// clockSet is what setClock leaves behind, beside the clocks of a move. Immutable.
type clockSet struct {
	start       Clock  // that the game starts with
	at          Millis // of the last one; older ones come too late
	ply         Ply    // the last one told the clocks after this ply
	index, term uint64 // of the last one
	request     string // that made it
}

func (set *clockSet) startClock() Clock {
	if set == nil {
		return NoClock()
	}
	return set.start
}

func (set *clockSet) record() *relaypb.ClockRecord {
	if set == nil {
		return nil
	}
	return &relaypb.ClockRecord{
		WhiteMs: optionalTime(set.start.White), BlackMs: optionalTime(set.start.Black),
		At: int64(set.at), Ply: int32(set.ply), Index: set.index, Term: set.term, Request: set.request,
	}
}

func clockSetFrom(r *relaypb.ClockRecord) *clockSet {
	if r == nil {
		return nil
	}
	return &clockSet{
		start: Clock{timeFrom(r.WhiteMs), timeFrom(r.BlackMs)},
		at:    Millis(r.At), ply: Ply(r.Ply), index: r.Index, term: r.Term, request: r.Request,
	}
}

// maxAhead is how far the time at which clocks were read may be ahead of the command's own time.
const maxAhead Millis = 60_000

// setClock replaces the game's clocks, even after its end, where they may need a correction. Clocks
// are told often, so this leaves no line in the audit trail. A second copy is harmless: only clocks
// that were read later than the last ones count, also after a takeback. A submitter that retries
// without a time of its own is known by its request, unless newer clocks came between.
func (s *State) setClock(c *relaypb.Command, op *relaypb.SetClock, out *Outcome) error {
	g := s.games.get(GameID(op.Game))
	if g == nil {
		return &NotFoundError{"game", clip(op.Game, 32)}
	}
	at := cmp.Or(op.At, c.At)
	told, err := readClock(op.WhiteMs, op.BlackMs)
	if err := firstError(err, checkTime("at", at)); err != nil {
		return err
	}
	if !byPerson(c) {
		at = min(at, c.At) // a source whose clock is ahead is right otherwise
	}
	if !told.Known() {
		return bad("clock", "is required: white, black or both, in milliseconds")
	}
	if Millis(at) > Millis(c.At)+maxAhead {
		return bad("at", "must be at most a minute ahead of the node's time: it is %d, and the node's time is %d", at, c.At)
	}
	out.Game = g.Game
	if set := g.clocks; set != nil && (Millis(at) <= set.at || c.Request == set.request) {
		out.Index, out.Term, out.Duplicate = set.index, set.term, true
		return nil
	}
	if g.hidden {
		return s.deletedGame(g.Game)
	}
	next := *g.Game
	ply := g.Ply()
	if err := g.refuseManual(c); err != nil {
		return err
	}
	if !byPerson(c) && g.clockLockedTo() == ply {
		return g.mayChange(c, LockClock)
	}
	if locks := g.lockClock(c, ply); len(locks) > 0 {
		next.setLocks(locks)
	}
	set := clockSet{start: g.clocks.startClock(), at: Millis(at), ply: ply, index: out.Index, term: out.Term, request: c.Request}
	if ply == 0 {
		set.start = told.filledFrom(set.start)
	} else {
		m := readMove(g.moves.record(ply), ply)
		m.Clock = told.filledFrom(m.Clock)
		m.Carried &^= told.toldSides()
		next.moves = g.cut(ply - 1)
		next.moves.add(&m, g.moves.last)
		g.stored.takeBack(ply - 1)
	}
	next.clocks = &set
	s.putGame(g, &next, out)
	out.tell(tellClock, at)
	return nil
}

// clockLockedTo is the last ply whose clocks a person has told without a move; -1 if there is none.
func (g *Game) clockLockedTo() Ply {
	if l, ok := g.Lock(LockClock); ok {
		return l.ToPly
	}
	return -1
}

// lockClock returns the game's locks; the clocks are locked up to ply if a person told them.
func (g *Game) lockClock(c *relaypb.Command, ply Ply) []Lock {
	l, locked := g.Lock(LockClock)
	if !byPerson(c) || locked && l.ToPly == ply && l.By == c.By {
		return g.Locks()
	}
	locks := slices.Clone(g.lock(c, LockClock))
	at, _ := findLock(locks, LockClock)
	locks[at] = Lock{Field: LockClock, By: c.By, Since: Millis(c.At), ToPly: ply}
	return locks
}

// toldSides returns the sides whose time the clock knows.
func (c Clock) toldSides() Sides {
	var s Sides
	if c.White != NoTime {
		s |= WhiteSide
	}
	if c.Black != NoTime {
		s |= BlackSide
	}
	return s
}
