package consensus

import (
	"context"
	"slices"
	"sync"
	"sync/atomic"
)

// pendingProposals finds the Propose that waits for an entry, by the id in the entry. An id is the
// number of a pendingProposal times maxProposal, plus the place of the command in it.
//
// Every proposal and every entry comes by here, on many goroutines. So a lookup is one load, and
// each pendingProposal has its own lock.
type pendingProposals struct {
	// slots has each pendingProposal at its number modulo the length. The length is twice the
	// limit, so that a free slot is soon found.
	slots []atomic.Pointer[pendingProposal]
	// taken counts the slots in use, for each part of slotsPerPart. So a tick does not have to look
	// at all slots.
	taken      []atomic.Int32
	lastNumber atomic.Uint64   // of the newest pendingProposal
	commands   atomic.Int64    // how many commands wait
	bytes      atomic.Int64    // how many bytes these commands have
	ticks      atomic.Uint64   // of the Raft loop
	toWake     []chan struct{} // see wakeResolved; owned by the apply loop
	pool       sync.Pool       // of *pendingProposal, which would be most of the garbage
}

const slotsPerPart = 256

// newPendingProposals has room for limit commands. Its numbers begin at random, so that nobody
// waits for an entry that was proposed elsewhere, or before a restart.
func newPendingProposals(limit int) *pendingProposals {
	pp := &pendingProposals{
		slots: make([]atomic.Pointer[pendingProposal], 2*limit),
		taken: make([]atomic.Int32, (2*limit+slotsPerPart-1)/slotsPerPart),
	}
	pp.lastNumber.Store(randomUint64() / maxProposal)
	pp.pool.New = func() any { return &pendingProposal{wake: make(chan struct{}, 1)} }
	return pp
}

// slot returns the slot of an id. It is nil inside if nobody waits for the id.
func (pp *pendingProposals) slot(id uint64) *atomic.Pointer[pendingProposal] {
	return &pp.slots[pp.place(id)]
}

func (pp *pendingProposals) place(id uint64) int {
	return int(id / maxProposal % uint64(len(pp.slots)))
}

// take puts p into the slot of its id, unless another one is there.
func (pp *pendingProposals) take(p *pendingProposal) bool {
	place := pp.place(p.firstID)
	taken := &pp.taken[place/slotsPerPart]
	taken.Add(1) // first: wake must find whatever is in a slot
	if pp.slots[place].CompareAndSwap(nil, p) {
		return true
	}
	taken.Add(-1)
	return false
}

// vacate empties the slot of p.
func (pp *pendingProposals) vacate(p *pendingProposal) {
	place := pp.place(p.firstID)
	pp.slots[place].Store(nil)
	pp.taken[place/slotsPerPart].Add(-1)
}

// add gives each command an id to wait for, unless too many wait already.
func (pp *pendingProposals) add(ctx context.Context, n *Node, membership bool, data [][]byte) (*pendingProposal, error) {
	size := 0
	for _, c := range data {
		size += len(c)
	}
	pp.addOutstanding(len(data), size)
	if pp.outstandingCommands() > len(pp.slots)/2 || pp.outstandingBytes() > maxPendingBytes {
		pp.addOutstanding(-len(data), -size)
		return nil, ErrOverloaded
	}
	p := pp.pool.Get().(*pendingProposal)
	p.n, p.ctx, p.membership = n, ctx, membership
	p.attempts = attempts{backoff: firstBackoff, retryTicks: firstRetryTicks}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.size, p.count, p.unresolved, p.wakeTick = int32(size), int32(len(data)), int32(len(data)), pp.ticks.Load()+firstRetryTicks
	if len(data) == 1 {
		p.single.data[0] = data[0]
		p.data, p.outcomes = p.single.data[:], p.single.outcomes[:]
	} else {
		p.data, p.outcomes, p.resolved = slices.Clone(data), make([]Outcome, len(data)), make([]bool, len(data))
	}
	for {
		p.firstID = pp.lastNumber.Add(1) * maxProposal
		if pp.take(p) { // otherwise an older one is still there
			return p, nil
		}
	}
}

// addOutstanding counts commands that begin to wait, or end it if negative.
func (pp *pendingProposals) addOutstanding(commands, bytes int) {
	pp.commands.Add(int64(commands))
	pp.bytes.Add(int64(bytes))
}

