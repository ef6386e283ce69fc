package consensus

import (
	"maps"
	"runtime"
	"slices"
	"sync/atomic"
	"time"

	"go.etcd.io/raft/v3"
	"go.etcd.io/raft/v3/raftpb"
)

// raftLoop owns the RawNode: everything that happens to it happens here, one
// thing at a time. It touches no disk and no socket; what Raft wants done it
// hands to the write loop, the apply loop and the replicators, at once and
// beside each other. So an append leaves for the followers while the leader's
// own disk write is only beginning (Raft thesis, 10.2.1).
func (n *Node) raftLoop() {
	defer n.stopAtPanic()
	tick := time.NewTicker(n.cfg.Tick)
	defer tick.Stop()
	var done []chan struct{}
	for {
		queued := n.proposals.ready
		if n.gate.writes > 0 || n.gate.awaitsApply.Load() {
			queued = nil // they join the next append
		}
		var m *raftpb.Message
		var c call
		ticked := false
		select {
		case <-n.ctx.Done():
		case <-tick.C:
			ticked = true
		case <-n.inbox.ready:
		case m = <-n.network:
		case <-queued:
		case c = <-n.calls:
		case <-n.gate.timer.C:
		}
		if n.proposals.any() { // callers that one batch's answers have woken may propose more
			runtime.Gosched()
		}
		n.cfg.seams.settle("raft", 0)
		if n.ctx.Err() != nil {
			return
		}
		// Whatever else has come in is taken along: each Ready has its price. Of what
		// came together it does not hang on chance what is first.
		if m != nil {
			_ = n.stepFromPeer(m, MemberID(m.From)) // which readFrames has compared with the connection's
		}
		for range len(n.network) {
			m := <-n.network
			_ = n.stepFromPeer(m, MemberID(m.From))
		}
		n.handleEvents()
		if !ticked {
			_, ticked = poll(tick.C)
		}
		if ticked {
			n.clock.tick(n.raft)
			n.pending.tick()
			n.seeOwn()
		}
		if c.f == nil {
			c, _ = poll(n.calls)
		}
		if c.f != nil { // one a turn: the next may ask what Raft made of it, see restored
			c.f(n.raft)
			done = append(done, c.done)
		}
		if !n.gate.closed(&n.applied, n.proposals.any) {
			n.proposeQueued()
		}
		for n.raft.HasReady() {
			n.handleReady(n.raft.Ready())
			n.stepEarlyReads()
		}
		if n.gate.writes == 0 {
			n.sendDeferredCommits()
		}
		n.cfg.seams.stepped(n.raft)
		for _, c := range done {
			close(c)
		}
		done = done[:0]
	}
}

// poll receives from c if there is anything.
func poll[T any](c <-chan T) (v T, ok bool) {
	select {
	case v = <-c:
		return v, true
	default:
		return v, false
	}
}

func (n *Node) handleEvents() {
	for _, e := range n.inbox.takeAll() {
		n.handleEvent(e)
	}
}

func (n *Node) handleEvent(e event) {
	switch {
	case e.message != nil:
		n.step(e.message)
	case e.writes != 0:
		n.gate.writesDone(e.writes, n.commit.Load())
	case e.unreachable != 0:
		n.raft.ReportUnreachable(uint64(e.unreachable))
	case e.snapshotTo != 0:
		n.raft.ReportSnapshot(uint64(e.snapshotTo), e.snapshot)
	}
}

func (n *Node) step(m *raftpb.Message) {
	if n.clock.received(m) {
		n.leaderContact.Store(time.Now().UnixNano())
	}
	n.byHand.received(m)
	if m.Type == raftpb.MsgReadIndex {
		n.stepRead(m)
		return
	}
	// What Raft refuses here comes from a node that it does not know (any
	// more), or is out of date: losing it is what a network may do.
	if err := n.raft.Step(*m); err != nil {
		n.log.Debug("message ignored", "type", m.Type, "from", MemberID(m.From), "err", err)
	}
}

// isCommitOnly says whether the write loop is told of nothing but a commit index. It notes term and vote.
func (n *Node) isCommitOnly(m *raftpb.Message) bool {
	same := !hasHardState(m) || m.Term == n.hard.Term && m.Vote == n.hard.Vote
	if !same {
		n.hard = raftpb.HardState{Term: m.Term, Vote: m.Vote}
	}
	return same && len(m.Entries) == 0 && len(m.Responses) == 0 && !hasSnapshot(m)
}

// hasHardState says whether a MsgStorageAppend carries one.
func hasHardState(m *raftpb.Message) bool { return m.Term != 0 || m.Vote != 0 || m.Commit != 0 }

func hasSnapshot(m *raftpb.Message) bool { return m.Snapshot != nil && !raft.IsEmptySnap(*m.Snapshot) }

