package standings

import (
	"encoding/json"
	"fmt"
	"maps"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/chessrelay/chessrelay/relay"
)

// TestRoundRobin has numbers worked out by hand. A 2 points (beat D and C), B 1½ (beat A, drew with
// C), C 1½ (beat D), D 1 (beat B).
func TestRoundRobin(t *testing.T) {
	table := Compute(tournament(t,
		"A-D 1-0, B-C 1/2-1/2",
		"D-B 1-0, C-A 0-1",
		"A-B 0-1, C-D 1-0",
	), Options{})
	// B and C drew, and all have met all: Sonneborn-Berger decides.
	if got, want := order(table), "1A 2B 3C 4D"; got != want {
		t.Errorf("the order is %s, want %s", got, want)
	}
	for name, want := range map[string]TieBreaks{
		// Opponents 1½, 1½, 1; won against C 1½ and D 1.
		"A": {BuchholzCut1: 3, Buchholz: 4, SonnebornBerger: 2.5, Wins: 2},
		// Opponents 2, 1½, 1; won against A 2, half of C's 1½.
		"B": {DirectEncounter: .5, DirectEncounterRank: 1, BuchholzCut1: 3.5, Buchholz: 4.5, SonnebornBerger: 2.75, Wins: 1},
		// Opponents 2, 1½, 1; won against D 1, half of B's 1½.
		"C": {DirectEncounter: .5, DirectEncounterRank: 1, BuchholzCut1: 3.5, Buchholz: 4.5, SonnebornBerger: 1.75, Wins: 1},
		// Opponents 2, 1½, 1½; won against B 1½.
		"D": {BuchholzCut1: 3.5, Buchholz: 5, SonnebornBerger: 1.5, Wins: 1},
	} {
		if diff := cmp.Diff(want, line(t, table, name).TieBreaks); diff != "" {
			t.Errorf("%s: want (-), got (+):\n%s", name, diff)
		}
	}
	want := Line{
		Place: 2, Rank: 2, Player: relay.Player{Name: "B"}, Points: 1.5, Games: 3, Wins: 1, Draws: 1, Losses: 1,
		TieBreaks: TieBreaks{DirectEncounter: .5, DirectEncounterRank: 1, BuchholzCut1: 3.5, Buchholz: 4.5, SonnebornBerger: 2.75, Wins: 1},
		Values:    []float64{.5, 3.5, 4.5, 2.75, 1, 0},
		Results: []Encounter{
			{Round: 1, Game: "g0010002", Board: 2, White: true, Opponent: 3, Points: new(.5)},
			{Round: 2, Game: "g0020001", Board: 1, Opponent: 4, Points: new(0.)},
			{Round: 3, Game: "g0030001", Board: 1, Opponent: 1, Points: new(1.)},
		},
	}
	if diff := cmp.Diff(want, table.Players[1]); diff != "" {
		t.Errorf("want (-), got (+):\n%s", diff)
	}
	if !table.Finished || len(table.Rounds) != 3 || table.Teams != nil {
		t.Errorf("finished %v, rounds %v, teams %v", table.Finished, table.Rounds, table.Teams)
	}
}

