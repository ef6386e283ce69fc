package main

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/chessrelay/chessrelay/bench/node"
)

// pipelineReport is everything that a run of "pipeline" measured. Durations are in nanoseconds in
// its JSON.
type pipelineReport struct {
	Machine machine      `json:"machine"`
	Rounds  int          `json:"rounds"`
	Seconds float64      `json:"seconds"` // of each measurement
	Lines   []lineReport `json:"lines"`
	// Failures are what could not be measured, and why.
	Failures []string `json:"failures,omitempty"`
}

// line is that sender over lines of that delay; nil if it was not measured.
func (r *pipelineReport) line(sender string, delay time.Duration) *lineReport {
	for i := range r.Lines {
		if l := &r.Lines[i]; l.Sender == sender && l.Delay == delay && !l.Direct {
			return l
		}
	}
	return nil
}

// load is that load on l; empty if there is none.
func (l *lineReport) load(load node.LoadArgs) *lineLoad {
	if l != nil {
		for i := range l.Loads {
			if l.Loads[i].Load == load {
				return &l.Loads[i]
			}
		}
	}
	return &lineLoad{}
}

// roundTrip is how long a message and its answer take over lines of that delay: twice the delay,
// plus the time without one.
func (r *pipelineReport) roundTrip(delay time.Duration) time.Duration {
	rtt := 2 * delay
	if l := r.line(pipelined.name, 0); l != nil {
		rtt += l.RTT
	}
	return rtt
}

// delays are the measured delays, without the direct lines.
func (r *pipelineReport) delays() (all []time.Duration) {
	for _, l := range r.Lines {
		if l.Sender == pipelined.name && !l.Direct {
			all = append(all, l.Delay)
		}
	}
	return all
}

// summarize works out medians and ratios.
func (r *pipelineReport) summarize() {
	for i := range r.Lines {
		r.Lines[i].RTT = median(r.Lines[i].rtts)
	}
	for i := range r.Lines {
		l := &r.Lines[i]
		for j := range l.Loads {
			d := &l.Loads[j]
			d.P50 = medianOf(d.Rounds, func(m measurement) time.Duration { return m.P50 })
			d.P99 = medianOf(d.Rounds, func(m measurement) time.Duration { return m.P99 })
			d.Rate = medianOf(d.Rounds, measurement.Rate)
			d.NodeCPU = medianOf(d.Rounds, measurement.cpuPerMillion)
			d.LineCPU = medianOf(d.Rounds, func(m measurement) float64 { return m.OwnCPU.Seconds() / float64(m.Ops) * 1e6 })
			if l.Delay > 0 {
				rtt := r.roundTrip(l.Delay).Seconds()
				d.P50Trips, d.P99Trips = d.P50.Seconds()/rtt, d.P99.Seconds()/rtt
			}
			d.ToUndelayed = ratio(d.Rounds, r.line(l.Sender, 0).load(d.Load).Rounds, measurement.Rate)
		}
	}
}

