package node_test

import (
	"net/http"
	"strings"
	"testing"

	"github.com/chessrelay/chessrelay/cmd/chessrelay/node"
	"github.com/chessrelay/chessrelay/cmd/chessrelay/node/nodetest"
)

// TestBadInput sends wrong input of every kind that CONTRACT knows. It wants the right code, a
// sentence that names the mistake, and nothing changed.
func TestBadInput(t *testing.T) {
	t.Parallel()
	c := nodetest.NewCluster(t, 1)
	base := c.Nodes[0].URL + "/api"
	round, games := nodetest.NewRound(t, c.Nodes[0].URL, 2)
	game := "/games/" + games[0]
	tournament := nodetest.Must(t, base+"/tournaments", nodetest.Object{"name": "Another"})["id"].(string)
	nodetest.Must(t, base+game+"/moves", nodetest.Object{"ply": 1, "move": "e4"})
	nodetest.Must(t, base+"/games/"+games[1]+"/result", nodetest.Object{"result": "1/2-1/2"})
	hash := func() [32]byte {
		_, h := c.Nodes[0].Stand()
		return h
	}
	before := hash()
	for _, tc := range []struct {
		name, path string
		body       any
		status     int
		code       string
		says       string // in the sentence
	}{
		{"an illegal move", game + "/moves", nodetest.Object{"ply": 2, "move": "Ke7"}, 422, "illegal_move", "Ke7"},
		{"a move that is none", game + "/moves", nodetest.Object{"ply": 2, "move": "castle"}, 422, "illegal_move", "castle"},
		{"no move", game + "/moves", nodetest.Object{"ply": 2}, 400, "bad_request", "move"},
		{"a taken ply", game + "/moves", nodetest.Object{"ply": 1, "move": "d4"}, 409, "ply_conflict", "e4"},
		{"a ply too far", game + "/moves", nodetest.Object{"ply": 4, "move": "d5"}, 409, "ply_conflict", "2"},
		{"ply 0", game + "/moves", nodetest.Object{"ply": 0, "move": "d5"}, 400, "bad_request", "ply"},
		{"a negative clock", game + "/moves", nodetest.Object{"ply": 2, "move": "d5", "clock": nodetest.Object{"black": -5}}, 400, "bad_request", "clock"},
		{"a game that is over", "/games/" + games[1] + "/moves", nodetest.Object{"ply": 1, "move": "e4"}, 409, "game_over", "1/2-1/2"},
		{"an unknown game", "/games/AAAAAAAA/moves", nodetest.Object{"ply": 1, "move": "e4"}, 404, "not_found", "AAAAAAAA"},
		{"an id of no form", "/games/x/moves", nodetest.Object{"ply": 1, "move": "e4"}, 404, "not_found", `"x"`},
		{"an unknown round", "/rounds/AAAAAAAA/games", nodetest.Object{"board": 1, "white": nodetest.Object{"name": "A"}, "black": nodetest.Object{"name": "B"}}, 404, "not_found", "AAAAAAAA"},
		{"a huge body", "/tournaments", `{"name":"` + strings.Repeat("x", 600<<10) + `"}`, 413, "too_large", "524288"},
		{"malformed JSON", game + "/moves", `{"ply":2,"move":"d5"`, 400, "bad_request", "ends in the middle"},
		{"no JSON", game + "/moves", `e4`, 400, "bad_request", "not JSON"},
		{"an empty body", game + "/moves", ``, 400, "bad_request", "empty"},
		{"a list", game + "/moves", `[]`, 400, "bad_request", "object"},
		{"two values", game + "/moves", `{"ply":2,"move":"d5"}{}`, 400, "bad_request", "more than one"},
		{"a misspelt field", game + "/moves", nodetest.Object{"ply": 2, "move": "d5", "clok": nodetest.Object{}}, 400, "bad_request", "clok"},
		{"a field of the wrong type", game + "/moves", nodetest.Object{"ply": "two", "move": "d5"}, 400, "bad_request", "ply must be a whole number"},
		{"a ply beyond 32 bits", game + "/moves", `{"ply":99999999999,"move":"d5"}`, 400, "bad_request", "ply"},
		{"one move and a batch", game + "/moves", nodetest.Object{"ply": 2, "move": "d5", "moves": []nodetest.Object{{"ply": 3, "move": "d4"}}}, 400, "bad_request", "not both"},
		{"an empty batch", game + "/moves", nodetest.Object{"moves": []nodetest.Object{}}, 400, "bad_request", "empty"},
		{"a bad batch", game + "/moves", nodetest.Object{"moves": []nodetest.Object{{"ply": 2, "move": "Ke4"}, {"ply": 3, "move": "Ke5"}}}, 422, "batch_refused", "each"},
		{"a bad FEN", "/rounds/" + round + "/games", nodetest.Object{"board": 7, "white": nodetest.Object{"name": "A"}, "black": nodetest.Object{"name": "B"}, "fen": "8/8/8/8/8/8/8/8 w - - 0 1"}, 400, "bad_request", "king"},
		{"a FEN that is none", "/rounds/" + round + "/games", nodetest.Object{"board": 7, "white": nodetest.Object{"name": "A"}, "black": nodetest.Object{"name": "B"}, "fen": "hello"}, 400, "bad_request", "fen"},
		{"a board that is taken", "/rounds/" + round + "/games", nodetest.Object{"board": 1, "white": nodetest.Object{"name": "A"}, "black": nodetest.Object{"name": "B"}}, 409, "board_taken", "1"},
		{"a game without players", "/rounds/" + round + "/games", nodetest.Object{"board": 8}, 400, "bad_request", "name"},
		{"a tournament without a name", "/tournaments", nodetest.Object{}, 400, "bad_request", "name"},
		{"a delay of a day", "/tournaments/" + tournament + "/rounds", nodetest.Object{"name": "R", "delay": 86400}, 400, "bad_request", "delay"},
		{"a result that is none", game + "/result", nodetest.Object{"result": "2-0"}, 400, "bad_request", "result"},
		{"a takeback to nowhere", game + "/takeback", nodetest.Object{}, 400, "bad_request", "toPly"},
		{"a takeback into the future", game + "/takeback", nodetest.Object{"toPly": 9}, 400, "bad_request", "toPly"},
		{"an unknown path", "/chess", nodetest.Object{}, 404, "not_found", "/api/chess"},
		{"no leader named", "/cluster/leader", nodetest.Object{}, 400, "bad_request", "to is missing"},
		{"an unknown leader", "/cluster/leader", nodetest.Object{"to": "nobody"}, 404, "not_found", "nobody"},
		{"an invitation for nobody", "/cluster/members", nodetest.Object{"uses": 0}, 409, "membership_refused", "1 to"},
		{"an invitation for ever", "/cluster/members", nodetest.Object{"expiresIn": 1e12}, 400, "bad_request", "expiresIn"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			var out nodetest.Object
			status := nodetest.Post(t, base+tc.path, tc.body, &out)
			text, _ := out["error"].(string)
			if status != tc.status || out["code"] != tc.code || !strings.Contains(text, tc.says) {
				t.Errorf("got %d %v, want %d %s with %q in the sentence", status, out, tc.status, tc.code, tc.says)
			}
			if hash() != before {
				t.Fatal("the boards changed")
			}
		})
	}

	res, err := http.Get(base + game + "/moves")
	if err != nil {
		t.Fatal(err)
	}
	res.Body.Close()
	if res.StatusCode != http.StatusMethodNotAllowed || res.Header.Get("Allow") != http.MethodPost {
		t.Errorf("GET of moves: %d, Allow %q", res.StatusCode, res.Header.Get("Allow"))
	}

	var conflict struct {
		Expected int
		Current  struct{ SAN string }
		FEN      string
	}
	nodetest.Post(t, base+game+"/moves", nodetest.Object{"ply": 1, "move": "d4"}, &conflict)
	if conflict.Expected != 2 || conflict.Current.SAN != "e4" {
		t.Errorf("the conflict says %+v", conflict)
	}
	nodetest.Post(t, base+game+"/moves", nodetest.Object{"ply": 2, "move": "Ke7"}, &conflict)
	if !strings.HasPrefix(conflict.FEN, "rnbqkbnr/pppppppp/8/8/4P3") {
		t.Errorf("the illegal move names the position %q", conflict.FEN)
	}
}

