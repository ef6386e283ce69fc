package node_test

import (
	"bytes"
	"log/slog"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/chessrelay/chessrelay/cmd/chessrelay/node"
	"github.com/chessrelay/chessrelay/cmd/chessrelay/node/nodetest"
)

// logText collects a log to which several goroutines write.
type logText struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *logText) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *logText) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}

// TestAddressInUse starts a node twice. The error says which address is in use, and what to do.
func TestAddressInUse(t *testing.T) {
	t.Parallel()
	c := nodetest.NewCluster(t, 1)
	for flag, cfg := range map[string]node.Config{
		"--http": {HTTP: c.Nodes[0].Config.HTTP, Peer: "127.0.0.1:0"},
		"--peer": {HTTP: "127.0.0.1:0", Peer: c.Nodes[0].Config.Peer},
	} {
		cfg.Name, cfg.Role, cfg.Data, cfg.Voters, cfg.Bootstrap = "twice", node.RoleRecorder, filepath.Join(t.TempDir(), "twice"), 1, true
		n, err := node.Open(t.Context(), cfg, nodetest.Log(t), nodetest.Tick)
		if err == nil {
			n.Close()
			t.Fatalf("%s: two nodes listen on one address", flag)
		}
		for _, word := range []string{flag, "another process listens there", "127.0.0.1:"} {
			if !strings.Contains(err.Error(), word) {
				t.Errorf("%s: %q is missing in %q", flag, word, err)
			}
		}
	}
}

// TestDataDirectoryOfAnotherCluster starts a node of one cluster with a command line for joining
// another.
func TestDataDirectoryOfAnotherCluster(t *testing.T) {
	t.Parallel()
	old, other := nodetest.NewCluster(t, 1), nodetest.NewCluster(t, 1)
	n := old.Nodes[0]
	n.Stop()
	cfg := n.Config
	cfg.Bootstrap, cfg.Join = false, other.Nodes[0].URL
	var log logText
	again, err := node.Open(t.Context(), cfg, slog.New(slog.NewTextHandler(&log, nil)), nodetest.Tick)
	if err != nil {
		t.Fatal(err)
	}
	defer again.Close()
	nodetest.Eventually(t, "it to be said", func() bool { return strings.Contains(log.String(), "of another cluster") })
	for _, word := range []string{cfg.Data, again.Raft.ClusterID(), other.Nodes[0].Raft.ClusterID(), "empty data directory"} {
		if !strings.Contains(log.String(), word) {
			t.Errorf("%q is missing in %s", word, log.String())
		}
	}
}
