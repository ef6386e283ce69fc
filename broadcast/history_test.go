package broadcast

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/chessrelay/chessrelay/relay"
)

func fakeFrame(index uint64, size int) *frame {
	m := &message{index: index, objects: [][]byte{make([]byte, size)}}
	return &frame{index: index, parts: []eventPart{{board: 1, message: m}}, whole: m}
}

// all returns everything after index, batch by batch.
func (h *history) all(index uint64) (indexes []uint64, behind bool) {
	for {
		v := h.newest.Load()
		if index < v.floor {
			return indexes, true
		}
		frames := v.after(index)
		if len(frames) == 0 {
			return indexes, false
		}
		for _, f := range frames {
			indexes = append(indexes, f.index)
		}
		index = frames[len(frames)-1].index
	}
}

func TestHistoryBounds(t *testing.T) {
	var h history
	h.init(10, 3, 1<<20)
	for _, index := range []uint64{12, 15, 16} {
		h.add(fakeFrame(index, 100), false)
	}
	for _, c := range []struct {
		after  uint64
		want   []uint64
		behind bool
	}{
		{9, nil, true},
		{10, []uint64{12, 15, 16}, false},
		{12, []uint64{15, 16}, false},
		{13, []uint64{15, 16}, false},
		{16, nil, false},
		{99, nil, false},
	} {
		if got, behind := h.all(c.after); !slices.Equal(got, c.want) || behind != c.behind {
			t.Errorf("after %d: %v, behind %v; want %v, %v", c.after, got, behind, c.want, c.behind)
		}
	}
	if grown, ok := h.add(fakeFrame(20, 100), false); !ok || grown != 0 {
		t.Errorf("a fourth frame instead of the first: grown by %d, %v", grown, ok)
	}
	if _, behind := h.all(11); !behind {
		t.Error("12 has gone, but a reader at 11 is not behind")
	}
	if got, behind := h.all(12); behind || !slices.Equal(got, []uint64{15, 16, 20}) {
		t.Errorf("after 12: %v, behind %v", got, behind)
	}
	if _, ok := h.add(fakeFrame(20, 100), false); ok {
		t.Error("an index was taken twice")
	}
	h.reset(50)
	if _, behind := h.all(20); !behind {
		t.Error("a reset to 50 left a hole behind 20")
	}
	if got, behind := h.all(50); behind || len(got) > 0 {
		t.Errorf("after the reset: %v, behind %v", got, behind)
	}
}

func TestHistoryBytes(t *testing.T) {
	var h history
	h.init(0, 1000, 10_000)
	for i := uint64(1); i <= 500; i++ {
		h.add(fakeFrame(i, 300), false)
		if h.bytes > 10_000 {
			t.Fatalf("%d bytes at %d", h.bytes, i)
		}
	}
	if len(h.newest.Load().frames) == 0 {
		t.Error("nothing is kept")
	}
	h.add(fakeFrame(501, 20_000), false) // larger than the limit
	if floor, last := h.bounds(); floor != 501 || last != 501 || h.bytes != 0 {
		t.Errorf("floor %d, last %d, %d bytes", floor, last, h.bytes)
	}
}

// TestHistoryBatchAndWake: a batch is bounded, and a waiter is woken by what comes after its view.
func TestHistoryBatchAndWake(t *testing.T) {
	var h history
	h.init(0, 1000, 1<<20)
	for i := uint64(1); i <= 200; i++ {
		h.add(fakeFrame(i, 10), false)
	}
	v := h.newest.Load()
	frames := v.after(0)
	if len(frames) != maxBatchFrames {
		t.Errorf("a batch of %d", len(frames))
	}
	if frames := v.after(198); len(frames) != 2 || frames[0].index != 199 {
		t.Errorf("after 198: %d frames", len(frames))
	}
	wake, again := h.wait(v), h.wait(v)
	if isClosed(wake) {
		t.Error("woken by nothing")
	}
	h.add(fakeFrame(201, 10), false)
	<-wake
	<-again
	if !isClosed(h.wait(v)) {
		t.Error("the history was another before the wait, which goes on")
	}
	if isClosed(h.wait(h.newest.Load())) {
		t.Error("woken by nothing")
	}
}

func isClosed(c <-chan struct{}) bool {
	select {
	case <-c:
		return true
	default:
		return false
	}
}

// TestHistoryTableHasNoHole: whatever the table forgets, a cursor is either told that it is behind
// or gets every event of its round that it lacks.
func TestHistoryTableHasNoHole(t *testing.T) {
	for seed := range uint64(200) {
		rnd := rand.New(rand.NewPCG(seed, 1))
		table := newTable(Config{HistoryEvents: 8, HistoryBytes: 6000, HistoryTotal: 12_000}, 0)
		published := map[relay.RoundID][]uint64{}
		watched := map[relay.RoundID]*topic{}
		var index, base uint64
		for range 300 {
			id := relay.RoundID(fmt.Sprint("round", rnd.IntN(6)))
			switch r := watched[id]; rnd.IntN(12) {
			default:
				index += 1 + rnd.Uint64N(3)
				if _, ok := table.add(topicKey{id: id}, fakeFrame(index, rnd.IntN(600)), false); !ok {
					t.Fatalf("seed %d: %d was refused", seed, index)
				}
				published[id] = append(published[id], index)
			case 0:
				if r == nil {
					watched[id] = table.join(topicKey{id: id}, false)
				}
			case 1:
				if r != nil {
					table.leave(r)
					delete(watched, id)
				}
			case 2:
				if rnd.IntN(10) == 0 {
					index += rnd.Uint64N(5)
					base = index
					table.reset(index, nil)
				}
			}
			if table.bytes > table.maxTotal {
				t.Fatalf("seed %d: %d bytes", seed, table.bytes)
			}
			sum := 0
			for _, r := range table.topics {
				sum += r.history.bytes
			}
			if sum != table.bytes {
				t.Fatalf("seed %d: %d bytes are counted as %d", seed, sum, table.bytes)
			}
			since := rnd.Uint64N(index + 1)
			r := table.join(topicKey{id: id}, false)
			got, behind := r.history.all(since)
			table.leave(r)
			if since < base && !behind {
				t.Fatalf("seed %d: %d lies before the reset to %d, and is not behind", seed, since, base)
			}
			want := slices.DeleteFunc(slices.Clone(published[id]), func(i uint64) bool { return i <= since })
			if !behind && !slices.Equal(got, want) {
				t.Fatalf("seed %d: after %d: %v, want %v", seed, since, got, want)
			}
		}
	}
}
