package consensus

import (
	"context"
	"slices"
	"sync"
	"sync/atomic"
)

// waiters finds the Propose that waits for an entry, by the id in it. Every proposal and every entry
// comes by here, on many goroutines: so it is in slots, each with a lock of its own. An id modulo their
// number is its slot.
type waiters struct {
	slots [slots]slot
	held  atomic.Uint64   // how many commands wait, times countUnit, and their size in bytes
	turn  atomic.Uint64   // whose slot is next
	ticks atomic.Uint64   // of the Raft loop
	woken []chan struct{} // see wakeResolved; owned by the apply loop
	used  sync.Pool       // of *delivery: at a high rate they would be most of the garbage
}

const (
	slots     = 64
	countUnit = 1 << 40
	// wakeTogether is how many are woken at a time, where there are many.
	wakeTogether = 16
)

type slot struct {
	mu   sync.Mutex
	next uint64               // id
	byID map[uint64]*delivery // what is not applied yet
}

// newWaiters begins at a random id, so that entries which were proposed before
// a restart, or elsewhere, are taken for nobody's.
func newWaiters() *waiters {
	ws := &waiters{}
	first := random() / slots * slots
	for i := range ws.slots {
		ws.slots[i].next = first + uint64(i)
		ws.slots[i].byID = map[uint64]*delivery{}
	}
	ws.used.New = func() any { return &delivery{wake: make(chan struct{}, 1)} }
	return ws
}

// register gives each of the commands an id to wait for, unless too many wait already.
func (ws *waiters) register(ctx context.Context, n *Node, membership bool, data [][]byte) (*delivery, error) {
	size := 0
	for _, c := range data {
		size += len(c)
	}
	if ws.hold(len(data), size); ws.count() > maxWaiting || ws.bytes() > maxWaitingBytes {
		ws.hold(-len(data), -size)
		return nil, ErrOverloaded
	}
	d := ws.used.Get().(*delivery)
	d.n, d.ctx, d.membership, d.size, d.left = n, ctx, membership, size, len(data)
	d.backoff, d.patience, d.lookAt = firstBackoff, firstPatience, ws.ticks.Load()+firstPatience
	if len(data) == 1 {
		d.one.data[0] = data[0]
		d.data, d.got = d.one.data[:], d.one.got[:]
	} else {
		d.data, d.got = slices.Clone(data), make([]bool, len(data))
	}
	d.results = make([]Result, len(data))
	d.slot = &ws.slots[ws.turn.Add(1)%slots]
	d.slot.mu.Lock()
	defer d.slot.mu.Unlock()
	d.first = d.slot.next
	for range data {
		d.slot.byID[d.slot.next] = d
		d.slot.next += slots
	}
	return d, nil
}

// hold counts what waits.
func (ws *waiters) hold(commands, bytes int) { ws.held.Add(uint64(commands*countUnit + bytes)) }

func (ws *waiters) count() int { return int(ws.held.Load() / countUnit) }
func (ws *waiters) bytes() int { return int(ws.held.Load() % countUnit) }

// forget ends the waiting of d, and returns the results that there are. It is not to be used any more.
func (ws *waiters) forget(d *delivery) []Result {
	results := d.results
	ws.hold(-len(d.data), -d.size)
	if !d.done.Load() {
		d.slot.mu.Lock()
		defer d.slot.mu.Unlock()
		for i := range d.data {
			delete(d.slot.byID, d.first+uint64(i)*slots)
		}
	} else if d.sends == 1 { // and so it stands in no queue any more
		*d = delivery{wake: d.wake}
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
	d.slot.mu.Lock()
	defer d.slot.mu.Unlock()
	d.lookAt = ws.ticks.Load() + d.patience
	for i, got := range d.got {
		if !got {
			s.ids, s.data = append(s.ids, d.first+uint64(i)*slots), append(s.data, d.data[i])
		}
	}
	return s
}

// news takes the latest refusal, if there is one, and says whether it is time to look.
func (ws *waiters) news(d *delivery) (r *refusal, due bool) {
	d.slot.mu.Lock()
	defer d.slot.mu.Unlock()
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
	for i := range ws.slots {
		s := &ws.slots[i]
		s.mu.Lock()
		for _, d := range s.byID {
			if which(d) {
				d.notify()
			}
		}
		s.mu.Unlock()
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
	for i, id := range ids {
		if wake := ws.slots[id%slots].resolve(id, &batch[i]); wake != nil {
			if ws.woken = append(ws.woken, wake); len(ws.woken) == wakeTogether {
				ws.wakeResolved() // those who are many run beside the rest of this
			}
		}
	}
}

// wakeResolved wakes those who got all their results since the last time.
func (ws *waiters) wakeResolved() {
	for i, wake := range ws.woken {
		notify(wake)
		ws.woken[i] = nil
	}
	ws.woken = ws.woken[:0]
}

// resolve returns the wake of the delivery that is done with this one. The delivery itself may
// serve another proposal by then, to which a wake without news does no harm.
func (s *slot) resolve(id uint64, c *Command) (wake chan struct{}) {
	s.mu.Lock()
	defer s.mu.Unlock()
	d := s.byID[id]
	if d == nil {
		return nil
	}
	delete(s.byID, id)
	at := (id - d.first) / slots
	d.results[at] = Result{Index: c.Index, Term: c.Term, Value: c.Result}
	d.got[at] = true
	if d.left--; d.left > 0 {
		return nil
	}
	wake = d.wake
	d.done.Store(true)
	return wake
}

func (ws *waiters) refuse(r refusal) {
	for _, id := range r.IDs {
		s := &ws.slots[id%slots]
		s.mu.Lock()
		d := s.byID[id]
		if d != nil {
			d.refusal = &r
			d.notify()
		}
		s.mu.Unlock()
		if d != nil {
			return // a submission is of one delivery
		}
	}
}
