package consensus

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"strings"
	"sync"
	"time"

	"github.com/chessrelay/chessrelay/store"
	"go.etcd.io/raft/v3"
	"go.etcd.io/raft/v3/raftpb"
	"google.golang.org/protobuf/proto"
)

// snapshotTimeout bounds one write or read of a snapshot's stream.
const snapshotTimeout = 2 * deadAfter

// streamSnapshot sends the boards file over a connection of its own. The index,
// term and ConfState that Raft is told are read in the transaction that the
// bytes are read in: they may be newer than what m says, never older.
func (r *replicator) streamSnapshot(m *raftpb.Message) (index uint64, size int64, err error) {
	snap, err := r.n.boards.Snapshot()
	if err != nil {
		return 0, 0, err
	}
	defer func() { err = errors.Join(err, snap.Close()) }()
	index, size = snap.Position().Index, snap.Size()
	r.pinned.Store(index)

	m = proto.Clone(m).(*raftpb.Message)
	m.Snapshot = &raftpb.Snapshot{Metadata: metadata(snap.Position())}
	head, err := proto.Marshal(m)
	if err != nil {
		return index, size, err
	}
	c, err := r.dial(r.ctx, channelSnapshot)
	if err != nil {
		return index, size, err
	}
	stop := context.AfterFunc(r.ctx, func() { _ = c.Close() })
	defer stop()
	defer c.Close()

	w := bufio.NewWriterSize(&deadlineConn{c}, 256<<10)
	if err := writeFrame(w, kindRaft, head); err != nil {
		return index, size, err
	}
	if err := snap.Encode(w); err != nil {
		return index, size, err
	}
	if err := w.Flush(); err != nil {
		return index, size, err
	}
	kind, payload, err := readFrame(bufio.NewReader(&deadlineConn{c}))
	switch {
	case err != nil:
		return index, size, fmt.Errorf("no answer: %w", err)
	case kind != kindSnapDone:
		return index, size, fmt.Errorf("the peer could not take it: %s", payload)
	}
	return index, size, nil
}

// deadlineConn gives every read and write a deadline of its own, so that a
// long transfer is limited by progress and not by its length.
type deadlineConn struct{ net.Conn }

func (c *deadlineConn) Read(p []byte) (int, error) {
	if err := c.SetReadDeadline(time.Now().Add(snapshotTimeout)); err != nil {
		return 0, err
	}
	return c.Conn.Read(p)
}

func (c *deadlineConn) Write(p []byte) (int, error) {
	if err := c.SetWriteDeadline(time.Now().Add(snapshotTimeout)); err != nil {
		return 0, err
	}
	return c.Conn.Write(p)
}

// snapshotSlot holds the one snapshot that a node may have received and not
// yet installed.
type snapshotSlot struct {
	receiving sync.Mutex // held while one is received and offered to Raft

	mu       sync.Mutex
	incoming *store.Incoming          // guarded by mu
	meta     *raftpb.SnapshotMetadata // guarded by mu
	accepted bool                     // guarded by mu: Raft wants it; the append loop will take it
}

// put keeps a received snapshot until Raft has decided.
func (s *snapshotSlot) put(in *store.Incoming, meta *raftpb.SnapshotMetadata) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.incoming, s.meta, s.accepted = in, meta, false
}

// accept notes that Raft wants the snapshot at index. Called by the Raft loop.
func (s *snapshotSlot) accept(index uint64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.incoming != nil && s.meta.GetIndex() == index {
		s.accepted = true
	}
}

// take returns the snapshot at index and forgets it; nil if there is none.
func (s *snapshotSlot) take(index uint64) *store.Incoming {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.incoming == nil || s.meta.GetIndex() != index {
		return nil
	}
	in := s.incoming
	s.incoming = nil
	return in
}

// dropUnlessAccepted discards a snapshot that Raft did not want.
func (s *snapshotSlot) dropUnlessAccepted() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.incoming != nil && !s.accepted {
		_ = s.incoming.Discard()
		s.incoming = nil
	}
}

