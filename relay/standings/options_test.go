package standings

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/chessrelay/chessrelay/relay"
)

func TestParseTieBreaks(t *testing.T) {
	for text, want := range map[string][]Code{
		"":                       nil,
		" , ":                    nil,
		"DE,BHC1,BH":             {DE, BHC1, BH},
		"de; bh-c1  BH/C2\tsb":   {DE, BHC1, BHC2, SB},
		"DE,BH,DE":               {DE, BH, DE},
		"BH, SB, WIN, WON, BPG":  {BH, SB, WIN, WON, BPG},
		"ARO,TPR,KS,MP,GP":       {ARO, TPR, KS, MP, GP},
		"BHM1,SBC1,BWG,PS,AROC1": {BHM1, SBC1, BWG, PS, AROC1},
		"EMGSB,EMMSB":            {EMGSB, EMMSB},
	} {
		got, err := ParseTieBreaks(text)
		if err != nil || !slices.Equal(got, want) {
			t.Errorf("%q is %v, %v; want %v", text, got, err, want)
		}
	}
	for text, want := range map[string]string{
		"DE,BUCH":                    `no tie-break "BUCH"; the codes are DE, BH, BHC1,`,
		"BH BH":                      "BH is listed twice",
		"BHC1,BH-C1":                 "BHC1 is listed twice",
		strings.Repeat("DE,", 13):    "at most 12",
		strings.Repeat("DE,BH,", 99): "at most 200 characters",
	} {
		if got, err := ParseTieBreaks(text); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q is %v, and the error %v; want one with %q", text, got, err, want)
		}
	}
}

func FuzzParseTieBreaks(f *testing.F) {
	for _, text := range []string{"DE,BHC1,BH", "bh/c1;sb", "de de", "\xff", "BH:GP"} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		codes, err := ParseTieBreaks(text)
		if err != nil {
			if codes != nil {
				t.Errorf("%q is %v and an error", text, codes)
			}
			return
		}
		again, err := ParseTieBreaks(FormatTieBreaks(codes))
		if err != nil || !slices.Equal(codes, again) || len(codes) > MaxTieBreaks {
			t.Errorf("%q is %v, and that is %v, %v", text, codes, again, err)
		}
	})
}

func TestOptionsOf(t *testing.T) {
	scoring := relay.Scoring{White: relay.Points{Win: 300, Draw: 100}}
	tour := relay.Tournament{TournamentSettings: relay.TournamentSettings{TieBreaks: "SB,DE", Scoring: &scoring}}
	if diff := cmp.Diff(Options{TieBreaks: []Code{SB, DE}, Scoring: &scoring}, OptionsOf(&tour)); diff != "" {
		t.Error(diff)
	}
	for format, want := range map[string]bool{
		"10-player double round-robin": true, "Round Robin": true, "Rundenturnier": true, "9-round Swiss": false, "": false,
	} {
		tour := relay.Tournament{TournamentInfo: relay.TournamentInfo{Format: format}}
		if got := OptionsOf(&tour).RoundRobin; got != want {
			t.Errorf("%q is a round robin: %v", format, got)
		}
	}
}

