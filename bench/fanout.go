package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/chessrelay/chessrelay/bench/node"
	"golang.org/x/sync/errgroup"
)

const (
	// maxFanSpectators is the most that one process may have. By default it has 20,000 file
	// descriptors.
	maxFanSpectators = 19_500
	// fanRate is how many moves a second a load plays.
	fanRate = 20
	// fanHerdRate is the same while all spectators come back.
	fanHerdRate = 4
	// fanBatch and fanOutstanding are the load of saturation: fanBatch events are published at
	// once, while at most fanOutstanding have not reached all spectators.
	fanBatch, fanOutstanding = 8, 32
	// fanWindow is how many connections are made at once, except for the herd.
	fanWindow = 512
	// fanSlowShare says that one of so many spectators is slow.
	fanSlowShare = 100
	// fanLong is how many times as long as the others those loads take that show whether a system
	// lasts.
	fanLong = 6
	// fanWithin is how long the last spectator may take.
	fanWithin = 3 * time.Minute
)

type fanFlags struct {
	runFlags
	systems    string
	spectators string
	idle       float64
	scale      bool
}

// runFanout is the command "fanout": what spectators cost, here and in systems that also have many.
//
// The server and the spectators are one process each. CPU and memory are the server's. All times
// are from the one clock that both share.
func runFanout(ctx context.Context, args []string) error {
	var f fanFlags
	fs := flag.NewFlagSet("fanout", flag.ContinueOnError)
	fs.StringVar(&f.systems, "systems", "", "measure these `SYSTEMS` only, separated by commas")
	fs.StringVar(&f.spectators, "spectators", "1000,10000,19500", "measure with these numbers of `SPECTATORS`, separated by commas")
	fs.IntVar(&f.rounds, "rounds", 3, "measure everything `N` times and report the medians")
	fs.Float64Var(&f.seconds, "seconds", 10, "measure each load for `S` seconds")
	fs.Float64Var(&f.idle, "idle", 20, "measure for `S` seconds the idle server's CPU time, which is subtracted from the rest")
	fs.BoolVar(&f.scale, "scale", true, "also serve, once for a minute, the most spectators that one process and two can have")
	fs.StringVar(&f.out, "out", "results", "write the results to `DIR`")
	fs.StringVar(&f.pgn, "pgn", "../cmd/chessrelay/replay/sample/olympiad-2014-round-11.pgn", "play the games in `FILE`")
	if err := fs.Parse(args); err != nil {
		return err
	}
	if fs.NArg() > 0 {
		return fmt.Errorf("%q is not a flag", fs.Arg(0))
	}
	if f.rounds < 1 || f.seconds <= 0 || f.idle < 0 {
		return fmt.Errorf("%d rounds of %g s after %g s are no measurement", f.rounds, f.seconds, f.idle)
	}
	counts, err := parseRising("spectators", f.spectators, maxFanSpectators)
	if err != nil {
		return err
	}
	chosen, err := f.selected()
	if err != nil {
		return err
	}
	most := 0
	if len(counts) > 0 {
		most = counts[len(counts)-1]
	}
	if f.scale {
		most = 2 * fanScaled
	}
	if err := checkFanLimits(most); err != nil {
		return err
	}
	if err := f.checkPGN(); err != nil {
		return err
	}
	if err := os.MkdirAll(f.out, 0o755); err != nil {
		return err
	}
	r, err := measureFanout(ctx, &f, chosen, counts)
	if err != nil {
		return err
	}
	if err := r.write(f.out); err != nil {
		return err
	}
	if len(r.Failures) > 0 {
		return fmt.Errorf("%d runs failed", len(r.Failures))
	}
	return nil
}

// selected returns the systems that --systems names, or all.
func (f *fanFlags) selected() ([]fanSystem, error) {
	if f.systems == "" {
		return fanSystems, nil
	}
	var chosen []fanSystem
	for name := range strings.SplitSeq(f.systems, ",") {
		s, err := findFanSystem(strings.TrimSpace(name))
		if err != nil {
			return nil, err
		}
		chosen = append(chosen, s)
	}
	return chosen, nil
}

