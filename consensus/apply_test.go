package consensus

import (
	"context"
	"fmt"
	"math"
	"testing"

	"go.etcd.io/raft/v3/raftpb"
)

// batchChecker is a state machine that checks, at each batch, whether the callers of earlier
// batches have their outcomes.
type batchChecker struct {
	StateMachine
	t       *testing.T
	pending map[uint64]*pendingProposal // by the index of its command
	applied uint64
	batches int
}

func (m *batchChecker) Apply(batch []Command) {
	m.batches++
	for index, p := range m.pending {
		if got := p.done.Load(); got != (index <= m.applied) {
			m.t.Errorf("batch %d begins at %d: who waits for %d has an outcome: %v", m.batches, batch[0].Index, index, got)
		}
	}
	for i := range batch {
		c := &batch[i]
		if m.applied++; c.Index != m.applied || string(c.Data) != fmt.Sprint(c.Index) {
			m.t.Fatalf("command %d is %q, after %d", c.Index, c.Data, m.applied-1)
		}
		c.Outcome = c.Index
	}
}

// TestLargeCommitIsAppliedInBatches commits many entries at once. The first callers are answered
// before the last entries are applied.
func TestLargeCommitIsAppliedInBatches(t *testing.T) {
	const entries = 2*maxApplyBatch + 100
	m := &batchChecker{t: t, pending: map[uint64]*pendingProposal{}}
	n := &Node{pending: newPendingProposals(maxPending), reads: newReads(), cfg: Config{Machine: m}}
	var all []raftpb.Entry
	for i := range uint64(entries) {
		index := i + 1
		id := uint64(0) // nobody's
		if index == 1 || index%maxApplyBatch <= 1 || index == entries {
			p, err := n.pending.add(context.Background(), n, false, [][]byte{nil})
			if err != nil {
				t.Fatal(err)
			}
			m.pending[index], id = p, p.firstID
		}
		all = append(all, raftpb.Entry{Index: index, Term: 1, Data: encodeEntry(nil, id, fmt.Append(nil, index))})
	}
	a := &applier{n: n}
	if err := a.apply(all); err != nil {
		t.Fatal(err)
	}
	n.pending.wakeResolved()
	if m.applied != entries || m.batches != 3 || n.Applied() != entries {
		t.Errorf("%d of %d commands in %d batches, applied up to %d", m.applied, entries, m.batches, n.Applied())
	}
	for index, p := range m.pending {
		<-p.wake
		if r := n.pending.remove(p); r[0].Index != index || r[0].Value != index {
			t.Errorf("who waits for %d has %+v", index, r[0])
		}
	}
}

// TestCheckpointsAreStaggered checks that the number that makes a checkpoint due varies around the
// configured one, unless that is small.
func TestCheckpointsAreStaggered(t *testing.T) {
	one := []raftpb.Entry{{Index: 1, Term: 1}}
	for _, every := range []int{1, 10, 200_000} {
		least, most := math.MaxInt, 0
		for range 100 {
			a := &applier{n: &Node{reads: newReads(), cfg: Config{CheckpointEvery: every}}}
			if err := a.apply(one); err != nil {
				t.Fatal(err)
			}
			least, most = min(least, a.dueAfter), max(most, a.dueAfter)
		}
		if every < 200_000 && (least != every || most != every) {
			t.Errorf("due after %d to %d, with %d set", least, most, every)
		} else if every == 200_000 && (least < 150_000 || least > 190_000 || most < 210_000 || most > 250_000) {
			t.Errorf("due after %d to %d, with %d set", least, most, every)
		}
	}
}
