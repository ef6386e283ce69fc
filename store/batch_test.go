package store

import (
	"math/rand/v2"
	"testing"

	"go.etcd.io/raft/v3/raftpb"
)

// anyEntry has any fields set, and any sizes of them.
func anyEntry(r *rand.Rand) raftpb.Entry {
	number := func() uint64 { return r.Uint64() >> r.IntN(64) }
	e := raftpb.Entry{Index: number()}
	if r.IntN(4) > 0 {
		e.Term = number()
	}
	if r.IntN(4) > 0 {
		e.Type = raftpb.EntryType(r.IntN(3))
	}
	if r.IntN(4) > 0 {
		e.Data = make([]byte, r.IntN(1<<r.IntN(16)))
		for i := range e.Data {
			e.Data[i] = byte(r.Uint32())
		}
	}
	return e
}

// TestRecord: an entry comes back as it was, no data and empty data included.
func TestRecord(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	for range 3000 {
		e := anyEntry(r)
		salt, at := r.Uint32(), r.Int64N(1<<32)
		b := encodeRecord(nil, salt, at, &e)
		rec, n, ok := openRecord(append(b, 1, 2, 3), salt, at)
		if !ok || n != len(b) || !sameEntry(rec.entry(), e) {
			t.Fatalf("%v became %v, %d of %d bytes", e, rec.entry(), n, len(b))
		}
		if _, _, ok := openRecord(b, salt, at+8); ok {
			t.Fatal("valid at another place")
		}
		if _, _, ok := openRecord(b, salt+1, at); ok {
			t.Fatal("valid in another segment")
		}
		if _, _, ok := openRecord(b[:r.IntN(n)], salt, at); ok {
			t.Fatal("valid when cut short")
		}
	}
}

// TestBatchAllocations: the write path encodes into memory that it has.
func TestBatchAllocations(t *testing.T) {
	ents, buf := entries(1, 64, 1), make([]byte, 0, 64<<10)
	h := batch{state: logState{hs: hardState(1, 2, 3)}}
	if n := testing.AllocsPerRun(100, func() { buf = encodeBatch(buf[:0], 1, 4096, h, ents) }); n > 0 {
		t.Errorf("%v allocations", n)
	}
}
