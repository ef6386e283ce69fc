package pull

import (
	"context"
	"sync"

	"github.com/chessrelay/chessrelay/relay"
)

// Queues has a queue for each round. Polls and pushes bring the whole state of a round: they
// compare it with the boards and submit the difference. The queue lets one of them work at a time,
// in the order in which they came to this node. The zero value is ready.
type Queues struct {
	mu         sync.Mutex
	turns      map[relay.RoundID][]*Turn // guarded by mu; the first one is working
	lastNumber uint64                    // guarded by mu; the number of the last Turn
}

// Turn is a place in a round's queue.
type Turn struct {
	// Number is greater than that of every earlier Turn.
	Number uint64

	queues *Queues
	round  relay.RoundID
	ready  chan struct{} // closed when this Turn is the first
}

// Enter takes the last place in the round's queue. The caller must call Leave.
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

// Wait returns when the Turn is the first in its queue, or when ctx ends.
func (t *Turn) Wait(ctx context.Context) error {
	select {
	case <-t.ready:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// Leave gives up the place, and lets the next one work if it was the first.
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
