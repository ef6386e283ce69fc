package engine

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os/exec"
	"runtime"
	"sync"
	"time"

	"github.com/chessrelay/chessrelay/relay"
)

// Config configures an [Engine].
type Config struct {
	// Path is the program. Required.
	Path string
	// Threads is how many threads it searches with; zero: 1.
	Threads int
	// HashMB is the size of its hash table in MiB; zero: 64.
	HashMB int
	// Store gets the evaluations. Required.
	Store *Store
	Log   *slog.Logger

	// Backoff is the first pause before a process is started again; zero: 1 s. Each is twice as
	// long as the one before, up to a minute.
	Backoff time.Duration
	// Patience is how long the process may take to end a search that should be over; zero: 5 s.
	Patience time.Duration
}

// Engine searches the positions that are wanted, one at a time.
type Engine struct {
	cfg    Config
	log    *slog.Logger
	cancel context.CancelFunc
	done   chan struct{}
	wake   chan struct{} // capacity 1: the wanted positions have changed

	mu     sync.Mutex
	wanted []relay.Position // the newest first
	state  Stats
	faults map[relay.Position]int // how often a search has failed
}

// Stats are an engine's figures. Counters start when it is opened.
type Stats struct {
	Name        string `json:"name,omitempty"` // as it calls itself; empty: it has not started yet
	Running     bool   `json:"running"`
	Threads     int    `json:"threads"`
	Queue       int    `json:"queue"` // positions of watched boards that have no evaluation yet
	Evaluations uint64 `json:"evaluations"`
	Restarts    uint64 `json:"restarts"`
}

// maxWanted bounds the wanted positions. A node with more watched boards leaves out those that have
// been quiet for longest.
const maxWanted = 4096

// stages are how long a position is searched, one after the other. The first is shorter while many
// positions wait.
var stages = []time.Duration{400 * time.Millisecond, 1500 * time.Millisecond, 5 * time.Second, 15 * time.Second, 30 * time.Second}

const (
	firstPass   = 2 * time.Second // all waiting positions together, if they are few
	shortest    = 60 * time.Millisecond
	putEvery    = 500 * time.Millisecond // while a search goes on
	enoughDepth = 8                      // of the first evaluation that is shown during a search
	maxFaults   = 2
	keepFaults  = 1000
	maxBackoff  = time.Minute
	lasting     = time.Minute // a process that ran so long is no bad one
)

// Open starts the engine. It fails if there is no such program; whatever goes wrong later, the
// engine is started again.
func Open(cfg Config) (*Engine, error) {
	if cfg.Store == nil {
		return nil, errors.New("engine: Config.Store is required")
	}
	path, err := exec.LookPath(cfg.Path)
	if err != nil {
		return nil, fmt.Errorf("the engine cannot be run: %w", err)
	}
	cfg.Path = path
	for _, d := range []struct {
		value *time.Duration
		zero  time.Duration
	}{{&cfg.Backoff, time.Second}, {&cfg.Patience, 5 * time.Second}} {
		if *d.value == 0 {
			*d.value = d.zero
		}
	}
	if cfg.Threads <= 0 {
		cfg.Threads = 1
	}
	if cfg.HashMB <= 0 {
		cfg.HashMB = 64
	}
	if cfg.Log == nil {
		cfg.Log = slog.New(slog.DiscardHandler)
	}
	ctx, cancel := context.WithCancel(context.Background())
	e := &Engine{
		cfg: cfg, log: cfg.Log, cancel: cancel, done: make(chan struct{}), wake: make(chan struct{}, 1),
		faults: map[relay.Position]int{}, state: Stats{Threads: cfg.Threads},
	}
	go e.run(ctx)
	return e, nil
}

// Close ends the process, and waits for it.
func (e *Engine) Close() error {
	e.cancel()
	<-e.done
	return nil
}

// Want says which positions are to be evaluated, the newest first. It replaces the list before, and
// never waits.
func (e *Engine) Want(positions []relay.Position) {
	positions = positions[:min(len(positions), maxWanted)]
	e.mu.Lock()
	e.wanted = append(e.wanted[:0], positions...)
	e.mu.Unlock()
	select {
	case e.wake <- struct{}{}:
	default:
	}
}

// Stats returns the engine's figures.
func (e *Engine) Stats() Stats {
	e.mu.Lock()
	defer e.mu.Unlock()
	s := e.state
	for _, p := range e.wanted {
		if e.cfg.Store.Get(p) == nil {
			s.Queue++
		}
	}
	return s
}

// run keeps a process running.
func (e *Engine) run(ctx context.Context) {
	defer close(e.done)
	defer e.cfg.Store.setOwn(false) // while it is started again, what it has said stays
	runtime.LockOSThread()          // see attributes; the thread ends with the goroutine
	pause, told := e.cfg.Backoff, ""
	for {
		began := time.Now()
		err := e.session(ctx)
		e.mu.Lock()
		e.state.Running = false
		if ctx.Err() == nil {
			e.state.Restarts++
		}
		e.mu.Unlock()
		if ctx.Err() != nil {
			return
		}
		if time.Since(began) > lasting {
			pause = e.cfg.Backoff
		}
		if why := err.Error(); why != told || time.Since(began) > lasting { // a reason that repeats is logged once
			e.log.Warn("the engine failed; it is started again", "path", e.cfg.Path, "in", pause, "err", err)
			told = why
		}
		timer := time.NewTimer(pause)
		select {
		case <-timer.C:
		case <-ctx.Done():
			timer.Stop()
			return
		}
		pause = min(2*pause, maxBackoff)
	}
}

