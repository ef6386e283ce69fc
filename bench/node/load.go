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
	// PerSecond submissions are made at a steady pace, whether those before are answered or not.
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

	answers sync.Pool // of *answers, which all has, too: the processors do not wait for each other there

	mu      sync.Mutex
	all     []*answers // guarded by mu, as all that follows
	workers []*worker
	idle    []*worker     // of a load with a pace
	began   time.Duration // when the present window did, by now
	failure error         // the first one
}

// worker makes one submission at a time.
type worker struct {
	submit func(context.Context) error
}

// answers are how long those took that one processor had in this window. Were each worker to keep
// its own, a thousand of them would be a thousand places in memory, none of which is in the cache
// when its turn comes: with 32,768 of them that takes 0.1 µs more of each submission.
type answers struct {
	mu    sync.Mutex
	times []time.Duration   // guarded by mu
	full  [][]time.Duration // the chunks before those; guarded by mu
}

// answersChunk is how many times a chunk holds. One slice that grew with them would be copied again
// and again under load.
const answersChunk = 1 << 10

// maxWorkers is how many submissions may be outstanding.
const maxWorkers = 1 << 16

// startLoad starts the workers. Those of a load without a pace are all there when it returns.
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

// now is the time since the load was started. A submission's end is the beginning of the worker's
// next one, so that the clock is read once for each.
func (l *load) now() time.Duration { return time.Since(l.started) }

// submit makes one submission that began at this time, and returns when it ended; false: it failed,
// or is not wanted any more.
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
// submission starts when it is made: should pace be late itself, which a sleep of less than a
// millisecond may be, it catches up.
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

// fail remembers why a submission was not answered. A measurement with one that failed is none.
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

// window ends the present window, begins the next, and returns what was answered in the one that
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

// stop has the workers end with the answer that they wait for.
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
