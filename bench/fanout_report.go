package main

import (
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"
)

// fanPeer is the system that the ratios compare with.
const fanPeer = "centrifuge"

// fanMeasurement is one system with one number of spectators in one round.
type fanMeasurement struct {
	Came came `json:"came"`
	// JoinedBytes is the server's growth in memory for each spectator that has just come. Bytes is
	// the same once it has had some moves.
	JoinedBytes float64 `json:"joinedBytes"`
	Bytes       float64 `json:"bytes"`
	IdleCPU     float64 `json:"idleCpu"` // of one processor, when nothing happens
	Single      fanLoad `json:"single"`  // one move at a time
	Load        fanLoad `json:"load"`    // fanRate moves a second
	Full        fanLoad `json:"full"`    // as many moves as it delivers
	Herd        fanHerd `json:"herd"`    // with the most spectators only
	Slow        fanSlow `json:"slow"`    // with the fewest only
	// Reasons are why spectators were closed or not let in, over all loads.
	Reasons map[string]int `json:"reasons,omitempty"`
}

func (m fanMeasurement) String() string {
	s := fmt.Sprintf("%6.0f B each  single: median %s last %s CPU %s  %d/s: CPU %s last %s  full: %s/s  closed %d", m.Bytes, micros(m.Single.P50), micros(m.Single.Last),
		fine(m.Single.CPU), fanRate, fine(m.Load.CPU), micros(m.Load.MaxLast), thousands(m.Full.PerSecond), m.Single.Closed+m.Load.Closed+m.Full.Closed)
	if m.Herd.Count > 0 {
		s += fmt.Sprintf("  herd: last %s held %s", micros(m.Herd.Last), micros(m.Herd.Held))
	}
	if m.Slow.Slow > 0 {
		s += fmt.Sprintf("  slow: last %s, %d of %d closed", micros(m.Slow.MaxLast), m.Slow.SlowClosed, m.Slow.Slow)
	}
	return s
}

func (m fanMeasurement) measured() bool { return m.Single.Moves > 0 }

// fanScale is one run of measureScale.
type fanScale struct {
	System     string    `json:"system"`
	Processes  int       `json:"processes"`
	Spectators int       `json:"spectators"`
	Loads      []fanLoad `json:"loads"` // by process
}

// fanoutReport is everything that a run of "fanout" measured. Durations are in nanoseconds in its
// JSON.
type fanoutReport struct {
	Machine  machine           `json:"machine"`
	Rounds   int               `json:"rounds"`
	Seconds  float64           `json:"seconds"`
	Idle     float64           `json:"idle"`
	Systems  []fanSystemReport `json:"systems"`
	Scale    []fanScale        `json:"scale,omitempty"`
	Failures []string          `json:"failures,omitempty"`
}

type fanSystemReport struct {
	Name   string           `json:"name"`
	About  string           `json:"about"`
	Counts []fanCountReport `json:"counts"`
}

// fanCountReport is one system with one number of spectators.
type fanCountReport struct {
	Spectators int              `json:"spectators"`
	Rounds     []fanMeasurement `json:"rounds"` // by round; one that failed is empty
}

func newFanoutReport(f *fanFlags, chosen []fanSystem, counts []int) *fanoutReport {
	r := &fanoutReport{Machine: thisMachine(), Rounds: f.rounds, Seconds: f.seconds, Idle: f.idle}
	for _, s := range chosen {
		sr := fanSystemReport{Name: s.name, About: s.about}
		for _, n := range counts {
			sr.Counts = append(sr.Counts, fanCountReport{Spectators: n, Rounds: make([]fanMeasurement, f.rounds)})
		}
		r.Systems = append(r.Systems, sr)
	}
	return r
}

// count returns one system with that many spectators, or nil.
func (r *fanoutReport) count(system string, spectators int) *fanCountReport {
	for i := range r.Systems {
		for j := range r.Systems[i].Counts {
			if c := &r.Systems[i].Counts[j]; r.Systems[i].Name == system && c.Spectators == spectators {
				return c
			}
		}
	}
	return nil
}

