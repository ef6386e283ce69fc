package node

import (
	"errors"
	"fmt"
	"iter"
	"sync"
	"sync/atomic"
	"time"

	"github.com/chessrelay/chessrelay/broadcast"
	"github.com/chessrelay/chessrelay/consensus"
	"github.com/chessrelay/chessrelay/relay"
	"github.com/chessrelay/chessrelay/web/edge"
)

// Boards are the boards of one node: the state machine that the log drives, and the view that pages
// and spectators read. Only here does the pure state of package relay meet goroutines and a clock.
// The goroutine releases held commands when their delay has passed.
type Boards struct {
	// publish gets the events of each batch after the state has taken it, and those of released
	// commands. reset is called when all boards were replaced, with the delays of the new ones.
	// Both are set before the node opens.
	publish func([]relay.Event)
	reset   func(applied uint64, delays *relay.Delays)
	now     func() time.Time           // this node's clock
	began   time.Time                  // when the boards were made, by that clock
	clock   atomic.Pointer[timekeeper] // tells how fresh the boards are, and the time for releases
	// newer is called with a command from a newer program, which this one could only skip. It is
	// set before the node opens, too.
	newer func(relay.Outcome)
	// tail keeps what was applied last, for the edges that follow this node.
	tail *edge.Tail
	// sums are the recent rolling sums of the boards, for other nodes to compare theirs with.
	sums consensus.Sums

	wake chan struct{} // capacity 1: something is due earlier than the time that the goroutine waits for
	quit chan struct{}
	done chan struct{}

	// order is held from a change until it is published. So events are published in the order in
	// which they were made. It is taken before mu.
	order  sync.Mutex
	events []relay.Event // for publish; guarded by order
	next   relay.Millis  // when something is due, 0 if nothing is held; guarded by order

	mu      sync.RWMutex
	state   *relay.State // guarded by mu
	applied uint64       // guarded by mu
}

var (
	_ consensus.StateMachine = (*Boards)(nil)
	_ consensus.Summed       = (*Boards)(nil)
	_ broadcast.View         = (*Boards)(nil)
)

// A timekeeper knows how fresh the boards are, and what time it is while clocks may be wrong. Two
// rules keep a delay, on a node with a right clock, from being shorter than it says:
//
//   - A command that arrives while the boards are fresh is held from its arrival, by this node's
//     own measure. A late one, after a pause or over a slow line, is held from the leader's time,
//     but not from before the boards were last fresh. See [relay.State.Arrive].
//   - Nothing is released before this node's clock was compared with another one. From then on, the
//     node goes by the earlier of its own clock and the group's. So a node with a wrong clock
//     releases late. After a restart this rule decides, since the node has not seen the commands
//     arrive.
type timekeeper interface {
	// Fresh is when the boards were last known to lack nothing.
	Fresh() (at time.Time, ok bool)
	// ReleaseTime is the time that delays go by; ok is false while it is not known.
	ReleaseTime() (at time.Time, ok bool)
}

// freshEnough is the age up to which boards count as fresh when a command arrives.
const freshEnough = 2 * time.Second

// ownClock is the timekeeper of boards that stand alone. noClock is that of a node that has not
// found its group yet.
type ownClock struct{ now func() time.Time }

func (c ownClock) Fresh() (time.Time, bool)       { return time.Now(), true }
func (c ownClock) ReleaseTime() (time.Time, bool) { return c.now(), true }

type noClock struct{}

func (noClock) Fresh() (time.Time, bool)       { return time.Time{}, false }
func (noClock) ReleaseTime() (time.Time, bool) { return time.Time{}, false }

// keepTime makes t the timekeeper of the boards, and releases what is due.
func (b *Boards) keepTime(t timekeeper) {
	b.clock.Store(&t)
	b.releaseDue()
}

// NewBoards returns empty boards, whose goroutine runs until Close. A nil clock is the system's.
func NewBoards(now func() time.Time) *Boards {
	if now == nil {
		now = time.Now
	}
	b := &Boards{
		state: relay.NewState(), now: now,
		publish: func([]relay.Event) {}, reset: func(uint64, *relay.Delays) {}, newer: func(relay.Outcome) {}, tail: edge.NewTail(0, 0),
		wake: make(chan struct{}, 1), quit: make(chan struct{}), done: make(chan struct{}),
	}
	b.began = now()
	b.keepTime(ownClock{now})
	go b.run()
	return b
}

// Close ends the goroutine, and waits for that. Nothing more becomes public.
func (b *Boards) Close() error {
	close(b.quit)
	<-b.done
	return nil
}

