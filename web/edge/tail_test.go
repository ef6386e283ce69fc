package edge

import (
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/chessrelay/chessrelay/consensus"
)

// TestTail compares a tail with a plain list, over random appends and resets, from random cursors.
func TestTail(t *testing.T) {
	for seed := range uint64(60) {
		r := rand.New(rand.NewPCG(seed, 1))
		maxEntries, maxBytes := 1+r.IntN(300), 1+r.IntN(100_000)
		tail := NewTail(maxEntries, maxBytes)
		var log []consensus.Command
		at, floor := uint64(0), uint64(0)
		for range 60 {
			if r.IntN(20) == 0 {
				at += r.Uint64N(50)
				tail.Reset(at)
				floor = at
			}
			batch := make([]consensus.Command, r.IntN(40))
			for i := range batch {
				at += 1 + r.Uint64N(2)
				batch[i] = consensus.Command{Index: at, Term: 1, Data: make([]byte, r.IntN(2000))}
			}
			if len(batch) > 0 && r.IntN(4) == 0 { // some are repeated and change nothing
				tail.Append(batch)
			}
			tail.Append(batch)
			log = append(log, batch...)
			checkTail(t, r, tail, log, floor, at)
			if n, bytes := tail.size(); (n > maxEntries || bytes > maxBytes) && len(tail.blocks) > 1 {
				t.Fatalf("seed %d: %d entries of %d, %d bytes of %d", seed, n, maxEntries, bytes, maxBytes)
			}
		}
	}
}

// checkTail reads the tail from a random cursor to its end.
func checkTail(t *testing.T, r *rand.Rand, tail *Tail, log []consensus.Command, floor, at uint64) {
	t.Helper()
	cursor := r.Uint64N(at + 3)
	if tail.floor < floor || tail.last != at {
		t.Fatalf("the tail is from %d to %d, and should reach from %d or later to %d", tail.floor, tail.last, floor, at)
	}
	_, _, behind := tail.after(cursor)
	if behind != (cursor < tail.floor) {
		t.Fatalf("behind is %v at %d, and the tail begins at %d", behind, cursor, tail.floor)
	}
	if behind {
		return
	}
	i, _ := slices.BinarySearchFunc(log, cursor+1, func(c consensus.Command, index uint64) int { return int(c.Index) - int(index) })
	prev := cursor
	for {
		messages, last, _ := tail.after(prev)
		if len(messages) == 0 {
			break
		}
		for len(messages) > 0 {
			n := messageHeader + int(messages[2])<<8 + int(messages[3])
			before, c, err := parseEntry(messages[messageHeader:n])
			if err != nil || before > prev || c.Index != log[i].Index || len(c.Data) != len(log[i].Data) {
				t.Fatalf("after %d came %d (after %d), and the log has %d: %v", prev, c.Index, before, log[i].Index, err)
			}
			if sum, known := tail.sum(c.Index); known != has || sum != entrySum(messages[messageHeader:n]) {
				t.Fatalf("the tail does not know entry %d", c.Index)
			}
			prev, messages, i = c.Index, messages[n:], i+1
		}
		if last != prev {
			t.Fatalf("the last one is %d, and is said to be %d", prev, last)
		}
	}
	if i != len(log) {
		t.Fatalf("%d entries are missing", len(log)-i)
	}
}

// BenchmarkAppend measures what a tail costs the apply loop for each move.
func BenchmarkAppend(b *testing.B) {
	for name, size := range map[string]int{"alone": 1, "batch": 64} {
		b.Run(name, func(b *testing.B) {
			tail := NewTail(0, 0)
			batch := make([]consensus.Command, size)
			for i := range batch {
				batch[i].Data = make([]byte, 60)
			}
			at := uint64(0)
			b.ReportAllocs()
			for i := 0; i < b.N; i += size {
				for j := range batch {
					at++
					batch[j].Index = at
				}
				tail.Append(batch)
			}
		})
	}
}
