package consensus

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/chessrelay/chessrelay/store"
)

func numbered(from, to int) []string {
	var out []string
	for i := from; i < to; i++ {
		out = append(out, fmt.Sprintf("move %d", i))
	}
	return out
}

func TestOneNodeKeepsWhatItAcknowledged(t *testing.T) {
	t.Parallel()
	for name, end := range map[string]func(*testNode){"close": (*testNode).stop, "kill": (*testNode).kill} {
		t.Run(name, func(t *testing.T) {
			c := newCluster(t, 1)
			n := c.nodes[0]
			var want []string
			for round := range 4 {
				for i, r := range n.propose(numbered(10*round, 10*round+10)...) {
					if r.Value != 10*round+i+1 {
						t.Fatalf("outcome %v of command %d", r.Value, 10*round+i)
					}
				}
				want = append(want, numbered(10*round, 10*round+10)...)
				id := n.ID()
				end(n)
				n.start()
				if n.ID() != id {
					t.Fatalf("member id %s became %s", id, n.ID())
				}
				c.waitSame(want)
			}
		})
	}
}

func TestThreeNodesAgree(t *testing.T) {
	t.Parallel()
	c := newCluster(t, 3)
	var want []string
	for i := range 60 { // every node takes proposals, and has applied those that it answers
		n := c.nodes[i%3]
		r := n.propose(fmt.Sprint(i))
		want = append(want, fmt.Sprint(i))
		got := n.list.all()
		// A proposal that is sent again after a leader was lost may be there twice.
		if distinct := slices.Compact(slices.Clone(got)); !slices.Equal(distinct, slices.Compact(slices.Clone(want))) {
			t.Fatalf("%s answered and holds %d of %d", n.cfg.Name, len(distinct), i+1)
		}
		want = got
		if r[0].Index == 0 || r[0].Term == 0 {
			t.Fatalf("outcome %+v", r[0])
		}
	}
	c.waitSame(want)
}

func TestConcurrentProposalsKeepTheirOrder(t *testing.T) {
	t.Parallel()
	c := newCluster(t, 3)
	var wg sync.WaitGroup
	for w := range 6 {
		wg.Go(func() {
			for i := 0; i < 50; i += 5 {
				var batch []string
				for j := range 5 {
					batch = append(batch, fmt.Sprintf("%d %d", w, i+j))
				}
				c.nodes[w%3].propose(batch...)
			}
		})
	}
	wg.Wait()
	// A command may be there twice: a node that gets no answer proposes it again.
	var all []string
	waitFor(t, "300 commands", func() bool {
		all = all[:0]
		for _, s := range c.nodes[0].list.all() {
			if !slices.Contains(all, s) {
				all = append(all, s)
			}
		}
		return len(all) == 300
	})
	next := map[int]int{}
	for _, s := range all {
		var w, i int
		if _, err := fmt.Sscanf(s, "%d %d", &w, &i); err != nil {
			t.Fatal(s, err)
		}
		if next[w] != i {
			t.Fatalf("of worker %d, %d came when %d was next", w, i, next[w])
		}
		next[w]++
	}
	c.waitAgree()
}

// TestKilledLeader proposes at a follower while leaders are killed one after another. Acknowledged
// commands must be on every node, in order of acknowledgement.
func TestKilledLeader(t *testing.T) {
	t.Parallel()
	c := newCluster(t, 3)
	acked := make(chan string, 1000)
	stop := make(chan struct{})
	var wg sync.WaitGroup
	wg.Go(func() {
		defer close(acked)
		for i := 0; ; i++ {
			select {
			case <-stop:
				return
			default:
			}
			s := fmt.Sprint(i)
			for { // at any running node: the present one may be killed
				ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
				n := c.nodes[i%3]
				err := ErrClosed
				if node := n.current(); node != nil {
					_, err = node.Propose(ctx, []byte(s))
				}
				cancel()
				if err == nil {
					break
				}
				if !errors.Is(err, ErrClosed) {
					t.Errorf("propose %s: %v", s, err)
					return
				}
				i++ // a new command at another node; the old one may or may not be applied
				s = fmt.Sprint(i)
				<-time.After(time.Millisecond)
			}
			acked <- s
		}
	})
	for range 4 {
		lead := c.leader()
		before := len(acked)
		lead.swap(func() { lead.kill() })
		waitFor(t, "acknowledgements without the old leader", func() bool { return len(acked) > before+20 })
		lead.swap(func() { lead.start() })
		waitFor(t, "the old leader to follow", func() bool { return lead.Leader() != 0 && lead.Applied()+5 >= c.leader().Applied() })
	}
	close(stop)
	wg.Wait()
	var want []string
	for s := range acked {
		want = append(want, s)
	}
	for _, n := range c.nodes {
		waitFor(t, "the last command at "+n.cfg.Name, func() bool { return slices.Contains(n.list.all(), want[len(want)-1]) })
		at := 0
		for _, s := range n.list.all() {
			if at < len(want) && s == want[at] {
				at++
			}
		}
		if at != len(want) {
			t.Fatalf("%s lost %q, which was acknowledged", n.cfg.Name, want[at])
		}
	}
}

