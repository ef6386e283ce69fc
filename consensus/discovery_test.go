package consensus

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"
)

// TestAllMembersAtNewAddresses moves every member to another address while all are down. Two of
// them are told where the first one is now, and they find one another.
func TestAllMembersAtNewAddresses(t *testing.T) {
	t.Parallel()
	c := newCluster(t, 3)
	c.nodes[0].propose("before")
	c.waitSame([]string{"before"})
	for _, n := range c.nodes {
		n.stop()
	}
	for _, n := range c.nodes {
		n.cfg.ListenPeer, n.cfg.Join, n.cfg.Bootstrap = keptAddress(t), nil, false
	}
	now := c.nodes[0].cfg.ListenPeer
	for i, n := range c.nodes {
		if i > 0 {
			n.cfg.Discover = func(context.Context) []string { return []string{keptAddress(t), now} }
		}
		n.start()
	}
	c.leader().propose("after")
	c.waitSame([]string{"before", "after"})
	for _, n := range c.nodes {
		waitFor(t, "the log to have the new address of "+n.cfg.Name, func() bool {
			m, _ := c.nodes[1].roster.get(n.ID())
			return m.Peer == n.PeerAddr()
		})
	}
}

// TestJoinWhileUnreachable has a node join that the leader cannot reach for a while. Meanwhile the
// node has no boards, knows no leader, and asks the only other member for members. It must still
// know that one afterwards, or it would refuse its snapshot.
func TestJoinWhileUnreachable(t *testing.T) {
	t.Parallel()
	c := newCluster(t, 1)
	c.nodes[0].propose("before")
	address := keptAddress(t) // nobody listens there yet
	asks := make(chan struct{})
	joined := c.add(func(cfg *Config) {
		cfg.AdvertisePeer = address
		cfg.Discover = func(ctx context.Context) []string {
			select {
			case asks <- struct{}{}:
			case <-ctx.Done():
			}
			return []string{c.nodes[0].PeerAddr()}
		}
	})
	for range 2 { // the second time it has the answer to the first
		<-asks
	}
	passOn(t, address, joined.listener.Addr().String())
	waitFor(t, "the node that joined to have the boards", func() bool {
		select {
		case <-asks:
		default:
		}
		return slices.Equal(joined.list.all(), []string{"before"})
	})
}

// passOn passes connections to one address on to another.
func passOn(t *testing.T, from, to string) {
	t.Helper()
	ln, err := net.Listen("tcp", from)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	var wg sync.WaitGroup
	wg.Go(func() {
		for {
			near, err := ln.Accept()
			if err != nil {
				return
			}
			far, err := net.Dial("tcp", to)
			if err != nil {
				near.Close()
				continue
			}
			context.AfterFunc(ctx, func() { near.Close(); far.Close() })
			wg.Go(func() { defer near.Close(); _, _ = io.Copy(near, far) })
			wg.Go(func() { defer far.Close(); _, _ = io.Copy(far, near) })
		}
	})
	t.Cleanup(func() { cancel(); ln.Close(); wg.Wait() })
}

// TestWipedFounderMakesNoCluster has a founder come back without its data, by its old command line.
// The others look for it, so it founds no cluster.
func TestWipedFounderMakesNoCluster(t *testing.T) {
	t.Parallel()
	c := newCluster(t, 3)
	founder := c.nodes[0]
	founder.kill()
	founder.cfg.FoundAfter = time.Minute
	if err := os.RemoveAll(founder.cfg.Dir); err != nil {
		t.Fatal(err)
	}
	silent, err := net.Listen("tcp", "127.0.0.1:0") // a port scan decides nothing
	if err != nil {
		t.Fatal(err)
	}
	defer silent.Close()
	founder.list = &list{}
	founder.cfg.Machine = founder.list
	_, err = Open(t.Context(), founder.cfg)
	if err == nil || !strings.Contains(err.Error(), "no new cluster is made") || !strings.Contains(err.Error(), c.nodes[1].ClusterID()) {
		t.Fatalf("it says %v", err)
	}
	if _, err := os.Stat(filepath.Join(founder.cfg.Dir, "boards")); err == nil {
		b, err := os.ReadFile(filepath.Join(founder.cfg.Dir, "identity.json"))
		if err != nil && !errors.Is(err, fs.ErrNotExist) || strings.Contains(string(b), `"joined": true`) {
			t.Errorf("it is a member of %s", b)
		}
	}
}

