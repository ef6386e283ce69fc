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

// This file has what a checkpoint stores of the rounds that have a delay. The log may be cut behind commands
// that are held, and what the public has cannot be told from where a round stands. So there are, besides
// the records of the truth:
//
//	p/r/<id>, p/g/…       the round and its games as the public has them, in records like those of the truth
//	h/<round>/<index>     a command that is held, the index in 16 hexadecimal digits
//
// The commands that are held, applied to the former, make the latter; [State.Loaded] checks that.

const publicPrefix = "p/"

func heldKey(id RoundID, index uint64) string { return fmt.Sprintf("h/%s/%016x", id, index) }

// loading is what Load has taken in of the public sides, until Loaded.
type loading struct {
	public *State
	held   []loadedHeld
}

// newShadow returns a state that holds nothing back.
func newShadow() *State {
	s := NewState()
	s.shadow = true
	return s
}

// storedSide is what the checkpoints so far have of a public side.
type storedSide struct {
	round *Round
	games map[GameID]storedVersion
	dirty map[GameID]struct{} // those that may be others by now
	gone  []uint64            // commands that are stored and not held any more
}

// storedVersion is a version of a game that is stored, and in how many records.
type storedVersion struct {
	game *Game
	as   storedGame
}

func (st *storedSide) touch(id GameID) {
	if st.dirty == nil {
		st.dirty = make(map[GameID]struct{})
	}
	st.dirty[id] = struct{}{}
}

// touchSide notes that a side is no longer what it was.
func (s *State) touchSide(p *publicSide) {
	if !p.changed {
		p.changed = true
		s.changed.sides = append(s.changed.sides, p)
	}
}

// sideChange is what a checkpoint has to write of a public side.
type sideChange struct {
	id      RoundID
	round   *Round          // nil: as it was
	dropped bool            // there is no side any more
	games   []gameChange    // that are to be written
	removed []storedVersion // that are to be removed
	put     []held
	gone    []uint64
}

// takeDirty takes what is no longer as the last checkpoint has it.
func (p *publicSide) takeDirty() sideChange {
	c := sideChange{id: p.id, gone: p.stored.gone}
	p.changed, p.stored.gone = false, nil
	if p.round == nil {
		c.dropped = p.stored.round != nil
		c.removed = slices.Collect(maps.Values(p.stored.games))
		p.stored = storedSide{}
		return c
	}
	if p.stored.games == nil {
		p.stored.games = make(map[GameID]storedVersion, len(p.games))
	}
	if p.round != p.stored.round {
		c.round, p.stored.round = p.round, p.round
	}
	for id := range p.stored.dirty {
		g := p.games[id]
		if old := p.stored.games[id]; old.game != g {
			c.games = append(c.games, gameChange{g, old.under(g)})
			p.stored.games[id] = storedVersion{g, g.asStored()}
		}
	}
	clear(p.stored.dirty)
	for i := len(p.held) - 1; i >= 0 && !p.held[i].stored; i-- {
		if p.held[i].command != nil { // see holdRounds
			p.held[i].stored = true
			c.put = append(c.put, p.held[i])
		}
	}
	return c
}

// whole is all that a checkpoint has of it.
func (p *publicSide) whole() sideChange {
	c := sideChange{id: p.id, round: p.round}
	for _, g := range p.games {
		c.games = append(c.games, gameChange{game: g})
	}
	for i := range p.held {
		// Not what takeDirty, which may run beside this, writes there.
		if h := &p.held[i]; h.command != nil {
			c.put = append(c.put, held{index: h.index, term: h.term, command: h.command})
		}
	}
	return c
}

// under is what there is on disk for a game when the version g is written over v.
func (v storedVersion) under(g *Game) storedGame {
	st := v.as
	good := min(st.good, len(g.moves.blocks))
	for st.good = 0; st.good < good; st.good++ {
		if !bytes.Equal(v.game.moves.blocks[st.good].records, g.moves.blocks[st.good].records) {
			break
		}
	}
	return st
}

// encode yields the records that are not as they were.
func (c *sideChange) encode(yield func(string, []byte) bool) bool {
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
		if !v.as.remove(v.game, public) {
			return false
		}
	}
	for _, h := range c.put {
		if !yield(heldKey(c.id, h.index), marshal(&relaypb.HeldRecord{Term: h.term, Command: h.command})) {
			return false
		}
	}
	for _, index := range c.gone {
		if !yield(heldKey(c.id, index), nil) {
			return false
		}
	}
	return true
}

// loadedHeld is a record of a command that is held, until Loaded.
type loadedHeld struct {
	round       RoundID
	index, term uint64
	command     []byte
}

