package broadcast

import (
	"math/rand/v2"
	"slices"
	"sync"
	"testing"
	"time"
)

// TestSpectatorsWander: two nodes apply one log, now one ahead and now the other; sometimes one
// gets a snapshot instead. Spectators join, leave, and change nodes at random. Each spectator's
// indexes must rise (the watcher checks that), and in the end each must have the present boards.
func TestSpectatorsWander(t *testing.T) {
	for seed := range someOf(4, 12) {
		wander(t, seed)
		if t.Failed() {
			t.Fatalf("seed %d", seed)
		}
	}
}

func wander(t *testing.T, seed uint64) {
	rnd := rand.New(rand.NewPCG(seed, 2))
	s := longScript(t, 400)
	short := func(c *Config) {
		c.HistoryEvents = 5 + rnd.IntN(60)
		c.StatusEvery = 5 * time.Millisecond
		c.SendBuffer = 4096
	}
	nodes := []*node{startNode(t, s, 9, short), startNode(t, s, 9, short)}
	var all []*wanderer
	for i := range 8 {
		w := newWatcher(t, roundA)
		if i%3 == 1 {
			w.only = []int{1, 3}
		}
		if i%3 == 2 {
			w.round = roundB
		}
		all = append(all, &wanderer{watcher: w})
	}
	for nodes[0].applied() < s.last() || nodes[1].applied() < s.last() {
		n := nodes[rnd.IntN(2)]
		to := min(n.applied()+1+rnd.Uint64N(20), s.last())
		switch p := all[rnd.IntN(len(all))]; rnd.IntN(20) {
		case 0:
			n.jump(to)
		case 1, 2, 3, 4, 5:
			p.goTo(nodes[rnd.IntN(2)])
		case 6:
			p.stop()
		case 7, 8:
			p.resubscribe(rnd)
		default:
			n.apply(to)
		}
	}
	for _, p := range all {
		p.goTo(nodes[rnd.IntN(2)])
	}
	for i, p := range all {
		waitFor(t, "it is up to date", func() bool {
			p.mu.Lock()
			defer p.mu.Unlock()
			return !p.asked && p.err != nil || p.cursor == s.last()
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
		if got := n.hub.Stats(); got.Connections != 0 || got.ClosedBad != 0 || got.ClosedSlow != 0 {
			t.Errorf("%+v", got)
		}
		if len(n.hub.gate.address) != 0 {
			t.Error("the gate remembers those who have left")
		}
		for _, r := range n.hub.topics {
			if r.watchers != 0 || r.snapshots.newest.Load() != nil {
				t.Errorf("round %s has %d watchers, and a snapshot for them", r.id, r.watchers)
			}
		}
	}
}

// wanderer is a watcher that reads on its own until it is stopped.
type wanderer struct {
	*watcher
	mu   sync.Mutex // guards the watcher while it reads
	err  error
	wg   sync.WaitGroup
	left chan struct{}
}

func (p *wanderer) goTo(n *node) {
	p.stop()
	p.join(n)
	p.left = make(chan struct{})
	p.wg.Go(func() { p.follow(p.left) })
}

// resubscribe asks for other boards, at any time.
func (p *wanderer) resubscribe(rnd *rand.Rand) {
	if p.left == nil {
		return
	}
	var boards []int
	for b := range 5 {
		if rnd.IntN(3) == 0 {
			boards = append(boards, b+1)
		}
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	// It waits for the answer before it asks again: it could not tell two answers apart.
	if !p.asked && !slices.Equal(boards, p.only) {
		_ = p.ask(boards...) // an error is the reader's, too
	}
}

func (p *wanderer) stop() {
	if p.left == nil {
		return
	}
	close(p.left)
	p.conn.Close()
	p.wg.Wait()
	p.left = nil
}

func (p *wanderer) follow(left <-chan struct{}) {
	for {
		_ = p.conn.SetReadDeadline(time.Now().Add(patience))
		_, data, err := p.conn.ReadMessage()
		if err != nil {
			if !isClosed(left) {
				p.fail(err)
			}
			return
		}
		p.mu.Lock()
		err = p.takeMessage(data)
		p.mu.Unlock()
		if err != nil {
			p.fail(err)
			return
		}
	}
}

func (p *wanderer) fail(err error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.err = err
}
