package main

import (
	"context"
	"errors"
	"math"
	"strings"
	"sync/atomic"
	"testing"
	"time"
)

// slowNode answers each submission after a time, and counts them.
type slowNode struct {
	takes     time.Duration
	submitted atomic.Int64
	skip      int64 // every so many-th submission does not count; 0: all do
	failure   error
}

func (n *slowNode) lead(context.Context) error { return nil }

func (n *slowNode) submitter(int) (func(context.Context) error, error) {
	return func(ctx context.Context) error {
		i := n.submitted.Add(1)
		if n.failure != nil {
			return n.failure
		}
		if n.skip > 0 && i%n.skip == 0 {
			return errNotCounted
		}
		return wait(ctx, n.takes)
	}, nil
}

// A load with a pace does not wait for answers: with those after 100 ms, workers that did would make 10 a second each.
func TestPace(t *testing.T) {
	n := &slowNode{takes: 100 * time.Millisecond}
	l, err := startLoad(t.Context(), n, loadArgs{PerSecond: 1000})
	if err != nil {
		t.Fatal(err)
	}
	if err := wait(t.Context(), 300*time.Millisecond); err != nil {
		t.Fatal(err)
	}
	if _, err := l.window(); err != nil {
		t.Fatal(err)
	}
	if err := wait(t.Context(), 500*time.Millisecond); err != nil {
		t.Fatal(err)
	}
	r, err := l.window()
	if err := errors.Join(err, l.stop()); err != nil {
		t.Fatal(err)
	}
	if rate := r.rate(); rate < 700 || rate > 1300 {
		t.Errorf("%.0f a second", rate)
	}
	if r.P50 < n.takes || r.P50 > 2*n.takes {
		t.Errorf("p50 %v of what takes %v", r.P50, n.takes)
	}
	if workers := len(l.workers); workers < 50 || workers > 500 { // about 100 at a time
		t.Errorf("%d workers", workers)
	}
}

// A load of a number of submissions makes as many, however many workers there are, and counts those alone that count.
func TestCountedLoad(t *testing.T) {
	for _, n := range []*slowNode{{}, {skip: 3}} {
		l, err := startLoad(t.Context(), n, loadArgs{Outstanding: 7, Count: 1000})
		if err != nil {
			t.Fatal(err)
		}
		l.wg.Wait()
		r, err := l.window()
		if err != nil {
			t.Fatal(err)
		}
		if r.Ops != 1000 {
			t.Errorf("%d submissions", r.Ops)
		}
		if err := l.stop(); err != nil {
			t.Error(err)
		}
	}
}

func TestLoadFails(t *testing.T) {
	for _, args := range []loadArgs{{Outstanding: 2}, {PerSecond: 1000}} {
		n := &slowNode{failure: errors.New("no")}
		l, err := startLoad(t.Context(), n, args)
		if err != nil {
			t.Fatal(err)
		}
		for n.submitted.Load() < 2 {
			if err := wait(t.Context(), time.Millisecond); err != nil {
				t.Fatal(err)
			}
		}
		if err := l.stop(); err == nil {
			t.Errorf("%+v: it did not fail", args)
		}
	}
	for _, args := range []loadArgs{{}, {Outstanding: 1, PerSecond: 1}, {Outstanding: -1}, {Outstanding: maxWorkers + 1}, {PerSecond: 1, Count: 1}} {
		if l, err := startLoad(t.Context(), &slowNode{}, args); err == nil {
			t.Errorf("%+v is a load", args)
			_ = l.stop()
		}
	}
}

func TestPipelineSummary(t *testing.T) {
	f := &runFlags{rounds: 2}
	r := newPipelineResult(f, []time.Duration{0, 25 * time.Millisecond})
	ms := time.Millisecond
	set := func(sender sender, delay time.Duration, load loadArgs, rounds ...measurement) {
		t.Helper()
		l := r.line(sender.name, delay).load(load)
		if copy(l.Rounds, rounds) != f.rounds {
			t.Fatalf("%s has no load %+v", sender.name, load)
		}
	}
	r.line(pipelined.name, 0).rtts = []time.Duration{2 * ms, ms, 3 * ms}
	full, pace := loadArgs{Outstanding: fullLoad}, loadArgs{PerSecond: manyASecond}
	set(pipelined, 0, full, measured(ms, 100), measured(ms, 200))
	set(pipelined, 25*ms, full, measured(ms, 90), measured(ms, 160))
	deep := loadArgs{Outstanding: deepLoad}
	set(pipelined, 0, deep, measured(ms, 80), measured(ms, 80))
	set(pipelined, 25*ms, deep, measured(ms, 64), measured(ms, 64))
	set(pipelined, 25*ms, pace, measured(52*ms, 1), measured(104*ms, 1))
	set(smallPipelined, 25*ms, full, measured(ms, 5000), measurement{})
	set(smallStopAndWait, 25*ms, smallStopAndWait.loads[0], measured(ms, 50), measured(ms, 10))
	r.summarize()
	near := func(what string, got, want float64) {
		t.Helper()
		if math.Abs(got-want) > 1e-9 {
			t.Errorf("%s is %g, want %g", what, got, want)
		}
	}
	near("the undelayed round trip", r.roundTrip(0).Seconds(), 0.002)
	near("p50 in round trips", r.line(pipelined.name, 25*ms).load(pace).P50Trips, 1.5) // 78 ms of 52
	near("p99 in round trips", r.line(pipelined.name, 25*ms).load(pace).P99Trips, 4.5)
	near("rate to undelayed", r.line(pipelined.name, 25*ms).load(full).ToUndelayed, 0.85) // of 0.9 and 0.8
	_, _, of := r.small()
	near("pipeline to stop-and-wait", of, 100) // the second round has no pipeline
	var md strings.Builder
	r.markdown(&md)
	for _, want := range []string{"| 25 ms | 78.0 ms | 234 ms | 1.50 | 4.50 |", "carries 100 times", "## 16,384 outstanding", "## 32,768 outstanding", "| 25 ms | 64 | 0.80× |"} {
		if !strings.Contains(md.String(), want) {
			t.Errorf("%q is missing in\n%s", want, md.String())
		}
	}
	if n := len(r.plots()); n != 2 {
		t.Errorf("%d plots", n)
	}
}

// Over a line with a delay, the same as directly, later; and the leader's own view of the way agrees.
func TestLongLines(t *testing.T) {
	const delay = 10 * time.Millisecond
	r := newPipelineResult(&runFlags{rounds: 1}, []time.Duration{delay})
	l := r.line(pipelined.name, delay)
	l.Loads = []lineLoad{
		{Load: loadArgs{Outstanding: 1}, Rounds: make([]measurement, 1), Inflight: make([]float64, 1)},
		{Load: loadArgs{PerSecond: 500}, Rounds: make([]measurement, 1), Inflight: make([]float64, 1)},
	}
	if err := l.run(t.Context(), &runFlags{rounds: 1, seconds: 1.2, dir: t.TempDir()}, 0); err != nil {
		t.Fatal(err)
	}
	r.summarize()
	if l.RTT < 2*delay || l.RTT > 10*delay {
		t.Errorf("a ping takes %v", l.RTT)
	}
	for _, load := range l.Loads {
		if load.P50 < 2*delay || load.P50 > 10*delay {
			t.Errorf("%+v: p50 %v", load.Load, load.P50)
		}
	}
	if l.Loads[1].Inflight[0] < 2 {
		t.Errorf("%g appends are on their way", l.Loads[1].Inflight[0])
	}
}