// TestDuplicates sends what is recorded already. The answer is a success that says so.
func TestDuplicates(t *testing.T) {
	t.Parallel()
	c := nodetest.NewCluster(t, 1)
	base := c.Nodes[0].URL + "/api"
	_, games := nodetest.NewRound(t, c.Nodes[0].URL, 1)
	moves := base + "/games/" + games[0] + "/moves"
	var first, again nodetest.Object
	if status := nodetest.Post(t, moves, nodetest.Object{"ply": 1, "move": "e4"}, &first); status != http.StatusCreated {
		t.Fatalf("%d %v", status, first)
	}
	if status := nodetest.Post(t, moves, nodetest.Object{"ply": 1, "move": "e2e4"}, &again); status != http.StatusOK || again["duplicate"] != true {
		t.Fatalf("%d %v", status, again)
	}
	for _, k := range []string{"index", "term", "game", "ply", "san", "uci", "fen"} {
		if first[k] == nil || first[k] != again[k] {
			t.Errorf("%s: %v and %v", k, first[k], again[k])
		}
	}

	req := func(key string) (int, nodetest.Object) {
		r, _ := http.NewRequest(http.MethodPost, base+"/tournaments", strings.NewReader(`{"name":"Once"}`))
		r.Header.Set("Idempotency-Key", key)
		res, err := http.DefaultClient.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		var out nodetest.Object
		return nodetest.Decode(t, res, &out), out
	}
	s1, o1 := req("k1")
	s2, o2 := req("k1")
	s3, o3 := req("k2")
	if s1 != 201 || s2 != 200 || s3 != 201 || o1["id"] != o2["id"] || o1["id"] == o3["id"] {
		t.Errorf("%d %v, %d %v, %d %v", s1, o1["id"], s2, o2["id"], s3, o3["id"])
	}
}