// current and swap let a test propose at a node that another goroutine restarts.
func (n *testNode) current() *Node {
	nodeMu.Lock()
	defer nodeMu.Unlock()
	return n.Node
}

func (n *testNode) swap(f func()) {
	nodeMu.Lock()
	defer nodeMu.Unlock()
	f()
}

var nodeMu sync.Mutex

// TestLateVenueGetsASnapshot lets a node join when the log is compacted, while moves go on.
func TestLateVenueGetsASnapshot(t *testing.T) {
	t.Parallel()
	c := newCluster(t, 0)
	few := func(cfg *Config) { cfg.KeepEntries, cfg.CheckpointEvery = 20, 10 }
	first := c.add(few)
	first.propose(numbered(0, 200)...)
	waitFor(t, "the log to be cut", func() bool { return first.storage.entryLog.FirstIndex() > 100 })
	stop := make(chan struct{})
	var wg sync.WaitGroup
	wg.Go(func() {
		for i := 200; ; i++ {
			select {
			case <-stop:
				return
			default:
				first.propose(fmt.Sprintf("move %d", i))
			}
		}
	})
	for range 3 {
		n := c.add(few)
		waitFor(t, "the late node to catch up", func() bool { return len(n.list.all()) > 200 && n.Applied()+50 > first.Applied() })
	}
	close(stop)
	wg.Wait()
	c.waitAgree()
	waitFor(t, "three voters", func() bool { return len(votersOf(first)) == 3 })
	if got := suffrage(first, c.nodes[3].ID()); got != "learner" {
		t.Fatalf("the fourth node is a %s", got)
	}

	// A node that was away too long gets a snapshot, too.
	away := c.nodes[3]
	away.kill()
	for range 10 {
		first.propose(numbered(1000, 1030)...)
	}
	waitFor(t, "the log to be cut again", func() bool {
		// The log is compacted at a checkpoint, and not soon after the last snapshot.
		first.propose("more")
		return first.storage.entryLog.FirstIndex() > 300
	})
	away.start()
	c.waitAgree()
}

func votersOf(n *testNode) []string {
	var out []string
	for _, m := range status(n).Members {
		if m.Suffrage == "voter" {
			out = append(out, m.Name)
		}
	}
	return out
}

func TestRemovedNodeStopsWithItsReason(t *testing.T) {
	t.Parallel()
	c := newCluster(t, 4-1)
	gone := c.nodes[2]
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	if err := c.nodes[1].Remove(ctx, gone.ID()); err != nil {
		t.Fatal(err)
	}
	select {
	case <-gone.Done():
	case <-ctx.Done():
		t.Fatal("the removed node goes on")
	}
	if !errors.Is(gone.Err(), ErrRemoved) {
		t.Fatalf("it stopped with %v", gone.Err())
	}
	gone.stop()
	gone.list = &list{}
	if _, err := Open(ctx, gone.cfg); !errors.Is(err, ErrRemoved) || !strings.Contains(err.Error(), gone.cfg.Dir) {
		t.Fatalf("started again: %v", err)
	}
	c.nodes[0].propose("goes on")

	// Its id is never used again, even by a node that did not learn of the removal.
	if _, err := c.nodes[0].Admit(ctx, withKey(Member{ID: memberNamed(c.nodes[0], "node-2"), Name: "x", Role: Venue, Peer: "127.0.0.1:1"})); err == nil {
		t.Fatal("a removed id was admitted again")
	}
}

func memberNamed(n *testNode, name string) MemberID {
	n.roster.mu.RLock()
	defer n.roster.mu.RUnlock()
	for id, m := range n.roster.members {
		if m.Name == name {
			return id
		}
	}
	return 0
}

