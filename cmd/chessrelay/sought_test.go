package main

import (
	"os"
	"strings"
	"testing"
)

// TestWipedRecorder starts a recorder that has lost its data before its venues, by its old command
// line. It founds an empty cluster, and says so in /readyz and in status once the venues look for
// it. (The page of the cluster shows the same warnings.)
func TestWipedRecorder(t *testing.T) {
	t.Parallel()
	c := newTestCluster(t, 3)
	recorder, former := c.nodes[0], c.nodes[0].raft.ClusterID()
	for _, n := range c.nodes {
		n.stop()
	}
	if err := os.RemoveAll(recorder.cfg.Data); err != nil {
		t.Fatal(err)
	}
	recorder.start()
	if _, _, warnings := readiness(t, recorder); warnings != "" {
		t.Fatalf("nobody looks for it yet, and it warns: %s", warnings)
	}
	c.nodes[1].start()
	want := "of cluster " + former + "; if this machine was that member, its data is lost"
	eventually(t, "readyz to warn", func() bool {
		_, _, warnings := readiness(t, recorder)
		return strings.Contains(warnings, want)
	})
	if text, errs, code := command(t.Context(), "status", recorder.url); code != exitDone || !strings.Contains(strings.Join(strings.Fields(text), " "), want) {
		t.Errorf("status ends with %d and says %s%s", code, text, errs)
	}
}
