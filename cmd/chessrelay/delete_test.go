package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/gorilla/websocket"

	"github.com/chessrelay/chessrelay/relay"
	"github.com/chessrelay/chessrelay/relay/lcc"
)

const deleteToken = testToken

// ask sends a request with a token, or with none, and returns the status and the body.
func ask(t testing.TB, method, url, token string, body any) (int, string) {
	t.Helper()
	var raw []byte
	if text, ok := body.(string); ok {
		raw = []byte(text)
	} else if body != nil {
		var err error
		if raw, err = json.Marshal(body); err != nil {
			t.Fatal(err)
		}
	}
	req, err := http.NewRequestWithContext(t.Context(), method, url, bytes.NewReader(raw))
	if err != nil {
		t.Fatal(err)
	}
	if token != "" {
		req.Header.Set("Authorization", "Bearer "+token)
	}
	req.Header.Set("X-Chessrelay-By", "Arbiter Anna")
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	b, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatal(err)
	}
	return res.StatusCode, string(b)
}

// A deletion test has a cluster with a token, and a round of two boards.
type deletionTest struct {
	*testCluster
	tour, uuid, round string
	games             []string
}

func newDeletionTest(t *testing.T, nodes int, delay int) *deletionTest {
	d := &deletionTest{testCluster: newTestClusterWith(t, nodes, func(cfg *serveConfig) { cfg.Token = deleteToken })}
	id := func(path string, body object) string {
		return d.do(http.MethodPost, path, body)["id"].(string)
	}
	d.tour = id("/api/tournaments", object{"name": "Test Open"})
	d.uuid = lcc.UUID(d.nodes[0].raft.ClusterID(), relay.TournamentID(d.tour))
	d.round = id("/api/tournaments/"+d.tour+"/rounds", object{"name": "Round 1", "delay": delay})
	for _, white := range []string{"Adam", "Clara"} {
		d.games = append(d.games, id("/api/rounds/"+d.round+"/games", object{
			"board": len(d.games) + 1, "white": object{"name": white}, "black": object{"name": "Opponent of " + white},
		}))
	}
	return d
}

// do submits to the last node, with the token, and wants it done. The recorder has it then.
func (d *deletionTest) do(method, path string, body any) (out object) {
	d.t.Helper()
	status, text := ask(d.t, method, d.nodes[len(d.nodes)-1].url+path, deleteToken, body)
	if status >= 300 {
		d.t.Fatalf("%s %s: %d %s", method, path, status, text)
	}
	if err := json.Unmarshal([]byte(text), &out); err != nil {
		d.t.Fatal(err)
	}
	d.waitEqual()
	return out
}

// shows wants what the public reads at each path to have the text, or not to have it and be the
// status.
func (d *deletionTest) shows(text string, shown bool, paths ...string) {
	d.t.Helper()
	for _, n := range d.nodes {
		for _, path := range paths {
			if status, body := ask(d.t, http.MethodGet, n.url+path, "", nil); strings.Contains(body, text) != shown || shown && status != http.StatusOK {
				d.t.Errorf("%s: GET %s shows %q: %v, want %v (%d): %.300s", n.cfg.Name, path, text, !shown, shown, status, body)
			}
		}
	}
}

// gone wants each path to be a 404 that says when it was deleted, and only with the token how it is
// restored.
func (d *deletionTest) gone(restore string, paths ...string) {
	d.t.Helper()
	for _, n := range d.nodes {
		for _, path := range paths {
			for _, token := range []string{"", deleteToken} {
				status, body := ask(d.t, http.MethodGet, n.url+path, token, nil)
				if status != http.StatusNotFound || !strings.Contains(body, "was deleted at 20") || strings.Contains(body, restore) != (token != "") {
					d.t.Errorf("%s: GET %s with the token %q: %d %s", n.cfg.Name, path, token, status, body)
				}
			}
		}
	}
}

// roundPaths are all that shows the games of a round.
func (d *deletionTest) roundPaths() []string {
	return []string{
		"/api/rounds/" + d.round, "/api/rounds/" + d.round + ".pgn", "/api/tournaments/" + d.tour + "/standings",
		"/api/broadcast/-/-/" + d.round, "/api/broadcast/round/" + d.round + ".pgn", "/api/broadcast/" + d.tour + ".pgn",
		"/get/" + d.uuid + "/round-1/index.json",
	}
}

