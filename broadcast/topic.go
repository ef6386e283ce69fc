package broadcast

import (
	"container/list"
	"slices"
	"sync/atomic"

	"github.com/chessrelay/chessrelay/relay"
)

// A round with a delay has several topics, one for each [relay.Sight]: the truth, the public, and
// each tier. Each topic has a history and snapshots of its own. The truth's topic exists while it
// has spectators; a tier's exists from its [relay.EventTier] on. An event enters the truth's
// history at once, and the history of every other topic when it is released. That may be later than
// newer events of other rounds. Within the round the order is the same, so the log index is the
// cursor of all its topics.
//
// The public must not notice that something is held. So whether or not something is held:
//
//   - The public's hello and the bases of its histories go by [relay.State.Shown] instead of the
//     log's index. Its snapshots go by the newest public index of the round.
//   - Its status frames have no index.
//   - The round stays in the table.
//
// In the feed, a released event comes between two log indexes; see feed.go.
//
// A deletion in a round with a delay changes what the public may see at an index that it has
// already. So does the deletion of a whole round. Then the index is not enough as a cursor, and the
// history begins a new epoch (history.renew). A spectator of an older epoch gets a snapshot, even
// with the same index. If the round is gone, the connection is closed with [CloseNoRound]. A client
// that joins while such a command is held begins with a snapshot.

// A topicKey names a topic: a round, as one sight shows it.
type topicKey struct {
	id    relay.RoundID
	sight relay.Sight
}

// A topic is what a spectator watches, with its history and what spectators share. The topics of a
// round differ if it has a delay, or if its tournament is private.
type topic struct {
	topicKey
	feed        *feed // set if this is the topic of a feed; nil: of a round
	history     history
	snapshots   snapshots
	summaries   summaries
	evaluations evaluations

	// delayed: the round has a delay, or had one. Its public is told no index of other rounds. The
	// topic stays in the table, so that nobody can tell whether something is held.
	delayed atomic.Bool

	workers atomic.Uint64 // the bits of the workers that have spectators of it
	dirty   atomic.Uint64 // of those, the workers that know that the history has changed

	// Guarded by Hub.mu.
	watchers int
	written  *list.Element // in table.written; nil if the history is empty
}

// table is the topics that have a history or spectators. Guarded by Hub.mu.
//
// Invariant: no event of a topic that is not in topics was published with index > base, and nothing
// of it is held. So its history, once it is needed, begins at base. Topics other than the truth
// have a base of their own, since the public is told no index that it has not seen. A topic of the
// truth is written to once it has spectators; see join.
type table struct {
	maxFrames, maxBytes, maxTotal int

	topics  map[topicKey]*topic
	base    uint64
	shown   uint64        // the base of topics other than the truth
	newest  uint64        // the newest index published in log order
	bytes   int           // of all histories
	written list.List     // of *topic, least recently written last
	sights  []relay.Sight // of the tiers that there ever were
}

func newTable(cfg Config, base uint64) table {
	return table{
		maxFrames: cfg.HistoryEvents, maxBytes: cfg.HistoryBytes, maxTotal: cfg.HistoryTotal,
		topics: make(map[topicKey]*topic), base: base, shown: base, newest: base,
	}
}

func (t *table) getOrCreate(key topicKey) *topic {
	tp := t.topics[key]
	if tp == nil {
		tp = &topic{topicKey: key}
		base := t.shown
		if key.sight == relay.Truth {
			base = t.base
		} else if key.sight != relay.Public && !slices.Contains(t.sights, key.sight) {
			t.sights = append(t.sights, key.sight)
		}
		tp.history.init(base, t.maxFrames, t.maxBytes)
		t.topics[key] = tp
	}
	return tp
}

// join adds a spectator to a topic. One leave must follow. delayed: the boards say that the round
// has a delay.
func (t *table) join(key topicKey, delayed bool) *topic {
	if delayed {
		t.getOrCreate(topicKey{id: key.id}).delayed.Store(true)
	}
	tp := t.topics[key]
	if tp == nil {
		tp = t.getOrCreate(key)
		if delayed && key.sight > 0 { // until its EventTier is published, it is older than the base
			tp.delayed.Store(true)
			tp.history.begin(0, 0)
		}
		// Without spectators, the truth has no history.
		if public := t.topics[topicKey{id: key.id}]; key.sight == relay.Truth && public != nil {
			floor := t.newest
			if !public.history.hasHeld() {
				_, floor = public.history.bounds()
			}
			tp.history.begin(floor, 0)
		}
	}
	tp.watchers++
	return tp
}

// noteHeld notes a held command: the public gets its index later. It returns the round's topic of
// the truth; nil if it has no spectators.
func (t *table) noteHeld(id relay.RoundID, index uint64) (truth *topic) {
	t.newest = max(t.newest, index)
	tp := t.getOrCreate(topicKey{id: id})
	tp.delayed.Store(true)
	tp.history.addHeld()
	return t.topics[topicKey{id, relay.Truth}]
}

// beginTier begins the history of a tier, which has what the public has of the round up to index.
func (t *table) beginTier(key topicKey, index uint64) *topic {
	tp := t.getOrCreate(key)
	tp.delayed.Store(true)
	tp.evaluations.forgetAll()
	t.bytes -= tp.history.begin(index, 0)
	t.emptied(tp)
	return tp
}

// delayedKeys returns the keys of the round's topics other than the truth: the public's first, then
// the tiers'.
func (t *table) delayedKeys(id relay.RoundID) []topicKey {
	out := []topicKey{{id: id}}
	for _, sight := range t.sights {
		out = append(out, topicKey{id, sight})
	}
	return out
}