// measureFanout runs every round: for each number of spectators it measures each system. Each time,
// it begins with another system.
func measureFanout(ctx context.Context, f *fanFlags, chosen []fanSystem, counts []int) (*fanoutReport, error) {
	r := newFanoutReport(f, chosen, counts)
	failed := func(what string, err error) error {
		if ctx.Err() != nil {
			return ctx.Err()
		}
		r.Failures = append(r.Failures, fmt.Sprintf("%s: %v", what, err)) // the others are still worth measuring
		fmt.Fprintln(os.Stderr, r.Failures[len(r.Failures)-1])
		return nil
	}
	for round := range f.rounds {
		for _, n := range counts {
			for i := range chosen {
				s := chosen[(i+round)%len(chosen)]
				m, err := f.measure(ctx, s, n, n == counts[0], n == counts[len(counts)-1])
				if err != nil {
					if err := failed(fmt.Sprintf("round %d: %s with %d spectators", round+1, s.name, n), err); err != nil {
						return nil, err
					}
					continue
				}
				r.count(s.name, n).Rounds[round] = m
				fmt.Fprintf(os.Stderr, "round %d/%d  %-12s %6d spectators  %s\n", round+1, f.rounds, s.name, n, m)
			}
		}
	}
	if !f.scale {
		return r, nil
	}
	for _, s := range chosen {
		for _, processes := range []int{1, 2} {
			m, err := f.measureScale(ctx, s, processes)
			if err != nil {
				if err := failed(fmt.Sprintf("%s with %d processes", s.name, processes), err); err != nil {
					return nil, err
				}
				continue
			}
			r.Scale = append(r.Scale, m)
			fmt.Fprintf(os.Stderr, "%-12s %6d spectators of %d processes: %+v\n", s.name, m.Spectators, processes, m)
		}
	}
	return r, nil
}

// fanRun is a server and its spectators.
type fanRun struct {
	system        fanSystem
	dir           string
	server, crowd *process
	idle          float64 // CPU seconds a second that the server takes when nothing happens
}

// startFanRun starts both, without a spectator. group distinguishes runs at the same time.
func startFanRun(ctx context.Context, s fanSystem, pgn string, group int) (r *fanRun, err error) {
	r = &fanRun{system: s}
	if r.dir, err = os.MkdirTemp("", "bench-fanout-"); err != nil {
		return nil, err
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, r.close())
		}
	}()
	if r.server, err = startProcess("", s.name, r.dir); err != nil {
		return nil, err
	}
	if r.crowd, err = startProcess("", "crowd", r.dir); err != nil {
		return nil, err
	}
	if err := r.server.call(ctx, "serve", fanServerConfig{System: s.name, PGN: pgn}, nil); err != nil {
		return nil, err
	}
	state, err := r.state(ctx)
	if err != nil {
		return nil, err
	}
	return r, r.crowd.call(ctx, "crowd", crowdConfig{Addr: state.Addr, Path: s.path, Says: s.says, Group: group}, nil)
}

// close kills both.
func (r *fanRun) close() error {
	for _, p := range []*process{r.crowd, r.server} {
		if p != nil {
			p.kill()
		}
	}
	return os.RemoveAll(r.dir)
}

func (r *fanRun) state(ctx context.Context) (s fanState, err error) {
	err = r.server.call(ctx, "state", nil, &s)
	return s, err
}

// come has spectators come, and waits until the server knows all of them, too.
func (r *fanRun) come(ctx context.Context, args comeArgs) (c came, err error) {
	ctx, cancel := context.WithTimeout(ctx, fanWithin)
	defer cancel()
	if err := r.crowd.call(ctx, "come", args, &c); err != nil {
		return c, err
	}
	err = node.Until(ctx, "the server to know its spectators", func() (bool, error) {
		s, err := r.state(ctx)
		return s.Spectators == args.Count, errors.Join(err, fmt.Errorf("it knows %d of %d", s.Spectators, args.Count))
	})
	return c, err
}

// fanUsage is the CPU time of both processes.
type fanUsage struct {
	at     time.Time
	server time.Duration
	crowd  time.Duration
}

func (r *fanRun) usage(ctx context.Context) (fanUsage, error) {
	var server, crowd node.Usage
	err := errors.Join(r.server.call(ctx, "usage", nil, &server), r.crowd.call(ctx, "usage", nil, &crowd))
	return fanUsage{time.Now(), server.CPU, crowd.CPU}, err
}

