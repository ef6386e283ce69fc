package consensus

import (
	"context"
	"fmt"
	"time"

	"go.etcd.io/raft/v3"
)

// TransferLeadership makes another voter the leader (Raft thesis, 3.10). It returns once that voter
// leads, or with an error when ctx ends. A venue that became the leader by it leads on, even if a
// recorder could.
func (n *Node) TransferLeadership(ctx context.Context, to MemberID) error {
	return n.transfer(ctx, to, true)
}

// transfer asks Raft for a transfer until it has happened. Raft gives up after an election timeout,
// since its message may be lost; transfer then asks again. Meanwhile Raft takes no proposals, so a
// transfer that nobody waits for is cancelled.
func (n *Node) transfer(ctx context.Context, to MemberID, manual bool) error {
	for {
		lead, changed := n.leader.get()
		switch {
		case lead == to && (to != n.id || !manual):
			return nil
		case lead != n.id:
			return fmt.Errorf("%w: this node does not lead", ErrMembership)
		}
		var refused error
		err := n.runOnRaftLoop(ctx, func(r *raft.RawNode) { refused = n.beginTransfer(r, to, manual) })
		if err != nil { // f may still be running
			return err
		}
		if refused != nil || to == n.id {
			return refused
		}
		again := time.NewTimer(n.cfg.electionTimeout())
		select {
		case <-changed:
			err = n.waitLeader(ctx, to)
		case <-again.C:
		case <-ctx.Done():
			_ = n.runOnRaftLoop(n.ctx, func(r *raft.RawNode) { r.TransferLeader(uint64(n.id)) })
			err = fmt.Errorf("leadership was not taken over in time: %w", ctx.Err())
		case <-n.ctx.Done():
			err = ErrClosed
		}
		again.Stop()
		if err != nil {
			return err
		}
	}
}

// beginTransfer is called by the Raft loop.
func (n *Node) beginTransfer(r *raft.RawNode, to MemberID, manual bool) error {
	status := r.Status()
	if _, votes := status.Config.Voters.IDs()[uint64(to)]; !votes {
		return fmt.Errorf("%w: %s is a learner, and only a voter can lead: promote it first", ErrMembership, n.nameOf(to))
	}
	// Raft takes no proposals while it waits for the other member.
	if !n.reachable(to) {
		return fmt.Errorf("%w: %s cannot be reached", ErrMembership, n.nameOf(to))
	}
	n.manualTransfer.target = 0
	if manual {
		n.manualTransfer.target = to
	}
	if to == n.id {
		n.manualTransfer.keeps = status.RaftState == raft.StateLeader
	}
	r.TransferLeader(uint64(to))
	return nil
}

// waitLeader waits until want leads, or this node again. Between two leaders there may be none.
func (n *Node) waitLeader(ctx context.Context, want MemberID) error {
	for {
		lead, changed := n.leader.get()
		switch lead {
		case want, n.id:
			return nil
		case 0:
		default:
			return fmt.Errorf("%w: another member has taken over leadership", ErrMembership)
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return fmt.Errorf("leadership was not taken over in time: %w", ctx.Err())
		case <-n.ctx.Done():
			return ErrClosed
		}
	}
}

// handOver transfers leadership before this node stops, to a recorder if possible, so that nobody
// has to wait for an election.
func (n *Node) handOver() {
	if lead, _ := n.leader.get(); lead != n.id || n.ctx.Err() != nil {
		return
	}
	ctx, cancel := context.WithTimeout(n.ctx, n.cfg.electionTimeout())
	defer cancel()
	var best, match uint64
	err := n.runOnRaftLoop(ctx, func(r *raft.RawNode) {
		status := r.Status()
		for id := range status.Config.Voters.IDs() {
			p, ok := status.Progress[id]
			if !ok || id == status.ID || !n.reachable(MemberID(id)) {
				continue
			}
			better, other := n.isRecorder(MemberID(id)), n.isRecorder(MemberID(best))
			if best == 0 || better && !other || better == other && (p.Match > match || p.Match == match && id < best) {
				best, match = id, p.Match
			}
		}
	})
	if err == nil && best != 0 {
		if err := n.transfer(ctx, MemberID(best), false); err != nil {
			n.log.Info("leadership was not handed over", "err", err)
		}
	}
}
