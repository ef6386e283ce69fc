package consensus

import (
	"context"
	"slices"
	"sync"
	"sync/atomic"
)

// waiters finds the Propose that waits for an entry, by the id in it. Every proposal and every entry comes by here, on
// many goroutines, and what tens of thousands wait for is in no cache any more when it comes: so a look-up is one load, each
// delivery has a lock of its own, and resolve fetches what it needs of several at a time.
//
// An id is the number of its delivery, times maxProposal, and the place of the command in that.
type waiters struct {
	places      []atomic.Pointer[delivery] // a delivery is at its number modulo their number; twice as many as may wait, so that a free one is soon found
	number      atomic.Uint64              // of the latest delivery
	outstanding atomic.Uint64              // how many commands wait, times countUnit, and their size in bytes
	ticks       atomic.Uint64              // of the Raft loop
	woken       []chan struct{}            // see wakeResolved; owned by the apply loop
	used        sync.Pool                  // of *delivery: at a high rate they would be most of the garbage
}

const (
	countUnit = 1 << 40
	// wakeTogether is how many are resolved, and woken, at a time, where there are many.
	wakeTogether = 16
)

// newWaiters has room for so many. It begins at a random id, so that entries which were proposed before
// a restart, or elsewhere, are taken for nobody's.
func newWaiters(waiting int) *waiters {
	ws := &waiters{places: make([]atomic.Pointer[delivery], 2*waiting)}
	ws.number.Store(random() / maxProposal)
	ws.used.New = func() any { return &delivery{wake: make(chan struct{}, 1)} }
	return ws
}

// place returns where the delivery of an id is, if anybody waits for that.
func (ws *waiters) place(id uint64) *atomic.Pointer[delivery] {
	return &ws.places[id/maxProposal%uint64(len(ws.places))]
}

// register gives each of the commands an id to wait for, unless too many wait already.
func (ws *waiters) register(ctx context.Context, n *Node, membership bool, data [][]byte) (*delivery, error) {
	size := 0
	for _, c := range data {
		size += len(c)
	}
	if ws.addOutstanding(len(data), size); ws.count() > len(ws.places)/2 || ws.bytes() > maxWaitingBytes {
		ws.addOutstanding(-len(data), -size)
		return nil, ErrOverloaded
	}
	d := ws.used.Get().(*delivery)
	d.n, d.ctx, d.membership = n, ctx, membership
	d.journey = journey{backoff: firstBackoff, patience: firstPatience}
	d.mu.Lock()
	defer d.mu.Unlock()
	d.size, d.count, d.left, d.lookAt = int32(size), int32(len(data)), int32(len(data)), ws.ticks.Load()+firstPatience
	if len(data) == 1 {
		d.one.data[0] = data[0]
		d.data, d.results = d.one.data[:], d.one.results[:]
	} else {
		d.data, d.results, d.got = slices.Clone(data), make([]Result, len(data)), make([]bool, len(data))
	}
	for {
		d.first = ws.number.Add(1) * maxProposal
		if ws.place(d.first).CompareAndSwap(nil, d) { // or else one that has waited for long is there
			return d, nil
		}
	}
}

// addOutstanding counts what waits.
func (ws *waiters) addOutstanding(commands, bytes int) {
	ws.outstanding.Add(uint64(commands*countUnit + bytes))
}

func (ws *waiters) count() int { return int(ws.outstanding.Load() / countUnit) }
func (ws *waiters) bytes() int { return int(ws.outstanding.Load() % countUnit) }

// forget ends the waiting of d, and returns the results that there are. It is not to be used any more.
func (ws *waiters) forget(d *delivery) []Result {
	d.mu.Lock()
	results, again := d.results, false
	if len(results) == 1 {
		results = []Result{results[0]}
	}
	switch {
	case !d.done.Load():
		d.left = 0
		ws.addOutstanding(-int(d.count), -int(d.size))
		ws.place(d.first).Store(nil)
	case d.sends == 1: // and so it stands in no queue any more
		d.done.Store(false)
		d.ctx, d.data, d.results, d.got, d.refusal = nil, nil, nil, nil, nil
		d.one.data[0], d.one.results[0] = nil, Result{}
		again = true
	}
	d.mu.Unlock()
	if again {
		ws.used.Put(d)
	}
	return results
}

