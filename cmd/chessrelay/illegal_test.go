package main

import (
	"encoding/json"
	"net/http"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/chessrelay/chessrelay/relay"
)

// The bishop goes like a knight.
const afterIllegal = "r1bqkbnr/pppp1ppp/2n5/4p3/4P3/2B2N2/PPPP1PPP/RNBQK2R b KQkq - 3 3"

// TestPullOverAnIllegalMove: the warning of a round that is pulled stands in its log, and goes when
// the arbiter has recorded what was played.
func TestPullOverAnIllegalMove(t *testing.T) {
	c := newTestCluster(t, 2)
	base := c.nodes[1].url
	src := newPulledPage(t, "[White \"A\"]\n[Black \"B\"]\n\n1. e4 e5 2. Nf3 Nc6 3. Bc3 Nf6 *\n")
	tournament := must(t, base+"/api/tournaments", object{"name": "Open"})["id"].(string)
	round := must(t, base+"/api/tournaments/"+tournament+"/rounds", object{"name": "Round 1", "source": object{"url": src.URL, "intervalSeconds": 1}})["id"].(string)
	var r struct {
		Games []struct {
			ID      string
			Ply     int
			Warning string
		}
		SourceState struct{ Problems []string }
	}
	stands := func(ply int, warning bool) func() bool {
		return func() bool {
			r.Games, r.SourceState.Problems = nil, nil
			get(t, c.leader().url+"/api/rounds/"+round, &r)
			return len(r.Games) == 1 && r.Games[0].Ply == ply && (r.Games[0].Warning != "") == warning && (len(r.SourceState.Problems) > 0) == warning
		}
	}
	eventually(t, "the warning", stands(4, true))
	if w := r.Games[0].Warning; !strings.Contains(w, "ply 5, Bc3") {
		t.Errorf("the warning is %q", w)
	}
	must(t, base+"/api/games/"+r.Games[0].ID+"/moves", object{"ply": 5, "move": "Bc3", "illegal": true, "fen": afterIllegal})
	src.set("[White \"A\"]\n[Black \"B\"]\n\n1. e4 e5 2. Nf3 Nc6 3. Bc3 Nf6 4. O-O *\n")
	eventually(t, "the game to go on", stands(7, false))
}

