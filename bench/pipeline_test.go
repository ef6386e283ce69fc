package main

import (
	"math"
	"strings"
	"testing"
	"time"

	"github.com/chessrelay/chessrelay/bench/node"
)

func TestPipelineSummary(t *testing.T) {
	f := &runFlags{rounds: 2}
	r := newPipelineReport(f, []time.Duration{0, 25 * time.Millisecond})
	ms := time.Millisecond
	set := func(sender sender, delay time.Duration, load node.LoadArgs, rounds ...measurement) {
		t.Helper()
		l := r.line(sender.name, delay).load(load)
		if copy(l.Rounds, rounds) != f.rounds {
			t.Fatalf("%s has no load %+v", sender.name, load)
		}
	}
	r.line(pipelined.name, 0).rtts = []time.Duration{2 * ms, ms, 3 * ms}
	full, pace := node.LoadArgs{Outstanding: fullLoad}, node.LoadArgs{PerSecond: manyASecond}
	set(pipelined, 0, full, measured(ms, 100), measured(ms, 200))
	set(pipelined, 25*ms, full, measured(ms, 90), measured(ms, 160))
	deep := node.LoadArgs{Outstanding: deepLoad}
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
	near("p50 in round trips", r.line(pipelined.name, 25*ms).load(pace).P50Trips, 1.5) // 78 ms, with round trips of 52
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

// TestLongLines: over a line with a delay, all is as without it, but later. The leader's own
// measurements agree.
func TestLongLines(t *testing.T) {
	const delay = 10 * time.Millisecond
	r := newPipelineReport(&runFlags{rounds: 1}, []time.Duration{delay})
	l := r.line(pipelined.name, delay)
	l.Loads = []lineLoad{
		{Load: node.LoadArgs{Outstanding: 1}, Rounds: make([]measurement, 1), Inflight: make([]float64, 1)},
		{Load: node.LoadArgs{PerSecond: 500}, Rounds: make([]measurement, 1), Inflight: make([]float64, 1)},
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
