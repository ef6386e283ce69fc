package consensus

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/chessrelay/chessrelay/store"
)

// follower returns a node that does not lead.
func (c *testCluster) follower() *testNode {
	c.t.Helper()
	lead := c.leader()
	for _, n := range c.nodes {
		if n != lead {
			return n
		}
	}
	c.t.Fatal("there is no follower")
	return nil
}

func within(t *testing.T, d time.Duration) context.Context {
	ctx, cancel := context.WithTimeout(context.Background(), d)
	t.Cleanup(cancel)
	return ctx
}

// TestSameMemberAsksTwice has a node ask again, elsewhere, before it has heard
// the first answer. It is admitted once, and told so each time.
func TestSameMemberAsksTwice(t *testing.T) {
	c := newCluster(t, 3)
	lead, at := c.leader(), c.follower()
	m := Member{ID: 77, Name: "joiner", Role: Venue, Peer: "127.0.0.1:1"}
	ctx := within(t, 20*time.Second)
	var wg sync.WaitGroup
	for i := range 8 {
		wg.Go(func() {
			if _, err := []*testNode{at, lead}[i%2].Admit(ctx, m); err != nil {
				t.Errorf("admit: %v", err)
			}
		})
	}
	wg.Wait()
}

// gated is a state machine that applies nothing until its gate is opened.
type gated struct {
	list
	gate chan struct{}
}

func (g *gated) Apply(b []Command) { <-g.gate; g.list.Apply(b) }

// TestSlowNodeLearnsThatItsChangeWasMade asks a node that is behind for a removal.
// It asks the leader again while the change is in force already.
func TestSlowNodeLearnsThatItsChangeWasMade(t *testing.T) {
	c := newCluster(t, 3)
	ctx := within(t, 20*time.Second)
	lead, at := c.leader(), c.follower()
	if _, err := lead.Admit(ctx, Member{ID: 77, Name: "x", Role: Venue, Peer: "127.0.0.1:1"}); err != nil {
		t.Fatal(err)
	}
	waitFor(t, "the member to be known", func() bool { _, ok := at.roster.get(77); return ok })
	at.kill()
	g := &gated{gate: make(chan struct{})}
	at.cfg.Machine = g
	node, err := Open(ctx, at.cfg)
	if err != nil {
		t.Fatal(err)
	}
	at.Node = node
	waitFor(t, "a leader", func() bool { return node.Leader() != 0 })
	lead.propose("a move that the slow node has yet to apply")
	time.AfterFunc(3*node.cfg.electionTimeout(), func() { close(g.gate) }) // after its first retry
	if err := node.Remove(ctx, 77); err != nil {
		t.Errorf("the removal was carried out, and reported as: %v", err)
	}
}

// TestSlowNodeDoesNotMultiplyItsProposals proposes at a node that is behind for
// many election timeouts. What it proposed is on its way, and not lost.
func TestSlowNodeDoesNotMultiplyItsProposals(t *testing.T) {
	c := newCluster(t, 3)
	lead, at := c.leader(), c.follower()
	at.kill()
	g := &gated{gate: make(chan struct{})}
	at.cfg.Machine = g
	node, err := Open(within(t, 20*time.Second), at.cfg)
	if err != nil {
		t.Fatal(err)
	}
	at.Node = node
	waitFor(t, "a leader", func() bool { return node.Leader() != 0 })
	lead.propose("first") // the slow node's apply loop stops at this one
	waitFor(t, "the slow node to know of it", func() bool { return node.Commit() >= lead.Commit() })
	time.AfterFunc(12*node.cfg.electionTimeout(), func() { close(g.gate) })
	if _, err := node.Propose(within(t, 20*time.Second), []byte("slow")); err != nil {
		t.Fatal(err)
	}
	copies := 0
	for _, s := range lead.list.all() {
		if s == "slow" {
			copies++
		}
	}
	if copies > 2 { // one for the first time-out, when it may be lost for all the node knows
		t.Errorf("it stands in the log %d times", copies)
	}
}

// TestAdmittedButEmptyAtAnotherAddress restarts a node that was admitted and has
// had no boards yet, so that it knows nobody, at another address.
func TestAdmittedButEmptyAtAnotherAddress(t *testing.T) {
	c := newCluster(t, 1)
	lead := c.nodes[0]
	lead.propose(numbered(0, 10)...)
	lead.storage.needIndex.Store(1 << 60) // no snapshot for the moment
	n := c.add(nil)
	n.kill()
	n.cfg.ListenPeer = "127.0.0.1:0"
	n.start()
	lead.storage.needIndex.Store(0)
	waitFor(t, "the node to get the boards", func() bool { return len(n.list.all()) == 10 })
}

// TestHalfFoundedDirectoryJoinsNothing: the crash came in the middle of
// founding a cluster, and the operator uses the directory to join another one.
func TestHalfFoundedDirectoryJoinsNothing(t *testing.T) {
	c := newCluster(t, 1)
	half := c.add(func(cfg *Config) { cfg.Bootstrap, cfg.Join = true, nil })
	half.kill()
	who, err := store.LoadIdentity(half.cfg.Dir)
	if err != nil {
		t.Fatal(err)
	}
	who.Joined = false
	if err := store.SaveIdentity(half.cfg.Dir, who); err != nil {
		t.Fatal(err)
	}
	cfg := half.cfg
	cfg.Bootstrap, cfg.Machine = false, &list{}
	cfg.Join = func(ctx context.Context, self Member) (Welcome, error) { return c.nodes[0].Admit(ctx, self) }
	if _, err := Open(t.Context(), cfg); err == nil || !strings.Contains(err.Error(), "empty directory") {
		t.Errorf("it joined, or failed without a reason: %v", err)
	}
}