// TestBatchIsOneProposal sends a game's moves at once. A refusal stops none before it.
func TestBatchIsOneProposal(t *testing.T) {
	t.Parallel()
	c := nodetest.NewCluster(t, 3)
	_, games := nodetest.NewRound(t, c.Nodes[0].URL, 1)
	var out struct {
		Moves []struct {
			Index     uint64
			SAN, Code string
			Status    int
			Duplicate bool
		}
	}
	batch := nodetest.Object{"moves": []nodetest.Object{
		{"ply": 1, "move": "e4"}, {"ply": 2, "move": "e5"}, {"ply": 3, "move": "Qh5"}, {"ply": 4, "move": "Nc6"},
		{"ply": 5, "move": "Bc4"}, {"ply": 6, "move": "Nf6"}, {"ply": 7, "move": "Qxf7#"}, {"ply": 8, "move": "Kxf7"},
	}}
	status := nodetest.Post(t, c.Nodes[2].URL+"/api/games/"+games[0]+"/moves", batch, &out)
	if status != 409 || len(out.Moves) != 8 || out.Moves[6].SAN != "Qxf7#" || out.Moves[7].Code != "game_over" || out.Moves[7].Status != 409 {
		t.Fatalf("%d %+v", status, out)
	}
	for i := 1; i < 7; i++ {
		if out.Moves[i].Index != out.Moves[i-1].Index+1 {
			t.Errorf("move %d has index %d, the one before %d", i, out.Moves[i].Index, out.Moves[i-1].Index)
		}
	}
}

// TestToken checks that the token guards each change, and nothing else.
func TestToken(t *testing.T) {
	t.Parallel()
	guarded := nodetest.NewClusterWith(t, 1, func(cfg *node.Config) { cfg.Token = nodetest.Token }).Nodes[0]
	for header, want := range map[string]int{
		"": 401, "Bearer wrong": 401, "Basic " + nodetest.Token: 401, "Bearer " + nodetest.Token: 201, "bearer " + nodetest.Token: 201,
		"Bearer " + nodetest.Token + "A": 401, "Bearer cr_nobody01_ABCDEFGHIJKLMNOPQRSTUVWXYZ": 401,
	} {
		r, _ := http.NewRequest(http.MethodPost, guarded.URL+"/api/tournaments", strings.NewReader(`{"name":"T"}`))
		r.Header.Set("Authorization", header)
		res, err := http.DefaultClient.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		var out nodetest.Object
		if got := nodetest.Decode(t, res, &out); got != want || want == 401 && out["code"] != "unauthorized" {
			t.Errorf("%q: %d %v", header, got, out)
		}
	}
	if got := nodetest.Get(t, guarded.URL+"/api/tournaments", nil); got != 200 {
		t.Errorf("reading: %d", got)
	}
	n := nodetest.NewCluster(t, 1).Nodes[0]
	// Another site's page cannot make a browser submit.
	r, _ := http.NewRequest(http.MethodPost, n.URL+"/api/tournaments", strings.NewReader(`{"name":"T"}`))
	r.Header.Set("Origin", "https://example.org")
	r.Header.Set("Sec-Fetch-Site", "cross-site")
	res, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	var out nodetest.Object
	if got := nodetest.Decode(t, res, &out); got != 403 || out["code"] != "forbidden" {
		t.Errorf("from another site: %d %v", got, out)
	}
}
