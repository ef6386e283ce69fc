package node_test

import (
	"context"
	"errors"
	"io"
	"net/http"
	"path/filepath"
	"strings"
	"testing"

	"github.com/chessrelay/chessrelay/cmd/chessrelay/node"
	"github.com/chessrelay/chessrelay/cmd/chessrelay/node/nodetest"
)

// wantStarting checks the answers of a node that has no boards yet.
func wantStarting(t *testing.T, node, reason string) {
	t.Helper()
	nodetest.Eventually(t, "the node to answer", func() bool { return nodetest.Get(t, node+"/healthz", nil) == http.StatusOK })
	nodetest.Eventually(t, "the reason", func() bool {
		var ready nodetest.Object
		return nodetest.Get(t, node+"/readyz", &ready) == http.StatusServiceUnavailable && ready["code"] == "not_ready" &&
			ready["status"] == reason && ready["error"] == reason
	})
	for _, page := range []string{"/", "/tournament/x", "/round/x/1", "/cluster", "/broadcast/a/b/c"} {
		res, err := http.Get(node + page)
		if err != nil {
			t.Fatal(err)
		}
		body, err := io.ReadAll(res.Body)
		res.Body.Close()
		if text := string(body); err != nil || res.StatusCode != http.StatusServiceUnavailable || !strings.Contains(text, "joining") ||
			!strings.Contains(text, reason) || !strings.Contains(text, `http-equiv="refresh"`) || !strings.Contains(text, "prefers-color-scheme") {
			t.Errorf("%s: %s, %v\n%s", page, res.Status, err, text)
		}
	}
	for _, r := range []struct {
		method, path string
		closes       bool
	}{
		{"GET", "/api/tournaments", false}, {"POST", "/api/tournaments", false}, {"POST", "/api/games/x/moves", false},
		{"POST", "/api/broadcast/round/x/push", false}, {"GET", "/metrics", false}, {"GET", "/feed/log", false}, {"POST", "/api/cluster/members", false},
		{"GET", "/live?round=x", true}, {"GET", "/events?round=x", true}, {"GET", "/feed", true},
	} {
		req, err := http.NewRequestWithContext(t.Context(), r.method, node+r.path, strings.NewReader("{}"))
		if err != nil {
			t.Fatal(err)
		}
		res, err := http.DefaultClient.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		var answer nodetest.Object
		if status := nodetest.Decode(t, res, &answer); status != http.StatusServiceUnavailable || answer["code"] != "not_ready" || answer["error"] != reason ||
			res.Header.Get("Retry-After") == "" || res.Close != r.closes {
			t.Errorf("%s %s: %d %v, Retry-After %q, closed: %v", r.method, r.path, status, answer, res.Header.Get("Retry-After"), res.Close)
		}
	}
}

// TestStarting starts a venue before its cluster answers, and an edge before its upstream. Their
// ports answer at once, and their own pages follow by themselves.
func TestStarting(t *testing.T) {
	t.Parallel()
	c := nodetest.NewCluster(t, 1)
	recorder := c.Nodes[0]
	at := recorder.URL
	recorder.Stop()
	for _, tt := range []struct {
		name, reason string
		cfg          node.Config
	}{
		{"venue", "the node waits for its cluster to admit it",
			node.Config{Name: "venue", Role: node.RoleVenue, Data: filepath.Join(t.TempDir(), "venue"), Peer: "127.0.0.1:0", Join: at, Voters: 1}},
		{"edge", "the edge waits for an upstream to send the boards",
			node.Config{Name: "edge", Role: node.RoleEdge, Upstreams: []string{at}}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			tt.cfg.HTTP = nodetest.KeptAddress(t)
			url := "http://" + tt.cfg.HTTP
			ctx, giveUp := context.WithCancel(context.Background())
			defer giveUp()
			opened := make(chan error, 1)
			var n *node.Node
			open := func() {
				var err error
				n, err = node.Open(ctx, tt.cfg, nodetest.Log(t), nodetest.Tick)
				opened <- err
			}
			go open()
			wantStarting(t, url, tt.reason)
			giveUp()
			if err := <-opened; !errors.Is(err, context.Canceled) {
				t.Fatalf("a node that is told to stop meanwhile: %v", err)
			}

			ctx = context.Background()
			go open()
			wantStarting(t, url, tt.reason)
			recorder.Start()
			defer recorder.Stop()
			if err := <-opened; err != nil {
				t.Fatal(err)
			}
			defer n.Close()
			nodetest.Eventually(t, "the node to be ready", func() bool { return nodetest.Get(t, url+"/readyz", nil) == http.StatusOK })
			if status := nodetest.Get(t, url+"/api/tournaments", nil); status != http.StatusOK {
				t.Errorf("the API answers %d", status)
			}
		})
	}
}