// fanMedian is the median over the rounds that were measured.
func fanMedian[T ~int64 | ~float64](c *fanCountReport, of func(fanMeasurement) T) T {
	var values []T
	for _, m := range c.Rounds {
		if m.measured() {
			values = append(values, of(m))
		}
	}
	return median(values)
}

// fanRatio is the median over the rounds of a value divided by the peer's in the same round; 0 if
// there is none.
func (r *fanoutReport) fanRatio(c *fanCountReport, of func(fanMeasurement) float64) float64 {
	peer := r.count(fanPeer, c.Spectators)
	if peer == nil {
		return 0
	}
	var values []float64
	for i, m := range c.Rounds {
		if p := peer.Rounds[i]; m.measured() && p.measured() && of(p) != 0 {
			values = append(values, of(m)/of(p))
		}
	}
	return median(values)
}

// fanCell writes one column of a row.
type fanCell func(r *fanoutReport, c *fanCountReport) string

// A fanTable is one table: a row for each system with each number of spectators.
type fanTable struct {
	title, about string
	// measured says whether a measurement belongs here; nil: all do.
	measured func(fanMeasurement) bool
	columns  []fanColumn
}

type fanColumn struct {
	head string
	cell fanCell
}

func inMicros(of func(fanMeasurement) time.Duration) fanCell {
	return func(_ *fanoutReport, c *fanCountReport) string { return micros(fanMedian(c, of)) }
}

func inFine(of func(fanMeasurement) time.Duration) fanCell {
	return func(_ *fanoutReport, c *fanCountReport) string { return fine(fanMedian(c, of)) }
}

func inThousands(of func(fanMeasurement) float64) fanCell {
	return func(_ *fanoutReport, c *fanCountReport) string { return thousands(fanMedian(c, of)) }
}

func inHundredths(of func(fanMeasurement) float64) fanCell {
	return func(_ *fanoutReport, c *fanCountReport) string { return fmt.Sprintf("%.2f", fanMedian(c, of)) }
}

func toPeer(of func(fanMeasurement) float64) fanCell {
	return func(r *fanoutReport, c *fanCountReport) string { return times(r.fanRatio(c, of)) }
}

// inAll is a sum over the rounds.
func inAll(of func(fanMeasurement) int) fanCell {
	return func(_ *fanoutReport, c *fanCountReport) string {
		sum := 0
		for _, m := range c.Rounds {
			sum += of(m)
		}
		return thousands(float64(sum))
	}
}

