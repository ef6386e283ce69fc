package consensus

import (
	"encoding/json"
	"testing"
)

// apply notes commands with these indexes, whose sums are their index and salt.
func apply(s *Sums, salt uint64, from, to uint64) {
	var batch []Command
	for i := from; i <= to; i++ {
		if i%7 != 0 { // otherwise a new leader's entry, say
			batch = append(batch, Command{Index: i, Sum: i<<8 + salt})
		}
	}
	s.Note(batch)
}

func TestSums(t *testing.T) {
	var a, b Sums
	var c Comparison
	hear := func() { now, mark := b.Newest(); c.Compare(&a, now, mark) }
	want := func(at uint64, differs bool) {
		t.Helper()
		if c.At != at || c.Differs != differs {
			t.Fatalf("compared at %d, differs %v; want %d, %v", c.At, c.Differs, at, differs)
		}
	}
	hear()
	want(0, false)
	apply(&a, 0, 1, 100)
	apply(&b, 0, 1, 100)
	hear()
	want(100, false)
	apply(&b, 0, 101, 1000)
	hear() // this node is behind, and remembers the mark
	want(100, false)
	apply(&a, 0, 101, 2000)
	apply(&b, 0, 1001, 1500)
	hear()
	want(1471, false) // the last mark before 1472 = 23 × 64
	apply(&a, 0, 2001, 2010)
	apply(&b, 1, 1501, 2010)
	hear()
	want(2010, true)
	apply(&a, 0, 2011, 400_000) // far beyond what is kept
	hear()
	want(2010, true)
	a.Reset(Point{2010, 2010<<8 + 1}) // right boards, as the other one has them
	hear()
	want(2010, false)
}

// TestPendingMark has a node that is always behind. It keeps the first mark that it has not reached
// until it has.
func TestPendingMark(t *testing.T) {
	var a, b Sums
	var c Comparison
	for i := uint64(0); i < 50; i++ {
		apply(&b, 1, 1+i*200, (i+1)*200)
		now, mark := b.Newest()
		c.Compare(&a, now, mark)
		if i >= 10 {
			apply(&a, 0, 1+(i-10)*200, (i-9)*200)
		}
	}
	if c.At == 0 || !c.Differs {
		t.Errorf("compared at %d, differs %v", c.At, c.Differs)
	}
}

func TestPointJSON(t *testing.T) {
	want := Point{7, 1<<63 + 1}
	data, err := json.Marshal(want)
	if err != nil || string(data) != `{"index":7,"sum":"8000000000000001"}` {
		t.Fatalf("%s, %v", data, err)
	}
	var got Point
	if err := json.Unmarshal(data, &got); err != nil || got != want {
		t.Errorf("%v, %v", got, err)
	}
	if json.Unmarshal([]byte(`{"index":7,"sum":"x"}`), &got) == nil {
		t.Error("what is no sum was taken")
	}
}
