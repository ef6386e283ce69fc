package consensus

import (
	"crypto/rand"
	"iter"
	"maps"
	"runtime"
	"testing"
	"time"

	"github.com/chessrelay/chessrelay/store"
	"go.etcd.io/raft/v3"
	"go.etcd.io/raft/v3/tracker"
)

// sink is a state machine that keeps nothing.
type sink struct{}

func (sink) Apply([]Command)                  {}
func (sink) Dirty() iter.Seq2[string, []byte] { return maps.All(map[string][]byte{}) }
func (sink) Restore(_ uint64, load func(func(string, []byte) error) error) error {
	return load(func(string, []byte) error { return nil })
}

// noise is n commands of size bytes that cannot be compressed.
func noise(n, size int) [][]byte {
	var out [][]byte
	for range n {
		b := make([]byte, size)
		_, _ = rand.Read(b)
		out = append(out, b)
	}
	return out
}

// venueBehind is a cluster of three voters, and a learner behind a line.
func venueBehind(t *testing.T, change func(*Config)) (c *testCluster, venue *testNode, l *line) {
	c, l = newClusterOf(t, 0, true), newLine(t)
	for range 3 {
		n := c.add(change)
		waitFor(t, n.cfg.Name+" to vote", func() bool { return suffrage(c.nodes[0], n.ID()) == "voter" })
	}
	venue = c.add(func(cfg *Config) { change(cfg); cfg.AdvertisePeer = l.addr() })
	l.leadTo(venue)
	c.arrives(venue)
	return c, venue, l
}

// TestSlowConnectionIsKept has a venue behind a line of 30 KB/s. So many moves are on their way
// that a ping waits behind them for longer than deadAfter.
func TestSlowConnectionIsKept(t *testing.T) {
	t.Parallel()
	c, venue, l := venueBehind(t, func(*Config) {})
	lead := c.leader()
	before := l.connections(channelAppend) + l.connections(channelControl)
	l.rate.Store(30 << 10)
	began := time.Now()
	for range 9 {
		if _, err := lead.Propose(within(t, 20*time.Second), noise(40, 1000)...); err != nil {
			t.Fatal(err)
		}
	}
	at := venue.Applied()
	waitFor(t, "moves to come through", func() bool { return venue.Applied() > at+50 })
	waitFor(t, "all of it to come through", func() bool { return venue.Applied() >= lead.Applied() })
	if took := time.Since(began); took < deadAfter+2*time.Second {
		t.Errorf("the line was not slow: %v", took)
	}
	if again := l.connections(channelAppend) + l.connections(channelControl) - before; again > 0 {
		t.Errorf("the line was taken for dead %d times", again)
	}
}

// TestSilentConnectionIsClosed has a line that stops while moves are on their way. The kernel takes
// what is written.
func TestSilentConnectionIsClosed(t *testing.T) {
	t.Parallel()
	c, venue, l := venueBehind(t, func(*Config) {})
	lead := c.leader()
	r := lead.peers.get(venue.ID())
	l.freeze()
	began := time.Now()
	if _, err := lead.Propose(within(t, 20*time.Second), noise(40, 1000)...); err != nil {
		t.Fatal(err)
	}
	waitFor(t, "the connections to be given up", func() bool { return r.appends.connected.Load() == 0 && r.control.connected.Load() == 0 })
	if took := time.Since(began); took < deadAfter-2*pingEvery || took > deadAfter+2*pingEvery {
		t.Errorf("it took %v", took)
	}
	l.thaw()
	c.arrives(venue)
}

// TestVenueStopsReading has a venue take connections and not read from them. The others go on
// with far more than a node may keep in memory for it.
func TestVenueStopsReading(t *testing.T) {
	if !alone(t) {
		return
	}
	const all, command, most = 128 << 20, 32 << 10, 72 << 20
	c, venue, l := venueBehind(t, func(cfg *Config) {
		cfg.Machine, cfg.KeepEntries, cfg.CheckpointEvery = sink{}, 100, 100
		// The ends of three logs do not count here.
		cfg.seams.openLog = func(path string) (entryLog, error) {
			return store.OpenLog(path, store.LogOptions{TailBytes: 4 << 20})
		}
	})
	lead := c.leader()
	heap := func() int64 {
		runtime.GC()
		var m runtime.MemStats
		runtime.ReadMemStats(&m)
		return int64(m.HeapAlloc)
	}
	lead.propose("by which the log is no longer held back for the snapshot that the venue had")
	c.arrives(venue)
	l.freeze()
	before, highest := heap(), int64(0)
	one := noise(30, command)
	for done := 0; done < all; done += len(one) * command {
		if _, err := lead.Propose(within(t, 20*time.Second), one...); err != nil {
			t.Fatalf("after %d bytes: %v", done, err)
		}
		if done/len(one)/command%20 == 0 {
			highest = max(highest, heap()-before)
		}
	}
	t.Logf("the heap grew by %d KiB at the most", highest>>10)
	if highest > most {
		t.Errorf("the heap grew by %d KiB", highest>>10)
	}
	waitFor(t, "Raft to be told", func() bool {
		var p tracker.Progress
		if err := lead.runOnRaftLoop(t.Context(), func(r *raft.RawNode) { p = r.Status().Progress[uint64(venue.ID())] }); err != nil {
			t.Fatal(err)
		}
		return p.State == tracker.StateProbe
	})
	l.thaw()
	c.arrives(venue)
}

// TestQueueToAPeerIsBounded checks the limits by number and by bytes. An empty queue takes
// anything.
func TestQueueToAPeerIsBounded(t *testing.T) {
	s := newStream(channelAppend, 4, 1000)
	of := func(size int) outgoing { return outgoing{kind: kindPropose, payload: make([]byte, size)} }
	puts := func(what string, size int, want bool) {
		t.Helper()
		if s.put(of(size)) != want {
			t.Errorf("%s: put of %d bytes is not %v, with %d queued", what, size, want, s.queued.Load())
		}
	}
	puts("empty", 5000, true)
	puts("full of one", 1, false)
	s.dequeued(<-s.queue)
	puts("emptied", 500, true)
	puts("half full", 500, false)
	for range 3 {
		puts("small", 10, true)
	}
	puts("four", 10, false)
	for range 4 {
		s.dequeued(<-s.queue)
	}
	if left := s.queued.Load(); left != 0 {
		t.Errorf("%d bytes in an empty queue", left)
	}
}