func fanTables() []fanTable {
	bytes := func(m fanMeasurement) float64 { return m.Bytes }
	singleCPU := func(m fanMeasurement) float64 { return float64(m.Single.CPU) }
	singleLast := func(m fanMeasurement) float64 { return float64(m.Single.Last) }
	loadCPU := func(m fanMeasurement) float64 { return float64(m.Load.CPU) }
	loadLast := func(m fanMeasurement) float64 { return float64(m.Load.MaxLast) }
	full := func(m fanMeasurement) float64 { return m.Full.PerSecond }
	return []fanTable{
		{
			title: "One move at a time",
			about: "Memory is the server's for a spectator, who is idle and has had some moves; the times are from the publishing of a move until so many spectators have it; CPU is the server's for one move to one spectator. In brackets: the spectators' own CPU, which no server has to pay.",
			columns: []fanColumn{
				{"bytes", inThousands(bytes)}, {"×", toPeer(bytes)},
				{"first", inMicros(func(m fanMeasurement) time.Duration { return m.Single.First })},
				{"median", inMicros(func(m fanMeasurement) time.Duration { return m.Single.P50 })},
				{"p99", inMicros(func(m fanMeasurement) time.Duration { return m.Single.P99 })},
				{"last", inMicros(func(m fanMeasurement) time.Duration { return m.Single.Last })}, {"×", toPeer(singleLast)},
				{"CPU", inFine(func(m fanMeasurement) time.Duration { return m.Single.CPU })}, {"×", toPeer(singleCPU)},
				{"(theirs)", inFine(func(m fanMeasurement) time.Duration { return m.Single.CrowdCPU })},
			},
		},
		{
			title: fmt.Sprintf("%d moves a second", fanRate),
			about: "On the boards that each spectator watches. Writes are the server's system calls that write, messages the WebSocket messages, for a move to a spectator; the delays are the median and the last spectator's of the move that took longest. Closed are spectators whom the system gave up, in all rounds.",
			columns: []fanColumn{
				{"CPU", inFine(func(m fanMeasurement) time.Duration { return m.Load.CPU })}, {"×", toPeer(loadCPU)},
				{"writes", inHundredths(func(m fanMeasurement) float64 { return m.Load.writesPerEvent() })},
				{"messages", inHundredths(func(m fanMeasurement) float64 { return m.Load.messagesPerEvent() })},
				{"median", inMicros(func(m fanMeasurement) time.Duration { return m.Load.MaxP50 })},
				{"last", inMicros(func(m fanMeasurement) time.Duration { return m.Load.MaxLast })}, {"×", toPeer(loadLast)},
				{"publisher held", inMicros(func(m fanMeasurement) time.Duration { return m.Load.Held })},
				{"closed", inAll(func(m fanMeasurement) int { return m.Load.Closed })},
			},
		},
		{
			title: "As many moves as it delivers",
			about: fmt.Sprintf("%d moves are published at once, as long as no more than %d are not yet with everybody.", fanBatch, fanOutstanding),
			columns: []fanColumn{
				{"moves to spectators a second", inThousands(full)}, {"×", toPeer(full)},
				{"CPU", inFine(func(m fanMeasurement) time.Duration { return m.Full.CPU })},
				{"writes", inHundredths(func(m fanMeasurement) float64 { return m.Full.writesPerEvent() })},
				{"messages", inHundredths(func(m fanMeasurement) float64 { return m.Full.messagesPerEvent() })},
				{"closed", inAll(func(m fanMeasurement) int { return m.Full.Closed })},
			},
		},
		{
			title:    "Slow spectators among them",
			about:    fmt.Sprintf("Of %d spectators one reads %d bytes a second. %d moves a second; the others' times, without and with them.", fanSlowShare, 100, fanRate),
			measured: func(m fanMeasurement) bool { return m.Slow.Slow > 0 },
			columns: []fanColumn{
				{"median without", inMicros(func(m fanMeasurement) time.Duration { return m.Load.P50 })},
				{"with", inMicros(func(m fanMeasurement) time.Duration { return m.Slow.P50 })},
				{"last without", inMicros(func(m fanMeasurement) time.Duration { return m.Load.Last })},
				{"with", inMicros(func(m fanMeasurement) time.Duration { return m.Slow.Last })},
				{"longest without", inMicros(func(m fanMeasurement) time.Duration { return m.Load.MaxLast })},
				{"with", inMicros(func(m fanMeasurement) time.Duration { return m.Slow.MaxLast })},
				{"slow ones", inAll(func(m fanMeasurement) int { return m.Slow.Slow })},
				{"of them closed", inAll(func(m fanMeasurement) int { return m.Slow.SlowClosed })},
				{"others closed", inAll(func(m fanMeasurement) int { return m.Slow.Closed })},
			},
		},
		{
			title:    "All come back at once",
			about:    fmt.Sprintf("All connections are cut, and all spectators connect in the same instant. One that is refused or closed comes back when it was told to, otherwise as chessrelay's page does. The times are until so many have a snapshot. %d moves a second are played meanwhile: held is how long one of them kept its publisher, which on a node is the apply loop.", fanHerdRate),
			measured: func(m fanMeasurement) bool { return m.Herd.Count > 0 },
			columns: []fanColumn{
				{"half", inMicros(func(m fanMeasurement) time.Duration { return m.Herd.P50 })},
				{"99 %", inMicros(func(m fanMeasurement) time.Duration { return m.Herd.P99 })},
				{"all", inMicros(func(m fanMeasurement) time.Duration { return m.Herd.Last })},
				{"×", toPeer(func(m fanMeasurement) float64 { return float64(m.Herd.Last) })},
				{"attempts in vain", inAll(func(m fanMeasurement) int { return m.Herd.Retries })},
				{"publisher held", inMicros(func(m fanMeasurement) time.Duration { return m.Herd.Held })},
			},
		},
	}
}

