package main

import (
	"net/http"
	"strings"
	"testing"

	"github.com/chessrelay/chessrelay/cmd/chessrelay/node"
	"github.com/chessrelay/chessrelay/cmd/chessrelay/node/nodetest"
)

// TestAdminPort: with a port for operators, a client on the same machine gets no more at --http
// than the public.
func TestAdminPort(t *testing.T) {
	c := nodetest.NewClusterWith(t, 1, nil)
	n := c.Nodes[0]
	n.Stop()
	n.Config.AdminHTTP = "127.0.0.1:0"
	n.Start()
	admin := "http://" + n.AdminAddr().String()
	nodetest.Eventually(t, "the node to be ready", func() bool { return nodetest.Get(t, admin+"/readyz", nil) == http.StatusOK })
	for _, path := range []string{"/metrics", "/debug/pprof/", "/debug/pprof/goroutine?debug=1", "/debug/pprof/cmdline"} {
		if status, _ := nodetest.AskAs(t, "GET", admin+path, "", nil); status != http.StatusOK {
			t.Errorf("%s: %d", path, status)
		}
		if status, _ := nodetest.AskAs(t, "GET", admin+path, "", map[string]string{"Host": "evil.test"}); status != http.StatusForbidden {
			t.Errorf("%s by another name: %d", path, status)
		}
		if status, _ := nodetest.AskAs(t, "GET", n.URL+path, "", nil); status == http.StatusOK {
			t.Errorf("%s is at --http too", path)
		}
	}
	if _, out := nodetest.AskAs(t, "GET", admin+"/api/cluster", "", nil); out["commit"] == nil {
		t.Errorf("an operator sees %v", out)
	}
	_, out := nodetest.AskAs(t, "GET", n.URL+"/api/cluster", "", nil)
	if list, _ := out["members"].([]any); out["public"] != true || len(list) != 1 {
		t.Errorf("the public sees %v", out)
	}
	text, errs, code := command(t.Context(), "status", n.URL)
	if code != 0 || !strings.Contains(text, "--token") || !strings.Contains(text, "recorder") || strings.Contains(text, "INFLIGHT") {
		t.Errorf("status of the public: exit %d\n%s%s", code, text, errs)
	}
	if text, errs, code := command(t.Context(), "status", admin); code != 0 || !strings.Contains(text, "INFLIGHT") {
		t.Errorf("status of operators: exit %d\n%s%s", code, text, errs)
	}
}

// TestStatusToken: status shows the whole table to a client with the token. Members are changed by
// name.
func TestStatusToken(t *testing.T) {
	c := nodetest.NewClusterWith(t, 2, func(cfg *node.Config) { cfg.Token = nodetest.Token })
	c.Nodes[1].Stop()
	c.Nodes[1].Config.AdminHTTP = "127.0.0.1:0"
	c.Nodes[1].Start()
	url := c.Nodes[1].URL
	nodetest.Eventually(t, "a leader", func() bool { return nodetest.Get(t, url+"/readyz", nil) == http.StatusOK })
	for _, verb := range [][]string{{"status"}, {"venue", "list"}} {
		out, _, code := command(t.Context(), append(verb, url)...)
		if code != 0 || strings.Contains(out, "INFLIGHT") || !strings.Contains(out, "venue-1") {
			t.Errorf("%v without the token: %d\n%s", verb, code, out)
		}
		out, _, code = command(t.Context(), append(verb, "--token", nodetest.Token, url)...)
		if code != 0 || !strings.Contains(out, "INFLIGHT") {
			t.Errorf("%v with the token: %d\n%s", verb, code, out)
		}
	}
}
