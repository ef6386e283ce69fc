package main

import (
	"encoding/json"
	"net/http"
	"net/netip"
	"strings"
	"testing"
)

// askAs sends a request with headers, and returns the status and the JSON of the answer.
func askAs(t testing.TB, method, url, body string, headers map[string]string) (int, object) {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), method, url, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	for name, value := range headers {
		r.Header.Set(name, value)
	}
	r.Host = headers["Host"]
	res, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	var out object
	_ = json.NewDecoder(res.Body).Decode(&out) // metrics are none
	return res.StatusCode, out
}

// TestRebinding: a page that has its own name lead to a node gets nothing done there, and sees
// nothing that is not public. The node's own names are as good as its address.
func TestRebinding(t *testing.T) {
	c := newTestClusterWith(t, 2, func(cfg *serveConfig) {
		cfg.AllowHosts = []string{"chess.example"}
		cfg.TrustProxies = []netip.Prefix{netip.MustParsePrefix("127.0.0.9/32")}
		if cfg.Bootstrap {
			cfg.AdvertiseHTTP = "http://localhost:" + strings.TrimPrefix(cfg.HTTP, "127.0.0.1:")
		}
	})
	n := c.nodes[1]
	e := c.addEdge("e", n)
	for _, node := range []*testNode{n, e} {
		evil := map[string]string{"Host": "evil.test:8080", "Origin": "http://evil.test:8080", "Sec-Fetch-Site": "same-origin"}
		for _, call := range [][2]string{
			{"POST", "/api/tournaments"}, {"PATCH", "/api/tournaments/x"}, {"DELETE", "/api/cluster/members/recorder"},
			{"POST", "/api/cluster/members"}, {"POST", "/api/cluster/leader"}, {"POST", "/broadcast/new"}, {"POST", "/oauth"},
			{"POST", "/api/token"}, {"GET", "/oauth"}, {"GET", "/feed/log"}, {"GET", "/api/deleted"},
		} {
			status, out := askAs(t, call[0], node.url+call[1], `{"name":"x"}`, evil)
			if text, _ := out["error"].(string); status != http.StatusMisdirectedRequest || out["code"] != "unknown_host" || !strings.Contains(text, "--allow-host evil.test") {
				t.Errorf("%s %s: %d %v", call[0], call[1], status, out)
			}
		}
		if status, _ := askAs(t, "GET", node.url+"/metrics", "", evil); status != http.StatusForbidden {
			t.Errorf("metrics: %d", status)
		}
		if _, out := askAs(t, "GET", node.url+"/api/cluster", "", evil); out["public"] != true || out["commit"] != nil {
			t.Errorf("the cluster: %v", out)
		}
		if status, _ := askAs(t, "GET", node.url+"/api/tournaments", "", evil); status != http.StatusOK {
			t.Errorf("a public read: %d", status)
		}
	}
	for _, host := range []string{"chess.example", "Chess.Example.:80", "localhost:1", "venue.localhost", "127.0.0.1", "[::1]:8080", "10.0.0.7:80"} {
		if status, out := askAs(t, "POST", n.url+"/api/tournaments", `{"name":"x"}`, map[string]string{"Host": host}); status != http.StatusCreated {
			t.Errorf("by the name %s: %d %v", host, status, out)
		}
	}
	n.stop()
	n.cfg.TrustProxies = []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}
	n.start()
	status, out := askAs(t, "POST", n.url+"/api/tournaments", `{"name":"x"}`, map[string]string{"Host": "www.club.test", "X-Forwarded-For": "192.0.2.1"})
	if status != http.StatusCreated {
		t.Errorf("by a proxy that is trusted: %d %v", status, out)
	}
}

// TestMembersNames: a node answers to the names of the other members, which may be asked for by
// them.
func TestMembersNames(t *testing.T) {
	c := newTestClusterWith(t, 2, func(cfg *serveConfig) {
		if !cfg.Bootstrap {
			cfg.AdvertiseHTTP = "http://venue.test:8080"
		}
	})
	if status, out := askAs(t, "POST", c.nodes[0].url+"/api/tournaments", `{"name":"x"}`, map[string]string{"Host": "venue.test:8080"}); status != http.StatusCreated {
		t.Errorf("%d %v", status, out)
	}
}

