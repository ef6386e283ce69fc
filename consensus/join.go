package consensus

import (
	"context"
	"crypto/ed25519"
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"math/big"
	"net"
	"strings"
	"time"
)

// A node that joins has no certificate of the cluster. It dials a member's peer port, on a channel
// of its own, and recognises the member by the authority in the invitation. It shows a certificate
// that it has signed itself, which proves that it has its key:
//
//	new node                               member
//	  │ hello, channel join ────────────────► │
//	  │ application: invitation, self ──────► │  an entry of the log adds it
//	  │ ◄────────────────────────── admission │  the welcome, with its certificate

// Applicant is a node that asks to be admitted, with proof of its key.
type Applicant struct {
	Member
	key ed25519.PrivateKey
}

// application is what an applicant sends.
type application struct {
	Invitation string `json:"invitation"`
	Secret     string `json:"secret"`
	Self       Member `json:"self"`
}

// admission is the member's answer.
type admission struct {
	Error string `json:"error,omitempty"`
	// Again says that another try may succeed.
	Again   bool     `json:"again,omitempty"`
	Welcome *Welcome `json:"welcome,omitempty"`
}

const (
	// maxWelcome bounds an admission, which lists all members.
	maxWelcome = 4 << 20
	// admitTimeout is how long a member tries to have a node admitted.
	admitTimeout = 15 * time.Second
)

// Join asks the members of the invitation one after the other, until one admits the node, one
// refuses for good, or ctx ends.
func (i Invitation) Join(ctx context.Context, a Applicant) (Welcome, error) {
	const first, most = 100 * time.Millisecond, 2 * time.Second
	for rest := first; ; rest = min(2*rest, most) {
		var failed []error
		for at, addr := range i.Addresses {
			w, again, err := i.ask(ctx, at, a)
			if err == nil || !again {
				return w, err
			}
			failed = append(failed, fmt.Errorf("%s: %w", addr, err))
		}
		select {
		case <-time.After(rest):
		case <-ctx.Done():
			return Welcome{}, errors.Join(failed...)
		}
	}
}

// ask asks the member at one of the addresses.
func (i Invitation) ask(ctx context.Context, at int, a Applicant) (w Welcome, again bool, err error) {
	ctx, cancel := context.WithTimeout(ctx, handshakeTimeout+admitTimeout)
	defer cancel()
	raw, err := (&net.Dialer{Timeout: handshakeTimeout}).DialContext(ctx, "tcp", i.Addresses[at])
	if err != nil {
		return w, true, err
	}
	defer raw.Close()
	defer context.AfterFunc(ctx, func() { _ = raw.Close() })()
	proof, err := selfSigned(a.key)
	if err != nil {
		return w, false, err
	}
	c := tls.Client(raw, &tls.Config{
		MinVersion: tls.VersionTLS13, Certificates: []tls.Certificate{proof},
		InsecureSkipVerify: true, // verify replaces the standard check
		VerifyConnection:   func(state tls.ConnectionState) error { return i.verify(state, i.Keys[at]) },
	})
	if err := c.HandshakeContext(ctx); err != nil {
		return w, !errors.Is(err, errForeign), err
	}
	if err := sendHello(c, hello{Cluster: i.ClusterID, Channel: channelJoin}); err != nil {
		refused, ok := errors.AsType[*refusedError](err)
		return w, !ok || refused.Code == replyBusy, err
	}
	if err := writeJSON(c, application{i.ID, i.Secret, a.Member}); err != nil {
		return w, true, err
	}
	var answer admission
	if err := readJSON(c, &answer, maxWelcome); err != nil {
		return w, true, err
	}
	if answer.Welcome == nil {
		return w, answer.Again, errors.New(answer.Error)
	}
	return *answer.Welcome, false, nil
}

