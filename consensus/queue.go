package consensus

import "sync"

// queue hands values from one goroutine to another, in order, and never blocks
// the one that puts. It joins the three loops of a node: the Raft loop must not
// wait for the write loop, which must not wait for the Raft loop, or both
// would wait for ever. What stands in a queue is bounded elsewhere, by Raft's
// limits on uncommitted and in-flight entries.
//
// Any number of goroutines may put; one takes.
type queue[T any] struct {
	ready chan struct{} // holds one token while the queue may be non-empty

	mu    sync.Mutex
	items []T // guarded by mu
	taken []T // the taker's, until it takes again
}

// keepItems is the longest array that is kept for the next items.
const keepItems = 4096

func newQueue[T any]() *queue[T] {
	return &queue[T]{ready: make(chan struct{}, 1)}
}

// leave adds items without waking the taker, which finds them the next time.
func (q *queue[T]) leave(items ...T) {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.items = append(q.items, items...)
}

// put adds items and wakes the taker.
func (q *queue[T]) put(items ...T) {
	if len(items) == 0 {
		return
	}
	q.leave(items...)
	select {
	case q.ready <- struct{}{}:
	default:
	}
}

// takeAll returns everything that was put, in order, and leaves the queue
// empty. Call it after a receive from ready; it may return nothing. What it
// returns is valid until the next call.
func (q *queue[T]) takeAll() []T {
	select {
	case <-q.ready: // nobody need be woken for what is taken now
	default:
	}
	clear(q.taken)
	if cap(q.taken) > keepItems {
		q.taken = nil
	}
	q.mu.Lock()
	defer q.mu.Unlock()
	q.items, q.taken = q.taken[:0], q.items
	return q.taken
}
