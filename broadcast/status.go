package broadcast

import (
	"encoding/json"
	"sync"
	"time"

	"github.com/gorilla/websocket"
)

// status is whether the node's boards are stale, and the frame that says so,
// shared by all spectators.
type status struct {
	changed chan struct{} // of one: stale has changed, announce it

	mu     sync.Mutex
	stale  bool
	since  time.Time
	newest *statusNotice
	wake   chan struct{} // closed, and replaced, when everyone is to be told
	seq    uint64        // of the newest announcement, from 1
}

// statusNotice is one status frame, in both its forms. Immutable.
type statusNotice struct {
	seq   uint64 // the announcement it is of; a spectator is told each once
	made  time.Time
	index uint64
	with  *websocket.PreparedMessage // with the index
	bare  *websocket.PreparedMessage // without
	bytes int
}

func newStatus() *status {
	return &status{changed: make(chan struct{}, 1), wake: make(chan struct{}), seq: 1}
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
		select {
		case s.changed <- struct{}{}:
		default:
		}
	}
}

// statusKeep is how long one wording of an announcement is shared; its age and
// its time of day are off by as much.
const statusKeep = 500 * time.Millisecond

// nextStatus is the newest announcement, worded as of now, or nil if told is
// its seq; and a channel that is closed with the next one.
func (h *Hub) nextStatus(told uint64) (*statusNotice, <-chan struct{}, error) {
	s := h.status
	s.mu.Lock()
	defer s.mu.Unlock()
	if told == s.seq {
		return nil, s.wake, nil
	}
	if n := s.newest; n != nil && n.seq == s.seq && time.Since(n.made) < statusKeep {
		return n, s.wake, nil
	}
	n, err := h.statusLocked()
	if err != nil {
		return nil, nil, err
	}
	s.newest = n
	return n, s.wake, nil
}

// statusLocked makes the frames; status.mu is held. published is read before
// any history is: whoever then finds nothing more in its history has
// everything up to it.
func (h *Hub) statusLocked() (*statusNotice, error) {
	s, now := h.status, time.Now()
	n := &statusNotice{seq: s.seq, made: now, index: h.published.Load()}
	f := statusFrame{
		Type: "status", Stale: s.stale, Spectators: h.counters.spectators.Load(), Now: now.UnixMilli(),
	}
	if s.stale {
		f.Age = max(0, now.Sub(s.since).Milliseconds())
	}
	for _, form := range []struct {
		index uint64
		to    **websocket.PreparedMessage
	}{{0, &n.bare}, {n.index, &n.with}} {
		f.Index = form.index
		data, err := json.Marshal(f)
		if err != nil {
			return nil, err
		}
		if *form.to, err = prepare(data); err != nil {
			return nil, err
		}
		n.bytes = len(data)
	}
	return n, nil
}

// announceStatus has everyone told.
func (h *Hub) announceStatus() {
	s := h.status
	s.mu.Lock()
	s.seq++
	wake := s.wake
	s.wake = make(chan struct{})
	s.mu.Unlock()
	close(wake)
}
