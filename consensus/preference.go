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

// Who leads. Recorders do; a venue leads only when no recorder can, so that the
// broadcast never stops, and gives leadership back once a recorder is fit again.
//
// Both halves are kept out of Raft itself, which knows no roles. Every node has
// the same election timeout, so that a venue that leads notices as soon as a
// recorder would that it has lost its majority, and gives up a transfer as soon.
// What differs is who begins an election: a venue's clock is electionClock, which
// forgets a silent leader in time to vote for a recorder and holds back itself.
// Giving back is handBack's, a part of the policy loop.

// forgetTicks is after how many ticks without word from the leader a venue stops
// refusing its vote to others for that leader's sake. One less than a recorder
// waits at the least: their ticks do not come at the same moment, and a vote that
// is asked for too early is not refused but ignored, which costs another timeout.
const forgetLeaderTicks = electionTicks - 1

// electionClock turns ticks into elections: for a recorder, and for whoever
// leads, it is Raft's own clock; for a venue that follows it is this one. Raft
// is not ticked there, which is all that would make it campaign by itself.
// Owned by the Raft loop.
type electionClock struct {
	id   MemberID
	role Role
	// hopeful reports whether id is a recorder that could be reached lately.
	recorderReachable func(id MemberID) bool

	term         uint64
	lead         MemberID          // as Raft last told; 0: none
	lastLeader   MemberID          // who led before there was none
	silentTicks  int               // ticks without word from the leader
	waitTicks    int               // how many of them this venue bears if there is nobody to wait for
	refusedVotes map[MemberID]bool // whom it had to refuse its vote since, as their log ends too early
}

func newElectionClock(id MemberID, role Role, hopeful func(MemberID) bool) *electionClock {
	c := &electionClock{id: id, role: role, recorderReachable: hopeful}
	c.resetWait()
	return c
}