// TestTieBreaksTakeEffect has two players with one point each, and another one ahead by each list.
func TestTieBreaksTakeEffect(t *testing.T) {
	// A won a game with Black and lost one; B drew twice, once with Black, and met better players.
	rounds := tournament(t, "C-A 0-1, B-D/2500 1/2-1/2, Q-R *", "A-E/2400 0-1, F/2600-B 1/2-1/2, D-Y 1-0, F-X 1-0, Q-R *")
	for list, want := range map[string]string{
		"WIN": "AB", "WON": "AB", "BWG": "AB", "BH": "BA", "ARO": "BA", "TPR": "BA", "BH,WIN": "BA", "WIN,BH": "AB", "PS": "AB",
	} {
		codes, err := ParseTieBreaks(list)
		if err != nil {
			t.Fatal(err)
		}
		table := Compute(rounds, Options{TieBreaks: codes})
		a, b := line(t, table, "A"), line(t, table, "B")
		if got := map[bool]string{true: "AB", false: "BA"}[a.Rank < b.Rank]; got != want || a.Rank == b.Rank {
			t.Errorf("by %s A is %d (%v) and B is %d (%v), want %s", list, a.Rank, a.Values, b.Rank, b.Values, want)
		}
		if len(table.TieBreaks) != len(codes) || table.TieBreaks[0].Code != codes[0] || table.TieBreaks[0].Meaning == "" {
			t.Errorf("%s: the table tells %+v", list, table.TieBreaks)
		}
	}
	// Tie-breaks for teams alone are not for players.
	if got := Compute(rounds, Options{TieBreaks: []Code{MP, WIN}}).TieBreaks; len(got) != 1 || got[0].Code != WIN {
		t.Errorf("the players' tie-breaks are %v", got)
	}
	if got := Compute(rounds, Options{TieBreaks: []Code{MP}}).TieBreaks; len(got) != len(DefaultTieBreaks) {
		t.Errorf("the players' tie-breaks are %v", got)
	}
}

// TestScoring has points by colour, and a round of its own.
func TestScoring(t *testing.T) {
	armageddon := relay.Scoring{White: relay.Points{Win: 300, Draw: 100, Loss: 50}, Black: relay.Points{Win: 300, Draw: 150, Loss: 33}}
	rounds := tournament(t, "A-B 1-0, C-D 1/2-1/2", "B-A +/-, D-C 0-1, E-Bye 1-0", "A-B 1/2-1/2, D-C 1-0")
	rounds[2].Scoring = &relay.Scoring{White: relay.Points{Win: 200, Draw: 25}, Black: relay.Points{Win: 200, Draw: 75}}
	table := Compute(rounds, Options{Scoring: &armageddon, TieBreaks: []Code{SB, WIN, KS}})
	for name, want := range map[string]string{
		"A": "3.25", // 3, a forfeit that gives nothing, a draw with White in the last round
		"B": "4.08", // 0.33, 3, 0.75
		"C": "4",    // 1 with White, 3, 0
		"D": "4",    // 1.5 with Black, 0.5, 2 with White
		"E": "3",
	} {
		l := line(t, table, name)
		if fmt.Sprint(l.Points) != want {
			t.Errorf("%s has %v, want %s", name, l.Points, want)
		}
		if out, err := json.Marshal(l.Points); err != nil || string(out) != want {
			t.Errorf("%s has %s in JSON, %v", name, out, err)
		}
	}
	// C drew with D, beat D and lost to D: 4·1 + 4·3.
	if got := line(t, table, "C").Values[0]; got != 16 {
		t.Errorf("C has Sonneborn-Berger %v", got)
	}
	if a := line(t, table, "A"); a.Wins != 1 || a.Draws != 1 || a.Losses != 1 || a.TieBreaks.Wins != 1 {
		t.Errorf("A has %+v", a)
	}
}

// TestUnrated leaves a round out of the ratings.
func TestUnrated(t *testing.T) {
	rounds := tournament(t, "A-B/2400 1-0", "A-C/2800 0-1")
	rounds[1].Unrated = true
	if got := line(t, Compute(rounds, Options{}), "A").TieBreaks; got.AverageRating != 2400 || got.Performance != 3200 {
		t.Errorf("A has %+v", got)
	}
}

