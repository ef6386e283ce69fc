package relay

import "math/bits"

// A gameTable finds games by id. It is a hash table with open addressing, at most half full. A game
// is nearly always in the first slot looked at. With thousands of games no slot is in a cache, and
// Go's map reads two places. Games are never removed.
type gameTable struct {
	slots []gameSlot // a power of two of them
	n     int
}

type gameSlot struct {
	id   idNumber // 0: empty
	game *liveGame
}

// find returns the slot of the id, or the empty one where it belongs.
func (t *gameTable) find(id idNumber) *gameSlot {
	// The product's upper bits depend on all bits of the id (Knuth, The Art of Computer
	// Programming, 6.4).
	at := uint64(id) * 0x9e3779b97f4a7c15 >> (bits.LeadingZeros64(uint64(len(t.slots))) + 1)
	for {
		s := &t.slots[at&uint64(len(t.slots)-1)]
		if s.id == id || s.id == 0 {
			return s
		}
		at++
	}
}

// get returns nil if there is no game of the id.
func (t *gameTable) get(id GameID) *liveGame {
	if t.n == 0 {
		return nil
	}
	return t.find(id.number()).game
}

// add adds a game, or replaces the one with its id.
func (t *gameTable) add(g *liveGame) {
	if 2*(t.n+1) > len(t.slots) {
		old := t.slots
		t.slots = make([]gameSlot, max(64, 2*len(old)))
		for _, s := range old {
			if s.id != 0 {
				*t.find(s.id) = s
			}
		}
	}
	id := g.ID.number()
	s := t.find(id)
	if s.id == 0 {
		t.n++
	}
	*s = gameSlot{id, g}
}

// all yields every game, in no particular order.
func (t *gameTable) all(yield func(*liveGame) bool) {
	for _, s := range t.slots {
		if s.id != 0 && !yield(s.game) {
			return
		}
	}
}
