package consensus

import (
	"bufio"
	"bytes"
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
	"go.etcd.io/raft/v3"
	"go.etcd.io/raft/v3/tracker"
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

func within(t testing.TB, d time.Duration) context.Context {
	ctx, cancel := context.WithTimeout(context.Background(), d)
	t.Cleanup(cancel)
	return ctx
}

// TestSameMemberJoinsTwice has a node ask two members before it hears the first answer. It is
// admitted once, and both say so.
func TestSameMemberJoinsTwice(t *testing.T) {
	t.Parallel()
	c := newCluster(t, 3)
	lead, at := c.leader(), c.follower()
	m := withKey(Member{ID: 77, Name: "joiner", Role: Venue, Peer: "127.0.0.1:1"})
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

// gatedMachine is a state machine that applies nothing until its gate is opened.
type gatedMachine struct {
	list
	gate chan struct{}
}

func (g *gatedMachine) Apply(b []Command) { <-g.gate; g.list.Apply(b) }

// TestSlowNodeLearnsOfItsChange asks a node that is behind for a removal. The leader
// changes when the removal is in force, so the node asks the new one again.
func TestSlowNodeLearnsOfItsChange(t *testing.T) {
	t.Parallel()
	c := newCluster(t, 3)
	ctx := within(t, 20*time.Second)
	lead, at := c.leader(), c.follower()
	if _, err := lead.Admit(ctx, withKey(Member{ID: 77, Name: "x", Role: Venue, Peer: "127.0.0.1:1"})); err != nil {
		t.Fatal(err)
	}
	waitFor(t, "the member to be known", func() bool { _, ok := at.roster.get(77); return ok })
	at.kill()
	g := &gatedMachine{gate: make(chan struct{})}
	at.cfg.Machine = g
	node, err := Open(ctx, at.cfg)
	if err != nil {
		t.Fatal(err)
	}
	at.Node = node
	waitFor(t, "a leader", func() bool { return node.Leader() == lead.ID() })
	lead.propose("a move that the slow node has yet to apply")
	removed := make(chan error, 1)
	go func() { removed <- node.Remove(ctx, 77) }()
	waitFor(t, "the removal to be in force", func() bool { m, _ := lead.roster.get(77); return m.Removed })
	for _, n := range c.nodes {
		if n != lead && n != at {
			if err := lead.TransferLeadership(ctx, n.ID()); err != nil {
				t.Fatal(err)
			}
			waitFor(t, "the slow node to know the new leader", func() bool { return node.Leader() == n.ID() })
		}
	}
	// It has asked again by then.
	time.AfterFunc(2*node.cfg.electionTimeout(), func() { close(g.gate) })
	if err := <-removed; err != nil {
		t.Errorf("the removal was carried out, and reported as: %v", err)
	}
	waitFor(t, "the gate to be open", func() bool { return len(g.all()) > 0 })
}

// TestSlowNodeDoesNotMultiplyItsProposals proposes at a node that is behind for many election
// timeouts. Its proposal is on its way, and not lost.
func TestSlowNodeDoesNotMultiplyItsProposals(t *testing.T) {
	t.Parallel()
	c := newCluster(t, 3)
	lead, at := c.leader(), c.follower()
	at.kill()
	g := &gatedMachine{gate: make(chan struct{})}
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
	waitFor(t, "the leader to apply it, too", func() bool { return lead.Applied() >= node.Applied() })
	copies := 0
	for _, s := range lead.list.all() {
		if s == "slow" {
			copies++
		}
	}
	if copies < 1 || copies > 2 { // a second one after the first timeout, when it may be lost
		t.Errorf("it stands in the log %d times", copies)
	}
}

// TestAdmittedMemberWithoutBoardsMoves restarts a node at another address. It was admitted and has
// no boards, so it knows nobody.
func TestAdmittedMemberWithoutBoardsMoves(t *testing.T) {
	t.Parallel()
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

// TestHalfFoundedDirectoryJoinsNothing joins a cluster with a directory in which the founding of
// another one was interrupted.
func TestHalfFoundedDirectoryJoinsNothing(t *testing.T) {
	t.Parallel()
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
	cfg.Join = func(ctx context.Context, self Applicant) (Welcome, error) { return c.nodes[0].Admit(ctx, self.Member) }
	if _, err := Open(t.Context(), cfg); err == nil || !strings.Contains(err.Error(), "empty directory") {
		t.Errorf("it joined, or failed without a reason: %v", err)
	}
}

// TestLogAndBoardsLost checks that a voter without its votes does not start.
func TestLogAndBoardsLost(t *testing.T) {
	t.Parallel()
	c := newCluster(t, 3)
	n := c.nodes[2]
	n.propose(numbered(0, 30)...)
	n.stop()
	if err := errors.Join(os.RemoveAll(filepath.Join(n.cfg.Dir, logDir)), os.Remove(filepath.Join(n.cfg.Dir, boardsFile))); err != nil {
		t.Fatal(err)
	}
	for _, left := range []string{"nothing", "an empty directory"} {
		if left != "nothing" {
			if err := os.Mkdir(filepath.Join(n.cfg.Dir, logDir), 0o700); err != nil {
				t.Fatal(err)
			}
		}
		n.cfg.Machine = &list{}
		if _, err := Open(t.Context(), n.cfg); err == nil || !strings.Contains(err.Error(), "gone") {
			t.Errorf("with %s in the log's place it started, or failed without a reason: %v", left, err)
		}
	}
}

// TestUpdateKeepsADemotion announces a new address with what a node knew before its demotion.
func TestUpdateKeepsADemotion(t *testing.T) {
	t.Parallel()
	c := newCluster(t, 3)
	ctx := within(t, 20*time.Second)
	lead, v := c.leader(), c.follower()
	stale := v.currentSelf(Member{})
	stale.HTTP = "http://new"
	if err := lead.SetVoter(ctx, v.ID(), false); err != nil {
		t.Fatal(err)
	}
	if err := v.change(ctx, memberChange{Op: opUpdate, Member: stale}); err != nil {
		t.Fatal(err)
	}
	if m, _ := lead.roster.get(v.ID()); !m.Learner {
		t.Errorf("the demotion was undone: %+v", m)
	}
}

// TestUpdateEntersTheLogOnce has a node far behind. It does not find its new address in its roster
// yet, and announces it at each turn of its policy loop.
func TestUpdateEntersTheLogOnce(t *testing.T) {
	t.Parallel()
	c := newCluster(t, 3)
	ctx := within(t, 20*time.Second)
	lead, v := c.leader(), c.follower()
	moved := v.currentSelf(Member{})
	moved.HTTP = "http://new"
	v.kill() // otherwise it would announce its own
	var last [2]uint64
	for i := range last {
		if err := lead.change(ctx, memberChange{Op: opUpdate, Member: moved}); err != nil {
			t.Fatal(err)
		}
		last[i] = lead.storage.entryLog.LastIndex()
	}
	if last[0] != last[1] {
		t.Errorf("announced again, it became another entry: the log went from %d to %d", last[0], last[1])
	}
}

// TestSilentMemberIsNotHealthy has a member that has never been heard from. It counts neither for a
// promotion nor for a removal.
func TestSilentMemberIsNotHealthy(t *testing.T) {
	t.Parallel()
	c := newCluster(t, 1)
	lead := c.nodes[0]
	ctx := within(t, 20*time.Second)
	if _, err := lead.Admit(ctx, withKey(Member{ID: 77, Name: "x", Role: Venue, Peer: "127.0.0.1:1"})); err != nil {
		t.Fatal(err)
	}
	if lead.reachable(77) {
		t.Error("it is taken for reachable")
	}
	if err := lead.SetVoter(ctx, 77, true); !errors.Is(err, ErrMembership) {
		t.Errorf("it was made a voter: %v", err)
	}
	// Raft may still take it for caught up, as nothing was sent to it since.
	m, _ := lead.roster.get(77)
	var status raft.Status
	if err := lead.runOnRaftLoop(ctx, func(r *raft.RawNode) { status = r.Status() }); err != nil {
		t.Fatal(err)
	}
	status.Progress[77] = tracker.Progress{State: tracker.StateReplicate}
	if err := lead.judgeChange(memberChange{Op: opPromote, Member: m}, status); err == nil {
		t.Error("a silent learner in StateReplicate would be made a voter")
	}
	lead.propose("goes on")
}

// TestTransferToADeadMember checks that such a transfer does not delay the moves.
func TestTransferToADeadMember(t *testing.T) {
	t.Parallel()
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

// TestReplicatorOfARemovedMemberEnds has a node that was away learn of a removal by a snapshot.
func TestReplicatorOfARemovedMemberEnds(t *testing.T) {
	t.Parallel()
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
	waitFor(t, "the member to be removed", func() bool { // leadership may move on a busy machine
		err := c.leader().Remove(within(t, 20*time.Second), id)
		return err == nil || errors.Is(err, ErrUnknownMember)
	})
	gone.stop()
	// The log may be pinned for the learner, which had a snapshot lately.
	waitFor(t, "the log to be cut", func() bool {
		lead.propose(numbered(0, 100)...)
		return lead.storage.entryLog.FirstIndex() > 100
	})
	away.start()
	waitFor(t, "the learner to catch up", func() bool { return away.Applied() == lead.Applied() })
	waitFor(t, "the replicator to end", func() bool { return away.peers.get(id) == nil })
}

// TestCloseDuringChanges closes nodes while their membership changes. The race detector and goleak
// judge.
func TestCloseDuringChanges(t *testing.T) {
	t.Parallel()
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
					m := withKey(Member{ID: MemberID(100*j + k + 1), Name: fmt.Sprint("j", j, "-", k), Role: Venue, Peer: fmt.Sprintf("127.0.0.%d:%d", j+1, k+1)})
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

func TestInvalidUTF8InAName(t *testing.T) {
	t.Parallel()
	_, err := Open(t.Context(), Config{
		Dir: t.TempDir(), Name: "a\xff", Role: Recorder, ListenPeer: "127.0.0.1:0", Bootstrap: true, Machine: &list{},
	})
	if err == nil || !strings.Contains(err.Error(), "UTF-8") {
		t.Errorf("got %v", err)
	}
}

// TestLogIsKeptForASnapshotInFlight checks that the log behind a snapshot that is being sent is not
// compacted. Otherwise the peer would need another snapshot at once.
func TestLogIsKeptForASnapshotInFlight(t *testing.T) {
	t.Parallel()
	c := newCluster(t, 0)
	n := c.add(func(cfg *Config) { cfg.KeepEntries, cfg.CheckpointEvery = 20, 10 })
	n.propose(numbered(0, 30)...)
	n.peers.learn(Member{ID: 77, Name: "slow", Role: Venue, Peer: "127.0.0.1:1"})
	r := n.peers.get(77)
	const pin = 25
	r.pinned.Store(pin)
	r.sendingSnapshot.Store(true)
	cut := func() { // proposes enough for a compaction
		for range 10 {
			n.propose(numbered(0, 20)...)
		}
		waitFor(t, "a checkpoint of it all", func() bool { return n.boardsFile.Position().Index >= n.Applied() })
	}
	cut()
	if first := n.storage.entryLog.FirstIndex(); first > pin+1 {
		t.Errorf("the log begins at %d, and a snapshot at %d is on its way", first, pin)
	}
	r.sendingSnapshot.Store(false)
	cut()
	waitFor(t, "the log to be cut", func() bool { return n.storage.entryLog.FirstIndex() > pin+1 })
}

// TestFailedNodeAnswersNoPings checks that a failed node answers no pings, by which the others
// would count on it.
func TestFailedNodeAnswersNoPings(t *testing.T) {
	t.Parallel()
	c := newCluster(t, 1)
	n := c.nodes[0]
	n.adopt(5)
	conn := n.dialAs(5)
	defer conn.Close()
	h := hello{Cluster: n.ClusterID(), From: 5, Address: "127.0.0.1:1", To: n.ID(), Channel: channelAppend}
	if err := sendHello(conn, h); err != nil {
		t.Fatal(err)
	}
	br := bufio.NewReader(conn)
	ping := func() error {
		_ = conn.SetDeadline(time.Now().Add(20 * time.Second))
		if err := writeMessage(conn, kindPing, make([]byte, 8)); err != nil {
			return err
		}
		_, _, err := readMessage(br)
		return err
	}
	if err := ping(); err != nil {
		t.Fatalf("a node that is well: %v", err)
	}
	n.Halt(errKilled)
	if err := ping(); err == nil {
		t.Error("a node that has failed answers")
	}
}

// TestReadIDsDifferBetweenStarts checks that a late answer to a read before a restart matches no
// new read.
func TestReadIDsDifferBetweenStarts(t *testing.T) {
	before, after := newReads(), newReads()
	if before.ask(nil) == after.ask(nil) {
		t.Error("the ids of reads begin anew")
	}
}

// TestReceivedSnapshotIsRemoved closes a node that has received a snapshot and not installed it.
func TestReceivedSnapshotIsRemoved(t *testing.T) {
	t.Parallel()
	c := newCluster(t, 1)
	n := c.nodes[0]
	snap, err := n.boardsFile.Snapshot()
	if err != nil {
		t.Fatal(err)
	}
	var stream bytes.Buffer
	if err := errors.Join(snap.Encode(&stream), snap.Close()); err != nil {
		t.Fatal(err)
	}
	in, err := n.boardsFile.Receive(&stream, snap.Position(), 0)
	if err != nil {
		t.Fatal(err)
	}
	n.snapshots.put(in, metadata(snap.Position()))
	n.stop()
	left, err := filepath.Glob(filepath.Join(n.cfg.Dir, "*tmp*"))
	if err != nil || len(left) > 0 {
		t.Errorf("left behind: %v, %v", left, err)
	}
}
