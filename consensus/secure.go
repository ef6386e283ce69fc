package consensus

import (
	"context"
	"crypto/ed25519"
	"crypto/tls"
	"fmt"
	"net"
)

// proof is what the other side of a connection has proved by its certificate.
type proof struct {
	member MemberID // 0: it showed none
	// behind is the index that the log entry with the certificate stands behind. A node that has
	// applied more, and whose roster has no such member, knows that there is none.
	behind uint64
	key    string // that the other side has, as [Member.Key]; empty if it shows no certificate
}

// anyIndex is the proof's index where certificates are not used.
const anyIndex = ^uint64(0)

// knownKey returns the key that the roster has for a member.
func (n *Node) knownKey(id MemberID) (string, bool) {
	m, ok := n.roster.get(id)
	return m.Key, ok
}

// secureDialed runs TLS over a connection to the member id.
func (n *Node) secureDialed(ctx context.Context, raw net.Conn, id MemberID) (net.Conn, error) {
	if n.cfg.seams.plain {
		return raw, nil
	}
	verify := func(state tls.ConnectionState) error {
		got, _, err := n.credentials.holder(state, n.knownKey)
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

// secureAccepted runs TLS over a connection that was accepted. A dialer that shows no certificate of
// a member gets through, as a stranger who may ask to join and for nothing else.
func (n *Node) secureAccepted(raw net.Conn) (net.Conn, proof, error) {
	if n.cfg.seams.plain {
		return raw, proof{behind: anyIndex}, nil
	}
	ctx, cancel := context.WithTimeout(n.ctx, handshakeTimeout)
	defer cancel()
	line := newTLSLine(raw)
	tc := tls.Server(line, n.credentials.server())
	if err := tc.HandshakeContext(ctx); err != nil {
		return nil, proof{}, err
	}
	c := &tlsConn{tc, line}
	state := tc.ConnectionState()
	if len(state.PeerCertificates) == 0 {
		return c, proof{}, nil
	}
	key, _ := state.PeerCertificates[0].PublicKey.(ed25519.PublicKey)
	id, leaf, err := n.credentials.holder(state, n.knownKey)
	if err != nil { // it may ask to join
		return c, proof{key: encode(key)}, nil
	}
	return c, proof{id, issuedBehind(leaf), encode(key)}, nil
}
