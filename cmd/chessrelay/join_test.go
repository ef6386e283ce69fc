package main

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/chessrelay/chessrelay/cmd/chessrelay/node"
	"github.com/chessrelay/chessrelay/cmd/chessrelay/node/nodetest"
	"github.com/chessrelay/chessrelay/consensus"
)

// TestInviteAndJoin prints an invitation. Two venues join with it, one by the word and one by a
// file.
func TestInviteAndJoin(t *testing.T) {
	c := nodetest.NewCluster(t, 1)
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	out, errs, code := command(ctx, "venue", "invite", c.Nodes[0].URL, "--uses", "2", "--expires", "1h")
	word := strings.TrimSpace(out)
	if code != 0 || !consensus.IsInvitation(word) || !strings.Contains(errs, "For 2 nodes until") {
		t.Fatalf("exit %d: %q, %q", code, out, errs)
	}
	file := filepath.Join(t.TempDir(), "invitation")
	if err := os.WriteFile(file, []byte(word+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, join := range []string{word, file} {
		c.With = func(cfg *node.Config) { cfg.Join = join }
		c.Add()
	}
	c.WaitVoters(3)
	if left := c.Nodes[0].Raft.Invitations(); len(left) != 0 {
		t.Errorf("left: %+v", left)
	}
	// A node without an invitation is refused with a sentence.
	cfg := c.Nodes[1].Config
	cfg.Name, cfg.Data, cfg.HTTP, cfg.Peer = "late", filepath.Join(c.Dir, "late"), nodetest.KeptAddress(t), nodetest.KeptAddress(t)
	if n, err := node.Open(ctx, cfg, nodetest.Log(t), nodetest.Tick); err == nil || !strings.Contains(err.Error(), "used up") {
		t.Errorf("it is told %v", err)
		_ = n.Close()
	}
}

// TestVenueAddPrintsNoToken: the line is for another machine, and needs nothing but the invitation
// in it.
func TestVenueAddPrintsNoToken(t *testing.T) {
	_, stdout, stderr := runCommand(t.Context(), t, map[string]string{"CHESSRELAY_TOKEN": nodetest.Token},
		"venue", "add", clusterOfTwo(t).URL, "--name", "oslo")
	if !strings.Contains(stdout, "--join cri1_x") || strings.Contains(stdout, nodetest.Token) || strings.Contains(stdout, "--token") {
		t.Errorf("got %q, %s", stdout, stderr)
	}
}

// TestJoinTakesAPeerAddress: on loopback HOST:PORT may be a member's URL or its --peer address.
func TestJoinTakesAPeerAddress(t *testing.T) {
	c := nodetest.NewCluster(t, 1)
	for join, want := range map[string]string{c.Nodes[0].URL: c.Nodes[0].Raft.PeerAddr(), c.Nodes[0].Config.Peer: c.Nodes[0].Config.Peer} {
		checked, err := checkJoin(join)
		if err != nil {
			t.Fatal(err)
		}
		cfg := node.Config{Join: checked}
		if at := cfg.MeetAt(t.Context()); len(at) != 1 || at[0] != want {
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
