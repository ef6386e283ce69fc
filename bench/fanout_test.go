package main

import (
	"encoding/xml"
	"errors"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"
)

const testPGN = "../cmd/chessrelay/replay/sample/olympiad-2014-round-11.pgn"

// TestFanout has every system tell a few spectators everything, and makes the report.
func TestFanout(t *testing.T) {
	if err := checkFanLimits(40); err != nil {
		t.Skip(err)
	}
	f := fanFlags{runFlags: runFlags{rounds: 1, seconds: 0.2, pgn: testPGN}, idle: 0.1}
	r, err := measureFanout(t.Context(), &f, fanSystems, []int{20, 40})
	if err != nil || len(r.Failures) > 0 {
		t.Fatal(err, r.Failures)
	}
	for _, s := range r.Systems {
		for _, c := range s.Counts {
			m := c.Rounds[0]
			if m.Came.Count != c.Spectators || m.Bytes <= 0 || m.Load.Moves != 4 || m.Full.Moves < fanBatch {
				t.Errorf("%s: %+v", s.Name, m)
			}
			for what, l := range map[string]fanLoad{"single": m.Single, "load": m.Load, "full": m.Full, "slow": m.Slow.fanLoad} {
				readers := c.Spectators
				if what == "slow" {
					readers -= m.Slow.Slow
				}
				if l.Events != uint64(l.Moves*readers) || l.Gaps+l.Again+l.Forward != 0 || l.Closed+l.Missing != 0 {
					t.Errorf("%s, %s: %d moves to %d spectators are %d: %+v", s.Name, what, l.Moves, readers, l.Events, l)
				}
				if what == "single" && (l.First <= 0 || l.First > l.P50 || l.P50 > l.P99 || l.P99 > l.Last || l.CPU <= 0) {
					t.Errorf("%s: delays %+v", s.Name, l)
				}
			}
		}
		if few, many := s.Counts[0].Rounds[0], s.Counts[1].Rounds[0]; few.Slow.Slow != 1 || many.Slow.Slow != 0 || few.Herd.Count != 0 || many.Herd.Count != 40 {
			t.Errorf("%s: slow %+v, herd %+v", s.Name, few.Slow, many.Herd)
		}
	}
	dir := t.TempDir()
	if err := r.write(dir); err != nil {
		t.Fatal(err)
	}
	for name := range r.plots() {
		file, err := os.ReadFile(filepath.Join(dir, name))
		if err != nil {
			t.Fatal(err)
		}
		for d := xml.NewDecoder(strings.NewReader(string(file))); ; {
			if _, err := d.Token(); errors.Is(err, io.EOF) {
				break
			} else if err != nil {
				t.Fatalf("%s: %v", name, err)
			}
		}
	}
}

// TestFanoutEvents: all systems carry the same bytes.
func TestFanoutEvents(t *testing.T) {
	if err := checkFanLimits(2); err != nil {
		t.Skip(err)
	}
	at := regexp.MustCompile(`"at":\d+`)
	want := ""
	for _, s := range fanSystems {
		r, err := startFanRun(t.Context(), s, testPGN, 0)
		if err != nil {
			t.Fatal(err)
		}
		defer r.close()
		if _, err := r.come(t.Context(), comeArgs{Count: 2}); err != nil {
			t.Fatal(s.name, err)
		}
		if _, err := r.load(t.Context(), 25, 1000, 0); err != nil {
			t.Fatal(s.name, err)
		}
		var state crowdState
		if err := r.crowd.call(t.Context(), "state", nil, &state); err != nil {
			t.Fatal(err)
		}
		got := at.ReplaceAllString(state.Sample, `"at":0`) // the rest is the same whenever it was played
		if want == "" {
			want = got
			if !strings.HasPrefix(got, `{"type":"move","index":`) || !strings.Contains(got, `"san":`) {
				t.Errorf("the 25th event is %s", got)
			}
		} else if got != want {
			t.Errorf("%s: %s, want %s", s.name, got, want)
		}
		if err := r.server.stop(t.Context()); err != nil {
			t.Errorf("%s: %v", s.name, err)
		}
	}
}

func TestFanDelays(t *testing.T) {
	later := make([]uint32, 100)
	for i := range later {
		later[len(later)-1-i] = uint32(i * 10)
	}
	a := arrivalOf(time.Second, later, 0)
	if a.Count != 100 || a.First != time.Second || a.P50-a.First != 490*laterUnit || a.P99-a.First != 980*laterUnit || a.Last-a.First != 990*laterUnit {
		t.Errorf("%+v", a)
	}
	var l fanLoad
	l.delays([]time.Duration{1, 2, 3}, []arrival{
		{Count: 1, First: 11, P50: 21, P99: 31, Last: 41}, {Missed: 1}, {Count: 1, First: 33, P50: 43, P99: 53, Last: 103},
	})
	if l.First != 20 || l.P50 != 30 || l.P99 != 40 || l.Last != 70 || l.MaxP50 != 40 || l.MaxLast != 100 {
		t.Errorf("%+v", l)
	}
}

func TestFanRatio(t *testing.T) {
	m := func(bytes float64) fanMeasurement { return fanMeasurement{Bytes: bytes, Single: fanLoad{Moves: 1}} }
	r := fanoutReport{Systems: []fanSystemReport{
		{Name: "chessrelay", Counts: []fanCountReport{{Spectators: 5, Rounds: []fanMeasurement{m(1), m(3), m(8)}}}},
		{Name: fanPeer, Counts: []fanCountReport{{Spectators: 5, Rounds: []fanMeasurement{m(10), m(10), {}}}}},
	}}
	bytes := func(m fanMeasurement) float64 { return m.Bytes }
	if got := r.fanRatio(r.count("chessrelay", 5), bytes); got != 0.2 {
		t.Errorf("ratio %g", got)
	}
	if got := fanMedian(r.count("chessrelay", 5), bytes); got != 3 {
		t.Errorf("median %g", got)
	}
}
