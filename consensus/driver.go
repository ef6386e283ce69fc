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

// raftLoop owns the RawNode: all that happens to it happens here, one thing at a time. It touches
// no disk and no socket. It hands the work that Raft wants done to the write loop, the apply loop
// and the replicators at once. So an append leaves for the followers while the leader's own write
// is only beginning (Raft thesis, 10.2.1).
func (n *Node) raftLoop() {
	defer n.stopAtPanic()
	tick := time.NewTicker(n.cfg.Tick)
	defer tick.Stop()
	var done []chan struct{}
	for {
		queued := n.proposals.ready
		if n.gate.writes > 0 || n.gate.awaitsApply.Load() {
			queued = nil // they join the next batch
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
		// Take everything that is pending: each Ready costs, and the order must not depend on
		// chance.
		if m != nil {
			_ = n.stepFromPeer(m, MemberID(m.From)) // readMessages has checked m.From
		}
		for range len(n.network) {
			m := <-n.network
			_ = n.stepFromPeer(m, MemberID(m.From))
		}
		n.handleEvents()
		if !ticked {
			_, ticked = tryReceive(tick.C)
		}
		if ticked {
			n.electionClock.tick(n.raft)
			n.pending.tick()
			n.noteOwnCommit()
		}
		if c.f == nil {
			c, _ = tryReceive(n.calls)
		}
		if c.f != nil { // one per turn: the next may ask what Raft made of it, see restoredIndex
			c.f(n.raft)
			done = append(done, c.done)
		}
		if !n.gate.mustWait(&n.applied, n.proposals.any) {
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

// tryReceive receives from c if there is something.
func tryReceive[T any](c <-chan T) (v T, ok bool) {
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

func (n *Node) handleEvent(e news) {
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
	if n.electionClock.noteReceived(m) {
		n.leaderContact.Store(time.Now().UnixNano())
	}
	n.manualTransfer.noteReceived(m)
	if m.Type == raftpb.MsgReadIndex {
		n.stepRead(m)
		return
	}
	// Raft refuses messages of nodes that it does not know, and messages that are out of date.
	// Their loss is no worse than a loss in the network.
	if err := n.raft.Step(*m); err != nil {
		n.log.Debug("message ignored", "type", m.Type, "from", MemberID(m.From), "err", err)
	}
}

// isCommitOnly reports whether m brings the write loop nothing but a commit index. It notes term
// and vote.
func (n *Node) isCommitOnly(m *raftpb.Message) bool {
	same := !hasHardState(m) || m.Term == n.hardState.Term && m.Vote == n.hardState.Vote
	if !same {
		n.hardState = raftpb.HardState{Term: m.Term, Vote: m.Vote}
	}
	return same && len(m.Entries) == 0 && len(m.Responses) == 0 && !hasSnapshot(m)
}

// hasHardState reports whether a MsgStorageAppend has one.
func hasHardState(m *raftpb.Message) bool { return m.Term != 0 || m.Vote != 0 || m.Commit != 0 }

func hasSnapshot(m *raftpb.Message) bool { return m.Snapshot != nil && !raft.IsEmptySnap(*m.Snapshot) }

// deferCommit keeps back an append that tells a follower nothing but the commit index, while this
// node is writing entries. The next append leaves soon and has the same index. If none follows,
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
		n.electionClock.noteTerm(rd.HardState.Term)
		n.leadership.current.Store(rd.HardState.Term)
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
				if n.electionClock.lead == n.id {
					n.entryTimes.note(ents[0].Index, now)
				}
			}
			n.electionClock.noteAnswers(m.Responses)
			if n.isCommitOnly(m) {
				n.toWrite.putQuietly(writeWork{message: m}) // the next write includes it
			} else {
				n.toWrite.put(writeWork{message: m})
			}
			if hasSnapshot(m) {
				n.restoredIndex = m.Snapshot.Metadata.Index
				n.lastIndex = n.restoredIndex
				n.snapshots.accept(n.restoredIndex)
			}
		case raft.LocalApplyThread:
			n.noteCommitted(m.Entries)
			n.toApply.put(applyWork{message: m})
		default:
			n.manualTransfer.markSent(m)
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
	// Until now this node's own boards were the newest, or it has just heard from lead.
	if was, _ := n.leader.get(); was == n.id || lead != 0 {
		n.leaderContact.Store(now.UnixNano())
	}
	n.electionClock.noteLeader(lead)
	if lead != n.id {
		n.leadership.ready.Store(0)
	}
	if !n.leader.set(lead) {
		return
	}
	n.pending.wakeAll()
	m, _ := n.roster.get(lead)
	n.manualTransfer.noteLeader(lead, n.id, n.electionClock.term)
	if lead == n.id {
		n.entryTimes.reset(now)
	}
	if lead != 0 {
		n.leaderHistory.note(lead, m.Role, now, n.cfg.Tick)
	}
	n.log.Info("leader changed", "leader", lead, "name", m.Name, "state", state)
}

// send routes a message to a peer's replicator, or back to this node's Raft loop.
func (n *Node) send(m *raftpb.Message) {
	to := MemberID(m.To)
	if to == n.id {
		n.inbox.put(news{message: m})
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

// leaderWatch knows the leader and tells those who wait when it changes.
type leaderWatch struct {
	period atomic.Pointer[leaderPeriod]
}

// leaderPeriod is the time between two changes of the leader. It may be without a leader.
type leaderPeriod struct {
	leader  MemberID
	number  uint64        // counts the changes, from 1
	changed chan struct{} // closed at the next change
}

func newLeaderWatch() *leaderWatch {
	w := &leaderWatch{}
	w.period.Store(&leaderPeriod{number: 1, changed: make(chan struct{})})
	return w
}

// get returns the leader, 0 if there is none, and a channel that is closed when the leader changes.
func (w *leaderWatch) get() (MemberID, <-chan struct{}) {
	r := w.period.Load()
	return r.leader, r.changed
}

// current returns the leader, 0 if there is none, and the number of the change that made it so.
func (w *leaderWatch) current() (lead MemberID, change uint64) {
	r := w.period.Load()
	return r.leader, r.number
}

// set is called by the Raft loop. It reports whether the leader has changed.
func (w *leaderWatch) set(id MemberID) bool {
	old := w.period.Load()
	if old.leader == id {
		return false
	}
	w.period.Store(&leaderPeriod{leader: id, number: old.number + 1, changed: make(chan struct{})})
	close(old.changed)
	return true
}
