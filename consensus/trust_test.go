package consensus

import (
	"crypto/tls"
	"errors"
	"io"
	"math"
	"net"
	"strings"
	"testing"
	"time"

	"go.etcd.io/raft/v3"
	"go.etcd.io/raft/v3/raftpb"
)

// ends waits until the other side has closed c.
func ends(t *testing.T, c net.Conn) {
	t.Helper()
	_ = c.SetDeadline(time.Now().Add(90 * time.Second))
	if _, err := io.Copy(io.Discard, c); err != nil {
		if e, ok := errors.AsType[net.Error](err); ok && e.Timeout() {
			t.Fatal("the connection is left open")
		}
	}
}

// TestStrangersAreRefused has nodes at the peer port that are no members: without TLS, without a
// certificate, with one of another cluster, of a removed member, and of a member that the log does
// not have. None gets beyond the hello.
func TestStrangersAreRefused(t *testing.T) {
	t.Parallel()
	c, other := newCluster(t, 3), newCluster(t, 1)
	n, removed := c.leader(), c.follower()
	gone, id := removed.credentials, removed.ID()
	removed.kill()
	if err := n.Remove(within(t, 60*time.Second), id); err != nil {
		t.Fatal(err)
	}
	say := func(c net.Conn, from MemberID) error {
		return sendHello(c, hello{Cluster: n.ClusterID(), From: from, Address: "127.0.0.1:1", To: n.ID(), Channel: channelControl})
	}
	old := n.credentialsOf(42) // of a member that never was, after an index long past
	certificate, err := old.issue(42, old.public(), 1, time.Now())
	if err := errors.Join(err, old.show(certificate)); err != nil {
		t.Fatal(err)
	}
	stolen := n.credentialsOf(n.ID()) // the id of a member, and another key
	for name, try := range map[string]struct {
		as   func(raw net.Conn) net.Conn
		from MemberID
	}{
		"plain":               {func(raw net.Conn) net.Conn { return raw }, n.ID()},
		"no certificate":      {func(raw net.Conn) net.Conn { return tls.Client(raw, &tls.Config{InsecureSkipVerify: true}) }, n.ID()},
		"another cluster":     {func(raw net.Conn) net.Conn { return tls.Client(raw, other.nodes[0].credentials.client(n.ID(), nil)) }, n.ID()},
		"a removed member":    {func(raw net.Conn) net.Conn { return tls.Client(raw, gone.client(n.ID(), nil)) }, id},
		"no such member":      {func(raw net.Conn) net.Conn { return tls.Client(raw, old.client(n.ID(), nil)) }, 42},
		"no member yet":       {func(raw net.Conn) net.Conn { return tls.Client(raw, n.credentialsOf(44).client(n.ID(), nil)) }, 44},
		"another member's id": {func(raw net.Conn) net.Conn { return tls.Client(raw, n.credentialsOf(43).client(n.ID(), nil)) }, n.ID()},
		"another key":         {func(raw net.Conn) net.Conn { return tls.Client(raw, stolen.client(n.ID(), nil)) }, n.ID()},
	} {
		t.Run(name, func(t *testing.T) {
			raw, err := net.Dial("tcp", n.PeerAddr())
			if err != nil {
				t.Fatal(err)
			}
			defer raw.Close()
			if err := say(try.as(raw), try.from); err == nil {
				t.Error("it is let in")
			}
			ends(t, raw)
		})
	}
	if n.Strangers() == 0 {
		t.Error("nobody is counted")
	}
	n.propose("goes on")
}