// fanLoad is moves, and when the spectators had them.
type fanLoad struct {
	Moves int `json:"moves"`
	// These are delays after the publishing. For each move there are the first spectator's, the
	// median, p99 and the last one's. Reported are the medians over the moves, and the longest.
	First   time.Duration `json:"first"`
	P50     time.Duration `json:"p50"`
	P99     time.Duration `json:"p99"`
	Last    time.Duration `json:"last"`
	MaxP50  time.Duration `json:"maxP50"`
	MaxLast time.Duration `json:"maxLast"`
	// Events are moves delivered; Messages are the WebSocket messages that carried them.
	Events   uint64 `json:"events"`
	Messages uint64 `json:"messages"`
	Writes   int64  `json:"writes"` // the server's system calls that write
	// CPU is the server's time for one move to one spectator, without what it takes when nothing
	// happens. CrowdCPU is that of the spectators.
	CPU       time.Duration `json:"cpu"`
	CrowdCPU  time.Duration `json:"crowdCpu"`
	PerSecond float64       `json:"perSecond"` // moves delivered
	// Held is the longest time that the system blocked its publisher.
	Held    time.Duration `json:"held"`
	Closed  int           `json:"closed"`  // spectators whom the server closed
	Missing int           `json:"missing"` // spectators without the last move
	Gaps    uint64        `json:"gaps"`    // moves that never came
	Again   uint64        `json:"again"`   // moves that came twice, or late
	Forward uint64        `json:"forward"` // moves that a later snapshot replaced
}

func (l fanLoad) writesPerEvent() float64 {
	if l.Events == 0 {
		return 0
	}
	return float64(l.Writes) / float64(l.Events)
}

func (l fanLoad) messagesPerEvent() float64 {
	if l.Events == 0 {
		return 0
	}
	return float64(l.Messages) / float64(l.Events)
}

// load plays this many moves and waits until everybody has the last one. If perSecond is 0, they
// are played as fast as the spectators get them, for that many seconds.
func (r *fanRun) load(ctx context.Context, moves int, perSecond, seconds float64) (l fanLoad, err error) {
	ctx, cancel := context.WithTimeout(ctx, 2*fanWithin+time.Duration(seconds*float64(time.Second)))
	defer cancel()
	state, err := r.state(ctx)
	if err != nil {
		return l, err
	}
	var before, after crowdState
	if err := r.crowd.call(ctx, "record", recordArgs{From: state.Index + 1, Count: moves}, nil); err != nil {
		return l, err
	}
	if err := r.crowd.call(ctx, "state", nil, &before); err != nil {
		return l, err
	}
	var wrote, written int64
	if err := r.server.call(ctx, "writes", nil, &wrote); err != nil {
		return l, err
	}
	used, err := r.usage(ctx)
	if err != nil {
		return l, err
	}
	var p published
	var end awaited
	if perSecond > 0 {
		if err := r.server.call(ctx, "publish", publishArgs{Count: moves, PerSecond: perSecond}, &p); err != nil {
			return l, err
		}
		err = r.await(ctx, state.Index+uint64(moves), &end)
	} else {
		p, end, err = r.saturate(ctx, state.Index, seconds)
	}
	if err != nil {
		return l, err
	}
	now, err := r.usage(ctx)
	if err != nil {
		return l, err
	}
	if err := r.crowd.call(ctx, "state", nil, &after); err != nil {
		return l, err
	}
	if err := r.server.call(ctx, "writes", nil, &written); err != nil {
		return l, err
	}
	l = fanLoad{
		Writes: written - wrote,
		Moves:  len(p.Times), Events: after.Events - before.Events, Messages: after.Messages - before.Messages, Held: p.Held,
		Closed: after.Closed - before.Closed - (after.ClosedSlow - before.ClosedSlow), Missing: end.Missing,
		Gaps: after.Gaps - before.Gaps, Again: after.Again - before.Again, Forward: after.Forward - before.Forward,
	}
	if l.Events == 0 {
		return l, fmt.Errorf("%s delivered nothing", r.system.name)
	}
	idle := time.Duration(r.idle * float64(now.at.Sub(used.at)))
	l.CPU = max(0, now.server-used.server-idle) / time.Duration(l.Events+l.Forward)
	l.CrowdCPU = (now.crowd - used.crowd) / time.Duration(l.Events)
	l.PerSecond = float64(l.Events) / (end.At - p.Times[0]).Seconds()
	if perSecond == 0 {
		return l, nil
	}
	var arrivals []arrival
	if err := r.crowd.call(ctx, "arrivals", nil, &arrivals); err != nil {
		return l, err
	}
	l.delays(p.Times, arrivals)
	return l, nil
}