// TestRemovedWhileAway removes a node that is down. When it comes back, it is refused, and so
// learns of it.
func TestRemovedWhileAway(t *testing.T) {
	t.Parallel()
	c := newCluster(t, 3)
	gone := c.nodes[2]
	id := gone.ID()
	gone.kill()
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	if err := c.nodes[0].Remove(ctx, id); err != nil {
		t.Fatal(err)
	}
	gone.start()
	select {
	case <-gone.Done():
	case <-ctx.Done():
		t.Fatal("the removed node goes on")
	}
	if !errors.Is(gone.Err(), ErrRemoved) {
		t.Fatalf("it stopped with %v", gone.Err())
	}
}

// TestAllPeersReportTheRemovalAtOnce has every peer refuse a node at once, over both connections,
// as after an absence. It says why it stops, and does not fail because two goroutines write one
// file.
func TestAllPeersReportTheRemovalAtOnce(t *testing.T) {
	t.Parallel()
	n := newCluster(t, 1).nodes[0]
	var wg sync.WaitGroup
	for range 16 {
		wg.Go(func() { n.handleRefusedHello(reply{Code: replyRemoved}) })
	}
	wg.Wait()
	who, err := store.LoadIdentity(n.cfg.Dir)
	if err != nil || who.Removed == "" {
		t.Errorf("it has written down %+v (%v)", who, err)
	}
	if want := removedError(n.cfg.Dir, who).Error(); n.Err() == nil || n.Err().Error() != want {
		t.Errorf("it stopped with %v, not with %v", n.Err(), want)
	}
}

// TestMembersShareASecret checks that a cluster has one secret, also after a restart, and that
// another cluster has another one.
func TestMembersShareASecret(t *testing.T) {
	t.Parallel()
	c, other := newCluster(t, 2), newCluster(t, 1)
	secret := c.nodes[0].Secret()
	if secret == "" || secret == other.nodes[0].Secret() {
		t.Fatalf("the secret is %q, that of another cluster %q", secret, other.nodes[0].Secret())
	}
	for _, n := range c.nodes {
		if n.Secret() != secret {
			t.Errorf("%s has another secret", n.cfg.Name)
		}
		n.stop()
	}
	for _, n := range c.nodes {
		n.start()
		if n.Secret() != secret {
			t.Errorf("%s has come back with another secret", n.cfg.Name)
		}
	}
}

func TestNodeOfAnotherClusterIsRefused(t *testing.T) {
	t.Parallel()
	a, b := newCluster(t, 1), newCluster(t, 1)
	// b learns that a's node is one of its own.
	b.nodes[0].peers.learn(Member{ID: a.nodes[0].ID(), Name: "stranger", Role: Venue, Peer: a.nodes[0].PeerAddr()})
	r := b.nodes[0].peers.get(a.nodes[0].ID())
	if _, err := r.dial(t.Context(), channelAppend); err == nil || !strings.Contains(err.Error(), "no member of this cluster") {
		t.Fatalf("got %v", err)
	}
	n := a.nodes[0]
	self := n.ID()
	for _, c := range []struct {
		want string
		hello
		proof
	}{
		{replyWrongCluster, hello{Cluster: b.nodes[0].ClusterID(), From: self, To: self, Channel: channelAppend}, proof{member: self}},
		{replyWrongMember, hello{Cluster: n.ClusterID(), From: self, To: 42, Channel: channelAppend}, proof{member: self}},
		{replyBadHello, hello{Cluster: n.ClusterID(), From: self, To: self, Channel: "x"}, proof{member: self}},
		{replyBadHello, hello{Cluster: n.ClusterID(), To: self, Channel: channelAppend}, proof{}},
		{replyStranger, hello{Cluster: n.ClusterID(), From: self, To: self, Channel: channelAppend}, proof{member: 42}},
		{replyStranger, hello{Cluster: n.ClusterID(), From: 42, To: self, Channel: channelAppend}, proof{}},
		{replyOK, hello{Cluster: n.ClusterID(), From: self, To: self, Channel: channelControl}, proof{member: self}},
	} {
		if got := n.judgeHello(c.hello, c.proof); got.Code != c.want {
			t.Errorf("%+v with %+v: %q, want %q", c.hello, c.proof, got.Code, c.want)
		}
	}
}

