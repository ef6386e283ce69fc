package main

import (
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"io"
	"log/slog"
	"math/big"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/gorilla/websocket"

	"github.com/chessrelay/chessrelay/consensus"
)

// testAuthority signs the certificates of the tests' nodes. The tests' own clients believe it; a
// node or a command has to be told by --tls-ca.
var testAuthority = newAuthority()

type authority struct {
	key  *ecdsa.PrivateKey
	cert *x509.Certificate
	pool *x509.CertPool
}

func init() {
	http.DefaultTransport.(*http.Transport).TLSClientConfig = &tls.Config{RootCAs: testAuthority.pool}
	websocket.DefaultDialer.TLSClientConfig = &tls.Config{RootCAs: testAuthority.pool}
}

func newAuthority() *authority {
	a := &authority{pool: x509.NewCertPool()}
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
	a.pool.AddCert(a.cert)
	return a
}

// file writes the CA's certificate.
func (a *authority) file(t testing.TB) string {
	t.Helper()
	file := filepath.Join(t.TempDir(), "ca.pem")
	if err := os.WriteFile(file, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: a.cert.Raw}), 0o600); err != nil {
		t.Fatal(err)
	}
	return file
}

// issue makes a certificate for this machine, under that serial number, which ends then.
func (a *authority) issue(t testing.TB, serial int64, end time.Time) (cert, key []byte) {
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

// withTLS gives a node a certificate of the test CA.
func withTLS(t testing.TB) func(*serveConfig) {
	dir := t.TempDir()
	cert, key := testAuthority.issue(t, 2, time.Now().Add(time.Hour))
	certFile, keyFile := filepath.Join(dir, "cert.pem"), filepath.Join(dir, "key.pem")
	writeFiles(t, map[string][]byte{certFile: cert, keyFile: key})
	return func(c *serveConfig) { c.TLSCert, c.TLSKey, c.roots = certFile, keyFile, testAuthority.pool }
}

func writeFiles(t testing.TB, files map[string][]byte) {
	t.Helper()
	for name, content := range files {
		if err := os.WriteFile(name, content, 0o600); err != nil {
			t.Fatal(err)
		}
	}
}

// TestTLSCluster has members and an edge call each other over TLS: they join, ask the leader,
// follow and pass on. Commands and spectators come over TLS too.
func TestTLSCluster(t *testing.T) {
	c := newTestClusterWith(t, 3, withTLS(t))
	e := c.addEdge("e", c.nodes[1])
	ca := testAuthority.file(t)
	for _, n := range c.nodes {
		if !strings.HasPrefix(n.url, "https://127.0.0.1:") {
			t.Fatalf("%s advertises %s", n.cfg.Name, n.url)
		}
	}
	out, errs, code := command(t.Context(), "feed", "--tls-ca", ca, "--to", e.url, "--asap", "--json", samplePath)
	if code != 0 {
		t.Fatalf("feed: exit %d\n%s%s", code, out, errs)
	}
	c.waitEqual()
	round, games := newRound(t, e.url, 1)
	c.waitEqual()
	for _, n := range []*testNode{c.nodes[2], e} {
		sp := newSpectator(t, round)
		sp.watch(n.url)
		sp.until("the snapshot", func() bool { return sp.snaps == 1 })
		must(t, e.url+"/api/games/"+games[0]+"/moves", object{"moves": nextMoves(t, n.url, games[0])})
		sp.until("the move", func() bool { return len(sp.indexes) == 1 })
	}
	var s consensus.Status
	if get(t, c.nodes[2].url+"/api/cluster", &s); s.Members[0].Match == 0 {
		t.Errorf("a follower did not get the leader's view: %+v", s)
	}
	must(t, c.nodes[2].url+"/api/cluster/leader", object{"to": c.nodes[1].cfg.Name})
	if out, errs, code := command(t.Context(), "status", "--tls-ca", ca, c.nodes[2].url); code != 0 || !strings.Contains(out, "recorder") {
		t.Errorf("status: exit %d\n%s%s", code, out, errs)
	}
	if out, errs, code := command(t.Context(), "status", c.nodes[2].url); code == 0 || !strings.Contains(errs, "certificate") {
		t.Errorf("without --tls-ca: exit %d\n%s%s", code, out, errs)
	}

	res, err := http.Get(c.nodes[0].url + "/api/tournaments")
	if err != nil {
		t.Fatal(err)
	}
	res.Body.Close()
	if res.ProtoMajor != 2 || !strings.HasPrefix(res.Header.Get("Strict-Transport-Security"), "max-age=") {
		t.Errorf("%s, %v", res.Proto, res.Header)
	}
	if res, err := http.Get("http://" + c.nodes[0].cfg.HTTP + "/api/tournaments"); err == nil {
		if res.Body.Close(); res.StatusCode != http.StatusBadRequest {
			t.Errorf("plain HTTP to the port of TLS: %s", res.Status)
		}
	}
}

// nextMoves is one legal move in a game of knights going out and back.
func nextMoves(t testing.TB, node, game string) []object {
	t.Helper()
	var g struct{ Ply int }
	get(t, node+"/api/games/"+game, &g)
	return []object{{"ply": g.Ply + 1, "move": []string{"Nf3", "Nf6", "Ng1", "Ng8"}[g.Ply%4]}}
}

// TestCertificateReload: a new pair of files is used without a restart, and one that is none, or
// has expired, is not; the log says so.
func TestCertificateReload(t *testing.T) {
	dir := t.TempDir()
	certFile, keyFile := filepath.Join(dir, "cert.pem"), filepath.Join(dir, "key.pem")
	write := func(cert, key []byte) { writeFiles(t, map[string][]byte{certFile: cert, keyFile: key}) }
	write(testAuthority.issue(t, 10, time.Now().Add(time.Hour)))
	var log lockedBuffer
	n, err := openNode(t.Context(), serveConfig{
		Name: "r", Role: roleRecorder, Data: filepath.Join(dir, "r"), HTTP: "127.0.0.1:0", Peer: "127.0.0.1:0", Bootstrap: true, Voters: 1,
		TLSCert: certFile, TLSKey: keyFile,
	}, slog.New(slog.NewTextHandler(&log, nil)), testTick)
	if err != nil {
		t.Fatal(err)
	}
	defer n.Close()
	serial := func() int64 {
		c, err := tls.Dial("tcp", n.Addr().String(), &tls.Config{RootCAs: testAuthority.pool})
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
		return c.ConnectionState().PeerCertificates[0].SerialNumber.Int64()
	}
	if got := serial(); got != 10 {
		t.Fatalf("the certificate is number %d", got)
	}
	write(testAuthority.issue(t, 11, time.Now().Add(time.Hour)))
	eventually(t, "the new certificate", func() bool { return serial() == 11 })
	cert, _ := testAuthority.issue(t, 12, time.Now().Add(time.Hour))
	_, otherKey := testAuthority.issue(t, 13, time.Now().Add(time.Hour))
	for what, bad := range map[string]func(){
		"private key does not match": func() { write(cert, otherKey) },
		"failed to find any PEM":     func() { write([]byte("no certificate"), otherKey) },
		"has expired":                func() { write(testAuthority.issue(t, 14, time.Now().Add(-time.Minute))) },
		"no such file":               func() { os.Remove(keyFile) },
	} {
		bad()
		eventually(t, "the log to say: "+what, func() bool { return serial() == 11 && strings.Contains(log.String(), what) })
	}
	write(testAuthority.issue(t, 15, time.Now().Add(time.Hour)))
	eventually(t, "the good certificate", func() bool { return serial() == 15 })
}

// lockedBuffer is a log that may be read while it is written.
type lockedBuffer struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

func (b *lockedBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buf.Write(p)
}

func (b *lockedBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buf.String()
}

// TestHTTPRedirect sends browsers to the same page over TLS, and refuses submissions in clear.
func TestHTTPRedirect(t *testing.T) {
	secure := withTLS(t)
	c := newTestClusterWith(t, 1, func(cfg *serveConfig) { secure(cfg); cfg.HTTPRedirect = "127.0.0.1:0" })
	n := c.nodes[0]
	plain := "http://" + n.RedirectAddr().String()
	client := &http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	res, err := client.Get(plain + "/round/x%2Fy?ply=3")
	if err != nil {
		t.Fatal(err)
	}
	res.Body.Close()
	if to := res.Header.Get("Location"); res.StatusCode != http.StatusMovedPermanently || to != n.url+"/round/x%2Fy?ply=3" {
		t.Errorf("%s to %s", res.Status, to)
	}
	if status := get(t, plain+"/healthz", nil); status != http.StatusOK { // over TLS
		t.Errorf("followed: %d", status)
	}
	res, err = client.Post(plain+"/api/tournaments", "application/json", strings.NewReader("{}"))
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	if body, _ := io.ReadAll(res.Body); res.StatusCode != http.StatusForbidden || !strings.Contains(string(body), n.url) {
		t.Errorf("a submission in clear: %s %s", res.Status, body)
	}
}

func TestRedirectTarget(t *testing.T) {
	for _, c := range []struct{ self, host, want string }{
		{"https://chess.example", "chess.example", "https://chess.example/x"},
		{"https://chess.example:8443", "chess.example:8080", "https://chess.example:8443/x"},
		{"https://chess.example", "www.chess.example:80", "https://www.chess.example/x"},
		{"https://[::1]:8443", "[::1]:80", "https://[::1]:8443/x"},
		{"https://chess.example", "[::1]", "https://[::1]/x"},
		{"https://chess.example:8443", "", "https://chess.example:8443/x"},
	} {
		r, err := http.NewRequestWithContext(context.Background(), http.MethodGet, "http://unused/x", nil)
		if err != nil {
			t.Fatal(err)
		}
		r.Host = c.host
		w := &headerWriter{header: http.Header{}}
		if redirect(c.self).ServeHTTP(w, r); w.header.Get("Location") != c.want {
			t.Errorf("%s at %s: %s, want %s", c.host, c.self, w.header.Get("Location"), c.want)
		}
	}
}

type headerWriter struct{ header http.Header }

func (w *headerWriter) Header() http.Header         { return w.header }
func (w *headerWriter) Write(p []byte) (int, error) { return len(p), nil }
func (w *headerWriter) WriteHeader(int)             {}

func TestTLSFlags(t *testing.T) {
	const member = "serve --name r --role recorder --data d "
	for line, want := range map[string]string{
		member + "--tls-cert c":                                                   "--tls-cert and --tls-key are given together",
		member + "--tls-cert c --tls-key k --acme h":                              "exclude each other",
		member + "--http-redirect :80":                                            "--http-redirect needs",
		member + "--admin-http 6060":                                              "--admin-http is an address",
		member + "--acme-directory https://ca":                                    "--acme is missing",
		member + "--acme https://h":                                               "names of hosts",
		member + "--allow-host h:80":                                              "names of hosts",
		member + "--tls-cert c --tls-key k --advertise-http http://h":             "say https",
		"serve --name e --role edge --upstream http://v --acme chess.example.org": "--acme-cache is missing",
	} {
		code, _, errs := runCommand(t.Context(), t, nil, strings.Fields(line)...)
		if code != exitUsage || !strings.Contains(errs, want) {
			t.Errorf("%s: exit %d, %s", line, code, errs)
		}
	}
	code, _, errs := runCommand(t.Context(), t, nil, strings.Fields(member+"--tls-cert nowhere.pem --tls-key nowhere.key --http 127.0.0.1:0 --peer 127.0.0.1:0")...)
	if code != exitFailed || !strings.Contains(errs, "nowhere.pem") {
		t.Errorf("files that are not there: exit %d, %s", code, errs)
	}
}
