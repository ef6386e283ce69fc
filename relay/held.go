package relay

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"

	"google.golang.org/protobuf/proto"

	"github.com/chessrelay/chessrelay/relay/relaypb"
)

// This file stores the rounds with a delay in a checkpoint. The log may be cut behind held
// commands, and the truth does not tell what the public has. So these records are stored beside the
// truth's:
//
//	p/r/<id>, p/g/…       the round and its games in the public's view, like the truth's records
//	h/<round>/<index>     a held command, the index in 16 hexadecimal digits
//
// The held commands, applied to the public's view, lead to the truth; [State.Loaded] checks that.

const publicPrefix = "p/"

func heldKey(id RoundID, index uint64) string { return fmt.Sprintf("h/%s/%016x", id, index) }

// loading is what Load has read of the rounds with a delay, until Loaded.
type loading struct {
	public *State
	held   []loadedHeld
}

// newPublicState returns a state for the public's view alone. It holds nothing.
func newPublicState() *State {
	s := NewState()
	s.isPublic = true
	return s
}

// storedDelayed is what the checkpoints so far have of a delayedRound.
type storedDelayed struct {
	round    *Round
	games    map[GameID]storedVersion
	dirty    map[GameID]struct{} // those that may have changed since
	released []uint64            // stored commands that are no longer held
}

// storedVersion is a version of a game that is stored, and in how many records.
type storedVersion struct {
	game   *Game
	stored storedGame
}

func (st *storedDelayed) touch(id GameID) {
	if st.dirty == nil {
		st.dirty = make(map[GameID]struct{})
	}
	st.dirty[id] = struct{}{}
}

// touchDelayed notes that a delayedRound has changed.
func (s *State) touchDelayed(d *delayedRound) {
	if !d.changed {
		d.changed = true
		s.changed.delayed = append(s.changed.delayed, d)
	}
}

// delayedChange is what a checkpoint has to write of a delayedRound.
type delayedChange struct {
	id       RoundID
	round    *Round          // nil: unchanged
	dropped  bool            // the round has no delay any longer
	games    []gameChange    // that are to be written
	removed  []storedVersion // that are to be removed
	put      []held
	released []uint64
}

// takeDirty takes what has changed since the last checkpoint.
func (d *delayedRound) takeDirty() delayedChange {
	c := delayedChange{id: d.id, released: d.stored.released}
	d.changed, d.stored.released = false, nil
	if d.public.round == nil {
		c.dropped = d.stored.round != nil
		c.removed = slices.Collect(maps.Values(d.stored.games))
		d.stored = storedDelayed{}
		return c
	}
	if d.stored.games == nil {
		d.stored.games = make(map[GameID]storedVersion, len(d.public.games))
	}
	if d.public.round != d.stored.round {
		c.round, d.stored.round = d.public.round, d.public.round
	}
	for id := range d.stored.dirty {
		g := d.public.games[id]
		if old := d.stored.games[id]; old.game != g {
			c.games = append(c.games, gameChange{g, old.overwrittenBy(g)})
			d.stored.games[id] = storedVersion{g, g.asStored()}
		}
	}
	clear(d.stored.dirty)
	for i := len(d.held) - 1; i >= 0 && !d.held[i].stored; i-- {
		if d.held[i].command != nil { // see holdRounds
			d.held[i].stored = true
			c.put = append(c.put, d.held[i])
		}
	}
	return c
}

// whole returns all that a checkpoint has of it.
func (d *delayedRound) whole() delayedChange {
	c := delayedChange{id: d.id, round: d.public.round}
	for _, g := range d.public.games {
		c.games = append(c.games, gameChange{game: g})
	}
	for i := range d.held {
		// takeDirty may run beside this. So this leaves out the field that takeDirty writes.
		if h := &d.held[i]; h.command != nil {
			c.put = append(c.put, held{index: h.index, term: h.term, command: h.command})
		}
	}
	return c
}

// overwrittenBy returns what is on disk for a game once the version g is written over v.
func (v storedVersion) overwrittenBy(g *Game) storedGame {
	st := v.stored
	good := min(st.unchanged, len(g.moves.blocks))
	for st.unchanged = 0; st.unchanged < good; st.unchanged++ {
		if !bytes.Equal(v.game.moves.blocks[st.unchanged].records, g.moves.blocks[st.unchanged].records) {
			break
		}
	}
	return st
}

// encode yields the records that have changed.
func (c *delayedChange) encode(yield func(string, []byte) bool) bool {
	public := func(key string, value []byte) bool { return yield(publicPrefix+key, value) }
	if c.dropped && !public(roundKey(c.id), nil) {
		return false
	}
	if c.round != nil && !public(roundKey(c.id), marshal(roundRecord(c.round))) {
		return false
	}
	for _, g := range c.games {
		if !g.encode(public) {
			return false
		}
	}
	for _, v := range c.removed {
		if !v.stored.remove(v.game, public) {
			return false
		}
	}
	for _, h := range c.put {
		if !yield(heldKey(c.id, h.index), marshal(&relaypb.HeldRecord{Term: h.term, Command: h.command})) {
			return false
		}
	}
	for _, index := range c.released {
		if !yield(heldKey(c.id, index), nil) {
			return false
		}
	}
	return true
}

