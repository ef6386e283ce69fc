package main

import (
	"bytes"
	"log/slog"
	"path/filepath"
	"strings"
	"sync"
	"testing"
)

// logText collects a log that is written to by several goroutines.
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

// TestAddressInUse: who starts a node twice is told which address it is, and what to do.
func TestAddressInUse(t *testing.T) {
	c := newTestCluster(t, 1)
	for flag, cfg := range map[string]serveConfig{
		"--http": {HTTP: c.nodes[0].cfg.HTTP, Peer: "127.0.0.1:0"},
		"--peer": {HTTP: "127.0.0.1:0", Peer: c.nodes[0].cfg.Peer},
	} {
		cfg.Name, cfg.Role, cfg.Data, cfg.Voters, cfg.Bootstrap = "twice", roleRecorder, filepath.Join(t.TempDir(), "twice"), 1, true
		n, err := openNode(t.Context(), cfg, testLog(t), testTick)
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

// TestOldDataDirectory starts a node of one cluster with the line that would have it join another.
func TestOldDataDirectory(t *testing.T) {
	old, other := newTestCluster(t, 1), newTestCluster(t, 1)
	n := old.nodes[0]
	n.stop()
	cfg := n.cfg
	cfg.Bootstrap, cfg.Join = false, other.nodes[0].url
	var log logText
	again, err := openNode(t.Context(), cfg, slog.New(slog.NewTextHandler(&log, nil)), testTick)
	if err != nil {
		t.Fatal(err)
	}
	defer again.Close()
	eventually(t, "it to be said", func() bool { return strings.Contains(log.String(), "of another cluster") })
	for _, word := range []string{cfg.Data, again.raft.ClusterID(), other.nodes[0].raft.ClusterID(), "empty data directory"} {
		if !strings.Contains(log.String(), word) {
			t.Errorf("%q is missing in %s", word, log.String())
		}
	}
}
