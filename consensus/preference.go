package consensus

import (
	"bytes"
	"context"
	"maps"
	"slices"
	"time"

	"go.etcd.io/raft/v3"
	"go.etcd.io/raft/v3/raftpb"
	"go.etcd.io/raft/v3/tracker"
)

// Recorders lead if they can. A venue leads only while no recorder can, so that the broadcast never
// stops, and hands leadership back once a recorder is fit again.
//
// Raft knows no roles, so both halves are outside of it. All nodes have the same election timeout.
// So a venue that leads without a majority steps down as soon as a recorder would. The difference
// is who calls an election: a venue's electionClock forgets a silent leader in time to vote for a
// recorder, and campaigns later itself. Handing back is a part of the policy loop.

// forgetLeaderTicks is after how many silent ticks of the leader a venue votes for others again. It
// is one less than a recorder's shortest wait, since the nodes' ticks differ. A vote that is asked
// for too early is not refused but ignored, which costs another timeout.
const forgetLeaderTicks = electionTicks - 1

// electionClock turns ticks into elections. For a recorder, and for a leader, it is Raft's own
// clock. For a venue that follows it is this one: Raft is not ticked there, so it does not campaign
// by itself. Owned by the Raft loop.
type electionClock struct {
	id   MemberID
	role Role
	// recorderReachable reports whether id is a recorder that was heard from lately.
	recorderReachable func(id MemberID) bool

	term         uint64
	lead         MemberID          // as Raft said last; 0: none
	lastLeader   MemberID          // the leader before there was none
	silentTicks  int               // since the last message of the leader
	waitTicks    int               // silent ticks until it campaigns if it waits for nobody
	refusedVotes map[MemberID]bool // voters whose log ended too early for this one's vote
}

func newElectionClock(id MemberID, role Role, hopeful func(MemberID) bool) *electionClock {
	c := &electionClock{id: id, role: role, recorderReachable: hopeful}
	c.resetWait()
	return c
}

// tick is called once per Config.Tick.
func (c *electionClock) tick(r *raft.RawNode) {
	if c.role == Recorder || c.lead == c.id {
		r.Tick()
		return
	}
	c.silentTicks++
	if c.silentTicks == forgetLeaderTicks {
		_ = r.ForgetLeader() // refused only under lease reads
	}
	if c.silentTicks < c.waitTicks {
		return
	}
	voters := r.Status().Config.Voters.IDs()
	if _, votes := voters[uint64(c.id)]; !votes || (c.silentTicks < c.waitTicks+electionTicks && c.waitsForRecorder(voters)) {
		return
	}
	c.resetWait()
	_ = r.Campaign() // begins with pre-votes, which fail where a leader is heard
}

// waitsForRecorder reports whether a recorder may be about to take over.
func (c *electionClock) waitsForRecorder(voters map[uint64]struct{}) bool {
	for v := range voters {
		if id := MemberID(v); id != c.id && id != c.lastLeader && !c.refusedVotes[id] && c.recorderReachable(id) {
			return true
		}
	}
	return false
}

// resetWait begins the wait again. Its length is random, so that two venues seldom campaign
// together.
func (c *electionClock) resetWait() {
	c.silentTicks, c.waitTicks = 0, electionTicks+int(randomUint64()%electionTicks)
}

// noteReceived is called with each message from a peer. It reports whether m is from the leader.
func (c *electionClock) noteReceived(m *raftpb.Message) bool {
	switch m.Type {
	case raftpb.MsgApp, raftpb.MsgHeartbeat, raftpb.MsgSnap:
		// A former leader may go on sending for a while.
		if c.lead != 0 && MemberID(m.From) == c.lead {
			c.silentTicks = 0
			return true
		}
	}
	return false
}

// noteAnswers is called with the messages that leave once the log is written. Answers to requests
// for votes are among them.
func (c *electionClock) noteAnswers(ms []raftpb.Message) {
	for _, m := range ms {
		if m.Type == raftpb.MsgPreVoteResp && m.Reject {
			if c.refusedVotes == nil {
				c.refusedVotes = map[MemberID]bool{}
			}
			c.refusedVotes[MemberID(m.To)] = true
		}
	}
}

// noteTerm is called with the term. A new term is an election under way: it gets its time.
func (c *electionClock) noteTerm(term uint64) {
	if term != c.term {
		c.term = term
		c.resetWait()
	}
}

// noteLeader is called with the leader, 0 for none.
func (c *electionClock) noteLeader(lead MemberID) {
	if lead == c.lead {
		return
	}
	c.lastLeader = c.lead
	if lead != 0 {
		c.lastLeader, c.refusedVotes = 0, nil
		c.resetWait()
	}
	c.lead = lead
}

// Before a venue hands leadership back, the recorder must have been fit for this many ticks: some
// seconds. The wait doubles each time the recorder soon loses leadership or does not take it. So a
// recorder that comes and goes does not interrupt the broadcast each time.
const (
	firstProbation = 30
	nextProbation  = 100
	maxProbation   = 3000
	// steadyLeadership is after how many ticks of leading a recorder's failures are forgotten.
	steadyLeadership = 3000
)

