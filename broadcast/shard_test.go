package broadcast

import (
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/chessrelay/chessrelay/relay/relaypb"
)

// TestStalledShareOfAWorker has one worker, and stalls many of its spectators in the middle of a
// frame. The others must get each move at once. A stalled one must go on by itself when it reads
// again.
func TestStalledShareOfAWorker(t *testing.T) {
	s := longScript(t, 3000)
	n := startNode(t, s, 9, func(c *Config) { tight(c); c.Workers = 1; c.HistoryEvents = 100 })
	var slow []*watcher
	for range 20 {
		w := newWatcher(t, roundA)
		w.conn = dialSlow(t, n, w.query())
		slow = append(slow, w)
	}
	fast := newWatcher(t, roundA).join(n).until(9)
	for n.applied() < s.last() {
		n.apply(min(n.applied()+25, s.last()))
		if rest := s.indexes(roundA, fast.cursor, n.applied()); len(rest) > 0 {
			fast.until(last(rest)) // otherwise this never ends
		}
	}
	if want := s.indexes(roundA, 9, s.last()); !slices.Equal(fast.seen, want) {
		t.Errorf("the fast one got %d events of %d", len(fast.seen), len(want))
	}
	waitFor(t, "all of them are stalled", func() bool {
		stalled := make(chan int)
		n.hub.workers[0].call(func(w *worker) {
			full := 0
			for _, s := range w.slots {
				if s != nil && s.rest != nil {
					full++
				}
			}
			stalled <- full
		})
		return <-stalled == len(slow)
	})
	var all sync.WaitGroup
	for _, w := range slow {
		all.Go(func() {
			for w.cursor < last(s.indexes(roundA, 0, s.last())) {
				if _, err := w.read(); err != nil {
					t.Error(err)
					return
				}
			}
			if d := w.differs(s, s.last()); d != "" {
				t.Errorf("a slow spectator (-want +got):\n%s", d)
			}
		})
	}
	all.Wait()
}

// TestTricklingSpectator takes a little of a large snapshot within each WriteTimeout, by a clock
// that the test moves. It is slow, but not closed, however long that takes. One for which there is
// room, of which the worker has not heard yet, is not closed either. Then it takes nothing, and is
// closed.
func TestTricklingSpectator(t *testing.T) {
	s := newScript(t)
	for b := range 1000 { // the most boards, and the longest names
		s.add(&relaypb.Command{Op: &relaypb.Command_UpdateGame{UpdateGame: &relaypb.UpdateGame{
			Game: string(s.game(roundA, b+1)), White: &relaypb.PlayerUpdate{Name: new(strings.Repeat("♘", 60)), Team: new(strings.Repeat("♞", 60))},
		}}})
	}
	n := startNode(t, s, s.last(), func(c *Config) {
		tight(c)
		c.Workers = 1
		c.WriteTimeout, c.CloseTimeout, c.PingEvery = 10*time.Hour, 20*time.Millisecond, 1000*time.Hour
	})
	// With a much smaller buffer, the kernel itself waits for seconds.
	conn := dialBuffer(t, n, newWatcher(t, roundA).query(), 32<<10).UnderlyingConn()
	// ask returns f's result in the worker's loop, for its only spectator.
	ask := func(f func(w *worker, s *spectator) bool) bool {
		answer := make(chan bool)
		n.hub.workers[0].call(func(w *worker) { answer <- len(w.slots) > 0 && w.slots[0] != nil && f(w, w.slots[0]) })
		return <-answer
	}
	later := func(w *worker, by time.Duration) bool {
		w.hub.opened = w.hub.opened.Add(-by)
		w.now += int64(by)
		w.closeStalled()
		return true
	}
	stalled := func(_ *worker, s *spectator) bool { return s.rest != nil }
	waitFor(t, "it stalls", func() bool { return ask(stalled) })
	little := make([]byte, 8<<10)
	for range 4 {
		ask(func(w *worker, _ *spectator) bool { return later(w, 6*time.Hour) })
		for began := time.Now(); !ask(func(w *worker, s *spectator) bool { return s.rest == nil || w.now-s.rest.since < int64(time.Hour) }); {
			if _, err := conn.Read(little); err != nil || time.Since(began) > patience {
				t.Fatal("reading makes no room", err)
			}
		}
	}
	ask(func(w *worker, _ *spectator) bool {
		_ = conn.SetReadDeadline(time.Now().Add(time.Second))
		for _, err := conn.Read(little); err == nil; _, err = conn.Read(little) {
		}
		return later(w, 12*time.Hour)
	})
	if got := n.hub.Stats(); got.ClosedSlow != 0 || !ask(stalled) {
		t.Errorf("%+v", got)
	}
	ask(func(w *worker, _ *spectator) bool { return later(w, 12*time.Hour) })
	if got := n.hub.Stats(); got.ClosedSlow != 1 {
		t.Errorf("it takes nothing: %+v", got)
	}
}

// TestStallsOften stalls again and again, and is in the list of stalled spectators once.
func TestStallsOften(t *testing.T) {
	s := longScript(t, 3000)
	n := startNode(t, s, 9, func(c *Config) { tight(c); c.Workers, c.HistoryEvents = 1, 5000; c.PingEvery = time.Hour })
	w := newWatcher(t, roundA)
	w.conn = dialBuffer(t, n, w.query(), 32<<10)
	n.apply(s.last())
	listed := 0
	for w.cursor < last(s.indexes(roundA, 0, s.last())) {
		if _, err := w.read(); err != nil {
			t.Fatal(err)
		}
		most := make(chan int)
		n.hub.workers[0].call(func(w *worker) { most <- len(w.stalled) })
		listed = max(listed, <-most)
	}
	if listed != 1 {
		t.Errorf("listed %d times", listed)
	}
	w.check(s, s.last())
}