// verify checks that the other side has this key and is a member of the invitation's cluster. The
// node will trust what that member tells: see [Welcome].
func (i Invitation) verify(state tls.ConnectionState, key string) error {
	for _, authority := range state.PeerCertificates[1:] {
		digest := sha256.Sum256(authority.Raw)
		if subtle.ConstantTimeCompare(digest[:], i.Authority) != 1 {
			continue
		}
		leaf := state.PeerCertificates[0]
		if public, _ := leaf.PublicKey.(ed25519.PublicKey); encodeBase64(public) != key {
			return fmt.Errorf("%w: the node at this address is not the member in the invitation", errForeign)
		}
		if _, err := memberOf(leaf, i.ClusterID); err != nil {
			return fmt.Errorf("%w: %w", errForeign, err)
		}
		roots := x509.NewCertPool()
		roots.AddCert(authority)
		_, err := leaf.Verify(x509.VerifyOptions{Roots: roots, CurrentTime: leaf.NotAfter, KeyUsages: []x509.ExtKeyUsage{x509.ExtKeyUsageAny}})
		return err
	}
	return fmt.Errorf("%w: the node at this address is not in the cluster that made the invitation", errForeign)
}

// selfSigned proves only that its holder has the key.
func selfSigned(key ed25519.PrivateKey) (tls.Certificate, error) {
	template := &x509.Certificate{SerialNumber: big.NewInt(1), NotBefore: noBeginning, NotAfter: noEnd}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}, err
}

// serveJoin answers a node that asks to be admitted.
func (n *Node) serveJoin(c net.Conn, h hello, proof proof) error {
	r := reply{Code: replyOK}
	if h.Cluster != n.clusterID {
		r = reply{replyWrongCluster, fmt.Sprintf("this node is in cluster %s, and the invitation is to %s", n.clusterID, h.Cluster)}
	} else if n.Applied() == 0 {
		r = reply{replyBusy, "this node is itself still joining"}
	}
	if err := writeJSON(c, r); err != nil || r.Code != replyOK {
		return &strangerError{errors.Join(errors.New(r.Error), err)}
	}
	var a application
	if err := readJSON(c, &a, maxHello); err != nil {
		return &strangerError{err}
	}
	if err := c.SetDeadline(time.Now().Add(admitTimeout + handshakeTimeout)); err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(n.ctx, admitTimeout)
	defer cancel()
	w, err := n.admitInvited(ctx, a, proof)
	if err != nil {
		n.log.Warn("refused a node that asked to join", "address", c.RemoteAddr(), "invitation", strings.ToValidUTF8(a.Invitation, "?"), "err", err)
		again := errors.Is(err, ErrNoLeader) || errors.Is(err, ErrNoQuorum) || errors.Is(err, ErrOverloaded) || errors.Is(err, ErrClosed)
		return errors.Join(&strangerError{err}, writeJSON(c, admission{Error: err.Error(), Again: again}))
	}
	return writeJSON(c, admission{Welcome: &w})
}

// admitInvited admits a node that has proved its key. The node has an invitation, or is a member
// and missed the answer.
func (n *Node) admitInvited(ctx context.Context, a application, proof proof) (Welcome, error) {
	if proof.key == "" || a.Self.Key != proof.key {
		return Welcome{}, errors.New("the node has not proved its key")
	}
	mc := memberChange{Op: opAdd, Member: a.Self}
	if had, ok := n.roster.get(a.Self.ID); !ok || had.Key != proof.key {
		state, ok := n.roster.invitation(a.Invitation)
		if !ok {
			return Welcome{}, errors.New("there is no such invitation: it was used up or revoked, or has expired; make another one")
		}
		if err := state.check(a.Secret, time.Now()); err != nil {
			return Welcome{}, err
		}
		mc.By, mc.Secret = a.Invitation, a.Secret
	}
	if a.Self.Removed || a.Self.Learner || a.Self.Certificate != "" {
		return Welcome{}, errors.New("a node that joins gives its id, name, role, addresses and key, and nothing else")
	}
	return n.admit(ctx, mc)
}
