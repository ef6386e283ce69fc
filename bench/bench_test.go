package main

import (
	"context"
	"encoding/xml"
	"errors"
	"io"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/chessrelay/chessrelay/bench/node"
)

// TestMain lets the tests' own program be the child processes that the harness starts.
func TestMain(m *testing.M) {
	if len(os.Args) > 1 && os.Args[1] == "node" {
		if err := runNode(context.Background(), nil); err != nil {
			os.Exit(1)
		}
		os.Exit(0)
	}
	os.Exit(m.Run())
}

func TestMedian(t *testing.T) {
	unsorted := []float64{3, 1, 2}
	if got := median(unsorted); got != 2 || !slices.Equal(unsorted, []float64{3, 1, 2}) {
		t.Errorf("median %g of %v", got, unsorted)
	}
}

func measured(p50 time.Duration, ops int) measurement {
	return measurement{Window: node.Window{Ops: ops, Seconds: 1, P50: p50, P99: 3 * p50}, groupUsage: groupUsage{CPU: time.Second, MaxRSS: 1 << 20}}
}

// testReport has a failed round, a peer that is not durable, one peer with the best p50 and another
// with the best rate.
func testReport() *peersReport {
	load := func(ms ...measurement) []loadReport { return []loadReport{{Outstanding: 1, Rounds: ms}} }
	return &peersReport{
		Rounds: 3, Syncs: []time.Duration{100 * time.Microsecond},
		Systems: []systemReport{
			{Name: "floor", Durable: true, Loads: load(measured(100, 1000), measured(200, 1000), measured(300, 1000))},
			{Name: "chessrelay", Durable: true, Loads: load(measured(200, 100), measured(600, 100), measured(600, 100))},
			{Name: "peer-a", Durable: true, Loads: load(measured(400, 200), measured(400, 200), measurement{})},
			{Name: "peer-b", Durable: true, Loads: load(measured(500, 400), measured(500, 400), measured(500, 400))},
			{Name: "unsafe", Loads: load(measured(10, 9000), measured(10, 9000), measured(10, 9000))},
		},
	}
}

func TestSummarize(t *testing.T) {
	r := testReport()
	r.summarize()
	got := r.load("chessrelay", 1)
	near := func(what string, got, want float64) {
		t.Helper()
		if math.Abs(got-want) > 1e-9 {
			t.Errorf("%s is %g, want %g", what, got, want)
		}
	}
	near("p50", float64(got.P50), 600)
	near("p50 to floor", got.P50Floor, 2) // of 2, 3 and 2
	near("p50 to peer-a", got.P50Best, 1) // the mean of 0.5 and 1.5: the third round failed
	near("rate to peer-b", got.RateBest, 0.25)
	near("CPU", got.CPUPerMillion, 10_000)
	if peer := r.load("peer-a", 1); peer.P50 != 400 {
		t.Errorf("a failed round counts: p50 %v", peer.P50)
	}
}

func TestMarkdown(t *testing.T) {
	r := testReport()
	r.Failures = []string{"round 3: peer-a would not"}
	r.summarize()
	var b strings.Builder
	r.markdown(&b)
	for _, want := range []string{"| **chessrelay** | 1 µs | 2 µs | 100 | 2.00× | 1.00× | 0.25× | 10000 | 1 MB |", "unsafe (not durable)", "Not measured: round 3", "fdatasync of 4 KiB: 100 µs"} {
		if !strings.Contains(b.String(), want) {
			t.Errorf("%q is missing in\n%s", want, b.String())
		}
	}
}

func TestThousands(t *testing.T) {
	for v, want := range map[float64]string{0: "0", 999: "999", 1000: "1,000", 1234567.4: "1,234,567", -21: "-21", -1234: "-1,234", -100: "-100"} {
		if got := thousands(v); got != want {
			t.Errorf("%g is written %q, want %q", v, got, want)
		}
	}
}

func TestFormatDots(t *testing.T) {
	for v, want := range map[float64]string{12.4: "12 µs", 1500: "1.5 ms", 999_400: "999 ms", 999_600: "1 s", 7_201_000: "7.2 s"} {
		if got := formatMicros(v); got != want {
			t.Errorf("%g µs is written %q, want %q", v, got, want)
		}
	}
	for v, want := range map[float64]string{7: "7", 75_277: "75.3 k", 999_400: "999 k", 1_000_000: "1 M"} {
		if got := formatCount(v); got != want {
			t.Errorf("%g is written %q, want %q", v, got, want)
		}
	}
}