func (pp *pendingProposals) outstandingCommands() int { return int(pp.commands.Load()) }
func (pp *pendingProposals) outstandingBytes() int    { return int(pp.bytes.Load()) }

// remove ends the waiting of p and returns the outcomes that it has. p must not be used again.
func (pp *pendingProposals) remove(p *pendingProposal) []Outcome {
	p.mu.Lock()
	outcomes, again := p.outcomes, false
	if len(outcomes) == 1 {
		outcomes = []Outcome{outcomes[0]}
	}
	switch {
	case !p.done.Load():
		p.unresolved = 0
		pp.addOutstanding(-int(p.count), -int(p.size))
		pp.vacate(p)
	case p.sends == 1: // so no queue has it
		p.done.Store(false)
		p.ctx, p.data, p.outcomes, p.resolved, p.refusal = nil, nil, nil, nil, nil
		p.single.data[0], p.single.outcomes[0] = nil, Outcome{}
		again = true
	}
	p.mu.Unlock()
	if again {
		pp.pool.Put(p)
	}
	return outcomes
}

// unapplied makes a proposal of the commands that are not applied yet. It sets the tick at which p
// is woken next.
func (pp *pendingProposals) unapplied(p *pendingProposal) *proposal {
	if p.sends == 0 && len(p.data) == 1 { // add has set wakeTick
		p.single.ids[0] = p.firstID
		p.single.proposal = proposal{membership: p.membership, ids: p.single.ids[:], data: p.data}
		return &p.single.proposal
	}
	s := &proposal{membership: p.membership, retry: p.sends > 0}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.wakeTick = pp.ticks.Load() + p.retryTicks
	for i := range p.data {
		if p.lacksOutcome(uint64(i)) {
			s.ids, s.data = append(s.ids, p.firstID+uint64(i)), append(s.data, p.data[i])
		}
	}
	return s
}

// takeRefusal returns the newest refusal, if any, and whether wakeTick has come.
func (pp *pendingProposals) takeRefusal(p *pendingProposal) (r *refusal, due bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	r, p.refusal = p.refusal, nil
	return r, pp.ticks.Load() >= p.wakeTick
}

// tick wakes each proposal whose wakeTick has come, or whose ctx has ended. The Raft loop calls it.
func (pp *pendingProposals) tick() {
	now := pp.ticks.Add(1)
	pp.wake(func(p *pendingProposal) bool { return now >= p.wakeTick || p.ctx.Err() != nil })
}

// wakeAll wakes all of them: the leader has changed, or the node is closing.
func (pp *pendingProposals) wakeAll() { pp.wake(func(*pendingProposal) bool { return true }) }

func (pp *pendingProposals) wake(which func(*pendingProposal) bool) {
	if pp.outstandingCommands() == 0 {
		return
	}
	for part := range pp.taken {
		if pp.taken[part].Load() > 0 {
			from := part * slotsPerPart
			wakeIn(pp.slots[from:min(from+slotsPerPart, len(pp.slots))], which)
		}
	}
}

func wakeIn(slots []atomic.Pointer[pendingProposal], which func(*pendingProposal) bool) {
	for i := range slots {
		p := slots[i].Load()
		if p == nil {
			continue
		}
		p.mu.Lock()
		if slots[i].Load() == p && which(p) { // otherwise it serves another caller by now
			p.notify()
		}
		p.mu.Unlock()
	}
}

func (p *pendingProposal) notify() { notify(p.wake) }

func notify(wake chan struct{}) {
	select {
	case wake <- struct{}{}:
	default:
	}
}

// lacksOutcome reports whether p waits for the outcome of the command at this place.
func (p *pendingProposal) lacksOutcome(at uint64) bool {
	return at < uint64(p.count) && p.unresolved > 0 && (p.resolved == nil || !p.resolved[at])
}

func (pp *pendingProposals) refuse(r refusal) {
	for _, id := range r.IDs { // all of one pendingProposal
		p := pp.slot(id).Load()
		if p == nil {
			continue
		}
		p.mu.Lock()
		waits := p.lacksOutcome(id - p.firstID)
		if waits {
			p.refusal = &r
			p.notify()
		}
		p.mu.Unlock()
		if waits {
			return
		}
	}
}
