package consensus

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/chessrelay/chessrelay/store"
	"go.etcd.io/raft/v3/raftpb"
)

// few makes a node keep so little of its log that a late node needs a snapshot.
func few(cfg *Config) { cfg.KeepEntries, cfg.CheckpointEvery = 100, 50 }

// grownCluster is three voters and a learner, in this order, with boards of some megabytes that
// compress badly.
func grownCluster(t testing.TB) *testCluster {
	c := newClusterOf(t, 0, true)
	c.add(few)
	for range 4 {
		if _, err := c.nodes[0].Propose(within(t, 20*time.Second), noise(500, 1000)...); err != nil {
			t.Fatal(err)
		}
	}
	for i := range 3 {
		n := c.add(few)
		waitFor(t, n.cfg.Name+" to catch up", func() bool { return n.Applied() > 2000 })
		if i < 2 {
			waitFor(t, n.cfg.Name+" to vote", func() bool { return suffrage(c.nodes[0], n.ID()) == "voter" })
		}
	}
	waitFor(t, "the log to be cut", func() bool { return c.nodes[0].storage.entryLog.FirstIndex() > 1000 })
	return c
}

// addBehind adds a node behind a bad line.
func (c *testCluster) addBehind(l *line) *testNode {
	c.t.Helper()
	n := c.add(func(cfg *Config) { few(cfg); cfg.AdvertisePeer = l.addr() })
	l.leadTo(n)
	return n
}

// feed proposes ten moves at n, again and again, until stop is called.
func (c *testCluster) feed(n *testNode) (stop func()) {
	end := make(chan struct{})
	var wg sync.WaitGroup
	wg.Go(func() {
		for i := 0; ; i++ {
			select {
			case <-end:
				return
			case <-time.After(10 * time.Millisecond):
			}
			var moves [][]byte
			for j := range 10 {
				moves = append(moves, fmt.Appendf(nil, "live %d.%d", i, j))
			}
			ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
			_, err := n.Propose(ctx, moves...)
			cancel()
			if err != nil {
				c.t.Errorf("propose: %v", err)
				return
			}
		}
	})
	return sync.OnceFunc(func() { close(end); wg.Wait() })
}

// arrives waits until n has everything that the leader has, and gets entries again.
func (c *testCluster) arrives(n *testNode) {
	c.t.Helper()
	waitFor(c.t, n.cfg.Name+" to catch up", func() bool {
		lead := c.leader()
		for _, m := range status(lead).Members {
			if m.ID == n.ID() {
				return m.State == "replicate" && m.Lag < 100 && n.Applied()+100 > lead.Applied()
			}
		}
		return false
	})
}

// memberBy returns what s says of a member.
func memberBy(s Status, id MemberID) MemberStatus {
	for _, m := range s.Members {
		if m.ID == id {
			return m
		}
	}
	return MemberStatus{}
}

func snapshotsAreLike(f fault) func(hello) fault {
	return func(h hello) fault {
		if h.Channel == channelSnapshot {
			return f
		}
		return fault{}
	}
}

// TestAnotherMemberServesTheSnapshot has a node join, and another come back far behind, while moves
// go on. The learner sends them the boards, and the leader says so meanwhile.
func TestAnotherMemberServesTheSnapshot(t *testing.T) {
	t.Parallel()
	c := grownCluster(t)
	lead, learner := c.nodes[0], c.nodes[3]
	stop := c.feed(lead)
	defer stop()
	l := newLine(t)
	l.faults(snapshotsAreLike(fault{rate: 4 << 20}))
	late := c.addBehind(l)
	waitFor(t, "the leader to say who serves", func() bool {
		for _, m := range status(lead).Members {
			if m.ID == late.ID() && m.SnapshotFrom != "" {
				return m.SnapshotFrom == learner.cfg.Name
			}
		}
		return false
	})
	c.arrives(late)
	late.kill()
	at := lead.Applied()
	waitFor(t, "the log to be cut", func() bool { return lead.storage.entryLog.FirstIndex() > at+100 })
	late.start()
	c.arrives(late)
	stop()
	c.waitAgree()
	close(l.seen)
	times := map[MemberID]int{}
	for h := range l.seen {
		times[h.From]++
	}
	// On a busy machine a connection may be given up, and the next try comes from another member.
	if times[learner.ID()] < 2 {
		t.Errorf("the learner sent boards %d times; all: %v", times[learner.ID()], times)
	}
}

