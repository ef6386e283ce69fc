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
const forgetTicks = electionTicks - 1

// electionClock turns ticks into elections: for a recorder, and for whoever
// leads, it is Raft's own clock; for a venue that follows it is this one. Raft
// is not ticked there, which is all that would make it campaign by itself.
// Owned by the Raft loop.
type electionClock struct {
	id   MemberID
	role Role
	// hopeful reports whether id is a recorder that could be reached lately.
	hopeful func(id MemberID) bool

	term    uint64
	lead    MemberID          // as Raft last told; 0: none
	lost    MemberID          // who led before there was none
	silent  int               // ticks without word from the leader
	wait    int               // how many of them this venue bears if there is nobody to wait for
	refused map[MemberID]bool // whom it had to refuse its vote since, as their log ends too early
}

func newElectionClock(id MemberID, role Role, hopeful func(MemberID) bool) *electionClock {
	c := &electionClock{id: id, role: role, hopeful: hopeful}
	c.rest()
	return c
}

// tick is called once a Config.Tick.
func (c *electionClock) tick(r *raft.RawNode) {
	if c.role == Recorder || c.lead == c.id {
		r.Tick()
		return
	}
	c.silent++
	if c.silent == forgetTicks {
		_ = r.ForgetLeader() // is only refused under lease reads
	}
	if c.silent < c.wait {
		return
	}
	voters := r.Status().Config.Voters.IDs()
	if _, votes := voters[uint64(c.id)]; !votes || (c.silent < c.wait+electionTicks && c.waitsForRecorder(voters)) {
		return
	}
	c.rest()
	_ = r.Campaign() // asks for pre-votes: where a leader is heard, nothing comes of it
}

// waitsForRecorder reports whether a recorder may be about to take over.
func (c *electionClock) waitsForRecorder(voters map[uint64]struct{}) bool {
	for v := range voters {
		if id := MemberID(v); id != c.id && id != c.lost && !c.refused[id] && c.hopeful(id) {
			return true
		}
	}
	return false
}

// rest begins the wait anew. Its length is drawn, so that two venues seldom
// campaign at the same time.
func (c *electionClock) rest() { c.silent, c.wait = 0, electionTicks+int(random()%electionTicks) }

// received is told every message from a peer. It reports whether m is a word from the leader.
func (c *electionClock) received(m *raftpb.Message) bool {
	switch m.Type {
	case raftpb.MsgApp, raftpb.MsgHeartbeat, raftpb.MsgSnap:
		// One that is no leader any more may go on talking for a while.
		if c.lead != 0 && MemberID(m.From) == c.lead {
			c.silent = 0
			return true
		}
	}
	return false
}

// answers is told what goes to peers once the log is written: the answers to
// requests for votes are among it.
func (c *electionClock) answers(ms []raftpb.Message) {
	for _, m := range ms {
		if m.Type == raftpb.MsgPreVoteResp && m.Reject {
			if c.refused == nil {
				c.refused = map[MemberID]bool{}
			}
			c.refused[MemberID(m.To)] = true
		}
	}
}

// enters is told the term. A new one is an election under way: it gets its time.
func (c *electionClock) enters(term uint64) {
	if term != c.term {
		c.term = term
		c.rest()
	}
}

// follows is told who leads, 0 for nobody.
func (c *electionClock) follows(lead MemberID) {
	if lead == c.lead {
		return
	}
	if c.lost = c.lead; lead != 0 {
		c.lost, c.refused = 0, nil
		c.rest()
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
	steadyReign = 3000
)

// reigns is what a node remembers of who has led, so that a venue that takes over
// knows how the recorders did under others, too. Owned by the Raft loop.
type reigns struct {
	leader    MemberID
	role      Role
	since     time.Time
	probation int // ticks
}

// begin is told of each new leader.
func (r *reigns) begin(leader MemberID, role Role, now time.Time, tick time.Duration) {
	if leader == r.leader {
		return
	}
	if r.role == Recorder && role == Venue {
		if now.Sub(r.since) < steadyReign*tick {
			r.lengthen()
		} else {
			r.probation = firstProbation
		}
	}
	r.leader, r.role, r.since = leader, role, now
}

func (r *reigns) lengthen() { r.probation = min(max(2*r.probation, nextProbation), maxProbation) }

// choice is what a node knows of a leader that was chosen by hand. The old leader
// says so with the message that tells the new one to take over; Raft makes no use of
// its context. Owned by the Raft loop.
type choice struct {
	to   MemberID // whom this node, leading, is to hand over to
	term uint64   // in this term, this node was told, it is to lead
	here bool     // this node leads, and is to go on
}

var chosenByHand = []byte("by hand")

// mark is shown every message that leaves.
func (c *choice) mark(m *raftpb.Message) {
	if m.Type == raftpb.MsgTimeoutNow && c.to != 0 && MemberID(m.To) == c.to {
		m.Context = chosenByHand
	}
}

// received is shown every message that comes.
func (c *choice) received(m *raftpb.Message) {
	if m.Type == raftpb.MsgTimeoutNow && bytes.Equal(m.Context, chosenByHand) {
		c.term = m.Term + 1
	}
}

// follows is told of every change of the leader. Between two there may be none.
func (c *choice) follows(leader, self MemberID, term uint64) {
	c.here = leader == self && term == c.term
	if leader != 0 {
		c.to = 0
	}
}

// handBack is what the policy loop of a venue that leads keeps about the recorders.
type handBack struct {
	fit map[MemberID]time.Time // since when each of them has been fit to lead
}

// candidate is a recorder as it stands at the moment.
type candidate struct {
	id    MemberID
	since time.Time // of the connection to it
	match uint64
}

// choose notes which recorders are fit now, and returns the one that has been so for
// the probation, of several the one with the most entries; 0: none yet.
func (h *handBack) choose(now time.Time, probation time.Duration, fit []candidate) MemberID {
	was := h.fit
	h.fit = make(map[MemberID]time.Time, len(fit))
	var best candidate
	for _, c := range fit {
		since, ok := was[c.id]
		if !ok {
			since = now
		}
		if c.since.After(since) { // it was away between two looks
			since = c.since
		}
		h.fit[c.id] = since
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
		h.fit = nil
		return
	}
	var fit []candidate
	var probation time.Duration
	err := n.do(n.ctx, func(r *raft.RawNode) {
		if status := r.Status(); status.RaftState == raft.StateLeader && !n.byHand.here {
			fit = n.fitRecorders(status)
		}
		probation = time.Duration(n.reigns.probation) * n.cfg.Tick
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
	h.fit = nil
	_ = n.do(n.ctx, func(*raft.RawNode) { n.reigns.lengthen() })
	n.log.Warn("leadership was not handed back", "to", to, "err", err)
}

// fitRecorders returns the recorders that could lead at once. Called on the Raft loop.
func (n *Node) fitRecorders(status raft.Status) []candidate {
	last := max(status.Progress[status.ID].Match, status.Commit)
	var fit []candidate
	for _, v := range slices.Sorted(maps.Keys(status.Config.Voters.IDs())) {
		id, p := MemberID(v), status.Progress[v]
		r := n.peers.get(id)
		if r == nil || !n.isRecorder(id) || n.differs(id) || !n.reachable(id) || p.State != tracker.StateReplicate || p.Match+closeBehind < last {
			continue
		}
		fit = append(fit, candidate{id, r.appends.connectedAt(), p.Match})
	}
	return fit
}

func (n *Node) isRecorder(id MemberID) bool {
	m, ok := n.roster.get(id)
	return ok && m.Role == Recorder
}