// TestOrder has a case for each tie-break, between two players who are equal in all earlier ones.
func TestOrder(t *testing.T) {
	for _, c := range []struct {
		by            string
		first, second string
		rounds        []string
	}{
		{"points", "B", "A", []string{"A-B 0-1"}},
		// Both have 1½, and D beat B.
		{"direct encounter", "D", "B", []string{"A-B 0-1, C-D 1/2-1/2", "A-C 0-1, D-B 1-0", "A-D 1-0, C-B 1/2-1/2"}},
		// A met C and E, who have 1 each, B met D, who has 2, and F, who has 0.
		{"Buchholz cut 1", "B", "A", []string{"A-C 1-0, B-D 0-1, X-Y 0-1", "A-E 0-1, B-F 1-0, C-Y 1-0, D-X 1-0"}},
		// A met C and E, who have 1 each, B met D, who has 1, and G, who has ½.
		{"Buchholz", "A", "B", []string{"A-C 1-0, B-D 1-0, E-X 1/2-1/2, G-Y 0-1", "A-E 1/2-1/2, B-G 1/2-1/2, C-H 1-0, D-I 1-0"}},
		// See TestRoundRobin.
		{"Sonneborn-Berger", "B", "C", []string{"A-D 1-0, B-C 1/2-1/2", "D-B 1-0, C-A 0-1", "A-B 0-1, C-D 1-0"}},
		// Everybody but X has 1. A won and lost, B drew twice. No round is finished, so nobody was
		// free.
		{"wins", "A", "B", []string{"A-C 1-0, B-E 1/2-1/2, Y-Z *", "A-D 0-1, B-F 1/2-1/2, C-X 1-0, Y-Z *", "E-F 1/2-1/2, Y-Z *"}},
		{"average rating", "A", "B", []string{"A-C/2500 1/2-1/2, B-D/2400 1/2-1/2"}},
		// Nothing decides: they share a rank, and stand by rating and then by name.
		{"", "B/2500", "A/2400", []string{"A/2400-C/2500 *, B/2500-D *"}},
		{"", "A", "B", []string{"C-B *, D-A *"}},
	} {
		table := Compute(tournament(t, c.rounds...), Options{})
		first, second := line(t, table, player(c.first).Name), line(t, table, player(c.second).Name)
		if by := decides(first, second); by != c.by {
			t.Errorf("between %s and %s decides %q, want %q", c.first, c.second, by, c.by)
		}
		if first.Place >= second.Place || (first.Rank == second.Rank) != (c.by == "") {
			t.Errorf("%s: %s. want %s before %s", c.by, order(table), c.first, c.second)
		}
	}
}

// decides names the first field in which the lines differ.
func decides(a, b Line) string {
	s, t := a.TieBreaks, b.TieBreaks
	for _, c := range []struct {
		name string
		same bool
	}{
		{"points", a.Points == b.Points},
		{"direct encounter", s.DirectEncounter == t.DirectEncounter},
		{"Buchholz cut 1", s.BuchholzCut1 == t.BuchholzCut1},
		{"Buchholz", s.Buchholz == t.Buchholz},
		{"Sonneborn-Berger", s.SonnebornBerger == t.SonnebornBerger},
		{"wins", s.Wins == t.Wins},
		{"average rating", s.AverageRating == t.AverageRating},
	} {
		if !c.same {
			return c.name
		}
	}
	return ""
}

// TestDirectEncounter needs all of a group to have met.
func TestDirectEncounter(t *testing.T) {
	// A, B and C have 2 each, from beating each other in a circle, and X.
	circle := tournament(t, "A-B 1-0, C-X 1-0", "B-C 1-0, A-X 1-0", "C-A 1-0, B-X 1-0")
	for _, name := range []string{"A", "B", "C"} {
		if got := line(t, Compute(circle, Options{}), name).TieBreaks.DirectEncounter; got != 1 {
			t.Errorf("%s has %v in direct encounters, want 1", name, got)
		}
	}
	// A game that was not played is none: A, B and X have a point each, or A and B.
	for _, rounds := range [][]string{{"A-B +/-", "B-X 1-0", "A-X 0-1"}, {"A-B *, A-X 1-0, B-Y 1-0"}} {
		for _, l := range Compute(tournament(t, rounds...), Options{}).Players {
			if l.TieBreaks.DirectEncounter != 0 {
				t.Errorf("%q: %s has %v in direct encounters, and not all have met", rounds, l.Player.Name, l.TieBreaks.DirectEncounter)
			}
		}
	}
	apart := Compute(tournament(t, "A-B 1-0, C-D 1-0", "D-A 1-0, C-X 0-1"), Options{})
	if a := line(t, apart, "A").TieBreaks.DirectEncounter; a != 0 {
		t.Errorf("A, C, D and X have a point, and not all have met, but A has %v", a)
	}
}

