package consensus

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"go.etcd.io/raft/v3/raftpb"
)

// A node joins with an invitation: one string that a member makes, and that a person carries to the
// new machine. It contains the addresses of members, a hash of the cluster's authority, and a
// secret that admits the node. The log has a hash of the secret, its expiry, and how many nodes may
// still use it.

// Limits of invitations.
const (
	maxInvitations   = 64                   // at a time
	maxInvitedUses   = 1000                 // of one
	maxInvitedLife   = 365 * 24 * time.Hour // of one
	maxInvitationLen = 4 << 10              // of the string, in bytes
)

// invitationMark begins the string, so that people and commands recognise it.
const invitationMark = "cri1_"

// An Invitation lets a new node join. String makes one string of it, and [ParseInvitation] reads
// that.
type Invitation struct {
	// Addresses are those of members' peer ports. The member that made the invitation is first.
	Addresses []string `json:"a"`
	// Keys are the public keys of those members, in the same order, as [Member.Key].
	Keys      []string `json:"k"`
	ClusterID string   `json:"c"`
	// Authority is the SHA-256 of the certificate of the cluster's authority.
	Authority []byte `json:"h"`
	// NoTokens says that the cluster has no tokens. A node that others can reach may decline to
	// join then.
	NoTokens bool   `json:"o,omitempty"`
	ID       string `json:"i"`
	Secret   string `json:"s"`
}

// IsInvitation reports whether text looks like an invitation.
func IsInvitation(text string) bool { return strings.HasPrefix(text, invitationMark) }

// String returns the invitation as one word that needs no quoting in a shell.
func (i Invitation) String() string {
	return invitationMark + base64.RawURLEncoding.EncodeToString(mustJSON(i))
}

// ParseInvitation reads the output of String. The error says what is wrong with it.
func ParseInvitation(text string) (i Invitation, err error) {
	encoded, ok := strings.CutPrefix(strings.TrimSpace(text), invitationMark)
	if !ok || len(text) > maxInvitationLen {
		return i, fmt.Errorf("an invitation begins with %s; `chessrelay venue invite URL` makes one", invitationMark)
	}
	raw, err := base64.RawURLEncoding.DecodeString(encoded)
	if err == nil {
		err = json.Unmarshal(raw, &i)
	}
	if err != nil || len(i.Addresses) == 0 || len(i.Keys) != len(i.Addresses) || i.ClusterID == "" || len(i.Authority) != sha256.Size || i.ID == "" || i.Secret == "" {
		return i, errors.New("the invitation is cut off or was changed: copy it again, or make another one")
	}
	return i, nil
}

// InvitationState is an invitation as the log has it.
type InvitationState struct {
	ID string `json:"id"`
	// Hash is base64 of the SHA-256 of the secret. The secret has 128 random bits, so a salt or a
	// slow hash would add nothing.
	Hash      string `json:"hash,omitempty"`
	Uses      int    `json:"uses"`      // how many more nodes may join by it
	ExpiresAt int64  `json:"expiresAt"` // Unix ms
}

func hashSecret(secret string) string {
	sum := sha256.Sum256([]byte(secret))
	return encodeBase64(sum[:])
}

// check returns why secret does not admit a node at that time, or nil.
func (s InvitationState) check(secret string, now time.Time) error {
	switch {
	case subtle.ConstantTimeCompare([]byte(hashSecret(secret)), []byte(s.Hash)) != 1:
		return errors.New("the invitation's secret is wrong")
	case now.UnixMilli() >= s.ExpiresAt:
		return errors.New("the invitation has expired: make another one")
	case s.Uses <= 0:
		return errors.New("the invitation is used up: make another one")
	}
	return nil
}

// Invite makes an invitation by which up to uses nodes may join, for as long as life. It returns
// once the log has it.
func (n *Node) Invite(ctx context.Context, uses int, life time.Duration) (Invitation, InvitationState, error) {
	if uses < 1 || uses > maxInvitedUses {
		return Invitation{}, InvitationState{}, fmt.Errorf("%w: an invitation is for 1 to %d nodes", ErrMembership, maxInvitedUses)
	}
	if life <= 0 || life > maxInvitedLife {
		return Invitation{}, InvitationState{}, fmt.Errorf("%w: an invitation lasts at most a year", ErrMembership)
	}
	digest := sha256.Sum256(n.credentials.authority.Raw)
	i := Invitation{ClusterID: n.clusterID, Authority: digest[:], ID: rand.Text()[:8], Secret: rand.Text()}
	for _, m := range n.invitedMembers() {
		i.Addresses, i.Keys = append(i.Addresses, m.Peer), append(i.Keys, m.Key)
	}
	state := InvitationState{ID: i.ID, Hash: hashSecret(i.Secret), Uses: uses, ExpiresAt: time.Now().Add(life).UnixMilli()}
	err := n.change(ctx, memberChange{Op: opInvite, Invitation: &state})
	state.Hash = ""
	return i, state, err
}

