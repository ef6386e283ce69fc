package engine

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"

	"github.com/chessrelay/chessrelay/relay"
)

// An edge gets the evaluations as they change: each position with its newest evaluation, however
// often it has changed meanwhile. So an edge that is behind costs no memory.

const (
	// batchSize is how many evaluations one message has.
	batchSize = 64
	// backlog is how many an edge gets of those from before it came.
	backlog = 8 << 10
)

// wireEvaluation is an evaluation on its way to an edge.
type wireEvaluation struct {
	FEN      string   `json:"fen"`
	Chess960 bool     `json:"chess960,omitempty"`
	CP       int      `json:"cp,omitempty"`
	Mate     int      `json:"mate,omitempty"`
	Depth    int      `json:"depth"`
	PV       []string `json:"pv,omitempty"`
}

// After returns the evaluations that changed after the cursor, at most a batch of them, and the
// next cursor; nil if there are none. A cursor is good for this store only, and begins at 0.
func (s *Store) After(cursor uint64) (message []byte, next uint64) {
	var list []wireEvaluation
	s.mu.Lock()
	from := cursor
	if s.seq > backlog {
		from = max(from, s.seq-backlog)
	}
	at := s.order.Back()
	for at != nil && at.Value.(*entry).seq > from {
		at = at.Prev()
	}
	if at == nil {
		at = s.order.Front()
	} else {
		at = at.Next()
	}
	next = cursor
	for ; at != nil && len(list) < batchSize; at = at.Next() {
		e := at.Value.(*entry)
		next = e.seq
		v := e.evaluation
		list = append(list, wireEvaluation{FEN: e.position.FEN(), Chess960: e.position.Chess960(), CP: v.CP, Mate: v.Mate, Depth: v.Depth, PV: v.PV})
	}
	s.mu.Unlock()
	if list == nil {
		return nil, next
	}
	message, err := json.Marshal(list)
	if err != nil {
		return nil, next // it has texts and numbers only
	}
	return message, next
}

// errMessage is returned for a message that no node writes.
var errMessage = errors.New("the evaluations cannot be read")

// Take adds what After of another node's store returned.
func (s *Store) Take(message []byte) error {
	var list []wireEvaluation
	if err := json.Unmarshal(message, &list); err != nil {
		return fmt.Errorf("%w: %w", errMessage, err)
	}
	if len(list) > 4*batchSize {
		return fmt.Errorf("%w: there are %d of them", errMessage, len(list))
	}
	for _, w := range list {
		p, err := relay.ParsePosition(w.FEN, w.Chess960)
		e := &relay.Evaluation{CP: w.CP, Mate: w.Mate, Depth: w.Depth, PV: w.PV}
		if err == nil && (!sane(e) || len(e.PV) > relay.MaxPV || slices.ContainsFunc(e.PV, isNoMove)) {
			err = fmt.Errorf("%.40q has an impossible one", w.FEN)
		}
		if err != nil {
			return fmt.Errorf("%w: %w", errMessage, err)
		}
		s.put(p, e, 0)
	}
	return nil
}

// isNoMove reports whether a text cannot be a move in SAN.
func isNoMove(san string) bool {
	const longest = 10 // Qa1xb2# and the like
	if san == "" || len(san) > longest {
		return true
	}
	for i := range len(san) {
		if c := san[i]; c <= ' ' || c > '~' || c == '<' || c == '&' {
			return true
		}
	}
	return false
}

// The ranges of what an engine may say.
const (
	maxCP    = 100_000
	maxMate  = 1000
	maxDepth = 255
)

func sane(e *relay.Evaluation) bool {
	return e.Depth > 0 && e.Depth <= maxDepth && max(e.CP, -e.CP) <= maxCP && max(e.Mate, -e.Mate) <= maxMate && (e.CP == 0 || e.Mate == 0)
}
