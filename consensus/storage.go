package consensus

import (
	"sync/atomic"

	"github.com/chessrelay/chessrelay/store"
	"go.etcd.io/raft/v3"
	"go.etcd.io/raft/v3/raftpb"
)

// entryLog is a [store.Log], which documents its methods. In tests a simulated disk replaces it.
type entryLog interface {
	HardState() raftpb.HardState
	FirstIndex() uint64
	LastIndex() uint64
	Term(i uint64) (uint64, error)
	Entries(lo, hi, maxSize uint64) ([]raftpb.Entry, error)
	Write(hs raftpb.HardState, entries []raftpb.Entry) error
	Reset(index, term uint64, hs raftpb.HardState) error
	Compact(index uint64) error
	Close() error
}

// storage is a node's files as Raft reads them: entries from the log, the configuration and the
// snapshot from the boards.
type storage struct {
	entryLog
	boards *store.Boards
	// hard is the HardState to start with; see repair.
	hard raftpb.HardState
	// needIndex is the index of the last membership change. A snapshot before it would leave its
	// own target out of the configuration, and the target's Raft would ignore it.
	needIndex atomic.Uint64
}

var _ raft.Storage = (*storage)(nil)

// InitialState implements raft.Storage.
func (s *storage) InitialState() (raftpb.HardState, raftpb.ConfState, error) {
	cs := s.boards.Position().ConfState
	if cs == nil {
		cs = &raftpb.ConfState{}
	}
	return s.hard, *cs, nil
}

// FirstIndex implements raft.Storage.
func (s *storage) FirstIndex() (uint64, error) { return s.entryLog.FirstIndex(), nil }

// LastIndex implements raft.Storage.
func (s *storage) LastIndex() (uint64, error) { return s.entryLog.LastIndex(), nil }

// Snapshot implements raft.Storage with the position of the durable checkpoint. It has no data: the
// boards file is sent from a read transaction when the message leaves (see sendSnapshot).
func (s *storage) Snapshot() (raftpb.Snapshot, error) {
	p := s.boards.Position()
	if p.Index == 0 || p.Index < s.needIndex.Load() {
		return raftpb.Snapshot{}, raft.ErrSnapshotTemporarilyUnavailable
	}
	return raftpb.Snapshot{Metadata: metadata(p)}, nil
}

func metadata(p store.Position) raftpb.SnapshotMetadata {
	return raftpb.SnapshotMetadata{
		Index:     p.Index,
		Term:      p.Term,
		ConfState: *p.ConfState,
	}
}
