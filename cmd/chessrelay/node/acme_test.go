package node_test

import (
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"testing"
	"time"

	"github.com/chessrelay/chessrelay/cmd/chessrelay/node"
	"github.com/chessrelay/chessrelay/cmd/chessrelay/node/nodetest"
)

// pebbleVersion is the version of pebble, Let's Encrypt's small CA for tests. It is no part of
// go.mod.
const pebbleVersion = "@v2.10.3"

// install builds another program's commands into a folder, and returns it.
func install(t testing.TB, packages ...string) string {
	t.Helper()
	dir := t.TempDir()
	for _, p := range packages {
		cmd := exec.Command("go", "install", p)
		cmd.Env = append(os.Environ(), "GOBIN="+dir, "GOFLAGS=-mod=mod")
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Fatalf("go install %s: %v\n%s", p, err, out)
		}
	}
	return dir
}

// launch runs a program until the test, or stop, ends it.
func launch(t testing.TB, env []string, program string, args ...string) (stop func()) {
	t.Helper()
	cmd := exec.Command(program, args...)
	cmd.Env = append(os.Environ(), env...)
	var out lockedBuffer
	cmd.Stdout, cmd.Stderr = &out, &out
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	ended := false
	stop = func() {
		if !ended {
			ended = true
			_ = cmd.Process.Kill()
			_ = cmd.Wait()
		}
	}
	t.Cleanup(func() {
		stop()
		if t.Failed() {
			t.Logf("%s:\n%s", program, out.String())
		}
	})
	return stop
}

// pebble is a CA that issues a certificate for any name to whatever answers at these ports of this
// machine.
type pebble struct {
	directory, management string
	stop                  func()
}

func startPebble(t testing.TB, bin, tlsAddress, httpAddress string) *pebble {
	t.Helper()
	port := func(address string) int {
		_, p, _ := net.SplitHostPort(address)
		n, _ := strconv.Atoi(p)
		return n
	}
	dns, directory, management := nodetest.KeptAddress(t), nodetest.KeptAddress(t), nodetest.KeptAddress(t)
	dir := t.TempDir()
	cert, key := nodetest.CA.Issue(t, 3, time.Now().Add(time.Hour))
	config, err := json.Marshal(nodetest.Object{"pebble": nodetest.Object{
		"listenAddress": directory, "managementListenAddress": management,
		"certificate": filepath.Join(dir, "cert.pem"), "privateKey": filepath.Join(dir, "key.pem"),
		"tlsPort": port(tlsAddress), "httpPort": port(httpAddress), "ocspResponderURL": "",
	}})
	if err != nil {
		t.Fatal(err)
	}
	nodetest.WriteFiles(t, map[string][]byte{filepath.Join(dir, "cert.pem"): cert, filepath.Join(dir, "key.pem"): key, filepath.Join(dir, "config.json"): config})
	launch(t, nil, filepath.Join(bin, "pebble-challtestsrv"), "-dnsserver", dns, "-management", nodetest.KeptAddress(t),
		"-defaultIPv4", "127.0.0.1", "-defaultIPv6", "", "-http01", "", "-https01", "", "-tlsalpn01", "", "-doh", "")
	stop := launch(t, []string{"PEBBLE_VA_NOSLEEP=1"}, filepath.Join(bin, "pebble"), "-config", filepath.Join(dir, "config.json"), "-dnsserver", dns)
	p := &pebble{directory: "https://" + directory + "/dir", management: "https://" + management, stop: stop}
	nodetest.Eventually(t, "pebble to answer", func() bool { return nodetest.Get(t, p.directory, nil) == http.StatusOK })
	return p
}

// roots are the CAs that sign pebble's certificates.
func (p *pebble) roots(t testing.TB) *x509.CertPool {
	t.Helper()
	res, err := http.Get(p.management + "/roots/0")
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	pem, err := io.ReadAll(res.Body)
	pool := x509.NewCertPool()
	if err != nil || !pool.AppendCertsFromPEM(pem) {
		t.Fatalf("pebble's root: %v %s", err, pem)
	}
	return pool
}

// TestACME has a CA certify a node in both ways: over the TLS port itself, and over the port that
// redirects. A node that starts again has the certificate, though the CA is gone.
func TestACME(t *testing.T) {
	t.Parallel()
	bin := install(t, "github.com/letsencrypt/pebble/v2/cmd/pebble"+pebbleVersion, "github.com/letsencrypt/pebble/v2/cmd/pebble-challtestsrv"+pebbleVersion)
	for _, way := range []string{"tls-alpn-01", "http-01"} {
		t.Run(way, func(t *testing.T) {
			t.Parallel()
			address, redirect := nodetest.KeptAddress(t), nodetest.KeptAddress(t)
			reached := map[string]string{"tls-alpn-01": address, "http-01": nodetest.KeptAddress(t)} // nothing listens at the latter
			ca := startPebble(t, bin, reached[way], redirect)
			c := &nodetest.Cluster{T: t}
			n := &nodetest.Node{T: t, Config: node.Config{
				Name: "r", Role: node.RoleRecorder, Data: t.TempDir(), HTTP: address, Peer: "127.0.0.1:0", Bootstrap: true, Voters: 1,
				ACME: []string{"chess.example.com"}, ACMEDirectory: ca.directory, Roots: nodetest.CA.Pool,
			}}
			if way == "http-01" {
				n.Config.HTTPRedirect = redirect
			}
			c.Nodes = append(c.Nodes, n)
			t.Cleanup(n.Stop)
			n.Start()
			roots := ca.roots(t)
			shows := func() bool {
				conn, err := tls.Dial("tcp", address, &tls.Config{RootCAs: roots, ServerName: "chess.example.com"})
				if err == nil {
					conn.Close()
				}
				return err == nil
			}
			nodetest.Eventually(t, "a certificate of the CA", shows)
			if _, err := tls.Dial("tcp", address, &tls.Config{RootCAs: roots, ServerName: "other.example.com"}); err == nil {
				t.Error("it asks for certificates of any name")
			}
			_, port, _ := net.SplitHostPort(address)
			if want := "https://chess.example.com:" + port; n.URL != want {
				t.Errorf("the node advertises %s, want %s", n.URL, want)
			}
			ca.stop()
			n.Stop()
			n.Start()
			if !shows() {
				t.Error("the certificate was not kept")
			}
		})
	}
}