// TestBothFilesGone refuses to start a voter that has forgotten its votes.
func TestBothFilesGone(t *testing.T) {
	c := newCluster(t, 3)
	n := c.nodes[2]
	n.propose(numbered(0, 30)...)
	n.stop()
	for _, f := range []string{logFile, boardsFile} {
		if err := os.Remove(filepath.Join(n.cfg.Dir, f)); err != nil {
			t.Fatal(err)
		}
	}
	n.cfg.Machine = &list{}
	if _, err := Open(t.Context(), n.cfg); err == nil || !strings.Contains(err.Error(), "gone") {
		t.Errorf("it started, or failed without a reason: %v", err)
	}
}

// TestUpdateKeepsADemotion announces a new address by what a node knew before
// it was demoted.
func TestUpdateKeepsADemotion(t *testing.T) {
	c := newCluster(t, 3)
	ctx := within(t, 20*time.Second)
	lead, v := c.leader(), c.follower()
	stale := v.as(Member{})
	stale.HTTP = "http://new"
	if err := lead.SetVoter(ctx, v.ID(), false); err != nil {
		t.Fatal(err)
	}
	if err := v.change(ctx, memberChange{opUpdate, stale}); err != nil {
		t.Fatal(err)
	}
	if m, _ := lead.roster.get(v.ID()); !m.Learner {
		t.Errorf("the demotion was undone: %+v", m)
	}
}

// TestTheSilentAreNotHealthy has a member that never said a word: it is not
// counted on, in a promotion or when another one is to go.
func TestTheSilentAreNotHealthy(t *testing.T) {
	c := newCluster(t, 1)
	lead := c.nodes[0]
	ctx := within(t, 20*time.Second)
	if _, err := lead.Admit(ctx, Member{ID: 77, Name: "x", Role: Venue, Peer: "127.0.0.1:1"}); err != nil {
		t.Fatal(err)
	}
	if lead.reachable(77) {
		t.Error("it is taken for reachable")
	}
	if err := lead.SetVoter(ctx, 77, true); !errors.Is(err, ErrMembership) {
		t.Errorf("it was made a voter: %v", err)
	}
	lead.propose("goes on")
}

// TestTransferToTheDead must not hold up the moves.
func TestTransferToTheDead(t *testing.T) {
	c := newCluster(t, 3)
	lead, dead := c.leader(), c.follower()
	id := dead.ID()
	dead.kill()
	waitFor(t, "the leader to miss it", func() bool { return !lead.reachable(id) })
	if err := lead.TransferLeadership(within(t, 20*time.Second), id); !errors.Is(err, ErrMembership) {
		t.Errorf("got %v", err)
	}
	lead.propose("goes on")
}

// TestReplicatorOfARemovedMemberEnds: a node that was away hears of a removal
// by a snapshot.
func TestReplicatorOfARemovedMemberEnds(t *testing.T) {
	c := newCluster(t, 0)
	few := func(cfg *Config) { cfg.KeepEntries, cfg.CheckpointEvery = 20, 10 }
	for range 4 {
		c.add(few)
	}
	lead := c.nodes[0]
	waitFor(t, "three voters", func() bool { return len(votersOf(lead)) == 3 })
	var away, gone *testNode
	for _, n := range c.nodes[1:] {
		if suffrage(lead, n.ID()) == "learner" {
			away = n
		} else {
			gone = n
		}
	}
	waitFor(t, "the learner to know the other", func() bool { return away.peers.get(gone.ID()) != nil })
	id := gone.ID()
	away.stop()
	if err := lead.Remove(within(t, 20*time.Second), id); err != nil {
		t.Fatal(err)
	}
	gone.stop()
	for range 10 {
		lead.propose(numbered(0, 30)...)
	}
	waitFor(t, "the log to be cut", func() bool { return lead.storage.Log.FirstIndex() > 100 })
	away.start()
	waitFor(t, "the learner to catch up", func() bool { return away.Applied() == lead.Applied() })
	waitFor(t, "the replicator to end", func() bool { return away.peers.get(id) == nil })
}

// TestCloseDuringChanges closes nodes while their membership changes; the race
// detector and goleak judge.
func TestCloseDuringChanges(t *testing.T) {
	for i := range 12 {
		n, err := Open(t.Context(), Config{
			Dir: t.TempDir(), Name: "a", Role: Recorder, ListenPeer: "127.0.0.1:0", Bootstrap: true,
			Machine: &list{}, Tick: 15 * time.Millisecond,
		})
		if err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithCancel(context.Background())
		var wg sync.WaitGroup
		for j := range 4 {
			wg.Go(func() {
				for k := 0; ctx.Err() == nil; k++ {
					m := Member{ID: MemberID(100*j + k + 1), Name: fmt.Sprint("j", j, "-", k), Role: Venue, Peer: "127.0.0.1:1"}
					if _, err := n.Admit(ctx, m); err != nil {
						return
					}
				}
			})
		}
		waitFor(t, "some changes", func() bool { return n.Applied() > uint64(4+i) })
		if i%2 == 0 {
			n.Halt(errKilled)
		}
		if err := n.Close(); err != nil {
			t.Error(err)
		}
		cancel()
		wg.Wait()
	}
}

func TestNameThatIsNotUTF8(t *testing.T) {
	_, err := Open(t.Context(), Config{
		Dir: t.TempDir(), Name: "a\xff", Role: Recorder, ListenPeer: "127.0.0.1:0", Bootstrap: true, Machine: &list{},
	})
	if err == nil || !strings.Contains(err.Error(), "UTF-8") {
		t.Errorf("got %v", err)
	}
}
