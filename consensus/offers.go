package consensus

import (
	"encoding/binary"
	"sync"
	"sync/atomic"

	"go.etcd.io/raft/v3"
	"go.etcd.io/raft/v3/raftpb"
)

// offers are the submissions before the Raft loop, in no order. Everybody who proposes comes by here, on all processors at once:
// so there are several tables to lay them on, and neighbours seldom wait for each other.
type offers struct {
	ready  chan struct{} // holds one token while there may be any
	tables [tables]table
	taken  []*submission // the Raft loop's, until it takes again
}

type table struct {
	mu    sync.Mutex
	items []*submission // guarded by mu
	count atomic.Int32  // of items
	_     [28]byte      // the next one is in another cache line
}

const tables = 8

func newOffers() *offers { return &offers{ready: make(chan struct{}, 1)} }

// put adds a submission, and wakes the Raft loop.
func (o *offers) put(s *submission) {
	t := &o.tables[s.ids[0]/maxProposal%tables]
	t.mu.Lock()
	t.items = append(t.items, s)
	t.count.Store(int32(len(t.items)))
	t.mu.Unlock()
	select {
	case o.ready <- struct{}{}:
	default:
	}
}

// count returns how many there are.
func (o *offers) count() (n int) {
	for i := range o.tables {
		n += int(o.tables[i].count.Load())
	}
	return n
}

func (o *offers) some() bool { return o.count() > 0 }

// takeAll returns those that there are, and leaves none. What it returns is valid until the next call.
func (o *offers) takeAll() []*submission {
	select {
	case <-o.ready: // nobody need be woken for what is taken now
	default:
	}
	clear(o.taken)
	if o.taken = o.taken[:0]; cap(o.taken) > keepItems {
		o.taken = nil
	}
	for i := range o.tables {
		t := &o.tables[i]
		t.mu.Lock()
		o.taken = append(o.taken, t.items...)
		clear(t.items)
		t.count.Store(0)
		if t.items = t.items[:0]; cap(t.items) > keepItems {
			t.items = nil
		}
		t.mu.Unlock()
	}
	return o.taken
}

// proposeQueued is called by the Raft loop when submissions wait and need not wait any longer; see
// batchGate. All that wait together become one batch: what comes while one is on its way joins the
// next, so that batches grow with the load.
func (n *Node) proposeQueued() {
	for _, s := range n.offers.takeAll() {
		if s.remote {
			n.offeredByPeers.Add(-int64(len(s.ids)))
		}
		if s.membership {
			n.proposeBatch()
			n.proposeMemberChange(s)
			continue
		}
		n.offering.add(s)
		if n.offering.count >= maxBatch {
			n.proposeBatch()
		}
	}
	n.proposeBatch()
}

// An offering is what becomes one batch. Raft keeps the entries' data and copies the entries, whose memory serves again.
type offering struct {
	of      []*submission
	count   int // commands
	entries []raftpb.Entry
}

func (o *offering) add(s *submission) {
	o.of = append(o.of, s)
	o.count += len(s.ids)
}

// build makes the entries of the message, whose commands stamp copies. Their data stand in one
// piece of memory, which they leave together when the log forgets them.
func (o *offering) build(stamp func(dst, command []byte) []byte) []raftpb.Entry {
	size := o.count * (entryHeader + MaxStamp)
	for _, s := range o.of {
		for _, c := range s.data {
			size += len(c)
		}
	}
	all := make([]byte, 0, size) // entries refer to it: it must not move
	for _, s := range o.of {
		for i, id := range s.ids {
			at := len(all)
			all = stamp(binary.BigEndian.AppendUint64(all, id), s.data[i])
			o.entries = append(o.entries, raftpb.Entry{Data: all[at:len(all):len(all)]})
		}
	}
	return o.entries
}

// stamp returns what copies commands, and stamps them with the present moment if there is a
// Config.Stamp.
func (n *Node) stamp() func(dst, command []byte) []byte {
	if n.cfg.Stamp == nil {
		return func(dst, command []byte) []byte { return append(dst, command...) }
	}
	now := n.now()
	return func(dst, command []byte) []byte { return n.cfg.Stamp(dst, command, now) }
}

func (o *offering) reset() {
	clear(o.of)
	clear(o.entries)
	o.of, o.entries, o.count = o.of[:0], o.entries[:0], 0
	if cap(o.entries) > keepItems {
		o.entries = nil
	}
}

// proposeBatch proposes to Raft what has been added to the offering.
func (n *Node) proposeBatch() {
	if n.offering.count == 0 {
		return
	}
	m := raftpb.Message{Type: raftpb.MsgProp, From: uint64(n.id), Entries: n.offering.build(n.stamp())}
	if err := n.raft.Step(m); err != nil {
		code := n.whyDropped()
		for _, s := range n.offering.of {
			s.refuse(refusal{IDs: s.ids, Code: code})
		}
	}
	n.offering.reset()
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
