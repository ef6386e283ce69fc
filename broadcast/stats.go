package broadcast

import "sync/atomic"

// Stats are a hub's figures at one moment. Those that count are since Open.
type Stats struct {
	Spectators  int // who watch a round now
	Connections int // the same, and those that are coming or going

	Rounds       int // in memory: watched, or with a history
	HistoryBytes int // of all histories, roughly

	Events           uint64 // published
	Joined           uint64 // spectators who came to watch a round
	Messages         uint64 // WebSocket messages written, pings not counted
	Bytes            uint64 // their payload
	EventsSent       uint64 // events in them, each counted for each spectator
	SnapshotsSent    uint64
	SnapshotsEncoded uint64
	MovedForward     uint64 // snapshots sent to spectators who had fallen behind or come back too late

	RefusedLimit  uint64 // 429: too many, in all or from one address
	RefusedOrigin uint64 // 403
	ClosedSlow    uint64 // 4001
	ClosedBad     uint64 // 4400, 4404 and 4409
}

type counters struct {
	spectators                                         atomic.Int64
	events, joined, messages, bytes, eventsSent        atomic.Uint64
	snapshotsSent, snapshotsEncoded, movedForward      atomic.Uint64
	refusedLimit, refusedOrigin, closedSlow, closedBad atomic.Uint64
}

// Stats tells the hub's figures.
func (h *Hub) Stats() Stats {
	c := &h.counters
	s := Stats{
		Spectators:       int(c.spectators.Load()),
		Connections:      h.gate.connections(),
		Events:           c.events.Load(),
		Joined:           c.joined.Load(),
		Messages:         c.messages.Load(),
		Bytes:            c.bytes.Load(),
		EventsSent:       c.eventsSent.Load(),
		SnapshotsSent:    c.snapshotsSent.Load(),
		SnapshotsEncoded: c.snapshotsEncoded.Load(),
		MovedForward:     c.movedForward.Load(),
		RefusedLimit:     c.refusedLimit.Load(),
		RefusedOrigin:    c.refusedOrigin.Load(),
		ClosedSlow:       c.closedSlow.Load(),
		ClosedBad:        c.closedBad.Load(),
	}
	h.mu.Lock()
	s.Rounds, s.HistoryBytes = len(h.rounds), h.bytes
	h.mu.Unlock()
	return s
}
