package broadcast

import (
	"encoding/json"
	"errors"
	"slices"
	"sync"
	"sync/atomic"

	"github.com/chessrelay/chessrelay/relay"
)

// errNoRound is returned when the boards have no such round.
var errNoRound = errors.New("there is no such round")

// errRoundDeleted is why a spectator of a deleted round is closed.
var errRoundDeleted = errors.New("this round was deleted")

// snapshot is a round at index, encoded. Immutable.
type snapshot struct {
	index      uint64
	epoch      uint32 // of the history, before the boards were read
	round      *relay.Round
	tournament *relay.Tournament
	games      []*relay.Game // by board
	boards     [][]byte      // encoded, one for each game
	head       []byte        // the frame before the first board
	whole      *message
}

// snapshots is the newest snapshot of one topic, shared by all who join.
type snapshots struct {
	mu     sync.Mutex
	newest atomic.Pointer[snapshot] // written under mu
}

// drop frees the memory; the next spectator makes another.
func (s *snapshots) drop() { s.newest.Store(nil) }

// snapshot returns a snapshot from which the history goes on. encoded reports whether it was
// encoded for this call.
//
// The cached snapshot will do if it has all that is in the history. It will also do if it has the
// same values as the boards: they are immutable, so the same pointers are the same boards. Its
// index may be older than the boards', and is as true.
func (tp *topic) snapshot(boards View) (snap *snapshot, encoded bool, err error) {
	s := &tp.snapshots
	v := tp.history.newest.Load()
	if old := s.newest.Load(); old != nil && old.index >= v.last && old.epoch == v.epoch {
		return old, false, nil
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	next := &snapshot{epoch: v.epoch}
	// The topic has no event between the boards' index and the floor.
	next.index = max(v.floor, tp.read(boards, func(state relay.Reader) { next.read(state, tp.id) }))
	if next.round == nil {
		return nil, false, errNoRound
	}
	old := s.newest.Load()
	if old != nil && old.index >= v.floor && old.epoch == v.epoch && old.same(next) {
		return old, false, nil
	}
	if err := next.encode(old); err != nil {
		return nil, false, err
	}
	s.newest.Store(next)
	return next, true, nil
}

// read collects the values. The boards' lock is held.
func (s *snapshot) read(state relay.Reader, id relay.RoundID) {
	r, ok := state.Round(id)
	if !ok {
		return
	}
	s.round = r
	s.tournament, _ = state.Tournament(r.Tournament)
	s.games = make([]*relay.Game, 0, len(r.Games))
	for _, gid := range r.Games {
		if g, ok := state.Game(gid); ok {
			s.games = append(s.games, g)
		}
	}
}

func (s *snapshot) same(t *snapshot) bool {
	return s.round == t.round && s.tournament == t.tournament && slices.Equal(s.games, t.games)
}

// encode makes the frame. It takes unchanged boards from old.
func (s *snapshot) encode(old *snapshot) error {
	var err error
	s.boards = make([][]byte, len(s.games))
	for i, g := range s.games {
		if old != nil && i < len(old.games) && old.games[i] == g {
			s.boards[i] = old.boards[i]
		} else if s.boards[i], err = json.Marshal(boardOf(g)); err != nil {
			return err
		}
	}
	info := roundOf(s.round, s.tournament)
	frame, err := json.Marshal(struct {
		Type   string            `json:"type"`
		Index  uint64            `json:"index"`
		Round  roundInfo         `json:"round"`
		Boards []json.RawMessage `json:"boards"`
	}{"snapshot", s.index, info, []json.RawMessage{}})
	if err != nil {
		return err
	}
	s.head = frame[:len(frame)-len("]}")]
	s.whole = &message{index: s.index, round: s.round.ID, objects: [][]byte{s.frameWith(s.boards)}}
	return nil
}

// frameWith returns the frame with these boards.
func (s *snapshot) frameWith(boards [][]byte) []byte {
	n := len(s.head) + 2
	for _, b := range boards {
		n += len(b) + 1
	}
	out := append(make([]byte, 0, n), s.head...)
	for i, b := range boards {
		if i > 0 {
			out = append(out, ',')
		}
		out = append(out, b...)
	}
	return append(out, "]}"...)
}

// forBoards returns the frame for a spectator of these boards. It names them, so that a spectator
// that has asked for others knows when it has them.
func (s *snapshot) forBoards(set *boardSet) (*message, error) {
	if set == nil {
		return s.whole, nil
	}
	var mine [][]byte
	for i, g := range s.games {
		if set.has(g.Board) {
			mine = append(mine, s.boards[i])
		}
	}
	only, err := json.Marshal(set)
	if err != nil {
		return nil, err
	}
	text := s.frameWith(mine)
	text = append(text[:len(text)-1], `,"only":`...)
	text = append(append(text, only...), '}')
	return &message{index: s.index, round: s.round.ID, objects: [][]byte{text}}, nil
}
