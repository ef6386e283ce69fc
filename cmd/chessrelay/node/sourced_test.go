package node_test

import (
	"net/http"
	"strings"
	"testing"

	"github.com/chessrelay/chessrelay/cmd/chessrelay/node/nodetest"
	"github.com/chessrelay/chessrelay/relay"
)

// sourcedGame is what the API says of a board and its sources.
type sourcedGame struct {
	ID, Result string
	Ply        int
	White      relay.Player
	Locks      []relay.Lock
}

func boardsOf(t *testing.T, base, round string) []sourcedGame {
	t.Helper()
	var r struct{ Games []sourcedGame }
	nodetest.Get(t, base+"/api/rounds/"+round, &r)
	return r.Games
}

// TestReset: a push after a reset fills the round again.
func TestReset(t *testing.T) {
	t.Parallel()
	c := nodetest.NewCluster(t, 1)
	base := c.Nodes[0].URL
	round, _ := nodetest.NewRound(t, base, 0)
	const text = "[White \"A\"]\n[Black \"B\"]\n\n1. e4 e5 1-0\n"
	push := func(plies int) {
		t.Helper()
		if out, _, err := pushPGN(base, round, text, "curl"); err != nil || *out.Games[0].Moves != plies {
			t.Errorf("%+v, %v", out, err)
		}
	}
	push(2)
	if status := nodetest.Post(t, base+"/api/broadcast/round/"+round+"/reset", nodetest.Object{}, nil); status != http.StatusOK {
		t.Error(status)
	}
	if g := boardsOf(t, base, round)[0]; g.Ply != 0 || g.Result != "*" || len(g.Locks) != 0 {
		t.Errorf("reset, it is %+v", g)
	}
	push(2)
}

// TestSourceHeader: a program that says that it speaks for a source locks nothing, and changes
// nothing that is locked.
func TestSourceHeader(t *testing.T) {
	t.Parallel()
	c := nodetest.NewCluster(t, 1)
	base := c.Nodes[0].URL
	round, games := nodetest.NewRound(t, base, 1)
	send := func(method, path, source string, body string) int {
		t.Helper()
		req, err := http.NewRequest(method, base+"/api/games/"+games[0]+path, strings.NewReader(body))
		if err != nil {
			t.Fatal(err)
		}
		if source != "" {
			req.Header.Set("X-Chessrelay-Source", source)
		}
		res, err := http.DefaultClient.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		res.Body.Close()
		return res.StatusCode
	}
	for _, step := range []struct {
		what, method, path, source, body string
		status                           int
		locked                           bool // then the moves are locked
	}{
		{"a source plays", "POST", "/moves", "hall", `{"ply":1,"move":"e4"}`, 201, false},
		{"and corrects itself", "POST", "/correct", "hall", `{"toPly":0,"moves":[{"move":"d4"}]}`, 201, false},
		{"several at once", "POST", "/moves", "hall", `{"moves":[{"ply":2,"move":"d5"},{"ply":3,"move":"c4"}]}`, 201, false},
		{"a person takes a move back", "POST", "/takeback", "", `{"toPly":2}`, 201, true},
		{"which the source plays again", "POST", "/moves", "hall", `{"ply":3,"move":"c4"}`, 409, true},
		{"and plays another", "POST", "/moves", "hall", `{"ply":3,"move":"Nf3"}`, 201, true},
		{"a person takes the board", "PATCH", "", "", `{"source":"manual"}`, 200, true},
		{"the source plays on", "POST", "/moves", "hall", `{"ply":4,"move":"Nf6"}`, 409, true},
		{"the person does", "POST", "/moves", "", `{"ply":4,"move":"Nf6"}`, 201, true},
		{"and gives it back", "PATCH", "", "", `{"source":""}`, 200, true},
		{"and unlocks it", "POST", "/unlock", "", `{"fields":["moves"]}`, 200, false},
		{"the source plays on", "POST", "/moves", "hall", `{"ply":5,"move":"g3"}`, 201, false},
	} {
		if status := send(step.method, step.path, step.source, step.body); status != step.status {
			t.Fatalf("%s: %d", step.what, status)
		}
		locked := false
		for _, l := range boardsOf(t, base, round)[0].Locks {
			locked = locked || l.Field == relay.LockMoves
		}
		if locked != step.locked {
			t.Errorf("%s: the moves are locked: %v", step.what, locked)
		}
	}
}

// TestAnotherPlayerInheritsNothing: when a person names another player, that player does not
// inherit the title and the rating of the one before.
func TestAnotherPlayerInheritsNothing(t *testing.T) {
	t.Parallel()
	c := nodetest.NewCluster(t, 1)
	base := c.Nodes[0].URL
	round, _ := nodetest.NewRound(t, base, 0)
	const text = "[White \"Lake, Una\"]\n[WhiteTitle \"GM\"]\n[WhiteElo \"2700\"]\n[WhiteFideId \"101\"]\n[Black \"B\"]\n\n1. e4 *\n"
	if _, _, err := pushPGN(base, round, text, "curl"); err != nil {
		t.Fatal(err)
	}
	game := base + "/api/games/" + boardsOf(t, base, round)[0].ID
	for _, step := range []struct {
		white nodetest.Object
		want  relay.Player
	}{
		{nodetest.Object{"name": "Lake, U."}, relay.Player{Name: "Lake, U.", Title: "GM", Rating: 2700, FideID: 101}},
		{nodetest.Object{"name": "Moor, Kit", "rating": 2100}, relay.Player{Name: "Moor, Kit", Rating: 2100}},
	} {
		if status := nodetest.Patch(t, game, nodetest.Object{"white": step.white}, nil); status != http.StatusOK {
			t.Fatal(status)
		}
		if got := boardsOf(t, base, round)[0].White; got != step.want {
			t.Errorf("%v: %+v", step.white, got)
		}
	}
}

// TestSourceIDs: a source keeps its id when the list around it changes. Another source does not get
// that id.
func TestSourceIDs(t *testing.T) {
	t.Parallel()
	c := nodetest.NewCluster(t, 1)
	base := c.Nodes[0].URL
	round, _ := nodetest.NewRound(t, base, 0)
	ids := func(urls ...string) map[string]string {
		t.Helper()
		var list []nodetest.Object
		for _, u := range urls {
			list = append(list, nodetest.Object{"url": u})
		}
		var r struct{ Sources []relay.Source }
		if status := nodetest.Patch(t, base+"/api/rounds/"+round, nodetest.Object{"sources": list}, &r); status != http.StatusOK {
			t.Fatal(status)
		}
		out := map[string]string{}
		for _, s := range r.Sources {
			out[s.URL] = s.ID
		}
		return out
	}
	const a, b, d = "http://a.example/x.pgn", "http://b.example/x.pgn", "http://d.example/x.pgn"
	first, second := ids(a, b), ids(d, b)
	if first[b] != second[b] || first[a] == second[d] || first[a] == first[b] {
		t.Errorf("%v, then %v", first, second)
	}
}
