package broadcast

import (
	"errors"
	"sync"
)

// Why the gate keeps someone out.
var (
	errClosed      = errors.New("this node is going away")
	errFull        = errors.New("this node has as many spectators as it may have")
	errAddressFull = errors.New("there are too many connections from your address")
)

// gate counts the connections, keeps out those beyond the limits, and knows
// whom Close has to wait for.
type gate struct {
	maxTotal      int // negative: no limit
	maxPerAddress int

	closing chan struct{} // closed by close

	mu      sync.Mutex
	closed  bool
	total   int
	address map[string]int
	inside  map[*spectator]struct{}
	wg      sync.WaitGroup // one for each entered
}

func newGate(maxTotal, maxPerAddress int) *gate {
	return &gate{
		maxTotal: maxTotal, maxPerAddress: maxPerAddress,
		closing: make(chan struct{}),
		address: make(map[string]int), inside: make(map[*spectator]struct{}),
	}
}

// enter is the first thing a connection does. If it answers nil, leave must follow.
func (g *gate) enter(address string) error {
	g.mu.Lock()
	defer g.mu.Unlock()
	switch {
	case g.closed:
		return errClosed
	case g.maxTotal >= 0 && g.total >= g.maxTotal:
		return errFull
	case g.maxPerAddress >= 0 && g.address[address] >= g.maxPerAddress:
		return errAddressFull
	}
	g.total++
	g.address[address]++
	g.wg.Add(1)
	return nil
}

func (g *gate) leave(address string) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.total--
	if g.address[address]--; g.address[address] == 0 {
		delete(g.address, address)
	}
	g.wg.Done()
}

// add makes s known, so that close stops it. It answers false if that has
// been done already.
func (g *gate) add(s *spectator) bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.closed {
		return false
	}
	g.inside[s] = struct{}{}
	return true
}

func (g *gate) remove(s *spectator) {
	g.mu.Lock()
	defer g.mu.Unlock()
	delete(g.inside, s)
}

// close lets nobody in any more and stops who is inside. It answers false if it
// was called before.
func (g *gate) close() bool {
	g.mu.Lock()
	if g.closed {
		g.mu.Unlock()
		return false
	}
	g.closed = true
	close(g.closing)
	stop := make([]*spectator, 0, len(g.inside))
	for s := range g.inside {
		stop = append(stop, s)
	}
	g.mu.Unlock()
	for _, s := range stop {
		s.stop(CloseGoingAway, errClosed.Error())
	}
	return true
}

// wait returns when everyone who entered has left.
func (g *gate) wait() { g.wg.Wait() }

func (g *gate) connections() int {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.total
}
