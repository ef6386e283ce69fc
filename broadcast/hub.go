package broadcast

import (
	"fmt"
	"log/slog"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/gorilla/websocket"

	"github.com/chessrelay/chessrelay/relay"
)

// Hub serves the spectators of one node. Its caller has these duties:
//
//  1. Open the hub once the boards are loaded: the histories begin at their index.
//  2. After one or more log entries, change the boards and then call Publish, with all events of an
//     index in the same call. Do the same for events that are released. Call it in log order, one
//     call at a time, from any goroutine. Entries without events need no call.
//  3. After a Raft snapshot has replaced the boards, call Reset before the next Publish.
//  4. Call SetStale when the node loses or regains touch with the cluster.
//  5. Route GET /live to Live, /events to Events and /feed to Feed.
//  6. Close the hub before the HTTP server: net/http does not wait for connections that became
//     WebSockets.
type Hub struct {
	// Static after Open.
	cfg        Config
	log        *slog.Logger
	opened     time.Time
	upgrader   websocket.Upgrader
	gate       *gate
	status     *status
	workers    []*worker
	publicFeed *feed
	truthFeed  *feed      // written to once it has a reader
	evaluator  *evaluator // nil: there is no engine

	next atomic.Uint64 // modulo their number, the worker for the next spectator

	// published: everything up to this index is in the histories. It is raised after the frames are
	// there. shown is the same for what the public may see.
	published atomic.Uint64
	shown     atomic.Uint64
	counted   counters // of what the workers do not count

	mu sync.Mutex
	table
}

// Open starts a hub. The histories begin at the index of cfg.Boards; everything published must be
// above it.
func Open(cfg Config) (*Hub, error) {
	cfg, err := cfg.withDefaults()
	if err != nil {
		return nil, err
	}
	h := &Hub{cfg: cfg, log: cfg.Log, opened: time.Now(), gate: newGate(&cfg), status: &status{}}
	h.upgrader = h.newUpgrader()
	var base uint64
	var delays *relay.Delays
	cfg.Boards.Read(func(applied uint64, s *relay.State) { base, delays = applied, s.Delays() })
	shown := shownOf(base, delays)
	h.table = newTable(cfg, base)
	h.table.reset(base, delays)
	h.publicFeed, h.truthFeed = newFeed(&cfg, shown, false), newFeed(&cfg, base, true)
	h.published.Store(base)
	h.shown.Store(shown)
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
	if cfg.Evaluations != nil {
		h.evaluator = newEvaluator(h)
		go h.evaluator.run()
	}
	return h, nil
}

// Close closes every spectator with [CloseGoingAway], and waits for all goroutines. From then on
// newcomers get a 503. Publish may still be called, and reaches nobody.
func (h *Hub) Close() error {
	if h.gate.close() {
		for _, w := range h.workers {
			w.call((*worker).stopAll)
		}
		h.gate.wait()
		h.evaluator.close()
		for _, w := range h.workers {
			w.close()
		}
		close(h.gate.empty)
	}
	<-h.gate.empty
	return nil
}

// SendAway closes every spectator with [CloseGoingAway] and the reason. The hub still accepts
// others; the caller must turn them away.
func (h *Hub) SendAway(reason string) {
	for _, w := range h.workers {
		w.call(func(w *worker) { w.sendAway(reason) })
	}
}

// Publish adds events to the histories and wakes the spectators. The caller calls it in log order,
// after it has changed the boards, with all events of an index in one call; one call may bring
// several indexes. Events for [relay.ToPublic] and [relay.ToTier] come when they are released, each
// round's in log order. Publish does not keep events, and never waits for a spectator.
func (h *Hub) Publish(events []relay.Event) {
	for len(events) > 0 {
		n := 1
		for n < len(events) && events[n].Index == events[0].Index && released(&events[n]) == released(&events[0]) && events[n].Sight == events[0].Sight {
			n++
		}
		h.publishIndex(events[:n])
		events = events[n:]
	}
}

// released reports whether the event's command was held until now.
func released(e *relay.Event) bool { return e.To == relay.ToPublic || e.To == relay.ToTier }