func (t *fanTable) markdown(w io.Writer, r *fanoutReport) {
	var rows []string
	for j := range r.Systems[0].Counts {
		for _, s := range r.Systems {
			c := r.count(s.Name, r.Systems[0].Counts[j].Spectators)
			if !slices.ContainsFunc(c.Rounds, func(m fanMeasurement) bool { return m.measured() && (t.measured == nil || t.measured(m)) }) {
				continue
			}
			row := fmt.Sprintf("| %s | %s |", thousands(float64(c.Spectators)), strong(s.Name))
			for _, column := range t.columns {
				row += " " + column.cell(r, c) + " |"
			}
			rows = append(rows, row)
		}
	}
	if len(rows) == 0 {
		return
	}
	fmt.Fprintf(w, "\n## %s\n\n%s\n\n| spectators | system |", t.title, t.about)
	for _, c := range t.columns {
		fmt.Fprintf(w, " %s |", c.head)
	}
	fmt.Fprintf(w, "\n|--:|---|%s\n%s\n", strings.Repeat("--:|", len(t.columns)), strings.Join(rows, "\n"))
}

// strong writes a system's name. This project's stands out.
func strong(name string) string {
	if ours(name) {
		return "**" + name + "**"
	}
	return name
}

// markdown writes the tables.
func (r *fanoutReport) markdown(w io.Writer) {
	m := r.Machine
	fmt.Fprintf(w, "# Many spectators\n\n%s, %s, %d cores, %s, %s. ", m.Date.Format("2006-01-02 15:04 MST"), m.CPU, m.Cores, m.OS, m.Go)
	fmt.Fprintf(w, "Medians of %d interleaved rounds of %g s; × is to %s, the median of the rounds' ratios. The server and the spectators are two processes on this machine. ", r.Rounds, r.Seconds, fanPeer)
	fmt.Fprintf(w, "From CPU is taken off what the server takes when nothing happens, seen for %g s.\n", r.Idle)
	if len(r.Systems) > 0 {
		for _, t := range fanTables() {
			t.markdown(w, r)
		}
	}
	if len(r.Scale) > 0 {
		fmt.Fprintf(w, "\n## As many spectators as there can be\n\nA move a second for %g s, in each process. Missing did not get the last move; gaps are moves that a spectator never got.\n\n", fanLong*r.Seconds)
		fmt.Fprintf(w, "| spectators | processes | system | moves delivered | median | last | longest | closed | missing | gaps |\n|--:|--:|---|--:|--:|--:|--:|--:|--:|--:|\n")
		for _, s := range r.Scale {
			var sum fanLoad
			for _, l := range s.Loads { // the slowest of the processes
				sum.Events += l.Events
				sum.P50, sum.Last, sum.MaxLast = max(sum.P50, l.P50), max(sum.Last, l.Last), max(sum.MaxLast, l.MaxLast)
				sum.Closed, sum.Missing, sum.Gaps = sum.Closed+l.Closed, sum.Missing+l.Missing, sum.Gaps+l.Gaps
			}
			fmt.Fprintf(w, "| %s | %d | %s | %s | %s | %s | %s | %d | %d | %d |\n", thousands(float64(s.Spectators)), s.Processes, strong(s.System),
				thousands(float64(sum.Events)), micros(sum.P50), micros(sum.Last), micros(sum.MaxLast), sum.Closed, sum.Missing, sum.Gaps)
		}
	}
	r.wrongs(w)
	fmt.Fprintf(w, "\n## Systems\n\n")
	for _, s := range r.Systems {
		fmt.Fprintf(w, "- %s: %s\n", s.Name, s.About)
	}
	fmt.Fprintf(w, "\nVersions:")
	sep := ""
	for _, path := range slices.Sorted(maps.Keys(m.Versions)) {
		if slices.ContainsFunc(fanSystems, func(s fanSystem) bool { return s.module == path }) {
			fmt.Fprintf(w, "%s %s %s", sep, path, m.Versions[path])
			sep = ","
		}
	}
	fmt.Fprintf(w, "; chessrelay %s.\n", m.Commit)
	for _, f := range r.Failures {
		fmt.Fprintf(w, "\nNot measured: %s\n", f)
	}
}

