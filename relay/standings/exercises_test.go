package standings

import (
	"fmt"
	"maps"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/chessrelay/chessrelay/relay"
)

// The crosstables and the results here are those of Mario Held, "Exercises in Tie-Breaking", FIDE
// Technical Commission, 2023 (tec.fide.com, "Tie-break exercise"). It follows the C.07 of 2023,
// whose definitions are those of 2024.

// crosstable reads a file of testdata: a player a line, with his number, name, rating, and what he
// did in each round. "+W7" is a win with White against number 7, "=" a draw and "-" a loss; "F" in
// the place of the colour is a forfeit, "BYE" stands for the opponent in a bye, and "--" for a
// round in which he did not come.
func crosstable(t testing.TB, name string) []Round {
	t.Helper()
	data, err := os.ReadFile("testdata/" + name)
	if err != nil {
		t.Fatal(err)
	}
	lines := map[int][]string{}
	players := map[int]relay.Player{0: {Name: "Bye"}}
	for line := range strings.Lines(string(data)) {
		f := strings.Fields(line)
		if len(f) == 0 || f[0] == "#" {
			continue
		}
		n, _ := strconv.Atoi(f[0])
		rating, _ := strconv.Atoi(f[2])
		players[n], lines[n] = relay.Player{Name: f[0], Rating: rating}, f[3:]
	}
	var out []Round
	for round := range lines[1] {
		r := Round{Round: &relay.Round{ID: relay.RoundID(fmt.Sprintf("round%03d", round+1)), Status: relay.RoundFinished}}
		for _, n := range slices.Sorted(maps.Keys(lines)) {
			cell := lines[n][round]
			if cell == "--" {
				continue
			}
			opponent, _ := strconv.Atoi(strings.TrimLeft(cell[1:], "WBF"))
			if cell[1:] == "BYE" {
				opponent = 0
			}
			if opponent != 0 && !(cell[1] == 'W' || cell[1] == 'F' && n < opponent) {
				continue // the opponent's line has it
			}
			result := map[byte]string{'+': "1-0", '=': "1/2-1/2", '-': "0-1"}[cell[0]]
			if cell[1] == 'F' {
				result = map[byte]string{'+': "+/-", '-': "-/+"}[cell[0]]
			}
			r.Games = append(r.Games, game(t, round+1, len(r.Games)+1, players[n], players[opponent], result))
		}
		out = append(out, r)
	}
	return out
}

// TestSwissExercises has the tie-breaks of the Swiss of section 2.1. Each list is by number, from 1
// to 16.
func TestSwissExercises(t *testing.T) {
	rounds := crosstable(t, "swiss.txt")
	for code, want := range map[Code]string{
		BH:  "12.5 13 15.5 15 8.5 12 14.5 13.5 9 13 13.5 11.5 14 11 12 12.5",
		SB:  "8 9.5 10.5 9.75 4.25 6.5 3.25 5.25 2.25 1.5 5.75 4 4.25 4.5 3.5 7.25",
		WIN: "2 3 2 2 2 3 1 2 1 1 2 2 1 2 2 3",
		WON: "2 3 2 2 2 2 1 2 0 1 1 0 1 2 2 3",
		BPG: "2 3 2 2 2 2 3 2 1 3 2 0 3 2 3 2",
		BWG: "1 1 1 1 0 1 0 0 0 1 0 0 1 1 1 1",
		PS:  "11 13 11 11.5 5 6 6 8.5 2.5 4 5.5 7 7 6 7 10.5",
		ARO: "1820 1880 1940 1888 1690 1813 1760 1730 1975 1880 1863 2050 1930 1800 1860 1820",
		TPR: "1969 2120 2089 2081 1690 1813 1611 1730 1175 1640 1776 1250 1781 1925 1788 1969",
		// Where the exercises give none, there is a dash.
		BHC1:  "11 - 13 11.5 7.5 - 12.5 12 7.5 - 12 9.5 12 9 11 11",
		SBC1:  "7.25 8.5 9.25 8 3.25 5.5 1.25 3.75 2.25 0 4.25 4 4.25 3 2.5 5.75",
		AROC1: "1900 1988 2000 1983 1738 1900 1838 1800 2200 1975 2000 0 2025 1900 1963 1900",
	} {
		table := Compute(rounds, Options{TieBreaks: []Code{code}})
		for i, w := range strings.Fields(want) {
			l := line(t, table, strconv.Itoa(i+1))
			if got := fmt.Sprint(l.Values[0]); got != w && w != "-" {
				t.Errorf("%s of #%d is %s, want %s", code, i+1, got, w)
			}
		}
	}
	// Exercises 23 and 24: the direct encounter breaks no tie.
	for _, l := range Compute(rounds, Options{TieBreaks: []Code{DE}}).Players {
		if l.Values[0] != 0 || l.TieBreaks.DirectEncounterRank > 1 {
			t.Errorf("the direct encounter of #%s is %v, rank %d", l.Player.Name, l.Values[0], l.TieBreaks.DirectEncounterRank)
		}
	}
}

