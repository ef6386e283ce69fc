package consensus

import "sync"

// queue hands values from one goroutine to another, in order, and never blocks the sender. It joins
// the loops of a node: if the Raft loop and the write loop could wait for each other, both might
// wait forever. Raft's limits on uncommitted and inflight entries bound the queues.
//
// Any number of goroutines may put; one takes.
type queue[T any] struct {
	ready chan struct{} // has a token while the queue may be non-empty

	mu    sync.Mutex
	items []T // guarded by mu
	taken []T // the taker's, until its next takeAll
}

// keepItems is the longest array that is used again.
const keepItems = 4096

func newQueue[T any]() *queue[T] {
	return &queue[T]{ready: make(chan struct{}, 1)}
}

// putQuietly adds items without waking the taker, which finds them the next time.
func (q *queue[T]) putQuietly(items ...T) {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.items = append(q.items, items...)
}

// put adds items and wakes the taker.
func (q *queue[T]) put(items ...T) {
	if len(items) == 0 {
		return
	}
	q.putQuietly(items...)
	select {
	case q.ready <- struct{}{}:
	default:
	}
}

// takeAll empties the queue and returns its items in order. It may return none. The slice is valid
// until the next call.
func (q *queue[T]) takeAll() []T {
	select {
	case <-q.ready: // nobody must be woken for what is taken now
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