// wrongs reports whether every spectator got every move, once and in order.
func (r *fanoutReport) wrongs(w io.Writer) {
	fmt.Fprintf(w, "\n## Checked\n\nThat each spectator gets each move, once and in order, in all loads.\n\n")
	for _, s := range r.Systems {
		var sum fanLoad
		reasons := map[string]int{}
		for _, c := range s.Counts {
			for _, m := range c.Rounds {
				for _, l := range []fanLoad{m.Single, m.Load, m.Full, m.Slow.fanLoad} {
					sum.Events, sum.Gaps, sum.Again = sum.Events+l.Events, sum.Gaps+l.Gaps, sum.Again+l.Again
					sum.Forward, sum.Missing, sum.Closed = sum.Forward+l.Forward, sum.Missing+l.Missing, sum.Closed+l.Closed
				}
				for reason, n := range m.Reasons {
					reasons[reason] += n
				}
			}
		}
		fmt.Fprintf(w, "- %s: %s moves delivered, %d never, %d twice, %d as part of a later snapshot; %d spectators closed, %d without the last move.", s.Name,
			thousands(float64(sum.Events)), sum.Gaps, sum.Again, sum.Forward, sum.Closed, sum.Missing)
		for _, reason := range slices.Sorted(maps.Keys(reasons)) {
			fmt.Fprintf(w, " %q: %d.", reason, reasons[reason])
		}
		fmt.Fprintln(w)
	}
}

// plots are the figures by file name.
func (r *fanoutReport) plots() map[string]dotPlot {
	note := fmt.Sprintf("server and spectators on one machine, medians of %d interleaved rounds; %s; less is better", r.Rounds, r.Machine.Date.Format("2006-01-02"))
	nanos := func(v float64) string { return fine(time.Duration(v)) }
	plots := map[string]dotPlot{}
	plot := func(file, title string, format func(float64) string, of func(fanMeasurement) float64) {
		p := dotPlot{Title: title, Note: note, Format: format}
		for _, s := range r.Systems {
			row := dotRow{Label: s.Name, Strong: ours(s.Name), Faint: s.Name == "floor"}
			for _, c := range s.Counts {
				row.Values = append(row.Values, fanMedian(&c, of))
			}
			p.Rows = append(p.Rows, row)
		}
		for _, c := range r.Systems[0].Counts {
			p.Series = append(p.Series, thousands(float64(c.Spectators))+" spectators")
		}
		plots[file] = p
	}
	if len(r.Systems) == 0 || len(r.Systems[0].Counts) == 0 {
		return nil
	}
	plot("fanout-memory.svg", "Bytes of the server's memory for a spectator", formatCount, func(m fanMeasurement) float64 { return m.Bytes })
	plot("fanout-cpu.svg", "CPU time of the server for one move to one spectator", nanos, func(m fanMeasurement) float64 { return float64(m.Single.CPU) })
	plot("fanout-last.svg", "From the publishing of a move until the last spectator has it", formatMicros, func(m fanMeasurement) float64 { return micro(m.Single.Last) })
	plot("fanout-load.svg", fmt.Sprintf("The same CPU time at %d moves a second", fanRate), nanos, func(m fanMeasurement) float64 { return float64(m.Load.CPU) })
	return plots
}

// write writes fanout.json, fanout.md and the plots into dir, and the tables to standard output.
func (r *fanoutReport) write(dir string) error {
	var md strings.Builder
	r.markdown(&md)
	fmt.Print(md.String())
	return errors.Join(writeJSON(filepath.Join(dir, "fanout.json"), r), os.WriteFile(filepath.Join(dir, "fanout.md"), []byte(md.String()), 0o644), writePlots(dir, r.plots()))
}

// fine writes a duration of a few microseconds.
func fine(d time.Duration) string { return fmt.Sprintf("%.2f µs", float64(d.Nanoseconds())/1000) }
