package main

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/chessrelay/chessrelay/bench/node"
)

// growthReport is everything that a run of "growth" measured. Durations are in nanoseconds in its
// JSON.
type growthReport struct {
	Machine   machine         `json:"machine"`
	Rounds    int             `json:"rounds"`
	Seconds   float64         `json:"seconds"` // of each measurement of a rate
	Sizes     []sizeReport    `json:"sizes"`
	Histories []historyReport `json:"histories"`
	// Failures are what could not be measured, and why.
	Failures []string `json:"failures,omitempty"`
}

// summarize works out medians.
func (r *growthReport) summarize() {
	for i := range r.Sizes {
		for j := range r.Sizes[i].Loads {
			l := &r.Sizes[i].Loads[j]
			l.P50 = medianOf(l.Rounds, func(m measurement) time.Duration { return m.P50 })
			l.Rate = medianOf(l.Rounds, measurement.Rate)
			l.LeaderCPU = medianOf(l.Rounds, measurement.leaderPerMillion)
			l.NodeCPU = medianOf(l.Rounds, measurement.cpuPerMillion)
		}
	}
	for i := range r.Histories {
		for j := range r.Histories[i].Points {
			p := &r.Histories[i].Points[j]
			p.JoinP50, p.FollowerP50, p.LeaderP50 = medianTiming(p.Join), medianTiming(p.Follower), medianTiming(p.Leader)
		}
	}
}

// medianTiming is the median of each part, over the rounds that were measured.
func medianTiming(rounds []startTiming) startTiming {
	measured := slices.DeleteFunc(slices.Clone(rounds), func(t startTiming) bool { return t.CaughtUp == 0 })
	of := func(part func(startTiming) time.Duration) time.Duration {
		var all []time.Duration
		for _, t := range measured {
			all = append(all, part(t))
		}
		return median(all)
	}
	return startTiming{
		CaughtUp: of(func(t startTiming) time.Duration { return t.CaughtUp }),
		Open:     of(func(t startTiming) time.Duration { return t.Open }),
		Leads:    of(func(t startTiming) time.Duration { return t.Leads }),
		Snapshot: int64(of(func(t startTiming) time.Duration { return time.Duration(t.Snapshot) })),
	}
}

// machineOf says what a system's state machine is.
func machineOf(system string) string {
	if system == chessSystem.name {
		return "boards"
	}
	return "a counter"
}

// markdown writes the tables.
func (r *growthReport) markdown(w io.Writer) {
	m := r.Machine
	fmt.Fprintf(w, "# More followers, more history\n\n%s, %s, %d cores, %s, %s; chessrelay %s. Medians of %d rounds. All processes on this machine.\n",
		m.Date.Format("2006-01-02 15:04 MST"), m.CPU, m.Cores, m.OS, m.Go, m.Commit, r.Rounds)
	if len(r.Sizes) > 0 {
		fmt.Fprintf(w, "\n## Followers\n\nSubmissions of %d bytes from inside the leader's process, windows of %g s. Followers that do not vote are learners, as in the product. ", node.PayloadSize, r.Seconds)
		fmt.Fprintf(w, "CPU is seconds for a million submissions, the leader's with the load generator; all processes share %d cores, so that the rate falls with the CPU that the followers take.\n\n", m.Cores)
		fmt.Fprintf(w, "| followers | voters | 64 outstanding: a second | p50 | leader's CPU | all CPU | 1,024 outstanding: a second | p50 | leader's CPU | all CPU |\n|--:|--:|--:|--:|--:|--:|--:|--:|--:|--:|\n")
		for _, s := range r.Sizes {
			fmt.Fprintf(w, "| %d | %d |", s.Followers, s.Voters)
			for _, l := range s.Loads {
				fmt.Fprintf(w, " %s | %s | %.1f | %.1f |", count(l.Rate), duration(l.P50), l.LeaderCPU, l.NodeCPU)
			}
			fmt.Fprintln(w)
		}
	}
	if len(r.Histories) > 0 {
		fmt.Fprintf(w, "\n## History\n\nFrom the start of a process until it has applied what was committed then; that it is a program that starts takes the same time everywhere. *Open* is what of that the log and the boards took. ")
		fmt.Fprintf(w, "*Boards* hold each game that was ever played, so that they grow with the games; *a counter* never grows, whatever the history. The leader and the follower are killed and started at once; ")
		fmt.Fprintf(w, "the leader has caught up when there is a leader again to tell it what is committed, so that an election is in it.\n\n")
		fmt.Fprintf(w, "| state machine | moves | a new venue | snapshot | a follower again | open | the leader again: open | caught up | leads |\n|---|--:|--:|--:|--:|--:|--:|--:|--:|\n")
		for _, h := range r.Histories {
			for _, p := range h.Points {
				fmt.Fprintf(w, "| %s | %s | %s | %s | %s | %s | %s | %s | %s |\n", machineOf(h.System), count(float64(p.Moves)), duration(p.JoinP50.CaughtUp), megabytes(p.JoinP50.Snapshot),
					duration(p.FollowerP50.CaughtUp), duration(p.FollowerP50.Open), duration(p.LeaderP50.Open), duration(p.LeaderP50.CaughtUp), duration(p.LeaderP50.Leads))
			}
		}
	}
	for _, f := range r.Failures {
		fmt.Fprintf(w, "\nNot measured: %s\n", f)
	}
}

