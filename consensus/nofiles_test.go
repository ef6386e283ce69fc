package consensus

import (
	"context"
	"fmt"
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

// exhaustFiles takes all descriptors that this process may open, until the function that it returns
// is called.
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

// warnings counts the records of a log that say that a write waits.
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

// TestOutOfFiles takes all file descriptors away from three nodes until their logs need new
// segments. They wait, say so, and go on once there are descriptors; one closes meanwhile.
func TestOutOfFiles(t *testing.T) {
	c := &testCluster{t: t, dir: t.TempDir()}
	logs := make([]warnings, 3)
	t.Cleanup(func() {
		for _, n := range c.nodes {
			n.stop()
		}
	})
	for i := range logs {
		n := c.add(func(cfg *Config) {
			cfg.Log = slog.New(&logs[i])
			cfg.seams.openLog = func(path string) (entryLog, error) {
				return store.OpenLog(path, store.LogOptions{SegmentBytes: 32 << 10})
			}
		})
		waitFor(t, n.cfg.Name+" to vote", func() bool { return suffrage(c.nodes[0], n.ID()) == "voter" })
	}
	free := exhaustFiles(t)
	var wg sync.WaitGroup
	defer wg.Wait()
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	var acked atomic.Int64
	wg.Go(func() {
		for i := 0; ctx.Err() == nil; i++ {
			command := fmt.Sprintf("%d %s", i, strings.Repeat("x", 1000))
			for ctx.Err() == nil {
				within, done := context.WithTimeout(ctx, 20*time.Second)
				_, err := c.nodes[0].Propose(within, []byte(command))
				done()
				if err == nil {
					acked.Add(1)
					break
				}
			}
		}
	})
	var waiting *testNode
	waitFor(t, "a majority to wait for files", func() bool {
		waits := 0
		for i := range logs {
			if logs[i].waits.Load() > 0 {
				waits++
				waiting = c.nodes[i]
			}
		}
		return waits > 1
	})
	for _, n := range c.nodes {
		if err := n.Err(); err != nil {
			t.Fatalf("%s has stopped: %v", n.cfg.Name, err)
		}
	}
	waiting.stop() // it is not the founder, who proposes
	at := acked.Load()
	free()
	waitFor(t, "commands to be taken again", func() bool { return acked.Load() > at+100 })
	cancel()
	wg.Wait()
	waiting.start()
	waitFor(t, "the node that was closed to catch up", func() bool { return waiting.Applied() >= c.nodes[0].Commit() })
	c.waitAgree()
}
