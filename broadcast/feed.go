package broadcast

import (
	"bytes"
	"sync"
	"sync/atomic"

	"github.com/chessrelay/chessrelay/relay"
)

// feed is all rounds in one stream, as one sight shows them: GET /feed reads it. Its history has
// the same frames as the rounds' histories. There are two feeds, of the truth and of the public.
//
// A released frame enters the public's feed between two log indexes. So a cursor in a feed is not
// an index. It is the index of the log's last frame, followed by the number of frames released
// since.
type feed struct {
	*topic             // without an id
	read   atomic.Bool // the truth's feed is written to once it has a reader

	// snapshotCursor is the greatest cursor of a snapshot. A frame that is released later must
	// follow it, though its log index is older. It is raised under the boards' lock. A release
	// needs that lock too, so no snapshot can come between.
	snapshotCursor atomic.Uint64

	mu     sync.Mutex // held while a snapshot is encoded
	newest atomic.Pointer[feedSnapshot]
}

// releaseBits are the bits of a cursor that count released frames.
const releaseBits = 20

// cursorAt returns the cursor of a spectator that has everything up to the log index.
func (tp *topic) cursorAt(index uint64) uint64 {
	if tp.feed != nil {
		return min(index, 1<<(64-releaseBits)-1) << releaseBits
	}
	return index
}

// indexAt returns the log index up to which a spectator with the cursor has everything.
func (tp *topic) indexAt(cursor uint64) uint64 {
	if tp.feed != nil {
		return cursor >> releaseBits
	}
	return cursor
}

// feedSnapshot is a snapshot of all rounds at a cursor. Immutable.
type feedSnapshot struct {
	cursor uint64
	epoch  uint32 // as of a snapshot
	rounds map[relay.RoundID]*snapshot
	all    *message
}

func newFeed(cfg *Config, base uint64, truth bool) *feed {
	f := &feed{}
	f.topic = &topic{feed: f}
	if truth {
		f.sight = relay.Truth
	}
	f.history.init(f.cursorAt(base), cfg.HistoryEvents, cfg.HistoryBytes)
	return f
}

// publish adds the frames that one index made in several rounds.
func (f *feed) publish(h *Hub, frames []*frame, released bool) {
	all := combine(frames)
	all.index = f.cursorAt(all.whole.index)
	if released {
		_, last := f.history.bounds()
		all.index = max(last, f.snapshotCursor.Load()) + 1
	}
	f.history.add(all, false)
	h.wake(f.topic)
}

// startAfter restarts the history after index.
func (f *feed) startAfter(index uint64) { f.history.reset(f.cursorAt(index)) }

// renew gives new snapshots to all readers of the feed.
func (f *feed) renew(h *Hub, index uint64) {
	f.history.renew(f.cursorAt(index))
	h.wake(f.topic)
}

// combine joins the frames that one index made in several rounds.
func combine(frames []*frame) *frame {
	if len(frames) == 1 {
		return &frame{parts: frames[0].parts, whole: frames[0].whole}
	}
	all := &frame{whole: &message{index: frames[0].index}}
	for _, f := range frames {
		all.parts = append(all.parts, f.parts...)
		all.whole.objects = append(all.whole.objects, f.whole.withRoundID()...)
	}
	return all
}

// joinFeed has s read a feed. An index does not tell what its client has of the rounds with a
// delay. So while there is such a round, or a released frame in the history, a client that resumes
// gets snapshots first.
func (h *Hub) joinFeed(s *spectator, since uint64, truth bool) {
	h.mu.Lock()
	defer h.mu.Unlock()
	f := h.publicFeed
	if truth {
		if f = h.truthFeed; !f.read.Load() {
			f.startAfter(h.table.newest)
			f.read.Store(true)
		}
	}
	s.topic, s.cursor, s.snapshotFirst, s.epoch = f.topic, f.cursorAt(since), since == 0, f.history.epoch()
	if !truth && !s.snapshotFirst && (h.table.delays() || f.released()) {
		s.cursor, s.snapshotFirst = 0, true
	}
}

// released reports whether the history has a released frame.
func (f *feed) released() bool {
	for _, fr := range f.history.newest.Load().frames {
		if fr.index&(1<<releaseBits-1) != 0 {
			return true
		}
	}
	return false
}

// snapshotAll is [topic.snapshot] for all rounds. Each round's snapshot has its own index. The
// cursor is that of all of them.
func (f *feed) snapshotAll(boards View) (cursor uint64, all *message, encoded bool, err error) {
	v := f.history.newest.Load()
	if old := f.newest.Load(); old != nil && old.cursor >= v.last && old.epoch == v.epoch {
		return old.cursor, old.all, false, nil
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	old := f.newest.Load()
	v = f.history.newest.Load() // the boards have at least this much
	next := &feedSnapshot{epoch: v.epoch, rounds: map[relay.RoundID]*snapshot{}}
	var order []*snapshot
	boards.Read(func(applied uint64, state *relay.State) {
		next.cursor = f.cursorAt(applied)
		if f.sight != relay.Truth {
			next.cursor = f.cursorAt(state.Shown(applied))
		}
		next.cursor = max(next.cursor, v.last)
		f.snapshotCursor.Store(max(f.snapshotCursor.Load(), next.cursor))
		var all relay.Reader = state
		if f.sight != relay.Truth {
			all = state.Public(applied)
		}
		for _, t := range all.Tournaments() {
			for _, id := range t.Rounds {
				s := &snapshot{}
				s.index = applied
				if f.sight == relay.Truth {
					s.read(state, id)
				} else {
					p := state.Public(applied)
					s.read(p, id)
					s.index = p.Index()
				}
				next.rounds[id] = s
				order = append(order, s)
			}
		}
	})
	var lines bytes.Buffer
	for _, s := range order {
		var before *snapshot
		if old != nil {
			before = old.rounds[s.round.ID]
		}
		if err := s.encode(before); err != nil {
			return 0, nil, false, err
		}
		lines.Write(s.whole.line())
		s.whole = nil // it is in lines
	}
	next.all = &message{index: f.indexAt(next.cursor)}
	text := lines.Bytes()
	next.all.forms[formLines].Store(&text)
	f.newest.Store(next)
	return next.cursor, next.all, true, nil
}
