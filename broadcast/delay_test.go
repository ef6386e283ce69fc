package broadcast

import (
	"fmt"
	"math/rand/v2"
	"net/http"
	"slices"
	"strconv"
	"sync/atomic"
	"testing"
	"time"

	"github.com/chessrelay/chessrelay/relay"
)

const testDelay = 60 // seconds

// truthHeader gives a test's spectator the sight of the truth.
var truthHeader = http.Header{"X-Sight": {"-1"}}

func sightByHeader(c *Config) {
	c.Viewer = func(r *http.Request) Viewer {
		sight, err := strconv.Atoi(r.Header.Get("X-Sight"))
		if err != nil {
			return nil
		}
		return func(relay.RoundID) relay.Sight { return relay.Sight(sight) }
	}
}

// release makes everything up to index public on the node, as its clock does.
func (n *node) release(index uint64) {
	n.boards.mu.Lock()
	events, _ := n.boards.state.Release(relay.Millis(1_700_000_000_000+n.script.step*index+testDelay*1000), 0)
	n.boards.mu.Unlock()
	n.hub.Publish(events)
}

// jumpTo is jump, and makes everything up to released public.
func (n *node) jumpTo(index, released uint64) {
	n.load(index)
	n.boards.mu.Lock()
	n.boards.state.Release(relay.Millis(1_700_000_000_000+n.script.step*released+testDelay*1000), 0)
	delays := n.boards.state.Delays()
	n.boards.mu.Unlock()
	n.hub.Reset(index, delays)
}

// TestDelayed: the public gets each event when it is released, and a spectator of the truth at
// once. Nobody gets a cursor behind which something is held.
func TestDelayed(t *testing.T) {
	s := newDelayedScript(t, testDelay).long(60)
	n := startNode(t, s, 9, func(c *Config) { sightByHeader(c); c.StatusEvery = 2 * time.Millisecond })
	n.release(9)
	public, truth, other := newWatcher(t, roundA).join(n), newWatcher(t, roundA), newWatcher(t, roundB).join(n)
	truth.header = truthHeader
	truth.join(n)
	begun := last(s.indexes(roundA, 0, 9))
	public.until(begun)
	n.apply(40)
	truth.until(last(s.indexes(roundA, 9, 40))).check(s, 40)
	other.until(last(s.indexes(roundB, 0, 40)))
	if public.cursor != begun {
		t.Fatalf("the public's cursor is %d", public.cursor)
	}
	for range 3 { // status frames
		if _, err := public.read(); err != nil {
			t.Fatal(err)
		}
	}
	first := s.indexes(roundA, 9, 40)[0]
	if len(public.seen) > 0 || public.cursor >= first {
		t.Fatalf("the public has got %d, and %d is held", public.cursor, first)
	}
	late := newWatcher(t, roundA).join(n).until(begun) // its snapshot does not tell what is held
	late.check(s, 9)
	n.release(25)
	public.until(last(s.indexes(roundA, 9, 25))).check(s, 25)
	late.until(last(s.indexes(roundA, 9, 25))).check(s, 25)
	// It returns, and then goes to a node with new histories.
	public.join(n)
	n.release(30)
	public.until(last(s.indexes(roundA, 9, 30))).check(s, 30)
	public.leave()
	n.jumpTo(50, 20) // its clock is behind
	snapshots := public.snapshots
	public.join(n)
	n.release(50)
	public.until(last(s.indexes(roundA, 0, 50))).check(s, 50)
	if public.snapshots != snapshots {
		t.Error("a spectator ahead of the node was sent an older snapshot")
	}
	truth.until(50).check(s, 50)
	if truth.snapshots != 2 {
		t.Errorf("%d snapshots of the truth", truth.snapshots)
	}
}

// TestDelayedSpectatorsWander is TestSpectatorsWander with a delay in round A, a tier with a
// shorter one, and nodes whose clocks differ. No event and no cursor may be ahead of what the
// fastest clock has released.
func TestDelayedSpectatorsWander(t *testing.T) {
	for seed := range someOf(3, 8) {
		delayedWander(t, seed)
		if t.Failed() {
			t.Fatalf("seed %d", seed)
		}
	}
}

