package consensus

import (
	"context"
	"log/slog"
	"os"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/chessrelay/chessrelay/store"
	"golang.org/x/sys/unix"
)

// exhaustFiles takes all descriptors that this process may open, until free is called.
func exhaustFiles(t *testing.T) (free func()) {
	t.Helper()
	var was unix.Rlimit
	if err := unix.Getrlimit(unix.RLIMIT_NOFILE, &was); err != nil {
		t.Fatal(err)
	}
	few := unix.Rlimit{Cur: 512, Max: was.Max}
	if err := unix.Setrlimit(unix.RLIMIT_NOFILE, &few); err != nil {
		t.Fatal(err)
	}
	var taken []*os.File
	free = sync.OnceFunc(func() {
		for _, f := range taken {
			f.Close()
		}
		if err := unix.Setrlimit(unix.RLIMIT_NOFILE, &was); err != nil {
			t.Error(err)
		}
	})
	t.Cleanup(free)
	for {
		f, err := os.Open(os.DevNull)
		if store.OutOfFiles(err) {
			return free
		}
		if err != nil {
			t.Fatal(err)
		}
		taken = append(taken, f)
	}
}

// warnings counts the log records that say that a write waits.
type warnings struct {
	slog.Handler
	waits atomic.Int64
}

func (w *warnings) Enabled(context.Context, slog.Level) bool { return true }
func (w *warnings) WithAttrs([]slog.Attr) slog.Handler       { return w }

func (w *warnings) Handle(_ context.Context, r slog.Record) error {
	if r.Level == slog.LevelWarn && strings.Contains(r.Message, "ulimit -n") {
		w.waits.Add(1)
	}
	return nil
}

// addSmallLog adds a node that soon needs another segment.
func (c *testCluster) addSmallLog(log *warnings) *testNode {
	return c.add(func(cfg *Config) {
		cfg.Log = slog.New(log)
		cfg.seams.openLog = func(path string) (entryLog, error) {
			return store.OpenLog(path, store.LogOptions{SegmentBytes: 32 << 10})
		}
	})
}

// TestNodeWaitsForFiles has a node wait for files, and then go on.
func TestNodeWaitsForFiles(t *testing.T) {
	c, log := &testCluster{t: t, dir: t.TempDir()}, &warnings{}
	n := c.addSmallLog(log)
	defer n.stop()
	n.propose("before")
	free := exhaustFiles(t)
	done := make(chan error, 1)
	go func() {
		for range 200 {
			if _, err := n.Propose(t.Context(), []byte(strings.Repeat("x", 1000))); err != nil {
				done <- err
				return
			}
		}
		done <- nil
	}()
	waitFor(t, "the node to wait for files", func() bool { return log.waits.Load() > 0 })
	if err := n.Err(); err != nil {
		t.Fatalf("it has stopped: %v", err)
	}
	if len(done) > 0 {
		t.Fatal("it took all commands without a file")
	}
	free()
	if err := <-done; err != nil {
		t.Fatal(err)
	}
}

// TestOutOfFiles takes all file descriptors from three nodes until a log needs a new segment. The
// node waits and says so. It closes without an error, and all go on once there are descriptors.
func TestOutOfFiles(t *testing.T) {
	c := &testCluster{t: t, dir: t.TempDir()}
	logs := make([]warnings, 3)
	t.Cleanup(func() {
		for _, n := range c.nodes {
			n.stop()
		}
	})
	for i := range logs {
		n := c.addSmallLog(&logs[i])
		waitFor(t, n.cfg.Name+" to vote", func() bool { return suffrage(c.nodes[0], n.ID()) == "voter" })
	}
	var nodes []*Node // before one is closed
	for _, n := range c.nodes {
		nodes = append(nodes, n.Node)
	}
	free := exhaustFiles(t)
	var wg sync.WaitGroup
	defer wg.Wait()
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	var acked atomic.Int64
	wg.Go(func() {
		for i := 0; ctx.Err() == nil; i++ {
			within, done := context.WithTimeout(ctx, 5*time.Second)
			_, err := nodes[i%3].Propose(within, []byte(strings.Repeat("x", 1000)))
			done()
			if err == nil {
				acked.Add(1)
			}
		}
	})
	// While the leader waits it takes no command, so the others may never reach the end of a
	// segment.
	var waiting *testNode
	waitFor(t, "a node to wait for files", func() bool {
		for i := range logs {
			if logs[i].waits.Load() > 0 {
				waiting = c.nodes[i]
			}
		}
		return waiting != nil
	})
	for _, n := range c.nodes {
		if err := n.Err(); err != nil {
			t.Fatalf("%s has stopped: %v", n.cfg.Name, err)
		}
	}
	waiting.stop()
	free()
	at := acked.Load()
	waitFor(t, "commands to be taken again", func() bool { return acked.Load() > at+100 })
	cancel()
	wg.Wait()
	waiting.start()
	waitFor(t, "the node that was closed to catch up", func() bool { return waiting.Applied() >= max(nodes[0].Commit(), nodes[1].Commit(), nodes[2].Commit()) })
	c.waitAgree()
}
