package consensus

import (
	"testing"

	"go.etcd.io/raft/v3"
	"go.etcd.io/raft/v3/raftpb"
)

// TestRaftCopiesABatch checks that Raft does not keep the entries of a batch, since the next batch
// uses their memory. It keeps their data.
func TestRaftCopiesABatch(t *testing.T) {
	s := raft.NewMemoryStorage()
	if err := s.ApplySnapshot(raftpb.Snapshot{Metadata: raftpb.SnapshotMetadata{
		Index: 1, Term: 1, ConfState: raftpb.ConfState{Voters: []uint64{1}},
	}}); err != nil {
		t.Fatal(err)
	}
	r, err := raft.NewRawNode(&raft.Config{ID: 1, ElectionTick: 10, HeartbeatTick: 1, Storage: s, MaxSizePerMsg: 1 << 20, MaxInflightMsgs: 1})
	if err != nil {
		t.Fatal(err)
	}
	n := &Node{id: 1, raft: r}
	log := map[uint64]string{}
	handle := func() {
		for r.HasReady() {
			rd := r.Ready()
			for _, e := range rd.Entries {
				if _, data, ok := splitEntry(e.Data); ok {
					log[e.Index] = string(data)
				}
			}
			if err := s.Append(rd.Entries); err != nil {
				t.Fatal(err)
			}
			r.Advance(rd)
		}
	}
	if err := r.Campaign(); err != nil {
		t.Fatal(err)
	}
	handle()
	// There is no Ready between: Raft has both.
	for _, commands := range [][]string{{"e4", "e5"}, {"Nf3", "Nc6"}} {
		sub := &proposal{}
		for i, c := range commands {
			sub.ids, sub.data = append(sub.ids, uint64(i)), append(sub.data, []byte(c))
		}
		n.batch.add(sub)
		n.proposeBatch()
	}
	handle()
	if len(log) != 4 || log[3] != "e4" || log[4] != "e5" || log[5] != "Nf3" || log[6] != "Nc6" {
		t.Errorf("the log is %v", log)
	}
}
