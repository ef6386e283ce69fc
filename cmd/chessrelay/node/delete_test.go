package node_test

import (
	"encoding/json"
	"errors"
	"net/http"
	"strings"
	"testing"

	"github.com/gorilla/websocket"

	"github.com/chessrelay/chessrelay/cmd/chessrelay/node"
	"github.com/chessrelay/chessrelay/cmd/chessrelay/node/nodetest"
	"github.com/chessrelay/chessrelay/relay"
	"github.com/chessrelay/chessrelay/relay/lcc"
)

const deleteToken = nodetest.Token

// A deletionTest has a cluster with a token, and a round of two boards.
type deletionTest struct {
	*nodetest.Cluster
	tour, uuid, round string
	games             []string
}

func newDeletionTest(t *testing.T, nodes int, delay int) *deletionTest {
	d := &deletionTest{Cluster: nodetest.NewClusterWith(t, nodes, func(cfg *node.Config) { cfg.Token = deleteToken })}
	id := func(path string, body nodetest.Object) string {
		return d.do(http.MethodPost, path, body)["id"].(string)
	}
	d.tour = id("/api/tournaments", nodetest.Object{"name": "Test Open"})
	d.uuid = lcc.UUID(d.Nodes[0].Raft.ClusterID(), relay.TournamentID(d.tour))
	d.round = id("/api/tournaments/"+d.tour+"/rounds", nodetest.Object{"name": "Round 1", "delay": delay})
	for _, white := range []string{"Adam", "Clara"} {
		d.games = append(d.games, id("/api/rounds/"+d.round+"/games", nodetest.Object{
			"board": len(d.games) + 1, "white": nodetest.Object{"name": white}, "black": nodetest.Object{"name": "Opponent of " + white},
		}))
	}
	return d
}

// do submits to the last node, with the token, and wants a success. The recorder has the submission
// by then.
func (d *deletionTest) do(method, path string, body any) (out nodetest.Object) {
	d.T.Helper()
	status, text := nodetest.Ask(d.T, method, d.Nodes[len(d.Nodes)-1].URL+path, deleteToken, body)
	if status >= 300 {
		d.T.Fatalf("%s %s: %d %s", method, path, status, text)
	}
	if err := json.Unmarshal([]byte(text), &out); err != nil {
		d.T.Fatal(err)
	}
	d.WaitEqual()
	return out
}

// shows checks what the public reads at each path: a 200 with the text if it is shown, otherwise an
// answer without the text.
func (d *deletionTest) shows(text string, shown bool, paths ...string) {
	d.T.Helper()
	for _, n := range d.Nodes {
		for _, path := range paths {
			if status, body := nodetest.Ask(d.T, http.MethodGet, n.URL+path, "", nil); strings.Contains(body, text) != shown || shown && status != http.StatusOK {
				d.T.Errorf("%s: GET %s shows %q: %v, want %v (%d): %.300s", n.Config.Name, path, text, !shown, shown, status, body)
			}
		}
	}
}

// gone checks that each path is a 404 that says when it was deleted. Only with the token does it
// say how to restore it.
func (d *deletionTest) gone(restore string, paths ...string) {
	d.T.Helper()
	for _, n := range d.Nodes {
		for _, path := range paths {
			for _, token := range []string{"", deleteToken} {
				status, body := nodetest.Ask(d.T, http.MethodGet, n.URL+path, token, nil)
				if status != http.StatusNotFound || !strings.Contains(body, "was deleted at 20") || strings.Contains(body, restore) != (token != "") {
					d.T.Errorf("%s: GET %s with the token %q: %d %s", n.Config.Name, path, token, status, body)
				}
			}
		}
	}
}

// roundPaths are all paths that show the games of a round.
func (d *deletionTest) roundPaths() []string {
	return []string{
		"/api/rounds/" + d.round, "/api/rounds/" + d.round + ".pgn", "/api/tournaments/" + d.tour + "/standings",
		"/api/broadcast/-/-/" + d.round, "/api/broadcast/round/" + d.round + ".pgn", "/api/broadcast/" + d.tour + ".pgn",
		"/get/" + d.uuid + "/round-1/index.json",
	}
}

