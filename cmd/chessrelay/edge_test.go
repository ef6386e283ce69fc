package main

import (
	"net/http"
	"strings"
	"testing"

	"github.com/chessrelay/chessrelay/cmd/chessrelay/node/nodetest"
	"github.com/chessrelay/chessrelay/web/edge"
)

// TestEdgeAnswers checks what an edge says of itself, what it refuses, and what a venue says of its
// edges.
func TestEdgeAnswers(t *testing.T) {
	t.Parallel()
	c := nodetest.NewCluster(t, 1)
	venue := c.Nodes[0]
	round, games := nodetest.NewRound(t, venue.URL, 1)
	e := c.AddEdge("e", venue)
	c.WaitEqual()
	for _, call := range []struct{ method, path string }{
		{"POST", "/api/cluster/members"}, {"POST", "/api/cluster/members/venue"}, {"DELETE", "/api/cluster/members/venue"}, {"POST", "/api/cluster/leader"},
		{"GET", "/api/rounds/" + round + "?consistency=linearizable"},
	} {
		r, err := http.NewRequest(call.method, e.URL+call.path, strings.NewReader("{}"))
		if err != nil {
			t.Fatal(err)
		}
		res, err := http.DefaultClient.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		var out nodetest.Object
		if status := nodetest.Decode(t, res, &out); status != http.StatusMisdirectedRequest || out["code"] != "edge" || out["node"] != venue.URL {
			t.Errorf("%s %s: %d %v", call.method, call.path, status, out)
		}
	}
	nodetest.Must(t, venue.URL+"/api/games/"+games[0]+"/moves", nodetest.Object{"ply": 1, "move": "e4"})
	c.WaitEqual()
	var s struct {
		Role, Node, Leader string
		Applied, Commit    uint64
		Upstream           edge.Report
		Edges              []edge.SessionStatus
	}
	nodetest.Get(t, e.URL+"/api/cluster", &s)
	if s.Role != "edge" || s.Node != "e" || s.Leader != "recorder" || s.Upstream.Upstream != venue.URL || s.Upstream.Depth != 1 || s.Upstream.Stale {
		t.Errorf("the edge says %+v", s)
	}
	nodetest.Eventually(t, "the venue to count what it has sent", func() bool { // the edge may have it a moment before
		nodetest.Get(t, venue.URL+"/api/cluster", &s)
		return len(s.Edges) == 1 && s.Edges[0].Lag == 0
	})
	if s.Edges[0].Name != "e" || s.Edges[0].HTTP != e.URL {
		t.Errorf("the venue's edges are %+v", s.Edges)
	}
	for _, path := range []string{"/readyz", "/healthz"} {
		if status := nodetest.Get(t, e.URL+path, nil); status != http.StatusOK {
			t.Errorf("%s: %d", path, status)
		}
	}
	for _, n := range []*nodetest.Node{e, venue} {
		out, errs, code := command(t.Context(), "status", n.URL)
		if code != 0 || !strings.Contains(out, "e ") || !strings.Contains(out, "recorder") {
			t.Errorf("status: exit %d\n%s%s", code, out, errs)
		}
		t.Log(out)
	}
	// A feed may go to the edge, which passes it on.
	nodetest.FeedSample(t, e.URL)
	c.WaitEqual()

	venue.Kill()
	nodetest.Eventually(t, "the edge to say that it is stale", func() bool {
		var out nodetest.Object
		return nodetest.Get(t, e.URL+"/readyz", &out) == http.StatusServiceUnavailable
	})
	if status := nodetest.Get(t, e.URL+"/api/rounds/"+round, nil); status != http.StatusOK {
		t.Errorf("the stale edge serves %d", status)
	}
	venue.Start()
	nodetest.Eventually(t, "the edge to be ready", func() bool { return nodetest.Get(t, e.URL+"/readyz", nil) == http.StatusOK })
}

// TestEdgeFlags checks which flags belong together.
func TestEdgeFlags(t *testing.T) {
	for line, want := range map[string]string{
		"serve --name e --role edge":                                     "--upstream is missing",
		"serve --name e --role edge --upstream http://v --data d":        "--data is for members",
		"serve --name e --role edge --upstream http://v --join http://v": "--join is for members",
		"serve --name e --role edge --join cri1_abc":                     "run `chessrelay edge invite URL`",
		"serve --name e --role edge --join cre1_abc":                     "the invitation is cut off",
		"serve --name e --role edge --join nowhere":                      "or a file that holds one",
		"serve --name v --role venue --data d --join cre1_abc":           "this invitation is for --role edge",
		"edge":               "the command is missing",
		"edge join http://v": "there is invite",
		"edge invite http://v --expires tomorrow":                                           "--expires must be a time",
		"serve --name e --role edge --upstream http://v --bootstrap":                        "--bootstrap is for members",
		"serve --name e --role edge --upstream ftp://v":                                     "is not the URL of a node",
		"serve --name v --role venue --data d --join http://v --upstream http://v":          "--upstream is for --role edge",
		"serve --name v --role venue --join http://v":                                       "--data is missing",
		"serve --name e --role edge --upstream http://v,http://w --peer 127.0.0.1:0":        "--peer is for members",
		"serve --name e --role edge --upstream http://v --upstream http://w --http nowhere": "--http must be an address",
	} {
		code, _, errs := runCommand(t.Context(), t, nil, strings.Fields(line)...)
		if code != exitUsage || !strings.Contains(errs, want) {
			t.Errorf("%s: exit %d, %s", line, code, errs)
		}
	}
}