// delays computes how long after their publishing the moves reached the spectators.
func (l *fanLoad) delays(published []time.Duration, arrivals []arrival) {
	var first, p50, p99, last []time.Duration
	for i, a := range arrivals {
		if i < len(published) && a.Count > 0 {
			first, p50 = append(first, a.First-published[i]), append(p50, a.P50-published[i])
			p99, last = append(p99, a.P99-published[i]), append(last, a.Last-published[i])
		}
	}
	if len(last) == 0 {
		return
	}
	l.First, l.P50, l.P99, l.Last = median(first), median(p50), median(p99), median(last)
	l.MaxP50, l.MaxLast = slices.Max(p50), slices.Max(last)
}

func (r *fanRun) await(ctx context.Context, index uint64, end *awaited) error {
	return r.crowd.call(ctx, "await", awaitArgs{Index: index, Within: fanWithin}, end)
}

// saturate publishes as fast as all spectators get it. The events follow index.
func (r *fanRun) saturate(ctx context.Context, index uint64, seconds float64) (all published, end awaited, err error) {
	for began, n := time.Now(), 0; time.Since(began).Seconds() < seconds; n += fanBatch {
		if out := n + fanBatch - fanOutstanding; out > 0 {
			if err := r.await(ctx, index+uint64(out), &end); err != nil {
				return all, end, err
			}
		}
		var p published
		if err := r.server.call(ctx, "publish", publishArgs{Count: fanBatch}, &p); err != nil {
			return all, end, err
		}
		all.Times, all.Held = append(all.Times, p.Times...), max(all.Held, p.Held)
	}
	return all, end, r.await(ctx, index+uint64(len(all.Times)), &end)
}

// fanPace is how many moves a second are played where each is measured alone: so few that all
// spectators have a move when the next one comes.
func fanPace(spectators int) float64 {
	switch {
	case spectators <= 2_000:
		return 5
	case spectators <= 12_000:
		return 2
	}
	return 1
}

// measure measures one system with n spectators. The fewest are also measured with slow ones among
// them, and the most also as a herd.
func (f *fanFlags) measure(ctx context.Context, s fanSystem, n int, fewest, most bool) (m fanMeasurement, err error) {
	r, err := startFanRun(ctx, s, f.pgn, 0)
	if err != nil {
		return m, err
	}
	defer func() { err = errors.Join(err, r.close()) }()
	// All code has run once before memory is measured.
	if _, err := r.come(ctx, comeArgs{Count: min(n, 50), Window: fanWindow}); err != nil {
		return m, err
	}
	if _, err := r.load(ctx, 2*venueBoards, 100, 0); err != nil {
		return m, err
	}
	if _, err := r.come(ctx, comeArgs{Cut: true}); err != nil {
		return m, err
	}
	before, err := r.memory(ctx)
	if err != nil {
		return m, err
	}
	if m.Came, err = r.come(ctx, comeArgs{Count: n, Window: fanWindow}); err != nil {
		return m, err
	}
	joined, err := r.memory(ctx)
	if err != nil {
		return m, err
	}
	if err := r.measureIdle(ctx, f.idle); err != nil {
		return m, err
	}
	m.IdleCPU = r.idle
	pace := fanPace(n)
	if m.Single, err = r.load(ctx, max(1, int(pace*f.seconds)), pace, 0); err != nil {
		return m, err
	}
	after, err := r.memory(ctx)
	if err != nil {
		return m, err
	}
	m.JoinedBytes, m.Bytes = float64(joined-before)/float64(n), float64(after-before)/float64(n)
	// Spectators that one load has closed come back for the next.
	full := func() error {
		_, err := r.come(ctx, comeArgs{Count: n, Window: fanWindow})
		return err
	}
	if m.Load, err = r.load(ctx, max(1, int(fanRate*f.seconds)), fanRate, 0); err != nil {
		return m, err
	}
	if err := full(); err != nil {
		return m, err
	}
	if m.Full, err = r.load(ctx, 0, 0, f.seconds); err != nil {
		return m, err
	}
	if most {
		if m.Herd, err = r.herd(ctx, n); err != nil {
			return m, err
		}
	}
	if fewest {
		if m.Slow, err = r.slow(ctx, n, f.seconds); err != nil {
			return m, err
		}
	}
	var end crowdState
	if err := r.crowd.call(ctx, "state", nil, &end); err != nil {
		return m, err
	}
	m.Reasons = end.Reasons
	return m, nil
}

