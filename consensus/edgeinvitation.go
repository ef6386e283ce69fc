package consensus

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"slices"
	"strings"
)

// edgeInvitationMark begins the string, as invitationMark does.
const edgeInvitationMark = "cre1_"

// maxInvitedUpstreams bounds the URLs of an [EdgeInvitation].
const maxInvitedUpstreams = 8

// An EdgeInvitation is all that a new edge needs: its upstreams, how to recognise the cluster's
// members, and the token that it shows them. The log has nothing of it but the token.
type EdgeInvitation struct {
	// Upstreams are the URLs of members. The one that made the invitation is first.
	Upstreams []string `json:"u"`
	ClusterID string   `json:"c"`
	// Authority is the SHA-256 of the certificate of the cluster's authority.
	Authority []byte `json:"h"`
	// Token has the role edge. It is empty if the cluster has no tokens.
	Token string `json:"t,omitempty"`
}

// Voucher is what the edge checks upstreams by.
func (i EdgeInvitation) Voucher() Voucher { return Voucher{i.ClusterID, i.Authority} }

// IsEdgeInvitation reports whether text looks like an edge's invitation.
func IsEdgeInvitation(text string) bool { return strings.HasPrefix(text, edgeInvitationMark) }

// String returns the invitation as one word that needs no quoting in a shell.
func (i EdgeInvitation) String() string {
	return edgeInvitationMark + base64.RawURLEncoding.EncodeToString(mustJSON(i))
}

// ParseEdgeInvitation reads the output of String. The error says what is wrong with it.
func ParseEdgeInvitation(text string) (i EdgeInvitation, err error) {
	text = strings.TrimSpace(text)
	encoded, ok := strings.CutPrefix(text, edgeInvitationMark)
	if !ok || len(text) > maxInvitationLen {
		return i, fmt.Errorf("an edge's invitation begins with %s; `chessrelay edge invite URL` makes one", edgeInvitationMark)
	}
	raw, err := base64.RawURLEncoding.DecodeString(encoded)
	if err == nil {
		err = json.Unmarshal(raw, &i)
	}
	if err != nil || i.ClusterID == "" || len(i.Authority) != sha256.Size || !areUpstreams(i.Upstreams) {
		return EdgeInvitation{}, errors.New("the invitation is cut off or was changed: copy it again, or make another one")
	}
	return i, nil
}

// areUpstreams reports whether urls are URLs that an edge could use, at least one.
func areUpstreams(urls []string) bool {
	bad := func(text string) bool {
		u, err := url.Parse(text)
		return err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Host == "" || u.User != nil
	}
	return len(urls) > 0 && len(urls) <= maxInvitedUpstreams && !slices.ContainsFunc(urls, bad)
}

// InviteEdge makes an invitation without a token.
func (n *Node) InviteEdge() EdgeInvitation {
	const most = 4
	digest := sha256.Sum256(n.credentials.authority.Raw)
	i := EdgeInvitation{ClusterID: n.clusterID, Authority: digest[:], Upstreams: []string{n.cfg.AdvertiseHTTP}}
	for _, role := range []Role{Venue, Recorder} { // recorders have enough to do
		for _, m := range n.roster.list() {
			if m.ID != n.id && m.Role == role && m.HTTP != "" && len(i.Upstreams) < most && n.reachable(m.ID) {
				i.Upstreams = append(i.Upstreams, m.HTTP)
			}
		}
	}
	return i
}
