package engine

import (
	"container/list"
	"slices"
	"sync"

	"github.com/chessrelay/chessrelay/relay"
)

// defaultPositions is how many positions a store keeps, at about 400 bytes each: 12 boards of a
// hundred plies for 25 rounds.
const defaultPositions = 32 << 10

// Store keeps the evaluations that this node knows, by position: those of its own engine, and those
// that its upstream sends.
type Store struct {
	most int

	mu       sync.Mutex
	places   map[relay.Position]*list.Element
	order    list.List // of *entry, the least recently changed first
	seq      uint64    // of the last change
	changed  chan struct{}
	own      bool // an engine of this node's works
	upstream bool // the upstream's store is available
}

// entry is what is known of a position.
type entry struct {
	position   relay.Position
	evaluation *relay.Evaluation
	seq        uint64
	stages     int // of the search, that this node's engine has done
}

// NewStore returns a store of at most that many positions; zero: 32,768.
func NewStore(most int) *Store {
	if most <= 0 {
		most = defaultPositions
	}
	return &Store{most: most, places: map[relay.Position]*list.Element{}, changed: make(chan struct{})}
}

// Available reports whether an engine works for this node, its own or one above it. Without one
// there is nothing to be shown.
func (s *Store) Available() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.own || s.upstream
}

// Changed returns a channel that is closed when there is more: an evaluation, or an engine.
func (s *Store) Changed() <-chan struct{} {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.changed
}

func (s *Store) tellLocked() {
	close(s.changed)
	s.changed = make(chan struct{})
}

// SetUpstream says whether an engine works for the upstream.
func (s *Store) SetUpstream(available bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.upstream != available {
		s.upstream = available
		s.tellLocked()
	}
}

func (s *Store) setOwn(available bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.own != available {
		s.own = available
		s.tellLocked()
	}
}

// Get returns the evaluation of the position; nil if there is none.
func (s *Store) Get(p relay.Position) *relay.Evaluation {
	s.mu.Lock()
	defer s.mu.Unlock()
	if at := s.places[p]; at != nil {
		return at.Value.(*entry).evaluation
	}
	return nil
}

// Of returns the evaluations of a game's positions, from the start position on; nil where there is
// none.
func (s *Store) Of(g *relay.Game) []*relay.Evaluation {
	positions := g.Positions()
	out := make([]*relay.Evaluation, len(positions))
	s.mu.Lock()
	defer s.mu.Unlock()
	for i, p := range positions {
		if at := s.places[p]; at != nil {
			out[i] = at.Value.(*entry).evaluation
		}
	}
	return out
}

// Len returns how many positions there are.
func (s *Store) Len() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.order.Len()
}

// put adds an evaluation, unless a deeper one is there. stages is how many stages of the search are
// done; a smaller number than before changes nothing.
func (s *Store) put(p relay.Position, e *relay.Evaluation, stages int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	at := s.places[p]
	if at == nil {
		if s.order.Len() >= s.most {
			delete(s.places, s.order.Remove(s.order.Front()).(*entry).position)
		}
		at = s.order.PushBack(&entry{position: p})
		s.places[p] = at
	}
	was := at.Value.(*entry)
	was.stages = max(was.stages, stages)
	if old := was.evaluation; old != nil && (old.Depth > e.Depth || same(old, e)) {
		return
	}
	s.seq++
	was.evaluation, was.seq = e, s.seq
	s.order.MoveToBack(at)
	s.tellLocked()
}

func same(a, b *relay.Evaluation) bool {
	return a.CP == b.CP && a.Mate == b.Mate && a.Depth == b.Depth && slices.Equal(a.PV, b.PV)
}

// stages returns how many stages of the search are done.
func (s *Store) stages(p relay.Position) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	if at := s.places[p]; at != nil {
		return at.Value.(*entry).stages
	}
	return 0
}
