package broadcast

import (
	"container/list"
	"slices"
	"sync/atomic"

	"github.com/chessrelay/chessrelay/relay"
)

// topic is what a spectator watches: a round, as one sight shows it. The topics of a round differ
// if it has a delay, or if its tournament is private.
type topic struct {
	id    relay.RoundID
	sight relay.Sight
}

// round is what the hub keeps of one topic.
type round struct {
	topic
	feed      *feed // set if this is all rounds of a feed; nil: one round
	history   history
	snapshots snapshots
	summaries summaries

	// delayed: the round has a delay, or had one. Its public is told no index of other rounds. It
	// stays in the table, so that nobody can tell whether something is held.
	delayed atomic.Bool

	workers atomic.Uint64 // the bits of the workers that have spectators of it
	dirty   atomic.Uint64 // of those, the workers that know that the history has changed

	// Guarded by Hub.mu.
	watchers int
	written  *list.Element // in table.written; nil if the history is empty
}

// table is the topics that have a history or spectators. Guarded by Hub.mu.
//
// Invariant: no event of a topic that is not in rounds was published with index > base, and nothing
// of it is held. So its history, once it is needed, begins at base. The public's topics have a base
// of their own, since the public is told no index that it has not seen. A topic of the truth is
// written to once it has spectators; see join.
type table struct {
	maxFrames, maxBytes, maxTotal int

	rounds  map[topic]*round
	base    uint64
	shown   uint64        // the base of topics other than the truth
	newest  uint64        // the newest index published in log order
	bytes   int           // of all histories
	written list.List     // of *round, least recently written last
	sights  []relay.Sight // of the tiers that there ever were
}

func newTable(cfg Config, base uint64) table {
	return table{
		maxFrames: cfg.HistoryEvents, maxBytes: cfg.HistoryBytes, maxTotal: cfg.HistoryTotal,
		rounds: make(map[topic]*round), base: base, shown: base, newest: base,
	}
}

func (t *table) getOrCreate(of topic) *round {
	r := t.rounds[of]
	if r == nil {
		r = &round{topic: of}
		base := t.shown
		if of.sight == relay.Truth {
			base = t.base
		} else if of.sight != relay.Public && !slices.Contains(t.sights, of.sight) {
			t.sights = append(t.sights, of.sight)
		}
		r.history.init(base, t.maxFrames, t.maxBytes)
		t.rounds[of] = r
	}
	return r
}

// join adds a spectator. One leave must follow. delayed: the boards say that the round has a delay.
func (t *table) join(of topic, delayed bool) *round {
	if delayed {
		t.getOrCreate(topic{id: of.id}).delayed.Store(true)
	}
	r := t.rounds[of]
	if r == nil {
		r = t.getOrCreate(of)
		if delayed && of.sight > 0 { // until its EventTier is published, it is older than the base
			r.delayed.Store(true)
			r.history.begin(0, 0)
		}
		// Without spectators, the truth has no history.
		if public := t.rounds[topic{id: of.id}]; of.sight == relay.Truth && public != nil {
			floor := t.newest
			if !public.history.hasHeld() {
				_, floor = public.history.bounds()
			}
			r.history.begin(floor, 0)
		}
	}
	r.watchers++
	return r
}

// noteHeld notes a held command: the public gets its index later. It returns the round's topic of
// the truth; nil if it has no spectators.
func (t *table) noteHeld(id relay.RoundID, index uint64) (truth *round) {
	t.newest = max(t.newest, index)
	r := t.getOrCreate(topic{id: id})
	r.delayed.Store(true)
	r.history.addHeld()
	return t.rounds[topic{id, relay.Truth}]
}

// beginTier begins the history of a tier, which has what the public has of the round up to index.
func (t *table) beginTier(of topic, index uint64) *round {
	r := t.getOrCreate(of)
	r.delayed.Store(true)
	t.bytes -= r.history.begin(index, 0)
	t.emptied(r)
	return r
}

// delayedTopics returns the round's topics other than the truth: the public's first, then the
// tiers'.
func (t *table) delayedTopics(id relay.RoundID) []topic {
	out := []topic{{id: id}}
	for _, sight := range t.sights {
		out = append(out, topic{id, sight})
	}
	return out
}

// delays reports whether any round has a delay.
func (t *table) delays() bool {
	for _, r := range t.rounds {
		if r.delayed.Load() {
			return true
		}
	}
	return false
}