// TestUnplayed counts forfeits, byes and strange results.
func TestUnplayed(t *testing.T) {
	table := Compute(tournament(t,
		"A-B +/-, C-D 0-0, E-Bye 1-0",
		"A-C 1/2-0, D-B -/-, ?-E 0-1",
		"A-E *, NN-bye 1-0",
	), Options{})
	// A: 1 + ½, E: 1 + 1, the others nothing.
	if got, want := order(table), "1E 2A 3C 4B 4D"; got != want {
		t.Errorf("the order is %s, want %s", got, want)
	}
	type counts struct {
		Points                              float64
		Games, Wins, Draws, Losses, Missing int
	}
	for name, want := range map[string]struct {
		counts
		buchholz, sonnebornBerger float64
	}{
		// B did not come: an opponent of A's own 1½. C has 0, whom he drew with.
		"A": {counts{1.5, 2, 1, 1, 0, 1}, 1.5, 1.5},
		// Twice an opponent of 0 points, his own.
		"B": {counts{0, 2, 0, 0, 2, 2}, 0, 0},
		// D has 0, A 1½; both lost.
		"C": {counts{0, 2, 0, 0, 2, 0}, 1.5, 0},
		"D": {counts{0, 2, 0, 0, 2, 1}, 0, 0},
		// A bye and an opponent whom nobody knows: twice his own 2.
		"E": {counts{2, 2, 2, 0, 0, 2}, 4, 4},
	} {
		l := line(t, table, name)
		if got := (counts{l.Points, l.Games, l.Wins, l.Draws, l.Losses, l.Unplayed}); got != want.counts {
			t.Errorf("%s has %+v, want %+v", name, got, want.counts)
		}
		if l.TieBreaks.Buchholz != want.buchholz || l.TieBreaks.SonnebornBerger != want.sonnebornBerger {
			t.Errorf("%s has the tie-breaks %+v, want Buchholz %v and Sonneborn-Berger %v", name, l.TieBreaks, want.buchholz, want.sonnebornBerger)
		}
	}
	if running := line(t, table, "A").Results[2]; running.Points != nil || running.Unplayed || table.Finished {
		t.Errorf("the game that goes on is %+v, the tournament finished: %v", running, table.Finished)
	}
	// Of three one is free in each round, and nobody says that the pairings were fixed. So B, who
	// did not come in the last round, counts ½ more for A: he met B with 1½, C with ½, and himself
	// with 1½, which is the part that cut 1 leaves out. In a round robin A met B with 1 and C with
	// ½.
	three := []string{"A-B 1-0", "B-C 1-0", "C-A 1/2-1/2"}
	for o, want := range map[bool][2]float64{false: {3.5, 2}, true: {1.5, 1}} {
		a := line(t, Compute(tournament(t, three...), Options{RoundRobin: o}), "A")
		if got := a.TieBreaks; got.Buchholz != want[0] || got.BuchholzCut1 != want[1] || a.Games != 2 || a.Unplayed != 0 {
			t.Errorf("round robin %v: A, with one free round, has %+v", o, a)
		}
	}
	// While the third round goes on, B is not free yet; then A and B have 1 each, A has met himself
	// and B, and B has met A and C.
	three[2] = "C-A *"
	table = Compute(tournament(t, three...), Options{})
	for name, want := range map[string]float64{"A": 1 + 1, "B": 1 + 0, "C": 0 + 1} {
		if got := line(t, table, name).TieBreaks.Buchholz; got != want {
			t.Errorf("%s has Buchholz %v in the last round, want %v", name, got, want)
		}
	}
	if got := Compute(tournament(t, "A-A 1-0"), Options{}); len(got.Players) != 1 || got.Players[0].Games != 0 {
		t.Errorf("a game against oneself counts: %+v", got.Players)
	}
	// A forfeit after moves of both is a game that was played.
	rounds := tournament(t, "A-B +/-")
	g := rounds[0].Games[0]
	played, err := relay.NewGame(*g.Pairing, g.Result, []relay.Move{{SAN: "e4"}, {SAN: "e5"}})
	if err != nil {
		t.Fatal(err)
	}
	played.Forfeit = g.Forfeit
	rounds[0].Games[0] = played
	if a := line(t, Compute(rounds, Options{}), "A"); a.Unplayed != 0 || a.TieBreaks.Buchholz != 0 {
		t.Errorf("the winner by forfeit has %+v", a)
	}
}

