package broadcast

import (
	"encoding/json"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/chessrelay/chessrelay/relay"
)

// TestReduceFromAnyIndex keeps a score sheet: it fetches the games at some index and reads the
// events from there. After every index it must have the moves, the result and the names of the
// boards, and nothing of a line that was corrected.
func TestReduceFromAnyIndex(t *testing.T) {
	s := longScript(t, 600)
	type sheet struct {
		Moves  []string
		FEN    string
		Result relay.Result
		White  relay.Player
	}
	sheetOf := func(g *relay.Game) sheet {
		out := sheet{FEN: g.FEN(), Result: g.Result, White: g.White}
		for ply := range g.Ply() {
			out.Moves = append(out.Moves, g.MoveAt(ply+1).UCI)
		}
		return out
	}
	corrections := 0
	for from := uint64(9); from < s.last(); from += 97 {
		sheets := map[int]sheet{}
		for n, g := range s.boardsAt(roundA, from) {
			sheets[n] = sheetOf(g)
		}
		for index := from + 1; index <= s.last(); index++ {
			for i := range s.events[index-1] {
				e := &s.events[index-1][i]
				if e.RoundID() != roundA || e.Game == nil {
					continue
				}
				data, err := encodeEvent(e)
				if err != nil {
					t.Fatal(err)
				}
				var f anyFrame
				if err := json.Unmarshal(data, &f); err != nil {
					t.Fatal(err)
				}
				mine := sheets[f.Board]
				mine.Moves = f.apply(mine.Moves)
				if f.Type != "result" && f.Type != "clock" {
					mine.FEN = f.FEN
				}
				if f.Result != "" {
					mine.Result = f.Result
				}
				if f.Type == "game" {
					var b boardInfo
					if err := json.Unmarshal(data, &b); err != nil {
						t.Fatal(err)
					}
					mine.White = b.White
				}
				if f.Type == "correction" {
					corrections++
				}
				sheets[f.Board] = mine
				if diff := cmp.Diff(sheetOf(e.Game), mine); i == len(s.events[index-1])-1 && diff != "" {
					t.Fatalf("from %d, at %d: %s", from, index, diff)
				}
			}
		}
		if len(sheets) != 4 {
			t.Fatal(len(sheets))
		}
	}
	if corrections < 30 {
		t.Errorf("%d corrections are too few", corrections)
	}
}
