package store

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strconv"
)

// identityFile is the name of the identity in a node's data directory.
const identityFile = "identity.json"

// Identity is who a node is: what it must know before it can trust that its log is its own. It
// changes when the node joins, before it installs a snapshot, and when it is removed.
type Identity struct {
	ClusterID string // of the group; cursors and peers of another one are refused
	// Secret is known only to the members of the group. All members accept what one of them signs
	// with it.
	Secret string
	// Authority is the certificate of the cluster's authority, and AuthorityKey its private key:
	// standard base64 of DER and of an Ed25519 seed. Every member has both.
	Authority    string
	AuthorityKey string
	// Key is the node's own private key, base64 of an Ed25519 seed. Certificate is the first one
	// that it was issued, base64 of DER. Later ones are in the boards.
	Key         string
	Certificate string
	MemberID    uint64 // in the Raft group, random and never used again
	Name        string // the node's name, for people
	Role        string // recorder or venue
	Joined      bool   // it has been a member: from then on an empty log is a lost one
	Removed     string // why it is no longer a member; empty while it is one
	// Installed is the log index of the last snapshot whose installation was completed or begun; 0:
	// none. Boards at another index that the log does not reach have lost a part of it.
	Installed uint64
}

// identityJSON is the file's form of an identity. The member's id is in hex, as in logs, since a
// JSON number above 2^53 is not safe everywhere.
type identityJSON struct {
	ClusterID    string `json:"clusterId"`
	Secret       string `json:"secret,omitempty"`
	Authority    string `json:"authority,omitempty"`
	AuthorityKey string `json:"authorityKey,omitempty"`
	Key          string `json:"key,omitempty"`
	Certificate  string `json:"certificate,omitempty"`
	MemberID     string `json:"memberId"`
	Name         string `json:"name,omitempty"`
	Role         string `json:"role,omitempty"`
	Joined       bool   `json:"joined"`
	Removed      string `json:"removed,omitempty"`
	Installed    uint64 `json:"installed,omitempty,string"`
}

// identityDoc is the whole file. The checksum is of the identity as compact JSON: a node that votes
// under an id that is one bit off is another voter.
type identityDoc struct {
	Identity json.RawMessage `json:"identity"`
	Checksum string          `json:"crc32c"`
}

// LoadIdentity reads the identity in the data directory dir. The error is [os.ErrNotExist] if there
// is none, and [ErrDamaged] if it is not as [SaveIdentity] wrote it.
func LoadIdentity(dir string) (Identity, error) {
	path := filepath.Join(dir, identityFile)
	data, err := os.ReadFile(path)
	if err != nil {
		return Identity{}, fmt.Errorf("load identity: %w", err)
	}
	id, err := parseIdentity(data)
	if err != nil {
		return Identity{}, damaged(path, "%v", err)
	}
	return id, nil
}

func parseIdentity(data []byte) (Identity, error) {
	var doc identityDoc
	if err := json.Unmarshal(data, &doc); err != nil {
		return Identity{}, err
	}
	if doc.Identity == nil {
		return Identity{}, errors.New("it holds no identity")
	}
	sum, err := identityChecksum(doc.Identity)
	if err != nil {
		return Identity{}, err
	}
	if sum != doc.Checksum {
		return Identity{}, fmt.Errorf("its checksum is %s and it says %q; it is not to be edited", sum, doc.Checksum)
	}
	var j identityJSON
	if err := json.Unmarshal(doc.Identity, &j); err != nil {
		return Identity{}, err
	}
	member, err := strconv.ParseUint(j.MemberID, 16, 64)
	if err != nil {
		return Identity{}, fmt.Errorf("memberId: %w", err)
	}
	return Identity{
		ClusterID: j.ClusterID, Secret: j.Secret,
		Authority: j.Authority, AuthorityKey: j.AuthorityKey, Key: j.Key, Certificate: j.Certificate, MemberID: member, Name: j.Name, Role: j.Role, Joined: j.Joined, Removed: j.Removed,
		Installed: j.Installed,
	}, nil
}

// SaveIdentity writes id into the data directory dir, which must exist. After a crash the identity
// is the old or the new one.
func SaveIdentity(dir string, id Identity) error {
	err := writeFileAtomic(filepath.Join(dir, identityFile), func(w io.Writer) error {
		inner, err := json.Marshal(identityJSON{
			ClusterID: id.ClusterID, Secret: id.Secret,
			Authority: id.Authority, AuthorityKey: id.AuthorityKey, Key: id.Key, Certificate: id.Certificate, MemberID: fmt.Sprintf("%016x", id.MemberID),
			Name: id.Name, Role: id.Role, Joined: id.Joined, Removed: id.Removed,
			Installed: id.Installed,
		})
		if err != nil {
			return err
		}
		sum, err := identityChecksum(inner)
		if err != nil {
			return err
		}
		e := json.NewEncoder(w)
		e.SetIndent("", "  ")
		return e.Encode(identityDoc{Identity: inner, Checksum: sum})
	})
	if err != nil {
		return fmt.Errorf("save identity: %w", err)
	}
	return nil
}

func identityChecksum(raw []byte) (string, error) {
	var compact bytes.Buffer
	if err := json.Compact(&compact, raw); err != nil {
		return "", err
	}
	return fmt.Sprintf("%08x", checksum(nil, compact.Bytes())), nil
}