func delayedWander(t *testing.T, seed uint64) {
	rnd := rand.New(rand.NewPCG(seed, 3))
	const early = 20 // entries by which the tier is ahead of the public
	s := newTierScript(t, testDelay, testDelay-early).long(400)
	change := func(c *Config) {
		sightByHeader(c)
		c.HistoryEvents = 5 + rnd.IntN(60)
		c.StatusEvery = 5 * time.Millisecond
		c.SendBuffer = 4096
	}
	nodes := []*node{startNode(t, s, 9, change), startNode(t, s, 9, change)}
	var out atomic.Uint64 // what is public on some node
	released := []uint64{9, 9}
	out.Store(9)
	for _, n := range nodes {
		n.release(9)
	}
	var all []*wanderer
	limit := func(early uint64) func(uint64) error {
		return func(cursor uint64) error {
			out := out.Load() + early
			if ahead := s.indexes(roundA, min(out, s.last()), min(cursor, s.last())); cursor > out && len(ahead) > 0 {
				return fmt.Errorf("a cursor of %d, and no more than %d is out", cursor, out)
			}
			return nil
		}
	}
	for i := range 12 {
		w := newWatcher(t, roundA)
		switch i % 4 {
		case 3:
			w.header = http.Header{"X-Sight": {fmt.Sprint(testDelay - early)}}
			w.limit = limit(early)
			if i == 7 {
				w.only = []int{2}
			}
		case 0:
			w.limit = limit(0)
			if i == 8 {
				w.only = []int{1, 3}
			}
		case 1:
			w.header = truthHeader
		case 2:
			w.round = roundB
		}
		all = append(all, &wanderer{watcher: w})
	}
	release := func(i int, to uint64) {
		released[i] = max(released[i], to)
		if released[i] > out.Load() {
			out.Store(released[i])
		}
	}
	for nodes[0].applied() < s.last() || nodes[1].applied() < s.last() {
		i := rnd.IntN(2)
		n := nodes[i]
		to := min(n.applied()+1+rnd.Uint64N(20), s.last())
		switch p := all[rnd.IntN(len(all))]; rnd.IntN(24) {
		case 0:
			release(i, released[i]+rnd.Uint64N(10))
			n.jumpTo(to, released[i])
		case 1, 2, 3, 4, 5:
			p.goTo(nodes[rnd.IntN(2)])
		case 6:
			p.stop()
		case 7, 8, 9, 10, 11, 12:
			release(i, min(released[i]+rnd.Uint64N(40), n.applied()))
			n.release(released[i])
		default:
			n.apply(to)
		}
	}
	for i, n := range nodes {
		release(i, s.last())
		n.release(s.last())
	}
	for _, p := range all {
		p.goTo(nodes[rnd.IntN(2)])
	}
	for i, p := range all {
		end := s.last()
		if i%4 == 0 || i%4 == 3 { // a late sight is told no index of other rounds
			end = last(s.indexes(roundA, 0, end))
		}
		waitFor(t, "it is up to date", func() bool {
			p.mu.Lock()
			defer p.mu.Unlock()
			return p.err != nil || p.cursor == end || p.only != nil && p.differs(s, s.last()) == ""
		})
		p.stop()
		if p.err != nil {
			t.Errorf("spectator %d: %v", i, p.err)
		}
		if d := p.differs(s, s.last()); d != "" {
			t.Errorf("spectator %d (-want +got):\n%s", i, d)
		}
	}
	for _, n := range nodes {
		n.hub.Close()
		if anyHeld(n.hub) {
			t.Error("the hub holds what is out")
		}
	}
}

// TestDelayedGameReader: a reader of games gets what its sight shows.
func TestDelayedGameReader(t *testing.T) {
	s := newDelayedScript(t, testDelay).long(40)
	n := startNode(t, s, 9, sightByHeader)
	n.release(9)
	read := func(header http.Header) *GameReader {
		f, err := n.hub.ReadGames(&http.Request{RemoteAddr: "192.0.2.1:1", Header: header}, roundA)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(f.Close)
		return f
	}
	public, truth := read(http.Header{}), read(truthHeader)
	plies := func(f *GameReader) (sum int) {
		games, err := f.Next(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		for _, g := range games {
			sum += int(g.Ply())
		}
		return sum
	}
	if plies(public) != 0 || plies(truth) != 0 {
		t.Fatal("moves before the first")
	}
	n.apply(30)
	if plies(truth) == 0 {
		t.Error("the truth has no move")
	}
	first := s.indexes(roundA, 9, 30)[0]
	n.release(first)
	games, err := public.Next(t.Context())
	if err != nil || len(games) != 1 || games[0].Index != first {
		t.Errorf("the public gets %v, %v", games, err)
	}
}

// TestDelayedFeed: the public's feed has released events at the place of their release. The feed of
// the truth has the log.
func TestDelayedFeed(t *testing.T) {
	s := newDelayedScript(t, testDelay).long(60)
	n := startNode(t, s, 9, sightByHeader)
	n.release(9)
	public, truth := n.open(t, "/feed", nil), n.open(t, "/feed", truthHeader)
	n.apply(40)
	n.release(20)
	n.apply(s.last())
	n.release(s.last())
	want := append(s.indexes(roundB, 9, 40), s.indexes(roundA, 9, 20)...)
	want = append(want, s.indexes(roundB, 40, s.last())...)
	want = append(want, s.indexes(roundA, 20, s.last())...)
	if got := feedIndexes(t, public, len(want)); !slices.Equal(got, want) {
		t.Errorf("the public's feed has\n%v\nand not\n%v", got, want)
	}
	want = slices.Sorted(slices.Values(append(s.indexes(roundA, 9, s.last()), s.indexes(roundB, 9, s.last())...)))
	if got := feedIndexes(t, truth, len(want)); !slices.Equal(got, want) {
		t.Errorf("the feed of the truth has\n%v\nand not\n%v", got, want)
	}
}

// feedIndexes reads n events and returns their indexes.
func feedIndexes(t *testing.T, in *stream, n int) (got []uint64) {
	t.Helper()
	for len(got) < n {
		frames, err := decode([]byte(in.line()))
		if err != nil {
			t.Fatal(err)
		}
		switch f := frames[0]; f.Type {
		case "hello", "snapshot", "status":
		default:
			got = append(got, f.Index)
		}
	}
	return got
}

// anyHeld reports whether a history waits for a held command.
func anyHeld(h *Hub) bool {
	for _, r := range h.table.topics {
		if r.history.hasHeld() {
			return true
		}
	}
	return false
}
