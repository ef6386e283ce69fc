package main

import (
	"errors"
	"fmt"
	"iter"
	"sync"
	"time"

	"github.com/chessrelay/chessrelay/broadcast"
	"github.com/chessrelay/chessrelay/consensus"
	"github.com/chessrelay/chessrelay/relay"
	"github.com/chessrelay/chessrelay/web/edge"
)

// boards are the boards of one node: the state machine that the log is applied
// to, and the view that pages and spectators read. It is the one place where
// the pure state of package relay meets goroutines, and a clock: a goroutine of its own lets the public have what
// is held back in rounds with a delay when that has passed.
type boards struct {
	// publish gets the events of each batch after the state has taken it, and those of what has become public.
	// reset is told when everything was replaced, and what is held back then. Both are set before the node opens.
	publish func([]relay.Event)
	reset   func(applied uint64, held []relay.Held)
	now     func() time.Time // the clock that delays go by
	// newer is told of a command that a newer program wrote, which this one could only pass over. Set before the node opens, too.
	newer func(relay.Outcome)
	// tail keeps what was applied last, for the edges that follow this node.
	tail *edge.Tail

	wake chan struct{} // of one: something is held that is due earlier than what the goroutine waits for
	quit chan struct{}
	done chan struct{}

	// order is held from a change until it is published, so that events are published in the order in which they
	// were made. It is taken before mu.
	order  sync.Mutex
	events []relay.Event // for publish; guarded by order
	next   relay.Millis  // when something is due, 0 if nothing is held; guarded by order

	mu      sync.RWMutex
	state   *relay.State // guarded by mu
	applied uint64       // guarded by mu
}

var (
	_ consensus.StateMachine = (*boards)(nil)
	_ broadcast.View         = (*boards)(nil)
)

// newBoards returns empty boards, whose goroutine runs until Close. A nil clock is the system's.
func newBoards(now func() time.Time) *boards {
	if now == nil {
		now = time.Now
	}
	b := &boards{
		state: relay.NewState(), now: now,
		publish: func([]relay.Event) {}, reset: func(uint64, []relay.Held) {}, newer: func(relay.Outcome) {}, tail: edge.NewTail(0, 0),
		wake: make(chan struct{}, 1), quit: make(chan struct{}), done: make(chan struct{}),
	}
	go b.run()
	return b
}

// Close ends the goroutine, and waits for that. Nothing becomes public any more.
func (b *boards) Close() error {
	close(b.quit)
	<-b.done
	return nil
}

// Apply implements consensus.StateMachine.
func (b *boards) Apply(batch []consensus.Command) {
	b.order.Lock()
	defer b.order.Unlock()
	b.mu.Lock()
	outcomes := make([]relay.Outcome, len(batch))
	for i := range batch {
		if i%relay.Ahead == 0 && len(batch) > 1 {
			b.state.LookAhead(len(batch)-i, func(j int) []byte { return batch[i+j].Data })
		}
		c := &batch[i]
		outcomes[i] = b.state.Apply(c.Index, c.Term, c.Data)
		c.Result = &outcomes[i] // a pointer: on most nodes nobody asks for it
		b.applied = c.Index
	}
	released := b.release()
	b.mu.Unlock()
	b.tail.Append(batch)
	for i := range outcomes {
		if errors.Is(outcomes[i].Err, relay.ErrVersion) {
			b.newer(outcomes[i])
		}
		b.events = outcomes[i].AppendEvents(b.events)
	}
	b.tell(released)
}

// release makes public what is due. Both locks are held.
func (b *boards) release() []relay.Event {
	events, next := b.state.Release(relay.Millis(b.now().UnixMilli()))
	if next != b.next {
		b.next = next
		select {
		case b.wake <- struct{}{}:
		default:
		}
	}
	return events
}

// tell publishes what is in events, and then those released. order is held.
func (b *boards) tell(released []relay.Event) {
	if b.events = append(b.events, released...); len(b.events) > 0 {
		b.publish(b.events)
		clear(b.events)
		b.events = b.events[:0]
	}
}

// lookAgain is how long the goroutine sleeps at the most while something is held, since the clock may be set meanwhile.
const lookAgain = time.Second

// run makes public what is held, each at its time.
func (b *boards) run() {
	defer close(b.done)
	timer := time.NewTimer(lookAgain)
	defer timer.Stop()
	for {
		select {
		case <-b.wake:
		case <-timer.C:
		case <-b.quit:
			return
		}
		b.order.Lock()
		if b.next != 0 {
			b.mu.Lock()
			released := b.release()
			b.mu.Unlock()
			b.tell(released)
		}
		next := b.next
		b.order.Unlock()
		if timer.Stop(); next != 0 {
			timer.Reset(min(time.UnixMilli(int64(next)).Sub(b.now()), lookAgain))
		}
	}
}

// Dirty implements consensus.StateMachine. It changes nothing that readers see, and who calls it is the apply loop:
// so they need not wait. The goroutine that releases does.
func (b *boards) Dirty() iter.Seq2[string, []byte] {
	b.mu.RLock()
	defer b.mu.RUnlock()
	return b.state.TakeDirty()
}

// Restore implements consensus.StateMachine.
func (b *boards) Restore(applied uint64, load func(func(key string, value []byte) error) error) error {
	state := relay.NewState()
	if err := load(state.Load); err != nil {
		return err
	}
	if err := state.Loaded(); err != nil {
		return fmt.Errorf("the stored boards do not fit together: %w", err)
	}
	b.order.Lock()
	defer b.order.Unlock()
	b.mu.Lock()
	b.state, b.applied = state, applied
	b.release() // of this nobody needs an event: spectators get a snapshot
	b.mu.Unlock()
	b.tail.Reset(applied)
	b.reset(applied, state.Held())
	return nil
}

// image is the boards for an edge: their records, which are made as they are read, while the boards go on.
func (b *boards) image() (applied uint64, records iter.Seq2[string, []byte]) {
	b.mu.RLock()
	defer b.mu.RUnlock()
	return b.applied, b.state.Records()
}

// Read implements broadcast.View.
func (b *boards) Read(fn func(applied uint64, s *relay.State)) {
	b.mu.RLock()
	defer b.mu.RUnlock()
	fn(b.applied, b.state)
}