// TestOnlyOperators: the public sees names, roles and staleness, and no metrics. Operators are
// those on the machine and those who show the token.
func TestOnlyOperators(t *testing.T) {
	for _, token := range []string{"", testToken} {
		c := newTestClusterWith(t, 2, func(cfg *serveConfig) { cfg.Token = token })
		e := c.addEdge("e", c.nodes[1])
		for _, n := range []*testNode{c.nodes[0], c.nodes[1], e} {
			public := []map[string]string{
				{"X-Forwarded-For": "192.0.2.1"}, {"Forwarded": "for=192.0.2.1"}, {"Via": "1.1 proxy"},
				{"Origin": "https://evil.test", "Sec-Fetch-Site": "cross-site"}, {"X-Forwarded-For": "192.0.2.1", "Authorization": "Bearer wrong"},
				{"X-Forwarded-For": "192.0.2.1", "X-Chessrelay-Forwarded": "venue-1", "X-Chessrelay-Voucher": "1700000000.AAAA"},
			}
			for _, headers := range public {
				want := map[string]int{"": http.StatusForbidden, testToken: http.StatusUnauthorized}[token]
				if status, out := askAs(t, "GET", n.url+"/metrics", "", headers); status != want {
					t.Errorf("%s, %v: /metrics: %d %v", n.cfg.Name, headers, status, out)
				}
				_, out := askAs(t, "GET", n.url+"/api/cluster", "", headers)
				checkPublic(t, n, out)
			}
			operators := []map[string]string{{}}
			if token != "" {
				operators = append(operators, map[string]string{"X-Forwarded-For": "192.0.2.1", "Authorization": "Bearer " + token})
			}
			for _, headers := range operators {
				if status, _ := askAs(t, "GET", n.url+"/metrics", "", headers); status != http.StatusOK {
					t.Errorf("%s, %v: /metrics: %d", n.cfg.Name, headers, status)
				}
				if _, out := askAs(t, "GET", n.url+"/api/cluster", "", headers); out["commit"] == nil || out["public"] != nil {
					t.Errorf("%s, %v: %v", n.cfg.Name, headers, out)
				}
			}
			if status, _ := askAs(t, "GET", n.url+"/debug/pprof/", "", nil); status == http.StatusOK {
				t.Error("profiles are served to everybody")
			}
		}
	}
}

// checkPublic holds an answer to what the public may see.
func checkPublic(t *testing.T, n *testNode, out object) {
	t.Helper()
	allowed := map[string]bool{"public": true, "clusterId": true, "node": true, "role": true, "leader": true, "stale": true, "members": true}
	for field := range out {
		if !allowed[field] {
			t.Errorf("%s tells the public %s: %v", n.cfg.Name, field, out[field])
		}
	}
	members, _ := out["members"].([]any)
	if out["public"] != true || out["node"] != n.cfg.Name || out["leader"] != "recorder" || out["stale"] != false || (len(members) == 2) != (n.edge == nil) {
		t.Errorf("%s tells the public %v", n.cfg.Name, out)
	}
	for _, m := range members {
		if m := m.(object); len(m) != 3 || m["stale"] != false || m["name"] == "" || m["role"] == "" {
			t.Errorf("%s tells the public %v", n.cfg.Name, m)
		}
	}
}

// TestAdminPort: with a port for operators, being on the machine is not enough elsewhere.
func TestAdminPort(t *testing.T) {
	c := newTestClusterWith(t, 1, nil)
	n := c.nodes[0]
	n.stop()
	n.cfg.AdminHTTP = "127.0.0.1:0"
	n.start()
	admin := "http://" + n.AdminAddr().String()
	eventually(t, "the node to be ready", func() bool { return get(t, admin+"/readyz", nil) == http.StatusOK })
	for _, path := range []string{"/metrics", "/debug/pprof/", "/debug/pprof/goroutine?debug=1", "/debug/pprof/cmdline"} {
		if status, _ := askAs(t, "GET", admin+path, "", nil); status != http.StatusOK {
			t.Errorf("%s: %d", path, status)
		}
		if status, _ := askAs(t, "GET", admin+path, "", map[string]string{"Host": "evil.test"}); status != http.StatusForbidden {
			t.Errorf("%s by another name: %d", path, status)
		}
		if status, _ := askAs(t, "GET", n.url+path, "", nil); status == http.StatusOK {
			t.Errorf("%s is at --http too", path)
		}
	}
	if _, out := askAs(t, "GET", admin+"/api/cluster", "", nil); out["commit"] == nil {
		t.Errorf("an operator sees %v", out)
	}
	_, out := askAs(t, "GET", n.url+"/api/cluster", "", nil)
	if list, _ := out["members"].([]any); out["public"] != true || len(list) != 1 {
		t.Errorf("the public sees %v", out)
	}
	text, errs, code := command(t.Context(), "status", n.url)
	if code != 0 || !strings.Contains(text, "--token") || !strings.Contains(text, "recorder") || strings.Contains(text, "INFLIGHT") {
		t.Errorf("status of the public: exit %d\n%s%s", code, text, errs)
	}
	if text, errs, code := command(t.Context(), "status", admin); code != 0 || !strings.Contains(text, "INFLIGHT") {
		t.Errorf("status of operators: exit %d\n%s%s", code, text, errs)
	}
}

// TestStatusToken: status shows the whole table to who has the token, and members are changed by
// name.
func TestStatusToken(t *testing.T) {
	c := newTestClusterWith(t, 2, func(cfg *serveConfig) { cfg.Token = testToken })
	c.nodes[1].stop()
	c.nodes[1].cfg.AdminHTTP = "127.0.0.1:0"
	c.nodes[1].start()
	url := c.nodes[1].url
	eventually(t, "a leader", func() bool { return get(t, url+"/readyz", nil) == http.StatusOK })
	for _, verb := range [][]string{{"status"}, {"venue", "list"}} {
		out, _, code := command(t.Context(), append(verb, url)...)
		if code != 0 || strings.Contains(out, "INFLIGHT") || !strings.Contains(out, "venue-1") {
			t.Errorf("%v without the token: %d\n%s", verb, code, out)
		}
		out, _, code = command(t.Context(), append(verb, "--token", testToken, url)...)
		if code != 0 || !strings.Contains(out, "INFLIGHT") {
			t.Errorf("%v with the token: %d\n%s", verb, code, out)
		}
	}
}