func (h *Hub) publishIndex(events []relay.Event) {
	index, released, tier := events[0].Index, released(&events[0]), events[0].To == relay.ToTier
	shown := !tier && slices.ContainsFunc(events, func(e relay.Event) bool { return e.To != relay.ToTruth || e.Renews })
	var room [2]*frame
	public, truth := room[:0:1], room[1:1]
	for len(events) > 0 {
		mine, rest := splitRound(events)
		if f := h.publishRound(mine); f != nil {
			if mine[0].To != relay.ToTruth && !tier && !mine[0].Private {
				public = append(public, f)
			}
			if !released {
				truth = append(truth, f)
			}
		}
		events = rest
	}
	if len(public) > 0 {
		h.publicFeed.publish(h, public, released)
	}
	if len(truth) > 0 && h.truthFeed.read.Load() {
		h.truthFeed.publish(h, truth, false)
	}
	raise(&h.published, index) // a released index is older
	if shown {
		raise(&h.shown, index)
	}
}

// raise must not run twice at the same time.
func raise(to *atomic.Uint64, index uint64) {
	if index > to.Load() {
		to.Store(index)
	}
}

// splitRound separates the events of the first one's round from the rest. One index rarely touches
// several rounds, so the common case copies nothing.
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

// publishRound adds the events of one round to the histories of the sights that they are for. It
// returns their frame, nil if there is none. The public's history counts what is held.
func (h *Hub) publishRound(events []relay.Event) *frame {
	id, index, to := events[0].RoundID(), events[0].Index, events[0].To
	h.forgetEvaluations(events)
	behind := topicKey{id, events[0].Sight}
	switch {
	case events[0].Type == relay.EventNone:
		h.mu.Lock()
		h.table.noteReleased(id)
		h.mu.Unlock()
		return nil
	case events[0].Type == relay.EventTier:
		h.mu.Lock()
		tp := h.table.beginTier(behind, index)
		h.mu.Unlock()
		h.wake(tp)
		return nil
	case events[0].Game == nil && (events[0].Type == relay.EventDeleted || events[0].Type == relay.EventRestored):
		return h.publishWholeRound(&events[0])
	case events[0].Renews || events[0].RenewsTiers:
		defer h.renewDelayed(id, events[0].Renews)
	}
	if r := events[0].Round; r != nil && r.Delay > 0 {
		h.mu.Lock()
		h.table.getOrCreate(topicKey{id: id}).delayed.Store(true)
		h.mu.Unlock()
	}
	if to == relay.ToTruth {
		h.mu.Lock()
		truth := h.table.noteHeld(id, index)
		h.mu.Unlock()
		if truth == nil && !h.truthFeed.read.Load() {
			return nil
		}
	}
	f, err := encodeFrame(events)
	if err != nil {
		// This would be a bug. A snapshot tells spectators what the event would have.
		h.log.Error("an event could not be encoded; its round's spectators get a snapshot", "round", id, "index", index, "err", err)
		h.publicFeed.startAfter(index)
		h.truthFeed.startAfter(index)
	}
	h.mu.Lock()
	var room [2 + relay.MaxSights]*topic
	changed := room[:0]
	ok := true
	if to != relay.ToTruth {
		var tp *topic
		tp, ok = h.table.put(behind, index, f, to == relay.ToPublic)
		changed = append(changed, tp)
	}
	// A spectator that has joined meanwhile has a snapshot, or will get one.
	if to == relay.ToEveryone {
		for _, sight := range h.table.sights {
			if key := (topicKey{id, sight}); h.table.topics[key] != nil {
				tp, _ := h.table.put(key, index, f, false)
				changed = append(changed, tp)
			}
		}
	}
	if truth := (topicKey{id, relay.Truth}); (to == relay.ToEveryone || to == relay.ToTruth) && h.table.topics[truth] != nil {
		tp, _ := h.table.put(truth, index, f, false)
		changed = append(changed, tp)
	}
	h.mu.Unlock()
	if !ok {
		h.log.Error("an event was published out of order, and dropped", "round", id, "index", index)
		return nil
	}
	h.counted.events.Add(uint64(len(events)))
	for _, tp := range changed {
		h.wake(tp)
	}
	return f
}

