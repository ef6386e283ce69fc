package main

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"runtime/debug"
	"slices"
	"sync"
	"sync/atomic"
	"syscall"
	"time"
)

// child is this process as a node: what the orchestrator's requests work on.
type child struct {
	mu   sync.Mutex // guards what follows
	node node
	load *load
}

// gcPercent is GOGC in the nodes of every system, as `chessrelay serve` has it.
const gcPercent = 400

// runNode serves requests from standard input until that ends.
func runNode(ctx context.Context, _ []string) error {
	c := &child{}
	if os.Getenv("GOGC") == "" {
		debug.SetGCPercent(gcPercent)
	}
	out := json.NewEncoder(os.Stdout)
	// Libraries that print go to the log.
	os.Stdout = os.Stderr
	var mu sync.Mutex // one answer at a time
	lines := bufio.NewScanner(os.Stdin)
	lines.Buffer(nil, maxLine)
	for lines.Scan() {
		var r request
		if err := json.Unmarshal(lines.Bytes(), &r); err != nil {
			return fmt.Errorf("not a request: %w", err)
		}
		go func() {
			answer := response{ID: r.ID}
			result, err := c.do(ctx, r)
			if err == nil && result != nil {
				answer.Result, err = json.Marshal(result)
			}
			if err != nil {
				answer.Error = err.Error()
			}
			mu.Lock()
			defer mu.Unlock()
			_ = out.Encode(answer) // without an orchestrator, standard input ends, too
		}()
	}
	return lines.Err()
}

// loadArgs are the arguments of "load".
type loadArgs struct {
	Outstanding int `json:"outstanding"`
}

func (c *child) do(ctx context.Context, r request) (any, error) {
	switch r.Op {
	case "start":
		var cfg nodeConfig
		if err := json.Unmarshal(r.Args, &cfg); err != nil {
			return nil, err
		}
		s, err := findSystem(cfg.System)
		if err != nil {
			return nil, err
		}
		n, err := s.open(ctx, cfg)
		if err != nil {
			return nil, err
		}
		c.mu.Lock()
		c.node = n
		c.mu.Unlock()
		return nil, nil
	case "usage":
		return ownUsage()
	}
	c.mu.Lock()
	n, l := c.node, c.load
	c.mu.Unlock()
	if n == nil {
		return nil, errors.New("the node is not started")
	}
	switch r.Op {
	case "lead":
		return nil, n.lead(ctx)
	case "load":
		var args loadArgs
		if err := json.Unmarshal(r.Args, &args); err != nil {
			return nil, err
		}
		l, err := startLoad(ctx, n, args)
		c.mu.Lock()
		c.load = l
		c.mu.Unlock()
		return nil, err
	case "window":
		if l == nil {
			return nil, errors.New("there is no load")
		}
		return l.window()
	case "unload":
		if l == nil {
			return nil, errors.New("there is no load")
		}
		return nil, l.stop()
	case "applied":
		if n, ok := n.(counted); ok {
			return n.applied(), nil
		}
		return nil, errors.New("it cannot say what it has applied")
	case "stop":
		if n, ok := n.(io.Closer); ok {
			return nil, n.Close()
		}
		return nil, nil
	}
	if n, ok := n.(caller); ok {
		return n.call(ctx, r.Op, r.Args)
	}
	return nil, fmt.Errorf("there is no operation %q", r.Op)
}

// procUsage is what a process has used since it began.
type procUsage struct {
	CPU    time.Duration `json:"cpu"`    // user and system
	MaxRSS int64         `json:"maxRss"` // bytes
}

func ownUsage() (procUsage, error) {
	var r syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &r); err != nil {
		return procUsage{}, err
	}
	return procUsage{CPU: time.Duration(r.Utime.Nano() + r.Stime.Nano()), MaxRSS: r.Maxrss << 10}, nil
}

// lastAnswer is how long a submission may take when a load is ended.
const lastAnswer = 10 * time.Second

// A load is workers that submit, each one submission at a time, until it is stopped.
type load struct {
	cancel  context.CancelFunc
	stopped atomic.Bool
	wg      sync.WaitGroup

	workers []*worker
	began   time.Time // of the present window; guarded by mu
	mu      sync.Mutex
	failure error // the first one; guarded by mu
}

// worker is one goroutine of a load.
type worker struct {
	mu    sync.Mutex
	times []time.Duration // of what was answered in this window; guarded by mu
}

// startLoad starts the workers. They are all there when it returns.
func startLoad(ctx context.Context, n node, args loadArgs) (*load, error) {
	if args.Outstanding < 1 || args.Outstanding > 1<<16 {
		return nil, fmt.Errorf("%d outstanding submissions", args.Outstanding)
	}
	l := &load{began: time.Now()}
	ctx, l.cancel = context.WithCancel(ctx)
	submits := make([]func(context.Context) error, args.Outstanding)
	for i := range submits {
		var err error
		if submits[i], err = n.submitter(i); err != nil {
			l.cancel()
			return nil, fmt.Errorf("submitter %d: %w", i, err)
		}
	}
	for _, submit := range submits {
		w := &worker{}
		l.workers = append(l.workers, w)
		l.wg.Go(func() {
			for ctx.Err() == nil && !l.stopped.Load() {
				began := time.Now()
				err := submit(ctx)
				if err == errNotCounted {
					continue
				}
				if err != nil {
					if ctx.Err() == nil {
						l.fail(err)
					}
					return
				}
				took := time.Since(began)
				w.mu.Lock()
				w.times = append(w.times, took)
				w.mu.Unlock()
			}
		})
	}
	return l, nil
}

// fail remembers why a submission was not answered. A measurement with one that failed is none.
func (l *load) fail(err error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.failure == nil {
		l.failure = err
	}
}

// windowResult is what was answered in one window.
type windowResult struct {
	Ops     int           `json:"ops"`
	Seconds float64       `json:"seconds"`
	P50     time.Duration `json:"p50"`
	P99     time.Duration `json:"p99"`
	Max     time.Duration `json:"max"`
}

func (w windowResult) rate() float64 { return float64(w.Ops) / w.Seconds }

// window ends the present window, begins the next, and returns what was answered in the one that ended.
func (l *load) window() (windowResult, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	now := time.Now()
	r := windowResult{Seconds: now.Sub(l.began).Seconds()}
	l.began = now
	var all []time.Duration
	for _, w := range l.workers {
		w.mu.Lock()
		all = append(all, w.times...)
		w.times = make([]time.Duration, 0, len(w.times))
		w.mu.Unlock()
	}
	slices.Sort(all)
	r.Ops = len(all)
	if r.Ops > 0 {
		r.P50, r.P99, r.Max = quantile(all, 0.5), quantile(all, 0.99), all[len(all)-1]
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