// TestSnapshotConnectionIsCut breaks transfers at different places. Each must be reported:
// otherwise there would be no other one.
func TestSnapshotConnectionIsCut(t *testing.T) {
	t.Parallel()
	c := grownCluster(t)
	stop := c.feed(c.nodes[0])
	defer stop()
	l := newLine(t)
	var mu sync.Mutex
	cuts := []int64{0, 1, 40, 300} // in the handshake and in the head; the rest in the boards
	for range 4 {
		cuts = append(cuts, rand.Int64N(1<<20))
	}
	t.Logf("cut after %v bytes", cuts)
	byLeader := 0
	l.faults(func(h hello) fault {
		mu.Lock()
		defer mu.Unlock()
		if h.Channel != channelSnapshot || len(cuts) == 0 {
			return fault{}
		}
		if h.From == c.nodes[0].ID() {
			byLeader++
		}
		f := fault{kind: "cut", after: cuts[0]}
		cuts = cuts[1:]
		return f
	})
	late := c.addBehind(l)
	waitFor(t, "the leader to say that it failed", func() bool {
		m := memberBy(status(c.nodes[0]), late.ID())
		return strings.Contains(m.SnapshotError, "the peer") || strings.Contains(m.SnapshotError, "no answer")
	})
	c.arrives(late)
	if m := memberBy(status(c.nodes[0]), late.ID()); m.SnapshotError != "" || m.SnapshotBytes != 0 {
		t.Errorf("it has arrived, and there is %q, and %d bytes on their way", m.SnapshotError, m.SnapshotBytes)
	}
	stop()
	c.waitAgree()
	mu.Lock()
	defer mu.Unlock()
	if len(cuts) > 0 || byLeader == 0 {
		t.Errorf("%d cuts were left, and %d transfers were the leader's own", len(cuts), byLeader)
	}
}

// TestSnapshotConnectionStalls has a line that stops, and nobody says so.
func TestSnapshotConnectionStalls(t *testing.T) {
	t.Parallel()
	c := grownCluster(t)
	stop := c.feed(c.nodes[0])
	defer stop()
	l := newLine(t)
	var once sync.Once
	l.faults(func(h hello) (f fault) {
		if h.Channel == channelSnapshot {
			once.Do(func() { f = fault{kind: "stall", after: 1 << 20} })
		}
		return f
	})
	c.arrives(c.addBehind(l))
	stop()
	c.waitAgree()
}

// TestCloseDuringASnapshot kills the sender, the receiver, or the leader that asked.
func TestCloseDuringASnapshot(t *testing.T) {
	for name, end := range map[string]func(c *testCluster, late *testNode){
		"server": func(c *testCluster, _ *testNode) { c.nodes[3].kill() },
		"target": func(c *testCluster, late *testNode) {
			late.kill()
			if left, err := filepath.Glob(filepath.Join(late.cfg.Dir, "*tmp*")); err != nil || len(left) > 0 {
				c.t.Errorf("left behind: %v, %v", left, err)
			}
			late.start()
		},
		"leader": func(c *testCluster, _ *testNode) { c.nodes[0].kill() },
		"leadership": func(c *testCluster, _ *testNode) {
			ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
			defer cancel()
			if err := c.nodes[0].TransferLeadership(ctx, c.nodes[1].ID()); err != nil {
				c.t.Error(err)
			}
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := grownCluster(t)
			l := newLine(t)
			l.faults(snapshotsAreLike(fault{rate: 20 << 10})) // longer than anyone waits here
			late := c.addBehind(l)
			h := <-l.seen
			if h.From != c.nodes[3].ID() {
				t.Fatalf("%s serves", h.From)
			}
			waitFor(t, "bytes to come", func() bool {
				parts, _ := filepath.Glob(filepath.Join(late.cfg.Dir, "*tmp*"))
				return len(parts) > 0
			})
			waitFor(t, "the leader to say how many", func() bool {
				m := memberBy(status(c.nodes[0]), late.ID())
				return m.SnapshotFrom == c.nodes[3].cfg.Name && m.SnapshotBytes > 0
			})
			// Without boards it knows the leader, and so where to ask for the list of members.
			waitFor(t, "the one without boards to know the leader", func() bool { return status(late).Leader == c.nodes[0].cfg.Name })
			if n := late.Applied(); n != 0 {
				t.Errorf("the one without boards has applied %d", n)
			}
			l.faults(snapshotsAreLike(fault{}))
			end(c, late)
			c.leader().propose("goes on")
			c.arrives(late)
			c.waitAgree()
		})
	}
}