// TestDelete deletes a board, a round and a tournament, and restores each. The public loses it
// everywhere at once, and a push does not bring it back. All nodes and an edge have the same, also
// after a restart.
func TestDelete(t *testing.T) {
	t.Parallel()
	d := newDeletionTest(t, 2, 0)
	d.AddEdge("edge-1", d.Nodes[0]) // the last node, which submissions go through
	url := d.Nodes[0].URL
	d.do(http.MethodPost, "/api/games/"+d.games[0]+"/moves", nodetest.Object{"ply": 1, "move": "e4"})
	d.shows("Adam", true, d.roundPaths()...)
	watch := nodetest.NewSpectator(t, d.round)
	watch.Watch(d.Nodes[1].URL)
	watch.Until("the snapshot", func() bool { return watch.Snapshots == 1 })
	if status, body := nodetest.Ask(t, http.MethodDelete, url+"/api/games/"+d.games[0], "", nil); status != http.StatusUnauthorized {
		t.Errorf("without the token: %d %s", status, body)
	}
	if status, body := nodetest.Ask(t, http.MethodDelete, url+"/api/games/"+d.round, deleteToken, nil); status != http.StatusNotFound {
		t.Errorf("a round named as a game: %d %s", status, body)
	}

	// A board.
	d.do(http.MethodDelete, "/api/games/"+d.games[0], nodetest.Object{"reason": "opened by mistake"})
	d.shows("Adam", false, d.roundPaths()...)
	d.shows("Clara", true, d.roundPaths()...)
	d.gone("/api/games/"+d.games[0]+"/restore", "/api/games/"+d.games[0], "/api/games/"+d.games[0]+".pgn", "/api/games/"+d.games[0]+"/history")
	watch.Until("the board to be gone", func() bool { _, there := watch.FENs[d.games[0]]; return !there })
	if status, body := nodetest.Ask(t, http.MethodPost, url+"/api/games/"+d.games[0]+"/moves", deleteToken, nodetest.Object{"ply": 2, "move": "e5"}); status != http.StatusNotFound || !strings.Contains(body, "was deleted at") {
		t.Errorf("a move there: %d %s", status, body)
	}
	const push = "[White \"Adam\"]\n[Black \"Opponent of Adam\"]\n\n1. e4 e5 *\n\n[White \"Clara\"]\n[Black \"Opponent of Clara\"]\n\n1. d4 *\n"
	if status, body := nodetest.Ask(t, http.MethodPost, url+"/api/broadcast/round/"+d.round+"/push", deleteToken, push); status != http.StatusOK || !strings.Contains(body, "this game was deleted here") {
		t.Errorf("a push: %d %s", status, body)
	}
	d.WaitEqual()
	d.shows("Adam", false, d.roundPaths()...)
	if _, body := nodetest.Ask(t, http.MethodGet, url+"/api/deleted", "", nil); !strings.Contains(body, "unauthorized") {
		t.Errorf("the public is told %s", body)
	}
	if _, body := nodetest.Ask(t, http.MethodGet, url+"/api/deleted", deleteToken, nil); !strings.Contains(body, d.games[0]) || !strings.Contains(body, "opened by mistake") || !strings.Contains(body, `"by":"admin"`) {
		t.Errorf("what is deleted is listed as %s", body)
	}
	d.Nodes[1].Stop()
	d.Nodes[1].Start()
	d.WaitEqual()
	d.shows("Adam", false, d.roundPaths()...)
	d.do(http.MethodPost, "/api/games/"+d.games[0]+"/restore", nil)
	d.shows("Adam", true, d.roundPaths()...)
	if _, body := nodetest.Ask(t, http.MethodGet, url+"/api/games/"+d.games[0]+"/history", "", nil); !strings.Contains(body, `"kind":"delete"`) || !strings.Contains(body, `"kind":"restore"`) {
		t.Errorf("the audit trail is %s", body)
	}

	// The round, and then the tournament.
	for _, what := range []string{"/api/rounds/" + d.round, "/api/tournaments/" + d.tour} {
		watch.Watch(url)
		d.do(http.MethodDelete, what, nil)
		d.gone(what+"/restore", "/api/rounds/"+d.round, "/api/rounds/"+d.round+".pgn", "/api/rounds/"+d.round+"/history", "/api/games/"+d.games[0],
			"/api/broadcast/-/-/"+d.round, "/api/broadcast/round/"+d.round+".pgn", "/api/stream/broadcast/round/"+d.round+".pgn")
		d.shows("Round 1", false, "/api/tournaments", "/api/tournaments/"+d.tour, "/api/broadcast/"+d.tour, "/api/broadcast", "/get/"+d.uuid+"/tournament.json")
		for {
			_, err := watch.Read()
			if err == nil {
				continue
			}
			if c, ok := errors.AsType[*websocket.CloseError](err); !ok || c.Code != 4404 || c.Text != "this round was deleted" {
				t.Errorf("spectators are told %v", err)
			}
			break
		}
		if status, body := nodetest.Ask(t, http.MethodGet, url+"/events?round="+d.round, "", nil); status != http.StatusNotFound || !strings.Contains(body, "was deleted at") {
			t.Errorf("/events: %d %s", status, body)
		}
		d.do(http.MethodPost, what+"/restore", nodetest.Object{"reason": "after all"})
		d.shows("Adam", true, d.roundPaths()...)
		d.shows("Round 1", true, "/api/tournaments", "/api/tournaments/"+d.tour)
	}
	if status, body := nodetest.Ask(t, http.MethodGet, url+"/api/deleted", deleteToken, nil); status != http.StatusOK || !strings.Contains(body, `"deleted":[]`) {
		t.Errorf("when all is restored: %d %s", status, body)
	}
}