func TestMembershipRefusals(t *testing.T) {
	t.Parallel()
	c := newCluster(t, 3)
	lead := c.leader()
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	refused := func(what string, err error, word string) {
		t.Helper()
		if !errors.Is(err, ErrMembership) || !strings.Contains(err.Error(), word) {
			t.Errorf("%s: %v, which should speak of %q", what, err, word)
		}
	}
	refused("remove the leader", c.nodes[1].Remove(ctx, lead.ID()), "leader")
	_, err := c.nodes[1].Admit(ctx, withKey(Member{ID: 77, Name: "node-2", Role: Venue, Peer: "127.0.0.1:1"}))
	refused("a name that is taken", err, "taken")
	_, err = c.nodes[1].Admit(ctx, withKey(Member{ID: 77, Name: "x", Role: "king", Peer: "127.0.0.1:1"}))
	refused("an unknown role", err, "role")
	if err := c.nodes[1].Remove(ctx, 12345); !errors.Is(err, ErrUnknownMember) {
		t.Errorf("remove a stranger: %v", err)
	}

	// With one of three down, the removal of another would leave no majority.
	var down, up *testNode
	for _, n := range c.nodes {
		if n != lead && down == nil {
			down = n
		} else if n != lead {
			up = n
		}
	}
	id := down.ID()
	down.kill()
	waitFor(t, "the leader to miss it", func() bool {
		for _, m := range status(lead).Members {
			if m.ID == id {
				return m.State == "unreachable"
			}
		}
		return false
	})
	refused("break the quorum", lead.Remove(ctx, up.ID()), "can be reached")
	if err := lead.Remove(ctx, id); err != nil {
		t.Errorf("remove the one that is down: %v", err)
	}
	lead.propose("goes on")
}

func TestTransferLeadership(t *testing.T) {
	t.Parallel()
	c := newCluster(t, 3)
	lead := c.leader()
	to := c.nodes[1]
	if to == lead {
		to = c.nodes[2]
	}
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	if err := lead.TransferLeadership(ctx, to.ID()); err != nil {
		t.Fatal(err)
	}
	to.propose("under the new leader")
	// A leader that stops transfers leadership by itself.
	began := time.Now()
	to.stop()
	c.nodes[0].propose("after the hand-over")
	t.Logf("the next proposal took %v", time.Since(began))
}

func TestReadIndexSeesWhatWasAcknowledgedElsewhere(t *testing.T) {
	t.Parallel()
	c := newCluster(t, 3)
	for i := range 30 {
		c.nodes[i%3].propose(fmt.Sprint(i))
		for _, n := range c.nodes {
			ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
			if err := n.ReadIndex(ctx); err != nil {
				t.Fatal(err)
			}
			cancel()
			if got := len(n.list.all()); got < i+1 {
				t.Fatalf("after ReadIndex %s holds %d of %d", n.cfg.Name, got, i+1)
			}
		}
	}
}

func TestWithoutMajority(t *testing.T) {
	t.Parallel()
	c := newCluster(t, 3)
	lead := c.leader()
	for _, n := range c.nodes {
		if n != lead {
			n.kill()
		}
	}
	ctx, cancel := context.WithTimeout(context.Background(), 100*time.Millisecond)
	defer cancel()
	if _, err := lead.Propose(ctx, []byte("x")); !errors.Is(err, ErrNoQuorum) {
		t.Fatalf("got %v", err)
	}
	waitFor(t, "the leader to step down", func() bool { return lead.Leader() == 0 })
	ctx, cancel = context.WithTimeout(context.Background(), 50*time.Millisecond)
	defer cancel()
	if _, err := lead.Propose(ctx, []byte("y")); !errors.Is(err, ErrNoLeader) {
		t.Fatalf("got %v", err)
	}
	if len(lead.list.all()) != 0 {
		t.Fatal("applied without a majority")
	}
}

func TestLimits(t *testing.T) {
	t.Parallel()
	c := newCluster(t, 1)
	if _, err := c.nodes[0].Propose(t.Context(), make([]byte, MaxCommand+1)); !errors.Is(err, ErrTooLarge) {
		t.Errorf("a huge command: %v", err)
	}
	if _, err := c.nodes[0].Propose(t.Context(), make([][]byte, maxProposal+1)...); !errors.Is(err, ErrTooLarge) {
		t.Errorf("a huge batch: %v", err)
	}
}