// TestServeRequestsRefused checks that a node sends its boards only for the leader, one
// snapshot at a time, and only if the log goes on from them.
func TestServeRequestsRefused(t *testing.T) {
	t.Parallel()
	c := newCluster(t, 3)
	lead := c.leader()
	c.nodes[0].propose(numbered(0, 10)...)
	var at, third *testNode
	for _, n := range c.nodes {
		if n != lead {
			at, third = n, at
		}
	}
	term := status(lead).Term
	ask := func(from *testNode, term, atLeast uint64) error {
		m := &raftpb.Message{
			Type: raftpb.MsgSnap, From: uint64(from.ID()), To: 77, Term: term,
			Snapshot: &raftpb.Snapshot{},
		}
		head, err := m.Marshal()
		if err != nil {
			t.Fatal(err)
		}
		conn, err := from.dial(t.Context(), at.ID(), at.PeerAddr(), channelServe)
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
		if err := writeMessage(conn, kindServe, mustJSON(serveRequest{"127.0.0.1:1", head, atLeast})); err != nil {
			t.Fatal(err)
		}
		_, err = awaitSnapshot(conn, new(snapshotProgress))
		return err
	}
	at.serving.Lock()
	busy := ask(lead, term, 1)
	at.serving.Unlock()
	for what, refusal := range map[string]struct {
		err  error
		word string
	}{
		"from a follower": {ask(third, term, 1), "leader"},
		"of another term": {ask(lead, term+1, 1), "leader"},
		"too far ahead":   {ask(lead, term, 1<<40), "is needed"},
		"one at a time":   {busy, "another snapshot"},
		"nobody is there": {ask(lead, term, 1), "refused"},
	} {
		if refusal.err == nil || !strings.Contains(refusal.err.Error(), refusal.word) {
			t.Errorf("%s: %v, which should speak of %q", what, refusal.err, refusal.word)
		}
	}
}

// TestOneSnapshotAtATime checks that no other snapshot is taken while one waits for its
// installation.
func TestOneSnapshotAtATime(t *testing.T) {
	t.Parallel()
	c := newCluster(t, 2)
	from, at := c.nodes[0], c.nodes[1]
	at.snapshots.put(&store.Incoming{}, raftpb.SnapshotMetadata{Index: 7})
	_, err := from.dial(t.Context(), at.ID(), at.PeerAddr(), channelSnapshot)
	if refused, ok := errors.AsType[*refusedError](err); !ok || refused.Code != replyBusy {
		t.Errorf("another one was answered with %v", err)
	}
	at.snapshots.discard()
	conn, err := from.dial(t.Context(), at.ID(), at.PeerAddr(), channelSnapshot)
	if err != nil {
		t.Fatalf("it is installed, and the next one is refused: %v", err)
	}
	conn.Close()
}

// TestServedSnapshotIsTooOld has a snapshot arrive from which the leader's log does not go on. That
// is a failure, whatever the server says.
func TestServedSnapshotIsTooOld(t *testing.T) {
	t.Parallel()
	n := newClusterOf(t, 1, true).nodes[0]
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	var wg sync.WaitGroup
	defer func() { ln.Close(); wg.Wait() }()
	wg.Go(func() { // a server that sends what it has
		for {
			c, err := ln.Accept()
			if err != nil {
				return
			}
			h, err := receiveHello(c)
			if err == nil && h.Channel == channelServe {
				_ = writeJSON(c, reply{Code: replyOK})
				_, _, _ = readMessage(bufio.NewReader(c))
				_ = writeMessage(c, kindSnapDone, mustJSON(served{Index: 9, Bytes: 1}))
			}
			_ = c.Close()
		}
	})
	const server, target = MemberID(55), MemberID(66)
	n.peers.learn(Member{ID: server, Name: "server", Role: Venue, Peer: ln.Addr().String()})
	n.peers.learn(Member{ID: target, Name: "target", Role: Venue, Peer: "127.0.0.1:1"})
	m := &raftpb.Message{Type: raftpb.MsgSnap, From: uint64(n.ID()), To: uint64(target)}
	for atLeast, good := range map[uint64]bool{9: true, 10: false} {
		got, err := n.peers.get(target).askToServe(within(t, 10*time.Second), server, m, atLeast, new(snapshotProgress))
		if (err == nil) != good || good && got.Index != 9 {
			t.Errorf("served at 9 where %d is needed: %+v, %v", atLeast, got, err)
		}
	}
}