func TestRatings(t *testing.T) {
	table := Compute(tournament(t,
		"A/2400-B/2401 1-0",
		"C/2500-A 1/2-1/2", // A's rating is that of round 1
		"A/2410-D 0-1",     // D has none
		"A-E/2900 +/-",     // and this was not played
	), Options{})
	// 1½ of 2 is 75 %, which is 193 above the average of 2401 and 2500, 2450½.
	a := line(t, table, "A")
	if got := a.TieBreaks; got.AverageRating != 2451 || got.Performance != 2451+193 {
		t.Errorf("A has %d and %d", got.AverageRating, got.Performance)
	}
	if a.Player.Rating != 2410 {
		t.Errorf("A is rated %d, want the last that was told", a.Player.Rating)
	}
	for name, want := range map[string][2]int{"B": {2400, 1600}, "C": {2410, 2410}, "D": {2410, 3210}, "E": {0, 0}} {
		if got := line(t, table, name).TieBreaks; got.AverageRating != want[0] || got.Performance != want[1] {
			t.Errorf("%s has %d and %d, want %v", name, got.AverageRating, got.Performance, want)
		}
	}
	for _, c := range []struct {
		points float64
		games  int
		want   int
	}{{2, 4, 0}, {3, 9, -125}, {6, 9, 125}, {0, 3, -800}, {8.5, 9, 444}, {.5, 9, -422 - 22}} {
		if got := ratingDifference(c.points, c.games); got != c.want {
			t.Errorf("%v of %d is a difference of %d, want %d", c.points, c.games, got, c.want)
		}
	}
}

// TestRatingDifferences compares FIDE's table with its origin, a normal distribution with a
// deviation of 2000/7. Only its end differs.
func TestRatingDifferences(t *testing.T) {
	for i, d := range ratingDifferences[:50] {
		within := 1.
		if i > 47 {
			within = 13
		}
		want := 2000. / 7 * math.Sqrt2 * math.Erfinv(float64(i)/50)
		if math.Abs(float64(d)-want) > within {
			t.Errorf("%d %%: %d, and by the formula %.1f", 50+i, d, want)
		}
	}
}

func TestPlayersAreRecognised(t *testing.T) {
	magnus := relay.Player{Name: "Carlsen, Magnus", FideID: 1503014, Rating: 2863, Federation: "NOR"}
	wei1, wei2 := relay.Player{Name: "Wang, Wei", FideID: 1}, relay.Player{Name: "Wei Wang", FideID: 2}
	x := func(n int) relay.Player { return relay.Player{Name: fmt.Sprint("X", n)} }
	r := Round{Round: &relay.Round{}, Games: []*relay.Game{
		game(t, 1, 1, relay.Player{Name: "magnus  carlsen"}, x(1), "1-0"), // before his id is known
		game(t, 1, 2, x(2), magnus, "1/2-1/2"),
		game(t, 1, 3, relay.Player{Name: "CARLSEN Magnus"}, x(3), "0-1"),
		game(t, 1, 4, relay.Player{Name: "M. Carlsen", FideID: 1503014, Title: "GM"}, x(4), "1/2-1/2"),
		game(t, 1, 5, wei1, wei2, "1-0"),
		game(t, 1, 6, relay.Player{Name: "Wang Wei"}, x(5), "1-0"), // neither: there are two
	}}
	table := Compute([]Round{r}, Options{})
	c := line(t, table, "M. Carlsen")
	if want := (relay.Player{Name: "M. Carlsen", FideID: 1503014, Rating: 2863, Federation: "NOR", Title: "GM"}); c.Player != want || c.Games != 4 || c.Points != 2 {
		t.Errorf("Carlsen is %+v", c)
	}
	if len(table.Players) != 1+5+3 {
		t.Errorf("%s: want 9 players", order(table))
	}
}

