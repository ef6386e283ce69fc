package node_test

import (
	"encoding/json"
	"net/http"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/chessrelay/chessrelay/cmd/chessrelay/node/nodetest"
	"github.com/chessrelay/chessrelay/relay"
)

// afterIllegal is the position after a bishop has moved like a knight.
const afterIllegal = "r1bqkbnr/pppp1ppp/2n5/4p3/4P3/2B2N2/PPPP1PPP/RNBQK2R b KQkq - 3 3"

// TestPullOverAnIllegalMove: the warning of a polled round is in its log. It goes when the arbiter
// has recorded what was played.
func TestPullOverAnIllegalMove(t *testing.T) {
	t.Parallel()
	c := nodetest.NewCluster(t, 2)
	base := c.Nodes[1].URL
	src := newPulledPage(t, "[White \"A\"]\n[Black \"B\"]\n\n1. e4 e5 2. Nf3 Nc6 3. Bc3 Nf6 *\n")
	tournament := nodetest.Must(t, base+"/api/tournaments", nodetest.Object{"name": "Open"})["id"].(string)
	round := nodetest.Must(t, base+"/api/tournaments/"+tournament+"/rounds", nodetest.Object{"name": "Round 1", "source": nodetest.Object{"url": src.URL, "intervalSeconds": 1}})["id"].(string)
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
			nodetest.Get(t, c.Leader().URL+"/api/rounds/"+round, &r)
			return len(r.Games) == 1 && r.Games[0].Ply == ply && (r.Games[0].Warning != "") == warning && (len(r.SourceState.Problems) > 0) == warning
		}
	}
	nodetest.Eventually(t, "the warning", stands(4, true))
	if w := r.Games[0].Warning; !strings.Contains(w, "ply 5, Bc3") {
		t.Errorf("the warning is %q", w)
	}
	nodetest.Must(t, base+"/api/games/"+r.Games[0].ID+"/moves", nodetest.Object{"ply": 5, "move": "Bc3", "illegal": true, "fen": afterIllegal})
	src.set("[White \"A\"]\n[Black \"B\"]\n\n1. e4 e5 2. Nf3 Nc6 3. Bc3 Nf6 4. O-O *\n")
	nodetest.Eventually(t, "the game to go on", stands(7, false))
}