// markdown writes the tables.
func (r *pipelineReport) markdown(w io.Writer) {
	m := r.Machine
	fmt.Fprintf(w, "# The pipeline over long lines\n\n%s, %s, %d cores, %s, %s; chessrelay %s. ", m.Date.Format("2006-01-02 15:04 MST"), m.CPU, m.Cores, m.OS, m.Go, m.Commit)
	fmt.Fprintf(w, "Medians of %d interleaved rounds of %g s. Three processes on this machine, submissions of %d bytes from inside the leader's; between the nodes, delay lines in the orchestrator's process. ", r.Rounds, r.Seconds, node.PayloadSize)
	fmt.Fprintf(w, "Stop-and-wait is a window of one append of up to 256 KiB. A round trip (RTT) is twice the delay and the %s that it takes without.\n", micros(r.roundTrip(0)))

	fmt.Fprintf(w, "\n## One submission at a time\n\n| delay each way | round trip, by ping | pipeline: p50 | in round trips | stop-and-wait: p50 | in round trips |\n|--:|--:|--:|--:|--:|--:|\n")
	idle := node.LoadArgs{Outstanding: 1}
	r.eachDelay(func(name string, p, s *lineReport) {
		fmt.Fprintf(w, "| %s | %s | %s | %s | %s | %s |\n", name, duration(p.RTT), duration(p.load(idle).P50), trips(p.load(idle).P50Trips), duration(s.load(idle).P50), trips(s.load(idle).P50Trips))
	})
	for _, pace := range []int{someASecond, manyASecond} {
		fmt.Fprintf(w, "\n## %s submissions a second, answered or not\n\n", thousands(float64(pace)))
		fmt.Fprintf(w, "| delay each way | pipeline: p50 | p99 | in round trips, p50 | p99 | stop-and-wait: p50 | p99 | in round trips, p50 | p99 |\n|--:|--:|--:|--:|--:|--:|--:|--:|--:|\n")
		r.eachDelay(func(name string, p, s *lineReport) {
			fmt.Fprintf(w, "| %s |", name)
			for _, l := range []*lineLoad{p.load(node.LoadArgs{PerSecond: pace}), s.load(node.LoadArgs{PerSecond: pace})} {
				fmt.Fprintf(w, " %s | %s | %s | %s |", duration(l.P50), duration(l.P99), trips(l.P50Trips), trips(l.P99Trips))
			}
			fmt.Fprintln(w)
		})
	}
	for _, outstanding := range []int{fullLoad, deepLoad} {
		fmt.Fprintf(w, "\n## %s outstanding\n\nInflight is how many appends are on their way to a follower. CPU is seconds for a million submissions.\n\n", thousands(float64(outstanding)))
		fmt.Fprintf(w, "| delay each way | pipeline: a second | to no delay | p50 | inflight | CPU of the nodes | of the lines | stop-and-wait: a second | to no delay | p50 |\n|--:|--:|--:|--:|--:|--:|--:|--:|--:|--:|\n")
		load := node.LoadArgs{Outstanding: outstanding}
		r.eachDelay(func(name string, pl, sl *lineReport) {
			p, s := pl.load(load), sl.load(load)
			fmt.Fprintf(w, "| %s | %s | %s | %s | %.0f | %.1f | %.1f | %s | %s | %s |\n", name, count(p.Rate), times(p.ToUndelayed), duration(p.P50), median(p.Inflight), p.NodeCPU, p.LineCPU,
				count(s.Rate), times(s.ToUndelayed), duration(s.P50))
		})
	}
	if p, s, of := r.small(); p != nil {
		fmt.Fprintf(w, "\n## Appends of at most %d KiB, %s each way\n\n", smallAppend>>10, millis(p.Delay))
		fmt.Fprintf(w, "| | outstanding | window | a second | p50 | inflight |\n|---|--:|--:|--:|--:|--:|\n")
		for _, l := range []*lineReport{p, s} {
			d := &l.Loads[0]
			fmt.Fprintf(w, "| %s | %s | %d | %s | %s | %.0f |\n", l.Sender, count(float64(d.Load.Outstanding)), l.Opts.MaxInflightMsgs, count(d.Rate), duration(d.P50), median(d.Inflight))
		}
		fmt.Fprintf(w, "\nThe pipeline carries %s times what stop-and-wait does.\n", count(of))
	}
	for _, f := range r.Failures {
		fmt.Fprintf(w, "\nNot measured: %s\n", f)
	}
}

// eachDelay calls do with the lines of each delay. It begins with the direct ones, which
// stop-and-wait does not have.
func (r *pipelineReport) eachDelay(do func(name string, pipelined, stopAndWait *lineReport)) {
	for i := range r.Lines {
		if r.Lines[i].Direct {
			do("none, direct", &r.Lines[i], nil)
		}
	}
	for _, d := range r.delays() {
		name := "none"
		if d > 0 {
			name = millis(d)
		}
		do(name, r.line(pipelined.name, d), r.line(stopAndWait.name, d))
	}
}

