package main

import (
	"context"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/chessrelay/chessrelay/consensus"
)

// TestClusterMovesToNewAddresses stops all nodes and gives each another --peer address. Started by
// the same lines otherwise, they find one another through --join.
func TestClusterMovesToNewAddresses(t *testing.T) {
	t.Parallel()
	c := newTestCluster(t, 3)
	s := feedSample(t, c.nodes[0].url)
	for _, n := range c.nodes {
		n.kill()
	}
	for _, n := range c.nodes {
		n.cfg.Peer = keptAddress(t)
		n.start()
	}
	for _, n := range c.nodes {
		eventually(t, n.cfg.Name+" to show the round", func() bool {
			return get(t, n.url+"/api/rounds/"+string(s.Round)+"?consistency=linearizable", nil) == 200
		})
	}
}

// TestInviteAndJoin prints an invitation. Two venues join with it, one by the word and one by a
// file.
func TestInviteAndJoin(t *testing.T) {
	c := newTestCluster(t, 1)
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	out, errs, code := command(ctx, "venue", "invite", c.nodes[0].url, "--uses", "2", "--expires", "1h")
	word := strings.TrimSpace(out)
	if code != 0 || !consensus.IsInvitation(word) || !strings.Contains(errs, "For 2 nodes until") {
		t.Fatalf("exit %d: %q, %q", code, out, errs)
	}
	file := filepath.Join(t.TempDir(), "invitation")
	if err := os.WriteFile(file, []byte(word+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, join := range []string{word, file} {
		c.with = func(cfg *serveConfig) { cfg.Join = join }
		c.add()
	}
	c.waitVoters(3)
	if left := c.nodes[0].raft.Invitations(); len(left) != 0 {
		t.Errorf("left: %+v", left)
	}
	// A node that has none is refused with a sentence.
	cfg := c.nodes[1].cfg
	cfg.Name, cfg.Data, cfg.HTTP, cfg.Peer = "late", filepath.Join(c.dir, "late"), keptAddress(t), keptAddress(t)
	if n, err := openNode(ctx, cfg, testLog(t), testTick); err == nil || !strings.Contains(err.Error(), "used up") {
		t.Errorf("it is told %v", err)
		_ = n.Close()
	}
}

// TestInvitationInAFile has the founder keep an invitation in a file that other nodes wait for, all
// of them as if other machines reached them. It says that there are tokens. It stays while nodes
// can join by it, and another one takes its place when it is revoked.
func TestInvitationInAFile(t *testing.T) {
	file := filepath.Join(t.TempDir(), "invitation")
	exposed := func(cfg *serveConfig) {
		if cfg.exposed = true; cfg.Bootstrap {
			cfg.InviteTo = file
		} else {
			cfg.Join = file
		}
	}
	c := &testCluster{t: t, dir: t.TempDir(), with: exposed}
	t.Cleanup(func() {
		for _, n := range c.nodes {
			n.stop()
		}
	})
	founder := c.add()
	c.add()
	c.add()
	members := func() (all []string) {
		for _, m := range founder.raft.Members() {
			all = append(all, string(m.Name))
		}
		return all
	}
	eventually(t, "the three to be members", func() bool { return len(members()) == 3 })

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
		founder.stop()
		founder.start()
		eventually(t, "the founder to be ready", func() bool { return get(t, founder.url+"/readyz", nil) == http.StatusOK })
	}
	if made := founder.raft.Invitations(); len(made) != 1 || made[0].ID != first || inFile() != first {
		t.Errorf("after three restarts, %s is in the file, and there are %+v; it was %s", inFile(), made, first)
	}
	if err := founder.raft.Revoke(t.Context(), first); err != nil {
		t.Fatal(err)
	}
	eventually(t, "another invitation", func() bool { return inFile() != first })
	c.add()
	eventually(t, "the fourth to be a member", func() bool { return len(members()) == 4 })
}

// TestInviteFromElsewhere: in a cluster without tokens whoever reaches the port may record moves,
// and must not become a member, nor remove one.
func TestInviteFromElsewhere(t *testing.T) {
	c := newTestCluster(t, 1)
	for _, passedOn := range []string{"X-Forwarded-For", "Forwarded", "Via"} {
		for method, path := range map[string]string{
			"POST": "/api/cluster/members", "GET": "/api/cluster/invitations", "DELETE": "/api/cluster/members/recorder",
		} {
			r, err := http.NewRequestWithContext(t.Context(), method, c.nodes[0].url+path, strings.NewReader("{}"))
			if err != nil {
				t.Fatal(err)
			}
			r.Header.Set(passedOn, "192.0.2.7")
			res, err := http.DefaultClient.Do(r)
			if err != nil {
				t.Fatal(err)
			}
			if status := decode(t, res, nil); status != http.StatusForbidden {
				t.Errorf("%s %s through a proxy: %d", method, path, status)
			}
		}
	}
}

// TestAddTellsNoToken: the line is for another machine, and the invitation in it is all that is
// needed.
func TestAddTellsNoToken(t *testing.T) {
	_, stdout, stderr := runCommand(t.Context(), t, map[string]string{"CHESSRELAY_TOKEN": testToken},
		"venue", "add", clusterOfTwo(t).URL, "--name", "oslo")
	if !strings.Contains(stdout, "--join cri1_x") || strings.Contains(stdout, testToken) || strings.Contains(stdout, "--token") {
		t.Errorf("got %q, %s", stdout, stderr)
	}
}

// TestMeetAtAPeerAddress: on loopback HOST:PORT may be a member's URL or its --peer address.
func TestMeetAtAPeerAddress(t *testing.T) {
	c := newTestCluster(t, 1)
	for join, want := range map[string]string{c.nodes[0].url: c.nodes[0].raft.PeerAddr(), c.nodes[0].cfg.Peer: c.nodes[0].cfg.Peer} {
		checked, err := checkJoin(join)
		if err != nil {
			t.Fatal(err)
		}
		cfg := serveConfig{Join: checked}
		if at := cfg.meetAt(t.Context()); len(at) != 1 || at[0] != want {
			t.Errorf("--join %s: %v", join, at)
		}
	}
}

func TestCheckJoin(t *testing.T) {
	for join, want := range map[string]string{
		"http://127.0.0.1:8080": "", "localhost:8080": "", "http://[::1]:8080": "", "/invite/venues": "", "hall:9080": "",
		"http://hall:8080": "elsewhere", "https://10.0.0.1": "elsewhere", "cri1_": "cut off", "cri1_AAAA": "cut off",
	} {
		_, err := checkJoin(join)
		if (err == nil) != (want == "") || err != nil && !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v", join, err)
		}
	}
}

// TestLookingForMembersShowsNoToken: a node that looks for other members asks at the URL of --join,
// long after it has joined. It does not show its token to the program that listens there now.
func TestLookingForMembersShowsNoToken(t *testing.T) {
	asked := 0
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		asked++
		if r.Header.Get("Authorization") != "" {
			t.Errorf("%s %s shows the token", r.Method, r.URL)
		}
		_, _ = io.WriteString(w, `{"peer":"127.0.0.1:9"}`)
	}))
	defer s.Close()
	cfg := serveConfig{Join: s.URL, Token: testToken}
	if at := cfg.meetAt(t.Context()); asked != 1 || !slices.Equal(at, []string{"127.0.0.1:9"}) {
		t.Errorf("it has asked %d times, and looks at %q", asked, at)
	}
}