// publishWholeRound publishes that a whole round was deleted or restored. Spectators of a deleted
// round are closed at their next turn. It returns the frame for the feeds; a restored round has
// none, and the feeds get snapshots.
func (h *Hub) publishWholeRound(e *relay.Event) (f *frame) {
	h.mu.Lock()
	if e.Held {
		h.table.noteHeld(e.Round.ID, e.Index)
	}
	h.table.newest = max(h.table.newest, e.Index)
	changed := h.renewLocked(append(h.table.delayedKeys(e.Round.ID), topicKey{e.Round.ID, relay.Truth}), e.Index)
	h.mu.Unlock()
	h.wakeAll(changed)
	h.counted.events.Add(1)
	if e.Type == relay.EventDeleted && !e.Private {
		var err error
		if f, err = encodeFrame([]relay.Event{*e}); err == nil {
			return f
		}
		h.log.Error("an event could not be encoded; readers of all rounds get snapshots", "round", e.Round.ID, "index", e.Index, "err", err)
	}
	h.publicFeed.renew(h, e.Index)
	h.truthFeed.renew(h, e.Index)
	return nil
}

// renewDelayed gives new snapshots to the spectators that do not see the truth of a round; only to
// the tiers unless public is set. Something was deleted or restored in the round, or it has become
// private, or is no longer private.
func (h *Hub) renewDelayed(id relay.RoundID, public bool) {
	h.mu.Lock()
	keys := h.table.delayedKeys(id)
	if !public {
		keys = keys[1:]
	}
	changed := h.renewLocked(keys, 0)
	h.mu.Unlock()
	h.wakeAll(changed)
	if public {
		h.publicFeed.renew(h, 0)
	}
}

// renewLocked gives new snapshots to the spectators of the topics, with an index of at least floor.
// h.mu is held.
func (h *Hub) renewLocked(keys []topicKey, floor uint64) (changed []*topic) {
	for _, key := range keys {
		from := floor
		if tp := h.table.topics[key]; tp != nil && tp.delayed.Load() {
			from = 0 // held commands have older indexes
		}
		if tp := h.table.renew(key, from); tp != nil {
			changed = append(changed, tp)
		}
	}
	return changed
}

// wakeAll wakes the spectators of topics whose history has begun again.
func (h *Hub) wakeAll(topics []*topic) {
	h.evaluator.signal()
	for _, tp := range topics {
		h.wake(tp)
	}
}

// Reset says that a Raft snapshot has replaced the boards as of log index applied. No events come
// for the entries between the last event and applied. So the histories restart at applied, and
// every spectator with less gets a snapshot. The histories of rounds with a delay restart at what
// their sight has seen, and go on with what is released. delays are those of the new boards; nil
// means none.
func (h *Hub) Reset(applied uint64, delays *relay.Delays) {
	h.mu.Lock()
	all := h.table.reset(applied, delays)
	h.mu.Unlock()
	shown := shownOf(applied, delays)
	raise(&h.published, applied)
	raise(&h.shown, shown)
	h.publicFeed.startAfter(shown)
	h.truthFeed.startAfter(applied)
	h.wakeAll(append(all, h.publicFeed.topic, h.truthFeed.topic))
}

// shownOf returns [relay.State.Shown] of boards with these delays.
func shownOf(applied uint64, delays *relay.Delays) uint64 {
	if delays == nil {
		return applied
	}
	return delays.Shown
}

// wake tells the workers with spectators of the topic that its history has changed. A worker that
// has not looked yet is told once.
func (h *Hub) wake(tp *topic) {
	at := tp.workers.Load()
	for _, w := range h.workers {
		if at&w.bit != 0 && tp.dirty.Or(w.bit)&w.bit == 0 {
			w.markDirty(tp)
		}
	}
}

func (h *Hub) leaveTopic(tp *topic) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if tp.feed == nil {
		h.table.leave(tp)
	} else if tp.workers.Load() == 0 {
		tp.feed.newest.Store(nil)
	}
}

// assign hands a spectator to the next worker in turn.
func (h *Hub) assign(a arrival) {
	h.workers[h.next.Add(1)%uint64(len(h.workers))].join(a)
}
