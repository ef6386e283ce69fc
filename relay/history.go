package relay

import (
	"cmp"
	"slices"
)

// Entry is a line of a game's audit trail with the moves that came and went, in SAN.
type Entry struct {
	Change
	Removed []string `json:"removed,omitempty"` // from ToPly+1 on
	Added   []string `json:"added,omitempty"`   // likewise, of a correction
}

// History is the audit trail, the oldest line first. It costs the time to go over all the moves that the game has
// ever had.
func (g *Game) History() []Entry {
	added := map[uint64][]Move{} // by the index of the correction
	for _, c := range g.Changes {
		if c.Added > 0 {
			added[c.Index] = nil
		}
	}
	take := func(moves []Move) {
		for _, m := range moves {
			if before, ok := added[m.Index]; ok {
				added[m.Index] = append(before, m)
			}
		}
	}
	take(g.Moves())
	for _, c := range g.Changes {
		take(c.Removed)
	}
	return mapped(g.Changes, func(c Change) Entry {
		moves := added[c.Index] // those that were taken back since come behind the others
		slices.SortFunc(moves, func(a, b Move) int { return cmp.Compare(a.Ply, b.Ply) })
		san := func(m Move) string { return m.SAN }
		return Entry{Change: c, Removed: mapped(c.Removed, san), Added: mapped(moves, san)}
	})
}
