package consensus

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"go.etcd.io/raft/v3"
	"go.etcd.io/raft/v3/raftpb"
	"go.etcd.io/raft/v3/tracker"
)

// Kinds of a membership change.
const (
	opAdd     = "add"     // a new member, as a learner
	opUpdate  = "update"  // its name or addresses
	opPromote = "promote" // learner to voter
	opDemote  = "demote"  // voter to learner, until a person promotes it
	opRemove  = "remove"  // for all time
	opRenew   = "renew"   // a new certificate for the same key
	opInvite  = "invite"  // a new invitation
	opRevoke  = "revoke"  // an invitation is taken back
)

// memberChange is the context of a configuration change: the member as it should be.
type memberChange struct {
	Op     string `json:"op"`
	Member Member `json:"member,omitzero"`
	// By is the id of the invitation of a new member. Secret is the invitation's secret, which goes
	// no further than to the leader.
	By     string `json:"by,omitempty"`
	Secret string `json:"secret,omitempty"`
	// Invitation is the one that is made or revoked. At is when, in Unix ms by the leader's clock.
	Invitation *InvitationState `json:"invitation,omitempty"`
	At         int64            `json:"at,omitempty"`
}

// Admit makes m a learner and returns its Welcome. The leader promotes it later, if voters are
// wanted. Admitting a member again is no error, so a node that missed the answer may ask again.
func (n *Node) Admit(ctx context.Context, m Member) (Welcome, error) {
	return n.admit(ctx, memberChange{Op: opAdd, Member: m})
}

// admit adds the member, or updates it if it is one already: its addresses may have changed since.
func (n *Node) admit(ctx context.Context, mc memberChange) (Welcome, error) {
	m := mc.Member
	if err := m.validate(); err != nil {
		return Welcome{}, err
	}
	had, ok := n.roster.get(m.ID)
	if ok && had.Removed {
		return Welcome{}, fmt.Errorf("%w: %w", ErrMembership, ErrRemoved)
	}
	m.Learner, m.Certificate = had.Learner, had.Certificate
	if !ok || had != m {
		if ok {
			mc.Op = opUpdate
		}
		mc.Member = m
		if err := n.change(ctx, mc); err != nil {
			return Welcome{}, err
		}
	}
	return Welcome{
		ClusterID: n.clusterID, Secret: n.secret, Members: n.roster.list(),
		Authority: encodeBase64(n.credentials.authority.Raw), AuthorityKey: encodeBase64(n.credentials.signer.Seed()),
	}, nil
}

// Remove removes a member for all time. A node that removes itself is done when it has stopped,
// even if it learned of its removal from others before its own log had it.
func (n *Node) Remove(ctx context.Context, id MemberID) error {
	m, ok := n.roster.get(id)
	if !ok || m.Removed {
		return fmt.Errorf("%w: %s", ErrUnknownMember, id)
	}
	err := n.change(ctx, memberChange{Op: opRemove, Member: m})
	if id == n.id && errors.Is(err, ErrClosed) && errors.Is(n.Err(), ErrRemoved) {
		return nil
	}
	return err
}

// SetVoter makes a voter of a learner, or the reverse. A member that it has made a learner stays
// one, however few voters there are, until SetVoter makes it a voter.
func (n *Node) SetVoter(ctx context.Context, id MemberID, voter bool) error {
	m, ok := n.roster.get(id)
	if !ok || m.Removed {
		return fmt.Errorf("%w: %s", ErrUnknownMember, id)
	}
	op := opDemote
	if voter {
		op = opPromote
	}
	return n.change(ctx, memberChange{Op: op, Member: m})
}

// change proposes a membership change, as Propose does commands, and waits until it is in force.
func (n *Node) change(ctx context.Context, mc memberChange) error {
	p, err := n.pending.add(ctx, n, true, [][]byte{mustJSON(mc)})
	if err != nil {
		return err
	}
	p.sendToLeader()
	_, err = p.wait()
	return err
}

// Members returns the members as this node knows them, by name.
func (n *Node) Members() []Member {
	members := n.roster.list()
	for i := range members {
		members[i] = members[i].public()
	}
	return members
}

// FindMember returns the member with that name or id. A node that joins and has no boards yet finds
// the members that it was told of.
func (n *Node) FindMember(s string) (Member, error) {
	if m, ok := n.roster.byName(s); ok {
		return m.public(), nil
	}
	if id, err := ParseMemberID(s); err == nil {
		if m, ok := n.roster.get(id); ok && !m.Removed {
			return m.public(), nil
		}
	}
	if n.Applied() == 0 {
		for _, m := range n.discovered.list() {
			if m.Name == s || m.ID.String() == s {
				return m.public(), nil
			}
		}
	}
	return Member{}, fmt.Errorf("%w: %q", ErrUnknownMember, s)
}

