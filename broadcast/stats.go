package broadcast

import "sync/atomic"

// Stats are a hub's figures at one moment. Counts are since Open.
type Stats struct {
	Spectators  int // that watch a round now
	Connections int // the same, with those that are joining or closing

	Rounds       int // in memory: watched, or with a history
	HistoryBytes int // of all histories, roughly

	Events           uint64 // published
	Joined           uint64 // spectators that joined a round
	Subscribed       uint64 // requests for other boards
	Messages         uint64 // messages written, without pings
	Bytes            uint64 // their payload
	EventsSent       uint64 // events in them, once for each spectator
	SnapshotsSent    uint64
	SnapshotsEncoded uint64
	Summaries        uint64 // sent to spectators of some boards
	Evaluations      uint64 // sent
	MovedForward     uint64 // snapshots sent to spectators that were too far behind

	RefusedLimit  uint64 // 429: too many, in all or from one address
	RefusedRate   uint64 // 429: too many at once
	RefusedOrigin uint64 // 403
	ClosedSlow    uint64 // 4001
	ClosedBad     uint64 // 4400, 4404 and 4409
}

// counters are the counts of one worker, or of the hub beside the workers.
type counters struct {
	spectators                                    atomic.Int64
	events, joined, subscribed                    atomic.Uint64
	messages, bytes, eventsSent, summaries        atomic.Uint64
	evaluations                                   atomic.Uint64
	snapshotsSent, snapshotsEncoded, movedForward atomic.Uint64
	refusedLimit, refusedRate, refusedOrigin      atomic.Uint64
	closedSlow, closedBad                         atomic.Uint64
}

func (c *counters) addTo(s *Stats) {
	s.Spectators += int(c.spectators.Load())
	s.Events += c.events.Load()
	s.Joined += c.joined.Load()
	s.Subscribed += c.subscribed.Load()
	s.Messages += c.messages.Load()
	s.Bytes += c.bytes.Load()
	s.EventsSent += c.eventsSent.Load()
	s.Summaries += c.summaries.Load()
	s.Evaluations += c.evaluations.Load()
	s.SnapshotsSent += c.snapshotsSent.Load()
	s.SnapshotsEncoded += c.snapshotsEncoded.Load()
	s.MovedForward += c.movedForward.Load()
	s.RefusedLimit += c.refusedLimit.Load()
	s.RefusedRate += c.refusedRate.Load()
	s.RefusedOrigin += c.refusedOrigin.Load()
	s.ClosedSlow += c.closedSlow.Load()
	s.ClosedBad += c.closedBad.Load()
}

// spectators is how many watch a round now.
func (h *Hub) spectators() int64 {
	n := h.counted.spectators.Load()
	for _, w := range h.workers {
		n += w.counted.spectators.Load()
	}
	return n
}

// Stats returns the hub's figures.
func (h *Hub) Stats() Stats {
	s := Stats{Connections: h.gate.connections()}
	h.counted.addTo(&s)
	for _, w := range h.workers {
		w.counted.addTo(&s)
	}
	h.mu.Lock()
	s.Rounds, s.HistoryBytes = len(h.topics), h.bytes
	h.mu.Unlock()
	return s
}

// Connections returns how many spectators have a connection, with those that are joining or
// closing.
func (h *Hub) Connections() int { return h.gate.connections() }

// Limit returns how many spectators there may be; negative means no limit.
func (h *Hub) Limit() int { return h.cfg.MaxSpectators }
