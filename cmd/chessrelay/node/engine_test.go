package node_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"os/exec"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/gorilla/websocket"

	"github.com/chessrelay/chessrelay/cmd/chessrelay/node"
	"github.com/chessrelay/chessrelay/cmd/chessrelay/node/nodetest"
)

// stockfish returns the path of the engine that the tests run.
func stockfish(t testing.TB) string {
	t.Helper()
	for _, name := range []string{"stockfish", "/usr/games/stockfish"} {
		if path, err := exec.LookPath(name); err == nil {
			return path
		}
	}
	t.Fatal("Stockfish is missing, which this test runs: apt-get install stockfish")
	return ""
}

// evaluationWatcher is a spectator with evaluations.
type evaluationWatcher struct {
	t         testing.TB
	conn      *websocket.Conn
	on        *bool
	evaluated map[string]int // by game, the ply of the newest evaluation
	ply       map[string]int // by game, as it sees it
}

func watchEvaluations(t testing.TB, url, round string) *evaluationWatcher {
	t.Helper()
	c, _, err := websocket.DefaultDialer.Dial(strings.Replace(url, "http", "ws", 1)+"/live?evaluations=1&round="+round, nil)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	return &evaluationWatcher{t: t, conn: c, evaluated: map[string]int{}, ply: map[string]int{}}
}

// until reads until holds returns true. An evaluation of a position that it does not see yet fails
// the test.
func (w *evaluationWatcher) until(what string, holds func() bool) {
	w.t.Helper()
	deadline := time.Now().Add(90 * time.Second)
	_ = w.conn.SetReadDeadline(deadline)
	for !holds() {
		_, data, err := w.conn.ReadMessage()
		if err != nil {
			w.t.Fatalf("waiting for %s: %v; evaluated %v of %v", what, err, w.evaluated, w.ply)
		}
		var list []json.RawMessage
		if data[0] != '[' {
			data = slices.Concat([]byte("["), data, []byte("]"))
		}
		if err := json.Unmarshal(data, &list); err != nil {
			w.t.Fatal(err)
		}
		for _, raw := range list {
			w.take(raw)
		}
	}
}

func (w *evaluationWatcher) take(raw []byte) {
	var f struct {
		Type, Game string
		On         bool
		Ply, Depth int
		Index      *uint64
		PV         []string
		Boards     []struct {
			Game string
			Ply  int
		}
	}
	if err := json.Unmarshal(raw, &f); err != nil {
		w.t.Fatal(err)
	}
	switch f.Type {
	case "snapshot":
		for _, b := range f.Boards {
			w.ply[b.Game] = b.Ply
		}
	case "move":
		w.ply[f.Game] = f.Ply
	case "game":
		w.ply[f.Game] = f.Ply
	case "evaluations":
		w.on = &f.On
	case "evaluation":
		if f.Ply != w.ply[f.Game] || f.Depth == 0 || len(f.PV) == 0 || len(f.PV) > 8 || f.Index != nil {
			w.t.Errorf("%s, and the board has ply %d", raw, w.ply[f.Game])
		}
		w.evaluated[f.Game] = f.Ply
	}
}

