package consensus

import (
	"context"
	"slices"
	"time"

	"go.etcd.io/raft/v3"
	"go.etcd.io/raft/v3/tracker"
)

// currentSelf is this node as it is now, with what the group has decided about it.
func (n *Node) currentSelf(known Member) Member {
	m := n.self()
	m.Learner, m.Certificate = known.Learner, known.Certificate
	return m
}

// showNewestCertificate makes this node show the certificate that the roster has for it.
func (n *Node) showNewestCertificate() {
	m, ok := n.roster.get(n.id)
	if !ok || m.Certificate == "" {
		return
	}
	if err := n.credentials.show(m.Certificate); err != nil {
		n.log.Error("cannot use the certificate in the roster", "err", err)
	}
}

// policyLoop does periodic work of the group. The leader promotes learners while there are too few
// voters. A venue that leads hands leadership back. Each node announces its new address and renews
// its certificate.
func (n *Node) policyLoop() {
	every := time.NewTicker(5 * n.cfg.Tick)
	defer every.Stop()
	var back handBack
	for {
		select {
		case <-n.ctx.Done():
			return
		case <-every.C:
		}
		n.peers.prune()
		n.warnOfClocks()
		n.stepDown()
		n.handBack(&back)
		ctx, cancel := context.WithTimeout(n.ctx, 4*n.cfg.electionTimeout())
		if m, ok := n.roster.get(n.id); ok && !m.Removed && m != n.currentSelf(m) {
			if err := n.change(ctx, memberChange{Op: opUpdate, Member: n.currentSelf(m)}); err != nil {
				n.log.Info("new address not announced yet", "err", err)
			}
		}
		if m, ok := n.roster.get(n.id); ok && !m.Removed && renewalDue(m.Certificate, time.Now()) {
			if err := n.change(ctx, memberChange{Op: opRenew, Member: m}); err != nil {
				n.log.Info("certificate not renewed yet", "err", err)
			}
		}
		if m, ok := n.promotable(ctx); ok {
			if err := n.change(ctx, memberChange{Op: opPromote, Member: m}); err != nil {
				n.log.Info("not promoted", "learner", m.Name, "err", err)
			}
		}
		cancel()
	}
}

// closeBehind is how many entries a learner may lack to become a voter, or a recorder to become the
// leader.
const closeBehind = 256

// promotable returns a learner to promote, if any: a recorder always, since recorders should lead;
// a venue while there are fewer voters than wanted. Recorders come first, then the order of names.
func (n *Node) promotable(ctx context.Context) (Member, bool) {
	if lead, _ := n.leader.get(); lead != n.id {
		return Member{}, false
	}
	var ready []Member
	err := n.runOnRaftLoop(ctx, func(r *raft.RawNode) {
		status := r.Status()
		enough := len(status.Config.Voters.IDs()) >= n.cfg.Voters
		for id := range status.Config.Learners {
			p := status.Progress[id]
			m, ok := n.roster.get(MemberID(id))
			if ok && !m.Learner && (!enough || m.Role == Recorder) && n.reachable(m.ID) && p.State == tracker.StateReplicate && p.Match+closeBehind >= status.Commit {
				ready = append(ready, m)
			}
		}
	})
	if err != nil {
		return Member{}, false
	}
	slices.SortFunc(ready, func(a, b Member) int {
		switch {
		case a.Role != b.Role && a.Role == Recorder:
			return -1
		case a.Role != b.Role:
			return 1
		default:
			return slices.Compare([]byte(a.Name), []byte(b.Name))
		}
	})
	if len(ready) == 0 {
		return Member{}, false
	}
	return ready[0], true
}
