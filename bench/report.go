package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/chessrelay/chessrelay/bench/node"
)

// peersReport is everything that a run of "peers" measured. Durations are in nanoseconds in its
// JSON.
type peersReport struct {
	Machine machine         `json:"machine"`
	Rounds  int             `json:"rounds"`
	Seconds float64         `json:"seconds"` // of each measurement
	Syncs   []time.Duration `json:"fdatasyncP50"`
	Systems []systemReport  `json:"systems"`
	// Failures are what could not be measured, and why.
	Failures []string `json:"failures,omitempty"`
}

type systemReport struct {
	Name    string       `json:"name"`
	About   string       `json:"about"`
	Durable bool         `json:"durable"`
	Loads   []loadReport `json:"loads"`
}

// loadReport is one load on one system: the medians of its rounds, and the rounds.
type loadReport struct {
	Outstanding   int           `json:"outstanding"`
	P50           time.Duration `json:"p50"`
	P99           time.Duration `json:"p99"`
	PerSecond     float64       `json:"perSecond"`
	CPUPerMillion float64       `json:"cpuSecondsPerMillion"` // of the three processes together
	MaxRSS        int64         `json:"maxRss"`               // bytes, of the three processes together
	// P50Floor is p50 divided by the floor's with 1 outstanding; 0: there is none.
	P50Floor float64 `json:"p50ToFloor,omitempty"`
	// P50Best and RateBest are p50 and rate divided by those of the durable peer that is best at
	// each.
	P50Best  float64       `json:"p50ToBestPeer,omitempty"`
	RateBest float64       `json:"rateToBestPeer,omitempty"`
	Rounds   []measurement `json:"rounds"` // by round; one that failed is empty
}

func newPeersReport(chosen []system, f *runFlags) (*peersReport, error) {
	r := &peersReport{Machine: thisMachine(), Rounds: f.rounds, Seconds: f.seconds}
	for _, s := range chosen {
		if s.program != "" {
			if err := r.Machine.addProgram(s.program, s.module); err != nil {
				return nil, fmt.Errorf("the program of %s: %w", s.name, err)
			}
		}
		sr := systemReport{Name: s.name, About: s.about, Durable: s.durable}
		for _, n := range s.allLoads() {
			sr.Loads = append(sr.Loads, loadReport{Outstanding: n, Rounds: make([]measurement, f.rounds)})
		}
		r.Systems = append(r.Systems, sr)
	}
	return r, nil
}

func (r *peersReport) load(system string, outstanding int) *loadReport {
	for i := range r.Systems {
		for j := range r.Systems[i].Loads {
			if l := &r.Systems[i].Loads[j]; r.Systems[i].Name == system && l.Outstanding == outstanding {
				return l
			}
		}
	}
	return nil
}

// rounds are those of l, if any.
func (l *loadReport) rounds() []measurement {
	if l == nil {
		return nil
	}
	return l.Rounds
}

// medianOf is the median over the rounds that were measured.
func medianOf[T ~int64 | ~float64](rounds []measurement, of func(measurement) T) T {
	var values []T
	for _, m := range rounds {
		if m.Ops > 0 {
			values = append(values, of(m))
		}
	}
	return median(values)
}

// ratio is the median over the rounds of one value divided by the other's in the same round. A
// machine's pace differs more from hour to hour than from minute to minute. It is 0 if no round has
// both.
func ratio(rounds, others []measurement, of func(measurement) float64) float64 {
	var values []float64
	for i, m := range rounds {
		if i < len(others) && m.Ops > 0 && others[i].Ops > 0 {
			values = append(values, of(m)/of(others[i]))
		}
	}
	return median(values)
}

func p50(m measurement) float64 { return m.P50.Seconds() }

// ours reports whether a system is this project's, and no peer.
func ours(name string) bool { return strings.HasPrefix(name, "chessrelay") }

// bestPeer is the load of the durable peer with the smallest value of least.
func (r *peersReport) bestPeer(outstanding int, least func(*loadReport) float64) (best *loadReport) {
	for i := range r.Systems {
		s := &r.Systems[i]
		l := r.load(s.Name, outstanding)
		if l == nil || l.P50 == 0 || !s.Durable || ours(s.Name) || s.Name == floorSystem.name {
			continue
		}
		if best == nil || least(l) < least(best) {
			best = l
		}
	}
	return best
}