func TestPlotIsXML(t *testing.T) {
	p := dotPlot{Title: "a < b & c", Series: []string{"x", "y", "z"}, Format: formatCount, Rows: []dotRow{
		{Label: "all", Values: []float64{1, 2000, 3e6}}, {Label: "some", Strong: true, Values: []float64{0, 20, 0}}, {Label: "none", Faint: true},
	}}
	svg := p.svg()
	d := xml.NewDecoder(strings.NewReader(svg))
	for {
		if _, err := d.Token(); errors.Is(err, io.EOF) {
			break
		} else if err != nil {
			t.Fatalf("%v in\n%s", err, svg)
		}
	}
	if n := strings.Count(svg, `cx="`) + strings.Count(svg, "<path"); n != 4+3 { // four values, three in the key
		t.Errorf("%d dots", n)
	}
	if strings.Contains(svg, "NaN") || strings.Contains(svg, "Inf") {
		t.Errorf("a place that is no number in\n%s", svg)
	}
	_ = dotPlot{Format: formatCount}.svg() // without a row, nothing panics
}

func TestAxis(t *testing.T) {
	a := axis{10, 1000, 0, 100}
	for v, want := range map[float64]float64{10: 0, 100: 50, 1000: 100} {
		if got := a.at(v); math.Abs(got-want) > 1e-9 {
			t.Errorf("%g is at %g, want %g", v, got, want)
		}
	}
	if got := a.ticks(); !slices.Equal(got, []float64{10, 20, 50, 100, 200, 500, 1000}) {
		t.Errorf("ticks %v", got)
	}
}

// TestWholeRun briefly runs three real processes of this project, and of a peer with its own
// program. It checks that all parts of the harness fit together.
func TestWholeRun(t *testing.T) {
	pgn, err := filepath.Abs("../cmd/chessrelay/replay/sample/olympiad-2014-round-11.pgn")
	if err != nil {
		t.Fatal(err)
	}
	for _, s := range []system{floorSystem, chessrelaySystem, chessSystem, etcdSystem} {
		t.Run(s.name, func(t *testing.T) {
			if err := s.prepare(t.Context(), "", t.TempDir()); err != nil {
				t.Fatal(err)
			}
			r, err := newPeersReport([]system{s}, &runFlags{rounds: 1})
			if err != nil {
				t.Fatal(err)
			}
			if s.module != "" && r.Machine.Versions[s.module] == "" {
				t.Errorf("the report does not know which version of %s is measured", s.module)
			}
			c, err := startCluster(t.Context(), s, t.TempDir(), 3, chessrelayOptions{PGN: pgn})
			if err != nil {
				t.Fatal(err)
			}
			defer func() {
				if err := c.close(); err != nil {
					t.Error(err)
				}
			}()
			load := s.allLoads()[min(1, len(s.allLoads())-1)]
			m, err := c.measure(t.Context(), node.LoadArgs{Outstanding: load}, 50*time.Millisecond, 300*time.Millisecond)
			if err != nil {
				t.Fatal(err)
			}
			if m.P50 <= 0 || m.P99 < m.P50 || m.CPU <= 0 || m.MaxRSS == 0 {
				t.Errorf("%+v", m)
			}
			if !s.converges {
				return
			}
			has, err := c.converged(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			if int(has.Count) < m.Ops {
				t.Errorf("%d answered, %d applied", m.Ops, has.Count)
			}
		})
	}
}

// TestRestart: a node that is stopped and started again is the same node, and gets what it missed.
func TestRestart(t *testing.T) {
	c, err := startCluster(t.Context(), chessrelaySystem, t.TempDir(), 3, chessrelayOptions{})
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := c.close(); err != nil {
			t.Error(err)
		}
	}()
	if err := c.nodes[2].stop(t.Context()); err != nil {
		t.Fatal(err)
	}
	m, err := c.measure(t.Context(), node.LoadArgs{Outstanding: 8}, 0, 200*time.Millisecond)
	if err != nil {
		t.Fatal(err)
	}
	if err := c.start(t.Context(), 2); err != nil {
		t.Fatal(err)
	}
	has, err := c.converged(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if int(has.Count) < m.Ops {
		t.Errorf("%d answered, %d applied", m.Ops, has.Count)
	}
}