// TestEngine: a venue has Stockfish. Its spectators, and those of an edge below it that has none,
// get evaluations; the other nodes say nothing of it. The arbiter switches it off everywhere.
func TestEngine(t *testing.T) {
	t.Parallel()
	c := nodetest.NewClusterWith(t, 2, func(cfg *node.Config) {
		if cfg.Role == node.RoleVenue {
			cfg.Engine = stockfish(t)
		}
	})
	recorder, venue := c.Nodes[0], c.Nodes[1]
	edge := &nodetest.Node{T: t, Config: node.Config{
		Name: "edge", Role: node.RoleEdge, HTTP: nodetest.KeptAddress(t), Voters: 1, Upstreams: []string{venue.URL},
	}}
	edge.Start()
	t.Cleanup(edge.Stop)
	round, games := nodetest.NewRound(t, recorder.URL, 3)
	play := func(game string, ply int, move string) {
		nodetest.Must(t, recorder.URL+"/api/games/"+game+"/moves", nodetest.Object{"ply": ply, "move": move, "clock": nodetest.Object{"white": 60_000, "black": 60_000}})
	}
	play(games[0], 1, "e4")
	play(games[1], 1, "d4")

	// Nobody watches at the venue itself: the edge asks for it.
	nodetest.Eventually(t, "the round at the edge", func() bool { return nodetest.Get(t, edge.URL+"/api/games/"+games[2], nil) == http.StatusOK })
	below := watchEvaluations(t, edge.URL, round)
	all := func(w *evaluationWatcher) func() bool {
		return func() bool {
			for _, g := range games {
				if ply, ok := w.evaluated[g]; !ok || ply != w.ply[g] {
					return false
				}
			}
			return w.on != nil && *w.on
		}
	}
	below.until("evaluations at an edge", all(below))
	here := watchEvaluations(t, venue.URL, round)
	here.until("evaluations at the venue", all(here))
	play(games[0], 2, "e5")
	below.until("the next position at the edge", func() bool { return below.evaluated[games[0]] == 2 })
	here.until("the next position at the venue", func() bool { return here.evaluated[games[0]] == 2 })

	// The graph and PGN.
	for _, n := range []*nodetest.Node{venue, edge} {
		var graph struct {
			On          bool
			Evaluations []struct {
				Ply, Depth int
				CP         *int
				Mate       int
				PV         []string
			}
		}
		nodetest.Eventually(t, "the graph", func() bool {
			return nodetest.Get(t, n.URL+"/api/games/"+games[0]+"/evaluations", &graph) == http.StatusOK && len(graph.Evaluations) >= 2
		})
		if last := graph.Evaluations[len(graph.Evaluations)-1]; !graph.On || last.Ply != 2 || last.CP == nil || len(last.PV) == 0 {
			t.Errorf("the graph is %+v", graph)
		}
		for _, path := range []string{"/api/games/" + games[0] + ".pgn", "/api/rounds/" + round + ".pgn", "/api/broadcast/round/" + round + ".pgn"} {
			_, text := nodetest.Ask(t, http.MethodGet, n.URL+path+"?evals=1", "", nil)
			if !strings.Contains(text, "1. e4 { [%eval ") || !strings.Contains(text, "] [%clk 0:01:00] } e5 { [%eval ") {
				t.Errorf("%s has %s", path, text)
			}
			if _, text := nodetest.Ask(t, http.MethodGet, n.URL+path, "", nil); strings.Contains(text, "%eval") {
				t.Errorf("%s has evaluations that nobody asked for", path)
			}
		}
	}
	if status, text := nodetest.Ask(t, http.MethodGet, recorder.URL+"/api/games/"+games[0]+"/evaluations", "", nil); status != http.StatusNotFound || !strings.Contains(text, "no engine") {
		t.Errorf("the recorder, which has no engine, answers %d %s", status, text)
	}
	without := watchEvaluations(t, recorder.URL, round)
	play(games[1], 2, "d5")
	without.until("the move", func() bool { return without.ply[games[1]] == 2 })
	if without.on != nil {
		t.Error("the recorder tells of an engine")
	}

	// The operator's view.
	var cluster struct {
		Engine *struct {
			Name        string
			Running     bool
			Threads     int
			Evaluations int
		}
	}
	nodetest.Get(t, venue.URL+"/api/cluster", &cluster)
	if e := cluster.Engine; e == nil || !e.Running || !strings.Contains(e.Name, "Stockfish") || e.Threads != 1 || e.Evaluations == 0 {
		t.Errorf("the venue says %+v of its engine", e)
	}
	_, metrics := nodetest.Ask(t, http.MethodGet, venue.URL+"/metrics", "", nil)
	for _, name := range []string{"evaluations_total", "engine_restarts_total 0", "engine_queue", "engine_running 1", "evaluations_sent_total"} {
		if !strings.Contains(metrics, "\nchessrelay_"+name) {
			t.Errorf("the metrics lack %s", name)
		}
	}

	// Off, and on again.
	set := func(on bool) {
		if status := nodetest.Patch(t, recorder.URL+"/api/rounds/"+round, nodetest.Object{"evaluations": on, "reason": "asked for by the players"}, nil); status != http.StatusOK {
			t.Fatalf("the switch answers %d", status)
		}
		for _, w := range []*evaluationWatcher{below, here} {
			w.until(fmt.Sprint("evaluations ", on), func() bool { return *w.on == on })
		}
	}
	set(false)
	var graph struct {
		On          bool
		Evaluations []any
	}
	graph.On = true
	if status := nodetest.Get(t, edge.URL+"/api/games/"+games[0]+"/evaluations", &graph); status != http.StatusOK || graph.On || len(graph.Evaluations) > 0 {
		t.Errorf("while they are off, the graph is %d %+v", status, graph)
	}
	if _, text := nodetest.Ask(t, http.MethodGet, venue.URL+"/api/rounds/"+round+".pgn?evals=1", "", nil); strings.Contains(text, "%eval") {
		t.Error("while they are off, PGN has them")
	}
	if _, text := nodetest.Ask(t, http.MethodGet, venue.URL+"/api/rounds/"+round, "", nil); !strings.Contains(text, `"evaluations":false`) {
		t.Errorf("the round says %s", text)
	}
	if _, text := nodetest.Ask(t, http.MethodGet, venue.URL+"/api/rounds/"+round+"/history", "", nil); !strings.Contains(text, `{"name":"evaluations","was":"true","now":"false"}`) {
		t.Errorf("the history is %s", text)
	}
	set(true)
	clear(below.evaluated)
	play(games[2], 1, "c4")
	below.until("evaluations at an edge again", func() bool { return below.evaluated[games[2]] == 1 })
}

