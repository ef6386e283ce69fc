package broadcast

import (
	"fmt"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"github.com/gorilla/websocket"

	"github.com/chessrelay/chessrelay/relay"
)

// Hub knows who watches what on this node. See the package's documentation
// for what its caller owes it.
type Hub struct {
	// Static after Open.
	cfg      Config
	log      *slog.Logger
	opened   time.Time
	upgrader websocket.Upgrader
	gate     *gate
	status   *status
	workers  []*worker
	feed     *feed

	next atomic.Uint64 // the worker who gets the next spectator, but for a remainder

	// published: everything up to this index is in the histories. It is raised
	// only after the frames are there.
	published atomic.Uint64
	counted   counters // what the workers do not count

	mu sync.Mutex
	table
}

// Open starts a hub. The histories begin at the index that cfg.Boards tells
// now: whatever is published must be above it.
func Open(cfg Config) (*Hub, error) {
	cfg, err := cfg.withDefaults()
	if err != nil {
		return nil, err
	}
	h := &Hub{cfg: cfg, log: cfg.Log, opened: time.Now(), gate: newGate(&cfg), status: &status{}}
	h.upgrader = h.newUpgrader()
	var base uint64
	cfg.Boards.Read(func(applied uint64, _ *relay.State) { base = applied })
	h.table = newTable(cfg, base)
	h.feed = newFeed(&cfg, base)
	h.published.Store(base)
	for n := range cfg.Workers {
		w, err := newWorker(h, n)
		if err != nil {
			for _, w := range h.workers {
				w.poll.close()
			}
			return nil, fmt.Errorf("broadcast: %w", err)
		}
		h.workers = append(h.workers, w)
	}
	for _, w := range h.workers {
		go w.run()
	}
	return h, nil
}

// Close says goodbye to every spectator with [CloseGoingAway], and waits until
// all goroutines are gone. New ones are turned away with a 503 from then on.
// Publish may still be called, and reaches nobody.
func (h *Hub) Close() error {
	if h.gate.close() {
		for _, w := range h.workers {
			w.order((*worker).stopAll)
		}
		h.gate.wait()
		for _, w := range h.workers {
			w.close()
		}
		close(h.gate.empty)
	}
	<-h.gate.empty
	return nil
}

// Publish adds what has happened to the histories and has the spectators
// woken. It is called in log order, after the boards were changed, with all
// events of an index in one call; one call may bring several indexes. It keeps
// nothing of events, and never waits for a spectator.
func (h *Hub) Publish(events []relay.Event) {
	for len(events) > 0 {
		n := 1
		for n < len(events) && events[n].Index == events[0].Index {
			n++
		}
		h.publishIndex(events[:n])
		events = events[n:]
	}
}

func (h *Hub) publishIndex(events []relay.Event) {
	index := events[0].Index
	var room [1]*frame
	frames := room[:0]
	for len(events) > 0 {
		mine, rest := splitRound(events)
		if f := h.publishRound(mine); f != nil {
			frames = append(frames, f)
		}
		events = rest
	}
	if len(frames) > 0 {
		h.feed.history.append(combine(frames))
		h.wake(h.feed.round)
	}
	if index > h.published.Load() {
		h.published.Store(index)
	}
}

// splitRound takes the events of the first one's round apart from the rest.
// That an index touches several rounds is rare, so the common case copies
// nothing.
func splitRound(events []relay.Event) (mine, rest []relay.Event) {
	n := 1
	for n < len(events) && events[n].RoundID() == events[0].RoundID() {
		n++
	}
	if n == len(events) {
		return events, nil
	}
	for _, e := range events {
		if e.RoundID() == events[0].RoundID() {
			mine = append(mine, e)
		} else {
			rest = append(rest, e)
		}
	}
	return mine, rest
}

// publishRound answers the frame, nil if there is none.
func (h *Hub) publishRound(events []relay.Event) *frame {
	f, err := encodeFrame(events)
	if err != nil {
		// A bug, if anything. A snapshot tells spectators what the event would have.
		h.log.Error("an event could not be encoded; its round's spectators get a snapshot",
			"round", events[0].RoundID(), "index", events[0].Index, "err", err)
		h.resetRound(events[0].RoundID(), events[0].Index)
		h.feed.history.reset(events[0].Index)
		return nil
	}
	h.mu.Lock()
	r, ok := h.table.append(events[0].RoundID(), f)
	h.mu.Unlock()
	if !ok {
		h.log.Error("an event was published out of order, and dropped",
			"round", events[0].RoundID(), "index", f.index)
		return nil
	}
	h.counted.events.Add(uint64(len(events)))
	h.wake(r)
	return f
}

// Reset tells that the boards were replaced as of log index applied, by a Raft
// snapshot. What lies between the last event published and applied never
// becomes an event here, so the histories begin anew at applied, and every
// spectator that has less gets a fresh snapshot.
func (h *Hub) Reset(applied uint64) {
	h.mu.Lock()
	all := h.table.reset(applied)
	h.mu.Unlock()
	if applied > h.published.Load() {
		h.published.Store(applied)
	}
	h.feed.history.reset(applied)
	for _, r := range append(all, h.feed.round) {
		h.wake(r)
	}
}

func (h *Hub) resetRound(id relay.RoundID, index uint64) {
	h.mu.Lock()
	r := h.table.resetRound(id, index)
	h.mu.Unlock()
	h.wake(r)
}

// wake tells the workers who have spectators of r that its history is another.
// However often that happens until one looks, it is told once.
func (h *Hub) wake(r *round) {
	at := r.workers.Load()
	for _, w := range h.workers {
		if at&w.bit != 0 && r.dirty.Or(w.bit)&w.bit == 0 {
			w.markDirty(r)
		}
	}
}

func (h *Hub) leaveRound(r *round) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if r != h.feed.round {
		h.table.leave(r)
	} else if r.workers.Load() == 0 {
		h.feed.newest.Store(nil)
	}
}

// give hands a spectator to the worker whose turn it is.
func (h *Hub) give(a arrival) {
	h.workers[h.next.Add(1)%uint64(len(h.workers))].join(a)
}
