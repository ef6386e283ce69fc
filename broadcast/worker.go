package broadcast

import (
	"runtime"
	"slices"
	"sync"
	"time"
)

// worker owns a share of the spectators: their sockets, cursors and what they send. It is one
// goroutine, which never waits for any of them. It writes what a socket takes at once, and returns
// when the poller says that there is room.
type worker struct {
	// Static after construction.
	hub    *Hub
	bit    uint64 // in topic.workers and topic.dirty
	poll   *poller
	wakeup chan struct{} // capacity 1: something is in the inbox
	quit   chan struct{}
	done   chan struct{}
	tick   time.Duration

	// The inbox: what other goroutines ask for.
	mu    sync.Mutex
	inbox inbox

	// Owned by the loop.
	spare        inbox
	now          int64 // ns since the hub was opened
	slots        []*spectator
	free         []int32
	groups       map[*topic]*group
	arrived      []arrival
	closing      bool
	queue        []*group // those with members that are still to get a turn
	ended        []*spectator
	stalled      []*spectator
	staleTold    uint64     // the last change of stale that the loop has begun to tell
	staleLeft    int        // slots[:staleLeft] are still to be told
	pinging      patrol     // over slots: pings
	routine      patrol     // over slots: routine status frames
	summarizedAt int64      // when summaries were last due
	out          [][]byte   // scratch: what is about to be written
	evaluations  []*message // scratch: of those, the evaluations
	buf          []byte     // scratch: what was read

	counted counters
}

type inbox struct {
	joined []arrival
	dirty  []*topic
	ready  []readiness
	calls  []func(w *worker)
}

func (b *inbox) empty() bool {
	return len(b.joined) == 0 && len(b.dirty) == 0 && len(b.ready) == 0 && len(b.calls) == 0
}

// clear keeps the memory of ordinary use, and frees that of a rush.
func (b *inbox) clear() {
	const keep = 1024
	clear(b.joined)
	clear(b.dirty)
	clear(b.calls)
	b.joined, b.dirty, b.ready, b.calls = b.joined[:0], b.dirty[:0], b.ready[:0], b.calls[:0]
	if cap(b.joined) > keep {
		b.joined = nil
	}
	if cap(b.ready) > keep {
		b.ready = nil
	}
}

// group is the spectators of one topic that one worker owns.
type group struct {
	topic   *topic
	members []*spectator
	partial int  // how many members watch some boards only
	queued  bool // it is in worker.queue
	// turnsLeft is how many members are still to get a turn. lastIndex is the member that was
	// served last; it counts down and wraps.
	turnsLeft, lastIndex int
}

func newWorker(h *Hub, n int) (*worker, error) {
	cfg := &h.cfg
	w := &worker{
		hub: h, bit: 1 << n, wakeup: make(chan struct{}, 1), quit: make(chan struct{}), done: make(chan struct{}),
		groups: make(map[*topic]*group), buf: make([]byte, 4096),
		// The tick is an eighth of the shortest of these times.
		tick: min(max(min(cfg.WriteTimeout, cfg.PingEvery, cfg.StatusEvery, cfg.CloseTimeout, cfg.SummaryEvery)/8, time.Millisecond), 250*time.Millisecond),
	}
	// The routine patrol is a little early, so that a tick later is still in time.
	w.pinging.every, w.routine.every = int64(cfg.PingEvery), int64(cfg.StatusEvery)*7/8
	var err error
	w.poll, err = newPoller(w.postReady)
	return w, err
}

// The ways into the inbox, for other goroutines.

func (w *worker) signal() {
	select {
	case w.wakeup <- struct{}{}:
	default:
	}
}

func (w *worker) postReady(r []readiness) {
	w.mu.Lock()
	w.inbox.ready = append(w.inbox.ready, r...)
	w.mu.Unlock()
	w.signal()
}

func (w *worker) join(a arrival) {
	w.mu.Lock()
	w.inbox.joined = append(w.inbox.joined, a)
	w.mu.Unlock()
	w.signal()
}

func (w *worker) call(f func(w *worker)) {
	w.mu.Lock()
	w.inbox.calls = append(w.inbox.calls, f)
	w.mu.Unlock()
	w.signal()
}

