package consensus

import (
	"math"
	"testing"

	"github.com/google/go-cmp/cmp"
	"go.etcd.io/raft/v3/raftpb"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/testing/protocmp"
)

func appendMessage(term, index, logTerm, commit uint64, entries ...*raftpb.Entry) *raftpb.Message {
	for i, e := range entries {
		e.Index = new(index + 1 + uint64(i))
	}
	return &raftpb.Message{
		Type: raftpb.MsgApp.Enum(), From: new(uint64(1)), To: new(uint64(2)),
		Term: new(term), Index: new(index), LogTerm: new(logTerm), Commit: new(commit), Entries: entries,
	}
}

func appendMessages() []*raftpb.Message {
	normal := func(term uint64, data string) *raftpb.Entry {
		return &raftpb.Entry{Term: new(term), Data: []byte(data)}
	}
	return []*raftpb.Message{
		appendMessage(3, 7, 2, 6),
		appendMessage(3, 0, 0, 0, normal(3, "e4")),
		appendMessage(9, 100, 3, 90, normal(3, "e4"), normal(3, "e5"), normal(7, ""), normal(9, "Nf3")),
		appendMessage(9, 100, 3, 90, normal(9, "e4"),
			&raftpb.Entry{Term: new(uint64(9)), Type: raftpb.EntryConfChangeV2.Enum(), Data: []byte("x")},
			&raftpb.Entry{Term: new(uint64(9)), Type: raftpb.EntryConfChange.Enum()}),
		appendMessage(math.MaxUint64, math.MaxUint64-3, math.MaxUint64, math.MaxUint64, normal(math.MaxUint64, "e4")),
	}
}

// What is sent as an append arrives as what protobuf would have made of it.
func TestAppendWire(t *testing.T) {
	for _, m := range appendMessages() {
		got, err := decodeAppend(appendAppend(nil, m), 1, 2)
		if err != nil {
			t.Fatalf("%v: %v", m, err)
		}
		// An absent type or no data is what protobuf reads as the default.
		opts := cmp.Options{protocmp.Transform(), protocmp.IgnoreDefaultScalars()}
		if diff := cmp.Diff(m, got, opts); diff != "" {
			t.Errorf("decoded differs (-sent +got):\n%s", diff)
		}
		for _, e := range got.GetEntries() {
			if e.Term == nil || e.Index == nil {
				t.Errorf("entry %v without a term or an index", e)
			}
		}
	}
}

// A cut or altered append is an error or another append, and never a panic.
func FuzzDecodeAppend(f *testing.F) {
	for _, m := range appendMessages() {
		f.Add(appendAppend(nil, m))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		m, err := decodeAppend(b, 1, 2)
		if err != nil {
			return
		}
		again, err := decodeAppend(appendAppend(nil, m), 1, 2)
		if err != nil || !proto.Equal(m, again) {
			t.Fatalf("%v became %v, %v", m, again, err)
		}
	})
}

// BenchmarkAppendWire compares the two encodings of an append of 64 moves,
// there and back.
func BenchmarkAppendWire(b *testing.B) {
	entries := make([]*raftpb.Entry, 64)
	for i := range entries {
		entries[i] = &raftpb.Entry{Term: new(uint64(3)), Data: make([]byte, 72)}
	}
	m := appendMessage(3, 1_000_000, 3, 999_900, entries...)
	buf := make([]byte, 0, 64<<10)
	b.Run("ours", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			if _, err := decodeAppend(appendAppend(buf, m), 1, 2); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("protobuf", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			out, err := proto.MarshalOptions{}.MarshalAppend(buf, m)
			if err != nil {
				b.Fatal(err)
			}
			if err := proto.Unmarshal(out, new(raftpb.Message)); err != nil {
				b.Fatal(err)
			}
		}
	})
}
