package relay

import (
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestParseTimeControl(t *testing.T) {
	const s, m = Millis(1000), Millis(60_000)
	for in, want := range map[string][]Control{
		"40/5400+30:1800+30":                 {{40, 90 * m, 30 * s, 0}, {0, 30 * m, 30 * s, 0}},
		"40/7200:20/3600:900+30":             {{40, 120 * m, 0, 0}, {20, 60 * m, 0, 0}, {0, 15 * m, 30 * s, 0}},
		"5400+30":                            {{0, 90 * m, 30 * s, 0}},
		"90+30":                              {{0, 90 * m, 30 * s, 0}},
		"3+2":                                {{0, 3 * m, 2 * s, 0}},
		"180+2":                              {{0, 3 * m, 2 * s, 0}},
		"900":                                {{0, 15 * m, 0, 0}},
		"90 min + 30 sec/move":               {{0, 90 * m, 30 * s, 0}},
		"90'+30''":                           {{0, 90 * m, 30 * s, 0}},
		"15m+10s":                            {{0, 15 * m, 10 * s, 0}},
		"15 minutes + 10 seconds per move":   {{0, 15 * m, 10 * s, 0}},
		"40 moves / 90 min + 30, 30 min +30": {{40, 90 * m, 30 * s, 0}, {0, 30 * m, 30 * s, 0}},
		"40/120, SD/60":                      {{40, 120 * m, 0, 0}, {0, 60 * m, 0, 0}},
		"G/90d5":                             {{0, 90 * m, 0, 5 * s}},
		"0+1":                                {{0, 0, s, 0}},
		"":                                   nil, "?": nil, "-": nil, "0": nil, "classical": nil, "90+": nil, "+30": nil, "1800:40/900": nil, "0/900": nil,
		"99999999": nil, "900+99999999": nil, "1:2:3:4:5:6:7:8:9": nil, "40/-5": nil,
	} {
		got, ok := ParseTimeControl(in)
		if diff := cmp.Diff(want, got); diff != "" || ok != (want != nil) {
			t.Errorf("%q: %v %s", in, ok, diff)
		}
	}
}

func FuzzTimeControl(f *testing.F) {
	f.Add("40/5400+30:1800+30")
	f.Add("90 min + 30 sec/move")
	f.Fuzz(func(t *testing.T, text string) {
		controls, ok := ParseTimeControl(text)
		if ok != (len(controls) > 0) || len(controls) > maxControls {
			t.Fatal(controls, ok)
		}
		for _, c := range controls {
			if c.Time < 0 || c.Time > MaxClock || c.Increment < 0 || c.Delay < 0 || c.Moves < 0 || c.Moves > MaxPlies {
				t.Fatal(c)
			}
		}
	})
}
