package node

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// slowNode answers each submission after a time, and counts them.
type slowNode struct {
	takes     time.Duration
	submitted atomic.Int64
	skip      int64 // every skip-th submission does not count; 0: all do
	failure   error
}

func (n *slowNode) Lead(context.Context) error { return nil }

func (n *slowNode) Submitter(int) (func(context.Context) error, error) {
	return func(ctx context.Context) error {
		i := n.submitted.Add(1)
		if n.failure != nil {
			return n.failure
		}
		if n.skip > 0 && i%n.skip == 0 {
			return ErrNotCounted
		}
		return Wait(ctx, n.takes)
	}, nil
}

// TestPace: a load with a pace does not wait for answers. They take 100 ms here, so workers that
// waited would make 10 submissions a second each.
func TestPace(t *testing.T) {
	n := &slowNode{takes: 100 * time.Millisecond}
	l, err := startLoad(t.Context(), n, LoadArgs{PerSecond: 1000})
	if err != nil {
		t.Fatal(err)
	}
	if err := Wait(t.Context(), 300*time.Millisecond); err != nil {
		t.Fatal(err)
	}
	if _, err := l.window(); err != nil {
		t.Fatal(err)
	}
	if err := Wait(t.Context(), 500*time.Millisecond); err != nil {
		t.Fatal(err)
	}
	r, err := l.window()
	if err := errors.Join(err, l.stop()); err != nil {
		t.Fatal(err)
	}
	if rate := r.Rate(); rate < 700 || rate > 1300 {
		t.Errorf("%.0f a second", rate)
	}
	if r.P50 < n.takes || r.P50 > 2*n.takes {
		t.Errorf("p50 %v of what takes %v", r.P50, n.takes)
	}
	if workers := len(l.workers); workers < 50 || workers > 500 { // about 100 at a time
		t.Errorf("%d workers", workers)
	}
}

// TestCountedLoad: a load with a count makes that many submissions, however many workers there are.
// It counts only those that count.
func TestCountedLoad(t *testing.T) {
	for _, n := range []*slowNode{{}, {skip: 3}} {
		l, err := startLoad(t.Context(), n, LoadArgs{Outstanding: 7, Count: 5000})
		if err != nil {
			t.Fatal(err)
		}
		l.wg.Wait()
		r, err := l.window()
		if err != nil {
			t.Fatal(err)
		}
		if r.Ops != 5000 {
			t.Errorf("%d submissions", r.Ops)
		}
		if err := l.stop(); err != nil {
			t.Error(err)
		}
	}
}

// TestTimes: each submission has its own time, though each needs only one reading of the clock.
func TestTimes(t *testing.T) {
	for _, n := range []*slowNode{{takes: 2 * time.Millisecond}, {takes: 2 * time.Millisecond, skip: 3}} {
		l, err := startLoad(t.Context(), n, LoadArgs{Outstanding: 2, Count: 100})
		if err != nil {
			t.Fatal(err)
		}
		l.wg.Wait()
		r, err := l.window()
		if err := errors.Join(err, l.stop()); err != nil {
			t.Fatal(err)
		}
		if r.P50 < n.takes || r.P50 > 8*n.takes { // some 50 of them in a row
			t.Errorf("p50 %v of what takes %v", r.P50, n.takes)
		}
	}
}

func TestLoadFails(t *testing.T) {
	for _, args := range []LoadArgs{{Outstanding: 2}, {PerSecond: 1000}} {
		n := &slowNode{failure: errors.New("no")}
		l, err := startLoad(t.Context(), n, args)
		if err != nil {
			t.Fatal(err)
		}
		for n.submitted.Load() < 2 {
			if err := Wait(t.Context(), time.Millisecond); err != nil {
				t.Fatal(err)
			}
		}
		if err := l.stop(); err == nil {
			t.Errorf("%+v: it did not fail", args)
		}
	}
	for _, args := range []LoadArgs{{}, {Outstanding: 1, PerSecond: 1}, {Outstanding: -1}, {Outstanding: maxWorkers + 1}, {PerSecond: 1, Count: 1}} {
		if l, err := startLoad(t.Context(), &slowNode{}, args); err == nil {
			t.Errorf("%+v is a load", args)
			_ = l.stop()
		}
	}
}

// batchNode answers all waiting submissions at once, as a leader does after a write. Nothing else
// takes time.
type batchNode struct {
	mu      sync.Mutex
	waiting []chan struct{} // guarded by mu
	some    chan struct{}
}

func (n *batchNode) Lead(context.Context) error { return nil }

func (n *batchNode) Submitter(int) (func(context.Context) error, error) {
	answered := make(chan struct{}, 1)
	return func(ctx context.Context) error {
		n.mu.Lock()
		n.waiting = append(n.waiting, answered)
		n.mu.Unlock()
		select {
		case n.some <- struct{}{}:
		default:
		}
		<-answered
		return nil
	}, nil
}

func (n *batchNode) answer(ctx context.Context) {
	var batch []chan struct{}
	for {
		select {
		case <-n.some:
		case <-ctx.Done():
			return
		}
		n.mu.Lock()
		batch, n.waiting = n.waiting, batch[:0]
		n.mu.Unlock()
		for _, answered := range batch {
			answered <- struct{}{}
		}
	}
}

// BenchmarkLoad measures what a submission costs outside of the system: the node answers at once.
func BenchmarkLoad(b *testing.B) {
	for _, outstanding := range []int{1, 64, 1024, 32768} {
		b.Run(fmt.Sprint(outstanding), func(b *testing.B) {
			n := &batchNode{some: make(chan struct{}, 1)}
			var wg sync.WaitGroup
			defer wg.Wait()
			ctx, cancel := context.WithCancel(b.Context())
			defer cancel()
			wg.Go(func() { n.answer(ctx) })
			l, err := startLoad(b.Context(), n, LoadArgs{Outstanding: outstanding, Count: b.N})
			if err != nil {
				b.Fatal(err)
			}
			l.wg.Wait()
			if err := l.stop(); err != nil {
				b.Fatal(err)
			}
		})
	}
}
