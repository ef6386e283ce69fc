package consensus

import (
	"math"
	"reflect"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"go.etcd.io/raft/v3/raftpb"
)

func appendMessage(term, index, logTerm, commit uint64, entries ...raftpb.Entry) *raftpb.Message {
	for i := range entries {
		entries[i].Index = index + 1 + uint64(i)
	}
	return &raftpb.Message{
		Type: raftpb.MsgApp, From: 1, To: 2,
		Term: term, Index: index, LogTerm: logTerm, Commit: commit, Entries: entries,
	}
}

func appendMessages() []*raftpb.Message {
	normal := func(term uint64, data string) raftpb.Entry {
		return raftpb.Entry{Term: term, Data: []byte(data)}
	}
	return []*raftpb.Message{
		appendMessage(3, 7, 2, 6),
		appendMessage(3, 0, 0, 0, normal(3, "e4")),
		appendMessage(9, 100, 3, 90, normal(3, "e4"), normal(3, "e5"), normal(7, ""), normal(9, "Nf3")),
		appendMessage(9, 100, 3, 90, normal(9, "e4"),
			raftpb.Entry{Term: 9, Type: raftpb.EntryConfChangeV2, Data: []byte("x")},
			raftpb.Entry{Term: 9, Type: raftpb.EntryConfChange}),
		appendMessage(math.MaxUint64, math.MaxUint64-3, math.MaxUint64, math.MaxUint64, normal(math.MaxUint64, "e4")),
	}
}

// TestAppendWire compares an append that was encoded and decoded with the original.
func TestAppendWire(t *testing.T) {
	for _, m := range appendMessages() {
		got, err := decodeAppend(encodeAppend(nil, m), 1, 2)
		if err != nil {
			t.Fatalf("%v: %v", m, err)
		}
		if diff := cmp.Diff(m, got, cmpopts.EquateEmpty()); diff != "" {
			t.Errorf("decoded differs (-sent +got):\n%s", diff)
		}
	}
}

// FuzzDecodeAppend checks that a damaged append is an error or another append, and never a panic.
func FuzzDecodeAppend(f *testing.F) {
	for _, m := range appendMessages() {
		f.Add(encodeAppend(nil, m))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		m, err := decodeAppend(b, 1, 2)
		if err != nil {
			return
		}
		again, err := decodeAppend(encodeAppend(nil, m), 1, 2)
		if err != nil || !reflect.DeepEqual(m, again) {
			t.Fatalf("%v became %v, %v", m, again, err)
		}
	})
}

// BenchmarkAppendWire compares the two encodings of an append of 64 moves, both ways.
func BenchmarkAppendWire(b *testing.B) {
	entries := make([]raftpb.Entry, 64)
	for i := range entries {
		entries[i] = raftpb.Entry{Term: 3, Data: make([]byte, 72)}
	}
	m := appendMessage(3, 1_000_000, 3, 999_900, entries...)
	buf := make([]byte, 0, 64<<10)
	b.Run("ours", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			if _, err := decodeAppend(encodeAppend(buf, m), 1, 2); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("protobuf", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			out, err := m.Marshal()
			if err != nil {
				b.Fatal(err)
			}
			if err := new(raftpb.Message).Unmarshal(out); err != nil {
				b.Fatal(err)
			}
		}
	})
}
