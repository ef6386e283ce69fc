package pull

import (
	"context"
	"sync"

	"github.com/chessrelay/chessrelay/relay"
)

// Queues keep those who bring the whole state of a round, each comparing it with the boards and submitting what differs, in the order
// in which they came to this node, one at a time: polls of a source and pushes. The zero value is ready.
type Queues struct {
	mu         sync.Mutex
	turns      map[relay.RoundID][]*Turn // guarded by mu; the first one is at work
	lastNumber uint64                    // guarded by mu; the number of the last Turn
}

// A Turn is a place in a round's line.
type Turn struct {
	// Number is greater than that of every Turn that was taken before.
	Number uint64

	queues *Queues
	round  relay.RoundID
	ready  chan struct{} // closed when it is this one's turn
}

// Enter takes the last place in the round's line; Leave must follow.
func (q *Queues) Enter(round relay.RoundID) *Turn {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.lastNumber++
	t := &Turn{Number: q.lastNumber, queues: q, round: round, ready: make(chan struct{})}
	if q.turns == nil {
		q.turns = make(map[relay.RoundID][]*Turn)
	}
	q.turns[round] = append(q.turns[round], t)
	if q.turns[round][0] == t {
		close(t.ready)
	}
	return t
}

// Wait returns when it is this one's turn, or ctx ends.
func (t *Turn) Wait(ctx context.Context) error {
	select {
	case <-t.ready:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// Leave lets the next one have its turn.
func (t *Turn) Leave() {
	q := t.queues
	q.mu.Lock()
	defer q.mu.Unlock()
	waiting := q.turns[t.round]
	for i, u := range waiting {
		if u != t {
			continue
		}
		waiting = append(waiting[:i], waiting[i+1:]...)
		if i == 0 && len(waiting) > 0 {
			close(waiting[0].ready)
		}
		break
	}
	if len(waiting) == 0 {
		delete(q.turns, t.round)
		return
	}
	q.turns[t.round] = waiting
}
