package broadcast

import (
	"encoding/json"
	"sync"

	"github.com/chessrelay/chessrelay/relay"
)

// With ?boards= a spectator gets the events of those boards, and its cursor is for them only. About
// the others it gets at most one summary frame a second, without an index. It may ask for other
// boards, or for all, and gets a snapshot of them:
//
//	{"type":"subscribe","boards":[3,4]}

// summaries tell spectators of some boards how the others are: about once a second, what has
// changed. They are encoded once for all spectators that know the same.
type summaries struct {
	mu       sync.Mutex
	from, to uint64
	newest   *message // from -> to; nil if nothing has changed
	wholeTo  uint64
	whole    *message // of all boards, up to wholeTo
}

// A summaryFrame has no index: it does not affect what a client has of its own boards.
type summaryFrame struct {
	Type   string         `json:"type"`
	Boards []boardSummary `json:"boards"`
}

type boardSummary struct {
	Game   relay.GameID `json:"game"`
	Board  int          `json:"board"`
	Ply    relay.Ply    `json:"ply"`
	SAN    string       `json:"san,omitempty"` // of the last move
	Result relay.Result `json:"result"`
	// Illegal: the last move was illegal.
	Illegal bool `json:"illegal,omitempty"`
}

// summary returns the summary for a spectator that knows the boards up to from (0: nothing), and up
// to where it knows them then. m is nil if nothing is new.
func (tp *topic) summary(boards View, from uint64) (m *message, to uint64, err error) {
	s := &tp.summaries
	s.mu.Lock()
	defer s.mu.Unlock()
	v := tp.history.newest.Load()
	to = v.last
	switch {
	case from == 0 || from < v.floor:
		if s.whole == nil || s.wholeTo != to {
			if s.whole, err = tp.encodeSummary(boards, nil); err != nil {
				return nil, 0, err
			}
			s.wholeTo = to
		}
		return s.whole, to, nil
	case from >= to:
		return nil, from, nil
	case s.from == from && s.to == to:
		return s.newest, to, nil
	}
	changed := map[int]bool{}
	for i := len(v.frames) - 1; i >= 0 && v.frames[i].index > from; i-- {
		for j := range v.frames[i].parts {
			if b := v.frames[i].parts[j].board; b != 0 {
				changed[b] = true
			}
		}
	}
	m = nil
	if len(changed) > 0 {
		if m, err = tp.encodeSummary(boards, changed); err != nil {
			return nil, 0, err
		}
	}
	s.from, s.to, s.newest = from, to, m
	return m, to, nil
}

// encodeSummary reads the present boards, which may be newer than the summary's index. Then the
// next summary repeats the news.
func (tp *topic) encodeSummary(boards View, only map[int]bool) (*message, error) {
	f := summaryFrame{Type: "summary", Boards: []boardSummary{}}
	var games []*relay.Game
	tp.read(boards, func(state relay.Reader) {
		if rd, ok := state.Round(tp.id); ok {
			for _, id := range rd.Games {
				if g, ok := state.Game(id); ok && (only == nil || only[g.Board]) {
					games = append(games, g)
				}
			}
		}
	})
	for _, g := range games {
		b := boardSummary{Game: g.ID, Board: g.Board, Ply: g.Ply(), Result: g.Result}
		if m, ok := g.LastMove(); ok {
			b.SAN, b.Illegal = m.SAN, m.Illegal
		}
		f.Boards = append(f.Boards, b)
	}
	data, err := json.Marshal(f)
	if err != nil {
		return nil, err
	}
	return &message{objects: [][]byte{data}}, nil
}

// summarize gives a summary to the spectators of some boards in g, if there is news.
func (w *worker) summarize(g *group) {
	_, last := g.topic.history.bounds()
	some := false
	for _, s := range g.members {
		if s.only != nil && s.summarized < last {
			s.due |= dueSummary
			some = true
		}
	}
	if some {
		w.enqueue(g)
	}
}

func (w *worker) putSummary(s *spectator) error {
	if s.only == nil {
		return nil
	}
	m, to, err := s.topic.summary(w.hub.cfg.Boards, s.summarized)
	if err != nil {
		return err
	}
	if m != nil {
		w.put(s, m)
		w.counted.summaries.Add(1)
	}
	s.summarized = max(to, 1) // 1: nothing is there yet
	return nil
}
