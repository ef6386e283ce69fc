package consensus

import (
	"context"
	"fmt"
	"time"

	"go.etcd.io/raft/v3"
)

// TransferLeadership makes another voter the leader (Raft thesis, 3.10). It
// returns once it is, or with an error when ctx ends. This is a choice made by hand: a venue that
// is made the leader so keeps leadership for as long as it leads, though a recorder could have it.
func (n *Node) TransferLeadership(ctx context.Context, to MemberID) error {
	return n.transfer(ctx, to, true)
}

// transfer asks Raft for a transfer until it has come to be. Raft gives one up
// after an election timeout, as what it sends may be lost; it is then asked for again. Until
// then Raft takes no proposals, so one that is not waited for any more is called off.
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
		err := n.do(ctx, func(r *raft.RawNode) { refused = n.beginTransfer(r, to, manual) })
		if err != nil { // f may be running still
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
			_ = n.do(n.ctx, func(r *raft.RawNode) { r.TransferLeader(uint64(n.id)) })
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

// beginTransfer is run by the Raft loop.
func (n *Node) beginTransfer(r *raft.RawNode, to MemberID, manual bool) error {
	status := r.Status()
	if _, votes := status.Config.Voters.IDs()[uint64(to)]; !votes {
		return fmt.Errorf("%w: %s is a learner, and only a voter can lead: promote it first", ErrMembership, n.nameOf(to))
	}
	// Raft takes no proposals while it waits for the other one.
	if !n.reachable(to) {
		return fmt.Errorf("%w: %s cannot be reached", ErrMembership, n.nameOf(to))
	}
	if n.manualTransfer.target = 0; manual {
		n.manualTransfer.target = to
	}
	if to == n.id {
		n.manualTransfer.keeps = status.RaftState == raft.StateLeader
	}
	r.TransferLeader(uint64(to))
	return nil
}

// waitLeader waits until want leads, or this node again; between two leaders
// there is a moment without one.
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

// handOver gives leadership away before this node stops, to a recorder if there is
// one, so that nobody has to wait for an election.
func (n *Node) handOver() {
	if lead, _ := n.leader.get(); lead != n.id || n.ctx.Err() != nil {
		return
	}
	ctx, cancel := context.WithTimeout(n.ctx, n.cfg.electionTimeout())
	defer cancel()
	var best, match uint64
	err := n.do(ctx, func(r *raft.RawNode) {
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