// proposeMemberChange is called by the Raft loop: the leader judges the change and puts it into the
// log.
func (n *Node) proposeMemberChange(prop *proposal) {
	refuse := func(code, text string) { prop.refuse(refusal{IDs: prop.ids, Code: code, Text: text}) }
	var mc memberChange
	if err := json.Unmarshal(prop.data[0], &mc); err != nil {
		refuse(refusedForGood, "malformed: "+err.Error())
		return
	}
	status := n.raft.Status()
	if status.RaftState != raft.StateLeader {
		refuse(refusedNotLeader, "")
		return
	}
	if mc.Op == opInvite || mc.Op == opRevoke {
		n.proposeInvitation(prop, mc)
		return
	}
	// A node that is behind does not know that its new address is known, and announces it again and
	// again.
	if prop.retry || mc.Op == opAdd || mc.Op == opUpdate || mc.Op == opRenew {
		switch done, settled := n.inForce(mc, status); {
		case !settled: // this node's apply loop is in the middle of it
			refuse(refusedDropped, "")
			return
		case done:
			prop.refuse(refusal{IDs: prop.ids, Code: refusedDone, Index: max(n.storage.needIndex.Load(), n.applied.Load())})
			return
		}
	}
	if err := n.judgeChange(mc, status); err != nil {
		refuse(refusedForGood, err.Error())
		return
	}
	if err := firstError(n.useInvitation(&mc), n.certify(&mc)); err != nil {
		refuse(refusedForGood, err.Error())
		return
	}
	kind := map[string]raftpb.ConfChangeType{
		opAdd:     raftpb.ConfChangeAddLearnerNode,
		opUpdate:  raftpb.ConfChangeUpdateNode,
		opRenew:   raftpb.ConfChangeUpdateNode,
		opPromote: raftpb.ConfChangeAddNode,
		opDemote:  raftpb.ConfChangeAddLearnerNode, // of a voter, it takes the vote away
		opRemove:  raftpb.ConfChangeRemoveNode,
	}[mc.Op]
	n.proposeConfChange(prop, mc, kind, mc.Member.ID)
}

// proposeConfChange gives Raft a change that was judged. The Raft loop of the leader calls it.
func (n *Node) proposeConfChange(prop *proposal, mc memberChange, kind raftpb.ConfChangeType, id MemberID) {
	refuse := func(code, text string) { prop.refuse(refusal{IDs: prop.ids, Code: code, Text: text}) }
	change := raftpb.ConfChangeV2{
		Changes: []raftpb.ConfChangeSingle{{Type: kind, NodeID: uint64(id)}},
		Context: encodeEntry(nil, prop.ids[0], mustJSON(mc)),
	}
	data, err := change.Marshal()
	if err != nil {
		refuse(refusedForGood, err.Error())
		return
	}
	m := raftpb.Message{
		Type: raftpb.MsgProp, From: uint64(n.id),
		Entries: []raftpb.Entry{{Type: raftpb.EntryConfChangeV2, Data: data}},
	}
	// Raft replaces a change by an empty entry while another change is under way, without an error.
	if err := n.raft.Step(m); err != nil || m.Entries[0].Type == raftpb.EntryNormal {
		refuse(refusedDropped, "")
	}
}

// inForce reports whether the group is as mc wants it. settled is false while Raft has applied the
// change and the roster has not.
func (n *Node) inForce(mc memberChange, status raft.Status) (done, settled bool) {
	id := uint64(mc.Member.ID)
	_, votes := status.Config.Voters.IDs()[id]
	_, learns := status.Config.Learners[id]
	had, known := n.roster.get(mc.Member.ID)
	if (votes || learns) != (known && !had.Removed) {
		return false, false
	}
	switch mc.Op {
	case opAdd, opUpdate:
		want := mc.Member
		want.Learner, want.Certificate = had.Learner, had.Certificate
		return known && had == want, true
	case opRenew:
		return known && !renewalDue(had.Certificate, time.Now()), true
	case opPromote:
		return votes, true
	case opDemote:
		return learns && had.Learner, true
	case opRemove:
		return had.Removed, true
	}
	return false, true
}

