package broadcast

import (
	"container/list"
	"sync/atomic"

	"github.com/chessrelay/chessrelay/relay"
)

// round is one round as the hub knows it.
type round struct {
	id        relay.RoundID
	history   history
	snapshots snapshots
	summaries summaries

	workers atomic.Uint64 // a bit for each worker that has spectators of it
	dirty   atomic.Uint64 // of those, who have been told that the history is another

	// Guarded by Hub.mu.
	watchers int
	written  *list.Element // in table.written, if it was ever written to
}

// table is the rounds that have a history or spectators. Guarded by Hub.mu.
//
// Invariant: no event of a round that is not in rounds was published with
// index > base. So such a round's history, when it is needed, begins at base.
type table struct {
	maxFrames, maxBytes, maxTotal int

	rounds  map[relay.RoundID]*round
	base    uint64
	bytes   int       // of all histories
	written list.List // of *round, the least recently written last
}

func newTable(cfg Config, base uint64) table {
	return table{
		maxFrames: cfg.HistoryEvents, maxBytes: cfg.HistoryBytes, maxTotal: cfg.HistoryTotal,
		rounds: make(map[relay.RoundID]*round), base: base,
	}
}

func (t *table) get(id relay.RoundID) *round {
	r := t.rounds[id]
	if r == nil {
		r = &round{id: id}
		r.history.init(t.base, t.maxFrames, t.maxBytes)
		t.rounds[id] = r
	}
	return r
}

// join counts a spectator in. Each join is followed by one leave.
func (t *table) join(id relay.RoundID) *round {
	r := t.get(id)
	r.watchers++
	return r
}

func (t *table) leave(r *round) {
	r.watchers--
	if r.watchers > 0 {
		return
	}
	r.snapshots.drop()
	t.dropIfEmpty(r)
}

// append adds a frame to a round's history, and empties those of others if
// all of them together have become too large. ok is false if f is not newer
// than what is there.
func (t *table) append(id relay.RoundID, f *frame) (r *round, ok bool) {
	r = t.get(id)
	grown, ok := r.history.append(f)
	if !ok {
		t.dropIfEmpty(r)
		return r, false
	}
	t.bytes += grown
	if r.written == nil {
		r.written = t.written.PushFront(r)
	} else {
		t.written.MoveToFront(r.written)
	}
	for t.bytes > t.maxTotal {
		// The last one is not r: r alone is within maxBytes <= maxTotal.
		t.empty(t.written.Back().Value.(*round), 0)
	}
	return r, true
}

// reset begins every history anew at applied, and answers the rounds there are.
func (t *table) reset(applied uint64) []*round {
	t.base = max(t.base, applied)
	all := make([]*round, 0, len(t.rounds))
	for _, r := range t.rounds {
		all = append(all, r)
	}
	for _, r := range all {
		t.empty(r, applied)
	}
	return all
}

func (t *table) resetRound(id relay.RoundID, index uint64) *round {
	r := t.get(id)
	t.empty(r, index)
	return r
}

// empty begins a history anew at floor, or at its last frame if that is newer.
func (t *table) empty(r *round, floor uint64) {
	t.bytes -= r.history.reset(floor)
	if r.written != nil {
		t.written.Remove(r.written)
		r.written = nil
	}
	t.dropIfEmpty(r)
}

// dropIfEmpty forgets a round that nobody watches and that has no frames. The
// base rises to keep the invariant: other rounds that come into the table then
// begin later than they had to, which costs a returning spectator a snapshot
// and nothing else.
func (t *table) dropIfEmpty(r *round) {
	if r.watchers > 0 || r.written != nil {
		return
	}
	_, last := r.history.bounds()
	t.base = max(t.base, last)
	delete(t.rounds, r.id)
}
