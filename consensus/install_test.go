package consensus

import (
	"os"
	"path/filepath"
	"runtime"
	"testing"
	"time"

	"github.com/chessrelay/chessrelay/store"
	"go.etcd.io/raft/v3/raftpb"
)

// crashLog is a log whose node may die in Reset, the last step of an installation.
type crashLog struct {
	entryLog
	before, after func() error
}

func (l crashLog) Reset(index, term uint64, hs raftpb.HardState) error {
	if err := l.before(); err != nil {
		return err
	}
	if err := l.entryLog.Reset(index, term, hs); err != nil {
		return err
	}
	return l.after()
}

// crashList is a state machine whose node may die before the boards are restored again.
type crashList struct {
	list
	started bool
	before  func() error
}

func (l *crashList) Restore(applied uint64, load func(func(string, []byte) error) error) error {
	if l.started {
		if err := l.before(); err != nil {
			return err
		}
	}
	l.started = true
	return l.list.Restore(applied, load)
}

// TestCrashDuringInstall kills a voter at each step of the installation of a snapshot. Each time
// it recovers by itself: it starts, has lost nothing, gets what it lacks, and leaves no files
// behind.
func TestCrashDuringInstall(t *testing.T) {
	for _, step := range []string{"received", "boards replaced", "before the log is reset", "log reset"} {
		t.Run(step, func(t *testing.T) {
			t.Parallel()
			c := newCluster(t, 0)
			for range 3 {
				n := c.add(func(cfg *Config) { cfg.KeepEntries, cfg.CheckpointEvery = 20, 10 })
				waitFor(t, n.cfg.Name+" to vote", func() bool { return suffrage(c.nodes[0], n.ID()) == "voter" })
			}
			lead, n := c.nodes[0], c.nodes[2]
			lead.propose(numbered(0, 30)...)
			c.waitSame(numbered(0, 30))
			n.kill()
			at := lead.Applied()
			waitFor(t, "the log to be cut", func() bool {
				lead.propose(numbered(100, 130)...)
				return lead.storage.entryLog.FirstIndex() > at+30
			})

			opened, crashed := make(chan struct{}), make(chan struct{})
			var received map[string][]byte // the files beside the boards when it was killed
			die := func(here string) func() error {
				return func() error {
					if here != step {
						return nil
					}
					<-opened
					received = leftovers(t, n)
					n.Halt(errKilled)
					close(crashed)
					return errKilled
				}
			}
			was := n.cfg
			m := &crashList{before: die("boards replaced")}
			n.cfg.Machine = m
			n.cfg.seams.openLog = func(path string) (entryLog, error) {
				l, err := store.OpenLog(path, store.LogOptions{})
				return crashLog{l, die("before the log is reset"), die("log reset")}, err
			}
			n.cfg.seams.settle = func(loop string, _ uint64) {
				if loop != "write" || step != "received" {
					return
				}
				<-opened
				if n.snapshots.busy() {
					_ = die("received")()
					runtime.Goexit() // as kill -9
				}
			}
			n.open()
			close(opened)
			select {
			case <-crashed:
			case <-time.After(time.Minute):
				t.Fatal("it got no snapshot")
			}
			before := n.boardsFile.Position().Index
			n.stop()
			for path, b := range received {
				if err := os.WriteFile(path, b, 0o600); err != nil {
					t.Fatal(err)
				}
			}
			if replaced := before > at; replaced == (step == "received") {
				t.Fatalf("killed with boards at %d, and the last ones of its own stood at %d or less", before, at)
			}

			n.cfg = was
			n.start()
			if now := n.boardsFile.Position().Index; now < before {
				t.Errorf("its boards stood at %d and stand at %d", before, now)
			}
			lead.propose("goes on")
			c.waitAgree()
			if left := leftovers(t, n); len(left) > 0 {
				t.Errorf("%d files were left behind", len(left))
			}
		})
	}
}

// leftovers is the files that a crash may leave in a node's directory.
func leftovers(t *testing.T, n *testNode) map[string][]byte {
	paths, err := filepath.Glob(filepath.Join(n.cfg.Dir, "*tmp*"))
	if err != nil {
		t.Error(err)
	}
	out := map[string][]byte{}
	for _, path := range paths {
		if out[path], err = os.ReadFile(path); err != nil {
			t.Error(err)
		}
	}
	return out
}
