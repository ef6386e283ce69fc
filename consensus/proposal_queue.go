package consensus

import (
	"encoding/binary"
	"sync"
	"sync/atomic"

	"go.etcd.io/raft/v3"
	"go.etcd.io/raft/v3/raftpb"
)

// proposalQueue is the proposals that wait for the Raft loop. All goroutines that propose use it.
type proposalQueue struct {
	ready chan struct{} // has a token while there may be any
	taken []*proposal   // the Raft loop's, until its next takeAll

	mu    sync.Mutex
	items []*proposal  // guarded by mu
	size  atomic.Int64 // of items
}

func newProposalQueue() *proposalQueue { return &proposalQueue{ready: make(chan struct{}, 1)} }

// put adds a proposal and wakes the Raft loop.
func (q *proposalQueue) put(prop *proposal) {
	q.mu.Lock()
	q.items = append(q.items, prop)
	q.size.Store(int64(len(q.items)))
	q.mu.Unlock()
	notify(q.ready)
}

// count returns how many there are.
func (q *proposalQueue) count() int { return int(q.size.Load()) }

func (q *proposalQueue) any() bool { return q.count() > 0 }

// takeAll empties the queue and returns what it had, which is valid until the next call.
func (q *proposalQueue) takeAll() []*proposal {
	select {
	case <-q.ready: // nobody must be woken for what is taken now
	default:
	}
	clear(q.taken)
	empty := q.taken[:0]
	if cap(empty) > keepItems {
		empty = nil
	}
	q.mu.Lock()
	defer q.mu.Unlock()
	q.taken, q.items = q.items, empty
	q.size.Store(0)
	return q.taken
}

// proposeQueued gives Raft all proposals in the queue as one batch. The Raft loop calls it when the
// batchGate is open. Proposals that come while a batch is on its way join the next one, so batches
// grow with the load.
func (n *Node) proposeQueued() {
	for _, prop := range n.proposals.takeAll() {
		if prop.remote {
			n.queuedByPeers.Add(-int64(len(prop.ids)))
		}
		if prop.membership {
			n.proposeBatch()
			n.proposeMemberChange(prop)
			continue
		}
		n.batch.add(prop)
		if n.batch.commands >= maxBatch {
			n.proposeBatch()
		}
	}
	n.proposeBatch()
}

// proposalBatch is the proposals that become one MsgProp. Raft keeps the entries' data. It copies
// the entries themselves, so their memory is used again.
type proposalBatch struct {
	proposals []*proposal
	commands  int
	entries   []raftpb.Entry
}

func (b *proposalBatch) add(prop *proposal) {
	b.proposals = append(b.proposals, prop)
	b.commands += len(prop.ids)
}

// build makes the entries; stamp copies each command. All data share one piece of memory, which is
// freed when the log forgets all of them.
func (b *proposalBatch) build(stamp func(dst, command []byte) []byte) []raftpb.Entry {
	size := b.commands * (entryHeader + MaxStamp)
	for _, prop := range b.proposals {
		for _, c := range prop.data {
			size += len(c)
		}
	}
	all := make([]byte, 0, size) // entries refer to it: it must not move
	for _, prop := range b.proposals {
		for i, id := range prop.ids {
			at := len(all)
			all = stamp(binary.BigEndian.AppendUint64(all, id), prop.data[i])
			b.entries = append(b.entries, raftpb.Entry{Data: all[at:len(all):len(all)]})
		}
	}
	return b.entries
}

// stamp returns a function that copies a command, with the present time in it if there is a
// Config.Stamp.
func (n *Node) stamp() func(dst, command []byte) []byte {
	if n.cfg.Stamp == nil {
		return func(dst, command []byte) []byte { return append(dst, command...) }
	}
	now := n.commandTime()
	return func(dst, command []byte) []byte { return n.cfg.Stamp(dst, command, now) }
}

func (b *proposalBatch) reset() {
	clear(b.proposals)
	clear(b.entries)
	b.proposals, b.entries, b.commands = b.proposals[:0], b.entries[:0], 0
	if cap(b.entries) > keepItems {
		b.entries = nil
	}
}

// proposeBatch proposes the batch to Raft.
func (n *Node) proposeBatch() {
	if n.batch.commands == 0 {
		return
	}
	m := raftpb.Message{Type: raftpb.MsgProp, From: uint64(n.id), Entries: n.batch.build(n.stamp())}
	if err := n.raft.Step(m); err != nil {
		code := n.whyDropped()
		for _, prop := range n.batch.proposals {
			prop.refuse(refusal{IDs: prop.ids, Code: code})
		}
	}
	n.batch.reset()
}

// whyDropped says why Raft took no proposal.
func (n *Node) whyDropped() string {
	switch status := n.raft.BasicStatus(); {
	case status.RaftState != raft.StateLeader:
		return refusedNotLeader
	case status.LeadTransferee != 0:
		return refusedDropped
	default:
		return refusedOverloaded
	}
}
