package consensus

import (
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"sync"
	"unicode/utf8"
)

// MemberID identifies a node in Raft's configuration for all time. It is drawn at random at the
// node's first start and never used again, not even by the same machine with an empty disk. 0 is no
// member. It is written as 16 hex digits, since JSON numbers do not have 64 bits everywhere.
type MemberID uint64

// String returns the id as 16 hex digits.
func (id MemberID) String() string { return fmt.Sprintf("%016x", uint64(id)) }

// ParseMemberID reads the output of String.
func ParseMemberID(s string) (MemberID, error) {
	v, err := strconv.ParseUint(s, 16, 64)
	if err != nil || len(s) != 16 || v == 0 {
		return 0, fmt.Errorf("%q is not a member id, which has 16 hex digits", s)
	}
	return MemberID(v), nil
}

// MarshalText makes the id a string in JSON, as a value and as a key.
func (id MemberID) MarshalText() ([]byte, error) { return []byte(id.String()), nil }

// UnmarshalText reads the output of MarshalText.
func (id *MemberID) UnmarshalText(b []byte) error {
	v, err := ParseMemberID(string(b))
	if err == nil {
		*id = v
	}
	return err
}

// Limits of what a member says of itself.
const (
	maxName    = 64
	maxAddress = 256
	maxMembers = 1000
)

// Member is one node as the group knows it. The members are replicated state: each change is an
// entry of the log.
type Member struct {
	ID   MemberID `json:"id"`
	Name string   `json:"name"`
	Role Role     `json:"role"`
	// HTTP is the URL of its API, Peer the address of its peer port.
	HTTP string `json:"http"`
	Peer string `json:"peer"`
	// Key is its public key, base64 of Ed25519. Certificate is its newest one, base64 of DER. The
	// API lists neither.
	Key         string `json:"key,omitempty"`
	Certificate string `json:"certificate,omitempty"`
	// Learner says that a person made it a learner. It is not promoted automatically.
	Learner bool `json:"learner,omitempty"`
	// Removed members stay in the roster, so that they can learn of their removal.
	Removed bool `json:"removed,omitempty"`
}

func (m Member) validate() error {
	switch {
	case m.ID == 0:
		return fmt.Errorf("%w: the member has no id", ErrMembership)
	case !utf8.ValidString(m.Name + m.HTTP + m.Peer): // JSON would alter it
		return fmt.Errorf("%w: a name or an address is not UTF-8", ErrMembership)
	case m.Role != Recorder && m.Role != Venue:
		return fmt.Errorf("%w: role %q is neither %q nor %q", ErrMembership, m.Role, Recorder, Venue)
	case m.Peer == "" || len(m.Peer) > maxAddress || len(m.HTTP) > maxAddress:
		return fmt.Errorf("%w: an address is missing or longer than %d bytes", ErrMembership, maxAddress)
	}
	if err := m.validateText(); err != nil {
		return fmt.Errorf("%w: %w", ErrMembership, err)
	}
	if _, err := publicKey(m.Key); err != nil {
		return fmt.Errorf("%w: %w", ErrMembership, err)
	}
	return nil
}

// public is m as the API lists it.
func (m Member) public() Member {
	m.Key, m.Certificate = "", ""
	return m
}

// Welcome is what a node that joins learns: its cluster, the secret and the authority that the
// members share, and the members. Nobody else learns it.
type Welcome struct {
	ClusterID string `json:"clusterId"`
	Secret    string `json:"secret,omitempty"`
	// Authority is the certificate of the cluster's authority, AuthorityKey its private key.
	Authority    string   `json:"authority"`
	AuthorityKey string   `json:"authorityKey"`
	Members      []Member `json:"members"` // with the new one, and its certificate
}

// Keys in the boards file begin with memberPrefix for members, and with invitationPrefix for
// invitations.
const (
	memberPrefix     = "m/"
	invitationPrefix = "m/i/"
)

// roster is the members and the invitations by id, as of the applied index. Only the apply loop
// writes it.
type roster struct {
	mu          sync.RWMutex
	members     map[MemberID]Member
	invitations map[string]InvitationState
	// Ids of records that the next checkpoint must write.
	dirtyMembers     map[MemberID]bool
	dirtyInvitations map[string]bool
}

func newRoster() *roster {
	return &roster{
		members: map[MemberID]Member{}, invitations: map[string]InvitationState{},
		dirtyMembers: map[MemberID]bool{}, dirtyInvitations: map[string]bool{},
	}
}

func (r *roster) get(id MemberID) (Member, bool) {
	r.mu.RLock()
	defer r.mu.RUnlock()
	m, ok := r.members[id]
	return m, ok
}

// list returns the members that are not removed, by name.
func (r *roster) list() []Member {
	r.mu.RLock()
	defer r.mu.RUnlock()
	var out []Member
	for _, m := range r.members {
		if !m.Removed {
			out = append(out, m)
		}
	}
	slices.SortFunc(out, func(a, b Member) int { return strings.Compare(a.Name, b.Name) })
	return out
}

// byName returns the member with that name that is not removed.
func (r *roster) byName(name string) (Member, bool) {
	for _, m := range r.list() {
		if m.Name == name {
			return m, true
		}
	}
	return Member{}, false
}

func (r *roster) put(m Member) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.members[m.ID] = m
	r.dirtyMembers[m.ID] = true
}

// takeDirty returns the encoded records that changed since the last call, nil for a deleted one.
func (r *roster) takeDirty() map[string][]byte {
	r.mu.Lock()
	defer r.mu.Unlock()
	out := map[string][]byte{}
	for id := range r.dirtyMembers {
		out[memberPrefix+id.String()] = mustJSON(r.members[id])
	}
	for id := range r.dirtyInvitations {
		var record []byte
		if i, ok := r.invitations[id]; ok {
			record = mustJSON(i)
		}
		out[invitationPrefix+id] = record
	}
	clear(r.dirtyMembers)
	clear(r.dirtyInvitations)
	return out
}

// records collects the members and the invitations of a checkpoint.
type records struct {
	members     map[MemberID]Member
	invitations map[string]InvitationState
}

// take reads one record. ok is false if it is another kind of record.
func (r *records) take(key string, value []byte) (ok bool, err error) {
	switch {
	case strings.HasPrefix(key, invitationPrefix):
		var i InvitationState
		err = json.Unmarshal(value, &i)
		r.invitations[i.ID] = i
	case strings.HasPrefix(key, memberPrefix):
		var m Member
		err = json.Unmarshal(value, &m)
		r.members[m.ID] = m
	default:
		return false, nil
	}
	if err != nil {
		err = fmt.Errorf("record %s: %w", key, err)
	}
	return true, err
}

// replace takes the records of a checkpoint.
func (r *roster) replace(from records) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.members, r.invitations = from.members, from.invitations
	clear(r.dirtyMembers)
	clear(r.dirtyInvitations)
}

// mustJSON encodes values of this package, which cannot fail to encode.
func mustJSON(v any) []byte {
	b, err := json.Marshal(v)
	if err != nil {
		panic(err)
	}
	return b
}