// TestAddressChanges starts a node at another port: the others find it.
func TestAddressChanges(t *testing.T) {
	t.Parallel()
	c := newCluster(t, 3)
	n := c.nodes[2]
	n.stop()
	n.cfg.ListenPeer = "127.0.0.1:0"
	n.start()
	c.nodes[0].propose("hello")
	c.waitSame([]string{"hello"})
	waitFor(t, "the new address to be known", func() bool {
		m, err := c.nodes[0].FindMember("node-2")
		return err == nil && m.Peer == n.PeerAddr()
	})
}

func TestOpenRefusals(t *testing.T) {
	t.Parallel()
	c := newCluster(t, 1)
	n := c.nodes[0]
	other := n.cfg
	other.Machine = &list{}
	if _, err := Open(t.Context(), other); err == nil || !strings.Contains(err.Error(), "in use") {
		t.Errorf("two nodes in one directory: %v", err)
	}
	n.stop()
	other.Name = "somebody else"
	if _, err := Open(t.Context(), other); err == nil || !strings.Contains(err.Error(), "node-0") {
		t.Errorf("another name: %v", err)
	}
	other.Dir, other.Bootstrap = filepath.Join(c.dir, "empty"), false
	if _, err := Open(t.Context(), other); err == nil || !strings.Contains(err.Error(), "--join") {
		t.Errorf("nothing to start: %v", err)
	}
}

// TestManyJoinAtOnce has several nodes ask at once. Raft makes one change after another; nobody
// must wait for a timeout.
func TestManyJoinAtOnce(t *testing.T) {
	t.Parallel()
	c := newCluster(t, 1)
	var wg sync.WaitGroup
	for i := range 8 {
		wg.Go(func() {
			ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
			defer cancel()
			m := withKey(Member{ID: MemberID(100 + i), Name: fmt.Sprint("joiner-", i), Role: Venue, Peer: fmt.Sprint("127.0.0.1:", i+1)})
			w, err := c.nodes[0].Admit(ctx, m)
			if err != nil || w.ClusterID != c.nodes[0].ClusterID() {
				t.Errorf("join %d: %v", i, err)
			}
		})
	}
	wg.Wait()
	if got := len(status(c.nodes[0]).Members); got != 9 {
		t.Errorf("%d members", got)
	}
}

func TestPromoteAndDemote(t *testing.T) {
	t.Parallel()
	c := newCluster(t, 3)
	lead := c.leader()
	fourth := c.add(nil)
	waitFor(t, "the fourth to be caught up", func() bool {
		for _, m := range status(lead).Members {
			if m.ID == fourth.ID() {
				return m.State == "replicate" && m.Suffrage == "learner"
			}
		}
		return false
	})
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
	defer cancel()
	if err := c.nodes[1].SetVoter(ctx, fourth.ID(), true); err != nil {
		t.Fatal(err)
	}
	waitFor(t, "four voters", func() bool { return len(votersOf(lead)) == 4 })
	var two []*testNode
	for _, n := range c.nodes {
		if n != lead && len(two) < 2 {
			two = append(two, n)
		}
	}
	for _, n := range two {
		if err := lead.SetVoter(ctx, n.ID(), false); err != nil {
			t.Fatal(err)
		}
	}
	// There are fewer voters than wanted, but demoted members stay learners.
	lead.propose(numbered(0, 20)...)
	if m, ok := lead.promotable(ctx); ok {
		t.Errorf("%s would be promoted", m.Name)
	}
	if got := votersOf(lead); len(got) != 2 {
		t.Fatalf("voters: %v", got)
	}
	if err := lead.SetVoter(ctx, lead.ID(), false); !errors.Is(err, ErrMembership) {
		t.Errorf("the leader lost its vote: %v", err)
	}
	if err := lead.SetVoter(ctx, two[0].ID(), false); !errors.Is(err, ErrMembership) {
		t.Errorf("a learner was demoted: %v", err)
	}
}

// TestMemberRemovesItself asks a node for its own removal: it answers, and stops.
func TestMemberRemovesItself(t *testing.T) {
	t.Parallel()
	c := newCluster(t, 3)
	lead := c.leader()
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
	defer cancel()
	for _, n := range c.nodes {
		if n != lead {
			if err := n.Remove(ctx, n.ID()); err != nil {
				t.Fatal(err)
			}
			<-n.Done()
			if !errors.Is(n.Err(), ErrRemoved) {
				t.Fatalf("it stopped with %v", n.Err())
			}
			return
		}
	}
}
