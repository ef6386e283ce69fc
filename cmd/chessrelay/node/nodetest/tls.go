package nodetest

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"math/big"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/gorilla/websocket"

	"github.com/chessrelay/chessrelay/cmd/chessrelay/node"
)

// CA signs the certificates of the tests' nodes. The tests' own clients trust it; a node or a
// command needs --tls-ca.
var CA = newAuthority()

// Authority is a CA.
type Authority struct {
	key  *ecdsa.PrivateKey
	cert *x509.Certificate
	Pool *x509.CertPool
}

// The default clients trust the CA.
func init() {
	http.DefaultTransport.(*http.Transport).TLSClientConfig = &tls.Config{RootCAs: CA.Pool}
	websocket.DefaultDialer.TLSClientConfig = &tls.Config{RootCAs: CA.Pool}
}

func newAuthority() *Authority {
	a := &Authority{Pool: x509.NewCertPool()}
	a.key, _ = ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	t := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "test CA"}, IsCA: true, BasicConstraintsValid: true,
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(24 * time.Hour), KeyUsage: x509.KeyUsageCertSign,
	}
	der, err := x509.CreateCertificate(rand.Reader, t, t, a.key.Public(), a.key)
	if err != nil {
		panic(err)
	}
	a.cert, _ = x509.ParseCertificate(der)
	a.Pool.AddCert(a.cert)
	return a
}

// File writes the CA's certificate to a file.
func (a *Authority) File(t testing.TB) string {
	t.Helper()
	file := filepath.Join(t.TempDir(), "ca.pem")
	if err := os.WriteFile(file, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: a.cert.Raw}), 0o600); err != nil {
		t.Fatal(err)
	}
	return file
}

// Issue makes a certificate for this machine, with that serial number and end.
func (a *Authority) Issue(t testing.TB, serial int64, end time.Time) (cert, key []byte) {
	t.Helper()
	k, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	der, err := x509.CreateCertificate(rand.Reader, &x509.Certificate{
		SerialNumber: big.NewInt(serial), NotBefore: time.Now().Add(-time.Hour), NotAfter: end,
		DNSNames: []string{"localhost"}, IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)},
	}, a.cert, k.Public(), a.key)
	if err != nil {
		t.Fatal(err)
	}
	raw, err := x509.MarshalPKCS8PrivateKey(k)
	if err != nil {
		t.Fatal(err)
	}
	return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}), pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: raw})
}

// WithTLS gives a node a certificate of the test CA.
func WithTLS(t testing.TB) func(*node.Config) {
	dir := t.TempDir()
	cert, key := CA.Issue(t, 2, time.Now().Add(time.Hour))
	certFile, keyFile := filepath.Join(dir, "cert.pem"), filepath.Join(dir, "key.pem")
	WriteFiles(t, map[string][]byte{certFile: cert, keyFile: key})
	return func(c *node.Config) { c.TLSCert, c.TLSKey, c.Roots = certFile, keyFile, CA.Pool }
}

// WriteFiles writes files with this content, by name.
func WriteFiles(t testing.TB, files map[string][]byte) {
	t.Helper()
	for name, content := range files {
		if err := os.WriteFile(name, content, 0o600); err != nil {
			t.Fatal(err)
		}
	}
}
