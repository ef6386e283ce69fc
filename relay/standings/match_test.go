package standings

import (
	"encoding/json"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/chessrelay/chessrelay/relay"
)

// TestMatches has cases that also hold for the pages, which make a live round's matches themselves.
func TestMatches(t *testing.T) {
	data, err := os.ReadFile("testdata/matches.json")
	if err != nil {
		t.Fatal(err)
	}
	var cases []struct {
		Name  string
		Games []struct {
			Board        int
			White, Black string // teams
			Result       string
		}
		Matches []Match
	}
	if err := json.Unmarshal(data, &cases); err != nil {
		t.Fatal(err)
	}
	for _, c := range cases {
		var games []*relay.Game
		for _, g := range c.Games {
			games = append(games, game(t, 1, g.Board, relay.Player{Name: "A", Team: g.White}, relay.Player{Name: "B", Team: g.Black}, g.Result))
		}
		slices.Reverse(games)
		got := Matches(games)
		if diff := cmp.Diff(c.Matches, got, cmpopts.IgnoreUnexported(Match{}), cmpopts.EquateEmpty()); diff != "" {
			t.Errorf("%s: want (-), got (+):\n%s", c.Name, diff)
		}
	}
}

// TestTeams has numbers worked out by hand. Red beat Blue 2–0 and Green 1½–½, Blue beat Green 2–0,
// Black drew 1–1 with Green and lost to Blue ½–1½. The last match goes on.
func TestTeams(t *testing.T) {
	table := Compute(tournament(t,
		"A@Red-B@Blue 1-0, B2@Blue-A2@Red 0-1, C@Green-D@Black 1-0, D2@Black-C2@Green 1-0",
		"A@Red-C@Green 1/2-1/2, C2@Green-A2@Red 0-1, B@Blue-D@Black 1/2-1/2, D2@Black-B2@Blue 0-1",
		"B@Blue-C@Green +/-, C2@Green-B2@Blue 0-1, A@Red-D@Black 1-0, A2@Red-D2@Black *",
	), Options{})
	want := []Team{
		{
			// Red: opponents Blue 4 and Green 1 match points. 2·4 + 1½·1; 2·4 + 2·1.
			Place: 1, Rank: 1, Team: "Red", MatchPoints: 4, Matches: 2, Wins: 2, BoardPoints: 3.5, SonnebornBerger: 9.5, SonnebornBergerMatch: 10,
			Results: []TeamEncounter{
				{Round: 1, Opponent: 2, Score: [2]float64{2, 0}, Finished: true},
				{Round: 2, Opponent: 4, Score: [2]float64{1.5, .5}, Finished: true},
				{Round: 3, Opponent: 3, Score: [2]float64{1, 0}},
			},
		},
		{
			// Blue: Red 4, Black 1, Green 1. 0·4 + 1½·1 + 2·1; 0 + 2·1 + 2·1.
			Place: 2, Rank: 2, Team: "Blue", MatchPoints: 4, Matches: 3, Wins: 2, Losses: 1, BoardPoints: 3.5, SonnebornBerger: 3.5, SonnebornBergerMatch: 4,
			Results: []TeamEncounter{
				{Round: 1, Opponent: 1, Score: [2]float64{0, 2}, Finished: true},
				{Round: 2, Opponent: 3, Score: [2]float64{1.5, .5}, Finished: true},
				{Round: 3, Opponent: 4, Score: [2]float64{2, 0}, Finished: true},
			},
		},
		{
			// Black: Green 1, Blue 4. 1·1 + ½·4; 1·1 + 0. As many board points as Green.
			Place: 3, Rank: 3, Team: "Black", MatchPoints: 1, Matches: 2, Draws: 1, Losses: 1, BoardPoints: 1.5, SonnebornBerger: 3, SonnebornBergerMatch: 1,
			Results: []TeamEncounter{
				{Round: 1, Opponent: 4, Score: [2]float64{1, 1}, Finished: true},
				{Round: 2, Opponent: 2, Score: [2]float64{.5, 1.5}, Finished: true},
				{Round: 3, Opponent: 1, Score: [2]float64{0, 1}},
			},
		},
		{
			// Green: Black 1, Red 4, Blue 4. 1·1 + ½·4; 1·1.
			Place: 4, Rank: 3, Team: "Green", MatchPoints: 1, Matches: 3, Draws: 1, Losses: 2, BoardPoints: 1.5, SonnebornBerger: 3, SonnebornBergerMatch: 1,
			Results: []TeamEncounter{
				{Round: 1, Opponent: 3, Score: [2]float64{1, 1}, Finished: true},
				{Round: 2, Opponent: 1, Score: [2]float64{.5, 1.5}, Finished: true},
				{Round: 3, Opponent: 2, Score: [2]float64{0, 2}, Finished: true},
			},
		},
	}
	if diff := cmp.Diff(want, table.Teams, cmpopts.IgnoreFields(Team{}, "Values")); diff != "" {
		t.Errorf("want (-), got (+):\n%s", diff)
	}
}

