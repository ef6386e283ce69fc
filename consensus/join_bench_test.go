package consensus

import (
	"context"
	"fmt"
	"iter"
	"maps"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// ledger is a state machine with a long history. In memory it has only what the next checkpoint
// must write. It reads everything when it is restored.
type ledger struct {
	history int // records that the founder begins with

	mu    sync.Mutex
	next  int
	dirty map[string][]byte
	count atomic.Int64
}

func (l *ledger) Apply(batch []Command) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, c := range batch {
		l.dirty[fmt.Sprintf("l/%012d", c.Index)] = c.Data
	}
	l.count.Add(int64(len(batch)))
}

func (l *ledger) Dirty() iter.Seq2[string, []byte] {
	l.mu.Lock()
	defer l.mu.Unlock()
	out := l.dirty
	l.dirty = map[string][]byte{}
	for ; l.next < l.history; l.next++ {
		out[fmt.Sprintf("h/%012d", l.next)] = move(l.next)
	}
	return maps.All(out)
}

func (l *ledger) Restore(_ uint64, load func(func(string, []byte) error) error) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.dirty = map[string][]byte{}
	// There is one already.
	return load(func(string, []byte) error { l.next = l.history; return nil })
}

// move is about the size of a move in the log.
func move(i int) []byte {
	return fmt.Appendf(nil, "game-%03d ply=%d uci=%c%d%c%d clock=%d at=%d by=%016x", i%1000, i/1000,
		'a'+rand.IntN(8), 1+rand.IntN(8), 'a'+rand.IntN(8), 1+rand.IntN(8), rand.IntN(7200), 1790000000000+int64(i), rand.Uint64())
}

// BenchmarkSnapshotUnderLoad has three voters with a million moves, and twelve boards that play as
// fast as they can, one move at a time. A fourth node joins, stays, is killed, and comes back when
// the log that it needs is gone. One machine does the work of four nodes, so windows without a
// snapshot are told apart by whether the fourth node is there.
//
//	go test -run NONE -bench SnapshotUnderLoad -benchtime 5x -timeout 10m ./consensus
func BenchmarkSnapshotUnderLoad(b *testing.B) {
	const history, boards = 1_000_000, 12
	c := &testCluster{t: b, dir: b.TempDir()}
	b.Cleanup(func() {
		for _, n := range c.nodes {
			n.stop()
		}
	})
	add := func(name string, l *ledger) *testNode {
		n := &testNode{t: b, cfg: Config{
			Dir: filepath.Join(c.dir, name), Name: name, Role: Venue, ListenPeer: "127.0.0.1:0",
			KeepEntries: 2000, Log: testLog(b), Machine: l,
		}}
		if len(c.nodes) == 0 {
			n.cfg.Role, n.cfg.Bootstrap = Recorder, true
		} else {
			n.cfg.Join = func(ctx context.Context, self Applicant) (Welcome, error) { return c.nodes[0].Admit(ctx, self.Member) }
		}
		n.open()
		return n
	}
	for i := range 3 {
		l := &ledger{}
		if i == 0 {
			l.history = history
		}
		c.nodes = append(c.nodes, add(fmt.Sprint("voter-", i), l))
		if i == 0 {
			c.nodes[0].propose("the first")
			waitFor(b, "the history to be on disk", func() bool { return c.nodes[0].boardsFile.Position().Index > 1 })
		}
	}
	lead := c.leader()
	waitFor(b, "three voters", func() bool { return len(votersOf(lead)) == 3 })
	var fed, slowest atomic.Int64
	ctx, cancel := context.WithCancel(b.Context())
	var wg sync.WaitGroup
	defer wg.Wait()
	defer cancel()
	for range boards {
		wg.Go(func() {
			for i := 0; ctx.Err() == nil; i++ {
				began := time.Now()
				if _, err := lead.Propose(ctx, move(i)); err != nil && ctx.Err() == nil {
					b.Error(err)
					return
				}
				fed.Add(1)
				for took := time.Since(began).Milliseconds(); took > slowest.Load(); {
					slowest.Store(took) // or another board's, which is as slow: it is tried again
				}
			}
		})
	}
	figures := map[string][]float64{}
	note := func(what string, v float64) { figures[what] = append(figures[what], v) }
	// during notes how many moves a second were committed while f ran. The machine's pace changes
	// by the minute, so a drop is relative to the window of three nodes just before.
	var three float64
	during := func(what string, f func()) {
		at, began := fed.Load(), time.Now()
		slowest.Store(0)
		f()
		took := time.Since(began)
		perSecond := float64(fed.Load()-at) / took.Seconds()
		note(what+"/s", perSecond)
		note(what+"-max-ms", float64(slowest.Load())) // the slowest move
		if what == "three" {
			three = perSecond
			return
		}
		note(what+"-ms", float64(took.Milliseconds()))
		note(what+"-drop-%", 100*(1-perSecond/three))
	}
	window := func() { <-time.After(3 * time.Second) }
	there := func(n *testNode) {
		for state := ""; state != "replicate"; <-time.After(10 * time.Millisecond) {
			for _, m := range status(lead).Members {
				if m.ID == n.ID() && m.Lag < 500 {
					state = m.State
				}
			}
		}
	}
	window()
	for i := range b.N {
		var late *testNode
		during("three", window)
		during("join", func() { late = add(fmt.Sprint("late-", i), &ledger{}); there(late) })
		during("four", window)
		late.kill()
		end := lead.Applied()
		for lead.storage.entryLog.FirstIndex() <= end+1 {
			<-time.After(10 * time.Millisecond)
		}
		during("three", window)
		late.cfg.Machine = &ledger{}
		late.open() // reads all its boards first, which a real machine would do elsewhere
		during("back", func() { there(late) })
		during("four", window)
		if err := lead.Remove(ctx, late.ID()); err != nil {
			b.Fatal(err)
		}
		late.stop()
	}
	if info, err := os.Stat(filepath.Join(lead.cfg.Dir, boardsFile)); err == nil {
		b.ReportMetric(float64(info.Size())/1e6, "boards-MB")
	}
	for what, v := range figures {
		slices.Sort(v)
		b.ReportMetric(v[len(v)/2], what)
	}
	b.ReportMetric(0, "ns/op")
}