// TestIllegalMove plays an illegal move on a board. The source stops before it with a warning, and
// the arbiter records it at another node. Then the broadcast goes on with the source's later moves,
// on every node and after a restart.
func TestIllegalMove(t *testing.T) {
	t.Parallel()
	c := nodetest.NewCluster(t, 3)
	base := c.Nodes[0].URL
	tournament := nodetest.Must(t, base+"/api/tournaments", nodetest.Object{"name": "Open"})["id"].(string)
	round := nodetest.Must(t, base+"/api/tournaments/"+tournament+"/rounds", nodetest.Object{"name": "Round 1"})["id"].(string)
	both := func(first, second string) string {
		return "[White \"A\"]\n[Black \"B\"]\n\n" + first + "\n\n[White \"C\"]\n[Black \"D\"]\n\n" + second + "\n\n"
	}
	out := mustPush(t, base, round, both("1. e4 e5 2. Nf3 Nc6 3. Bc3 *", "1. d4 *"))
	if *out.Games[0].Moves != 4 || !strings.Contains(out.Games[0].Error, "Bc3") || out.Games[1].Error != "" {
		t.Fatalf("the push is answered with %+v", out)
	}
	c.WaitEqual()

	type listed struct {
		Games []struct {
			ID       string
			Warning  string
			LastMove *relay.LastMove
		}
	}
	var boards listed
	for _, n := range c.Nodes {
		nodetest.Get(t, n.URL+"/api/rounds/"+round, &boards)
		if w := boards.Games[0].Warning; !strings.Contains(w, "past ply 5, Bc3: it is not legal") || boards.Games[1].Warning != "" {
			t.Fatalf("%s: the warnings are %q and %q", n.Config.Name, w, boards.Games[1].Warning)
		}
	}
	game := boards.Games[0].ID
	moves := "/api/games/" + game + "/moves"

	watcher := nodetest.NewSpectator(t, round)
	watcher.Watch(c.Nodes[2].URL)
	// The arbiter's mistakes are refused.
	for want, body := range map[string]nodetest.Object{
		"fen: is required for an illegal move": {"ply": 5, "move": "Bc3", "illegal": true},
		"fen: must have Black (b) to move":     {"ply": 5, "move": "Bc3", "illegal": true, "fen": strings.Replace(afterIllegal, " b ", " w ", 1)},
		"fen: White has 0 kings":               {"ply": 5, "move": "Bc3", "illegal": true, "fen": strings.Replace(afterIllegal, "QK2R", "Q3R", 1)},
		"fen: is only for an illegal move":     {"ply": 5, "move": "Bb5", "fen": afterIllegal},
	} {
		var answer nodetest.Object
		if status := nodetest.Post(t, c.Nodes[1].URL+moves, body, &answer); status != 400 || !strings.HasPrefix(answer["error"].(string), want) {
			t.Errorf("%v: %d, %v", body, status, answer)
		}
	}
	illegal := nodetest.Object{"ply": 5, "move": "Bc3", "illegal": true, "fen": afterIllegal, "clock": nodetest.Object{"white": 5_000_000}}
	made := nodetest.Must(t, c.Nodes[1].URL+moves, illegal)
	if made["san"] != "Bc3" || made["uci"] != "" || made["fen"] != afterIllegal || made["illegal"] != true {
		t.Errorf("it is answered with %v", made)
	}
	var again nodetest.Object
	if status := nodetest.Post(t, c.Nodes[2].URL+moves, illegal, &again); status != 200 || again["duplicate"] != true || again["index"] != made["index"] || again["illegal"] != true {
		t.Errorf("the same again: %d, %v", status, again)
	}
	watcher.Until("the illegal move", func() bool { return watcher.FENs[game] == afterIllegal })
	if !watcher.Illegal[game] {
		t.Error("the spectator is not told that it is illegal")
	}
	late := nodetest.NewSpectator(t, round)
	late.Watch(c.Nodes[1].URL)
	late.Until("a snapshot", func() bool { return late.Snapshots > 0 })
	if !late.Illegal[game] || late.FENs[game] != afterIllegal {
		t.Errorf("a snapshot has %s, illegal %v", late.FENs[game], late.Illegal[game])
	}

	// The source's later moves follow the illegal move, and the warning goes.
	for i, n := range c.Nodes {
		out := mustPush(t, n.URL, round, both("1. e4 e5 2. Nf3 Nc6 3. Bc3 Nf6 4. O-O *", "1. d4 d5 *"))
		if *out.Games[0].Moves != 7 || out.Games[0].Error != "" || i > 0 && *out.Games[1].Moves != 2 {
			t.Errorf("the push to %s is answered with %+v", n.Config.Name, out)
		}
	}
	mustPush(t, base, round, both("1. e4 e5 2. Nf3 Nc6 *", "1. d4 d5 *")) // it takes nothing back
	c.WaitEqual()
	watcher.Until("the castling", func() bool {
		return strings.HasPrefix(watcher.FENs[game], "r1bqkb1r/pppp1ppp/2n2n2/4p3/4P3/2B2N2/PPPP1PPP/RNBQ1RK1 b")
	})
	if watcher.Illegal[game] {
		t.Error("the next moves are marked illegal")
	}
	whole := func(n *nodetest.Node) string {
		t.Helper()
		var g struct {
			Moves   []relay.Move
			Warning string
			Changes []json.RawMessage
		}
		nodetest.Get(t, n.URL+"/api/games/"+game, &g)
		if len(g.Moves) != 7 || !g.Moves[4].Illegal || g.Moves[4].FEN != afterIllegal || g.Moves[3].Illegal || g.Moves[6].SAN != "O-O" || g.Warning != "" {
			t.Errorf("%s has %+v", n.Config.Name, g)
		}
		text, err := json.Marshal(g)
		if err != nil {
			t.Fatal(err)
		}
		return string(text)
	}
	want := whole(c.Nodes[0])
	c.Nodes[2].Kill()
	c.Nodes[2].Start()
	c.Nodes[1].Stop()
	c.Nodes[1].Start()
	c.WaitEqual()
	for _, n := range c.Nodes {
		if diff := cmp.Diff(want, whole(n)); diff != "" {
			t.Errorf("%s: %s", n.Config.Name, diff)
		}
	}

	// The game in its other forms.
	res, err := http.Get(c.Nodes[1].URL + "/api/games/" + game + ".pgn")
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
	nodetest.Get(t, c.Nodes[2].URL+"/get/"+tournament+"/round-1/game-1.json", &livechess)
	if len(livechess.Moves) != 4 || !strings.HasPrefix(livechess.Comment, "Illegal move was played: Bc3") {
		t.Errorf("LiveChess has %+v", livechess)
	}
	if s := nodetest.FeedGames(t, base, text); len(s.Failures) != 1 || !strings.Contains(s.Failures[0].String(), "Illegal move was played: 3. Bc3") {
		t.Errorf("feed of it fails with %v", s.Failures)
	}
}