// TestIllegalMove is the story of a board on which an illegal move was played: the source stops
// before it with a warning, the arbiter records it at another node, and the broadcast goes on by
// what the source shows behind it, on every node and after a restart.
func TestIllegalMove(t *testing.T) {
	t.Parallel()
	c := newTestCluster(t, 3)
	base := c.nodes[0].url
	tournament := must(t, base+"/api/tournaments", object{"name": "Open"})["id"].(string)
	round := must(t, base+"/api/tournaments/"+tournament+"/rounds", object{"name": "Round 1"})["id"].(string)
	both := func(first, second string) string {
		return "[White \"A\"]\n[Black \"B\"]\n\n" + first + "\n\n[White \"C\"]\n[Black \"D\"]\n\n" + second + "\n\n"
	}
	out := mustPush(t, base, round, both("1. e4 e5 2. Nf3 Nc6 3. Bc3 *", "1. d4 *"))
	if *out.Games[0].Moves != 4 || !strings.Contains(out.Games[0].Error, "Bc3") || out.Games[1].Error != "" {
		t.Fatalf("the push is answered with %+v", out)
	}
	c.waitEqual()

	type listed struct {
		Games []struct {
			ID       string
			Warning  string
			LastMove *relay.LastMove
		}
	}
	var boards listed
	for _, n := range c.nodes {
		get(t, n.url+"/api/rounds/"+round, &boards)
		if w := boards.Games[0].Warning; !strings.Contains(w, "from ply 5, Bc3: it is not legal") || boards.Games[1].Warning != "" {
			t.Fatalf("%s: the warnings are %q and %q", n.cfg.Name, w, boards.Games[1].Warning)
		}
	}
	game := boards.Games[0].ID
	moves := "/api/games/" + game + "/moves"

	watcher := newSpectator(t, round)
	watcher.watch(c.nodes[2].url)
	// The arbiter's mistakes are told.
	for want, body := range map[string]object{
		"fen: is required of an illegal move":  {"ply": 5, "move": "Bc3", "illegal": true},
		"fen: must have Black (b) to move":     {"ply": 5, "move": "Bc3", "illegal": true, "fen": strings.Replace(afterIllegal, " b ", " w ", 1)},
		"fen: White has 0 kings":               {"ply": 5, "move": "Bc3", "illegal": true, "fen": strings.Replace(afterIllegal, "QK2R", "Q3R", 1)},
		"fen: is told of an illegal move only": {"ply": 5, "move": "Bb5", "fen": afterIllegal},
	} {
		var answer object
		if status := post(t, c.nodes[1].url+moves, body, &answer); status != 400 || !strings.HasPrefix(answer["error"].(string), want) {
			t.Errorf("%v: %d, %v", body, status, answer)
		}
	}
	illegal := object{"ply": 5, "move": "Bc3", "illegal": true, "fen": afterIllegal, "clock": object{"white": 5_000_000}}
	made := must(t, c.nodes[1].url+moves, illegal)
	if made["san"] != "Bc3" || made["uci"] != "" || made["fen"] != afterIllegal || made["illegal"] != true {
		t.Errorf("it is answered with %v", made)
	}
	var again object
	if status := post(t, c.nodes[2].url+moves, illegal, &again); status != 200 || again["duplicate"] != true || again["index"] != made["index"] || again["illegal"] != true {
		t.Errorf("the same again: %d, %v", status, again)
	}
	watcher.until("the illegal move", func() bool { return watcher.fens[game] == afterIllegal })
	if !watcher.illegal[game] {
		t.Error("the spectator is not told that it is illegal")
	}
	late := newSpectator(t, round)
	late.watch(c.nodes[1].url)
	late.until("a snapshot", func() bool { return late.snaps > 0 })
	if !late.illegal[game] || late.fens[game] != afterIllegal {
		t.Errorf("a snapshot has %s, illegal %v", late.fens[game], late.illegal[game])
	}

	// What the source shows now goes on behind the illegal move, and the warning goes.
	for i, n := range c.nodes {
		out := mustPush(t, n.url, round, both("1. e4 e5 2. Nf3 Nc6 3. Bc3 Nf6 4. O-O *", "1. d4 d5 *"))
		if *out.Games[0].Moves != 7 || out.Games[0].Error != "" || i > 0 && *out.Games[1].Moves != 2 {
			t.Errorf("the push to %s is answered with %+v", n.cfg.Name, out)
		}
	}
	mustPush(t, base, round, both("1. e4 e5 2. Nf3 Nc6 *", "1. d4 d5 *")) // it takes nothing back
	c.waitEqual()
	watcher.until("the castling", func() bool {
		return strings.HasPrefix(watcher.fens[game], "r1bqkb1r/pppp1ppp/2n2n2/4p3/4P3/2B2N2/PPPP1PPP/RNBQ1RK1 b")
	})
	if watcher.illegal[game] {
		t.Error("the next moves are marked illegal")
	}
	whole := func(n *testNode) string {
		t.Helper()
		var g struct {
			Moves   []relay.Move
			Warning string
			Changes []json.RawMessage
		}
		get(t, n.url+"/api/games/"+game, &g)
		if len(g.Moves) != 7 || !g.Moves[4].Illegal || g.Moves[4].FEN != afterIllegal || g.Moves[3].Illegal || g.Moves[6].SAN != "O-O" || g.Warning != "" {
			t.Errorf("%s has %+v", n.cfg.Name, g)
		}
		text, err := json.Marshal(g)
		if err != nil {
			t.Fatal(err)
		}
		return string(text)
	}
	want := whole(c.nodes[0])
	c.nodes[2].kill()
	c.nodes[2].start()
	c.nodes[1].stop()
	c.nodes[1].start()
	c.waitEqual()
	for _, n := range c.nodes {
		if diff := cmp.Diff(want, whole(n)); diff != "" {
			t.Errorf("%s: %s", n.cfg.Name, diff)
		}
	}

	// The other forms of the game.
	res, err := http.Get(c.nodes[1].url + "/api/games/" + game + ".pgn")
	if err != nil {
		t.Fatal(err)
	}
	text := bodyOf(t, res)
	if !strings.Contains(text, "{ Illegal move was played: 3. Bc3; position "+afterIllegal+"; then 3... Nf6 4. O-O } *") || strings.Contains(text, "Warning") {
		t.Errorf("the PGN is %s", text)
	}
	var livechess struct {
		Moves   []string
		Comment string
	}
	get(t, c.nodes[2].url+"/get/"+tournament+"/round-1/game-1.json", &livechess)
	if len(livechess.Moves) != 4 || !strings.HasPrefix(livechess.Comment, "Illegal move was played: Bc3") {
		t.Errorf("LiveChess has %+v", livechess)
	}
	if s := feedGames(t, base, text); len(s.Failures) != 1 || !strings.Contains(s.Failures[0].String(), "Illegal move was played: 3. Bc3") {
		t.Errorf("feed of it fails with %v", s.Failures)
	}
}