// TestFounderWithoutFormerMembers checks that a founder that nobody looks for founds its cluster.
func TestFounderWithoutFormerMembers(t *testing.T) {
	t.Parallel()
	at := keptAddress(t)
	stop := make(chan struct{})
	done := make(chan struct{})
	go func() {
		defer close(done)
		for {
			select {
			case <-stop:
				return
			default:
			}
			if c, err := net.Dial("tcp", at); err == nil {
				defer c.Close()
				<-stop
			}
		}
	}()
	n, err := Open(t.Context(), Config{
		Dir: t.TempDir(), Name: "a", Role: Recorder, ListenPeer: at, Bootstrap: true, Machine: &list{}, FoundAfter: 200 * time.Millisecond,
	})
	close(stop)
	<-done
	if err != nil {
		t.Fatal(err)
	}
	if err := n.Close(); err != nil {
		t.Error(err)
	}
}

// TestOldCopyOfADirectory puts a member's directory back to an older copy. The leader says so, and
// the node stops with an error. A leader that has come to lead meanwhile cannot know; then the test
// tries again.
func TestOldCopyOfADirectory(t *testing.T) {
	t.Parallel()
	c := newCluster(t, 3)
	for try := 0; ; try++ {
		lead, at := c.leader(), c.follower()
		at.stop()
		old := filepath.Join(c.dir, fmt.Sprint("old", try))
		if err := os.CopyFS(old, os.DirFS(at.cfg.Dir)); err != nil {
			t.Fatal(err)
		}
		at.start()
		lead.propose(numbered(0, 50)...)
		term := status(lead).Term
		waitFor(t, "the leader to have its word", func() bool { return matchOf(lead, at.ID()) == lead.Commit() || status(lead).Term != term })
		at.kill()
		if err := errors.Join(os.RemoveAll(at.cfg.Dir), os.CopyFS(at.cfg.Dir, os.DirFS(old))); err != nil {
			t.Fatal(err)
		}
		at.start()
		waitFor(t, "it to stop", func() bool { return at.Err() != nil || status(lead).Term != term })
		if at.Err() == nil {
			continue
		}
		if err := at.Err(); !strings.Contains(err.Error(), "is an older copy") || !strings.Contains(err.Error(), "acknowledged entry") {
			t.Errorf("it says %v", err)
		}
		lead.propose("goes on")
		return
	}
}

// TestCopyOfARunningMemberStops starts a second process on a copy of a running member's data
// directory. The copy is told to stop, and the member goes on.
func TestCopyOfARunningMemberStops(t *testing.T) {
	t.Parallel()
	c := newCluster(t, 3)
	at := c.follower()
	c.leader().propose(numbered(0, 50)...)
	waitFor(t, "it to have them", func() bool { return at.Applied() >= c.leader().Commit() })
	twin := &testNode{t: t, cfg: at.cfg}
	t.Cleanup(twin.stop)
	twin.cfg.Machine, twin.cfg.ListenPeer = &list{}, "127.0.0.1:0"
	waitFor(t, "a copy that is whole", func() bool { // files are written while they are copied
		twin.cfg.Dir = t.TempDir()
		if err := os.CopyFS(twin.cfg.Dir, os.DirFS(at.cfg.Dir)); err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
		defer cancel()
		var err error
		twin.Node, err = Open(ctx, twin.cfg)
		return err == nil
	})
	waitFor(t, "the copy to stop", func() bool { return twin.Err() != nil || at.Err() != nil })
	if err := twin.Err(); !errors.Is(err, ErrTwin) {
		t.Errorf("the copy says %v, the member %v", err, at.Err())
	}
	if err := at.Err(); err != nil {
		t.Fatal(err)
	}
	twin.stop()
	term := status(at).Term
	c.leader().propose("goes on")
	waitFor(t, "the member to have it", func() bool { return at.Applied() >= c.leader().Commit() || status(at).Term != term })
}

// matchOf is the match index of a member, as n knows it.
func matchOf(n *testNode, id MemberID) uint64 {
	for _, m := range status(n).Members {
		if m.ID == id {
			return m.Match
		}
	}
	return 0
}
