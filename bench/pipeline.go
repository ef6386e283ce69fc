package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/chessrelay/chessrelay/bench/node"
	"github.com/chessrelay/chessrelay/consensus"
)

// runPipeline is the command "pipeline". It measures what it gains to send an append without
// waiting for the answer to the one before. The lines between the nodes are longer than loopback.
//
// Three nodes run with a delay line in front of each. They run once with the default window, and
// once with a window of one append, which is stop-and-wait. A round trip is twice the delay plus
// the time on loopback.
func runPipeline(ctx context.Context, args []string) error {
	var f runFlags
	var delayList string
	fs := flag.NewFlagSet("pipeline", flag.ContinueOnError)
	fs.StringVar(&delayList, "delays", "0,1,10,25", "delay each way by `MS` milliseconds, a list with commas, one measurement each")
	f.registerRun(fs, 3, 2)
	if err := f.parse(fs, args); err != nil {
		return err
	}
	var delays []time.Duration
	for s := range strings.SplitSeq(delayList, ",") {
		ms, err := strconv.Atoi(strings.TrimSpace(s))
		if err != nil || ms < 0 || ms > 1000 {
			return fmt.Errorf("--delays: %q is no number of milliseconds up to 1000", s)
		}
		delays = append(delays, time.Duration(ms)*time.Millisecond)
	}
	r := newPipelineReport(&f, delays)
	for round := range f.rounds {
		for i := range r.Lines {
			l := &r.Lines[(i+round)%len(r.Lines)]
			if err := l.run(ctx, &f, round); err != nil {
				if ctx.Err() != nil {
					return ctx.Err()
				}
				// The others are still worth measuring.
				r.Failures = append(r.Failures, fmt.Sprintf("round %d, %s: %v", round+1, l, err))
				fmt.Fprintln(os.Stderr, r.Failures[len(r.Failures)-1])
			}
		}
	}
	if err := r.write(f.out); err != nil {
		return err
	}
	if len(r.Failures) > 0 {
		return fmt.Errorf("%d runs failed", len(r.Failures))
	}
	return nil
}

// A sender is a setting of the leader's replicators.
type sender struct {
	name  string
	opts  chessrelayOptions
	loads []node.LoadArgs
}

// These are the numbers of submissions.
const (
	someASecond = 2_000
	manyASecond = 20_000
	fullLoad    = 16_384 // outstanding: as many as a round trip of 50 ms holds at 330,000 a second
	deepLoad    = 32_768 // outstanding: enough to keep the nodes at work that long, too
	smallAppend = 4 << 10
)

var (
	lineLoads = []node.LoadArgs{{Outstanding: 1}, {PerSecond: someASecond}, {PerSecond: manyASecond}, {Outstanding: fullLoad}, {Outstanding: deepLoad}}

	pipelined   = sender{"pipeline", chessrelayOptions{}, lineLoads}
	stopAndWait = sender{"stop-and-wait", chessrelayOptions{MaxInflightMsgs: 1}, lineLoads}

	// With small appends, a full load is a few hundred of them at once. Stop-and-wait then answers
	// some 50 submissions in a round trip, so a load of 1,024 is as full for it.
	smallPipelined   = sender{"pipeline, 4 KiB", chessrelayOptions{MaxInflightMsgs: 4096, MaxMessageBytes: smallAppend}, []node.LoadArgs{{Outstanding: fullLoad}}}
	smallStopAndWait = sender{"stop-and-wait, 4 KiB", chessrelayOptions{MaxInflightMsgs: 1, MaxMessageBytes: smallAppend}, []node.LoadArgs{{Outstanding: 1024}}}
)

// lineReport is one sender over lines of one delay.
type lineReport struct {
	Sender string            `json:"sender"`
	Opts   chessrelayOptions `json:"options"`
	Delay  time.Duration     `json:"delay"`  // each way
	Direct bool              `json:"direct"` // without a delay line, so the nodes have the whole CPU
	// RTT is the median of the pings while one submission at a time is made; 0: there were none.
	RTT   time.Duration `json:"rtt"`
	Loads []lineLoad    `json:"loads"`

	rtts []time.Duration
}

// lineLoad is one load on it.
type lineLoad struct {
	Load   node.LoadArgs `json:"load"`
	Rounds []measurement `json:"rounds"` // by round; one that failed is empty
	// Inflight is, by round, the median number of appends on their way to a follower.
	Inflight []float64     `json:"inflight"`
	P50      time.Duration `json:"p50"`
	P99      time.Duration `json:"p99"`
	Rate     float64       `json:"perSecond"`
	// P50Trips and P99Trips are p50 and p99 in round trips; 0 if there is no real delay.
	P50Trips float64 `json:"p50RoundTrips,omitempty"`
	P99Trips float64 `json:"p99RoundTrips,omitempty"`
	// ToUndelayed is the rate divided by that of the same sender in the same round over lines
	// without delay.
	ToUndelayed float64 `json:"rateToUndelayed,omitempty"`
	// LineCPU is CPU seconds of the delay lines for a million submissions; NodeCPU is that of the
	// nodes.
	LineCPU float64 `json:"lineCpuSecondsPerMillion"`
	NodeCPU float64 `json:"nodeCpuSecondsPerMillion"`
}

