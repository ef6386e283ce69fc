package main

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/chessrelay/chessrelay/web/base"

	"github.com/chessrelay/chessrelay/cmd/chessrelay/node/nodetest"
	"github.com/chessrelay/chessrelay/web"
)

// TestClosedCluster asks a node that has no majority. The answer is a 503 that says so, and nothing
// is half done.
func TestClosedCluster(t *testing.T) {
	t.Parallel()
	c := nodetest.NewCluster(t, 3)
	_, games := nodetest.NewRound(t, c.Nodes[0].URL, 1)
	c.WaitEqual()
	c.Nodes[1].Kill()
	c.Nodes[2].Kill()
	n := c.Nodes[0]
	quick, err := web.New(web.Config{Config: base.Config{Node: n.Raft, Boards: n.Boards, SubmitTimeout: 4 * 20 * nodetest.Tick}, Hub: n.Hub, LogServer: n.LogServer})
	if err != nil {
		t.Fatal(err)
	}
	srv := httptest.NewServer(quick)
	defer srv.Close()
	var out nodetest.Object
	res, err := http.Post(srv.URL+"/api/games/"+games[0]+"/moves", "application/json", strings.NewReader(`{"ply":1,"move":"e4"}`))
	if err != nil {
		t.Fatal(err)
	}
	retry := res.Header.Get("Retry-After")
	if status := nodetest.Decode(t, res, &out); status != 503 || (out["code"] != "no_quorum" && out["code"] != "no_leader") || retry == "" || strings.Contains(fmt.Sprint(out["error"]), "context") {
		t.Errorf("%d %v, Retry-After %q", status, out, retry)
	}
	if status := nodetest.Get(t, srv.URL+"/readyz", &out); status != 503 {
		t.Errorf("readyz: %d %v", status, out)
	}
	if out, errs, code := command(t.Context(), "status", "--ready", srv.URL); code != exitFailed || !strings.Contains(errs, "leader") || strings.Contains(errs, "is a node running") {
		t.Errorf("status --ready: exit %d, %s%s", code, out, errs)
	}
	if status := nodetest.Get(t, srv.URL+"/api/games/"+games[0], &out); status != 200 || out["ply"] != 0.0 {
		t.Errorf("the game: %d %v", status, out)
	}
	// The same move again, once there is a majority: it is recorded once.
	c.Nodes[1].Start()
	nodetest.Eventually(t, "status --ready", func() bool { _, _, code := command(t.Context(), "status", "--ready", srv.URL); return code == exitDone })
	nodetest.Must(t, n.URL+"/api/games/"+games[0]+"/moves", nodetest.Object{"ply": 1, "move": "e4"})
}
