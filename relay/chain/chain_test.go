package chain

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/chessrelay/chessrelay/relay"
	"github.com/chessrelay/chessrelay/relay/relaypb"
)

// game is a game with moves, a takeback, a correction, an illegal move and a result, and its head
// after each command.
func game(t *testing.T) (*relay.Game, []string) {
	t.Helper()
	s := relay.NewState()
	var g *relay.Game
	var heads []string
	do := func(op *relaypb.Command) {
		t.Helper()
		op.At, op.Request, op.By = 1_700_000_000_000, fmt.Sprint("r", len(heads)), "Ann <&>"
		data, err := relay.EncodeCommand(op)
		if err != nil {
			t.Fatal(err)
		}
		out := s.Apply(uint64(len(heads)+1)*3, 1, data)
		if out.Err != nil {
			t.Fatal(out.Err)
		}
		head := ""
		if g = out.Game; g != nil {
			if _, _, head, err = Game(g); err != nil {
				t.Fatal(err)
			}
		}
		heads = append(heads, head)
	}
	move := func(ply int32, text string) {
		t.Helper()
		do(&relaypb.Command{Op: &relaypb.Command_PlayMove{PlayMove: &relaypb.PlayMove{Game: "game0001", Ply: ply, Move: text}}})
	}
	player := func(name string) *relaypb.Player { return &relaypb.Player{Name: name} }
	do(&relaypb.Command{Op: &relaypb.Command_CreateTournament{CreateTournament: &relaypb.CreateTournament{Id: "tournam1", Name: "T"}}})
	do(&relaypb.Command{Op: &relaypb.Command_CreateRound{CreateRound: &relaypb.CreateRound{Id: "round001", Tournament: "tournam1", Name: "R"}}})
	do(&relaypb.Command{Op: &relaypb.Command_CreateGame{CreateGame: &relaypb.CreateGame{Id: "game0001", Round: "round001", Board: 1, White: player("A"), Black: player("B")}}})
	move(1, "e4")
	move(2, "e5")
	do(&relaypb.Command{Op: &relaypb.Command_TakeBack{TakeBack: &relaypb.TakeBack{Game: "game0001", ToPly: 1, Reason: "wrong board"}}})
	move(2, "c5")
	do(&relaypb.Command{Op: &relaypb.Command_CorrectMoves{CorrectMoves: &relaypb.CorrectMoves{Game: "game0001", ToPly: 1, Moves: []*relaypb.CorrectedMove{{Move: "d5"}, {Move: "exd5"}}}}})
	do(&relaypb.Command{Op: &relaypb.Command_PlayMove{PlayMove: &relaypb.PlayMove{
		Game: "game0001", Ply: 4, Move: "Ke6", Illegal: true, Fen: "rnbq1bnr/ppp1pppp/4k3/3P4/8/8/PPPP1PPP/RNBQKBNR w KQ - 1 3",
	}}})
	do(&relaypb.Command{Op: &relaypb.Command_SetClock{SetClock: &relaypb.SetClock{Game: "game0001", WhiteMs: new(int64(5000))}}})
	do(&relaypb.Command{Op: &relaypb.Command_SetResult{SetResult: &relaypb.SetResult{Game: "game0001", Result: "1-0"}}})
	return g, heads[2:]
}

// export is the API's answer about a game.
func export(t *testing.T, g *relay.Game) map[string]any {
	t.Helper()
	history, moves, head, err := Game(g)
	if err != nil {
		t.Fatal(err)
	}
	seal, err := Seal(head, StandsOf(g), nil)
	if err != nil {
		t.Fatal(err)
	}
	data, _ := json.Marshal(map[string]any{"game": g.ID, "index": g.Index, "history": history, "moves": moves, "stands": StandsOf(g), "head": head, "seal": seal})
	var out map[string]any
	if err := json.Unmarshal(data, &out); err != nil {
		t.Fatal(err)
	}
	return out
}

func parse(t *testing.T, doc map[string]any) *Document {
	t.Helper()
	data, err := json.MarshalIndent(doc, "", "  ") // as some tool may have saved it
	if err != nil {
		t.Fatal(err)
	}
	d, err := Parse(data)
	if err != nil {
		t.Fatal(err)
	}
	return d
}

// TestChainGrows: an earlier head stays in the chain, also after takebacks, corrections and clocks.
func TestChainGrows(t *testing.T) {
	g, heads := game(t)
	d := parse(t, export(t, g))
	if faults := d.Check(); faults != nil {
		t.Fatal(faults)
	}
	if d.Len() != 9 { // three changes, and six moves of which two were taken back
		t.Errorf("%d entries", d.Len())
	}
	for i, h := range heads {
		if !d.Has(h) {
			t.Errorf("the head after command %d is gone", i)
		}
	}
	if d.Has(strings.Repeat("0", 64)) {
		t.Error("it has what it never had")
	}
}