// TestServedSnapshotHasTheCurrentTerm checks that a third member's snapshot brings a node to no
// new term.
func TestServedSnapshotHasTheCurrentTerm(t *testing.T) {
	t.Parallel()
	c := newCluster(t, 3)
	lead := c.leader()
	lead.propose(numbered(0, 10)...)
	waitFor(t, "a checkpoint", func() bool { return lead.boardsFile.Position().Index >= lead.Applied() })
	var at, third *testNode
	for _, n := range c.nodes {
		if n != lead {
			at, third = n, at
		}
	}
	term := status(lead).Term
	for _, m := range []*raftpb.Message{
		{From: uint64(lead.ID()), Term: term + 5},
		{From: 77, Term: term},
	} {
		m.Type, m.To = raftpb.MsgSnap, uint64(at.ID())
		var err error
		waitFor(t, "an answer", func() bool { // the one before may just be ending
			_, err = third.streamBoards(t.Context(), m, at.PeerAddr(), 1, new(snapshotProgress))
			return err == nil || !strings.Contains(err.Error(), "another snapshot")
		})
		if err == nil || !strings.Contains(err.Error(), "the leader is") {
			t.Errorf("from %s in term %d: %v", MemberID(m.From), m.Term, err)
		}
	}
	if now := status(at); now.Term != term || now.LeaderID != lead.ID() {
		t.Errorf("it follows %s in term %d", now.LeaderID, now.Term)
	}
}

// TestSilentReceiverOfASnapshot checks that a sender waits as long as there is progress, and
// snapshotTimeout longer.
func TestSilentReceiverOfASnapshot(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		near, far := net.Pipe()
		defer near.Close()
		defer far.Close()
		const slow = time.Hour
		go func() {
			stop := reportProgress(far, func() uint64 { return 7 })
			<-time.After(slow)
			stop()
		}()
		began := time.Now()
		_, err := awaitSnapshot(near, new(snapshotProgress))
		if took := time.Since(began); err == nil || took < slow || took > slow+snapshotTimeout {
			t.Errorf("it ended after %v: %v", took, err)
		}
	})
	// So does a receiver.
	synctest.Test(t, func(t *testing.T) {
		near, far := net.Pipe()
		defer near.Close()
		defer far.Close()
		began := time.Now()
		_, err := (&silenceConn{Conn: near}).Read(make([]byte, 1))
		if took := time.Since(began); err == nil || took != snapshotTimeout {
			t.Errorf("it ended after %v: %v", took, err)
		}
	})
}

// TestLogIsKeptWhileAPeerCatchesUp has a peer that got a snapshot while moves went on. It has much
// to catch up on, and must not need another snapshot meanwhile.
func TestLogIsKeptWhileAPeerCatchesUp(t *testing.T) {
	t.Parallel()
	c := newCluster(t, 0)
	n := c.add(func(cfg *Config) { cfg.KeepEntries, cfg.CheckpointEvery = 20, 10 })
	n.propose(numbered(0, 30)...)
	n.peers.learn(Member{ID: 77, Name: "slow", Role: Venue, Peer: "127.0.0.1:1"})
	r := n.peers.get(77)
	r.pinned.Store(25) // the snapshot has just been sent
	r.pinnedUntil.Store(time.Now().Add(time.Minute).UnixNano())
	for _, at := range []uint64{26, 60, 90} {
		for range 10 {
			n.propose(numbered(0, 20)...)
		}
		r.acknowledged(at)
		n.propose(numbered(0, 20)...)
		waitFor(t, "a checkpoint of it all", func() bool { return n.boardsFile.Position().Index >= n.Applied() })
		waitFor(t, "the log to be cut", func() bool { return n.storage.entryLog.FirstIndex() > at })
		if first := n.storage.entryLog.FirstIndex(); first > at+1 {
			t.Errorf("the log begins at %d, and the peer is at %d", first, at)
		}
	}
	r.acknowledged(n.Commit() - 5)
	n.propose(numbered(0, 20)...)
	waitFor(t, "the log to be cut", func() bool { return n.storage.entryLog.FirstIndex()+60 > n.Commit() })
}