// TestTeamOrder has a case for each tie-break, between two teams that are equal in all earlier
// ones.
func TestTeamOrder(t *testing.T) {
	// A match is of two boards, with White for each team once.
	match := func(first, second string, score string) string {
		results := map[string][2]string{"2-0": {"1-0", "0-1"}, "1½-½": {"1-0", "1/2-1/2"}, "1-1": {"1-0", "1-0"}, "0-2": {"0-1", "1-0"}, "½-1½": {"0-1", "1/2-1/2"}}[score]
		return "a@" + first + "-b@" + second + " " + results[0] + ", c@" + second + "-d@" + first + " " + results[1]
	}
	round := func(matches ...string) string { return strings.Join(matches, ", ") }
	for _, c := range []struct {
		by            string
		first, second string
		rounds        []string
	}{
		{"match points", "Z", "A", []string{match("A", "Z", "½-1½")}},
		{"board points", "Z", "A", []string{round(match("A", "B", "1½-½"), match("Y", "Z", "0-2"))}},
		// Z beat Y, who has 0 match points, by 1½–½, and lost to X, who has 6: 0·1½ + 6·½. A drew
		// with B and C, who have 1: 1·1 + 1·1. By match points A would be ahead.
		{"Sonneborn-Berger", "Z", "A", []string{
			round(match("A", "B", "1-1"), match("Z", "Y", "1½-½")), round(match("A", "C", "1-1"), match("Z", "X", "½-1½")),
			match("X", "W", "2-0"), match("X", "V", "2-0"),
		}},
		// Z drew with B and C, who have 1 match point each: 1·1 + 1·1, and the same by match
		// points. A beat Y, who has 0, by 1½–½, and lost to X, who has 4: 0·1½ + 4·½, and by match
		// points 0·2 + 4·0.
		{"Sonneborn-Berger by match points", "Z", "A", []string{
			round(match("Z", "B", "1-1"), match("A", "Y", "1½-½")), round(match("Z", "C", "1-1"), match("A", "X", "½-1½")), match("X", "W", "2-0"),
		}},
		{"", "A", "B", []string{match("B", "A", "1-1")}},
	} {
		lines := map[string]Team{}
		for _, l := range Compute(tournament(t, c.rounds...), Options{}).Teams {
			lines[l.Team] = l
		}
		a, b := lines[c.first], lines[c.second]
		by := ""
		switch {
		case a.MatchPoints != b.MatchPoints:
			by = "match points"
		case a.BoardPoints != b.BoardPoints:
			by = "board points"
		case a.SonnebornBerger != b.SonnebornBerger:
			by = "Sonneborn-Berger"
		case a.SonnebornBergerMatch != b.SonnebornBergerMatch:
			by = "Sonneborn-Berger by match points"
		}
		if by != c.by || a.Place >= b.Place || (a.Rank == b.Rank) != (by == "") {
			t.Errorf("%s: decided by %q, %+v, %+v", c.by, by, a, b)
		}
	}
}

// TestOlympiad is the last round of 2014: China beat Poland 3–1 and won it.
func TestOlympiad(t *testing.T) {
	rounds := fromFile(t, "olympiad-2014-round-11.pgn", "Olympiad")
	got := map[[2]string][2]float64{}
	boards := 0
	for _, m := range Matches(rounds[0].Games) {
		got[m.Teams] = m.Score
		boards += len(m.Boards)
		if m.Score[0]+m.Score[1] != 4 || !m.Finished {
			t.Errorf("%+v", m)
		}
	}
	if got[[2]string{"Poland", "China"}] != [2]float64{1, 3} || boards != 12 {
		t.Errorf("%d boards, %v", boards, got)
	}
}