// read calls fn with the boards as the topic's sight shows them. It returns the index up to which
// fn misses nothing.
func (r *round) read(boards View, fn func(relay.Reader)) (index uint64) {
	boards.Read(func(applied uint64, s *relay.State) {
		if r.sight == relay.Truth {
			fn(s)
			index = applied
			return
		}
		p := s.ReaderFor(applied, func(relay.TournamentID, relay.RoundID) relay.Sight { return r.sight })
		fn(p)
		index = p.Index()
	})
	return index
}

func (t *table) leave(r *round) {
	r.watchers--
	if r.watchers > 0 {
		return
	}
	r.snapshots.drop()
	t.dropIfEmpty(r)
}

// add adds a frame to a topic's history. If all histories together have become too large, it
// empties others. ok is false if f is not newer than the last frame.
func (t *table) add(of topic, f *frame, released bool) (r *round, ok bool) {
	r = t.getOrCreate(of)
	if !released {
		t.newest = max(t.newest, f.index)
	}
	grown, ok := r.history.add(f, released)
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

// reset restarts every history at applied; those of rounds with a delay at what their sight has
// seen. It returns the rounds.
func (t *table) reset(applied uint64, delays *relay.Delays) []*round {
	t.base, t.newest = max(t.base, applied), max(t.newest, applied)
	t.shown = max(t.shown, shownOf(applied, delays))
	behind := map[topic]relay.Delayed{}
	if delays != nil {
		for _, d := range delays.Rounds {
			behind[topic{id: d.Round}] = d
			t.getOrCreate(topic{id: d.Round}).delayed.Store(true)
			for _, tier := range d.Tiers {
				of := topic{d.Round, tier.Sight}
				behind[of] = relay.Delayed{Shown: tier.Shown}
				t.getOrCreate(of).delayed.Store(true)
			}
		}
	}
	all := make([]*round, 0, len(t.rounds))
	for _, r := range t.rounds {
		all = append(all, r)
	}
	for _, r := range all {
		_, last := r.history.bounds()
		floor, n := max(applied, last), 0
		if d, ok := behind[r.topic]; ok {
			floor, n = d.Shown, d.Held
		} else if r.sight != relay.Truth {
			floor = max(shownOf(applied, delays), last)
		}
		t.bytes -= r.history.begin(floor, n)
		t.emptied(r)
	}
	return all
}

// put is add; without a frame, the history starts again at index.
func (t *table) put(of topic, index uint64, f *frame, released bool) (r *round, ok bool) {
	if f == nil {
		return t.resetRound(of, index, released), true
	}
	return t.add(of, f, released)
}

// resetRound restarts a topic's history at index. released: index was held until now.
func (t *table) resetRound(of topic, index uint64, released bool) *round {
	r := t.getOrCreate(of)
	if released {
		r.history.removeHeld()
	} else {
		t.newest = max(t.newest, index)
	}
	t.empty(r, index)
	return r
}

// renew gives new snapshots to all spectators of a topic; see history.renew. It returns nil if the
// table does not have it.
func (t *table) renew(of topic, floor uint64) *round {
	r := t.rounds[of]
	if r == nil {
		return nil
	}
	t.bytes -= r.history.renew(floor)
	t.emptied(r)
	return r
}

// noteReleased notes that a command of a round is no longer held, and adds no frame for it.
func (t *table) noteReleased(id relay.RoundID) {
	if r := t.rounds[topic{id: id}]; r != nil && r.history.hasHeld() {
		r.history.removeHeld()
		t.dropIfEmpty(r)
	}
}

// empty restarts a history at floor, or at its last frame if that is newer.
func (t *table) empty(r *round, floor uint64) {
	t.bytes -= r.history.reset(floor)
	t.emptied(r)
}

func (t *table) emptied(r *round) {
	if r.written != nil {
		t.written.Remove(r.written)
		r.written = nil
	}
	t.dropIfEmpty(r)
}

// dropIfEmpty forgets a topic without spectators and frames. The base rises to keep the invariant.
// So other topics that enter the table later start later than necessary, which costs a returning
// spectator a snapshot.
func (t *table) dropIfEmpty(r *round) {
	if r.watchers > 0 || r.written != nil || r.delayed.Load() {
		return
	}
	_, last := r.history.bounds()
	if t.base = max(t.base, last); r.sight != relay.Truth {
		t.shown = max(t.shown, last)
	}
	delete(t.rounds, r.topic)
}