// TestNames has one player under several spellings, and nobody under several names.
func TestNames(t *testing.T) {
	person := func(name string) relay.Player { return relay.Player{Name: name} }
	round := func(n int, results string, names ...string) Round {
		r := Round{Round: &relay.Round{Status: relay.RoundFinished}}
		for i, result := range strings.Fields(results) {
			r.Games = append(r.Games, game(t, n, i+1, person(names[2*i]), person(names[2*i+1]), result))
		}
		return r
	}
	table := Compute([]Round{
		round(1, "1-0 0-1 1-0", "Mu\u0308ller, J", "X1", "unknown", "X2", "X3", "Vacant"),
		round(2, "1/2-1/2 1-0", "J Müller", "X2", "X1", "N.N."),
		round(3, "0-1 1/2-1/2 +/-", "X3", "MÜLLER J", "X1", "Unknown, Unknown", "no player", "X2"),
	}, Options{})
	if got, want := len(table.Players), 4; got != want {
		t.Errorf("%s: want %d players", order(table), want)
	}
	if l := table.Players[0]; l.Points != 2.5 || l.Games != 3 || l.Unplayed != 0 {
		t.Errorf("%+v leads", l)
	}
	if l := line(t, table, "X1"); l.Points != 1.5 || l.Unplayed != 2 {
		t.Errorf("X1 has %+v", l)
	}
}

func TestFinished(t *testing.T) {
	for _, c := range []struct {
		rounds []string
		want   bool
	}{{nil, false}, {[]string{"A-B 1-0, C-D *"}, false}, {[]string{"A-B 1-0, C-D -/-"}, true}, {[]string{"A-B 1-0", "A-B *"}, false}} {
		if got := Compute(tournament(t, c.rounds...), Options{}).Finished; got != c.want {
			t.Errorf("%q: finished is %v", c.rounds, got)
		}
	}
	// The arbiter may have said so.
	rounds := tournament(t, "A-B 1-0, C-D *")
	rounds[0].Status = relay.RoundFinished
	if got := Compute(rounds, Options{}); !got.Finished || !got.Rounds[0].Finished {
		t.Errorf("%+v", got)
	}
}

func TestRoundsInOrder(t *testing.T) {
	rounds := tournament(t, "A-B 1-0", "B-A 1-0")
	rounds[0].StartsAt, rounds[1].StartsAt = 2000, 1000
	if got := Compute(rounds, Options{}).Rounds; got[0].Name != "Round 2" {
		t.Errorf("the first round is %s", got[0].Name)
	}
	rounds[1].StartsAt = 0
	if got := Compute(rounds, Options{}).Rounds; got[0].Name != "Round 1" {
		t.Errorf("where one does not say when it starts, the first round is %s", got[0].Name)
	}
}

// random makes a tournament of n players with results of all kinds. Players may meet more than
// once.
func random(t testing.TB, rng *rand.Rand, n, rounds int, results []string) []Round {
	var out []Round
	for r := range rounds {
		round := Round{Round: &relay.Round{ID: relay.RoundID(fmt.Sprintf("round%03d", r))}}
		who := rng.Perm(n)
		for b := range n / 2 {
			as := func(i int) relay.Player {
				return relay.Player{Name: fmt.Sprintf("Player, No%d", i), FideID: int64(i/2) * int64(1000+i), Rating: 2000 + i}
			}
			round.Games = append(round.Games, game(t, r+1, b+1, as(who[2*b]), as(who[2*b+1]), results[rng.IntN(len(results))]))
		}
		round.Status = status(round.Games)
		out = append(out, round)
	}
	return out
}