// discard forgets a snapshot that will not be installed: the node has stopped.
func (s *snapshotSlot) discard() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.incoming != nil {
		_ = s.incoming.Discard()
		s.incoming = nil
	}
}

// busy reports whether a snapshot waits for its installation.
func (s *snapshotSlot) busy() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.incoming != nil
}

// receiveSnapshot is the receiver's side of streamSnapshot: it stores the boards
// beside the present ones, and only then tells Raft.
func (n *Node) receiveSnapshot(c net.Conn, br *bufio.Reader, from MemberID) error {
	kind, head, err := readFrame(br)
	if err != nil {
		return err
	}
	var m raftpb.Message
	if kind != kindRaft {
		return fmt.Errorf("frame %d instead of a snapshot's head", kind)
	}
	if err := proto.Unmarshal(head, &m); err != nil {
		return err
	}
	if m.GetType() != raftpb.MsgSnap || MemberID(m.GetFrom()) != from || MemberID(m.GetTo()) != n.id {
		return fmt.Errorf("a %s from %s to %s instead of a snapshot's head", m.GetType(), MemberID(m.GetFrom()), MemberID(m.GetTo()))
	}
	meta := m.GetSnapshot().GetMetadata()
	in, err := n.boards.Receive(br, store.Position{Index: meta.GetIndex(), Term: meta.GetTerm(), ConfState: meta.GetConfState()}, 0)
	if err != nil {
		return errors.Join(err, writeFrame(c, kindSnapFail, []byte(err.Error())))
	}
	n.snapshots.put(in, meta)
	err = n.do(n.ctx, func(*raft.RawNode) { n.step(&m) })
	n.snapshots.dropUnlessAccepted()
	if err != nil {
		return err
	}
	n.log.Info("snapshot received", "from", from, "index", meta.GetIndex())
	return writeFrame(c, kindSnapDone, nil)
}

// installation asks the apply loop to put a received snapshot in place.
type installation struct {
	incoming *store.Incoming
	meta     *raftpb.SnapshotMetadata
	done     chan error
}

// installSnapshot is called by the append loop. The apply loop does the work,
// since the boards are its own, and what was committed before comes first.
func (n *Node) installSnapshot(meta *raftpb.SnapshotMetadata) error {
	in := n.snapshots.take(meta.GetIndex())
	if in == nil {
		return errors.New("raft accepted a snapshot that was not received")
	}
	i := &installation{incoming: in, meta: meta, done: make(chan error, 1)}
	n.toApply.put(applyWork{install: i})
	select {
	case err := <-i.done:
		return err
	case <-n.ctx.Done():
		return ErrClosed
	}
}

func (a *applier) install(i *installation) error {
	if err := a.wait(); err != nil {
		return err
	}
	if err := a.n.boards.Install(i.incoming); err != nil {
		return err
	}
	a.position, a.unsaved, a.now = a.n.boards.Position(), 0, false
	if err := a.n.restore(); err != nil {
		return err
	}
	a.n.log.Info("snapshot installed", "index", a.position.Index)
	return nil
}

// restore loads the boards file into memory: the members into the roster, the
// rest into the state machine.
func (n *Node) restore() error {
	p := n.boards.Position()
	members := map[MemberID]Member{}
	err := n.cfg.Machine.Restore(p.Index, func(fn func(key string, value []byte) error) error {
		return n.boards.Load(func(key string, value []byte) error {
			if !strings.HasPrefix(key, memberPrefix) {
				return fn(key, value)
			}
			var m Member
			if err := json.Unmarshal(value, &m); err != nil {
				return fmt.Errorf("member %s: %w", key, err)
			}
			members[m.ID] = m
			return nil
		})
	})
	if err != nil {
		return fmt.Errorf("restore the boards at index %d: %w", p.Index, err)
	}
	n.roster.replace(members)
	n.applied.Store(p.Index)
	n.reads.advance(p.Index)
	if n.ctx.Err() == nil && n.raft != nil {
		n.peers.sync(n.roster.list())
	}
	return nil
}
