package consensus

// This file hands out the outcomes of applied entries. With many callers none of their proposals is
// in a cache. So several are fetched at a time, and their callers woken together
// (docs/decisions/speed.md).

// resolveAtOnce is how many proposals are resolved, and woken, at a time.
const resolveAtOnce = 16

// resolve hands out the outcomes of applied entries. wakeResolved then wakes the callers. A second
// entry with the same id finds nobody.
func (pp *pendingProposals) resolve(ids []uint64, batch []Command) {
	if pp.outstandingCommands() == 0 {
		return
	}
	for len(ids) > 0 {
		var found [resolveAtOnce]*pendingProposal
		some := min(len(ids), resolveAtOnce)
		for i, id := range ids[:some] {
			found[i] = pp.slot(id).Load()
		}
		for _, p := range found[:some] { // the processor fetches all of them at once
			if p != nil {
				p.done.Load()
			}
		}
		for i, p := range found[:some] {
			if p != nil {
				pp.resolveOne(p, ids[i], &batch[i])
			}
		}
		if len(pp.toWake) >= resolveAtOnce {
			pp.wakeResolved() // many callers then run beside the rest of this
		}
		ids, batch = ids[some:], batch[some:]
	}
}

// resolveOne takes the outcome of one command, and notes that the caller of p is to be woken if
// that is the last one. By the time of the wake p may serve another caller, which does no harm.
func (pp *pendingProposals) resolveOne(p *pendingProposal, id uint64, c *Command) {
	p.mu.Lock()
	defer p.mu.Unlock()
	at := id - p.firstID
	if !p.lacksOutcome(at) {
		return
	}
	p.outcomes[at] = Outcome{Index: c.Index, Term: c.Term, Value: c.Outcome}
	if p.resolved != nil {
		p.resolved[at] = true
	}
	p.unresolved--
	if p.unresolved > 0 {
		return
	}
	pp.vacate(p)
	pp.addOutstanding(-int(p.count), -int(p.size))
	pp.toWake = append(pp.toWake, p.wake)
	p.done.Store(true)
}

// wakeResolved wakes the callers that got all their outcomes since the last call.
func (pp *pendingProposals) wakeResolved() {
	for _, wake := range pp.toWake {
		notify(wake)
	}
	clear(pp.toWake)
	pp.toWake = pp.toWake[:0]
}