// tick is called once a Config.Tick.
func (c *electionClock) tick(r *raft.RawNode) {
	if c.role == Recorder || c.lead == c.id {
		r.Tick()
		return
	}
	c.silentTicks++
	if c.silentTicks == forgetLeaderTicks {
		_ = r.ForgetLeader() // is only refused under lease reads
	}
	if c.silentTicks < c.waitTicks {
		return
	}
	voters := r.Status().Config.Voters.IDs()
	if _, votes := voters[uint64(c.id)]; !votes || (c.silentTicks < c.waitTicks+electionTicks && c.waitsForRecorder(voters)) {
		return
	}
	c.resetWait()
	_ = r.Campaign() // asks for pre-votes: where a leader is heard, nothing comes of it
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

// resetWait begins the wait anew. Its length is drawn, so that two venues seldom
// campaign at the same time.
func (c *electionClock) resetWait() {
	c.silentTicks, c.waitTicks = 0, electionTicks+int(random()%electionTicks)
}

// noteReceived is told every message from a peer. It reports whether m is a word from the leader.
func (c *electionClock) noteReceived(m *raftpb.Message) bool {
	switch m.Type {
	case raftpb.MsgApp, raftpb.MsgHeartbeat, raftpb.MsgSnap:
		// One that is no leader any more may go on talking for a while.
		if c.lead != 0 && MemberID(m.From) == c.lead {
			c.silentTicks = 0
			return true
		}
	}
	return false
}

// noteAnswers is told what goes to peers once the log is written: the answers to
// requests for votes are among it.
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

// noteTerm is told the term. A new one is an election under way: it gets its time.
func (c *electionClock) noteTerm(term uint64) {
	if term != c.term {
		c.term = term
		c.resetWait()
	}
}

// noteLeader is told who leads, 0 for nobody.
func (c *electionClock) noteLeader(lead MemberID) {
	if lead == c.lead {
		return
	}
	if c.lastLeader = c.lead; lead != 0 {
		c.lastLeader, c.refusedVotes = 0, nil
		c.resetWait()
	}
	c.lead = lead
}

// How long a recorder has to have been fit to lead before a venue hands
// leadership back to it, in ticks: some seconds; and after it lost it again soon, or
// did not take it, twice as long each time, so that one which comes and goes does not
// interrupt the broadcast each time it comes.
const (
	firstProbation = 30
	nextProbation  = 100
	maxProbation   = 3000
	// steadyReign is how long a recorder has to lead for its failures to be forgotten.
	steadyLeadership = 3000
)

// leaderHistory is what a node remembers of who has led, so that a venue that takes over
// knows how the recorders did under others, too. Owned by the Raft loop.
type leaderHistory struct {
	leader    MemberID
	role      Role
	since     time.Time
	probation int // ticks
}

// note is told of each new leader.
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

// manualTransfer is what a node knows of a leader that was chosen by hand. The old leader
// says so with the message that tells the new one to take over; Raft makes no use of
// its context. Owned by the Raft loop.
type manualTransfer struct {
	target       MemberID // whom this node, leading, is to hand over to
	expectedTerm uint64   // in this term, this node was told, it is to lead
	keeps        bool     // this node leads, and is to go on
}

var manualContext = []byte("by hand")

// markSent is shown every message that leaves.
func (c *manualTransfer) markSent(m *raftpb.Message) {
	if m.Type == raftpb.MsgTimeoutNow && c.target != 0 && MemberID(m.To) == c.target {
		m.Context = manualContext
	}
}

// noteReceived is shown every message that comes.
func (c *manualTransfer) noteReceived(m *raftpb.Message) {
	if m.Type == raftpb.MsgTimeoutNow && bytes.Equal(m.Context, manualContext) {
		c.expectedTerm = m.Term + 1
	}
}

// noteLeader is told of every change of the leader. Between two there may be none.
func (c *manualTransfer) noteLeader(leader, self MemberID, term uint64) {
	c.keeps = leader == self && term == c.expectedTerm
	if leader != 0 {
		c.target = 0
	}
}

// handBack is what the policy loop of a venue that leads keeps about the recorders.
type handBack struct {
	fitSince map[MemberID]time.Time // since when each of them has been fit to lead
}

// fitRecorder is a recorder as it stands at the moment.
type fitRecorder struct {
	id    MemberID
	since time.Time // of the connection to it
	match uint64
}

// choose notes which recorders are fit now, and returns the one that has been so for
// the probation, of several the one with the most entries; 0: none yet.
func (h *handBack) choose(now time.Time, probation time.Duration, fit []fitRecorder) MemberID {
	was := h.fitSince
	h.fitSince = make(map[MemberID]time.Time, len(fit))
	var best fitRecorder
	for _, c := range fit {
		since, ok := was[c.id]
		if !ok {
			since = now
		}
		if c.since.After(since) { // it was away between two looks
			since = c.since
		}
		h.fitSince[c.id] = since
		if now.Sub(since) >= probation && (best.id == 0 || c.match > best.match) {
			best = c
		}
	}
	return best.id
}

// handBack gives leadership back to a recorder if this node is a venue that leads for
// want of one. A venue that was made the leader by hand keeps it, for as long as it leads.
func (n *Node) handBack(h *handBack) {
	if lead, _ := n.leader.get(); lead != n.id || n.cfg.Role == Recorder {
		h.fitSince = nil
		return
	}
	var fit []fitRecorder
	var probation time.Duration
	err := n.do(n.ctx, func(r *raft.RawNode) {
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
	// While Raft waits for the other one it takes no proposals; those that come are tried again.
	ctx, cancel := context.WithTimeout(n.ctx, n.cfg.electionTimeout())
	defer cancel()
	began := time.Now()
	err = n.transfer(ctx, to, false)
	if err == nil {
		n.log.Info("leadership handed back", "to", to, "took", time.Since(began))
		return
	}
	h.fitSince = nil
	_ = n.do(n.ctx, func(*raft.RawNode) { n.leaderHistory.lengthenProbation() })
	n.log.Warn("leadership was not handed back", "to", to, "err", err)
}

// fitRecorders returns the recorders that could lead at once. Called on the Raft loop.
func (n *Node) fitRecorders(status raft.Status) []fitRecorder {
	last := max(status.Progress[status.ID].Match, status.Commit)
	var fit []fitRecorder
	for _, v := range slices.Sorted(maps.Keys(status.Config.Voters.IDs())) {
		id, p := MemberID(v), status.Progress[v]
		r := n.peers.get(id)
		if r == nil || !n.isRecorder(id) || n.differs(id) || !n.reachable(id) || p.State != tracker.StateReplicate || p.Match+closeBehind < last {
			continue
		}
		fit = append(fit, fitRecorder{id, r.appends.connectedAt(), p.Match})
	}
	return fit
}

func (n *Node) isRecorder(id MemberID) bool {
	m, ok := n.roster.get(id)
	return ok && m.Role == Recorder
}