func (w *worker) markDirty(tp *topic) {
	w.mu.Lock()
	w.inbox.dirty = append(w.inbox.dirty, tp)
	w.mu.Unlock()
	w.signal()
}

// close ends the loop. The spectators must have left before; see stopAll.
func (w *worker) close() {
	close(w.quit)
	<-w.done
	w.poll.close()
}

// turnsPerPass is how many spectators get a turn before the worker looks at its inbox, and lets
// others use the processor. That is about half a millisecond of writing. The apply loop is among
// the others.
const turnsPerPass = 64

func (w *worker) run() {
	defer close(w.done)
	clock := time.NewTicker(w.tick)
	defer clock.Stop()
	for {
		w.now = int64(time.Since(w.hub.opened))
		w.takeInbox()
		if seq := w.hub.status.changes.Load(); seq != w.staleTold {
			w.staleTold, w.staleLeft = seq, len(w.slots)
		}
		if w.runTurns() {
			runtime.Gosched()
			select {
			case <-clock.C:
				w.onTick()
			default:
			}
			continue
		}
		select {
		case <-w.wakeup:
		case <-clock.C:
			w.now = int64(time.Since(w.hub.opened))
			w.onTick()
		case <-w.quit:
			return
		}
	}
}

// takeInbox processes the inbox; none of it takes long.
func (w *worker) takeInbox() {
	w.mu.Lock()
	if w.inbox.empty() {
		w.mu.Unlock()
		return
	}
	box := w.inbox
	w.inbox, w.spare = w.spare, inbox{}
	w.mu.Unlock()
	for _, tp := range box.dirty {
		tp.dirty.And(^w.bit) // before the history is read
		if g := w.groups[tp]; g != nil {
			w.enqueue(g)
		}
	}
	for _, e := range box.ready {
		if int(e.slot) < len(w.slots) {
			if s := w.slots[e.slot]; s != nil {
				w.onReady(s, e)
			}
		}
	}
	w.arrived = append(w.arrived, box.joined...)
	for _, f := range box.calls {
		f(w)
	}
	box.clear()
	w.spare = box
}

// giveTurns gives every member a turn. Members that get theirs later also get what is published
// meanwhile. If it is called again during a pass, the pass goes on from the same member for one
// more round. So no member waits longer than one round, however quickly events come.
func (g *group) giveTurns() { g.turnsLeft = len(g.members) }

// nextMember returns the next member that is to get a turn; nil if there is none.
func (g *group) nextMember() *spectator {
	if g.turnsLeft == 0 || len(g.members) == 0 {
		g.turnsLeft = 0
		return nil
	}
	g.turnsLeft--
	if g.lastIndex--; g.lastIndex < 0 || g.lastIndex >= len(g.members) {
		g.lastIndex = len(g.members) - 1
	}
	return g.members[g.lastIndex]
}

func (g *group) add(s *spectator) {
	s.place = int32(len(g.members))
	g.members = append(g.members, s)
	if s.only != nil {
		g.partial++
	}
	g.watchEvaluations(s, 1)
}

// watchEvaluations counts s among those that want evaluations, if it does; n is 1 or -1.
func (g *group) watchEvaluations(s *spectator, n int) {
	if s.evaluations {
		g.topic.evaluations.watch(s.only, n)
	}
}

func (g *group) remove(s *spectator) {
	last := g.members[len(g.members)-1]
	g.members[s.place] = last
	last.place = s.place
	g.members[len(g.members)-1] = nil
	g.members = g.members[:len(g.members)-1]
	if g.turnsLeft > 0 {
		g.giveTurns() // the last member may have moved to a place that had its turn
	}
	if s.only != nil {
		g.partial--
	}
	g.watchEvaluations(s, -1)
}

// enqueue gives every member of g a turn.
func (w *worker) enqueue(g *group) {
	g.giveTurns()
	if !g.queued {
		g.queued = true
		w.queue = append(w.queue, g)
	}
}