// summarize works out medians and ratios.
func (r *peersReport) summarize() {
	each := func(do func(*loadReport)) {
		for i := range r.Systems {
			for j := range r.Systems[i].Loads {
				do(&r.Systems[i].Loads[j])
			}
		}
	}
	each(func(l *loadReport) {
		l.P50 = medianOf(l.Rounds, func(m measurement) time.Duration { return m.P50 })
		l.P99 = medianOf(l.Rounds, func(m measurement) time.Duration { return m.P99 })
		l.PerSecond = medianOf(l.Rounds, measurement.Rate)
		l.CPUPerMillion = medianOf(l.Rounds, measurement.cpuPerMillion)
		l.MaxRSS = medianOf(l.Rounds, func(m measurement) int64 { return m.MaxRSS })
	})
	each(func(l *loadReport) {
		if l.Outstanding == 1 {
			l.P50Floor = ratio(l.Rounds, r.load(floorSystem.name, 1).rounds(), p50)
		}
		l.P50Best = ratio(l.Rounds, r.bestPeer(l.Outstanding, func(l *loadReport) float64 { return l.P50.Seconds() }).rounds(), p50)
		l.RateBest = ratio(l.Rounds, r.bestPeer(l.Outstanding, func(l *loadReport) float64 { return -l.PerSecond }).rounds(), measurement.Rate)
	})
}

// markdown writes the tables.
func (r *peersReport) markdown(w io.Writer) {
	m := r.Machine
	fmt.Fprintf(w, "# chessrelay beside its peers\n\n%s, %s, %d cores, %s, %s. ", m.Date.Format("2006-01-02 15:04 MST"), m.CPU, m.Cores, m.OS, m.Go)
	fmt.Fprintf(w, "Medians of %d interleaved rounds of %g s; ratios are medians of the rounds' ratios. Three processes on this machine, submissions of %d bytes from inside the leader's. ", r.Rounds, r.Seconds, node.PayloadSize)
	fmt.Fprintf(w, "One fdatasync of 4 KiB: %s. CPU is seconds of the three processes together, load generator included, for a million submissions.\n", micros(median(r.Syncs)))
	for _, outstanding := range allLoads {
		fmt.Fprintf(w, "\n## %s outstanding\n\n", thousands(float64(outstanding)))
		fmt.Fprintf(w, "| system | p50 | p99 | a second | p50 to floor | p50 to best peer | rate to best peer | CPU s | memory |\n|---|--:|--:|--:|--:|--:|--:|--:|--:|\n")
		for _, s := range r.Systems {
			l := r.load(s.Name, outstanding)
			if l == nil || l.P50 == 0 {
				continue
			}
			name := s.Name
			if ours(name) {
				name = "**" + name + "**"
			}
			if !s.Durable {
				name += " (not durable)"
			}
			fmt.Fprintf(w, "| %s | %s | %s | %s | %s | %s | %s | %.0f | %d MB |\n", name, micros(l.P50), micros(l.P99), thousands(l.PerSecond),
				times(l.P50Floor), times(l.P50Best), times(l.RateBest), l.CPUPerMillion, l.MaxRSS>>20)
		}
	}
	fmt.Fprintf(w, "\n## Systems\n\n")
	for _, s := range r.Systems {
		fmt.Fprintf(w, "- %s: %s\n", s.Name, s.About)
	}
	fmt.Fprintf(w, "\nVersions:")
	for i, path := range slices.Sorted(maps.Keys(m.Versions)) {
		sep := ","
		if i == 0 {
			sep = ""
		}
		fmt.Fprintf(w, "%s %s %s", sep, path, m.Versions[path])
	}
	fmt.Fprintf(w, "; chessrelay %s.\n", m.Commit)
	for _, f := range r.Failures {
		fmt.Fprintf(w, "\nNot measured: %s\n", f)
	}
}

