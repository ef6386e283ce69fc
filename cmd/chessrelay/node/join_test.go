package node_test

import (
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/chessrelay/chessrelay/cmd/chessrelay/node"
	"github.com/chessrelay/chessrelay/cmd/chessrelay/node/nodetest"
	"github.com/chessrelay/chessrelay/consensus"
)

// TestClusterMovesToNewAddresses stops all nodes and gives each another --peer address. Started
// with otherwise the same command lines, they find one another through --join.
func TestClusterMovesToNewAddresses(t *testing.T) {
	t.Parallel()
	c := nodetest.NewCluster(t, 3)
	s := nodetest.FeedShort(t, c.Nodes[0].URL)
	for _, n := range c.Nodes {
		n.Kill()
	}
	for _, n := range c.Nodes {
		n.Config.Peer = nodetest.KeptAddress(t)
		n.Start()
	}
	for _, n := range c.Nodes {
		nodetest.Eventually(t, n.Config.Name+" to show the round", func() bool {
			return nodetest.Get(t, n.URL+"/api/rounds/"+string(s.Round)+"?consistency=linearizable", nil) == 200
		})
	}
}

// TestInvitationInAFile has the founder keep an invitation in a file. The other nodes wait for it,
// all as if other machines reached them. The invitation says that there are tokens. It stays while
// nodes can join by it, and a new one replaces it when it is revoked.
func TestInvitationInAFile(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "invitation")
	exposed := func(cfg *node.Config) {
		cfg.Exposed = true
		if cfg.Bootstrap {
			cfg.InviteTo = file
		} else {
			cfg.Join = file
		}
	}
	c := &nodetest.Cluster{T: t, Dir: t.TempDir(), With: exposed}
	t.Cleanup(func() {
		for _, n := range c.Nodes {
			n.Stop()
		}
	})
	founder := c.Add()
	c.Add()
	c.Add()
	members := func() (all []string) {
		for _, m := range founder.Raft.Members() {
			all = append(all, string(m.Name))
		}
		return all
	}
	nodetest.Eventually(t, "the three to be members", func() bool { return len(members()) == 3 })

	inFile := func() string {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		i, err := consensus.ParseInvitation(string(text))
		if err != nil {
			t.Fatal(err)
		}
		return i.ID
	}
	first := inFile()
	for range 3 {
		founder.Stop()
		founder.Start()
		nodetest.Eventually(t, "the founder to be ready", func() bool { return nodetest.Get(t, founder.URL+"/readyz", nil) == http.StatusOK })
	}
	if made := founder.Raft.Invitations(); len(made) != 1 || made[0].ID != first || inFile() != first {
		t.Errorf("after three restarts, %s is in the file, and there are %+v; it was %s", inFile(), made, first)
	}
	if err := founder.Raft.Revoke(t.Context(), first); err != nil {
		t.Fatal(err)
	}
	nodetest.Eventually(t, "another invitation", func() bool { return inFile() != first })
	c.Add()
	nodetest.Eventually(t, "the fourth to be a member", func() bool { return len(members()) == 4 })
}

// TestInviteFromElsewhereIsRefused: in a cluster without tokens, anybody who reaches the port may
// record moves. He must not become a member, or remove one.
func TestInviteFromElsewhereIsRefused(t *testing.T) {
	t.Parallel()
	c := nodetest.NewCluster(t, 1)
	for _, passedOn := range []string{"X-Forwarded-For", "Forwarded", "Via"} {
		for method, path := range map[string]string{
			"POST": "/api/cluster/members", "GET": "/api/cluster/invitations", "DELETE": "/api/cluster/members/recorder",
		} {
			r, err := http.NewRequestWithContext(t.Context(), method, c.Nodes[0].URL+path, strings.NewReader("{}"))
			if err != nil {
				t.Fatal(err)
			}
			r.Header.Set(passedOn, "192.0.2.7")
			res, err := http.DefaultClient.Do(r)
			if err != nil {
				t.Fatal(err)
			}
			if status := nodetest.Decode(t, res, nil); status != http.StatusForbidden {
				t.Errorf("%s %s through a proxy: %d", method, path, status)
			}
		}
	}
}

// TestDiscoveryShowsNoToken: a node that looks for other members asks at the URL of --join,
// long after it has joined. It does not show its token to the program that listens there now.
func TestDiscoveryShowsNoToken(t *testing.T) {
	asked := 0
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		asked++
		if r.Header.Get("Authorization") != "" {
			t.Errorf("%s %s shows the token", r.Method, r.URL)
		}
		_, _ = io.WriteString(w, `{"peer":"127.0.0.1:9"}`)
	}))
	defer s.Close()
	cfg := node.Config{Join: s.URL, Token: nodetest.Token}
	if at := cfg.MeetAt(t.Context()); asked != 1 || !slices.Equal(at, []string{"127.0.0.1:9"}) {
		t.Errorf("it has asked %d times, and looks at %q", asked, at)
	}
}