// toSend makes a submission of what has not been applied yet, and has d woken when it is time to look
// what became of it.
func (ws *waiters) toSend(d *delivery) *submission {
	if d.sends == 0 && len(d.data) == 1 { // register has set lookAt
		d.one.ids[0] = d.first
		d.one.submission = submission{membership: d.membership, ids: d.one.ids[:], data: d.data}
		return &d.one.submission
	}
	s := &submission{membership: d.membership, again: d.sends > 0}
	d.mu.Lock()
	defer d.mu.Unlock()
	d.lookAt = ws.ticks.Load() + d.patience
	for i := range d.data {
		if d.waitsFor(uint64(i)) {
			s.ids, s.data = append(s.ids, d.first+uint64(i)), append(s.data, d.data[i])
		}
	}
	return s
}

// news takes the latest refusal, if there is one, and says whether it is time to look.
func (ws *waiters) news(d *delivery) (r *refusal, due bool) {
	d.mu.Lock()
	defer d.mu.Unlock()
	r, d.refusal = d.refusal, nil
	return r, ws.ticks.Load() >= d.lookAt
}

// tick wakes those whose time to look has come, or whose ctx has ended. The Raft loop calls it.
func (ws *waiters) tick() {
	now := ws.ticks.Add(1)
	ws.wake(func(d *delivery) bool { return now >= d.lookAt || d.ctx.Err() != nil })
}

// wakeAll wakes everybody: the leader has changed, or the node has come to its end.
func (ws *waiters) wakeAll() { ws.wake(func(*delivery) bool { return true }) }

func (ws *waiters) wake(which func(*delivery) bool) {
	if ws.count() == 0 {
		return
	}
	for i := range ws.places {
		place := &ws.places[i]
		d := place.Load()
		if d == nil {
			continue
		}
		d.mu.Lock()
		if place.Load() == d && which(d) { // or else it serves another proposal by now
			d.notify()
		}
		d.mu.Unlock()
	}
}

func (d *delivery) notify() { notify(d.wake) }

func notify(wake chan struct{}) {
	select {
	case wake <- struct{}{}:
	default:
	}
}

// resolve hands out the results of applied entries, for which wakeResolved wakes those who
// wait. The second one of an entry that stands in the log twice finds nobody.
func (ws *waiters) resolve(ids []uint64, batch []Command) {
	if ws.count() == 0 {
		return
	}
	for len(ids) > 0 {
		var found [wakeTogether]*delivery
		some := min(len(ids), wakeTogether)
		for i, id := range ids[:some] {
			found[i] = ws.place(id).Load()
		}
		for _, d := range found[:some] { // the processor waits for all of them at once
			if d != nil {
				d.done.Load()
			}
		}
		commands, bytes := 0, 0
		for i, d := range found[:some] {
			if d != nil {
				c, b := ws.resolveOne(d, ids[i], &batch[i])
				commands, bytes = commands+c, bytes+b
			}
		}
		ws.addOutstanding(-commands, -bytes)
		if len(ws.woken) >= wakeTogether {
			ws.wakeResolved() // those who are many run beside the rest of this
		}
		ids, batch = ids[some:], batch[some:]
	}
}

// wakeResolved wakes those who got all their results since the last time.
func (ws *waiters) wakeResolved() {
	for i, wake := range ws.woken { // as in resolve
		if len(wake) > 0 { // somebody else has
			ws.woken[i] = nil
		}
	}
	for _, wake := range ws.woken {
		notify(wake)
	}
	clear(ws.woken)
	ws.woken = ws.woken[:0]
}

// resolveOne returns how many commands of how many bytes do not wait any more: those of d, if it is done with this one. By the time it is
// woken it may serve another proposal, to which a wake without news does no harm.
func (ws *waiters) resolveOne(d *delivery, id uint64, c *Command) (commands, bytes int) {
	d.mu.Lock()
	defer d.mu.Unlock()
	at := id - d.first
	if !d.waitsFor(at) {
		return 0, 0
	}
	d.results[at] = Result{Index: c.Index, Term: c.Term, Value: c.Result}
	if d.got != nil {
		d.got[at] = true
	}
	if d.left--; d.left > 0 {
		return 0, 0
	}
	ws.place(id).Store(nil)
	ws.woken = append(ws.woken, d.wake)
	d.done.Store(true)
	return int(d.count), int(d.size)
}

// waitsFor says whether it waits for the result of the command at this place.
func (d *delivery) waitsFor(at uint64) bool {
	return at < uint64(d.count) && d.left > 0 && (d.got == nil || !d.got[at])
}

func (ws *waiters) refuse(r refusal) {
	for _, id := range r.IDs { // of one delivery
		d := ws.place(id).Load()
		if d == nil {
			continue
		}
		d.mu.Lock()
		waits := d.waitsFor(id - d.first)
		if waits {
			d.refusal = &r
			d.notify()
		}
		d.mu.Unlock()
		if waits {
			return
		}
	}
}