// TestIncredibleMessages has a member with a valid certificate send what cannot be true. Each
// connection ends, each message is counted, and the cluster goes on, also after a restart.
func TestIncredibleMessages(t *testing.T) {
	t.Parallel()
	c := newCluster(t, 3)
	lead, at := c.leader(), c.follower()
	lead.propose("before")
	const liar = MemberID(99)
	at.adopt(liar)
	now := status(at)
	voters := raftpb.ConfState{Voters: []uint64{uint64(at.ID()), uint64(liar)}}
	entry := func(term, index uint64) []raftpb.Entry {
		return []raftpb.Entry{{Term: term, Index: index, Data: encodeEntry(nil, 1, []byte("false"))}}
	}
	for name, m := range map[string]raftpb.Message{
		"the highest term":        {Type: raftpb.MsgHeartbeat, Term: math.MaxUint64},
		"a term that leaps":       {Type: raftpb.MsgVote, Term: now.Term + maxTermLeap + 2},
		"a commit beyond the log": {Type: raftpb.MsgHeartbeat, Term: now.Term + 1, Commit: 1 << 40},
		"a second leader":         {Type: raftpb.MsgHeartbeat, Term: now.Term},
		"an order to lead":        {Type: raftpb.MsgTimeoutNow, Term: now.Term},
		"an order of tomorrow":    {Type: raftpb.MsgTimeoutNow, Term: now.Term + 1},
		"forget the leader":       {Type: raftpb.MsgForgetLeader, Term: now.Term},
		"a transfer":              {Type: raftpb.MsgTransferLeader, Term: now.Term},
		"a local message":         {Type: raftpb.MsgHup},
		"an entry of tomorrow": {Type: raftpb.MsgApp, Term: now.Term + 1, LogTerm: now.Term, Index: now.Commit,
			Entries: entry(now.Term+2, now.Commit+1)},
		"an entry of yesterday": {Type: raftpb.MsgApp, Term: now.Term + 1, LogTerm: now.Term, Index: now.Commit,
			Entries: entry(now.Term-1, now.Commit+1)},
		"behind an entry of tomorrow": {Type: raftpb.MsgApp, Term: now.Term + 1, LogTerm: now.Term + 5, Index: now.Commit},
	} {
		t.Run(name, func(t *testing.T) {
			before := at.Incredible()
			conn := at.dialAs(liar)
			defer conn.Close()
			if err := sendHello(conn, hello{Cluster: at.ClusterID(), From: liar, Address: "127.0.0.1:1", To: at.ID(), Channel: channelControl}); err != nil {
				t.Fatal(err)
			}
			m.From, m.To = uint64(liar), uint64(at.ID())
			var err error
			if m.Type == raftpb.MsgApp {
				_, err = conn.Write(endMessage(encodeAppend(beginMessage(nil, kindAppend), &m), 0))
			} else {
				var b []byte
				b, err = m.Marshal()
				err = errors.Join(err, writeMessage(conn, kindRaft, b))
			}
			if err != nil {
				t.Fatal(err)
			}
			ends(t, conn)
			if at.Incredible() != before+1 {
				t.Errorf("%d are counted", at.Incredible()-before)
			}
			if s := status(at); s.Term != now.Term || s.LeaderID != lead.ID() {
				t.Errorf("it follows %s in term %d", s.LeaderID, s.Term)
			}
		})
	}
	t.Run("an impossible snapshot", func(t *testing.T) {
		twice := voters
		twice.Learners = []uint64{uint64(liar)}
		for _, meta := range []raftpb.SnapshotMetadata{
			{Index: 1 << 30, Term: 1 << 30, ConfState: voters}, {Index: 1 << 30, Term: now.Term}, {Index: 1 << 30, Term: now.Term, ConfState: twice},
		} {
			m := &raftpb.Message{Type: raftpb.MsgSnap, Term: now.Term + 1, From: uint64(liar), To: uint64(at.ID()), Snapshot: &raftpb.Snapshot{Metadata: meta}}
			if err := credibleSnapshot(m); err == nil {
				t.Errorf("%+v is believed", meta)
			}
		}
	})
	lead.propose("after")
	at.kill()
	at.start()
	c.waitSame([]string{"before", "after"})
}

// TestFalseAcknowledgement has a member acknowledge entries that the leader does not have.
func TestFalseAcknowledgement(t *testing.T) {
	t.Parallel()
	c := newCluster(t, 3)
	lead, at := c.leader(), c.follower()
	m := &raftpb.Message{Type: raftpb.MsgAppResp, From: uint64(at.ID()), To: uint64(lead.ID()), Term: status(lead).Term, Index: 1 << 40}
	if err := lead.queueMessage(m); err != nil {
		t.Fatal(err)
	}
	waitFor(t, "it to be counted", func() bool { return lead.Incredible() == 1 })
	lead.propose("goes on")
	c.waitSame([]string{"goes on"})
}

