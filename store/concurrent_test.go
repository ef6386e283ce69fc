package store

import (
	"errors"
	"math/rand/v2"
	"path/filepath"
	"sync"
	"testing"

	"go.etcd.io/raft/v3"
	"go.etcd.io/raft/v3/raftpb"
)

// TestReadersAndWriter has readers at work, in memory and on disk, while
// entries are appended, replaced and compacted.
func TestReadersAndWriter(t *testing.T) {
	t.Parallel()
	l := mustOpenLog(t, filepath.Join(t.TempDir(), "log"), LogOptions{TailBytes: 8000, SegmentBytes: 32 << 10})
	stop := make(chan struct{})
	var wg sync.WaitGroup
	read := func(r *rand.Rand) error {
		first, last := l.FirstIndex(), l.LastIndex()
		if last < first {
			return nil
		}
		lo := first + r.Uint64N(last-first+1)
		ents, err := l.Entries(lo, last+1, r.Uint64N(20_000))
		if err != nil {
			return err
		}
		for i, e := range ents {
			// The content follows from index and term, and terms never fall. So a mix of old and
			// new entries would show.
			if want := entry(lo+uint64(i), e.Term); !sameEntry(e, want) {
				t.Errorf("entry %d is %v, want %v", lo+uint64(i), e, want)
			}
			if i > 0 && e.Term < ents[i-1].Term {
				t.Errorf("term %d of entry %d follows term %d", e.Term, e.Index, ents[i-1].Term)
			}
		}
		_, err = l.Term(lo)
		return err
	}
	for i := range uint64(3) {
		wg.Go(func() {
			r := rand.New(rand.NewPCG(i, 9))
			for {
				select {
				case <-stop:
					return
				default:
				}
				err := read(r)
				if err != nil && !errors.Is(err, raft.ErrCompacted) && !errors.Is(err, raft.ErrUnavailable) {
					t.Error(err)
					return
				}
			}
		})
	}
	r := rand.New(rand.NewPCG(7, 7))
	term := uint64(1)
	for range 250 {
		first, last := l.FirstIndex(), l.LastIndex()
		var err error
		switch n := r.IntN(10); {
		case n < 7:
			err = l.Write(raftpb.HardState{}, entries(last+1, last+r.Uint64N(30), term))
		case n < 8:
			term++
			from := max(first, last-min(last, r.Uint64N(120)))
			err = l.Write(raftpb.HardState{}, entries(from, from+r.Uint64N(20), term))
		default:
			err = l.Compact(max(first-1, last-min(last, 300)))
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	close(stop)
	wg.Wait()
}

// TestTailBound: memory for the tail stays within its limit, and the tail is
// that again after a restart.
func TestTailBound(t *testing.T) {
	path := filepath.Join(t.TempDir(), "log")
	const limit = 50_000
	o := LogOptions{TailBytes: limit}
	l := mustOpenLog(t, path, o)
	check := func() {
		t.Helper()
		size := l.tail.end() - l.tail.base + (l.tail.next()-l.tail.first)*entryOverhead
		if size > limit || size < limit/2 || l.tail.next() != l.LastIndex()+1 {
			t.Fatalf("tail [%d, %d) of %d bytes, the log ends at %d", l.tail.first, l.tail.next(), size, l.LastIndex())
		}
	}
	for i := uint64(1); i < 3000; i += 100 {
		if err := l.Write(raftpb.HardState{}, entries(i, i+99, 1)); err != nil {
			t.Fatal(err)
		}
		if i > 500 {
			check()
		}
	}
	l.Close()
	l = mustOpenLog(t, path, o)
	check()
}
