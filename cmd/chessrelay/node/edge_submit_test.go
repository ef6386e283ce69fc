package node_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/chessrelay/chessrelay/cmd/chessrelay/node"
	"github.com/chessrelay/chessrelay/cmd/chessrelay/node/nodetest"
	"github.com/chessrelay/chessrelay/relay"
)

// send sends JSON with these headers, and returns the answer.
func send(t testing.TB, method, url string, body any, header http.Header) (status int, out nodetest.Object, got http.Header) {
	t.Helper()
	raw, err := json.Marshal(body)
	if err != nil {
		t.Fatal(err)
	}
	req, err := http.NewRequest(method, url, bytes.NewReader(raw))
	if err != nil {
		t.Fatal(err)
	}
	for name, values := range header {
		req.Header[name] = values
	}
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	return nodetest.Decode(t, res, &out), out, res.Header
}

// TestEdgePassesSubmissionsOn submits everything at an edge that follows an edge, and reads it
// there. The clusters have a token, or none.
func TestEdgePassesSubmissionsOn(t *testing.T) {
	t.Parallel()
	for _, token := range []string{"", nodetest.Token} {
		t.Run(fmt.Sprintf("token %q", token), func(t *testing.T) {
			t.Parallel()
			c := nodetest.NewClusterWith(t, 2, func(cfg *node.Config) { cfg.Token = token })
			upper := c.AddEdge("upper", c.Nodes[1], c.Nodes[0])
			lower := c.AddEdge("lower", upper)
			header := http.Header{}
			if token != "" {
				header.Set("Authorization", "Bearer "+token)
			}
			do := func(want int, method, path string, body any, more ...string) nodetest.Object {
				t.Helper()
				h := header.Clone()
				for i := 0; i < len(more); i += 2 {
					h.Set(more[i], more[i+1])
				}
				status, out, got := send(t, method, lower.URL+path, body, h)
				if status != want || got.Get("X-Chessrelay-Index") != "" {
					t.Fatalf("%s %s: %d %v %v, want %d", method, path, status, out, got, want)
				}
				return out
			}
			tid := do(201, "POST", "/api/tournaments", nodetest.Object{"name": "City Open"}, "Idempotency-Key", "t1")["id"].(string)
			if again := do(200, "POST", "/api/tournaments", nodetest.Object{"name": "City Open"}, "Idempotency-Key", "t1"); again["id"] != tid {
				t.Errorf("sent again it is another one: %v", again)
			}
			rid := do(201, "POST", "/api/tournaments/"+tid+"/rounds", nodetest.Object{"name": "Round 1"})["id"].(string)
			gid := do(201, "POST", "/api/rounds/"+rid+"/games", nodetest.Object{"board": 1, "white": nodetest.Object{"name": "A"}, "black": nodetest.Object{"name": "B"}})["id"].(string)
			game := "/api/games/" + gid
			do(201, "POST", game+"/moves", nodetest.Object{"ply": 1, "move": "e4"})
			do(200, "POST", game+"/moves", nodetest.Object{"ply": 1, "move": "e4"})
			do(422, "POST", game+"/moves", nodetest.Object{"ply": 2, "move": "e4"})
			do(409, "POST", game+"/moves", nodetest.Object{"ply": 5, "move": "e4"})
			do(413, "POST", game+"/moves", nodetest.Object{"ply": 2, "move": strings.Repeat("e", 600<<10)})
			do(201, "POST", game+"/takeback", nodetest.Object{"toPly": 0, "reason": "wrong"}, "X-Chessrelay-By", "Anna")
			do(201, "POST", game+"/clock", nodetest.Object{"white": 1000})
			do(201, "POST", game+"/correct", nodetest.Object{"toPly": 0, "moves": []nodetest.Object{{"move": "d4"}}})
			do(201, "POST", game+"/result", nodetest.Object{"result": "1-0"})
			do(200, "PATCH", game, nodetest.Object{"timeControl": "5400"})
			do(200, "PATCH", "/api/rounds/"+rid, nodetest.Object{"name": "Round One"})
			do(200, "PATCH", "/api/tournaments/"+tid, nodetest.Object{"name": "Town Open"})
			// It is there at once.
			var g struct {
				Ply     int
				Result  string
				Changes []struct{ By string }
			}
			by := "Anna"
			if token != "" {
				by = "admin" // the token's name
			}
			nodetest.Get(t, lower.URL+game, &g)
			if g.Ply != 1 || g.Result != "1-0" || len(g.Changes) == 0 || g.Changes[0].By != by {
				t.Errorf("the edge shows %+v", g)
			}
			do(404, "POST", "/api/games/AAAAAAAA/moves", nodetest.Object{"ply": 1, "move": "e4"})
			do(421, "POST", "/api/cluster/leader", nodetest.Object{"to": "venue-1"})
			if token != "" {
				header = http.Header{"Authorization": {"Bearer wrong"}}
				do(401, "POST", game+"/moves", nodetest.Object{"ply": 2, "move": "e5"})
			}

			// The app at an edge.
			for _, origin := range appOrigins {
				a := &app{t: t, base: lower.URL, origin: origin}
				if origin != "" {
					want := http.StatusForbidden
					if token != "" {
						want = http.StatusUnauthorized
					}
					a.wantRefused("before the log-in", rid, want)
					a.token = "chessrelay_made-up"
					a.wantRefused("a made-up token", rid, http.StatusUnauthorized)
					if status := a.do(http.MethodGet, "/api/account", "", "", nil); status != http.StatusUnauthorized {
						t.Errorf("with a made-up token the account is answered %d", status)
					}
				}
				a.logIn(token, lower.URL)
				if status := a.do(http.MethodGet, "/api/account", "", "", nil); status != http.StatusOK || !a.writeable(rid) {
					t.Errorf("from %q: the account is %d, the round writeable: %v", origin, status, a.writeable(rid))
				}
				var made struct {
					Tour  struct{ ID, URL string }
					Round struct{ ID, URL string }
				}
				if status := a.do(http.MethodPost, "/broadcast/new", "application/json", `{"name":"App Open"}`, &made); status != 200 || !strings.HasPrefix(made.Tour.URL, lower.URL) {
					t.Fatalf("a new tournament is %d %+v", status, made)
				}
				if status := a.do(http.MethodPost, "/broadcast/"+made.Tour.ID+"/new", "application/json", `{"name":"Round 1"}`, &made); status != 200 || !strings.HasPrefix(made.Round.URL, lower.URL) {
					t.Fatalf("a new round is %d %+v", status, made)
				}
				out, status := a.push(made.Round.ID, "[White \"A\"]\n[Black \"B\"]\n\n1. e4 e5 *\n\n[White \"C\"]\n[Black \"D\"]\n\n1. d4 d4 *\n")
				if status != 200 || len(out.Games) != 2 || *out.Games[0].Moves != 2 || out.Games[1].Error == "" {
					t.Errorf("from %q: a push is answered %d, %+v", origin, status, out)
				}
				if status := a.do(http.MethodPost, "/api/broadcast/round/"+made.Round.ID+"/reset", "", "", nil); status != 200 {
					t.Errorf("a reset is answered %d", status)
				}
				if _, status := a.push("AAAAAAAA", "[White \"A\"]\n\n1. e4 *\n"); status != 404 {
					t.Errorf("a push to no round is answered %d", status)
				}
				if _, status := a.push(rid, "{}"); status != 400 {
					t.Errorf("a push of JSON is answered %d", status)
				}
			}
			if status, out, _ := send(t, "POST", lower.URL+"/api/tournaments", nodetest.Object{"name": "Their Open"}, http.Header{"Origin": {"https://elsewhere.example"}, "Authorization": header["Authorization"]}); status != 403 {
				t.Errorf("a page of another site is answered %d %v", status, out)
			}

			// No upstream is left.
			a := &app{t: t, base: upper.URL, origin: "null"}
			a.logIn(token, upper.URL)
			c.Nodes[1].Kill()
			c.Nodes[0].Kill()
			refused, out, got := send(t, "POST", upper.URL+"/api/tournaments", nodetest.Object{"name": "X"}, http.Header{"Authorization": {"Bearer " + token}})
			if refused != 503 || out["code"] != "no_leader" || got.Get("Retry-After") == "" {
				t.Errorf("without members a submission is answered %d %v %v", refused, out, got)
			}
			if _, status, err := pushPGN(upper.URL, rid, "[White \"A\"]\n\n1. e4 *\n", broadcasterAgent); err == nil && token == "" {
				t.Errorf("without members the app is answered %d", status)
			}
			if token == "" && a.writeable(rid) {
				t.Error("without members the round is writeable to one whose token nobody can judge")
			}
			c.Nodes[0].Start()
			c.Nodes[1].Start()
			nodetest.Eventually(t, "the app to get through again", func() bool {
				out, status, err := pushPGNAs(a, rid, "[White \"A\"]\n[Black \"B\"]\n\n1. d4 d5 2. c4 *\n")
				return err == nil && status == 200 && len(out.Games) == 1
			})
			c.WaitEqual()
		})
	}
}

