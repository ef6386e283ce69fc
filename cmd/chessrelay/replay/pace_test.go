package replay

import (
	"os"
	"slices"
	"testing"
	"time"
)

func seconds(s ...int) []time.Duration {
	out := make([]time.Duration, len(s))
	for i, n := range s {
		out[i] = time.Duration(n) * time.Second
		if n < 0 {
			out[i] = unknownClock
		}
	}
	return out
}

func TestThinkingTimes(t *testing.T) {
	for name, tt := range map[string]struct {
		game clockedGame
		want []time.Duration
	}{
		"no clocks": {
			clockedGame{start: [2]time.Duration{unknownClock, unknownClock}, after: seconds(-1, -1)},
			seconds(10, 10),
		},
		"an increment": {
			clockedGame{start: [2]time.Duration(seconds(900, 900)), increment: 10 * time.Second, after: seconds(907, 900, 900, 880)},
			seconds(3, 10, 17, 30),
		},
		"no start": {
			clockedGame{start: [2]time.Duration(seconds(-1, -1)), increment: 10 * time.Second, after: seconds(907, 900, 900, 880)},
			seconds(10, 10, 17, 30),
		},
		"a guessed increment": {
			clockedGame{start: [2]time.Duration(seconds(900, 900)), after: seconds(928, 900, 900, 910)},
			seconds(2, 30, 58, 20),
		},
		"a clock left out": {
			clockedGame{start: [2]time.Duration(seconds(100, 100)), after: seconds(90, 95, -1, 90, 70, 85)},
			seconds(10, 5, 10, 5, 10, 5),
		},
		"a time control": {
			clockedGame{start: [2]time.Duration(seconds(100, 100)), after: seconds(60, 90, 1800, 80)},
			seconds(40, 10, 0, 10),
		},
		"a clock set wrong": {
			clockedGame{start: [2]time.Duration(seconds(9000, 9000)), after: seconds(0, 8990)},
			seconds(2700, 10),
		},
		"black begins": {
			clockedGame{start: [2]time.Duration(seconds(100, 200)), first: 1, after: seconds(190, 95)},
			seconds(10, 5),
		},
	} {
		t.Run(name, func(t *testing.T) {
			if got := tt.game.thoughts(); !slices.Equal(got, tt.want) {
				t.Errorf("got  %v\nwant %v", got, tt.want)
			}
		})
	}
}

func TestParseIncrement(t *testing.T) {
	for tag, want := range map[string]int{
		"":                          0,
		"?":                         0,
		"5400":                      0,
		"40/7200:3600":              0,
		"900+10":                    10,
		"40/5400+30:1800+30":        30,
		"90'/40+30'+30''":           30,
		"90 min + 30 s":             30,
		"15 min/game + 10 sec/move": 10,
		"90min/40moves+30min/end&30sec/increment": 30,
		"1 hour": 0,
	} {
		if got := parseIncrement(tag); got != time.Duration(want)*time.Second {
			t.Errorf("parseIncrement(%q) = %v; want %d s", tag, got, want)
		}
	}
}

// TestPaceOfTheSample compares the replay of the sample with its clocks as a whole. A side's time
// is what it began with, plus the increments, minus what was left. After move 40 a side also gets
// half an hour, which is not in that sum.
func TestPaceOfTheSample(t *testing.T) {
	file, err := os.Open("sample/olympiad-2014-round-11.pgn")
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	games, broken, err := Read(file)
	if err != nil || len(broken) > 0 || len(games) != 12 {
		t.Fatalf("%d games, broken: %v, %v", len(games), broken, err)
	}
	const increment = 30 * time.Second
	for _, g := range games {
		if len(g.at) != len(g.moves) || !slices.IsSorted(g.at) {
			t.Fatalf("game %d: %d plies are played at %v", g.number, len(g.moves), g.at)
		}
		if got := g.clocks.guessIncrement(); got != increment {
			t.Errorf("game %d: the increment is guessed as %v", g.number, got)
		}
		var spent time.Duration
		for side := range 2 {
			plies := (len(g.moves) + 1 - side) / 2
			spent += g.clocks.start[side] + time.Duration(plies)*increment - g.clocks.after[2*plies-2+side]
		}
		took := g.at[len(g.at)-1]
		if took < spent || took > spent+time.Hour {
			t.Errorf("game %d takes %v; by the clocks the players spent %v", g.number, took, spent)
		}
		if took < 20*time.Minute || took > 7*time.Hour {
			t.Errorf("game %d takes %v", g.number, took)
		}
	}
}
