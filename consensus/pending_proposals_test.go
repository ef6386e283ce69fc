package consensus

import (
	"fmt"
	"sync"
	"testing"
)

// TestPendingProposalIsReused checks that it is reused only if it was sent once and is done. A
// proposal that was sent twice may still be in a queue, in the memory of the pendingProposal.
func TestPendingProposalIsReused(t *testing.T) {
	for sends, again := range map[int]bool{1: true, 2: false} {
		pp := newPendingProposals(maxPending)
		p, err := pp.add(t.Context(), &Node{}, false, [][]byte{[]byte("e4")})
		if err != nil {
			t.Fatal(err)
		}
		id, s := p.firstID, pp.unapplied(p)
		p.sends = sends
		pp.resolve([]uint64{id}, []Command{{Index: 7, Outcome: "+"}})
		if outcomes := pp.remove(p); len(outcomes) != 1 || outcomes[0].Index != 7 || outcomes[0].Value != "+" {
			t.Errorf("sent %d times: the outcomes are %v", sends, outcomes)
		}
		if kept := len(s.ids) == 1 && s.ids[0] == id && string(s.data[0]) == "e4"; kept == again {
			t.Errorf("sent %d times: the proposal is kept: %v", sends, kept)
		}
		if pp.outstandingCommands() != 0 || pp.outstandingBytes() != 0 {
			t.Errorf("sent %d times: %d commands of %d bytes are waited for", sends, pp.outstandingCommands(), pp.outstandingBytes())
		}
	}
}

// TestProposalSkipsASlotInUse has one proposal wait so long that its slot is due again. The next
// proposal gets another slot, and both get their own outcomes.
func TestProposalSkipsASlotInUse(t *testing.T) {
	pp := newPendingProposals(maxPending)
	register := func() *pendingProposal {
		p, err := pp.add(t.Context(), &Node{}, false, [][]byte{[]byte("e4")})
		if err != nil {
			t.Fatal(err)
		}
		pp.unapplied(p)
		p.sends = 1
		return p
	}
	first := register()
	pp.lastNumber.Add(2*maxPending - 1)
	second := register()
	if second.firstID != first.firstID+(2*maxPending+1)*maxProposal {
		t.Errorf("the first has the id %d, and the second, %d proposals later, %d", first.firstID, 2*maxPending, second.firstID)
	}
	// The first one's slot, and nobody's number.
	ids := []uint64{second.firstID - maxProposal, second.firstID, first.firstID}
	pp.resolve(ids, []Command{{Index: 1}, {Index: 2}, {Index: 3}})
	for p, index := range map[*pendingProposal]uint64{first: 3, second: 2} {
		if r := pp.remove(p); r[0].Index != index {
			t.Errorf("entry %d was taken for %d", r[0].Index, index)
		}
	}
}

// TestSecondEntryChangesNothing resolves the same id twice, before and after the rest of its
// Propose is resolved.
func TestSecondEntryChangesNothing(t *testing.T) {
	pp := newPendingProposals(maxPending)
	p, err := pp.add(t.Context(), &Node{}, false, [][]byte{[]byte("e4"), []byte("e5")})
	if err != nil {
		t.Fatal(err)
	}
	pp.unapplied(p)
	e4, e5 := p.firstID, p.firstID+1
	pp.resolve([]uint64{e4, e4, e4 + maxProposal, e4 + 2}, []Command{{Index: 1}, {Index: 2}, {Index: 3}, {Index: 4}})
	if p.done.Load() || pp.outstandingCommands() != 2 {
		t.Fatalf("done: %v, %d wait, and one of two is applied", p.done.Load(), pp.outstandingCommands())
	}
	pp.resolve([]uint64{e5, e5, e4}, []Command{{Index: 5}, {Index: 6}, {Index: 7}})
	alone, err := pp.add(t.Context(), &Node{}, false, [][]byte{[]byte("d4")})
	if err != nil {
		t.Fatal(err)
	}
	pp.resolve([]uint64{alone.firstID, alone.firstID}, []Command{{Index: 8}, {Index: 9}})
	if r := pp.remove(alone); r[0].Index != 8 {
		t.Errorf("outcomes %+v", r)
	}
	if r := pp.remove(p); r[0].Index != 1 || r[1].Index != 5 || pp.outstandingCommands() != 0 || pp.outstandingBytes() != 0 {
		t.Errorf("outcomes %+v; %d commands of %d bytes wait", r, pp.outstandingCommands(), pp.outstandingBytes())
	}
}