// leaderHistory is what a node knows of the leaders so far. So a venue that takes over knows how
// recorders did under other leaders. Owned by the Raft loop.
type leaderHistory struct {
	leader    MemberID
	role      Role
	since     time.Time
	probation int // in ticks
}

// note is called with each new leader.
func (r *leaderHistory) note(leader MemberID, role Role, now time.Time, tick time.Duration) {
	if leader == r.leader {
		return
	}
	if r.role == Recorder && role == Venue {
		if now.Sub(r.since) < steadyLeadership*tick {
			r.lengthenProbation()
		} else {
			r.probation = firstProbation
		}
	}
	r.leader, r.role, r.since = leader, role, now
}

func (r *leaderHistory) lengthenProbation() {
	r.probation = min(max(2*r.probation, nextProbation), maxProbation)
}

// manualTransfer is what a node knows of leadership that a person has transferred. The old leader
// says so in the context of the message by which the new one takes over; Raft ignores it. Owned by
// the Raft loop.
type manualTransfer struct {
	target       MemberID // this node leads and is to hand over to it
	expectedTerm uint64   // this node is to lead in this term
	keeps        bool     // this node leads and is to go on
}

var manualContext = []byte("by hand")

// markSent is called with each message that leaves.
func (c *manualTransfer) markSent(m *raftpb.Message) {
	if m.Type == raftpb.MsgTimeoutNow && c.target != 0 && MemberID(m.To) == c.target {
		m.Context = manualContext
	}
}

// noteReceived is called with each message that comes.
func (c *manualTransfer) noteReceived(m *raftpb.Message) {
	if m.Type == raftpb.MsgTimeoutNow && bytes.Equal(m.Context, manualContext) {
		c.expectedTerm = m.Term + 1
	}
}

// noteLeader is called with each change of the leader, 0 for none.
func (c *manualTransfer) noteLeader(leader, self MemberID, term uint64) {
	c.keeps = leader == self && term == c.expectedTerm
	if leader != 0 {
		c.target = 0
	}
}

// handBack is what the policy loop of a venue that leads knows of the recorders.
type handBack struct {
	fitSince map[MemberID]time.Time // since when each has been fit to lead
}

// fitRecorder is a recorder that could lead now.
type fitRecorder struct {
	id    MemberID
	since time.Time // of the connection to it
	match uint64
}

// choose notes which recorders are fit now. It returns one that has been so for the probation: the
// one with the most entries; 0: none yet.
func (h *handBack) choose(now time.Time, probation time.Duration, fit []fitRecorder) MemberID {
	was := h.fitSince
	h.fitSince = make(map[MemberID]time.Time, len(fit))
	var best fitRecorder
	for _, c := range fit {
		since, ok := was[c.id]
		if !ok {
			since = now
		}
		if c.since.After(since) { // it was away between two calls
			since = c.since
		}
		h.fitSince[c.id] = since
		if now.Sub(since) >= probation && (best.id == 0 || c.match > best.match) {
			best = c
		}
	}
	return best.id
}

// handBack hands leadership back to a recorder if this node is a venue that leads as a last resort.
// A venue to which a person has transferred leadership keeps it.
func (n *Node) handBack(h *handBack) {
	if lead, _ := n.leader.get(); lead != n.id || n.cfg.Role == Recorder {
		h.fitSince = nil
		return
	}
	var fit []fitRecorder
	var probation time.Duration
	err := n.runOnRaftLoop(n.ctx, func(r *raft.RawNode) {
		if status := r.Status(); status.RaftState == raft.StateLeader && !n.manualTransfer.keeps {
			fit = n.fitRecorders(status)
		}
		probation = time.Duration(n.leaderHistory.probation) * n.cfg.Tick
	})
	if err != nil {
		return
	}
	to := h.choose(time.Now(), probation, fit)
	if to == 0 {
		return
	}
	// During a transfer Raft takes no proposals; they are tried again.
	ctx, cancel := context.WithTimeout(n.ctx, n.cfg.electionTimeout())
	defer cancel()
	began := time.Now()
	err = n.transfer(ctx, to, false)
	if err == nil {
		n.log.Info("leadership handed back", "to", to, "took", time.Since(began))
		return
	}
	h.fitSince = nil
	_ = n.runOnRaftLoop(n.ctx, func(*raft.RawNode) { n.leaderHistory.lengthenProbation() })
	n.log.Warn("leadership was not handed back", "to", to, "err", err)
}

// fitRecorders returns the recorders that could lead at once. The Raft loop calls it.
func (n *Node) fitRecorders(status raft.Status) []fitRecorder {
	last := max(status.Progress[status.ID].Match, status.Commit)
	var fit []fitRecorder
	for _, v := range slices.Sorted(maps.Keys(status.Config.Voters.IDs())) {
		id, p := MemberID(v), status.Progress[v]
		r := n.peers.get(id)
		if r == nil || !n.isRecorder(id) || n.differs(id) || !n.reachable(id) || p.State != tracker.StateReplicate || p.Match+closeBehind < last {
			continue
		}
		fit = append(fit, fitRecorder{id, r.appends.connectedSince(), p.Match})
	}
	return fit
}

func (n *Node) isRecorder(id MemberID) bool {
	m, ok := n.roster.get(id)
	return ok && m.Role == Recorder
}
