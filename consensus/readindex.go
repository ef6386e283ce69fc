package consensus

import (
	"context"
	"encoding/binary"
	"fmt"
	"sync"
	"time"

	"go.etcd.io/raft/v3"
	"go.etcd.io/raft/v3/raftpb"
)

// reads is the ReadIndex requests that wait: first for the leader's answer, then until that index
// is applied here.
type reads struct {
	mu       sync.Mutex
	next     uint64
	waiting  map[uint64]chan uint64 // guarded by mu; receives the read index
	applied  uint64                 // guarded by mu
	progress chan struct{}          // guarded by mu; closed when applied rises; nil: nobody waits
}

func newReads() *reads {
	// A late answer to a request before a restart must match no request.
	return &reads{next: randomUint64(), waiting: map[uint64]chan uint64{}}
}

// ReadIndex returns once this node has applied everything that was committed at the time of the
// call. The leader confirms that with a majority (Raft thesis, 6.4). A later read of the state
// machine is linearizable. A request that is lost with a leader is repeated until ctx ends.
func (n *Node) ReadIndex(ctx context.Context) error {
	answer := make(chan uint64, 1)
	id := n.reads.ask(answer)
	defer n.reads.forget(id)
	for {
		lead, changed := n.leader.get()
		if lead != 0 {
			// These bytes identify the answer.
			request := binary.BigEndian.AppendUint64(nil, uint64(n.id))
			request = binary.BigEndian.AppendUint64(request, id)
			if err := n.runOnRaftLoop(ctx, func(*raft.RawNode) { n.stepRead(readRequest(request)) }); err != nil {
				return n.readError(ctx, lead)
			}
		}
		timer := time.NewTimer(n.cfg.electionTimeout())
		select {
		case index := <-answer:
			answer <- index
		case <-changed:
			n.cfg.seams.settle("read", id)
		case <-timer.C:
		case <-ctx.Done():
		case <-n.ctx.Done():
		}
		timer.Stop()
		switch { // whatever else has come
		case len(answer) > 0:
			return n.waitApplied(ctx, <-answer)
		case ctx.Err() != nil || n.ctx.Err() != nil:
			return n.readError(ctx, lead)
		}
	}
}

func readRequest(data []byte) *raftpb.Message {
	return &raftpb.Message{Type: raftpb.MsgReadIndex, Entries: []raftpb.Entry{{Data: data}}}
}

// maxEarlyReads bounds the reads that wait for a leader's first entry. More are lost, and repeated.
const maxEarlyReads = 1024

// stepRead gives a read to Raft, on the Raft loop. A leader does not know all commits before it has
// committed an entry of its own term (Raft thesis, 6.4), so the read waits for that. Raft waits by
// itself unless there is only one voter.
func (n *Node) stepRead(m *raftpb.Message) {
	if !n.awaitsOwnCommit() {
		_ = n.raft.Step(*m) // if refused or lost, it is repeated
	} else if len(n.earlyReads) < maxEarlyReads {
		n.earlyReads = append(n.earlyReads, m)
	}
}

// stepEarlyReads gives Raft the reads that stepRead has kept, once it may.
func (n *Node) stepEarlyReads() {
	if len(n.earlyReads) == 0 || n.awaitsOwnCommit() {
		return
	}
	for _, m := range n.earlyReads {
		_ = n.raft.Step(*m)
	}
	n.earlyReads = nil
}

// awaitsOwnCommit reports whether this node leads without having committed an entry of its term.
func (n *Node) awaitsOwnCommit() bool {
	st := n.raft.BasicStatus()
	if st.RaftState != raft.StateLeader {
		return false
	}
	// An entry that is not on this node's disk yet is not committed by a lone voter.
	term, err := n.storage.Term(st.Commit)
	return err == nil && term != st.Term
}

func (n *Node) readError(ctx context.Context, lead MemberID) error {
	switch {
	case n.ctx.Err() != nil:
		return ErrClosed
	case lead == 0:
		return fmt.Errorf("%w (%w)", ErrNoLeader, ctx.Err())
	default:
		return fmt.Errorf("the leader could not confirm with a majority what is committed: %w", ctx.Err())
	}
}

func (n *Node) waitApplied(ctx context.Context, index uint64) error {
	for {
		applied, progress := n.reads.position()
		if applied >= index {
			return nil
		}
		select {
		case <-progress:
		case <-ctx.Done():
			return fmt.Errorf("this node is at index %d and has not applied %d yet: %w", applied, index, ctx.Err())
		case <-n.ctx.Done():
			return ErrClosed
		}
	}
}

func (rs *reads) ask(answer chan uint64) uint64 {
	rs.mu.Lock()
	defer rs.mu.Unlock()
	rs.next++
	rs.waiting[rs.next] = answer
	return rs.next
}

func (rs *reads) forget(id uint64) {
	rs.mu.Lock()
	defer rs.mu.Unlock()
	delete(rs.waiting, id)
}

// confirm is called by the Raft loop with the leader's answers.
func (rs *reads) confirm(states []raft.ReadState) {
	rs.mu.Lock()
	defer rs.mu.Unlock()
	for _, s := range states {
		if len(s.RequestCtx) != 16 {
			continue
		}
		id := binary.BigEndian.Uint64(s.RequestCtx[8:])
		if answer := rs.waiting[id]; answer != nil {
			delete(rs.waiting, id)
			answer <- s.Index // has room for its only answer
		}
	}
}

func (rs *reads) position() (uint64, <-chan struct{}) {
	rs.mu.Lock()
	defer rs.mu.Unlock()
	if rs.progress == nil {
		rs.progress = make(chan struct{})
	}
	return rs.applied, rs.progress
}

// advance is called by the apply loop.
func (rs *reads) advance(applied uint64) {
	rs.mu.Lock()
	defer rs.mu.Unlock()
	rs.applied = applied
	if rs.progress != nil {
		close(rs.progress)
		rs.progress = nil
	}
}