// invitedMembers is the members that an invited node can ask: this one, and a few others in case
// this one is away.
func (n *Node) invitedMembers() []Member {
	const most = 4
	at := []Member{n.self()}
	for _, m := range n.roster.list() {
		if m.ID != n.id && len(at) < most && n.reachable(m.ID) {
			at = append(at, m)
		}
	}
	return at
}

// Invitations returns the log's invitations without their hashes, in the order of their ids.
func (n *Node) Invitations() []InvitationState {
	all := n.roster.listInvitations()
	for i := range all {
		all[i].Hash = ""
	}
	return all
}

// Revoke takes an invitation back. The error is [ErrUnknownMember] if there is none with this id.
func (n *Node) Revoke(ctx context.Context, id string) error {
	if _, ok := n.roster.invitation(id); !ok {
		return fmt.Errorf("%w: no invitation %q", ErrUnknownMember, id)
	}
	return n.change(ctx, memberChange{Op: opRevoke, Invitation: &InvitationState{ID: id}})
}

// judgeInvitation returns why a change of the invitations cannot be, or whether it is in force.
func (n *Node) judgeInvitation(mc memberChange) (done bool, err error) {
	if mc.Invitation == nil || mc.Invitation.ID == "" || len(mc.Invitation.ID) > maxName {
		return false, fmt.Errorf("%w: malformed invitation", ErrMembership)
	}
	had, known := n.roster.invitation(mc.Invitation.ID)
	if mc.Op == opRevoke {
		return !known, nil
	}
	if !known && len(n.roster.listInvitations()) >= maxInvitations {
		return false, fmt.Errorf("there are %d invitations, which is the limit: revoke some", maxInvitations)
	}
	return known && had == *mc.Invitation, nil
}

// useInvitation checks a new member's invitation, and keeps its secret out of the log. The Raft
// loop of the leader calls it. A change without an invitation was made by a member.
func (n *Node) useInvitation(mc *memberChange) error {
	if mc.Op != opAdd || mc.By == "" {
		return nil
	}
	state, ok := n.roster.invitation(mc.By)
	if !ok {
		return fmt.Errorf("invitation %s is used up or revoked: make another one", mc.By)
	}
	err := state.check(mc.Secret, time.Now())
	mc.Secret = ""
	return err
}

// applyInvitation applies a change of the invitations. The time is that of the entry.
func (r *roster) applyInvitation(mc memberChange) {
	r.mu.Lock()
	defer r.mu.Unlock()
	switch mc.Op {
	case opInvite:
		for id, i := range r.invitations {
			if i.ExpiresAt <= mc.At {
				r.removeInvitation(id)
			}
		}
		r.invitations[mc.Invitation.ID] = *mc.Invitation
		r.dirtyInvitations[mc.Invitation.ID] = true
	case opRevoke:
		r.removeInvitation(mc.Invitation.ID)
	case opAdd:
		i, ok := r.invitations[mc.By]
		if i.Uses--; ok && i.Uses > 0 {
			r.invitations[mc.By] = i
			r.dirtyInvitations[mc.By] = true
		} else if ok {
			r.removeInvitation(mc.By)
		}
	}
}

// removeInvitation forgets an invitation. The caller holds mu.
func (r *roster) removeInvitation(id string) {
	delete(r.invitations, id)
	r.dirtyInvitations[id] = true
}

func (r *roster) invitation(id string) (InvitationState, bool) {
	r.mu.RLock()
	defer r.mu.RUnlock()
	i, ok := r.invitations[id]
	return i, ok
}

func (r *roster) listInvitations() []InvitationState {
	r.mu.RLock()
	defer r.mu.RUnlock()
	var all []InvitationState
	for _, i := range r.invitations {
		all = append(all, i)
	}
	slices.SortFunc(all, func(a, b InvitationState) int { return strings.Compare(a.ID, b.ID) })
	return all
}

// proposeInvitation is proposeMemberChange for a change of the invitations. Raft's membership stays
// as it is: the entry updates the leader itself.
func (n *Node) proposeInvitation(s *proposal, mc memberChange) {
	done, err := n.judgeInvitation(mc)
	switch {
	case err != nil:
		s.refuse(refusal{IDs: s.ids, Code: refusedForGood, Text: err.Error()})
	case done:
		s.refuse(refusal{IDs: s.ids, Code: refusedDone, Index: n.applied.Load()})
	default:
		mc.At = time.Now().UnixMilli()
		n.proposeConfChange(s, mc, raftpb.ConfChangeUpdateNode, n.id)
	}
}
