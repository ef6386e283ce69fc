package consensus

import (
	"testing"

	"go.etcd.io/raft/v3/raftpb"
)

// TestGatherLeavesRaftsEntries checks that gather does not write into Raft's array. At first it
// keeps that array itself, and Raft's next entries are behind its end.
func TestGatherLeavesRaftsEntries(t *testing.T) {
	rafts := []raftpb.Entry{{Index: 1}, {Index: 2}, {Index: 3, Data: []byte("Raft's")}}
	a := &logWriter{}
	a.gather(&raftpb.Message{Entries: rafts[:2]})
	a.gather(&raftpb.Message{Entries: []raftpb.Entry{{Index: 3, Data: []byte("e4")}}})
	if string(rafts[2].Data) != "Raft's" || len(a.entries) != 3 || string(a.entries[2].Data) != "e4" {
		t.Errorf("Raft has %q, gathered is %v", rafts[2].Data, a.entries)
	}
	a = &logWriter{}
	a.gather(&raftpb.Message{Entries: rafts[:2]})
	a.gather(&raftpb.Message{Entries: []raftpb.Entry{{Index: 2, Term: 2}}})
	if rafts[1].Term != 0 || len(a.entries) != 2 || a.entries[1].Term != 2 {
		t.Errorf("Raft has term %d at 2, gathered is %v", rafts[1].Term, a.entries)
	}
}