// TestDirectEncounterExercise is exercise 25: with 6 points #6 has 2 against the others, #1 and #4
// have 1½, also when it is applied to these two alone, and #2 has 1. No other tie is broken: with
// 4½ #8 could have reached #16, and with 4 and with 3 points it is much the same.
func TestDirectEncounterExercise(t *testing.T) {
	table := Compute(crosstable(t, "direct.txt"), Options{TieBreaks: []Code{DE}})
	if got, want := order(table), "13 26 31 34 52 67 68 616 95 910 914 915 1311 149 1412 1613"; got != want {
		t.Errorf("the order is %s, want %s", got, want)
	}
	for name, want := range map[string]string{"6": "2", "1": "1.5", "4": "1.5", "2": "1", "16": "0", "15": "0", "9": "0.5", "12": "0.5"} {
		if got := fmt.Sprint(line(t, table, name).Values[0]); got != want {
			t.Errorf("#%s has %s against those with his points, want %s", name, got, want)
		}
	}
}

// TestCertainExercise is the example of chapter 6: C and D have not met, but whatever comes of it
// A is first and B second.
func TestCertainExercise(t *testing.T) {
	// All have 4 points, from the games of the example and others.
	rounds := tournament(t,
		"A-B 1-0, C-W 1-0, D-X 1-0", "A-C 1-0, B-D 1-0", "A-D 1-0, B-C 1-0",
		"A-W 1-0, B-X 1-0, C-Y 1-0, D-Z 1-0", "A-W 0-1, B-X 1-0, C-Y 1-0, D-Z 1-0", "C-W 1-0, D-Z 1-0",
	)
	table := Compute(rounds, Options{TieBreaks: []Code{DE}})
	if got, want := order(table), "1A 2B 3C 3D"; !strings.HasPrefix(got, want) {
		t.Errorf("the order is %s, want %s", got, want)
	}
}

// TestRoundRobinExercises has the round robin of section 2.2 (exercise 26, among others), in which
// the forfeit of #6 counts as a game that was played. The numbers are those of its first form.
func TestRoundRobinExercises(t *testing.T) {
	rounds := crosstable(t, "roundrobin.txt")
	for code, want := range map[Code]string{
		DE:   "2 0.5 0.5 0.5 1.5 1",
		SB:   "9.25 6.25 6.25 4.25 2.25 3.25",
		SBC1: "9.25 4.75 4.75 4.25 1.5 3.25",
		KS:   "2 0.5 0.5 1 0 0.5",
	} {
		table := Compute(rounds, Options{TieBreaks: []Code{code}, RoundRobin: true})
		for i, w := range strings.Fields(want) {
			if got := fmt.Sprint(line(t, table, strconv.Itoa(i+1)).Values[0]); got != w {
				t.Errorf("%s of #%d is %s, want %s", code, i+1, got, w)
			}
		}
	}
	table := Compute(rounds, Options{TieBreaks: []Code{DE}, RoundRobin: true})
	if got, want := order(table), "11 22 23 45 56 64"; got != want {
		t.Errorf("the order is %s, want %s", got, want)
	}
}
