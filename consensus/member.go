package consensus

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"sync"
	"unicode/utf8"
)

// MemberID identifies a node in Raft's configuration, for all time: it is
// drawn at random at the node's first start and never used again, not even by
// the same machine with an empty disk. 0 is no member. It is written as 16 hex
// digits, since JSON's numbers do not hold 64 bits everywhere.
type MemberID uint64

// String returns the id as 16 hex digits.
func (id MemberID) String() string { return fmt.Sprintf("%016x", uint64(id)) }

// ParseMemberID reads what String wrote.
func ParseMemberID(s string) (MemberID, error) {
	v, err := strconv.ParseUint(s, 16, 64)
	if err != nil || len(s) != 16 || v == 0 {
		return 0, fmt.Errorf("%q is not a member id: 16 hex digits are", s)
	}
	return MemberID(v), nil
}

// MarshalText makes the id a string in JSON, as a value and as a key.
func (id MemberID) MarshalText() ([]byte, error) { return []byte(id.String()), nil }

// UnmarshalText reads what MarshalText wrote.
func (id *MemberID) UnmarshalText(b []byte) error {
	v, err := ParseMemberID(string(b))
	if err == nil {
		*id = v
	}
	return err
}

// Limits of what a member may tell about itself.
const (
	maxName    = 64
	maxAddress = 256
	maxMembers = 1000
)

// Member is one node as the group knows it. The members are part of the
// replicated state: each change of them is an entry of the log.
type Member struct {
	ID   MemberID `json:"id"`
	Name string   `json:"name"`
	Role Role     `json:"role"`
	// HTTP is the URL of its API, Peer the address of its replication port.
	HTTP string `json:"http"`
	Peer string `json:"peer"`
	// Learner: it was made a learner by hand, and is not promoted by itself.
	Learner bool `json:"learner,omitempty"`
	// Removed members stay on record, so that they can be told.
	Removed bool `json:"removed,omitempty"`
}

func (m Member) validate() error {
	switch {
	case m.ID == 0:
		return fmt.Errorf("%w: the member has no id", ErrMembership)
	case m.Name == "" || len(m.Name) > maxName:
		return fmt.Errorf("%w: a name of 1 to %d bytes is needed", ErrMembership, maxName)
	case !utf8.ValidString(m.Name + m.HTTP + m.Peer): // JSON would not bring it back
		return fmt.Errorf("%w: a name or an address is not UTF-8", ErrMembership)
	case m.Role != Recorder && m.Role != Venue:
		return fmt.Errorf("%w: role %q is neither %q nor %q", ErrMembership, m.Role, Recorder, Venue)
	case m.Peer == "" || len(m.Peer) > maxAddress || len(m.HTTP) > maxAddress:
		return fmt.Errorf("%w: an address is missing or longer than %d bytes", ErrMembership, maxAddress)
	}
	return nil
}

// Welcome is what a node that joins is told: whose cluster it is in, the secret
// that its members share, and whom to expect connections from.
type Welcome struct {
	ClusterID string   `json:"clusterId"`
	Secret    string   `json:"secret,omitempty"`
	Members   []Member `json:"members"`
}

// memberPrefix begins the keys of members in the boards file.
const memberPrefix = "m/"

// roster is the members by id, as of the applied index. The apply loop writes
// it, everyone reads it.
type roster struct {
	mu      sync.RWMutex
	members map[MemberID]Member
	// dirty are the members to be written with the next checkpoint.
	dirty map[MemberID]bool
}

func newRoster() *roster {
	return &roster{members: map[MemberID]Member{}, dirty: map[MemberID]bool{}}
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

// byName returns the member that is called name and is not removed.
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
	r.dirty[m.ID] = true
}

// takeDirty returns the encoded records of the members that changed since the
// last call.
func (r *roster) takeDirty() map[string][]byte {
	r.mu.Lock()
	defer r.mu.Unlock()
	out := map[string][]byte{}
	for id := range r.dirty {
		out[memberPrefix+id.String()] = mustJSON(r.members[id])
	}
	clear(r.dirty)
	return out
}

// replace takes the members of a checkpoint.
func (r *roster) replace(members map[MemberID]Member) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.members = maps.Clone(members)
	clear(r.dirty)
}

// mustJSON encodes values of our own that cannot fail to encode.
func mustJSON(v any) []byte {
	b, err := json.Marshal(v)
	if err != nil {
		panic(err)
	}
	return b
}