// TestRush: the hub admits so many at once and refuses the others, which are admitted a little
// later.
func TestRush(t *testing.T) {
	s := longScript(t, 60)
	n := startNode(t, s, s.last(), func(c *Config) { c.MaxPerSecond = 20 })
	var in, refused int
	for range 60 {
		conn, resp, err := n.dial("round=roundAAA", nil)
		if err == nil {
			defer conn.Close()
			in++
			continue
		}
		if status, code := refusal(t, resp, err); status != 429 || code != "too_many" || resp.Header.Get("Retry-After") == "" {
			t.Fatalf("%d %s", status, code)
		}
		refused++
	}
	if in < 20 || refused == 0 || n.hub.Stats().RefusedRate != uint64(refused) {
		t.Errorf("%d in, %d refused, %+v", in, refused, n.hub.Stats())
	}
	waitFor(t, "one more is let in", func() bool {
		conn, _, err := n.dial("round=roundAAA", nil)
		if err == nil {
			conn.Close()
		}
		return err == nil
	})
}

// TestHerd disconnects a crowd, which returns at once with its cursors while moves are played. Each
// must get what it lacks. A round's snapshot is made once for all who join at one index, and the
// moves do not wait.
func TestHerd(t *testing.T) {
	const size = 300
	s := longScript(t, 400)
	n := startNode(t, s, 9, nil)
	crowd := make([]*watcher, size)
	for i := range crowd {
		crowd[i] = newWatcher(t, roundA)
		if i%3 == 0 {
			crowd[i].only = []int{1 + i%4}
		}
	}
	each := func(f func(*watcher)) {
		var wg sync.WaitGroup
		for part := range slices.Chunk(crowd, size/30) {
			wg.Go(func() {
				for _, w := range part {
					f(w)
				}
			})
		}
		wg.Wait()
	}
	for turn, upTo := range []uint64{120, 240, s.last()} {
		played := make(chan struct{})
		go func() { defer close(played); n.apply(upTo) }()
		each(func(w *watcher) { w.join(n) })
		<-played
		target := min(last(s.indexes(roundA, 0, upTo)), last(s.indexes(roundB, 0, upTo)))
		n.hub.SetStale(turn%2 == 0, time.Now()) // a status frame with an index for quiet boards
		each(func(w *watcher) {
			for w.cursor < target {
				if _, err := w.read(); err != nil {
					t.Error(err)
					return
				}
			}
		})
		if t.Failed() {
			return
		}
	}
	for _, w := range crowd {
		if d := w.differs(s, w.cursor); d != "" {
			t.Fatalf("at %d (-want +got):\n%s", w.cursor, d)
		}
		w.leave()
	}
	st := n.hub.Stats()
	if st.SnapshotsEncoded > st.SnapshotsSent/2 || st.SnapshotsSent > size+uint64(size)/10 {
		t.Errorf("%d snapshots sent, %d encoded", st.SnapshotsSent, st.SnapshotsEncoded)
	}
	waitFor(t, "all have gone", func() bool { return n.hub.Stats().Connections == 0 })
}

// TestPatrol: a patrol goes over all slots in its time, however many there are, and is never far
// behind or ahead.
func TestPatrol(t *testing.T) {
	rnd := rand.New(rand.NewPCG(1, 1))
	p := patrol{every: 1000}
	visited := make([]int64, 777)
	now := int64(0)
	for now < 50_000 {
		now += 1 + rnd.Int64N(60)
		for range p.steps(now, len(visited)) {
			i := p.step(len(visited))
			if since := now - visited[i]; since > 1200 || since < 800 && visited[i] > 0 {
				t.Fatalf("slot %d is visited after %d", i, since)
			}
			visited[i] = now
		}
	}
}

// TestTurnsAreFair: every member gets a turn within one round, however often events come in the
// middle of the turns, and whoever leaves. After the last event, every member has had one.
func TestTurnsAreFair(t *testing.T) {
	rnd := rand.New(rand.NewPCG(7, 7))
	g := &group{}
	last := map[*spectator]int{} // when it had its last turn
	for range 500 {
		s := &spectator{}
		g.add(s)
		last[s] = 0
	}
	for now := 1; now <= 20_000; now++ {
		if rnd.IntN(9) == 0 {
			g.giveTurns()
		}
		s := g.nextMember()
		if s == nil {
			continue
		}
		if now-last[s] > 1100 { // two rounds if a member left
			t.Fatalf("turn %d: a spectator had to wait for %d", now, now-last[s])
		}
		last[s] = now
		if len(g.members) > 300 && rnd.IntN(50) == 0 {
			gone := g.members[rnd.IntN(len(g.members))]
			g.remove(gone)
			delete(last, gone)
		}
	}
	for range 50 { // one event, while members leave in the middle of the turns
		g.giveTurns()
		had := map[*spectator]bool{}
		for n := 0; ; n++ {
			s := g.nextMember()
			if s == nil {
				break
			}
			had[s] = true
			if n%37 == 36 && len(g.members) > 2 {
				g.remove(g.members[rnd.IntN(len(g.members))])
			}
		}
		for i, s := range g.members {
			if !had[s] || int(s.place) != i {
				t.Fatalf("a spectator had no turn")
			}
		}
	}
}
