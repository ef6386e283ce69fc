package broadcast

import (
	"errors"
	"sync"
	"time"
)

// Why the gate refuses a connection.
var (
	errClosed      = errors.New("this node is shutting down")
	errFull        = errors.New("this node has as many spectators as its limit allows")
	errAddressFull = errors.New("there are too many connections from your address")
	errRush        = errors.New("too many spectators join at once; try again in a moment")
)

// gate counts the connections, refuses those beyond the limits, and lets Close wait for the rest.
type gate struct {
	maxTotal      int // negative: no limit
	maxPerAddress int
	perSecond     float64 // how many may enter; negative: no limit

	closing chan struct{} // closed by close
	empty   chan struct{} // closed by Hub.Close once everything has ended

	mu      sync.Mutex
	closed  bool
	total   int
	address map[string]int
	tokens  float64 // how many may enter now; at most perSecond
	filled  time.Time
	wg      sync.WaitGroup // of the connections
}

func newGate(cfg *Config) *gate {
	return &gate{
		maxTotal: cfg.MaxSpectators, maxPerAddress: cfg.MaxPerAddress, perSecond: float64(cfg.MaxPerSecond),
		closing: make(chan struct{}), empty: make(chan struct{}), address: make(map[string]int),
		tokens: float64(cfg.MaxPerSecond), filled: time.Now(),
	}
}

// enter admits a connection. If it returns nil, the caller must call leave.
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
	case !g.tokenLocked():
		return errRush
	}
	g.total++
	g.address[address]++
	g.wg.Add(1)
	return nil
}

// tokenLocked takes a token from a bucket of perSecond tokens that fills within a second.
func (g *gate) tokenLocked() bool {
	if g.perSecond < 0 {
		return true
	}
	now := time.Now()
	g.tokens = min(g.perSecond, g.tokens+now.Sub(g.filled).Seconds()*g.perSecond)
	g.filled = now
	if g.tokens < 1 {
		return false
	}
	g.tokens--
	return true
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

// close refuses all connections from now on. It returns false if it was called before.
func (g *gate) close() bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.closed {
		return false
	}
	g.closed = true
	close(g.closing)
	return true
}

// wait returns when all connections have left.
func (g *gate) wait() { g.wg.Wait() }

func (g *gate) connections() int {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.total
}