// delays reports whether any round has a delay.
func (t *table) delays() bool {
	for _, tp := range t.topics {
		if tp.delayed.Load() {
			return true
		}
	}
	return false
}

// read calls fn with the boards as the topic's sight shows them. It returns the index up to which
// fn misses nothing.
func (tp *topic) read(boards View, fn func(relay.Reader)) (index uint64) {
	boards.Read(func(applied uint64, s *relay.State) {
		if tp.sight == relay.Truth {
			fn(s)
			index = applied
			return
		}
		p := s.ReaderFor(applied, func(relay.TournamentID, relay.RoundID) relay.Sight { return tp.sight })
		fn(p)
		index = p.Index()
	})
	return index
}

func (t *table) leave(tp *topic) {
	tp.watchers--
	if tp.watchers > 0 {
		return
	}
	tp.snapshots.drop()
	t.dropIfEmpty(tp)
}

// add adds a frame to a topic's history. If all histories together have become too large, it
// empties others. ok is false if f is not newer than the last frame.
func (t *table) add(key topicKey, f *frame, released bool) (tp *topic, ok bool) {
	tp = t.getOrCreate(key)
	if !released {
		t.newest = max(t.newest, f.index)
	}
	grown, ok := tp.history.add(f, released)
	if !ok {
		t.dropIfEmpty(tp)
		return tp, false
	}
	t.bytes += grown
	if tp.written == nil {
		tp.written = t.written.PushFront(tp)
	} else {
		t.written.MoveToFront(tp.written)
	}
	for t.bytes > t.maxTotal {
		// The last one is not tp: tp alone is within maxBytes <= maxTotal.
		t.empty(t.written.Back().Value.(*topic), 0)
	}
	return tp, true
}

// reset restarts every history at applied; those of rounds with a delay at what their sight has
// seen. It returns the topics.
func (t *table) reset(applied uint64, delays *relay.Delays) []*topic {
	t.base, t.newest = max(t.base, applied), max(t.newest, applied)
	t.shown = max(t.shown, shownOf(applied, delays))
	behind := map[topicKey]relay.Delayed{}
	if delays != nil {
		for _, d := range delays.Rounds {
			behind[topicKey{id: d.Round}] = d
			t.getOrCreate(topicKey{id: d.Round}).delayed.Store(true)
			for _, tier := range d.Tiers {
				key := topicKey{d.Round, tier.Sight}
				behind[key] = relay.Delayed{Shown: tier.Shown}
				t.getOrCreate(key).delayed.Store(true)
			}
		}
	}
	all := make([]*topic, 0, len(t.topics))
	for _, tp := range t.topics {
		all = append(all, tp)
	}
	for _, tp := range all {
		_, last := tp.history.bounds()
		floor, n := max(applied, last), 0
		if d, ok := behind[tp.topicKey]; ok {
			floor, n = d.Shown, d.Held
		} else if tp.sight != relay.Truth {
			floor = max(shownOf(applied, delays), last)
		}
		tp.evaluations.forgetAll()
		t.bytes -= tp.history.begin(floor, n)
		t.emptied(tp)
	}
	return all
}

// put is add; without a frame, the history starts again at index.
func (t *table) put(key topicKey, index uint64, f *frame, released bool) (tp *topic, ok bool) {
	if tp := t.topics[key]; tp != nil && f != nil {
		tp.evaluations.forget(f)
	}
	if f == nil {
		return t.resetTopic(key, index, released), true
	}
	return t.add(key, f, released)
}

// resetTopic restarts a topic's history at index. released: index was held until now.
func (t *table) resetTopic(key topicKey, index uint64, released bool) *topic {
	tp := t.getOrCreate(key)
	tp.evaluations.forgetAll()
	if released {
		tp.history.removeHeld()
	} else {
		t.newest = max(t.newest, index)
	}
	t.empty(tp, index)
	return tp
}

// renew gives new snapshots to all spectators of a topic; see history.renew. It returns nil if the
// table does not have it.
func (t *table) renew(key topicKey, floor uint64) *topic {
	tp := t.topics[key]
	if tp == nil {
		return nil
	}
	tp.evaluations.forgetAll()
	t.bytes -= tp.history.renew(floor)
	t.emptied(tp)
	return tp
}

// noteReleased notes that a command of a round is no longer held, and adds no frame for it.
func (t *table) noteReleased(id relay.RoundID) {
	if tp := t.topics[topicKey{id: id}]; tp != nil && tp.history.hasHeld() {
		tp.history.removeHeld()
		t.dropIfEmpty(tp)
	}
}

// empty restarts a history at floor, or at its last frame if that is newer.
func (t *table) empty(tp *topic, floor uint64) {
	t.bytes -= tp.history.reset(floor)
	t.emptied(tp)
}

func (t *table) emptied(tp *topic) {
	if tp.written != nil {
		t.written.Remove(tp.written)
		tp.written = nil
	}
	t.dropIfEmpty(tp)
}

// dropIfEmpty forgets a topic without spectators and frames. The base rises to keep the invariant.
// So other topics that enter the table later start later than necessary, which costs a returning
// spectator a snapshot.
func (t *table) dropIfEmpty(tp *topic) {
	if tp.watchers > 0 || tp.written != nil || tp.delayed.Load() {
		return
	}
	_, last := tp.history.bounds()
	t.base = max(t.base, last)
	if tp.sight != relay.Truth {
		t.shown = max(t.shown, last)
	}
	delete(t.topics, tp.topicKey)
}