// TestRandom compares tables with sums that are made in another way, game by game. The order of the
// games must not matter.
func TestRandom(t *testing.T) {
	for seed := range uint64(200) {
		rng := rand.New(rand.NewPCG(seed, 1))
		results := []string{"1-0", "0-1", "1/2-1/2", "*"}
		if seed%2 == 1 {
			results = append(results, "0-0", "1/2-0", "0-1/2", "+/-", "-/+", "-/-")
		}
		rounds := random(t, rng, 2+rng.IntN(20), 1+rng.IntN(9), results)
		table := Compute(rounds, Options{})
		checkTable(t, rounds, table)
		for _, r := range rounds {
			rng.Shuffle(len(r.Games), func(i, j int) { r.Games[i], r.Games[j] = r.Games[j], r.Games[i] })
		}
		if diff := cmp.Diff(table, Compute(rounds, Options{})); diff != "" {
			t.Fatalf("seed %d: the order of the games matters:\n%s", seed, diff)
		}
		if t.Failed() {
			t.Fatalf("seed %d", seed)
		}
	}
}

// checkTable does the sums of a table again. Players must be known by the same name throughout.
func checkTable(t *testing.T, rounds []Round, table *Table) {
	t.Helper()
	halves := map[relay.Result][2]int{
		"1-0": {2, 0}, "0-1": {0, 2}, "1/2-1/2": {1, 1}, "0-0": {0, 0}, "1/2-0": {1, 0}, "0-1/2": {0, 1},
	}
	points := map[string]int{} // in halves
	games, sum, decided := map[string]int{}, 0, 0
	for _, r := range rounds {
		for _, g := range r.Games {
			h, over := halves[g.Result]
			points[g.White.Name] += h[0]
			points[g.Black.Name] += h[1]
			if over {
				games[g.White.Name]++
				games[g.Black.Name]++
			}
			if h[0]+h[1] == 2 {
				decided++
			}
			sum += h[0] + h[1]
		}
	}
	// What a player's score counts for others: a round without a game is a draw, unless he came
	// back.
	adjusted := maps.Clone(points)
	for name := range points {
	rounds:
		for _, r := range slices.Backward(rounds) {
			here := false
			for _, g := range r.Games {
				if g.White.Name != name && g.Black.Name != name {
					continue
				}
				h := halves[g.Result]
				here = true
				if !g.Forfeit || h[0] == 2 && g.White.Name == name || h[1] == 2 && g.Black.Name == name {
					break rounds
				}
			}
			if !here && r.Status == relay.RoundFinished {
				adjusted[name]++
			}
		}
	}
	buchholz, sonneborn := map[string]int{}, map[string]int{} // in halves, and in quarters
	for _, r := range rounds {
		here, running := map[string]bool{}, false
		for _, g := range r.Games {
			_, over := halves[g.Result]
			here[g.White.Name], here[g.Black.Name], running = true, true, running || !over
		}
		for name := range points {
			if !here[name] && !running && len(r.Games) > 0 {
				buchholz[name] += points[name]
			}
		}
		for _, g := range r.Games {
			h, over := halves[g.Result]
			if !over {
				continue
			}
			w, b := adjusted[g.White.Name], adjusted[g.Black.Name]
			if g.Forfeit {
				b, w = points[g.White.Name], points[g.Black.Name] // each meets himself
			}
			buchholz[g.White.Name] += b
			buchholz[g.Black.Name] += w
			sonneborn[g.White.Name] += b * h[0]
			sonneborn[g.Black.Name] += w * h[1]
		}
	}
	total := 0.0
	for i, l := range table.Players {
		name := l.Player.Name
		total += l.Points
		if l.Place != i+1 || l.Rank > l.Place || i > 0 && l.Points > table.Players[i-1].Points {
			t.Errorf("%s stands at %d, rank %d", name, l.Place, l.Rank)
		}
		if l.Points*2 != float64(points[name]) || l.Games != games[name] || l.Wins+l.Draws+l.Losses != l.Games {
			t.Errorf("%s has %v points of %d games, want %v of %d", name, l.Points, l.Games, float64(points[name])/2, games[name])
		}
		if l.TieBreaks.Buchholz*2 != float64(buchholz[name]) || l.TieBreaks.SonnebornBerger*4 != float64(sonneborn[name]) {
			t.Errorf("%s has %+v, want Buchholz %v and Sonneborn-Berger %v", name, l.TieBreaks, float64(buchholz[name])/2, float64(sonneborn[name])/4)
		}
		for _, e := range l.Results {
			o := table.Players[e.Opponent-1].Results
			if !slices.ContainsFunc(o, func(back Encounter) bool {
				return back.Game == e.Game && back.Opponent == l.Place && back.White != e.White
			}) {
				t.Errorf("%s met %s, whose line lacks the game", name, table.Players[e.Opponent-1].Player.Name)
			}
		}
	}
	if len(table.Players) != len(points) {
		t.Errorf("%d players, want %d", len(table.Players), len(points))
	}
	if total*2 != float64(sum) || total < float64(decided) {
		t.Errorf("there are %v points, want %v, of %d games that shared one", total, float64(sum)/2, decided)
	}
}