// runTurns gives a turn to turnsPerPass spectators, and reports whether there is more to do. The
// topics take turns.
func (w *worker) runTurns() bool {
	if len(w.queue) > 0 {
		g := w.queue[0]
		w.queue = slices.Delete(w.queue, 0, 1)
		for n := 0; n < turnsPerPass; n++ {
			s := g.nextMember()
			if s == nil {
				break
			}
			w.turn(s)
		}
		if g.turnsLeft > 0 {
			w.queue = append(w.queue, g)
		} else {
			g.queued = false
		}
	}
	newcomers := w.arrived[:min(len(w.arrived), turnsPerPass)]
	for i, a := range newcomers {
		w.addArrival(a)
		newcomers[i] = arrival{}
	}
	if w.arrived = w.arrived[len(newcomers):]; len(w.arrived) == 0 {
		w.arrived = nil
	}
	for n := 0; w.staleLeft > 0 && n < turnsPerPass; n++ {
		w.staleLeft--
		if w.staleLeft < len(w.slots) {
			w.addDue(w.slots[w.staleLeft], dueStatus)
		}
	}
	return len(w.queue) > 0 || len(w.arrived) > 0 || w.staleLeft > 0
}

// addDue gives s something to write besides events.
func (w *worker) addDue(s *spectator, what due) {
	if s != nil && s.state == watching {
		s.due |= what
		w.turn(s)
	}
}

// onTick does what is due by the clock.
func (w *worker) onTick() {
	w.closeStalled()
	w.ended = slices.DeleteFunc(w.ended, func(s *spectator) bool {
		if s.state == ending && w.now > s.rest.since {
			w.drop(s)
		}
		return s.state == gone
	})
	for range w.routine.steps(w.now, len(w.slots)) {
		s := w.slots[w.routine.step(len(w.slots))]
		if s != nil && s.viewer != nil && s.state == watching && !s.mayStay() {
			w.stop(s, CloseForbidden, "the token or link is no longer valid")
			continue
		}
		w.addDue(s, dueStatus)
	}
	patience := 2 * int64(w.hub.cfg.PingEvery)
	for range w.pinging.steps(w.now, len(w.slots)) {
		s := w.slots[w.pinging.step(len(w.slots))]
		if s == nil || !s.form.webSocket() {
			continue
		}
		if s.state == watching && w.now-s.heard > patience {
			w.stop(s, CloseTooSlow, "no answer to pings for "+(2*w.hub.cfg.PingEvery).String())
			continue
		}
		w.addDue(s, duePing)
	}
	if w.now-w.summarizedAt >= int64(w.hub.cfg.SummaryEvery) {
		w.summarizedAt = w.now
		for _, g := range w.groups {
			if g.partial > 0 {
				w.summarize(g)
			}
		}
	}
}

// closeStalled closes spectators that have taken nothing for WriteTimeout. Each is offered its rest
// once more. The poller tells of room only when a good part of the buffer is free. And after a
// machine has slept, this worker may not have heard of any.
func (w *worker) closeStalled() {
	limit := int64(w.hub.cfg.WriteTimeout)
	var late []*spectator
	w.stalled = slices.DeleteFunc(w.stalled, func(s *spectator) bool {
		s.inStalled = s.state == watching && s.rest != nil
		if s.inStalled && w.now-s.rest.since > limit {
			late = append(late, s)
		}
		return !s.inStalled
	})
	for _, s := range late {
		w.writeRest(s)
		if s.state == watching && s.rest != nil && w.now-s.rest.since > limit {
			w.stop(s, CloseTooSlow, "nothing was read for "+w.hub.cfg.WriteTimeout.String())
		}
	}
}

// patrol goes over all slots within every, a few at each tick, so that periodic work is never done
// for all at once.
type patrol struct {
	every int64
	last  int64
	pos   int
	carry int64 // part of a step, in ns·slots
}

// steps returns how many slots are due now.
func (p *patrol) steps(now int64, slots int) int {
	passed := min(now-p.last, p.every)
	p.last = now
	if slots == 0 {
		return 0
	}
	p.carry += passed * int64(slots)
	n := p.carry / p.every
	p.carry -= n * p.every
	return int(n)
}

// step returns the next slot.
func (p *patrol) step(slots int) int {
	if p.pos++; p.pos >= slots {
		p.pos = 0
	}
	return p.pos
}