// TestTampering: every change of an export is found and named.
func TestTampering(t *testing.T) {
	g, _ := game(t)
	list := func(doc map[string]any, name string) []any { return doc[name].([]any) }
	entry := func(doc map[string]any, name string, i int) map[string]any {
		return list(doc, name)[i].(map[string]any)
	}
	for name, tt := range map[string]struct {
		tamper func(doc map[string]any)
		want   string
	}{
		"a reason":          {func(d map[string]any) { entry(d, "history", 0)["reason"] = "x" }, "history[0] (takeback at index 18) does not follow"},
		"an author":         {func(d map[string]any) { entry(d, "history", 1)["by"] = "x" }, "history[1] (correction at index 24) does not follow"},
		"a result":          {func(d map[string]any) { entry(d, "history", 2)["result"] = "0-1" }, "history[2] (result at index 33) does not follow"},
		"a move":            {func(d map[string]any) { entry(d, "moves", 0)["uci"] = "d2d4" }, "moves[0] (ply 1 at index 12) does not follow from the beginning"},
		"a field more":      {func(d map[string]any) { entry(d, "moves", 1)["x"] = 1 }, "moves[1] (ply 2 at index 15)"},
		"an entry missing":  {func(d map[string]any) { d["history"] = slices.Delete(list(d, "history"), 0, 1) }, "moves[2] (ply 2 at index 21) does not follow from moves[1]"},
		"a move missing":    {func(d map[string]any) { d["moves"] = slices.Delete(list(d, "moves"), 0, 1) }, "from the beginning: it was changed, or what was between them is missing"},
		"the last missing":  {func(d map[string]any) { d["history"] = list(d, "history")[:2] }, "entries after it are missing"},
		"two moves swapped": {func(d map[string]any) { l := list(d, "moves"); l[0], l[1] = l[1], l[0] }, "which is newer: they were reordered"},
		"indexes swapped": {func(d map[string]any) {
			a, b := entry(d, "moves", 0), entry(d, "moves", 1)
			a["index"], b["index"] = b["index"], a["index"]
		}, "does not follow"},
		"one in between": {func(d map[string]any) {
			more := map[string]any{"index": 13, "ply": 2, "uci": "c7c5", "hash": strings.Repeat("a", 64)}
			d["moves"] = slices.Insert(list(d, "moves"), 1, any(more))
		}, "moves[2] (ply 2 at index 15) follows moves[0] (ply 1 at index 12), and not moves[1]"},
		"the head":     {func(d map[string]any) { d["head"] = strings.Repeat("a", 64) }, "the head is not the hash of history[2]"},
		"a player":     {func(d map[string]any) { d["stands"].(map[string]any)["white"].(map[string]any)["name"] = "C" }, "the seal does not match"},
		"another game": {func(d map[string]any) { d["game"] = "game0002" }, "does not follow from the beginning"},
	} {
		t.Run(name, func(t *testing.T) {
			doc := export(t, g)
			tt.tamper(doc)
			if faults := strings.Join(parse(t, doc).Check(), "\n"); !strings.Contains(faults, tt.want) {
				t.Errorf("found:\n%s\nwant: %s", faults, tt.want)
			}
		})
	}
}

// FuzzParse: no bytes make the checker panic.
func FuzzParse(f *testing.F) {
	f.Add([]byte(`{"round":"round001","index":1,"history":[],"stands":{},"games":[],"head":"` + strings.Repeat("a", 64) + `"}`))
	f.Add([]byte(`{"game":"game0001","history":[{"hash":"` + strings.Repeat("a", 64) + `","index":1}],"moves":[null],"head":"x"}`))
	f.Fuzz(func(_ *testing.T, data []byte) {
		if d, err := Parse(data); err == nil {
			d.Check()
		}
	})
}

// BenchmarkSealGame is what a tournament's seal takes for a game that has changed.
func BenchmarkSealGame(b *testing.B) {
	var moves []relay.Move
	for i := range 80 {
		moves = append(moves, relay.Move{UCI: []string{"g1f3", "g8f6", "f3g1", "f6g8"}[i%4], Clock: relay.NoClock(), Index: uint64(100 + i)})
	}
	g, err := relay.NewGame(relay.Pairing{ID: "game0001"}, relay.Ongoing, moves)
	if err != nil {
		b.Fatal(err)
	}
	for b.Loop() {
		if _, err := SealGame(g); err != nil {
			b.Fatal(err)
		}
	}
}