// TestTeamOptions has a team with more match points and one with more board points.
func TestTeamOptions(t *testing.T) {
	rounds := tournament(t,
		"A@Red-B@Blue 1-0, B2@Blue-A2@Red 1/2-1/2, C@Green-D@Black 1-0, D2@Black-C2@Green 0-1",
		"A@Red-C@Green 1/2-1/2, C2@Green-A2@Red 1/2-1/2, B@Blue-D@Black 1-0, D2@Black-B2@Blue 0-1",
	)
	// Red has 3 match points and 2½ board points, Green 3 and 3, Blue 2 and 2½.
	for list, want := range map[string]string{
		"":       "1Green 2Red 3Blue 4Black",
		"MP,GP":  "1Green 2Red 3Blue 4Black",
		"GP,MP":  "1Green 2Red 3Blue 4Black",
		"MP,BH":  "1Red 2Green 3Blue 4Black", // Red met 2 and 3, Green 0 and 3
		"GP":     "1Green 2Blue 2Red 4Black",
		"MP,WON": "1Green 1Red 3Blue 4Black",
		"BH,MP":  "1Red 2Green 3Blue 4Black", // match points are the score, wherever they stand
		"BH":     "1Green 2Red 3Blue 4Black", // chosen for the players
	} {
		codes, err := ParseTieBreaks(list)
		if err != nil {
			t.Fatal(err)
		}
		table := Compute(rounds, Options{TieBreaks: codes})
		if got := teamOrder(table); got != want {
			t.Errorf("by %q: %s, want %s", list, got, want)
		}
		if len(table.Teams[0].Values) != len(table.TeamTieBreaks) {
			t.Errorf("by %q: %d values of %v", list, len(table.Teams[0].Values), table.TeamTieBreaks)
		}
	}
	// A win of 3: Red and Green have 4, Blue 3.
	for i := range rounds {
		rounds[i].TeamScoring = &relay.Scoring{White: relay.Points{Win: 300, Draw: 100}}
	}
	if got := Compute(rounds, Options{}).Teams; got[0].MatchPoints != 4 || got[2].MatchPoints != 3 || got[3].MatchPoints != 0 {
		t.Errorf("%+v", got)
	}
}

func teamOrder(table *Table) string {
	var names []string
	for _, l := range table.Teams {
		names = append(names, string(rune('0'+l.Rank))+l.Team)
	}
	return strings.Join(names, " ")
}

// TestPointsAsText: points are written without the noise of binary fractions.
func TestPointsAsText(t *testing.T) {
	for n, want := range map[number]string{
		0: "0", 3 * one: "3", hundredths(250): "2.5", hundredths(33): "0.33", hundredths(1005): "10.05",
		hundredths(10) + hundredths(20): "0.3", hundredths(150).times(hundredths(33)): "0.495", one / 3: "0.3333",
	} {
		if got, err := json.Marshal(n.float()); err != nil || string(got) != want {
			t.Errorf("%d is %s, %v, want %s", n, got, err, want)
		}
	}
}

// TestPlayer finds a line as it is addressed.
func TestPlayer(t *testing.T) {
	rounds := tournament(t, "A-B 1-0")
	g := rounds[0].Games[0]
	g.White, g.Black = relay.Player{Name: "Anna Q", FideID: 123}, relay.Player{Name: "Berta Q"}
	table := Compute(rounds, Options{})
	for id, want := range map[string]string{"123": "Anna Q", "Q, Anna": "Anna Q", "Berta Q": "Berta Q"} {
		if l := table.Player(id); l == nil || l.Player.Name != want {
			t.Errorf("%s is %+v", id, l)
		}
	}
	for _, id := range []string{"", "?", "Carla", "0", "12"} {
		if l := table.Player(id); l != nil {
			t.Errorf("%q is %+v", id, l)
		}
	}
}

// TestForfeitCounts: an unplayed game counts for points and wins, but for nothing "over the board"
// and not for ratings.
func TestForfeitCounts(t *testing.T) {
	o := Options{TieBreaks: []Code{WIN, WON, BPG, BWG, ARO, TPR, DE}}
	table := Compute(tournament(t, "B/2500-A -/+", "A-Bye 1-0", "C/2300-A 0-1, X-Y *"), o)
	want := []string{"3", "1", "1", "1", "2300", "3100", "0"}
	for i, v := range line(t, table, "A").Values {
		if fmt.Sprint(v) != want[i] {
			t.Errorf("%s is %v, want %s", o.TieBreaks[i], v, want[i])
		}
	}
}
