package consensus

import (
	"crypto/ed25519"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/base64"
	"errors"
	"fmt"
	"math/big"
	"strings"
	"sync/atomic"
	"time"
)

// All connections between nodes are TLS 1.3, and both sides show a certificate. The cluster's own
// authority signs them. The founder makes it, and each member has its key, since any member may
// come to lead and must then admit others.
//
// A certificate says which member its holder is, and nothing else. It counts only if the roster has
// that member with the same key, or if a member of the roster has told of it (discovery.go). So the
// authority's key from the directory of a removed member lets nobody in.
//
// Dates do not count. A machine's clock may be years wrong, a cluster may be off for as long, and a
// removal counts at once.

const (
	// certificateLife is how long a certificate says that it is valid.
	certificateLife = 365 * 24 * time.Hour
	// renewAfter is the age at which a node asks for a new one.
	renewAfter = certificateLife / 3
	// memberDomain ends the name in a certificate.
	memberDomain = ".chessrelay.internal"
)

// The authority's certificate never expires (RFC 5280, 4.1.2.5). No certificate has a start that
// counts.
var (
	noBeginning = time.Unix(0, 0).UTC()
	noEnd       = time.Date(9999, 12, 31, 23, 59, 59, 0, time.UTC)
)

// credentials is what a node shows to other nodes, and what it judges theirs by.
type credentials struct {
	// Static after construction.
	cluster   string
	key       ed25519.PrivateKey // of this node
	authority *x509.Certificate
	signer    ed25519.PrivateKey // the authority's
	roots     *x509.CertPool

	shown atomic.Pointer[tls.Certificate] // this node's newest certificate
}

// newAuthority makes the authority of a new cluster: its certificate and its private key, in the
// form of [store.Identity].
func newAuthority(cluster string) (certificate, key string, err error) {
	key = newKey()
	signer, err := privateKey(key)
	if err != nil {
		return "", "", err
	}
	ca := &x509.Certificate{
		SerialNumber: big.NewInt(1),
		Subject:      pkix.Name{CommonName: "chessrelay cluster " + cluster},
		NotBefore:    noBeginning, NotAfter: noEnd,
		IsCA: true, BasicConstraintsValid: true, MaxPathLenZero: true, KeyUsage: x509.KeyUsageCertSign,
	}
	der, err := x509.CreateCertificate(rand.Reader, ca, ca, signer.Public(), signer)
	return encodeBase64(der), key, err
}

// newKey draws a private key.
func newKey() string {
	var seed [ed25519.SeedSize]byte
	_, _ = rand.Read(seed[:]) // never fails, see crypto/rand
	return encodeBase64(seed[:])
}

func encodeBase64(b []byte) string { return base64.StdEncoding.EncodeToString(b) }

func privateKey(text string) (ed25519.PrivateKey, error) {
	seed, err := base64.StdEncoding.DecodeString(text)
	if err != nil || len(seed) != ed25519.SeedSize {
		return nil, errors.New("a private key is damaged or missing")
	}
	return ed25519.NewKeyFromSeed(seed), nil
}

// publicKey reads a key in the form of [Member.Key].
func publicKey(text string) (ed25519.PublicKey, error) {
	key, err := base64.StdEncoding.DecodeString(text)
	if err != nil || len(key) != ed25519.PublicKeySize {
		return nil, errors.New("a member's public key is damaged or missing")
	}
	return key, nil
}

func parseCertificate(text string) (*x509.Certificate, error) {
	der, err := base64.StdEncoding.DecodeString(text)
	if err != nil {
		return nil, err
	}
	return x509.ParseCertificate(der)
}

// newCredentials reads the credentials in a member's identity. The node shows certificate until
// show is called. A founder needs none, since it issues its own.
func newCredentials(cluster, key, authority, signer, certificate string) (*credentials, error) {
	c := &credentials{cluster: cluster, roots: x509.NewCertPool()}
	var err error
	if c.key, err = privateKey(key); err != nil {
		return nil, err
	}
	if c.signer, err = privateKey(signer); err != nil {
		return nil, err
	}
	if c.authority, err = parseCertificate(authority); err != nil {
		return nil, fmt.Errorf("the certificate of the cluster's authority: %w", err)
	}
	c.roots.AddCert(c.authority)
	if certificate != "" {
		err = c.show(certificate)
	}
	return c, err
}

// public is this node's public key, in the form of [Member.Key].
func (c *credentials) public() string { return encodeBase64(c.key.Public().(ed25519.PublicKey)) }

// show makes certificate the one that this node shows from now on.
func (c *credentials) show(certificate string) error {
	leaf, err := parseCertificate(certificate)
	if err != nil {
		return fmt.Errorf("the certificate of this node: %w", err)
	}
	if !c.key.Public().(ed25519.PublicKey).Equal(leaf.PublicKey) {
		return errors.New("the certificate of this node is for another key")
	}
	c.shown.Store(&tls.Certificate{Certificate: [][]byte{leaf.Raw, c.authority.Raw}, PrivateKey: c.key, Leaf: leaf})
	return nil
}