func (l *lineReport) String() string {
	if l.Direct {
		return l.Sender + ", direct"
	}
	return fmt.Sprintf("%s, %s each way", l.Sender, millis(l.Delay))
}

// run measures all loads in one round, on a group of its own.
func (l *lineReport) run(ctx context.Context, f *runFlags, round int) (err error) {
	c, err := newCluster(chessrelaySystem, f.dir)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, c.close()) }()
	opts := l.Opts
	opts.Voters = 3
	if err := c.plan(opts.Voters, opts); err != nil {
		return err
	}
	if !l.Direct {
		if err := c.lengthen(l.Delay); err != nil {
			return err
		}
	}
	if err := c.startAll(ctx); err != nil {
		return err
	}
	for i := range l.Loads {
		load := &l.Loads[i]
		stop := sampleLines(ctx, c)
		m, err := c.measure(ctx, load.Load, f.warm(), f.window())
		seen := stop()
		if err != nil {
			return fmt.Errorf("%+v: %w", load.Load, err)
		}
		if _, err := c.converged(ctx); err != nil {
			return err
		}
		load.Rounds[round], load.Inflight[round] = m, median(seen.inflight)
		if load.Load.Outstanding == 1 {
			l.rtts = append(l.rtts, seen.rtts...)
		}
		fmt.Fprintf(os.Stderr, "round %d/%d  %-32s %5d outstanding %6d/s  p50 %10s  p99 %10s  %8s/s  %4.0f inflight  CPU s/M: %3.0f nodes, %3.0f lines%s\n",
			round+1, f.rounds, l, load.Load.Outstanding, load.Load.PerSecond, micros(m.P50), micros(m.P99), thousands(m.Rate()),
			median(seen.inflight), m.cpuPerMillion(), m.OwnCPU.Seconds()/float64(m.Ops)*1e6, seen.trouble())
	}
	return nil
}

// samples are what the leader says of its followers, now and then.
type samples struct {
	inflight []float64
	rtts     []time.Duration
	states   map[string]int // states other than "replicate"
}

func (s *samples) trouble() (what string) {
	for _, state := range []string{"probe", "snapshot", "unreachable"} {
		if n := s.states[state]; n > 0 {
			what += fmt.Sprintf("  %d× %s", n, state)
		}
	}
	return what
}

// sampleEvery is often enough for a median, and costs nothing beside a load.
const sampleEvery = 50 * time.Millisecond

// sampleLines asks the leader again and again, until the caller calls stop.
func sampleLines(ctx context.Context, c *cluster) (stop func() *samples) {
	ctx, cancel := context.WithCancel(ctx)
	s, ended := &samples{states: map[string]int{}}, make(chan struct{})
	go func() {
		defer close(ended)
		for node.Wait(ctx, sampleEvery) == nil {
			var status consensus.Status
			if c.nodes[0].call(ctx, "status", nil, &status) != nil {
				continue // the load will report the cause
			}
			for _, m := range status.Members {
				if m.State == "leader" {
					continue
				}
				if m.State != "replicate" {
					s.states[m.State]++
				}
				s.inflight = append(s.inflight, float64(m.Inflight))
				if m.RTTMicros > 0 {
					s.rtts = append(s.rtts, time.Duration(m.RTTMicros)*time.Microsecond)
				}
			}
		}
	}()
	return func() *samples {
		cancel()
		<-ended
		return s
	}
}

func newPipelineReport(f *runFlags, delays []time.Duration) *pipelineReport {
	r := &pipelineReport{Machine: thisMachine(), Rounds: f.rounds, Seconds: f.seconds}
	add := func(s sender, delay time.Duration, direct bool) {
		l := lineReport{Sender: s.name, Opts: s.opts, Delay: delay, Direct: direct}
		for _, load := range s.loads {
			l.Loads = append(l.Loads, lineLoad{Load: load, Rounds: make([]measurement, f.rounds), Inflight: make([]float64, f.rounds)})
		}
		r.Lines = append(r.Lines, l)
	}
	add(pipelined, 0, true)
	for _, d := range delays {
		add(pipelined, d, false)
		add(stopAndWait, d, false)
	}
	longest := slices.Max(delays)
	add(smallPipelined, longest, false)
	add(smallStopAndWait, longest, false)
	return r
}
