package consensus

import (
	"fmt"
	"runtime/debug"

	"go.etcd.io/raft/v3"
	"go.etcd.io/raft/v3/confchange"
	"go.etcd.io/raft/v3/raftpb"
	"go.etcd.io/raft/v3/tracker"
)

// A member may send a message that cannot be true: it has a bug, its disk is an old copy, or it is
// in the wrong hands. Raft panics at some of them, and adopts any term. So the Raft loop judges
// each message of a peer before Raft sees it. It counts a message that cannot be true, and ends its
// sender's connections.

// maxTermLeap is how far a term may be above this node's. A node that was away for years may have
// missed many elections, but not a million.
const maxTermLeap = 1 << 20

// fromPeers is the types of messages that a peer may send.
var fromPeers = map[raftpb.MessageType]bool{
	raftpb.MsgApp: true, raftpb.MsgAppResp: true, raftpb.MsgSnap: true,
	raftpb.MsgVote: true, raftpb.MsgVoteResp: true, raftpb.MsgPreVote: true, raftpb.MsgPreVoteResp: true,
	raftpb.MsgHeartbeat: true, raftpb.MsgHeartbeatResp: true, raftpb.MsgTimeoutNow: true,
	raftpb.MsgReadIndex: true, raftpb.MsgReadIndexResp: true,
}

// credible returns why a peer's message cannot be true, or nil. The Raft loop calls it.
func (n *Node) credible(m *raftpb.Message) error {
	now := n.raft.BasicStatus()
	switch {
	case !fromPeers[m.Type]:
		return fmt.Errorf("no peer sends a %s", m.Type)
	case m.Term > now.Term && m.Term-now.Term > maxTermLeap:
		return fmt.Errorf("term %d, and this node is in term %d", m.Term, now.Term)
	case m.Term < now.Term: // it may only be late, and Raft ignores it
		return nil
	}
	switch m.Type {
	case raftpb.MsgHeartbeat:
		return n.credibleLeader(m, now)
	case raftpb.MsgApp:
		return firstError(n.credibleLeader(m, now), credibleEntries(m))
	case raftpb.MsgSnap:
		return firstError(n.credibleLeader(m, now), credibleSnapshot(m))
	case raftpb.MsgTimeoutNow:
		if m.Term > now.Term { // it goes only to a follower that has all entries of the leader
			return fmt.Errorf("an order to lead in term %d, and this node is in term %d", m.Term, now.Term)
		}
		return n.credibleLeader(m, now)
	case raftpb.MsgAppResp:
		// Until it leads again, it may lack what it had sent and not written when it crashed.
		if m.Term == now.Term && now.RaftState == raft.StateLeader && max(m.Index, m.RejectHint) > n.lastIndex {
			return fmt.Errorf("an acknowledgement of entry %d, and the log ends at %d", m.Index, n.lastIndex)
		}
	}
	return nil
}

// firstError returns the first error of two.
func firstError(a, b error) error {
	if a != nil {
		return a
	}
	return b
}

// credibleLeader judges a message that only the leader of its term sends. A term has one leader. A
// leader's commit index is at most what this node has acknowledged.
func (n *Node) credibleLeader(m *raftpb.Message, now raft.BasicStatus) error {
	switch {
	case m.Term == now.Term && now.Lead != 0 && m.From != now.Lead:
		return fmt.Errorf("%s speaks as the leader of term %d, which %s leads", MemberID(m.From), m.Term, MemberID(now.Lead))
	case m.Type == raftpb.MsgHeartbeat && m.Commit > n.lastIndex:
		return fmt.Errorf("a commit index of %d, and this node's log ends at %d", m.Commit, n.lastIndex)
	}
	return nil
}

// credibleEntries judges the entries of an append: their terms rise from that of the entry before
// to at most the leader's.
func credibleEntries(m *raftpb.Message) error {
	term := m.LogTerm
	if term > m.Term {
		return fmt.Errorf("an append after an entry of term %d, from the leader of term %d", term, m.Term)
	}
	for i := range m.Entries {
		e := &m.Entries[i]
		if e.Term < term || e.Term > m.Term {
			return fmt.Errorf("entry %d of term %d, after one of term %d, from the leader of term %d", e.Index, e.Term, term, m.Term)
		}
		term = e.Term
	}
	return nil
}

// credibleSnapshot judges the metadata of a snapshot. Raft panics at an impossible membership.
func credibleSnapshot(m *raftpb.Message) error {
	meta := m.Snapshot.Metadata
	if meta.Index == 0 || meta.Term == 0 || meta.Term > m.Term || len(meta.ConfState.Voters) == 0 {
		return fmt.Errorf("a snapshot at index %d of term %d with %d voters", meta.Index, meta.Term, len(meta.ConfState.Voters))
	}
	empty := confchange.Changer{Tracker: tracker.MakeProgressTracker(1, 0), LastIndex: meta.Index}
	cfg, _, err := confchange.Restore(empty, meta.ConfState)
	if err != nil {
		return fmt.Errorf("a snapshot of an impossible membership: %w", err)
	}
	restored := tracker.ProgressTracker{Config: cfg}
	return meta.ConfState.Equivalent(restored.ConfState())
}

// stepFromPeer gives Raft a message from a peer if it can be true. Otherwise it counts the message,
// ends the peer's connections, and returns why.
func (n *Node) stepFromPeer(m *raftpb.Message, from MemberID) error {
	why := n.credible(m)
	if why == nil {
		n.step(m)
		return nil
	}
	n.incredible.Add(1)
	n.log.Warn("dropped a message that cannot be true", "from", from, "name", n.nameOf(from), "type", m.Type, "err", why)
	n.peers.closeInbound(from)
	return fmt.Errorf("a %s from %s that cannot be true: %w", m.Type, from, why)
}

// stopAtPanic is deferred by the Raft loop. Raft panics where going on would make something false
// durable, so this node stops. Nothing of what Raft has not handed on is on disk.
func (n *Node) stopAtPanic() {
	if v := recover(); v != nil {
		n.log.Error("raft cannot go on", "panic", v, "stack", string(debug.Stack()))
		n.fail(fmt.Errorf("raft cannot go on with this node's data and messages: %v: "+
			"if its data directory is an older copy, clear it and join again as a new member", v))
	}
}

// Incredible returns how many messages of other members this node has refused because they cannot
// be true. Even one means a fault, or an attack, at that member.
func (n *Node) Incredible() uint64 { return n.incredible.Load() }
