package node_test

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/chessrelay/chessrelay/cmd/chessrelay/node/nodetest"
)

// FuzzBody sends any bytes as the body of every kind of submission to a real node. The answer is
// never a 500, and is always JSON with a code. A refused submission changed nothing.
func FuzzBody(f *testing.F) {
	c := nodetest.NewCluster(f, 1)
	n := c.Nodes[0]
	round, games := nodetest.NewRound(f, n.URL, 1)
	tournament := nodetest.Must(f, n.URL+"/api/tournaments", nodetest.Object{"name": "Fuzz"})["id"].(string)
	paths := []string{
		"/api/games/" + games[0] + "/moves", "/api/games/" + games[0] + "/takeback", "/api/games/" + games[0] + "/result",
		"/api/rounds/" + round + "/games", "/api/tournaments/" + tournament + "/rounds", "/api/tournaments",
		"/api/cluster/members", "/api/cluster/leader", "/api/cluster/edges",
	}
	for _, seed := range []string{
		`{"ply":1,"move":"e4","clock":{"white":5400000,"black":5400000},"at":1}`, `{"moves":[{"ply":1,"move":"e4"},{"ply":2,"move":"e7e5"}]}`,
		`{"toPly":0,"reason":"x"}`, `{"result":"1-0"}`, `{"name":"R","startsAt":1,"delay":60}`, `{"name":"T","description":"d","location":"l"}`,
		`{"board":2,"white":{"name":"A","title":"GM","rating":2700,"fideId":1},"black":{"name":"B"},"fen":"8/8/8/8/8/8/8/8 w - - 0 1"}`,
		`{"uses":2,"expiresIn":60}`, `{"to":"recorder"}`,
		`{}`, `[]`, `null`, ``, `{"ply":1e99}`, `{"move":"\u0000"}`, "{\"move\":\"\xff\"}", `{"ply":1,"move":"O-O-O-O"}`, `{"moves":[null]}`,
	} {
		for which := range paths {
			f.Add(which, []byte(seed))
		}
	}
	f.Fuzz(func(t *testing.T, which int, body []byte) {
		path := paths[uint(which)%uint(len(paths))]
		_, before := n.Stand()
		w := httptest.NewRecorder()
		n.Handler().ServeHTTP(w, httptest.NewRequest(http.MethodPost, path, strings.NewReader(string(body))))
		var out nodetest.Object
		status := nodetest.Decode(t, w.Result(), &out)
		switch {
		case status >= 500 && status != http.StatusServiceUnavailable:
			t.Fatalf("POST %s %q: %d %v", path, body, status, out)
		case status >= 400:
			if out["error"] == "" || out["code"] == nil {
				t.Fatalf("POST %s %q: %d without a reason: %v", path, body, status, out)
			}
			if _, after := n.Stand(); after != before && status != http.StatusUnprocessableEntity && status != http.StatusConflict {
				t.Fatalf("POST %s %q: refused with %d, and the boards changed", path, body, status)
			}
		case status != http.StatusOK && status != http.StatusCreated:
			t.Fatalf("POST %s %q: %d", path, body, status)
		}
	})
}
