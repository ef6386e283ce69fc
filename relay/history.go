package relay

import (
	"cmp"
	"slices"
)

// Entry is a line of a game's audit trail with the moves that it removed and added, in SAN.
type Entry struct {
	Change
	Removed []string `json:"removed,omitempty"` // from ToPly+1 on
	Added   []string `json:"added,omitempty"`   // the same, of a correction
}

// History returns the audit trail, oldest line first. It goes over all moves that the game has ever
// had.
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
		moves := added[c.Index] // those taken back since come last
		slices.SortFunc(moves, func(a, b Move) int { return cmp.Compare(a.Ply, b.Ply) })
		san := func(m Move) string { return m.SAN }
		return Entry{Change: c, Removed: mapped(c.Removed, san), Added: mapped(moves, san)}
	})
}

// PlayedMove is a move in a hash chain (package chain): one that the game has, or had until it was
// taken back.
type PlayedMove struct {
	Index   uint64 `json:"index"`
	Ply     Ply    `json:"ply"`
	UCI     string `json:"uci,omitempty"`
	Illegal bool   `json:"illegal,omitempty"`
	SAN     string `json:"san,omitempty"` // of an illegal move, as FEN
	FEN     string `json:"fen,omitempty"`
}

// EveryMove returns all moves that the game has ever had, in the order in which they were recorded.
func (g *Game) EveryMove() []PlayedMove {
	out := make([]PlayedMove, 0, g.moves.n)
	take := func(m *Move) {
		p := PlayedMove{Index: m.Index, Ply: m.Ply, UCI: m.UCI, Illegal: m.Illegal}
		if m.Illegal {
			p.SAN, p.FEN = m.SAN, m.FEN
		}
		out = append(out, p)
	}
	for _, c := range g.Changes {
		for i := range c.Removed {
			take(&c.Removed[i])
		}
	}
	var records []byte
	for i := range int(g.moves.n) {
		if i%movesPerRecord == 0 {
			records = g.moves.records(Ply(i) + 1)
		}
		var record []byte
		record, records = nextRecord(records)
		m := readMove(record, Ply(i)+1)
		take(&m)
	}
	slices.SortStableFunc(out, func(a, b PlayedMove) int {
		return cmp.Or(cmp.Compare(a.Index, b.Index), cmp.Compare(a.Ply, b.Ply))
	})
	return out
}