// TestDelete deletes a board, a round and a tournament, and restores each. The public loses it
// everywhere at once, a push does not bring it back, and all nodes and an edge have the same, also
// after a restart.
func TestDelete(t *testing.T) {
	t.Parallel()
	d := newDeletionTest(t, 2, 0)
	d.addEdge("edge-1", d.nodes[0]) // the last node, which submissions go through
	url := d.nodes[0].url
	d.do(http.MethodPost, "/api/games/"+d.games[0]+"/moves", object{"ply": 1, "move": "e4"})
	d.shows("Adam", true, d.roundPaths()...)
	watch := newSpectator(t, d.round)
	watch.watch(d.nodes[1].url)
	watch.until("the snapshot", func() bool { return watch.snaps == 1 })
	if status, body := ask(t, http.MethodDelete, url+"/api/games/"+d.games[0], "", nil); status != http.StatusUnauthorized {
		t.Errorf("without the token: %d %s", status, body)
	}
	if status, body := ask(t, http.MethodDelete, url+"/api/games/"+d.round, deleteToken, nil); status != http.StatusNotFound {
		t.Errorf("a round named as a game: %d %s", status, body)
	}

	// A board.
	d.do(http.MethodDelete, "/api/games/"+d.games[0], object{"reason": "opened by mistake"})
	d.shows("Adam", false, d.roundPaths()...)
	d.shows("Clara", true, d.roundPaths()...)
	d.gone("/api/games/"+d.games[0]+"/restore", "/api/games/"+d.games[0], "/api/games/"+d.games[0]+".pgn", "/api/games/"+d.games[0]+"/history")
	watch.until("the board to be gone", func() bool { _, there := watch.fens[d.games[0]]; return !there })
	if status, body := ask(t, http.MethodPost, url+"/api/games/"+d.games[0]+"/moves", deleteToken, object{"ply": 2, "move": "e5"}); status != http.StatusNotFound || !strings.Contains(body, "was deleted at") {
		t.Errorf("a move there: %d %s", status, body)
	}
	const push = "[White \"Adam\"]\n[Black \"Opponent of Adam\"]\n\n1. e4 e5 *\n\n[White \"Clara\"]\n[Black \"Opponent of Clara\"]\n\n1. d4 *\n"
	if status, body := ask(t, http.MethodPost, url+"/api/broadcast/round/"+d.round+"/push", deleteToken, push); status != http.StatusOK || !strings.Contains(body, "this game was deleted here") {
		t.Errorf("a push: %d %s", status, body)
	}
	d.waitEqual()
	d.shows("Adam", false, d.roundPaths()...)
	if _, body := ask(t, http.MethodGet, url+"/api/deleted", "", nil); !strings.Contains(body, "unauthorized") {
		t.Errorf("the public is told %s", body)
	}
	if _, body := ask(t, http.MethodGet, url+"/api/deleted", deleteToken, nil); !strings.Contains(body, d.games[0]) || !strings.Contains(body, "opened by mistake") || !strings.Contains(body, `"by":"admin"`) {
		t.Errorf("what is deleted is listed as %s", body)
	}
	d.nodes[1].stop()
	d.nodes[1].start()
	d.waitEqual()
	d.shows("Adam", false, d.roundPaths()...)
	d.do(http.MethodPost, "/api/games/"+d.games[0]+"/restore", nil)
	d.shows("Adam", true, d.roundPaths()...)
	if _, body := ask(t, http.MethodGet, url+"/api/games/"+d.games[0]+"/history", "", nil); !strings.Contains(body, `"kind":"delete"`) || !strings.Contains(body, `"kind":"restore"`) {
		t.Errorf("the audit trail is %s", body)
	}

	// The round, and then the tournament.
	for _, what := range []string{"/api/rounds/" + d.round, "/api/tournaments/" + d.tour} {
		watch.watch(url)
		d.do(http.MethodDelete, what, nil)
		d.gone(what+"/restore", "/api/rounds/"+d.round, "/api/rounds/"+d.round+".pgn", "/api/rounds/"+d.round+"/history", "/api/games/"+d.games[0],
			"/api/broadcast/-/-/"+d.round, "/api/broadcast/round/"+d.round+".pgn", "/api/stream/broadcast/round/"+d.round+".pgn")
		d.shows("Round 1", false, "/api/tournaments", "/api/tournaments/"+d.tour, "/api/broadcast/"+d.tour, "/api/broadcast", "/get/"+d.uuid+"/tournament.json")
		for {
			_, err := watch.read()
			if err == nil {
				continue
			}
			if c, ok := errors.AsType[*websocket.CloseError](err); !ok || c.Code != 4404 || c.Text != "this round was deleted" {
				t.Errorf("spectators are told %v", err)
			}
			break
		}
		if status, body := ask(t, http.MethodGet, url+"/events?round="+d.round, "", nil); status != http.StatusNotFound || !strings.Contains(body, "was deleted at") {
			t.Errorf("/events: %d %s", status, body)
		}
		d.do(http.MethodPost, what+"/restore", object{"reason": "after all"})
		d.shows("Adam", true, d.roundPaths()...)
		d.shows("Round 1", true, "/api/tournaments", "/api/tournaments/"+d.tour)
	}
	if status, body := ask(t, http.MethodGet, url+"/api/deleted", deleteToken, nil); status != http.StatusOK || !strings.Contains(body, `"deleted":[]`) {
		t.Errorf("when all is restored: %d %s", status, body)
	}
}

