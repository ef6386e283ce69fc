package main

import (
	"os"
	"strings"
	"testing"

	"github.com/chessrelay/chessrelay/cmd/chessrelay/node/nodetest"
)

// TestWipedRecorder starts a recorder that has lost its data, by its old command line and before
// its venues. It founds an empty cluster. Once the venues look for it, it says so in /readyz and in
// status. (The page of the cluster shows the same warnings.)
func TestWipedRecorder(t *testing.T) {
	t.Parallel()
	c := nodetest.NewCluster(t, 3)
	recorder, former := c.Nodes[0], c.Nodes[0].Raft.ClusterID()
	for _, n := range c.Nodes {
		n.Stop()
	}
	if err := os.RemoveAll(recorder.Config.Data); err != nil {
		t.Fatal(err)
	}
	recorder.Start()
	if _, _, warnings := nodetest.Readiness(t, recorder); warnings != "" {
		t.Fatalf("nobody looks for it yet, and it warns: %s", warnings)
	}
	c.Nodes[1].Start()
	want := "of cluster " + former + "; if this machine was that member, its data is lost"
	nodetest.Eventually(t, "readyz to warn", func() bool {
		_, _, warnings := nodetest.Readiness(t, recorder)
		return strings.Contains(warnings, want)
	})
	if text, errs, code := command(t.Context(), "status", recorder.URL); code != exitDone || !strings.Contains(strings.Join(strings.Fields(text), " "), want) {
		t.Errorf("status ends with %d and says %s%s", code, text, errs)
	}
}