// session runs one process until it fails or ctx ends.
func (e *Engine) session(ctx context.Context) error {
	p, err := start(e.cfg.Path)
	if err != nil {
		return err
	}
	defer p.kill()
	if err := p.prepare(ctx, e.cfg.Threads, e.cfg.HashMB); err != nil {
		return err
	}
	e.log.Info("the engine runs", "name", p.name, "path", e.cfg.Path, "threads", e.cfg.Threads)
	e.mu.Lock()
	e.state.Name, e.state.Running = p.name, true
	e.mu.Unlock()
	e.cfg.Store.setOwn(true)
	for {
		s, ok := e.next()
		if ok {
			if err := e.search(ctx, p, s); err != nil {
				if ctx.Err() == nil {
					e.failed(s.position)
				}
				return err
			}
			continue
		}
		select {
		case <-e.wake:
		case _, ok := <-p.lines: // it has nothing to say now
			if err := p.heard(ok); err != nil {
				return err
			}
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// failed notes that a search of the position failed.
func (e *Engine) failed(p relay.Position) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if len(e.faults) >= keepFaults {
		clear(e.faults)
	}
	e.faults[p]++
}

// A job is a position to be searched, and for how long.
type job struct {
	position relay.Position
	stage    int
	time     time.Duration
}

// next returns the wanted position with the fewest stages, and of these the newest.
func (e *Engine) next() (best job, ok bool) {
	e.mu.Lock()
	defer e.mu.Unlock()
	waiting := 0
	for _, p := range e.wanted {
		stage := e.cfg.Store.stages(p)
		if stage >= len(stages) || e.faults[p] >= maxFaults || ok && stage > best.stage {
			continue
		}
		if ok && stage == best.stage {
			waiting++
			continue
		}
		if !p.Playable() {
			continue
		}
		best, ok, waiting = job{p, stage, stages[stage]}, true, 1
	}
	switch {
	case !ok || best.stage > 0:
	case e.faults[best.position] > 0: // it may have had too little time
		best.time = firstPass
	default:
		best.time = min(best.time, max(shortest, firstPass/time.Duration(waiting)))
	}
	return best, ok
}

// yields reports whether the search of j should end early: something else is wanted more.
func (e *Engine) yields(j job) bool {
	if j.stage == 0 {
		return false // it is over in a moment
	}
	best, ok := e.next()
	return !ok || best.stage < j.stage || best.position != j.position && !e.wants(j.position)
}

func (e *Engine) wants(p relay.Position) bool {
	e.mu.Lock()
	defer e.mu.Unlock()
	for _, w := range e.wanted {
		if w == p {
			return true
		}
	}
	return false
}

// search searches one position, and puts what comes of it into the store.
func (e *Engine) search(ctx context.Context, p *process, j job) error {
	if is960 := j.position.Chess960(); is960 != p.chess960 && p.options["UCI_Chess960"] {
		if err := p.send("setoption name UCI_Chess960 value %t", is960); err != nil {
			return err
		}
		p.chess960 = is960
	}
	if err := p.send("position fen %s\ngo movetime %d", j.position.FEN(), j.time.Milliseconds()); err != nil {
		return err
	}
	limit := time.NewTimer(j.time + e.cfg.Patience)
	defer limit.Stop()
	var found *relay.Evaluation
	put, stopped := time.Now().Add(-putEvery), false
	for {
		select {
		case line, ok := <-p.lines:
			if err := p.heard(ok); err != nil {
				return err
			}
			if isWord(line, "bestmove") {
				e.finished(j, found, stopped)
				return nil
			}
			v := parseInfo(line, j.position)
			if v == nil {
				continue
			}
			found = v
			if now := time.Now(); v.Depth >= enoughDepth && now.Sub(put) >= putEvery {
				put = now
				e.cfg.Store.put(j.position, v, j.stage)
			}
		case <-e.wake:
			if stopped || !e.yields(j) {
				continue
			}
			stopped = true
			if err := p.send("stop"); err != nil {
				return err
			}
			limit.Reset(e.cfg.Patience)
		case <-limit.C:
			return errSilent
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// finished notes the end of a search.
func (e *Engine) finished(j job, found *relay.Evaluation, stopped bool) {
	if found == nil {
		if !stopped {
			e.failed(j.position) // it is not asked for ever
		}
		return
	}
	done := j.stage
	if !stopped {
		done++
	}
	e.cfg.Store.put(j.position, found, done)
	e.mu.Lock()
	e.state.Evaluations++
	e.mu.Unlock()
}

// isWord reports whether the line begins with the word.
func isWord(line, word string) bool {
	return len(line) >= len(word) && line[:len(word)] == word && (len(line) == len(word) || line[len(word)] == ' ')
}
