package main

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

func TestParseRising(t *testing.T) {
	if got, err := parseRising("x", "1, 20,300", 300); err != nil || !slices.Equal(got, []int{1, 20, 300}) {
		t.Errorf("%v, %v", got, err)
	}
	if got, err := parseRising("x", "", 300); err != nil || got != nil {
		t.Errorf("%v, %v", got, err)
	}
	for _, bad := range []string{"0", "-1", "2,2", "3,2", "301", "1,", "many"} {
		if got, err := parseRising("x", bad, 300); err == nil {
			t.Errorf("%q is %v", bad, got)
		}
	}
}

func TestMedianTiming(t *testing.T) {
	got := medianTiming([]startTiming{{CaughtUp: 3, Open: 1, Snapshot: 10}, {}, {CaughtUp: 5, Open: 9, Snapshot: 10}, {CaughtUp: 4, Open: 2, Leads: 7, Snapshot: 40}})
	if want := (startTiming{CaughtUp: 4, Open: 2, Snapshot: 10}); got != want {
		t.Errorf("%+v, want %+v", got, want)
	}
}

func TestSnapshotBytes(t *testing.T) {
	log := filepath.Join(t.TempDir(), "log")
	for text, want := range map[string]int64{
		"": 0,
		`time=1 level=INFO msg="snapshot received" member=7 from=9 index=12 bytes=345` + "\n":                                            345,
		`msg="snapshot received" index=1 bytes=1` + "\n" + `msg=other bytes=3` + "\n" + `msg="snapshot received" index=2 bytes=2` + "\n": 2,
	} {
		if err := os.WriteFile(log, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		if got, err := snapshotBytes(log); err != nil || got != want {
			t.Errorf("%d, %v in %q, want %d", got, err, text, want)
		}
	}
}

// TestGrowth makes a little history and one small group, so it uses all parts. A node that joins or
// is started again has everything.
func TestGrowth(t *testing.T) {
	pgn, err := filepath.Abs("../cmd/chessrelay/replay/sample/olympiad-2014-round-11.pgn")
	if err != nil {
		t.Fatal(err)
	}
	f := &runFlags{rounds: 1, seconds: 0.3, dir: t.TempDir(), pgn: pgn}
	r := newGrowthReport(f, []int{1}, []int{300, 900})
	if n := len(newGrowthReport(f, []int{1, 2, 5}, nil).Sizes); n != 4 { // there is a second group of six in which all vote
		t.Errorf("%d groups", n)
	}
	if err := r.Sizes[0].run(t.Context(), f, 0); err != nil {
		t.Fatal(err)
	}
	r.Histories[1].Points = r.Histories[1].Points[:1] // one is enough for a state that does not grow
	for i := range r.Histories {
		if err := r.Histories[i].run(t.Context(), f, 0); err != nil {
			t.Fatal(err)
		}
	}
	r.summarize()
	if l := r.Sizes[0].Loads[1]; l.Rate == 0 || l.LeaderCPU == 0 || l.NodeCPU <= l.LeaderCPU {
		t.Errorf("%+v", l)
	}
	for _, h := range r.Histories {
		for _, p := range h.Points {
			for _, s := range []startTiming{p.JoinP50, p.FollowerP50, p.LeaderP50} {
				if s.Open <= 0 || s.CaughtUp < s.Open || s.CaughtUp > startTimeout {
					t.Errorf("%s after %d moves: %+v", h.System, p.Moves, s)
				}
			}
			if p.JoinP50.Snapshot == 0 || p.LeaderP50.Leads < p.LeaderP50.CaughtUp {
				t.Errorf("%s after %d moves: %+v %+v", h.System, p.Moves, p.JoinP50, p.LeaderP50)
			}
		}
		if h.System == chessSystem.name && h.Points[1].JoinP50.Snapshot <= h.Points[0].JoinP50.Snapshot {
			t.Errorf("three times the moves, and no larger snapshot: %d and %d bytes", h.Points[0].JoinP50.Snapshot, h.Points[1].JoinP50.Snapshot)
		}
	}
	var md strings.Builder
	r.markdown(&md)
	for _, want := range []string{"| 1 | 2 | ", "| boards | 300 | ", "| a counter | 300 | "} {
		if !strings.Contains(md.String(), want) {
			t.Errorf("%q is missing in\n%s", want, md.String())
		}
	}
	if n := len(r.plots()); n != 3 {
		t.Errorf("%d plots", n)
	}
}