// TestDeleteWithDelay: no delay holds a deletion, on any node.
func TestDeleteWithDelay(t *testing.T) {
	t.Parallel()
	d := newDeletionTest(t, 2, 1)
	d.do(http.MethodPost, "/api/games/"+d.games[0]+"/moves", object{"ply": 1, "move": "e4"})
	// By now a second has passed for the boards, or will have: the public has both.
	eventually(t, "the boards to be public", func() bool {
		_, body := ask(t, http.MethodGet, d.nodes[0].url+"/api/rounds/"+d.round, "", nil)
		return strings.Contains(body, `"ply":1`)
	})
	d.do(http.MethodPatch, "/api/rounds/"+d.round, object{"delay": 3600})
	watch := newSpectator(t, d.round)
	watch.watch(d.nodes[0].url)
	watch.until("the snapshot", func() bool { return watch.snaps == 1 })
	d.do(http.MethodDelete, "/api/games/"+d.games[0], nil)
	d.shows("Adam", false, d.roundPaths()...)
	watch.until("a new snapshot", func() bool { return watch.snaps == 2 })
	if _, there := watch.fens[d.games[0]]; there || len(watch.fens) != 1 {
		t.Errorf("the spectator has %v", watch.fens)
	}
	d.do(http.MethodPost, "/api/games/"+d.games[0]+"/restore", nil)
	d.shows("Adam", true, d.roundPaths()...)
	watch.until("another snapshot", func() bool { return watch.snaps == 3 })
	d.do(http.MethodDelete, "/api/rounds/"+d.round, nil)
	d.gone("/restore", "/api/rounds/"+d.round)
	if _, err := watch.read(); err == nil {
		t.Error("the spectator is still connected")
	}
}

// TestUnlisted: an unlisted tournament is in no list of the public, and is read by its id.
func TestUnlisted(t *testing.T) {
	d := newDeletionTest(t, 1, 0)
	lists := []string{"/api/tournaments", "/api/broadcast/by/chessrelay", "/api/broadcast", "/api/broadcast/top"}
	d.shows(d.tour, true, lists...)
	d.do(http.MethodPatch, "/api/tournaments/"+d.tour, object{"unlisted": true})
	d.shows(d.tour, false, lists...)
	d.shows("Round 1", true, "/api/tournaments/"+d.tour, "/api/rounds/"+d.round)
	for _, path := range lists {
		if _, body := ask(t, http.MethodGet, d.nodes[0].url+path, deleteToken, nil); !strings.Contains(body, d.tour) {
			t.Errorf("with the token %s lacks it: %s", path, body)
		}
	}
	if _, body := ask(t, http.MethodGet, d.nodes[0].url+"/api/tournaments", deleteToken, nil); !strings.Contains(body, `"unlisted":true`) {
		t.Errorf("it is not marked: %s", body)
	}
}
