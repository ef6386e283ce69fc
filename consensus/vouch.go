package consensus

import (
	"bytes"
	"crypto/ed25519"
	"crypto/sha256"
	"crypto/x509"
	"encoding/binary"
	"errors"
	"fmt"
	"time"
)

// A node outside the group learns URLs from others, which may lie. Before it shows a secret at a
// URL, it asks for a vouch there: a member's signature over that URL and a nonce, by its certified
// key. A member signs only for its own URL. So a liar at another URL cannot pass on a member's
// answer.

const (
	// VouchNonceSize is the size of a vouch's nonce, in bytes.
	VouchNonceSize = 32
	// vouchContext separates these signatures from all others by the same key (RFC 8032,
	// Ed25519ctx).
	vouchContext = "chessrelay vouch for a URL, version 1"
	// maxVouchedURL and maxVouchPart bound the URL and each part of a vouch, in bytes.
	maxVouchedURL = 1024
	maxVouchPart  = 4 << 10
)

// ErrNotVouched is returned for a URL that is not the member's own, or for a proof that fails.
var ErrNotVouched = errors.New("the cluster does not vouch for it")

// A Vouch is a member's proof that a URL is its own.
type Vouch struct {
	Certificate []byte `json:"certificate"` // of the member, in DER
	Authority   []byte `json:"authority"`   // the certificate of the cluster's authority, in DER
	Signature   []byte `json:"signature"`
}

// vouchMessage is what a member signs. Each part but the last has a known length.
func vouchMessage(cluster, url string, nonce []byte) []byte {
	b := bytes.Clone(nonce)
	b = binary.BigEndian.AppendUint32(b, uint32(len(cluster)))
	return append(append(b, cluster...), url...)
}

// Vouch proves that url is the one that this member advertises. For another URL, or a nonce of
// another size than [VouchNonceSize], the error is [ErrNotVouched].
func (n *Node) Vouch(url string, nonce []byte) (Vouch, error) {
	switch _, member := n.roster.get(n.id); {
	case len(nonce) != VouchNonceSize:
		return Vouch{}, fmt.Errorf("%w: a nonce has %d bytes, not %d", ErrNotVouched, VouchNonceSize, len(nonce))
	case url == "" || url != n.cfg.AdvertiseHTTP:
		return Vouch{}, fmt.Errorf("%w: this member advertises another URL", ErrNotVouched)
	case !member:
		return Vouch{}, fmt.Errorf("%w: this node is not a member of the cluster", ErrNotVouched)
	}
	return n.credentials.vouch(url, nonce)
}

// vouch signs. The caller has checked that it may.
func (c *credentials) vouch(url string, nonce []byte) (Vouch, error) {
	own, err := c.newest()
	if err != nil {
		return Vouch{}, err
	}
	signature, err := c.key.Sign(nil, vouchMessage(c.cluster, url, nonce), &ed25519.Options{Context: vouchContext})
	return Vouch{Certificate: own.Certificate[0], Authority: c.authority.Raw, Signature: signature}, err
}

// A Voucher is what a node outside the group checks a [Vouch] by. It is a part of an
// [EdgeInvitation].
type Voucher struct {
	ClusterID string
	// Authority is the SHA-256 of the certificate of the cluster's authority.
	Authority []byte
}

// VouchKey returns the public key of the member at url, empty if there is none.
func (n *Node) VouchKey(url string) string {
	for _, m := range n.roster.list() {
		if m.HTTP == url {
			return m.Key
		}
	}
	return ""
}

// Check returns the member that proves by v, in answer to nonce, that url is its own. The error
// wraps [ErrNotVouched]. key is from [Node.VouchKey] at a member, empty if unknown. With
// it a removed member proves nothing, though its certificate has not expired. The clock counts,
// since this node does not know the roster.
func (by Voucher) Check(v Vouch, url string, nonce []byte, key string, now time.Time) (MemberID, error) {
	id, err := by.check(v, url, nonce, key, now)
	if err != nil {
		return 0, fmt.Errorf("%w: %w", ErrNotVouched, err)
	}
	return id, nil
}

func (by Voucher) check(v Vouch, url string, nonce []byte, want string, now time.Time) (MemberID, error) {
	if len(nonce) != VouchNonceSize || len(url) > maxVouchedURL || len(v.Certificate) > maxVouchPart || len(v.Authority) > maxVouchPart {
		return 0, errors.New("it is too long, or the nonce has another size")
	}
	if sum := sha256.Sum256(v.Authority); !bytes.Equal(sum[:], by.Authority) {
		return 0, errors.New("its authority is not that of the invitation")
	}
	authority, err := x509.ParseCertificate(v.Authority)
	if err != nil {
		return 0, fmt.Errorf("its authority: %w", err)
	}
	leaf, err := x509.ParseCertificate(v.Certificate)
	if err != nil {
		return 0, fmt.Errorf("its certificate: %w", err)
	}
	id, err := memberOf(leaf, by.ClusterID)
	if err != nil {
		return 0, err
	}
	roots := x509.NewCertPool()
	roots.AddCert(authority)
	_, err = leaf.Verify(x509.VerifyOptions{Roots: roots, CurrentTime: now, KeyUsages: []x509.ExtKeyUsage{x509.ExtKeyUsageAny}})
	if err != nil {
		return 0, err
	}
	key, ok := leaf.PublicKey.(ed25519.PublicKey)
	if !ok {
		return 0, errors.New("its certificate is for a key of another kind")
	}
	if want != "" && encodeBase64(key) != want {
		return 0, errors.New("its key is not that of the member at this URL")
	}
	err = ed25519.VerifyWithOptions(key, vouchMessage(by.ClusterID, url, nonce), v.Signature, &ed25519.Options{Context: vouchContext})
	if err != nil {
		return 0, errors.New("the signature is not for this URL and this nonce")
	}
	return id, nil
}
