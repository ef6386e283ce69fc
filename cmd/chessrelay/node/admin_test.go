package node_test

import (
	"net/http"
	"net/netip"
	"strings"
	"testing"

	"github.com/chessrelay/chessrelay/cmd/chessrelay/node"
	"github.com/chessrelay/chessrelay/cmd/chessrelay/node/nodetest"
)

// TestRebinding: a page whose own name leads to a node gets nothing done there, and sees only what
// is public. The node's own names are as good as its address.
func TestRebinding(t *testing.T) {
	t.Parallel()
	c := nodetest.NewClusterWith(t, 2, func(cfg *node.Config) {
		cfg.AllowHosts = []string{"chess.example"}
		cfg.TrustProxies = []netip.Prefix{netip.MustParsePrefix("127.0.0.9/32")}
		if cfg.Bootstrap {
			cfg.AdvertiseHTTP = "http://localhost:" + strings.TrimPrefix(cfg.HTTP, "127.0.0.1:")
		}
	})
	n := c.Nodes[1]
	e := c.AddEdge("e", n)
	for _, node := range []*nodetest.Node{n, e} {
		evil := map[string]string{"Host": "evil.test:8080", "Origin": "http://evil.test:8080", "Sec-Fetch-Site": "same-origin"}
		for _, call := range [][2]string{
			{"POST", "/api/tournaments"}, {"PATCH", "/api/tournaments/x"}, {"DELETE", "/api/cluster/members/recorder"},
			{"POST", "/api/cluster/members"}, {"POST", "/api/cluster/leader"}, {"POST", "/broadcast/new"}, {"POST", "/oauth"},
			{"POST", "/api/token"}, {"GET", "/oauth"}, {"GET", "/feed/log"}, {"GET", "/api/deleted"},
		} {
			status, out := nodetest.AskAs(t, call[0], node.URL+call[1], `{"name":"x"}`, evil)
			if text, _ := out["error"].(string); status != http.StatusMisdirectedRequest || out["code"] != "unknown_host" || !strings.Contains(text, "--allow-host evil.test") {
				t.Errorf("%s %s: %d %v", call[0], call[1], status, out)
			}
		}
		if status, _ := nodetest.AskAs(t, "GET", node.URL+"/metrics", "", evil); status != http.StatusForbidden {
			t.Errorf("metrics: %d", status)
		}
		if _, out := nodetest.AskAs(t, "GET", node.URL+"/api/cluster", "", evil); out["public"] != true || out["commit"] != nil {
			t.Errorf("the cluster: %v", out)
		}
		if status, _ := nodetest.AskAs(t, "GET", node.URL+"/api/tournaments", "", evil); status != http.StatusOK {
			t.Errorf("a public read: %d", status)
		}
	}
	for _, host := range []string{"chess.example", "Chess.Example.:80", "localhost:1", "venue.localhost", "127.0.0.1", "[::1]:8080", "10.0.0.7:80"} {
		if status, out := nodetest.AskAs(t, "POST", n.URL+"/api/tournaments", `{"name":"x"}`, map[string]string{"Host": host}); status != http.StatusCreated {
			t.Errorf("by the name %s: %d %v", host, status, out)
		}
	}
	n.Stop()
	n.Config.TrustProxies = []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}
	n.Start()
	status, out := nodetest.AskAs(t, "POST", n.URL+"/api/tournaments", `{"name":"x"}`, map[string]string{"Host": "www.club.test", "X-Forwarded-For": "192.0.2.1"})
	if status != http.StatusCreated {
		t.Errorf("by a proxy that is trusted: %d %v", status, out)
	}
}