// pushPGNAs pushes as the app does. The error is that of the connection.
func pushPGNAs(a *app, round, pgn string) (out pushed, status int, err error) {
	req, err := http.NewRequest(http.MethodPost, a.base+"/api/broadcast/round/"+round+"/push", strings.NewReader(pgn))
	if err != nil {
		return out, 0, err
	}
	req.Header = http.Header{"User-Agent": {appAgent}, "Origin": {a.origin}, "Authorization": {"Bearer " + a.token}, "Content-Type": {"text/plain"}}
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		return out, 0, err
	}
	defer res.Body.Close()
	return out, res.StatusCode, json.NewDecoder(res.Body).Decode(&out)
}

// TestEdgePushesKeepTheirOrder pushes a growing game to an edge as the app does, without waiting
// for the push before. The member must get the pushes in the order in which they came to the edge.
func TestEdgePushesKeepTheirOrder(t *testing.T) {
	t.Parallel()
	c := nodetest.NewCluster(t, 1)
	round, _ := nodetest.NewRound(t, c.Nodes[0].URL, 0)
	// Requests to the member go through a proxy. It shows whether two pushes are on their way at
	// once.
	var now, most int
	gate := make(chan struct{}, 1)
	gate <- struct{}{}
	proxy := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		push := strings.HasSuffix(r.URL.Path, "/push")
		if push {
			<-gate
			now++
			most = max(most, now)
			gate <- struct{}{}
			defer func() { <-gate; now--; gate <- struct{}{} }()
		}
		c.Nodes[0].Handler().ServeHTTP(w, r)
	}))
	defer proxy.Close()
	e := c.AddEdge("e", &nodetest.Node{Config: node.Config{HTTP: strings.TrimPrefix(proxy.URL, "http://")}})
	done := make(chan struct{})
	moves := strings.Fields(strings.Repeat("Nf3 Nf6 Ng1 Ng8 ", 7))
	for i := range moves {
		go func() {
			defer func() { done <- struct{}{} }()
			mustPush(t, e.URL, round, "[White \"A\"]\n[Black \"B\"]\n\n"+strings.Join(moves[:i+1], " ")+" *\n")
		}()
	}
	for range moves {
		<-done
	}
	if most != 1 {
		t.Errorf("%d pushes were on their way to the member at once", most)
	}
	c.Nodes[0].Boards.Read(func(_ uint64, s *relay.State) {
		r, _ := s.Round(relay.RoundID(round))
		if len(r.Games) != 1 {
			t.Errorf("there are %d boards", len(r.Games))
		}
	})
	e.Stop()
	c.Nodes = c.Nodes[:1]
}
