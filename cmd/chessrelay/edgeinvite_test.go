package main

import (
	"context"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/chessrelay/chessrelay/cmd/chessrelay/node"
	"github.com/chessrelay/chessrelay/cmd/chessrelay/node/nodetest"
	"github.com/chessrelay/chessrelay/consensus"
	"github.com/chessrelay/chessrelay/relay"
)

// inviteEdge runs `edge invite` until the word names all nodes. They may not have met yet.
func inviteEdge(c *nodetest.Cluster, args ...string) (word string, i consensus.EdgeInvitation, told string) {
	c.T.Helper()
	nodetest.Eventually(c.T, "an invitation that names all members", func() bool {
		out, errs, code := command(c.T.Context(), append([]string{"edge", "invite", c.Nodes[0].URL}, args...)...)
		if code != 0 {
			c.T.Fatalf("exit %d: %s", code, errs)
		}
		var err error
		word, told = strings.TrimSpace(out), errs
		if i, err = consensus.ParseEdgeInvitation(word); err != nil {
			c.T.Fatal(err)
		}
		return len(i.Upstreams) == len(c.Nodes)
	})
	return word, i, told
}

// serveEdge runs `serve --role edge` with only the invitation, until the caller calls stop.
func serveEdge(t *testing.T, join string) (url string, stop func()) {
	t.Helper()
	at := nodetest.KeptAddress(t)
	ctx, cancel := context.WithCancel(t.Context())
	var running sync.WaitGroup
	running.Go(func() {
		if _, errs, code := command(ctx, "serve", "--role", "edge", "--name", "e", "--http", at, "--join", join); code != 0 {
			t.Errorf("serve: exit %d\n%s", code, errs)
		}
	})
	stop = sync.OnceFunc(func() { cancel(); running.Wait() })
	t.Cleanup(stop)
	return "http://" + at, stop
}

// TestEdgeInvitation starts an edge with only its invitation, in a cluster with tokens. The edge
// goes on when the member that made the invitation dies, until its token is revoked.
func TestEdgeInvitation(t *testing.T) {
	t.Parallel()
	c := nodetest.NewTokenCluster(t, 3)
	word, i, told := inviteEdge(c.Cluster, "--token", nodetest.Token, "--name", "the hall", "--expires", "30d")
	if i.Upstreams[0] != c.Nodes[0].URL || i.ClusterID != c.Nodes[0].Raft.ClusterID() || !strings.Contains(told, "Valid until") || !strings.Contains(told, "on this machine only") {
		t.Errorf("the invitation is %+v, and it is told %q", i, told)
	}
	id, _, _ := relay.SplitToken(i.Token)
	var made relay.Token
	c.Nodes[0].Boards.Read(func(_ uint64, s *relay.State) { made, _ = s.Token(id) })
	if made.Role != relay.RoleEdge || made.Name != "the hall" || made.ExpiresAt == 0 || !strings.Contains(told, id) {
		t.Errorf("the token is %+v, and it is told %q", made, told)
	}
	url, _ := serveEdge(t, word)
	follows := func(n *nodetest.Node) func() bool {
		return func() bool {
			var s struct{ Upstream struct{ Upstream string } }
			return n.Node != nil && nodetest.Get(t, url+"/api/cluster", &s) == http.StatusOK && s.Upstream.Upstream == n.URL
		}
	}
	nodetest.Eventually(t, "the edge to follow the first member", follows(c.Nodes[0]))
	there := strings.TrimPrefix(c.Nodes[0].URL, "http://")
	c.Nodes[0].Kill()
	// The program at that address now is asked to prove that it is a member. It sees no token.
	var asked, saw atomic.Int32
	l, err := net.Listen("tcp", there)
	if err != nil {
		t.Fatal(err)
	}
	liar := &http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		asked.Add(1)
		if r.Header.Get("Authorization") != "" {
			saw.Add(1)
		}
		http.NotFound(w, r)
	})}
	t.Cleanup(func() { liar.Close() })
	go func() { _ = liar.Serve(l) }()
	nodetest.Eventually(t, "the edge to follow another one", func() bool { return follows(c.Nodes[1])() || follows(c.Nodes[2])() })
	nodetest.Eventually(t, "the liar to be asked", func() bool { return asked.Load() > 0 })
	if n := saw.Load(); n > 0 {
		t.Errorf("the server saw the token %d times", n)
	}
	nodetest.Eventually(t, "the token to be revoked", func() bool {
		status, _ := c.Ask(nodetest.Token, http.MethodDelete, "/api/tokens/"+id, nil)
		return status == http.StatusOK
	})
	nodetest.Eventually(t, "the edge to be cut", func() bool { return nodetest.Get(t, url+"/readyz", nil) == http.StatusServiceUnavailable })
}

// TestEdgeInvitationWithoutTokens has no token in the invitation, and reads it from a file.
func TestEdgeInvitationWithoutTokens(t *testing.T) {
	c := nodetest.NewCluster(t, 1)
	word, i, told := inviteEdge(c)
	if i.Token != "" || !strings.Contains(told, "no tokens") {
		t.Errorf("the invitation is %+v, and it is told %q", i, told)
	}
	file := filepath.Join(t.TempDir(), "invitation")
	if err := os.WriteFile(file, []byte(word+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	url, stop := serveEdge(t, file)
	nodetest.Eventually(t, "the edge to be ready", func() bool { return nodetest.Get(t, url+"/readyz", nil) == http.StatusOK })
	stop()
	// A token from the environment is for the commands of that shell; the invitation's is for the
	// edge.
	cfg := node.Config{Join: consensus.EdgeInvitation{ClusterID: i.ClusterID, Authority: i.Authority, Upstreams: i.Upstreams, Token: "cr_invited1_" + strings.Repeat("A", 26)}.String(), Token: nodetest.Token}
	if err := joinEdge(&cfg, true); err != nil || !strings.HasPrefix(cfg.Token, "cr_invited1_") || !cfg.Invited {
		t.Errorf("%v: it would show %s", err, cfg.Token)
	}
	// Other flags win.
	cfg = node.Config{Join: word, Upstreams: []string{"http://hall"}, Token: nodetest.Token}
	if err := joinEdge(&cfg, false); err != nil || !slices.Equal(cfg.Upstreams, []string{"http://hall"}) || cfg.Token != nodetest.Token || cfg.Voucher.ClusterID != i.ClusterID {
		t.Errorf("%v: it would follow %v", err, cfg.Upstreams)
	}
}

// TestInviteEdgeRefused checks who may not invite edges.
func TestInviteEdgeRefused(t *testing.T) {
	c := nodetest.NewTokenCluster(t, 1)
	organiser, _ := c.MakeToken("organiser", nil)
	for token, want := range map[string]int{"": http.StatusUnauthorized, organiser: http.StatusForbidden} {
		if status, out := c.Ask(token, http.MethodPost, "/api/cluster/edges", nodetest.Object{}); status != want || out["invitation"] != nil {
			t.Errorf("%q: %d %v", token, status, out)
		}
	}
	open := nodetest.NewCluster(t, 1).Nodes[0]
	r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, open.URL+"/api/cluster/edges", strings.NewReader("{}"))
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("X-Forwarded-For", "192.0.2.7")
	res, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	if status := nodetest.Decode(t, res, nil); status != http.StatusForbidden {
		t.Errorf("through a proxy: %d", status)
	}
}