// noneTaken checks that no slot is counted as taken.
func noneTaken(t *testing.T, pp *pendingProposals) {
	t.Helper()
	for part := range pp.taken {
		if left := pp.taken[part].Load(); left != 0 {
			t.Errorf("%d slots of part %d are taken, and nobody waits", left, part)
		}
	}
}

// TestEachWaiterIsWoken has proposals in the first and in the last slots of each part, and some
// that got the next slot because theirs was taken. A tick wakes all that are due.
func TestEachWaiterIsWoken(t *testing.T) {
	pp := newPendingProposals(slotsPerPart * 3 / 4) // the last part is half as long
	slots := uint64(len(pp.slots))
	var all []*pendingProposal
	for _, place := range []uint64{0, slotsPerPart - 1, slotsPerPart, slots - 1} {
		for range 2 {
			pp.lastNumber.Store(slots*1000 + place - 1)
			p, err := pp.add(t.Context(), &Node{}, false, [][]byte{[]byte("e4")})
			if err != nil {
				t.Fatal(err)
			}
			all = append(all, p)
		}
	}
	for range firstRetryTicks - 1 {
		pp.tick()
	}
	for _, p := range all {
		if len(p.wake) > 0 {
			t.Errorf("the one in slot %d is woken too early", pp.place(p.firstID))
		}
	}
	pp.tick()
	for _, p := range all {
		if len(p.wake) == 0 {
			t.Errorf("the one in slot %d is not woken", pp.place(p.firstID))
		}
		pp.remove(p)
	}
	noneTaken(t, pp)
}

// TestAbandonedProposal checks that nobody waits for a removed proposal, even if the apply loop had
// found it before.
func TestAbandonedProposal(t *testing.T) {
	pp := newPendingProposals(maxPending)
	p, err := pp.add(t.Context(), &Node{}, false, [][]byte{[]byte("e4")})
	if err != nil {
		t.Fatal(err)
	}
	id := p.firstID
	pp.remove(p)
	pp.resolveOne(p, id, &Command{})
	noneTaken(t, pp)
	if pp.slot(id).Load() != nil || pp.outstandingCommands() != 0 || pp.outstandingBytes() != 0 {
		t.Errorf("it is in its place: %v; %d commands of %d bytes wait", pp.slot(id).Load() != nil, pp.outstandingCommands(), pp.outstandingBytes())
	}
}

// TestPendingProposalsTogether has many goroutines add, resolve, refuse, wake and remove at once.
func TestPendingProposalsTogether(t *testing.T) {
	pp, queue := newPendingProposals(maxPending), newProposalQueue()
	const proposers, each = 16, 500
	ended := make(chan struct{})
	var wg sync.WaitGroup
	for proposer := range proposers {
		wg.Go(func() {
			for i := range each {
				data := [][]byte{fmt.Append(nil, proposer), fmt.Append(nil, i)}[:1+i%2]
				p, err := pp.add(t.Context(), &Node{}, false, data)
				if err != nil {
					t.Error(err)
					return
				}
				s := pp.unapplied(p)
				p.sends = 1
				if i%7 == 0 { // given up before it is queued
					pp.remove(p)
					continue
				}
				s.refuse = pp.refuse
				queue.put(s)
				for !p.done.Load() {
					<-p.wake
				}
				first := p.firstID
				for at, r := range pp.remove(p) {
					if r.Index != first+uint64(at) {
						t.Errorf("the outcome of %d is that of %d", first+uint64(at), r.Index)
					}
				}
			}
		})
	}
	go func() { wg.Wait(); close(ended) }()
	for {
		select {
		case <-ended:
			if queue.any() || pp.outstandingCommands() != 0 || pp.outstandingBytes() != 0 {
				t.Errorf("%d commands of %d bytes wait, queued: %v", pp.outstandingCommands(), pp.outstandingBytes(), queue.any())
			}
			noneTaken(t, pp)
			return
		case <-queue.ready:
		}
		for _, s := range queue.takeAll() {
			s.refuse(refusal{IDs: s.ids, Code: refusedDropped})
			if s.ids[0]/maxProposal%32 == 0 {
				pp.tick()
			}
			var batch []Command
			for _, id := range s.ids {
				batch = append(batch, Command{Index: id})
			}
			pp.resolve(s.ids, batch)
		}
		pp.wakeResolved()
	}
}
