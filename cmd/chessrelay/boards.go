package main

import (
	"errors"
	"fmt"
	"iter"
	"sync"

	"github.com/chessrelay/chessrelay/broadcast"
	"github.com/chessrelay/chessrelay/consensus"
	"github.com/chessrelay/chessrelay/relay"
	"github.com/chessrelay/chessrelay/web/edge"
)

// boards are the boards of one node: the state machine that the log is applied
// to, and the view that pages and spectators read. It is the one place where
// the pure state of package relay meets goroutines.
type boards struct {
	// publish gets the events of each batch after the state has taken it.
	// reset is told when everything was replaced. Both are set before the node opens,
	// and called by its apply loop.
	publish func([]relay.Event)
	reset   func(applied uint64)
	// newer is told of a command that a newer program wrote, which this one could only pass over. Set before the node opens, too.
	newer func(relay.Outcome)
	// tail keeps what was applied last, for the edges that follow this node.
	tail *edge.Tail

	events []relay.Event // for publish; owned by the apply loop

	mu      sync.RWMutex
	state   *relay.State // guarded by mu
	applied uint64       // guarded by mu
}

var (
	_ consensus.StateMachine = (*boards)(nil)
	_ broadcast.View         = (*boards)(nil)
)

func newBoards() *boards {
	return &boards{state: relay.NewState(), publish: func([]relay.Event) {}, reset: func(uint64) {}, newer: func(relay.Outcome) {}, tail: edge.NewTail(0, 0)}
}

// Apply implements consensus.StateMachine.
func (b *boards) Apply(batch []consensus.Command) {
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
	b.mu.Unlock()
	b.tail.Append(batch)
	for i := range outcomes {
		if errors.Is(outcomes[i].Err, relay.ErrVersion) {
			b.newer(outcomes[i])
		}
		b.events = outcomes[i].AppendEvents(b.events)
	}
	if len(b.events) > 0 {
		b.publish(b.events)
		clear(b.events)
		b.events = b.events[:0]
	}
}

// Dirty implements consensus.StateMachine. It changes nothing that readers see,
// and the apply loop, which calls it, is the only writer: so they need not wait.
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
	b.mu.Lock()
	b.state, b.applied = state, applied
	b.mu.Unlock()
	b.tail.Reset(applied)
	b.reset(applied)
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