// judgeChange refuses changes that would harm the group. Raft itself would do them.
func (n *Node) judgeChange(mc memberChange, status raft.Status) error {
	m := mc.Member
	if err := m.validate(); err != nil {
		return err
	}
	id := uint64(m.ID)
	voters, learners := status.Config.Voters.IDs(), status.Config.Learners
	_, votes := voters[id]
	_, learns := learners[id]
	had, known := n.roster.get(m.ID)
	if known && had.Removed {
		return ErrRemoved
	}
	if known && had.Key != m.Key {
		return fmt.Errorf("%s has another key, so this is another node", m.ID)
	}
	switch mc.Op {
	case opAdd, opUpdate:
		if other, ok := n.roster.byName(m.Name); ok && other.ID != m.ID {
			return fmt.Errorf("the name %q is taken by member %s: choose another one, or remove that member first", m.Name, other.ID)
		}
		if err := n.judgeAddresses(m, mc.Op); err != nil {
			return err
		}
		if mc.Op == opUpdate && !known {
			return fmt.Errorf("%s is not a member", m.ID)
		}
		if mc.Op == opAdd && (votes || learns) {
			return fmt.Errorf("%s is a member already", m.ID)
		}
		if mc.Op == opAdd && m.Learner {
			return errors.New("a node that joins must not say whether it votes")
		}
		if mc.Op == opAdd && len(voters)+len(learners) >= maxMembers {
			return fmt.Errorf("the cluster has %d members, which is the limit", maxMembers)
		}
	case opPromote:
		if votes {
			return fmt.Errorf("%s is a voter already", m.Name)
		}
		if !learns {
			return fmt.Errorf("%s is not a member", m.Name)
		}
		if !n.reachable(m.ID) {
			return fmt.Errorf("%s cannot be reached, and every majority would have to do without its vote", m.Name)
		}
		if p := status.Progress[id]; p.State != tracker.StateReplicate {
			return fmt.Errorf("%s has not caught up yet: a voter that lacks entries could hold the others up; wait until it replicates", m.Name)
		}
	case opDemote:
		if learns {
			return fmt.Errorf("%s is a learner already", m.Name)
		}
		if !votes {
			return fmt.Errorf("%s is not a member", m.Name)
		}
		return n.judgeLoss(m, voters)
	case opRemove:
		if !votes && !learns {
			return fmt.Errorf("%s is not a member", m.Name)
		}
		if votes {
			return n.judgeLoss(m, voters)
		}
	case opRenew:
		if !known {
			return fmt.Errorf("%s is not a member", m.ID)
		}
	default:
		return fmt.Errorf("unknown change %q", mc.Op)
	}
	return nil
}

// certify issues the certificate of a new or renewed member. The Raft loop of the leader calls it
// just before the change enters the log.
func (n *Node) certify(mc *memberChange) (err error) {
	mc.Member.Certificate = ""
	if mc.Op == opAdd || mc.Op == opRenew {
		mc.Member.Certificate, err = n.credentials.issue(mc.Member.ID, mc.Member.Key, n.lastIndex, time.Now())
	}
	return err
}

// judgeAddresses refuses an address that another member has. A member that moves may take the
// address of one that is unreachable: that one may have moved, too, and may not have said so yet.
func (n *Node) judgeAddresses(m Member, op string) error {
	for _, other := range n.roster.list() {
		address, same := sameAddress(m, other)
		if same && other.ID != m.ID && (op == opAdd || n.reachable(other.ID)) {
			return fmt.Errorf("the address %s belongs to member %s (%s): advertise another one, or remove that member first",
				address, other.Name, other.ID)
		}
	}
	return nil
}

// judgeLoss refuses the loss of a voter that leads. It also refuses if the voters that are left and
// reachable would not be a majority.
func (n *Node) judgeLoss(m Member, voters map[uint64]struct{}) error {
	if m.ID == n.id {
		return fmt.Errorf("%s is the leader: hand leadership to another member first", m.Name)
	}
	left, healthy := 0, 0
	for v := range voters {
		if v == uint64(m.ID) {
			continue
		}
		left++
		if n.reachable(MemberID(v)) {
			healthy++
		}
	}
	if left == 0 {
		return fmt.Errorf("%s is the only voter", m.Name)
	}
	if healthy < left/2+1 {
		return fmt.Errorf("only %d of the %d voters that would be left can be reached, so no move could be recorded", healthy, left)
	}
	return nil
}

// reachable reports whether a member was heard from lately. Raft's RecentActive is no substitute:
// it is false for a moment after each check of the quorum.
func (n *Node) reachable(id MemberID) bool {
	if id == n.id {
		return true
	}
	r := n.peers.get(id)
	return r != nil && time.Since(time.Unix(0, r.lastContact.Load())) < 2*n.cfg.electionTimeout()
}

// memberChanged is called by the apply loop when a change is in force.
func (n *Node) memberChanged(mc memberChange) {
	n.log.Info("membership changed", "change", mc.Op, "member", mc.Member.ID, "name", mc.Member.Name)
	n.showNewestCertificate()
	if mc.Op == opRemove {
		n.discovered.forget()
	}
	switch {
	case mc.Op != opRemove:
		n.peers.learn(mc.Member)
	case mc.Member.ID == n.id:
		// The others may need its vote once more, if a crash makes them forget that the removal is
		// committed. They refuse it when they no longer do, see judgeHello.
		n.log.Info("this node was removed; it runs until a voter has the removal on disk")
	default:
		n.peers.remove(mc.Member.ID)
	}
}

// nameOf is the name of a member.
func (n *Node) nameOf(id MemberID) string {
	if m, ok := n.roster.get(id); ok {
		return m.Name
	}
	return id.String()
}
