package broadcast

import (
	"encoding/json"
	"sync"
	"sync/atomic"
	"time"

	"github.com/chessrelay/chessrelay/relay"
)

// A status frame has an index, too, so that the spectators of a quiet round need not stay behind.
// It is written only after everything of the round up to it, and left out below the cursor. So a
// client may use the index of any frame but hello as its since.

// status is whether the node's boards are stale, and the frame that says so, shared by all
// spectators.
type status struct {
	changes atomic.Uint64 // how often stale has changed; each change is told at once

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

// forTopic returns the notice with an index for the spectators of the topic.
func (n *statusNotice) forTopic(tp *topic) *message {
	if tp.sight == relay.Truth {
		return n.with
	}
	return n.public
}

// SetStale says whether the boards of this node may be out of date, and since when: the time when
// it last heard from the cluster. Every spectator is told of a change at once. A call with the same
// value updates since.
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

// statusKeep is how long one notice is shared; its age and its time are off by as much.
const statusKeep = 500 * time.Millisecond

// notice returns the present status, or one that is at most statusKeep old.
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

// encodeStatusLocked encodes the frames; status.mu is held. It reads published and shown before any
// history is read: a spectator that then finds nothing more in its history has everything up to
// them.
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
