package consensus

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"time"

	"go.etcd.io/raft/v3"
)

// Raft makes all nodes apply the same log. It does not notice a node whose boards differ because of
// a fault in its memory, its disk or its program. So pongs carry the rolling sum of the state
// machine, and each node compares all other sums with its own.
//
// A node is wrong if more members differ from it than agree with it, itself counted. If as many do,
// those that agree with the leader are taken for right, since someone has to go on. There is a
// verdict only once all reachable members were compared, or after verdictAfter. Each pong may
// change it, so a node with right boards serves again.
//
// A node that is wrong stops serving boards, and hands leadership over. It still votes and keeps
// its log, since its disk is not what went wrong. A group without that vote might not survive the
// next fault.

// verdictAfter is how long a node waits for all members' sums once one differs.
const verdictAfter = 5 * time.Second

// divergence is what this node knows from the other members' sums.
type divergence struct {
	sums *Sums // nil: the state machine has none

	mu       sync.Mutex
	peers    map[MemberID]*peerSums // guarded by mu
	wrong    bool                   // guarded by mu; this node's boards are
	reported string                 // guarded by mu; what was logged last
}

// peerSums is one peer's comparison.
type peerSums struct {
	Comparison
	since time.Time // when it began to differ
	from  uint64    // the index at which that was found
}

func newDivergence(m StateMachine) *divergence {
	d := &divergence{peers: map[MemberID]*peerSums{}}
	if s, ok := m.(Summed); ok {
		d.sums = s.Sums()
	}
	return d
}

// newest is what this node tells the others.
func (d *divergence) newest() (now, mark Point) {
	if d.sums == nil {
		return Point{}, Point{}
	}
	return d.sums.Newest()
}

// receiveSums takes a peer's sums.
func (n *Node) receiveSums(from MemberID, p pong) {
	d := n.divergence
	if d.sums == nil {
		return
	}
	d.mu.Lock()
	c := d.peers[from]
	if c == nil {
		c = new(peerSums)
		d.peers[from] = c
	}
	differed := c.Differs
	c.Compare(d.sums, p.newest, p.mark)
	if c.Differs && !differed {
		c.since, c.from = time.Now(), c.At
	}
	d.mu.Unlock()
	n.judgeDivergence()
}

// verdict counts the members that agree with this node, itself included, and those that differ.
// undecided says that reachable members were not compared yet.
type verdict struct {
	agree, differ            []string
	differIDs                []MemberID // of those that differ
	from                     uint64     // the lowest index at which one was found to differ
	undecided, leaderDiffers bool
}

// countVerdict returns the present verdict. The caller holds mu.
func (n *Node) countVerdict() verdict {
	out := verdict{agree: []string{n.cfg.Name}}
	lead, _ := n.leader.get()
	members := n.roster.list()
	var since time.Time
	for _, m := range members {
		if c := n.divergence.peers[m.ID]; c != nil && c.Differs && (out.from == 0 || c.from < out.from) {
			out.from, since = c.from, c.since
		}
	}
	patient := time.Since(since) < verdictAfter
	for _, m := range members {
		c := n.divergence.peers[m.ID]
		switch {
		case m.ID == n.id:
		case c != nil && c.Differs:
			out.differ, out.differIDs = append(out.differ, m.Name), append(out.differIDs, m.ID)
			out.leaderDiffers = out.leaderDiffers || m.ID == lead
		case c != nil && c.At > 0 && (c.At >= out.from || !patient):
			out.agree = append(out.agree, m.Name)
		default:
			out.undecided = out.undecided || patient && n.reachable(m.ID)
		}
	}
	return out
}

// judgeDivergence finds out whether this node is wrong, and logs a change.
func (n *Node) judgeDivergence() {
	switch why, changed := n.updateVerdict(); {
	case !changed:
	case why == "":
		n.log.Info("all members' boards agree again")
	default:
		n.log.Error("boards differ", "why", why)
	}
}

// updateVerdict finds out whether this node is wrong, and returns what to log if that has changed.
func (n *Node) updateVerdict() (why string, changed bool) {
	d := n.divergence
	d.mu.Lock()
	defer d.mu.Unlock()
	c := n.countVerdict()
	if c.undecided {
		return "", false
	}
	d.wrong = len(c.differ) > len(c.agree) || len(c.differ) == len(c.agree) && c.leaderDiffers
	why = strings.Join(n.differences(c, d.wrong), "; ")
	changed = why != d.reported
	d.reported = why
	return why, changed
}

// differences returns sentences about the members that differ.
func (n *Node) differences(c verdict, wrong bool) []string {
	others, since := strings.Join(c.differ, ", "), fmt.Sprintf("since entry %d of the log or earlier", c.from)
	const cure = "stop that node, remove the member and its data directory, and have it join again"
	switch {
	case len(c.differ) == 0:
		return nil
	case wrong:
		return []string{fmt.Sprintf("the boards of %s differ from those of %s %s: it has diverged, and shows none; %s", n.cfg.Name, others, since, cure)}
	case len(c.differ) == len(c.agree):
		return []string{fmt.Sprintf("the boards of %s differ from those of %s %s, and nobody can tell which are right; the leader's are shown",
			others, strings.Join(c.agree, ", "), since)}
	}
	return []string{fmt.Sprintf("the boards of %s differ from those of most members %s; %s", others, since, cure)}
}

// Diverged says why this node's boards are taken for wrong; empty: they are not.
func (n *Node) Diverged() string {
	n.divergence.mu.Lock()
	defer n.divergence.mu.Unlock()
	if !n.divergence.wrong {
		return ""
	}
	return n.divergence.reported
}

// Differences returns a sentence for the members whose boards differ, if any.
func (n *Node) Differences() []string {
	n.divergence.mu.Lock()
	defer n.divergence.mu.Unlock()
	return n.differences(n.countVerdict(), n.divergence.wrong)
}

// differs reports whether a member's boards were found to differ from this node's.
func (n *Node) differs(id MemberID) bool {
	n.divergence.mu.Lock()
	defer n.divergence.mu.Unlock()
	c := n.divergence.peers[id]
	return c != nil && c.Differs
}

// isWrong reports whether a member's boards are wrong, as far as this node knows.
func (n *Node) isWrong(id MemberID) bool {
	n.divergence.mu.Lock()
	defer n.divergence.mu.Unlock()
	wrong, c := n.divergence.wrong, n.divergence.peers[id]
	switch {
	case id == n.id:
		return wrong
	case c == nil || c.At == 0:
		return false
	}
	return c.Differs != wrong
}

// stepDown transfers leadership to a voter with right boards, if this node leads and its own are
// wrong. The policy loop calls it.
func (n *Node) stepDown() {
	if lead, _ := n.leader.get(); lead != n.id || n.Diverged() == "" {
		return
	}
	var to MemberID
	err := n.runOnRaftLoop(n.ctx, func(r *raft.RawNode) {
		status := r.Status()
		best := uint64(0)
		for _, v := range slices.Sorted(maps.Keys(status.Config.Voters.IDs())) {
			if id, p := MemberID(v), status.Progress[v]; n.differs(id) && n.reachable(id) && p.Match >= best {
				to, best = id, p.Match
			}
		}
	})
	if err != nil || to == 0 {
		return
	}
	ctx, cancel := context.WithTimeout(n.ctx, n.cfg.electionTimeout())
	defer cancel()
	if err := n.transfer(ctx, to, false); err != nil {
		n.log.Warn("leadership was not handed over, though this node's boards are wrong", "to", to, "err", err)
		return
	}
	n.log.Info("leadership handed over, since this node's boards are wrong", "to", to)
}
