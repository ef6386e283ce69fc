package mirror

import (
	"fmt"
	"strings"
	"testing"
)

// TestComparingUnlikeGamesAllocatesLittle compares a long game with one of the same players without
// a common move. A push of a hundred such games makes dozens of comparisons for each, so a move
// must not allocate.
func TestComparingUnlikeGamesAllocatesLittle(t *testing.T) {
	line := func(cycle ...string) string {
		var moves strings.Builder
		for ply := range 1160 {
			if ply%2 == 0 {
				fmt.Fprintf(&moves, "%d. ", ply/2+1)
			}
			moves.WriteString(cycle[ply%4] + " ")
		}
		return "[White \"Smith, J\"]\n[Black \"Smyth, J\"]\n[Result \"*\"]\n\n" + moves.String() + "*\n\n"
	}
	w := newWorld(t)
	w.push(line("Nf3", "Nf6", "Ng1", "Ng8"))
	shown := read(t, line("Nc3", "Nc6", "Nb1", "Nb8"))
	b, s := boardGames(w.games())[0], sourceGame{Game: &shown[0]}
	if n := testing.AllocsPerRun(10, func() { s.relation(b) }); n > 10 {
		t.Errorf("to compare two games of 1,160 plies takes %.0f allocations", n)
	}
	if r := s.relation(b); r.common != 0 || r.mostAlike || r.recorded != 1160 || r.shown != 1160 {
		t.Errorf("their relation is %+v", r)
	}
}