// TestEngineDelay: while a round has a delay, the public gets no evaluation of what it does not
// see, though the truth was evaluated before.
func TestEngineDelay(t *testing.T) {
	t.Parallel()
	const token = nodetest.Token
	c := nodetest.NewClusterWith(t, 1, func(cfg *node.Config) { cfg.Engine, cfg.Token = stockfish(t), token })
	n := c.Nodes[0]
	ask := func(method, path string, body any) nodetest.Object {
		t.Helper()
		status, text := nodetest.Ask(t, method, n.URL+path, token, body)
		var out nodetest.Object
		if err := json.Unmarshal([]byte(text), &out); err != nil || status >= 300 {
			t.Fatalf("%s: %d %s", path, status, text)
		}
		return out
	}
	tid := ask(http.MethodPost, "/api/tournaments", nodetest.Object{"name": "Open"})["id"].(string)
	round := ask(http.MethodPost, "/api/tournaments/"+tid+"/rounds", nodetest.Object{"name": "1"})["id"].(string)
	player := nodetest.Object{"name": "A"}
	game := ask(http.MethodPost, "/api/rounds/"+round+"/games", nodetest.Object{"board": 1, "white": player, "black": player})["id"].(string)
	ask(http.MethodPatch, "/api/rounds/"+round, nodetest.Object{"delay": 3600})
	public, truth := watchEvaluations(t, n.URL, round), watchEvaluations(t, n.URL, round+"&access_token="+token)
	public.until("the start position", func() bool { _, ok := public.evaluated[game]; return ok })
	ask(http.MethodPost, "/api/games/"+game+"/moves", nodetest.Object{"ply": 1, "move": "g4"})
	truth.until("the move's evaluation", func() bool { return truth.evaluated[game] == 1 })
	plies := func(token string) (list []int) {
		_, text := nodetest.Ask(t, http.MethodGet, n.URL+"/api/games/"+game+"/evaluations", token, nil)
		var graph struct{ Evaluations []struct{ Ply int } }
		if err := json.Unmarshal([]byte(text), &graph); err != nil {
			t.Fatal(err)
		}
		for _, e := range graph.Evaluations {
			list = append(list, e.Ply)
		}
		return list
	}
	if got := plies(token); !slices.Contains(got, 1) {
		t.Errorf("the arbiter's graph has plies %v", got)
	}
	if got := plies(""); !slices.Equal(got, []int{0}) {
		t.Errorf("the public's graph has plies %v", got)
	}
	// What the public is sent next is a later evaluation of the start position, or a status.
	ask(http.MethodPatch, "/api/rounds/"+round, nodetest.Object{"evaluations": false})
	public.until("the switch, which no delay holds back", func() bool { return !*public.on })
	if public.evaluated[game] != 0 {
		t.Errorf("the public got an evaluation of ply %d", public.evaluated[game])
	}
}