// TestMoreJoinersThanServers has more nodes that need boards than members that can send them.
// Nobody sends to two at once, and all get them.
func TestMoreJoinersThanServers(t *testing.T) {
	t.Parallel()
	c := grownCluster(t)
	l := map[MemberID]*testNode{}
	for range 6 {
		at := newLine(t)
		at.faults(snapshotsAreLike(fault{rate: 1 << 20}))
		n := c.addBehind(at)
		l[n.ID()] = n
	}
	most := 0
	waitFor(t, "all to be served", func() bool {
		from, left := map[string]bool{}, 0
		for _, m := range status(c.leader()).Members { // leadership may move on a busy machine
			if l[m.ID] != nil && m.State != "replicate" {
				left++
			}
			if m.SnapshotFrom != "" && from[m.SnapshotFrom] {
				t.Errorf("%s serves two at once", m.SnapshotFrom)
			}
			from[m.SnapshotFrom] = true
		}
		delete(from, "")
		most = max(most, len(from))
		return left == 0
	})
	if most < 3 {
		t.Errorf("only %d served at once", most)
	}
	c.waitAgree()
}

// TestSnapshotOverASlowConnection has boards that take a line of 30 KB/s longer than a silence may
// last, while moves go on over the same line. The first transfer breaks. The leader says that there
// is another one, and that one arrives.
func TestSnapshotOverASlowConnection(t *testing.T) {
	t.Parallel()
	const rate, size, broken = 30 << 10, 420 << 10, 60 << 10
	c := newClusterOf(t, 0, true)
	for range 3 {
		n := c.add(few)
		waitFor(t, n.cfg.Name+" to vote", func() bool { return suffrage(c.nodes[0], n.ID()) == "voter" })
	}
	lead := c.nodes[0]
	if _, err := lead.Propose(within(t, 20*time.Second), noise(size/1000, 1000)...); err != nil {
		t.Fatal(err)
	}
	waitFor(t, "the log to be cut", func() bool {
		lead.propose(numbered(0, 20)...)
		return lead.storage.entryLog.FirstIndex() > size/1000
	})

	end := make(chan struct{})
	var wg sync.WaitGroup
	stop := sync.OnceFunc(func() { close(end); wg.Wait() })
	defer stop()
	wg.Go(func() {
		for i := 0; ; i++ {
			select {
			case <-end:
				return
			case <-time.After(50 * time.Millisecond):
				lead.propose(numbered(10*i, 10*i+10)...)
			}
		}
	})

	l := newLine(t)
	l.rate.Store(rate)
	var once sync.Once
	l.faults(func(h hello) (f fault) {
		if h.Channel == channelSnapshot {
			once.Do(func() { f = fault{kind: "cut", after: broken} })
		}
		return f
	})
	arrivedBefore, failedBefore := lead.Snapshots()
	venue := c.addBehind(l)
	began := time.Now()
	// told waits until the leader says that the venue is being sent the boards, and by which
	// member.
	told := func(what string) (by string) {
		waitFor(t, what, func() bool {
			for _, m := range status(lead).Members {
				if m.ID == venue.ID() && m.State == "snapshot" {
					by = m.SnapshotFrom
				}
			}
			return by != ""
		})
		return by
	}
	first := <-l.seen
	if by := told("the first transfer in the status"); by != lead.nameOf(first.From) {
		t.Errorf("the status says %s, and %s sends", by, first.From)
	}
	second := <-l.seen
	restarted := time.Now()
	if by := told("the second transfer in the status"); by != lead.nameOf(second.From) {
		t.Errorf("the status says %s, and %s sends", by, second.From)
	}
	before := lead.Applied()
	deadline := time.Now().Add(2 * time.Minute) // longer than c.arrives waits
	for venue.boardsFile.Position().Index == 0 && time.Now().Before(deadline) {
		<-time.After(20 * time.Millisecond)
	}
	took := time.Since(restarted)
	t.Logf("the first transfer broke after %v, the second one took %v, and %d moves were recorded meanwhile",
		restarted.Sub(began).Round(time.Millisecond), took.Round(time.Millisecond), lead.Applied()-before)
	if took < snapshotTimeout {
		t.Errorf("the line was not slow: %v", took)
	}
	if lead.Applied() < before+50 {
		t.Errorf("%d moves went on meanwhile", lead.Applied()-before)
	}
	c.arrives(venue)
	if times := l.connections(channelSnapshot); times != 2 {
		t.Errorf("the boards were sent %d times", times)
	}
	waitFor(t, "the leader to have counted both", func() bool {
		arrived, failed := lead.Snapshots()
		return arrived-arrivedBefore == 1 && failed-failedBefore == 1
	})
	for _, m := range status(lead).Members {
		if m.SnapshotFrom != "" {
			t.Errorf("the status says that %s still sends %s a snapshot", m.SnapshotFrom, m.Name)
		}
	}
	stop()
	c.waitAgree()
}