// small is the two senders of small appends, and the ratio of their rates.
func (r *pipelineReport) small() (p, s *lineReport, of float64) {
	for i := range r.Lines {
		switch l := &r.Lines[i]; l.Sender {
		case smallPipelined.name:
			p = l
		case smallStopAndWait.name:
			s = l
		}
	}
	if p == nil || s == nil {
		return nil, nil, 0
	}
	return p, s, ratio(p.Loads[0].Rounds, s.Loads[0].Rounds, measurement.Rate)
}

// plots are the plots by file name.
func (r *pipelineReport) plots() map[string]dotPlot {
	note := fmt.Sprintf("three processes, %d bytes, medians of %d interleaved rounds; %s", node.PayloadSize, r.Rounds, r.Machine.Date.Format("2006-01-02"))
	series := []string{"pipeline", "stop-and-wait"}
	latency := dotPlot{Title: fmt.Sprintf("From a move to its answer, %s a second, p50", thousands(manyASecond)), Note: note + "; less is better", Series: series, Format: formatMicros}
	rate := dotPlot{Title: fmt.Sprintf("Submissions a second, %s outstanding", thousands(fullLoad)), Note: note + "; more is better", Series: series, Format: formatCount}
	for _, d := range r.delays() {
		p, s := r.line(pipelined.name, d), r.line(stopAndWait.name, d)
		row := func(of func(*lineReport) float64) dotRow {
			return dotRow{Label: millis(d) + " each way", Strong: true, Values: []float64{of(p), of(s)}}
		}
		latency.Rows = append(latency.Rows, row(func(l *lineReport) float64 {
			return float64(l.load(node.LoadArgs{PerSecond: manyASecond}).P50.Microseconds())
		}))
		rate.Rows = append(rate.Rows, row(func(l *lineReport) float64 { return l.load(node.LoadArgs{Outstanding: fullLoad}).Rate }))
	}
	if p, s, _ := r.small(); p != nil {
		rate.Rows = append(rate.Rows, dotRow{Label: millis(p.Delay) + ", small appends", Strong: true, Values: []float64{p.Loads[0].Rate, s.Loads[0].Rate}})
	}
	return map[string]dotPlot{"pipeline-latency.svg": latency, "pipeline-rate.svg": rate}
}

// write writes pipeline.json, pipeline.md and the plots into dir, and the tables to standard
// output.
func (r *pipelineReport) write(dir string) error {
	r.summarize()
	var md strings.Builder
	r.markdown(&md)
	fmt.Print(md.String())
	return errors.Join(writeJSON(filepath.Join(dir, "pipeline.json"), r), os.WriteFile(filepath.Join(dir, "pipeline.md"), []byte(md.String()), 0o644), writePlots(dir, r.plots()))
}

// trips writes a number of round trips; 0 is none.
func trips(v float64) string {
	if v == 0 {
		return ""
	}
	return fmt.Sprintf("%.2f", v)
}

// duration writes a duration with about three digits; 0 is none.
func duration(d time.Duration) string {
	v, unit := d.Seconds()*1000, "ms"
	switch {
	case d == 0:
		return ""
	case d < time.Millisecond:
		return micros(d)
	case d >= 10*time.Second:
		v, unit = d.Seconds(), "s"
	}
	switch {
	case v < 10:
		return fmt.Sprintf("%.2f %s", v, unit)
	case v < 100:
		return fmt.Sprintf("%.1f %s", v, unit)
	}
	return thousands(v) + " " + unit
}

// millis writes a delay, which is whole milliseconds.
func millis(d time.Duration) string { return fmt.Sprintf("%d ms", d.Milliseconds()) }

// count writes a number with separated thousands; 0 is none.
func count(v float64) string {
	if v == 0 {
		return ""
	}
	return thousands(v)
}
