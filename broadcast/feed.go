package broadcast

import (
	"bytes"
	"sync"
	"sync/atomic"

	"github.com/chessrelay/chessrelay/relay"
)

// feed is what all rounds have published, for those who read every round: a history of the same frames as the rounds'.
type feed struct {
	*round // without an id

	mu     sync.Mutex // one encodes
	newest atomic.Pointer[feedSnapshot]
}

// feedSnapshot is all rounds as they stood at index. Immutable.
type feedSnapshot struct {
	index  uint64
	rounds map[relay.RoundID]*snapshot
	all    *message
}

func newFeed(cfg *Config, base uint64) *feed {
	f := &feed{round: &round{}}
	f.history.init(base, cfg.HistoryEvents, cfg.HistoryBytes)
	return f
}

// combine makes one frame of those that one index made in several rounds.
func combine(frames []*frame) *frame {
	if len(frames) == 1 {
		return frames[0]
	}
	all := &frame{index: frames[0].index, whole: &message{index: frames[0].index}}
	for _, f := range frames {
		all.parts = append(all.parts, f.parts...)
		all.whole.objects = append(all.whole.objects, f.whole.inFeed()...)
	}
	return all
}

// take is as [snapshots.take].
func (f *feed) take(boards View) (snap *feedSnapshot, made bool, err error) {
	_, last := f.history.bounds()
	if old := f.newest.Load(); old != nil && old.index >= last {
		return old, false, nil
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	old := f.newest.Load()
	next := &feedSnapshot{rounds: map[relay.RoundID]*snapshot{}}
	var order []*snapshot
	boards.Read(func(applied uint64, state *relay.State) {
		next.index = applied
		for _, t := range state.Tournaments() {
			for _, id := range t.Rounds {
				s := &snapshot{}
				s.read(applied, state, id)
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
			return nil, false, err
		}
		lines.Write(s.whole.line())
		s.whole = nil // it is in lines
	}
	next.all = &message{index: next.index}
	text := lines.Bytes()
	next.all.forms[formLines].Store(&text)
	f.newest.Store(next)
	return next, true, nil
}
