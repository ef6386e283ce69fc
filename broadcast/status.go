package broadcast

import (
	"encoding/json"
	"sync"
	"sync/atomic"
	"time"

	"github.com/chessrelay/chessrelay/relay"
)

// status is whether the node's boards are stale, and the frame that says so,
// shared by all spectators.
type status struct {
	changes atomic.Uint64 // of stale; each is told to everyone at once

	mu     sync.Mutex
	stale  bool
	since  time.Time
	newest *statusNotice
}

// statusNotice is one status frame, in all its forms. Immutable.
type statusNotice struct {
	change    uint64
	encodedAt time.Time
	bare      *message // without an index
	with      *message // with the index of the truth
	public    *message // with the public's index
}

// forRound returns the notice with an index for the spectators of r.
func (n *statusNotice) forRound(r *round) *message {
	if r.sight == relay.Truth {
		return n.with
	}
	return n.public
}

// SetStale tells whether the boards of this node may be out of date, and since
// when: the time it last heard from the cluster. A change is told to every
// spectator at once; calling it again with the same says nothing new, and
// moves since.
func (h *Hub) SetStale(stale bool, since time.Time) {
	s := h.status
	s.mu.Lock()
	change := s.stale != stale
	s.stale, s.since = stale, since
	s.mu.Unlock()
	if change {
		s.changes.Add(1)
		for _, w := range h.workers {
			w.signal()
		}
	}
}

// statusKeep is how long one wording of a notice is shared; its age and
// its time of day are off by as much.
const statusKeep = 500 * time.Millisecond

// notice is the status, worded as of now or a moment ago.
func (h *Hub) notice() (*statusNotice, error) {
	s := h.status
	s.mu.Lock()
	defer s.mu.Unlock()
	change := s.changes.Load()
	if n := s.newest; n != nil && n.change == change && time.Since(n.encodedAt) < statusKeep {
		return n, nil
	}
	n, err := h.encodeStatusLocked(change)
	if err == nil {
		s.newest = n
	}
	return n, err
}

// encodeStatusLocked makes the frames; status.mu is held. published and shown are read before
// any history is: whoever then finds nothing more in its history has
// everything up to it.
func (h *Hub) encodeStatusLocked(change uint64) (*statusNotice, error) {
	s, now := h.status, time.Now()
	n := &statusNotice{change: change, encodedAt: now}
	f := statusFrame{Type: "status", Stale: s.stale, Spectators: h.spectators(), Now: now.UnixMilli()}
	if s.stale {
		f.Age = max(0, now.Sub(s.since).Milliseconds())
	}
	for _, form := range []struct {
		index uint64
		to    **message
	}{{0, &n.bare}, {h.published.Load(), &n.with}, {h.shown.Load(), &n.public}} {
		f.Index = form.index
		data, err := json.Marshal(f)
		if err != nil {
			return nil, err
		}
		*form.to = &message{index: form.index, objects: [][]byte{data}}
	}
	return n, nil
}
