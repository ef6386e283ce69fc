package consensus

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"net"
	"sync"
	"time"

	"github.com/chessrelay/chessrelay/store"
	"go.etcd.io/raft/v3"
	"go.etcd.io/raft/v3/raftpb"
)

// snapshotSlot has the one snapshot that a node may have received and not yet installed.
type snapshotSlot struct {
	receiving sync.Mutex // locked while one is received and given to Raft

	mu       sync.Mutex
	incoming *store.Incoming         // guarded by mu
	meta     raftpb.SnapshotMetadata // guarded by mu
	accepted bool                    // guarded by mu; Raft wants it
}

// put keeps a received snapshot until Raft has decided.
func (s *snapshotSlot) put(in *store.Incoming, meta raftpb.SnapshotMetadata) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.incoming, s.meta, s.accepted = in, meta, false
}

// accept notes that Raft wants the snapshot at index. The Raft loop calls it.
func (s *snapshotSlot) accept(index uint64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.incoming != nil && s.meta.Index == index {
		s.accepted = true
	}
}

// take returns the snapshot at index and forgets it; nil if there is none.
func (s *snapshotSlot) take(index uint64) *store.Incoming {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.incoming == nil || s.meta.Index != index {
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

// discard forgets a snapshot that will not be installed, since the node has stopped.
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

// receiveSnapshot is the receiver's side of streamBoards. It stores the boards beside the present
// ones, and only then tells Raft.
func (n *Node) receiveSnapshot(c net.Conn, from MemberID) error {
	in := &silenceConn{Conn: c}
	br := bufio.NewReaderSize(in, 256<<10)
	kind, head, err := readMessage(br)
	if err != nil {
		return err
	}
	m := new(raftpb.Message)
	if kind != kindRaft {
		return fmt.Errorf("message of kind %d instead of a snapshot's head", kind)
	}
	if err := m.Unmarshal(head); err != nil {
		return err
	}
	if m.Type != raftpb.MsgSnap || m.Snapshot == nil || MemberID(m.To) != n.id {
		return fmt.Errorf("a %s from %s to %s instead of a snapshot's head", m.Type, MemberID(m.From), MemberID(m.To))
	}
	// While it checks what has come it reads nothing, so reports of progress do not depend on
	// reading.
	quiet := reportProgress(c, in.read.Load)
	defer quiet()
	err = n.takeSnapshot(br, m, from)
	quiet()
	if err := c.SetWriteDeadline(time.Now().Add(snapshotTimeout)); err != nil {
		return err
	}
	if err != nil {
		return errors.Join(err, writeMessage(c, kindSnapFail, []byte(err.Error())))
	}
	index := m.Snapshot.Metadata.Index
	n.log.Info("snapshot received", "from", from, "index", index, "bytes", in.read.Load())
	return writeMessage(c, kindSnapDone, nil)
}

// takeSnapshot reads the boards that m announces and gives them to Raft.
func (n *Node) takeSnapshot(r io.Reader, m *raftpb.Message, from MemberID) error {
	if err := n.checkSnapshotLeader(m, from); err != nil {
		return err
	}
	meta := m.Snapshot.Metadata
	in, err := n.boardsFile.Receive(r, store.Position{Index: meta.Index, Term: meta.Term, ConfState: &meta.ConfState}, 0)
	if err != nil {
		return err
	}
	n.snapshots.put(in, meta)
	err = n.checkSnapshotLeader(m, from) // much time may have passed
	if err == nil {
		var bad error
		err = n.runOnRaftLoop(n.ctx, func(*raft.RawNode) { bad = n.stepFromPeer(m, from) })
		if err == nil { // otherwise the function may still be running
			err = bad
		}
	}
	n.snapshots.dropUnlessAccepted()
	return err
}

// checkSnapshotLeader checks that the leader has asked for a snapshot. Raft judges one that the
// leader sends itself. A third member's snapshot must not bring a new term, so this node must
// follow that leader already.
func (n *Node) checkSnapshotLeader(m *raftpb.Message, from MemberID) error {
	if MemberID(m.From) == from {
		return nil
	}
	return n.checkLeader(MemberID(m.From), m.Term)
}

// checkLeader returns an error unless id is the leader of term, and term is the present one.
func (n *Node) checkLeader(id MemberID, term uint64) error {
	var now raft.BasicStatus
	if err := n.runOnRaftLoop(n.ctx, func(r *raft.RawNode) { now = r.BasicStatus() }); err != nil {
		return err
	}
	if MemberID(now.Lead) != id || now.Term != term {
		return fmt.Errorf("for this node the leader is %s in term %d, not %s in term %d", MemberID(now.Lead), now.Term, id, term)
	}
	return nil
}

// installation asks the apply loop to install a received snapshot.
type installation struct {
	incoming *store.Incoming
	meta     raftpb.SnapshotMetadata
	done     chan error
}

// installSnapshot is called by the write loop. The apply loop installs it: the boards are its own,
// and it first applies what was committed before.
func (n *Node) installSnapshot(meta raftpb.SnapshotMetadata) error {
	in := n.snapshots.take(meta.Index)
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
	if err := a.awaitCheckpoint(); err != nil {
		return err
	}
	// A crash before the log begins again leaves boards that the log does not reach; see repair.
	if _, err := a.n.updateIdentity(func(who *store.Identity) { who.Installed = i.meta.Index }); err != nil {
		return err
	}
	if err := a.n.untilFiles(func() error { return a.n.boardsFile.Install(i.incoming) }); err != nil {
		return err
	}
	a.position, a.awaitsSnapshot, a.unsaved, a.checkpointNow = a.n.boardsFile.Position(), false, 0, false
	if err := a.n.restore(); err != nil {
		return err
	}
	a.n.log.Info("snapshot installed", "index", a.position.Index)
	return nil
}

// restore loads the boards file into memory: the members into the roster, the rest into the state
// machine.
func (n *Node) restore() error {
	p := n.boardsFile.Position()
	own := records{members: map[MemberID]Member{}, invitations: map[string]InvitationState{}}
	err := n.cfg.Machine.Restore(p.Index, func(fn func(key string, value []byte) error) error {
		return n.boardsFile.Load(func(key string, value []byte) error {
			if ok, err := own.take(key, value); ok {
				return err
			}
			return fn(key, value)
		})
	})
	if err != nil {
		return fmt.Errorf("restore the boards at index %d: %w", p.Index, err)
	}
	n.roster.replace(own)
	n.showNewestCertificate()
	n.applied.Store(p.Index)
	n.reads.advance(p.Index)
	if n.ctx.Err() == nil && n.raft != nil {
		n.peers.sync(n.roster.list())
	}
	return nil
}
