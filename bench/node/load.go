package node

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"
	"time"
)

// LoadArgs are the arguments of "load": one of two kinds.
type LoadArgs struct {
	// Outstanding workers submit one after another, each when the one before is answered.
	Outstanding int `json:"outstanding,omitempty"`
	// PerSecond submissions are made at a steady pace, without waiting for answers.
	PerSecond int `json:"perSecond,omitempty"`
	// Count is how many submissions the workers make together; zero: until the load is stopped.
	Count int `json:"count,omitempty"`
}

// lastAnswer is how long a submission may take when a load is ended.
const lastAnswer = 10 * time.Second

// A load is workers that submit, each one submission at a time, until it is stopped.
type load struct {
	node    Node
	started time.Time
	cancel  context.CancelFunc
	stopped atomic.Bool
	left    atomic.Int64 // of LoadArgs.Count
	wg      sync.WaitGroup

	answers sync.Pool // of *answers, which are also in all: here the processors do not wait for each other

	mu      sync.Mutex
	all     []*answers // guarded by mu, as is all that follows
	workers []*worker
	idle    []*worker     // of a load with a pace
	began   time.Duration // when the current window began, by now
	failure error         // the first one
}

// worker makes one submission at a time.
type worker struct {
	submit func(context.Context) error
}

// answers are the times of submissions that were answered on one processor in this window. If each
// worker kept its own, a thousand workers would use a thousand places in memory, all cold when
// their turn comes. With 32,768 workers that costs 0.1 µs more for each submission.
type answers struct {
	mu    sync.Mutex
	times []time.Duration   // guarded by mu
	full  [][]time.Duration // the earlier chunks; guarded by mu
}

// answersChunk is how many times a chunk holds. A single growing slice would be copied again and
// again under load.
const answersChunk = 1 << 10

// maxWorkers is how many submissions may be outstanding.
const maxWorkers = 1 << 16

// startLoad starts the workers. For a load without a pace, all workers exist when it returns.
func startLoad(ctx context.Context, n Node, args LoadArgs) (*load, error) {
	if args.Outstanding < 0 || args.Outstanding > maxWorkers || args.PerSecond < 0 || args.PerSecond > 1_000_000 ||
		(args.Outstanding == 0) == (args.PerSecond == 0) || args.Count < 0 || args.Count > 0 && args.PerSecond > 0 {
		return nil, fmt.Errorf("no load: %+v", args)
	}
	l := &load{node: n, started: time.Now()}
	l.answers.New = l.newAnswers
	ctx, l.cancel = context.WithCancel(ctx)
	l.left.Store(int64(args.Count))
	if args.PerSecond > 0 {
		l.wg.Go(func() { l.pace(ctx, args.PerSecond) })
		return l, nil
	}
	for range args.Outstanding {
		if _, err := l.newWorker(); err != nil {
			l.cancel()
			return nil, err
		}
	}
	for _, w := range l.workers {
		l.wg.Go(func() {
			now, ok := l.now(), true
			for ok && ctx.Err() == nil && !l.stopped.Load() && (args.Count == 0 || l.left.Add(-1) >= 0) {
				now, ok = l.submit(ctx, w, now)
			}
		})
	}
	return l, nil
}

func (l *load) newWorker() (*worker, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if len(l.workers) == maxWorkers {
		return nil, fmt.Errorf("%d submissions are outstanding: they are answered too slowly for this pace", maxWorkers)
	}
	submit, err := l.node.Submitter(len(l.workers))
	if err != nil {
		return nil, fmt.Errorf("submitter %d: %w", len(l.workers), err)
	}
	w := &worker{submit: submit}
	l.workers = append(l.workers, w)
	return w, nil
}

// now is the time since the load was started. The end of a submission is the beginning of the
// worker's next one, so each needs one reading of the clock.
func (l *load) now() time.Duration { return time.Since(l.started) }

// submit makes one submission that began at this time, and returns when it ended. false: it failed,
// or is no longer wanted.
func (l *load) submit(ctx context.Context, w *worker, began time.Duration) (ended time.Duration, ok bool) {
	err := w.submit(ctx)
	for err == ErrNotCounted {
		began = l.now()
		err = w.submit(ctx)
	}
	if err != nil {
		if ctx.Err() == nil {
			l.fail(err)
		}
		return 0, false
	}
	ended = l.now()
	a := l.answers.Get().(*answers)
	a.mu.Lock()
	if len(a.times) == cap(a.times) {
		a.full, a.times = append(a.full, a.times), make([]time.Duration, 0, answersChunk)
	}
	a.times = append(a.times, ended-began)
	a.mu.Unlock()
	l.answers.Put(a)
	return ended, true
}

func (l *load) newAnswers() any {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.all = append(l.all, &answers{})
	return l.all[len(l.all)-1]
}

// pace submits at a steady pace until the load is stopped. It waits for no answer. The clock of a
// submission starts when it is made. If pace itself is late, it catches up: a sleep of less than a
// millisecond may be late.
func (l *load) pace(ctx context.Context, perSecond int) {
	began, every := l.now(), float64(time.Second)/float64(perSecond)
	for i := 0; !l.stopped.Load(); i++ {
		if d := began + time.Duration(float64(i)*every) - l.now(); d > 0 && Wait(ctx, d) != nil {
			return
		}
		w := l.takeIdle()
		if w == nil {
			var err error
			if w, err = l.newWorker(); err != nil {
				l.fail(err)
				return
			}
		}
		at := l.now()
		l.wg.Go(func() {
			if _, ok := l.submit(ctx, w, at); ok {
				l.mu.Lock()
				l.idle = append(l.idle, w)
				l.mu.Unlock()
			}
		})
	}
}

func (l *load) takeIdle() *worker {
	l.mu.Lock()
	defer l.mu.Unlock()
	if len(l.idle) == 0 {
		return nil
	}
	w := l.idle[len(l.idle)-1]
	l.idle = l.idle[:len(l.idle)-1]
	return w
}

// fail remembers why a submission was not answered. A measurement with a failed submission does not
// count.
func (l *load) fail(err error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.failure == nil {
		l.failure = err
	}
}

// Window is what was answered in one window of time.
type Window struct {
	Ops     int           `json:"ops"`
	Seconds float64       `json:"seconds"`
	P50     time.Duration `json:"p50"`
	P99     time.Duration `json:"p99"`
	Max     time.Duration `json:"max"`
}

// Rate is submissions answered a second.
func (w Window) Rate() float64 { return float64(w.Ops) / w.Seconds }

// window ends the current window and begins the next. It returns what was answered in the one that
// ended.
func (l *load) window() (Window, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	now := l.now()
	r := Window{Seconds: (now - l.began).Seconds()}
	l.began = now
	var all []time.Duration
	for _, a := range l.all {
		a.mu.Lock()
		chunks := append(a.full, a.times)
		a.full, a.times = nil, nil
		a.mu.Unlock()
		for _, times := range chunks {
			all = append(all, times...)
		}
	}
	slices.Sort(all)
	r.Ops = len(all)
	if r.Ops > 0 {
		r.P50, r.P99, r.Max = Quantile(all, 0.5), Quantile(all, 0.99), all[len(all)-1]
	}
	return r, l.failure
}

// stop lets each worker wait for its current answer, and ends it.
func (l *load) stop() error {
	l.stopped.Store(true)
	late := time.AfterFunc(lastAnswer, l.cancel)
	l.wg.Wait()
	late.Stop()
	l.cancel()
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.failure
}