// deferCommit keeps back an append that tells a follower nothing but the commit index, while this node
// is writing entries. The next append leaves soon and carries the same index. If none follows,
// sendDeferredCommits sends this one. Under load these are a third of all messages.
func (n *Node) deferCommit(m *raftpb.Message) bool {
	if m.Type != raftpb.MsgApp {
		return false
	}
	to := MemberID(m.To)
	delete(n.deferredCommits, to)
	if len(m.Entries) > 0 || n.gate.writes == 0 {
		return false
	}
	n.deferredCommits[to] = m
	return true
}

// sendDeferredCommits sends what deferCommit has kept back.
func (n *Node) sendDeferredCommits() {
	for _, to := range slices.Sorted(maps.Keys(n.deferredCommits)) {
		n.send(n.deferredCommits[to])
		delete(n.deferredCommits, to)
	}
}

// handleReady hands on what Raft wants done.
func (n *Node) handleReady(rd raft.Ready) {
	if !raft.IsEmptyHardState(rd.HardState) {
		n.commit.Store(rd.HardState.Commit)
		n.gate.committed(rd.HardState.Commit)
		n.clock.enters(rd.HardState.Term)
		n.reigning.term.Store(rd.HardState.Term)
	}
	n.reads.confirm(rd.ReadStates)
	for i := range rd.Messages {
		m := &rd.Messages[i]
		switch m.To {
		case raft.LocalAppendThread:
			if ents := m.Entries; len(ents) > 0 {
				now := time.Now()
				n.lastIndex = ents[len(ents)-1].Index
				n.gate.writeBegan(ents[len(ents)-1].Index, now)
				if n.clock.lead == n.id {
					n.entryTimes.note(ents[0].Index, now)
				}
			}
			n.clock.answers(m.Responses)
			if n.isCommitOnly(m) {
				n.toWrite.leave(writeWork{message: m}) // it goes along with the next append
			} else {
				n.toWrite.put(writeWork{message: m})
			}
			if hasSnapshot(m) {
				n.restored = m.Snapshot.Metadata.Index
				n.lastIndex = n.restored
				n.snapshots.accept(n.restored)
			}
		case raft.LocalApplyThread:
			n.noteReign(m.Entries)
			n.toApply.put(applyWork{message: m})
		default:
			n.byHand.mark(m)
			if !n.deferCommit(m) {
				n.send(m)
			}
		}
	}
	if rd.SoftState != nil {
		n.leaderChanged(MemberID(rd.SoftState.Lead), rd.SoftState.RaftState)
	}
}

func (n *Node) leaderChanged(lead MemberID, state raft.StateType) {
	now := time.Now()
	if was, _ := n.leader.get(); was == n.id || lead != 0 { // its own boards were the newest up to now, or it has just heard from lead
		n.leaderContact.Store(now.UnixNano())
	}
	n.clock.follows(lead)
	if lead != n.id {
		n.reigning.over.Store(0)
	}
	if !n.leader.set(lead) {
		return
	}
	n.pending.wakeAll()
	m, _ := n.roster.get(lead)
	n.byHand.follows(lead, n.id, n.clock.term)
	if lead == n.id {
		n.entryTimes.reset(now)
	}
	if lead != 0 {
		n.reigns.begin(lead, m.Role, now, n.cfg.Tick)
	}
	n.log.Info("leader changed", "leader", lead, "name", m.Name, "state", state)
}

// send routes a message: to a peer's replicator, or back to this node's Raft loop.
func (n *Node) send(m *raftpb.Message) {
	to := MemberID(m.To)
	if to == n.id {
		n.inbox.put(event{message: m})
		return
	}
	if m.Type == raftpb.MsgTransferLeader {
		return // this node led when it was asked for a transfer, and no longer does
	}
	if r := n.peers.get(to); r != nil {
		r.send(m)
		return
	}
	if m.Type == raftpb.MsgSnap {
		n.reportSnapshot(to, raft.SnapshotFailure)
	}
	n.reportUnreachable(to)
}

// leaderWatch tells whoever waits when the leader changes.
type leaderWatch struct {
	current atomic.Pointer[reign]
}

// reign is how long one member, or none, is the leader.
type reign struct {
	id     MemberID
	number uint64        // counts the changes, from 1
	over   chan struct{} // closed at the next change
}

func newLeaderWatch() *leaderWatch {
	w := &leaderWatch{}
	w.current.Store(&reign{number: 1, over: make(chan struct{})})
	return w
}

// get returns the leader, 0 if there is none, and a channel that is closed when that changes.
func (w *leaderWatch) get() (MemberID, <-chan struct{}) {
	r := w.current.Load()
	return r.id, r.over
}

// now returns the leader, 0 if there is none, and a number that is another one after each change.
func (w *leaderWatch) now() (lead MemberID, reign uint64) {
	r := w.current.Load()
	return r.id, r.number
}

// set is called by the Raft loop. It reports whether that is a change.
func (w *leaderWatch) set(id MemberID) bool {
	old := w.current.Load()
	if old.id == id {
		return false
	}
	w.current.Store(&reign{id: id, number: old.number + 1, over: make(chan struct{})})
	close(old.over)
	return true
}