// loadedHeld is the record of a held command, until Loaded.
type loadedHeld struct {
	round       RoundID
	index, term uint64
	command     []byte
}

// loadHeld reads the record of a held command.
func (s *State) loadHeld(id RoundID, part string, value []byte) error {
	r := new(relaypb.HeldRecord)
	index, err := strconv.ParseUint(part[min(1, len(part)):], 16, 64)
	if err != nil || heldKey(id, index)[2+idLen:] != part {
		return errKey
	}
	if err := proto.Unmarshal(value, r); err != nil {
		return err
	}
	s.loading.held = append(s.loading.held, loadedHeld{id, index, r.Term, r.Command})
	return nil
}

// loadedDelayed makes the rounds with a delay from their records. It loads the public's view into a
// state of its own and applies the held commands to that. The outcome must be the truth. A round
// without records has its delay from a program that held nothing, so the public has all of it.
func (s *State) loadedDelayed() error {
	s.findSights(0)
	public, commands := s.loading.public, s.loading.held
	s.loading = loading{}
	if public == nil {
		public = newPublicState()
	}
	for id := range public.rounds {
		r := s.rounds[id]
		if r == nil {
			return fmt.Errorf("record %s%s: its round does not exist", publicPrefix, roundKey(id))
		}
		t := *s.tournaments[r.Tournament]
		t.Rounds, t.Deleted = nil, nil // the held commands were accepted before the deletion
		public.tournaments[t.ID] = &t
	}
	if err := public.Loaded(); err != nil {
		return fmt.Errorf("the boards as the public sees them: %w", err)
	}
	for id, r := range public.rounds {
		d := s.newDelayed(id, s.rounds[id].Delay)
		d.public.round = r
		d.stored.round, d.stored.games = r, make(map[GameID]storedVersion, len(r.Games))
		for g := range public.allGames(r) {
			d.public.games[g.ID], d.stored.games[g.ID] = g.Game, storedVersion{g.Game, g.stored}
		}
	}
	slices.SortFunc(commands, func(a, b loadedHeld) int { return cmp.Compare(a.index, b.index) })
	for _, c := range commands {
		if err := s.reapplyHeld(public, c); err != nil {
			return fmt.Errorf("record %s: %w", heldKey(c.round, c.index), err)
		}
	}
	for id := range public.rounds {
		if err := s.checkReachesTruth(s.delayed[id], public); err != nil {
			return fmt.Errorf("record %s%s: %w", publicPrefix, roundKey(id), err)
		}
	}
	for id, r := range s.rounds {
		if r.Delay > 0 && s.delayed[id] == nil {
			s.beginDelay(r, r.Delay)
		}
	}
	s.findShown()
	s.nextRelease = 0 // to be found
	return nil
}

// reapplyHeld applies a held command to the public's state, and holds it again.
func (s *State) reapplyHeld(public *State, c loadedHeld) error {
	d := s.delayed[c.round]
	if d == nil {
		return errors.New("the public sees the round as it is, so nothing can be held")
	}
	out := public.Apply(c.index, c.term, c.command)
	switch {
	case out.Err != nil:
		return fmt.Errorf("it cannot be applied to the round as the public sees it: %w", out.Err)
	case out.events == 0 || out.Game != nil && out.Game.Round != c.round || out.Game == nil && out.Round.ID != c.round:
		return errors.New("it changes nothing in the round as the public sees it")
	}
	command, err := DecodeCommand(c.command)
	if err != nil {
		return err
	}
	if out.Game != nil && out.renews { // see show
		out.renews, out.renewsTiers = d.public.has(out.Game.ID), true
	}
	d.held = append(d.held, held{
		index: c.index, term: c.term, at: Millis(command.At), command: c.command, stored: true,
		round: public.rounds[c.round], game: out.Game, rounds: out.rounds, events: out.events, eventAt: out.at,
		renews: out.renews, renewsTiers: out.renewsTiers,
	})
	return nil
}

// checkReachesTruth checks that the held commands lead to the truth. Then it puts the truth's own
// values in the place of equal ones of the public's state.
func (s *State) checkReachesTruth(d *delayedRound, public *State) error {
	truth, r := s.rounds[d.id], public.rounds[d.id]
	same := s.hashOf(roundKey(d.id)) == public.hashOf(roundKey(d.id)) && truth.Status == r.Status && slices.Equal(truth.Games, r.Games)
	for g := range s.allGames(truth) {
		same = same && public.games.get(g.ID) != nil && s.hashOf(gameKey(g.ID)) == public.hashOf(gameKey(g.ID))
	}
	if !same {
		return errors.New("with the held commands, the public's round does not become the round as it is")
	}
	if d.public.round == r {
		d.public.round, d.stored.round = truth, truth
	}
	for i := range d.held {
		h := &d.held[i]
		if h.round == r {
			h.round = truth
		}
		if h.game != nil && h.game == public.games.get(h.game.ID).Game {
			h.game = s.games.get(h.game.ID).Game
		}
	}
	for id, g := range d.public.games {
		if g == public.games.get(id).Game {
			g = s.games.get(id).Game
			d.public.games[id], d.stored.games[id] = g, storedVersion{g, d.stored.games[id].stored}
		}
	}
	return nil
}
