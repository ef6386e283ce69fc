package consensus

import (
	"context"
	"crypto/ed25519"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
)

// proof is what the other side of a connection has proved by its certificate.
type proof struct {
	member MemberID // 0: none that this node knows
	key    string   // of the other side, as [Member.Key]; empty without a certificate
}

// knownKey returns a member's key, also of a removed one: by the roster, otherwise by what members
// have told.
func (n *Node) knownKey(id MemberID) (string, bool) {
	if m, ok := n.roster.get(id); ok {
		return m.Key, true
	}
	m, ok := n.discovered.get(id, n.Applied())
	return m.Key, ok
}

// memberKey is knownKey without removed members. This node trusts nothing that they say.
func (n *Node) memberKey(id MemberID) (string, bool) {
	if m, ok := n.roster.get(id); ok && m.Removed {
		return "", false
	}
	return n.knownKey(id)
}

// secureDialed runs TLS over a connection to member id.
func (n *Node) secureDialed(ctx context.Context, raw net.Conn, id MemberID) (net.Conn, error) {
	if n.cfg.seams.noTLS {
		return raw, nil
	}
	verify := func(state tls.ConnectionState) error {
		got, err := n.credentials.holder(state, n.memberKey)
		if err == nil && got != id {
			err = fmt.Errorf("member %s listens there, not %s", got, id)
		}
		return err
	}
	line := newTLSLine(raw)
	c := tls.Client(line, n.credentials.client(id, verify))
	ctx, cancel := context.WithTimeout(ctx, handshakeTimeout)
	defer cancel()
	return &tlsConn{c, line}, c.HandshakeContext(ctx)
}

// secureAccepted runs TLS over an accepted connection. A dialer without a member's certificate gets
// through as a stranger, who may only ask to join.
func (n *Node) secureAccepted(raw net.Conn) (net.Conn, proof, error) {
	if n.cfg.seams.noTLS {
		return raw, proof{}, nil
	}
	ctx, cancel := context.WithTimeout(n.ctx, handshakeTimeout)
	defer cancel()
	line := newTLSLine(raw)
	tc := tls.Server(line, n.credentials.server())
	err := tc.HandshakeContext(ctx)
	n.noteSought(raw, tc.ConnectionState().ServerName)
	if err != nil {
		return nil, proof{}, err
	}
	c := &tlsConn{tc, line}
	state := tc.ConnectionState()
	if len(state.PeerCertificates) == 0 {
		return c, proof{}, nil
	}
	key, _ := state.PeerCertificates[0].PublicKey.(ed25519.PublicKey)
	id, err := n.credentials.holder(state, n.knownKey)
	if errors.Is(err, errNoMember) { // this node's log may be behind
		n.discovered.needed.Store(true)
	}
	return c, proof{id, encodeBase64(key)}, nil
}