// Apply implements consensus.StateMachine.
func (b *Boards) Apply(batch []consensus.Command) {
	b.order.Lock()
	defer b.order.Unlock()
	b.mu.Lock()
	b.arrive()
	outcomes := make([]relay.Outcome, len(batch))
	for i := range batch {
		if i%relay.Ahead == 0 && len(batch) > 1 {
			b.state.LookAhead(len(batch)-i, func(j int) []byte { return batch[i+j].Data })
		}
		c := &batch[i]
		outcomes[i] = b.state.Apply(c.Index, c.Term, c.Data)
		c.Outcome = &outcomes[i] // a pointer: on most nodes nobody asks for it
		_, c.Sum = b.state.Sum()
		b.applied = c.Index
	}
	earlier := b.next
	released, _ := b.release()
	b.wakeFor(earlier)
	b.mu.Unlock()
	b.sums.Note(batch)
	b.tail.Append(batch)
	for i := range outcomes {
		if errors.Is(outcomes[i].Err, relay.ErrVersion) {
			b.newer(outcomes[i])
		}
		b.events = outcomes[i].AppendEvents(b.events)
	}
	b.tell(released)
}

// up is a time that nobody sets: this node's clock when the boards were made, plus the time since
// then.
func (b *Boards) up() relay.Millis {
	return relay.Millis(b.began.UnixMilli() + b.now().Sub(b.began).Milliseconds())
}

// arrive tells the state when the next commands arrived. Both locks are held.
func (b *Boards) arrive() {
	up, seen := b.up(), relay.Millis(0)
	if fresh, ok := (*b.clock.Load()).Fresh(); ok {
		seen = up
		if age := time.Since(fresh); age > freshEnough {
			seen -= relay.Millis(age.Milliseconds())
		}
	}
	b.state.Arrive(seen, up)
}

// release makes public what is due, and returns the time until more may be due. Both locks are
// held.
func (b *Boards) release() (events []relay.Event, wait time.Duration) {
	if !b.state.MayRelease() {
		b.next = 0
		return nil, lookAgain
	}
	wait = lookAgain
	var now relay.Millis // nothing is due at 0
	at, ok := (*b.clock.Load()).ReleaseTime()
	if ok {
		now = relay.Millis(at.UnixMilli())
	}
	events, b.next = b.state.Release(now, b.up())
	switch {
	case b.next == 0:
	case ok:
		wait = min(wait, max(time.Duration(b.next-now)*time.Millisecond, time.Millisecond))
	default:
		wait = askAgain
	}
	return events, wait
}

// tell publishes the pending events, and then the released ones. order is held.
func (b *Boards) tell(released []relay.Event) {
	if b.events = append(b.events, released...); len(b.events) > 0 {
		b.publish(b.events)
		clear(b.events)
		b.events = b.events[:0]
	}
}

// wakeFor wakes the goroutine if something is due before the time that it waits for. order is held.
func (b *Boards) wakeFor(earlier relay.Millis) {
	if b.next != 0 && (earlier == 0 || b.next < earlier) {
		select {
		case b.wake <- struct{}{}:
		default:
		}
	}
}

// These bound the sleep of the goroutine while something is held.
const (
	lookAgain = time.Second            // since the clock may be set meanwhile
	askAgain  = 100 * time.Millisecond // if the time is not known
)

// run makes each held command public at its time.
func (b *Boards) run() {
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
		timer.Stop()
		if next, wait := b.releaseDue(); next != 0 {
			timer.Reset(wait)
		}
	}
}

// releaseDue makes public what is due, and returns when more is; 0 if nothing is held.
func (b *Boards) releaseDue() (next relay.Millis, wait time.Duration) {
	b.order.Lock()
	defer b.order.Unlock()
	b.mu.Lock()
	released, wait := b.release()
	b.mu.Unlock()
	b.tell(released)
	return b.next, wait
}

// Dirty implements consensus.StateMachine. It changes nothing that readers see, and the apply loop
// calls it. So a read lock is enough, and readers need not wait. The goroutine that releases waits.
func (b *Boards) Dirty() iter.Seq2[string, []byte] {
	b.mu.RLock()
	defer b.mu.RUnlock()
	return b.state.TakeDirty()
}

// Restore implements consensus.StateMachine.
func (b *Boards) Restore(applied uint64, load func(func(key string, value []byte) error) error) error {
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
	_, _ = b.release() // nobody needs these events: spectators get a snapshot
	b.wakeFor(0)
	b.mu.Unlock()
	var at consensus.Point
	at.Index, at.Sum = state.Sum()
	b.sums.Reset(at)
	b.tail.Reset(applied)
	b.reset(applied, state.Delays())
	return nil
}

// Sums implements consensus.Summed.
func (b *Boards) Sums() *consensus.Sums { return &b.sums }

// image is the boards for an edge. Each record is made when it is read, while the boards go on.
func (b *Boards) image() (applied uint64, records iter.Seq2[string, []byte]) {
	b.mu.RLock()
	defer b.mu.RUnlock()
	return b.applied, b.state.Records()
}

// Read implements broadcast.View.
func (b *Boards) Read(fn func(applied uint64, s *relay.State)) {
	b.mu.RLock()
	defer b.mu.RUnlock()
	fn(b.applied, b.state)
}
