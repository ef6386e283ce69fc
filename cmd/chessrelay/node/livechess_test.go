package node_test

import (
	"encoding/json"
	"net/http"
	"strconv"
	"strings"
	"testing"

	"github.com/chessrelay/chessrelay/cmd/chessrelay/node/nodetest"
	"github.com/chessrelay/chessrelay/relay"
	"github.com/chessrelay/chessrelay/relay/lcc"
)

// TestLiveChess reads a replayed round as LiveChess viewers do, from every node: by UUID and by id,
// again with the ETag, and only its header.
func TestLiveChess(t *testing.T) {
	t.Parallel()
	c := nodetest.NewCluster(t, 2)
	s := nodetest.FeedShort(t, c.Nodes[0].URL)
	var tid relay.TournamentID
	var games []*relay.Game
	c.Nodes[0].Boards.Read(func(_ uint64, b *relay.State) {
		r, _ := b.Round(s.Round)
		tid = r.Tournament
		for _, id := range r.Games {
			g, _ := b.Game(id)
			games = append(games, g)
		}
	})
	nodetest.Post(t, c.Nodes[0].URL+"/api/tournaments/"+string(tid)+"/rounds", nodetest.Object{"name": "Round 2"}, nil)
	c.WaitEqual()
	fetch := func(method, url string, header http.Header, out any) *http.Response {
		t.Helper()
		req, err := http.NewRequest(method, url, nil)
		if err != nil {
			t.Fatal(err)
		}
		req.Header = header
		res, err := http.DefaultClient.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		defer res.Body.Close()
		if out != nil {
			if err := json.NewDecoder(res.Body).Decode(out); err != nil {
				t.Fatalf("%s: %v", url, err)
			}
		}
		return res
	}
	etags := map[string]string{}
	for _, n := range c.Nodes {
		var plain, tournament lcc.Tournament
		fetch("GET", n.URL+"/get/"+string(tid)+"/tournament.json", nil, &plain)
		base := n.URL + "/get/" + plain.UUID
		fetch("GET", base+"/tournament.json", nil, &tournament)
		if tournament.ID != string(tid) || len(tournament.Rounds) != 2 || tournament.Rounds[0].Count != 12 || tournament.Rounds[0].Live != 0 {
			t.Fatalf("%+v", tournament)
		}
		var index lcc.Index
		fetch("GET", base+"/round-1/index.json", nil, &index)
		if len(index.Pairings) != 12 {
			t.Fatalf("%d pairings", len(index.Pairings))
		}
		for i, g := range games {
			var game lcc.Game
			// Viewers add their own query.
			path := "/round-1/game-" + strconv.Itoa(g.Board) + ".json"
			res := fetch("GET", base+path+"?poll", nil, &game)
			if res.Header.Get("Access-Control-Allow-Origin") != "*" || res.Header.Get("Cache-Control") == "" {
				t.Errorf("the headers are %v", res.Header)
			}
			etag := res.Header.Get("ETag")
			if old, ok := etags[path]; ok && old != etag || etag == "" {
				t.Errorf("%s has the ETag %s on one node, and %s on another", path, old, etag)
			}
			etags[path] = etag
			if got := lcc.PGN(1, i+1, index.Pairings[i], &game); got.Player("White").Name != g.White.Name || got.Result != g.Result || len(got.Moves) != int(g.Ply()) {
				t.Errorf("board %d came out otherwise: %+v", g.Board, got)
			}
			if res := fetch("GET", base+path, http.Header{"If-None-Match": {`"x", ` + strings.TrimPrefix(etag, "W/")}}, nil); res.StatusCode != 304 {
				t.Errorf("%s: %s, though nothing has changed", path, res.Status)
			}
			if res := fetch("HEAD", base+path, nil, nil); res.StatusCode != 200 || res.ContentLength <= 0 || res.Header.Get("ETag") != etag {
				t.Errorf("HEAD %s: %s, %v", path, res.Status, res.Header)
			}
		}
		// Downloaders ask for boards without a game, and give up when they get a 404.
		for _, path := range []string{"/round-1/game-13.json", "/round-1/game-1000.json", "/round-2/game-1.json"} {
			var game struct {
				Live   *bool
				Moves  []string
				Result *string
			}
			res := fetch("GET", base+path, nil, &game)
			if res.StatusCode != 200 || game.Live == nil || *game.Live || game.Moves == nil || len(game.Moves) > 0 || game.Result != nil {
				t.Errorf("%s: %s, %+v", path, res.Status, game)
			}
		}
		var empty lcc.Index
		if res := fetch("GET", base+"/round-2/index.json", nil, &empty); res.StatusCode != 200 || empty.Pairings == nil || len(empty.Pairings) > 0 {
			t.Errorf("a round without games: %s, %+v", res.Status, empty)
		}
		for _, path := range []string{
			"/round-0/index.json", "/round-3/index.json", "/round-x/index.json",
			"/round-3/game-1.json", "/round-1/game-0.json", "/round-1/game-1001.json", "/round-1/game-01.json", "/round-1/game-x.json",
		} {
			if res := fetch("GET", base+path, nil, nil); res.StatusCode != 404 {
				t.Errorf("%s: %s", path, res.Status)
			}
		}
	}
}
