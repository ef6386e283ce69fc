package broadcast

import (
	"testing"
	"time"

	"github.com/gorilla/websocket"
)

// tight lets a slow spectator be noticed soon.
func tight(c *Config) {
	c.SendBuffer = 4096
	c.WriteTimeout = patience
}

// TestSlowSpectatorIsMovedForward: one spectator does not read. Another one gets every event at
// once. When the first reads again, it gets a snapshot instead of what it has missed, and no gap.
func TestSlowSpectatorIsMovedForward(t *testing.T) {
	s := longScript(t, 3000)
	n := startNode(t, s, 9, func(c *Config) { tight(c); c.HistoryEvents = 50 })
	slow := newWatcher(t, roundA)
	slow.conn = dialSlow(t, n, slow.query())
	fast := newWatcher(t, roundA).join(n).until(9)
	for n.applied() < s.last() {
		n.apply(min(n.applied()+20, s.last()))
		if rest := s.indexes(roundA, fast.cursor, n.applied()); len(rest) > 0 {
			fast.until(last(rest))
		}
	}
	if want := s.indexes(roundA, 9, s.last()); len(fast.seen) != len(want) || fast.snapshots != 1 {
		t.Errorf("the fast one got %d events of %d, and %d snapshots", len(fast.seen), len(want), fast.snapshots)
	}
	slow.until(last(s.indexes(roundA, 0, s.last())))
	if slow.snapshots < 2 {
		t.Errorf("%d snapshots for the slow one", slow.snapshots)
	}
	slow.check(s, s.last())
	fast.check(s, s.last())
	waitFor(t, "it is counted", func() bool { return n.hub.Stats().MovedForward > 0 })
	if got := n.hub.Stats().ClosedSlow; got != 0 {
		t.Errorf("closed for being slow: %d", got)
	}
}

// TestStuckSpectatorIsClosed: one spectator does not read at all. It is closed after WriteTimeout.
// When it wakes it can read why: what it had been sent, the rest of the frame that did not fit, and
// the close frame.
func TestStuckSpectatorIsClosed(t *testing.T) {
	s := longScript(t, 3000)
	n := startNode(t, s, 9, func(c *Config) {
		tight(c)
		c.WriteTimeout = 300 * time.Millisecond
		c.CloseTimeout = 20 * time.Millisecond
	})
	stuck := newWatcher(t, roundA)
	stuck.conn = dialSlow(t, n, stuck.query())
	fast := newWatcher(t, roundB).join(n).until(9)
	for n.applied() < s.last() {
		n.apply(min(n.applied()+50, s.last()))
		fast.until(last(s.indexes(roundB, 0, n.applied())))
	}
	waitFor(t, "the stuck one is gone", func() bool { return n.hub.Stats().Spectators == 1 })
	if got := n.hub.Stats().ClosedSlow; got != 1 {
		t.Errorf("closed for being slow: %d", got)
	}
	if code, reason := stuck.closed(); code != CloseTooSlow || reason == "" {
		t.Errorf("code %d, reason %q", code, reason)
	}
	// It resumes with its index like any other.
	stuck.join(n).until(last(s.indexes(roundA, 0, s.last())))
	stuck.check(s, s.last())
	fast.check(s, s.last())
}

// TestDeadClient: one spectator's machine sleeps and answers no ping. It does not take up room for
// long.
func TestDeadClient(t *testing.T) {
	s := longScript(t, 10)
	n := startNode(t, s, s.last(), func(c *Config) {
		c.PingEvery = 300 * time.Millisecond
		c.CloseTimeout = 10 * time.Millisecond
	})
	awake := newWatcher(t, roundA).join(n)
	pings, closed := make(chan struct{}, 1000), make(chan error, 1)
	pong := awake.conn.PingHandler()
	awake.conn.SetPingHandler(func(data string) error { pings <- struct{}{}; return pong(data) })
	go func() {
		for {
			if _, err := awake.read(); err != nil {
				closed <- err
				return
			}
		}
	}()
	for range 5 { // one that answers stays for longer than two pings
		select {
		case <-pings:
		case err := <-closed:
			t.Fatalf("the spectator that answers: %v", err)
		}
	}
	dead := newWatcher(t, roundA).join(n)
	dead.conn.SetPingHandler(func(string) error { return nil }) // also once it has woken up
	waitFor(t, "the dead one is gone", func() bool { return n.hub.Stats().ClosedSlow == 1 })
	waitFor(t, "its place is free", func() bool { return n.hub.Stats().Connections == 1 })
	if code, _ := dead.closed(); code != CloseTooSlow {
		t.Errorf("code %d", code)
	}
	if got := n.hub.Stats().Spectators; got != 1 {
		t.Errorf("%d spectators; the one that answers should be there", got)
	}
	n.hub.Close()
	if err := <-closed; !websocket.IsCloseError(err, CloseGoingAway) {
		t.Errorf("the spectator that answers: %v", err)
	}
}

// TestCloseCutsWritesShort: Close does not wait for a spectator that does not read, however long
// WriteTimeout is.
func TestCloseCutsWritesShort(t *testing.T) {
	s := longScript(t, 3000)
	n := startNode(t, s, 9, func(c *Config) {
		tight(c)
		c.WriteTimeout = time.Hour
		c.CloseTimeout = 20 * time.Millisecond
	})
	stuck := newWatcher(t, roundA)
	stuck.conn = dialSlow(t, n, stuck.query())
	waitFor(t, "it is there", func() bool { return n.hub.Stats().Spectators == 1 })
	n.apply(s.last())
	done := make(chan struct{})
	go func() { n.hub.Close(); close(done) }()
	select {
	case <-done:
	case <-time.After(patience):
		t.Fatal("Close waits for a write")
	}
	if code, _ := stuck.closed(); code != CloseGoingAway {
		t.Errorf("code %d", code)
	}
}