// memory is what the server holds in memory, in bytes.
func (r *fanRun) memory(ctx context.Context) (bytes int64, err error) {
	err = r.server.call(ctx, "memory", nil, &bytes)
	return bytes, err
}

// measureIdle measures what the server takes while nothing happens.
func (r *fanRun) measureIdle(ctx context.Context, seconds float64) error {
	if seconds == 0 {
		return nil
	}
	before, err := r.usage(ctx)
	if err != nil {
		return err
	}
	if err := node.Wait(ctx, time.Duration(seconds*float64(time.Second))); err != nil {
		return err
	}
	after, err := r.usage(ctx)
	r.idle = (after.server - before.server).Seconds() / after.at.Sub(before.at).Seconds()
	return err
}

// fanHerd is all spectators coming back at once.
type fanHerd struct {
	came
	// Held is the longest time that the system blocked its publisher meanwhile.
	Held time.Duration `json:"held"`
}

// herd cuts all connections, and has all spectators come back at once while moves are played.
func (r *fanRun) herd(ctx context.Context, n int) (h fanHerd, err error) {
	var p published
	var both errgroup.Group
	done := make(chan struct{})
	both.Go(func() error {
		for {
			var part published
			if err := r.server.call(ctx, "publish", publishArgs{Count: 1 + fanHerdRate/2, PerSecond: fanHerdRate}, &part); err != nil {
				return err
			}
			p.Held = max(p.Held, part.Held)
			select {
			case <-done:
				return nil
			default:
			}
		}
	})
	h.came, err = r.come(ctx, comeArgs{Count: n, Cut: true})
	close(done)
	err = errors.Join(err, both.Wait())
	h.Held = p.Held
	return h, err
}

// fanSlow is what slow spectators do to the others.
type fanSlow struct {
	fanLoad
	Slow       int `json:"slow"`
	SlowClosed int `json:"slowClosed"`
}

// slow has some spectators read almost nothing, for fanLong times as long as the other loads take.
func (r *fanRun) slow(ctx context.Context, n int, seconds float64) (s fanSlow, err error) {
	s.Slow = max(1, n/fanSlowShare)
	if _, err := r.come(ctx, comeArgs{Count: n, Slow: s.Slow, Cut: true, Window: fanWindow}); err != nil {
		return s, err
	}
	if s.fanLoad, err = r.load(ctx, max(1, int(fanLong*fanRate*seconds)), fanRate, 0); err != nil {
		return s, err
	}
	// This asks the server: a slow spectator would learn of its end only after everything that it
	// has not read.
	state, err := r.state(ctx)
	s.SlowClosed = n - state.Spectators - s.Closed
	return s, err
}

// fanScaled is how many spectators each of two processes has.
const fanScaled = 19_000

// measureScale has as many spectators as these processes can have, and plays one move a second on
// their boards. It takes fanLong times as long as the other loads.
func (f *fanFlags) measureScale(ctx context.Context, s fanSystem, processes int) (m fanScale, err error) {
	each := maxFanSpectators
	if processes > 1 {
		each = fanScaled
	}
	m = fanScale{System: s.name, Processes: processes, Spectators: processes * each}
	m.Loads = make([]fanLoad, processes)
	runs := make([]*fanRun, processes)
	for i := range runs {
		r, err := startFanRun(ctx, s, f.pgn, i)
		if err != nil {
			return m, err
		}
		defer func() { err = errors.Join(err, r.close()) }()
		if _, err := r.come(ctx, comeArgs{Count: each, Window: fanWindow}); err != nil {
			return m, err
		}
		runs[i] = r
	}
	var all errgroup.Group
	for i, r := range runs {
		all.Go(func() (err error) {
			m.Loads[i], err = r.load(ctx, max(1, int(fanLong*f.seconds)), 1, 0)
			return err
		})
	}
	return m, all.Wait()
}
