package main

import (
	"net"
	"net/http"
	"path/filepath"
	"strings"
	"testing"

	"github.com/chessrelay/chessrelay/cmd/chessrelay/node"
	"github.com/chessrelay/chessrelay/cmd/chessrelay/node/nodetest"
	"github.com/chessrelay/chessrelay/relay"
)

// TestNoTokens: a node that other machines reach does not serve a cluster without tokens, unless
// its flags allow that.
func TestNoTokens(t *testing.T) {
	for _, tc := range []struct {
		c    node.Config
		at   string
		open bool
	}{
		{node.Config{}, "127.0.0.1", true}, {node.Config{}, "::1", true}, {node.Config{}, "0.0.0.0", false}, {node.Config{}, "::", false},
		{node.Config{}, "192.0.2.1", false}, {node.Config{Open: true}, "0.0.0.0", true}, {node.Config{Token: nodetest.Token}, "127.0.0.1", true},
		{node.Config{Token: nodetest.Token, Bootstrap: true}, "127.0.0.1", false}, {node.Config{Token: nodetest.Token, Bootstrap: true, Open: true}, "::", false},
	} {
		if got := tc.c.OpenAt(&net.TCPAddr{IP: net.ParseIP(tc.at)}); got != tc.open {
			t.Errorf("%+v at %s is open: %v", tc.c, tc.at, got)
		}
	}
	c := nodetest.NewClusterWith(t, 1, func(cfg *node.Config) { cfg.Voters = 1 })
	join := func(change func(*node.Config)) *nodetest.Node {
		n := &nodetest.Node{T: t, Config: node.Config{
			Name: "venue", Role: node.RoleVenue, Data: filepath.Join(t.TempDir(), "venue"), Join: c.Nodes[0].URL, HTTP: "127.0.0.1:0", Peer: "127.0.0.1:0", Voters: 1,
		}}
		change(&n.Config)
		n.Start()
		t.Cleanup(n.Stop)
		return n
	}
	exposed := node.Config{
		Name: "venue", Role: node.RoleVenue, Data: filepath.Join(t.TempDir(), "venue"), Join: c.Nodes[0].URL, HTTP: "127.0.0.1:0", Peer: "127.0.0.1:0", Voters: 1, Exposed: true,
	}
	n, err := node.Open(t.Context(), exposed, nodetest.Log(t), nodetest.Tick)
	if err == nil || !strings.Contains(err.Error(), "--open") || !strings.Contains(err.Error(), "token create") {
		t.Errorf("it stops with %v", err)
		_ = n.Close()
	}
	if members := c.Nodes[0].Raft.Members(); len(members) != 1 {
		t.Errorf("it was admitted: %+v", members)
	}
	open := join(func(cfg *node.Config) { cfg.Name, cfg.Exposed, cfg.Open = "open", true, true })
	nodetest.Must(t, open.URL+"/api/tournaments", nodetest.Object{"name": "Open"})

	edge := node.Config{Name: "e", Role: node.RoleEdge, HTTP: "127.0.0.1:0", Voters: 1, Upstreams: []string{c.Nodes[0].URL}, Exposed: true}
	if n, err := node.Open(t.Context(), edge, nodetest.Log(t), nodetest.Tick); err == nil || !strings.Contains(err.Error(), "--open") {
		n.Close()
		t.Errorf("an edge of a cluster without tokens: %v", err)
	}
	args := []string{"serve", "--name", "n", "--role", "recorder", "--data", t.TempDir(), "--bootstrap", "--token", "secret"}
	if code, _, stderr := runCommand(t.Context(), t, nil, args...); code != exitUsage || !strings.Contains(stderr, "--token") {
		t.Errorf("%v: exit %d\n%s", args, code, stderr)
	}
	// A token in the environment must not keep a node from its own file.
	both := node.Config{Token: nodetest.Token, TokenFile: filepath.Join(t.TempDir(), "token"), Bootstrap: true}
	if err := both.ReadToken(); err != nil || both.Token == nodetest.Token || !both.TokenMade {
		t.Errorf("with both, the token is %s, %v", both.Token, err)
	}
}

// TestTokenCommand does on the command line what an admin does.
func TestTokenCommand(t *testing.T) {
	c := nodetest.NewTokenCluster(t, 1)
	url := c.Nodes[0].URL
	run := func(want int, args ...string) (stdout, stderr string) {
		t.Helper()
		code, stdout, stderr := runCommand(t.Context(), t, map[string]string{"CHESSRELAY_TOKEN": nodetest.Token}, append([]string{"token"}, args...)...)
		if code != want {
			t.Fatalf("%v: exit %d\n%s%s", args, code, stdout, stderr)
		}
		return stdout, stderr
	}
	out, _ := run(exitDone, "create", url, "--name", "Arbiter Anna", "--role", "arbiter", "--round", c.Rounds[0], "--expires", "30d")
	token := strings.TrimSpace(out)
	id, _, ok := relay.SplitToken(token)
	if !ok {
		t.Fatalf("%q is no token", out)
	}
	c.Must(token, "/api/games/"+c.Games[0]+"/moves", nodetest.Object{"ply": 1, "move": "e4"})
	out, _ = run(exitDone, "list", url)
	for _, word := range []string{id, "Arbiter Anna", "arbiter", "round " + c.Rounds[0], "everything", "never"} {
		if !strings.Contains(out, word) {
			t.Errorf("%q is missing in\n%s", word, out)
		}
	}
	if strings.Contains(out, token) {
		t.Error("the list has the token")
	}
	run(exitDone, "revoke", url, id)
	if status, _ := c.Ask(token, http.MethodPost, "/api/games/"+c.Games[0]+"/moves", nodetest.Object{"ply": 2, "move": "e5"}); status != http.StatusUnauthorized {
		t.Errorf("revoked: %d", status)
	}
	if _, stderr := run(exitFailed, "revoke", url, "testtok1"); !strings.Contains(stderr, "last admin's token") {
		t.Errorf("the last admin's: %s", stderr)
	}
	run(exitUsage, "create", url, "--name", "x", "--role", "arbiter", "--expires", "soon")
	run(exitUsage, "create", url, "--role", "arbiter")
	if out, _ := run(exitDone, "generate"); len(strings.TrimSpace(out)) < 37 {
		t.Errorf("generated is %q", out)
	}
}