// TestPanicInRaftStopsTheNode has a message get past the checks that makes Raft panic. It ends the
// node with an error, and nothing else.
func TestPanicInRaftStopsTheNode(t *testing.T) {
	t.Parallel()
	c := newCluster(t, 3)
	lead, at := c.leader(), c.follower()
	before := status(at).Term
	if err := at.runOnRaftLoop(t.Context(), func(rn *raft.RawNode) {
		_ = rn.Step(raftpb.Message{Type: raftpb.MsgHeartbeat, From: uint64(lead.ID()), To: uint64(at.ID()), Term: before + 5, Commit: 1 << 40})
	}); !errors.Is(err, ErrClosed) {
		t.Fatal(err)
	}
	if err := at.Err(); err == nil || !strings.Contains(err.Error(), "raft cannot go on") {
		t.Fatalf("it says %v", err)
	}
	at.stop()
	at.start()
	lead.propose("goes on")
	waitFor(t, "it to follow", func() bool { return len(at.list.all()) == 1 })
	if now := status(at).Term; now != before {
		t.Errorf("what made it panic is on disk: it was in term %d and is in term %d", before, now)
	}
}

// TestSilentConnections opens more connections than may be in their handshake, and says nothing.
// Members still get in.
func TestSilentConnections(t *testing.T) {
	t.Parallel()
	c := newCluster(t, 3)
	lead, at := c.leader(), c.follower()
	for range 4 * maxStrangers {
		conn, err := net.Dial("tcp", at.PeerAddr())
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
	}
	lead.peers.closeInbound(at.ID())
	at.peers.closeInbound(lead.ID())
	lead.propose("goes on")
	c.waitSame([]string{"goes on"})
	at.peers.mu.Lock()
	defer at.peers.mu.Unlock()
	if strangers := len(at.peers.inbound.strangers); strangers > maxStrangers {
		t.Errorf("%d are in their handshake", strangers)
	}
}

// TestSecondConnectionReplacesTheFirst checks that a member has one connection for each channel. A
// new one ends the one before, which may be half open.
func TestSecondConnectionReplacesTheFirst(t *testing.T) {
	t.Parallel()
	n := newCluster(t, 1).nodes[0]
	n.adopt(7)
	var conns []net.Conn
	for range 3 {
		conn := n.dialAs(7)
		defer conn.Close()
		if err := sendHello(conn, hello{Cluster: n.ClusterID(), From: 7, Address: "127.0.0.1:1", To: n.ID(), Channel: channelControl}); err != nil {
			t.Fatal(err)
		}
		conns = append(conns, conn)
	}
	for _, old := range conns[:2] {
		go func() { _, _ = io.Copy(io.Discard, old) }() // ends with the connection
		waitFor(t, "the one before to end, though it pings", func() bool { return writeMessage(old, kindPing, make([]byte, 8)) != nil })
	}
	if err := writeMessage(conns[2], kindPing, make([]byte, 8)); err != nil {
		t.Fatal(err)
	}
	if _, err := conns[2].Read(make([]byte, 1)); err != nil {
		t.Errorf("the newest: %v", err)
	}
}

// TestCertificateIsRenewed has a member with a certificate that is due. It gets another one for the
// same key through the log, and shows it.
func TestCertificateIsRenewed(t *testing.T) {
	t.Parallel()
	c := newCluster(t, 3)
	at := c.follower()
	m, _ := at.roster.get(at.ID())
	old, err := at.credentials.issue(m.ID, m.Key, 1, time.Now().Add(-certificateLife/2))
	if err != nil {
		t.Fatal(err)
	}
	m.Certificate = old
	for _, n := range c.nodes {
		n.roster.put(m)
	}
	for _, n := range c.nodes {
		waitFor(t, "the renewal, at "+n.cfg.Name, func() bool {
			now, _ := n.roster.get(m.ID)
			return now.Certificate != old && !renewalDue(now.Certificate, time.Now()) && now.Key == m.Key
		})
	}
	waitFor(t, "the new one to be shown", func() bool {
		return !renewalDue(encodeBase64(at.credentials.shown.Load().Leaf.Raw), time.Now())
	})
}