// loadHeld takes in the record of a command.
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

// loadedSides makes the public sides of their records: a state of its own of what the public has, to which the commands that
// are held are applied, and which must then be where the truth is. A round without records had its delay from a program that held
// nothing back, and so the public has all of it.
func (s *State) loadedSides() error {
	s.findSights(0)
	shadow, commands := s.loading.public, s.loading.held
	s.loading = loading{}
	if shadow == nil {
		shadow = newShadow()
	}
	for id := range shadow.rounds {
		r := s.rounds[id]
		if r == nil {
			return fmt.Errorf("record %s%s: there is no such round", publicPrefix, roundKey(id))
		}
		t := *s.tournaments[r.Tournament]
		t.Rounds, t.Deleted = nil, nil // what is held was accepted when it was there
		shadow.tournaments[t.ID] = &t
	}
	if err := shadow.Loaded(); err != nil {
		return fmt.Errorf("what the public has: %w", err)
	}
	for id, r := range shadow.rounds {
		p := s.newSide(id, s.rounds[id].Delay)
		p.round = r
		p.stored.round, p.stored.games = r, make(map[GameID]storedVersion, len(r.Games))
		for g := range shadow.allGames(r) {
			p.games[g.ID], p.stored.games[g.ID] = g.Game, storedVersion{g.Game, g.stored}
		}
	}
	slices.SortFunc(commands, func(a, b loadedHeld) int { return cmp.Compare(a.index, b.index) })
	for _, c := range commands {
		if err := s.holdAgain(shadow, c); err != nil {
			return fmt.Errorf("record %s: %w", heldKey(c.round, c.index), err)
		}
	}
	for id := range shadow.rounds {
		if err := s.meet(s.sides[id], shadow); err != nil {
			return fmt.Errorf("record %s%s: %w", publicPrefix, roundKey(id), err)
		}
	}
	for id, r := range s.rounds {
		if r.Delay > 0 && s.sides[id] == nil {
			s.begin(r, r.Delay)
		}
	}
	s.findShown()
	s.due = 0 // to be found
	return nil
}

// holdAgain applies a command that is held to the shadow, and holds what comes of it.
func (s *State) holdAgain(shadow *State, c loadedHeld) error {
	p := s.sides[c.round]
	if p == nil {
		return errors.New("the round has nothing else that the public has")
	}
	out := shadow.Apply(c.index, c.term, c.command)
	switch {
	case out.Err != nil:
		return fmt.Errorf("it cannot be applied to what the public has: %w", out.Err)
	case out.events == 0 || out.Game != nil && out.Game.Round != c.round || out.Game == nil && out.Round.ID != c.round:
		return errors.New("it changes nothing of what the public has of the round")
	}
	command, err := DecodeCommand(c.command)
	if err != nil {
		return err
	}
	if out.Game != nil && out.renews { // see show
		out.renews, out.renewsViewers = p.has(out.Game.ID), true
	}
	p.held = append(p.held, held{
		index: c.index, term: c.term, at: Millis(command.At), command: c.command, stored: true,
		round: shadow.rounds[c.round], game: out.Game, rounds: out.rounds, events: out.events, eventAt: out.at,
		renews: out.renews, renewsViewers: out.renewsViewers,
	})
	return nil
}

// meet checks that the commands that are held lead to the truth. Where they do, the truth's own values stand in for those
// of the shadow, which are the same.
func (s *State) meet(p *publicSide, shadow *State) error {
	truth, r := s.rounds[p.id], shadow.rounds[p.id]
	same := s.hashOf(roundKey(p.id)) == shadow.hashOf(roundKey(p.id)) && truth.Status == r.Status && slices.Equal(truth.Games, r.Games)
	for g := range s.allGames(truth) {
		same = same && shadow.games.get(g.ID) != nil && s.hashOf(gameKey(g.ID)) == shadow.hashOf(gameKey(g.ID))
	}
	if !same {
		return errors.New("with the commands that are held, it does not become what the round is")
	}
	if p.round == r {
		p.round, p.stored.round = truth, truth
	}
	for i := range p.held {
		h := &p.held[i]
		if h.round == r {
			h.round = truth
		}
		if h.game != nil && h.game == shadow.games.get(h.game.ID).Game {
			h.game = s.games.get(h.game.ID).Game
		}
	}
	for id, g := range p.games {
		if g == shadow.games.get(id).Game {
			g = s.games.get(id).Game
			p.games[id], p.stored.games[id] = g, storedVersion{g, p.stored.games[id].as}
		}
	}
	return nil
}