// TestNodeAnswersToMembersNames: a node also answers to the names of the other members, since
// clients may ask it for them.
func TestNodeAnswersToMembersNames(t *testing.T) {
	t.Parallel()
	c := nodetest.NewClusterWith(t, 2, func(cfg *node.Config) {
		if !cfg.Bootstrap {
			cfg.AdvertiseHTTP = "http://venue.test:8080"
		}
	})
	if status, out := nodetest.AskAs(t, "POST", c.Nodes[0].URL+"/api/tournaments", `{"name":"x"}`, map[string]string{"Host": "venue.test:8080"}); status != http.StatusCreated {
		t.Errorf("%d %v", status, out)
	}
}

// TestOperatorsOnlyRoutes: the public sees names, roles and staleness, and no metrics. Operators
// are clients on this machine and clients that show the token.
func TestOperatorsOnlyRoutes(t *testing.T) {
	t.Parallel()
	for _, token := range []string{"", nodetest.Token} {
		c := nodetest.NewClusterWith(t, 2, func(cfg *node.Config) { cfg.Token = token })
		e := c.AddEdge("e", c.Nodes[1])
		for _, n := range []*nodetest.Node{c.Nodes[0], c.Nodes[1], e} {
			public := []map[string]string{
				{"X-Forwarded-For": "192.0.2.1"}, {"Forwarded": "for=192.0.2.1"}, {"Via": "1.1 proxy"},
				{"Origin": "https://evil.test", "Sec-Fetch-Site": "cross-site"}, {"X-Forwarded-For": "192.0.2.1", "Authorization": "Bearer wrong"},
				{"X-Forwarded-For": "192.0.2.1", "X-Chessrelay-Forwarded": "venue-1", "X-Chessrelay-Voucher": "1700000000.AAAA"},
			}
			for _, headers := range public {
				want := map[string]int{"": http.StatusForbidden, nodetest.Token: http.StatusUnauthorized}[token]
				if status, out := nodetest.AskAs(t, "GET", n.URL+"/metrics", "", headers); status != want {
					t.Errorf("%s, %v: /metrics: %d %v", n.Config.Name, headers, status, out)
				}
				_, out := nodetest.AskAs(t, "GET", n.URL+"/api/cluster", "", headers)
				checkPublic(t, n, out)
			}
			operators := []map[string]string{{}}
			if token != "" {
				operators = append(operators, map[string]string{"X-Forwarded-For": "192.0.2.1", "Authorization": "Bearer " + token})
			}
			for _, headers := range operators {
				if status, _ := nodetest.AskAs(t, "GET", n.URL+"/metrics", "", headers); status != http.StatusOK {
					t.Errorf("%s, %v: /metrics: %d", n.Config.Name, headers, status)
				}
				if _, out := nodetest.AskAs(t, "GET", n.URL+"/api/cluster", "", headers); out["commit"] == nil || out["public"] != nil {
					t.Errorf("%s, %v: %v", n.Config.Name, headers, out)
				}
			}
			if status, _ := nodetest.AskAs(t, "GET", n.URL+"/debug/pprof/", "", nil); status == http.StatusOK {
				t.Error("profiles are served to everybody")
			}
		}
	}
}

// checkPublic checks that an answer has only what the public may see.
func checkPublic(t *testing.T, n *nodetest.Node, out nodetest.Object) {
	t.Helper()
	allowed := map[string]bool{"public": true, "clusterId": true, "node": true, "role": true, "leader": true, "stale": true, "members": true}
	for field := range out {
		if !allowed[field] {
			t.Errorf("%s tells the public %s: %v", n.Config.Name, field, out[field])
		}
	}
	members, _ := out["members"].([]any)
	if out["public"] != true || out["node"] != n.Config.Name || out["leader"] != "recorder" || out["stale"] != false || (len(members) == 2) != (n.Edge == nil) {
		t.Errorf("%s tells the public %v", n.Config.Name, out)
	}
	for _, m := range members {
		if m := m.(nodetest.Object); len(m) != 3 || m["stale"] != false || m["name"] == "" || m["role"] == "" {
			t.Errorf("%s tells the public %v", n.Config.Name, m)
		}
	}
}