// plots are the plots by file name.
func (r *peersReport) plots() map[string]dotPlot {
	note := fmt.Sprintf("three processes, %d bytes, medians of %d interleaved rounds; %s", node.PayloadSize, r.Rounds, r.Machine.Date.Format("2006-01-02"))
	latency := dotPlot{Title: "One submission at a time: how long it takes", Note: note + "; less is better", Series: []string{"p50", "p99"}, Format: formatMicros}
	rate := dotPlot{Title: "Submissions a second", Note: note + "; more is better", Series: []string{"64 outstanding", "1,024 outstanding"}, Format: formatCount}
	cpu := dotPlot{Title: "CPU seconds for a million submissions", Note: note + "; less is better", Series: []string{"64 outstanding", "1,024 outstanding"}, Format: formatCount}
	for _, s := range r.Systems {
		row := dotRow{Label: s.Name, Strong: ours(s.Name), Faint: !s.Durable}
		if row.Faint {
			row.Label += " *"
		}
		if l := r.load(s.Name, 1); l != nil {
			row.Values = []float64{float64(l.P50.Microseconds()), float64(l.P99.Microseconds())}
			latency.Rows = append(latency.Rows, row)
		}
		some, many := r.load(s.Name, 64), r.load(s.Name, 1024)
		if some != nil && many != nil {
			row.Values = []float64{some.PerSecond, many.PerSecond}
			rate.Rows = append(rate.Rows, row)
			row.Values = []float64{some.CPUPerMillion, many.CPUPerMillion}
			cpu.Rows = append(cpu.Rows, row)
		}
	}
	for _, p := range []*dotPlot{&latency, &rate, &cpu} {
		if slices.ContainsFunc(p.Rows, func(r dotRow) bool { return r.Faint }) {
			p.Note += "; * not durable"
		}
	}
	return map[string]dotPlot{"peers-latency.svg": latency, "peers-rate.svg": rate, "peers-cpu.svg": cpu}
}

// write writes peers.json, peers.md and the plots into dir.
func (r *peersReport) write(dir string) error {
	r.summarize()
	var md strings.Builder
	r.markdown(&md)
	return errors.Join(writeJSON(filepath.Join(dir, "peers.json"), r), os.WriteFile(filepath.Join(dir, "peers.md"), []byte(md.String()), 0o644), writePlots(dir, r.plots()))
}

// writePlots writes the plots by file name into dir.
func writePlots(dir string, plots map[string]dotPlot) error {
	var errs []error
	for name, p := range plots {
		errs = append(errs, os.WriteFile(filepath.Join(dir, name), []byte(p.svg()), 0o644))
	}
	return errors.Join(errs...)
}

func writeJSON(path string, v any) error {
	data, err := json.MarshalIndent(v, "", "\t")
	if err != nil {
		return err
	}
	return os.WriteFile(path, append(data, '\n'), 0o644)
}

// micros writes a duration in microseconds, so readers can compare it.
func micros(d time.Duration) string { return thousands(float64(d.Nanoseconds())/1000) + " µs" }

// times writes a ratio; 0 is none.
func times(v float64) string {
	if v == 0 {
		return ""
	}
	return fmt.Sprintf("%.2f×", v)
}

// thousands writes a number, rounded, with separated thousands.
func thousands(v float64) string {
	s := fmt.Sprintf("%.0f", v)
	digits := strings.TrimPrefix(s, "-")
	for i := len(digits) - 3; i > 0; i -= 3 {
		digits = digits[:i] + "," + digits[i:]
	}
	return s[:len(s)-len(strings.TrimPrefix(s, "-"))] + digits
}

// formatMicros and formatCount are for the dots of plots, where there is little room.
func formatMicros(v float64) string {
	if v < 1000 {
		return fmt.Sprintf("%.0f µs", v)
	}
	if v >= 1e6-500 {
		return fmt.Sprintf("%.3g s", v/1e6)
	}
	return fmt.Sprintf("%.3g ms", v/1000)
}

func formatCount(v float64) string {
	if v < 1000 {
		return fmt.Sprintf("%.3g", v)
	}
	if v >= 1e6-500 {
		return fmt.Sprintf("%.3g M", v/1e6)
	}
	return fmt.Sprintf("%.3g k", v/1000)
}