// plots are the plots by file name.
func (r *growthReport) plots() map[string]dotPlot {
	note := fmt.Sprintf("medians of %d rounds, %d cores; %s", r.Rounds, r.Machine.Cores, r.Machine.Date.Format("2006-01-02"))
	plots := map[string]dotPlot{}
	if len(r.Sizes) > 0 {
		loads := []string{"64 outstanding", "1,024 outstanding"}
		rate := dotPlot{Title: "Submissions a second, by followers", Note: note + ", shared by all processes; more is better", Series: loads, Format: formatCount}
		cpu := dotPlot{Title: "CPU seconds of the leader for a million submissions, by followers", Note: note + "; less is better", Series: loads, Format: formatCount}
		for _, s := range r.Sizes {
			row := dotRow{Label: fmt.Sprintf("%d, %d vote", s.Followers, s.Voters), Strong: s.Voters <= growthVoters}
			row.Values = []float64{s.Loads[0].Rate, s.Loads[1].Rate}
			rate.Rows = append(rate.Rows, row)
			row.Values = []float64{s.Loads[0].LeaderCPU, s.Loads[1].LeaderCPU}
			cpu.Rows = append(cpu.Rows, row)
		}
		plots["growth-rate.svg"], plots["growth-cpu.svg"] = rate, cpu
	}
	if len(r.Histories) > 0 {
		start := dotPlot{Title: "From the start of a process to all moves, by history", Note: note + "; less is better", Series: []string{"a new venue", "a follower again", "the leader again, open"}, Format: formatMicros}
		for _, h := range r.Histories {
			for _, p := range h.Points {
				start.Rows = append(start.Rows, dotRow{Label: machineOf(h.System) + ", " + formatCount(float64(p.Moves)) + " moves", Strong: h.System == chessSystem.name,
					Values: []float64{micro(p.JoinP50.CaughtUp), micro(p.FollowerP50.CaughtUp), micro(p.LeaderP50.Open)}})
			}
		}
		plots["growth-start.svg"] = start
	}
	return plots
}

func micro(d time.Duration) float64 { return float64(d.Microseconds()) }

// write writes growth.json, growth.md and the plots into dir, and the tables to standard output.
func (r *growthReport) write(dir string) error {
	r.summarize()
	var md strings.Builder
	r.markdown(&md)
	fmt.Print(md.String())
	return errors.Join(writeJSON(filepath.Join(dir, "growth.json"), r), os.WriteFile(filepath.Join(dir, "growth.md"), []byte(md.String()), 0o644), writePlots(dir, r.plots()))
}

// megabytes writes a number of bytes; 0 is none.
func megabytes(n int64) string {
	switch {
	case n == 0:
		return ""
	case n < 1_000_000:
		return fmt.Sprintf("%.1f kB", float64(n)/1e3)
	}
	return fmt.Sprintf("%.1f MB", float64(n)/1e6)
}