// issue certifies that key is member id's. index is that of the log's last entry: it makes the
// serial number unique.
func (c *credentials) issue(id MemberID, key string, index uint64, now time.Time) (string, error) {
	public, err := publicKey(key)
	if err != nil {
		return "", err
	}
	der, err := x509.CreateCertificate(rand.Reader, &x509.Certificate{
		SerialNumber: serialNumber(index, id),
		Subject:      pkix.Name{CommonName: id.String()},
		DNSNames:     []string{memberDNS(c.cluster, id)},
		NotBefore:    noBeginning, NotAfter: now.Add(certificateLife),
		KeyUsage:    x509.KeyUsageDigitalSignature,
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth},
	}, c.authority, public, c.signer)
	return encodeBase64(der), err
}

// serialNumber is a certificate's serial number: index in the high 64 bits, then the member.
func serialNumber(index uint64, id MemberID) *big.Int {
	n := new(big.Int).Lsh(new(big.Int).SetUint64(index), 64)
	return n.Or(n, new(big.Int).SetUint64(uint64(id)))
}

// memberDNS is the name in a member's certificate.
func memberDNS(cluster string, id MemberID) string { return id.String() + "." + cluster + memberDomain }

// memberOf reads the name in a member's certificate.
func memberOf(leaf *x509.Certificate, cluster string) (MemberID, error) {
	if len(leaf.DNSNames) == 1 {
		if name, ok := strings.CutSuffix(leaf.DNSNames[0], "."+cluster+memberDomain); ok {
			return ParseMemberID(name)
		}
	}
	return 0, errors.New("the certificate names no member of this cluster")
}

// renewalDue reports whether certificate is so old that its holder should ask for a new one.
func renewalDue(certificate string, now time.Time) bool {
	leaf, err := parseCertificate(certificate)
	return err == nil && now.After(leaf.NotAfter.Add(renewAfter-certificateLife))
}

var (
	errNoCertificate = errors.New("the node shows no certificate")
	errForeign       = errors.New("its certificate is not from this cluster's authority")
	errNoMember      = errors.New("the log has no such member")
)

// holder returns the member that the other side of a connection has proved to be. known returns a
// member's key.
func (c *credentials) holder(state tls.ConnectionState, known func(MemberID) (key string, ok bool)) (MemberID, error) {
	if len(state.PeerCertificates) == 0 {
		return 0, errNoCertificate
	}
	leaf := state.PeerCertificates[0]
	id, err := memberOf(leaf, c.cluster)
	if err != nil {
		return 0, err
	}
	_, err = leaf.Verify(x509.VerifyOptions{Roots: c.roots, CurrentTime: leaf.NotAfter, KeyUsages: []x509.ExtKeyUsage{x509.ExtKeyUsageAny}})
	if err != nil {
		return 0, fmt.Errorf("%w: %w", errForeign, err)
	}
	key, ok := known(id)
	if !ok {
		return 0, fmt.Errorf("%w: %s", errNoMember, id)
	}
	if public, _ := leaf.PublicKey.(ed25519.PublicKey); encodeBase64(public) != key {
		return 0, fmt.Errorf("the certificate names member %s, but is for another key", id)
	}
	return id, nil
}

// common is the configuration of both sides. Sessions are not resumed, so each connection is
// judged.
func (c *credentials) common() *tls.Config {
	return &tls.Config{
		MinVersion:                  tls.VersionTLS13,
		SessionTicketsDisabled:      true,
		DynamicRecordSizingDisabled: true, // what waits together leaves together
	}
}

// client is the configuration of a side that dials member want, 0 for any. The standard check goes
// by host names and the clock. verify replaces it, and goes by holder.
func (c *credentials) client(want MemberID, verify func(tls.ConnectionState) error) *tls.Config {
	cfg := c.common()
	if want != 0 {
		cfg.ServerName = memberDNS(c.cluster, want)
	}
	cfg.InsecureSkipVerify = true
	cfg.VerifyConnection = verify
	cfg.GetClientCertificate = func(*tls.CertificateRequestInfo) (*tls.Certificate, error) { return c.newest() }
	return cfg
}

// server is the configuration of a side that listens. It takes any certificate, or none. The server
// judges later, so that it can tell the dialer why it is refused.
func (c *credentials) server() *tls.Config {
	cfg := c.common()
	cfg.ClientAuth = tls.RequestClientCert
	cfg.GetCertificate = func(*tls.ClientHelloInfo) (*tls.Certificate, error) { return c.newest() }
	return cfg
}

func (c *credentials) newest() (*tls.Certificate, error) {
	if shown := c.shown.Load(); shown != nil {
		return shown, nil
	}
	return nil, errors.New("this node has no certificate yet")
}