// TestCertificatesIgnoreClocks has members with expired certificates, as after a year in a
// cupboard. They know one another by the roster.
func TestCertificatesIgnoreClocks(t *testing.T) {
	t.Parallel()
	n := newCluster(t, 1).nodes[0]
	c := n.credentialsOf(n.ID())
	expired, err := c.issue(9, publicOf(keyOf(9)), 1, time.Now().Add(-2*certificateLife))
	if err != nil {
		t.Fatal(err)
	}
	leaf, err := parseCertificate(expired)
	if err != nil {
		t.Fatal(err)
	}
	state := tls.ConnectionState{}
	state.PeerCertificates = append(state.PeerCertificates, leaf)
	if _, err := n.credentials.holder(state, func(MemberID) (string, bool) { return publicOf(keyOf(9)), true }); err != nil {
		t.Errorf("a member: %v", err)
	}
	if _, err := n.credentials.holder(state, func(MemberID) (string, bool) { return "", false }); !errors.Is(err, errNoMember) {
		t.Errorf("no member: %v", err)
	}
}

// TestUnknownLeader has a member away while another one joins and comes to lead. It does not know
// its leader, and learns of it from a member that it knows.
func TestUnknownLeader(t *testing.T) {
	t.Parallel()
	c := newCluster(t, 3)
	away := c.add(nil)
	c.arrives(away)
	away.stop()
	late := c.add(nil)
	lead := c.leader()
	waitFor(t, "the new one to vote", func() bool { return lead.SetVoter(within(t, 60*time.Second), late.ID(), true) == nil })
	waitFor(t, "the new one to lead", func() bool {
		return c.leader().TransferLeadership(within(t, 60*time.Second), late.ID()) == nil && late.Leader() == late.ID()
	})
	late.propose("by the new leader")
	away.start()
	waitFor(t, "the one that was away to follow it", func() bool { return len(away.list.all()) == 1 })
}

// TestLogOverridesDiscovery checks that what others tell of members counts only while
// this node's log is behind theirs.
func TestLogOverridesDiscovery(t *testing.T) {
	var h discovered
	m := withKey(Member{ID: 5, Name: "x", Role: Venue, Peer: "127.0.0.1:1"})
	h.put(memberList{AsOf: 10, Members: []Member{m, {ID: 6}}})
	for _, c := range []struct {
		id      MemberID
		applied uint64
		want    bool
	}{{5, 9, true}, {5, 10, false}, {6, 9, false}, {7, 9, false}} {
		if _, ok := h.get(c.id, c.applied); ok != c.want {
			t.Errorf("member %s at %d: %v", c.id, c.applied, ok)
		}
	}
	h.put(memberList{AsOf: 9})
	if _, ok := h.get(5, 8); !ok {
		t.Error("older news count more")
	}
	h.put(memberList{AsOf: 11})
	if _, ok := h.get(5, 9); ok {
		t.Error("a member that has left since is known still")
	}
}

// TestRemovedMemberIsNotBelieved has a node discover members through a removed one. It believes
// nothing of that, and forgets what a member said that is removed later.
func TestRemovedMemberIsNotBelieved(t *testing.T) {
	t.Parallel()
	c := newCluster(t, 3)
	n, removed := c.leader(), c.follower()
	rogue := memberList{AsOf: math.MaxUint64, Members: []Member{withKey(Member{ID: 66, Name: "rogue", Role: Venue, Peer: "127.0.0.1:1"})}}
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer ln.Close()
	gone, id := removed.credentials, removed.ID()
	removed.kill()
	done := make(chan struct{})
	go func() {
		defer close(done)
		for { // the replicator comes, too, once it has learned the address
			raw, err := ln.Accept()
			if err != nil {
				return
			}
			conn := tls.Server(raw, gone.server())
			if _, err := receiveHello(conn); err == nil {
				_ = errors.Join(writeJSON(conn, reply{Code: replyOK}), writeJSON(conn, rogue))
			}
			raw.Close()
		}
	}()
	ctx := within(t, 60*time.Second)
	if err := n.discover(ctx, ln.Addr().String()); err != nil {
		t.Fatal(err)
	}
	if _, ok := n.knownKey(66); !ok {
		t.Fatal("a member is not believed")
	}
	if err := n.Remove(ctx, id); err != nil {
		t.Fatal(err)
	}
	waitFor(t, "it to be forgotten", func() bool { _, ok := n.knownKey(66); return !ok })
	if err := n.discover(ctx, ln.Addr().String()); err == nil {
		t.Error("the removed one is heard")
	}
	ln.Close()
	<-done
	if _, ok := n.knownKey(66); ok {
		t.Error("the removed one is believed")
	}
}