// TestDeleteWithDelay: no delay holds a deletion, on any node.
func TestDeleteWithDelay(t *testing.T) {
	t.Parallel()
	d := newDeletionTest(t, 2, 1)
	d.do(http.MethodPost, "/api/games/"+d.games[0]+"/moves", nodetest.Object{"ply": 1, "move": "e4"})
	// By then a second has passed for the boards, so the public has both.
	nodetest.Eventually(t, "the boards to be public", func() bool {
		_, body := nodetest.Ask(t, http.MethodGet, d.Nodes[0].URL+"/api/rounds/"+d.round, "", nil)
		return strings.Contains(body, `"ply":1`)
	})
	d.do(http.MethodPatch, "/api/rounds/"+d.round, nodetest.Object{"delay": 3600})
	watch := nodetest.NewSpectator(t, d.round)
	watch.Watch(d.Nodes[0].URL)
	watch.Until("the snapshot", func() bool { return watch.Snapshots == 1 })
	d.do(http.MethodDelete, "/api/games/"+d.games[0], nil)
	d.shows("Adam", false, d.roundPaths()...)
	watch.Until("a new snapshot", func() bool { return watch.Snapshots == 2 })
	if _, there := watch.FENs[d.games[0]]; there || len(watch.FENs) != 1 {
		t.Errorf("the spectator has %v", watch.FENs)
	}
	d.do(http.MethodPost, "/api/games/"+d.games[0]+"/restore", nil)
	d.shows("Adam", true, d.roundPaths()...)
	watch.Until("another snapshot", func() bool { return watch.Snapshots == 3 })
	d.do(http.MethodDelete, "/api/rounds/"+d.round, nil)
	d.gone("/restore", "/api/rounds/"+d.round)
	if _, err := watch.Read(); err == nil {
		t.Error("the spectator is still connected")
	}
}

// TestUnlisted: an unlisted tournament is in no list of the public, and is read by its id.
func TestUnlisted(t *testing.T) {
	t.Parallel()
	d := newDeletionTest(t, 1, 0)
	lists := []string{"/api/tournaments", "/api/broadcast/by/chessrelay", "/api/broadcast", "/api/broadcast/top"}
	d.shows(d.tour, true, lists...)
	d.do(http.MethodPatch, "/api/tournaments/"+d.tour, nodetest.Object{"unlisted": true})
	d.shows(d.tour, false, lists...)
	d.shows("Round 1", true, "/api/tournaments/"+d.tour, "/api/rounds/"+d.round)
	for _, path := range lists {
		if _, body := nodetest.Ask(t, http.MethodGet, d.Nodes[0].URL+path, deleteToken, nil); !strings.Contains(body, d.tour) {
			t.Errorf("with the token %s lacks it: %s", path, body)
		}
	}
	if _, body := nodetest.Ask(t, http.MethodGet, d.Nodes[0].URL+"/api/tournaments", deleteToken, nil); !strings.Contains(body, `"unlisted":true`) {
		t.Errorf("it is not marked: %s", body)
	}
}