// TestRealTournaments makes the tables of two real events: rounds 4 to 9 of a round robin of nine,
// and 1 to 4 of an open.
func TestRealTournaments(t *testing.T) {
	classic := fromFile(t, "twic-944-first-400-games.pgn", "4th London Chess Classic")
	table := Compute(classic, Options{})
	checkTable(t, classic, table)
	if len(table.Players) != 9 || len(table.Rounds) != 6 || table.Rounds[0].Name != "4" || !table.Finished {
		t.Errorf("%d players, rounds %v", len(table.Players), table.Rounds)
	}
	// Carlsen: 4 of 5 in these rounds, which is 80 %.
	if l := table.Players[0]; l.Player.FideID != 1503014 || l.Points != 4 || l.TieBreaks.Performance != l.TieBreaks.AverageRating+240 {
		t.Errorf("%+v leads", l)
	}

	open := fromFile(t, "twic-944-first-400-games.pgn", "4th London Classic Open")
	table = Compute(open, Options{})
	checkTable(t, open, table)
	if len(table.Players) != 234 || table.Players[0].Points != 4 || table.Players[1].Points != 4 || table.Players[2].Points != 3.5 {
		t.Errorf("%d players, %v, %v and %v points lead", len(table.Players), table.Players[0].Points, table.Players[1].Points, table.Players[2].Points)
	}
}

// BenchmarkCompute is an open of 200 players and nine rounds.
func BenchmarkCompute(b *testing.B) {
	rounds := random(b, rand.New(rand.NewPCG(1, 2)), 200, 9, []string{"1-0", "0-1", "1/2-1/2"})
	b.ReportAllocs()
	for b.Loop() {
		Compute(rounds, Options{})
	}
}

// BenchmarkEncode is the answer to such a table.
func BenchmarkEncode(b *testing.B) {
	rounds := random(b, rand.New(rand.NewPCG(1, 2)), 200, 9, []string{"1-0", "0-1", "1/2-1/2"})
	table := Compute(rounds, Options{})
	b.ReportAllocs()
	for b.Loop() {
		out, err := json.Marshal(table)
		if err != nil {
			b.Fatal(err)
		}
		b.SetBytes(int64(len(out)))
	}
}
