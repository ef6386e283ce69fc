package node_test

import (
	"bytes"
	"crypto/tls"
	"io"
	"log/slog"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/chessrelay/chessrelay/cmd/chessrelay/node"
	"github.com/chessrelay/chessrelay/cmd/chessrelay/node/nodetest"
)

// TestCertificateReload: a new pair of files is used without a restart. Files that are no pair, or
// have expired, are not used, and the log says so.
func TestCertificateReload(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	certFile, keyFile := filepath.Join(dir, "cert.pem"), filepath.Join(dir, "key.pem")
	write := func(cert, key []byte) { nodetest.WriteFiles(t, map[string][]byte{certFile: cert, keyFile: key}) }
	write(nodetest.CA.Issue(t, 10, time.Now().Add(time.Hour)))
	var log lockedBuffer
	n, err := node.Open(t.Context(), node.Config{
		Name: "r", Role: node.RoleRecorder, Data: filepath.Join(dir, "r"), HTTP: "127.0.0.1:0", Peer: "127.0.0.1:0", Bootstrap: true, Voters: 1,
		TLSCert: certFile, TLSKey: keyFile,
	}, slog.New(slog.NewTextHandler(&log, nil)), nodetest.Tick)
	if err != nil {
		t.Fatal(err)
	}
	defer n.Close()
	serial := func() int64 {
		c, err := tls.Dial("tcp", n.Addr().String(), &tls.Config{RootCAs: nodetest.CA.Pool})
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
		return c.ConnectionState().PeerCertificates[0].SerialNumber.Int64()
	}
	if got := serial(); got != 10 {
		t.Fatalf("the certificate is number %d", got)
	}
	write(nodetest.CA.Issue(t, 11, time.Now().Add(time.Hour)))
	nodetest.Eventually(t, "the new certificate", func() bool { return serial() == 11 })
	cert, _ := nodetest.CA.Issue(t, 12, time.Now().Add(time.Hour))
	_, otherKey := nodetest.CA.Issue(t, 13, time.Now().Add(time.Hour))
	for what, bad := range map[string]func(){
		"private key does not match": func() { write(cert, otherKey) },
		"failed to find any PEM":     func() { write([]byte("no certificate"), otherKey) },
		"has expired":                func() { write(nodetest.CA.Issue(t, 14, time.Now().Add(-time.Minute))) },
		"no such file":               func() { os.Remove(keyFile) },
	} {
		bad()
		nodetest.Eventually(t, "the log to say: "+what, func() bool { return serial() == 11 && strings.Contains(log.String(), what) })
	}
	write(nodetest.CA.Issue(t, 15, time.Now().Add(time.Hour)))
	nodetest.Eventually(t, "the good certificate", func() bool { return serial() == 15 })
}

// lockedBuffer is a log that a test may read while it is written.
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
	t.Parallel()
	secure := nodetest.WithTLS(t)
	c := nodetest.NewClusterWith(t, 1, func(cfg *node.Config) { secure(cfg); cfg.HTTPRedirect = "127.0.0.1:0" })
	n := c.Nodes[0]
	plain := "http://" + n.RedirectAddr().String()
	client := &http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	res, err := client.Get(plain + "/round/x%2Fy?ply=3")
	if err != nil {
		t.Fatal(err)
	}
	res.Body.Close()
	if to := res.Header.Get("Location"); res.StatusCode != http.StatusMovedPermanently || to != n.URL+"/round/x%2Fy?ply=3" {
		t.Errorf("%s to %s", res.Status, to)
	}
	if status := nodetest.Get(t, plain+"/healthz", nil); status != http.StatusOK { // over TLS
		t.Errorf("followed: %d", status)
	}
	res, err = client.Post(plain+"/api/tournaments", "application/json", strings.NewReader("{}"))
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	if body, _ := io.ReadAll(res.Body); res.StatusCode != http.StatusForbidden || !strings.Contains(string(body), n.URL) {
		t.Errorf("a submission in clear: %s %s", res.Status, body)
	}
}
