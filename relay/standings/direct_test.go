package standings

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/chessrelay/chessrelay/relay"
)

// TestDirectEncounterAgain applies it again to those who are still tied (C.07, 6.2). All four have
// 3 points; Zorn and Adam have 2 against the others, Yule and Bird 1; Zorn beat Adam, and Yule
// Bird.
func TestDirectEncounterAgain(t *testing.T) {
	table := Compute(tournament(t,
		"Zorn-Adam 1-0, Yule-Bird 1-0, E-F 1/2-1/2",
		"Zorn-Yule 1-0, E-Adam 1-0, Bird-F 1-0",
		"Bird-Zorn 1-0, Adam-F 1-0, Yule-E 1-0",
		"Adam-Yule 1-0, Zorn-E 1-0, Bird-E 1-0",
		"Adam-Bird 1-0, F-Zorn 1-0, Yule-F 1-0",
	), Options{})
	if got, want := order(table), "1Zorn 2Adam 3Yule 4Bird 5F 6E"; got != want {
		t.Errorf("the order is %s, want %s", got, want)
	}
	for i, want := range []float64{2, 2, 1, 1} {
		b := table.Players[i].TieBreaks
		if b.DirectEncounter != want || b.DirectEncounterRank != i+1 || table.Players[i].Values[0] != want {
			t.Errorf("place %d has %+v", i+1, b)
		}
	}
}

// TestDirectEncounterMissing has groups in which not all have met (C.07, 6.3). The tie-break is
// the only one, so those whom it does not part share a rank. Players are tied by games against
// others, whose names are small letters.
func TestDirectEncounterMissing(t *testing.T) {
	for _, c := range []struct {
		name   string
		games  string
		format Options
		want   string // of A to E, with the ranks
	}{
		{"the first is certain", "A-B 1-0, A-C 1-0, B-p 1-0, C-q 1-0, r-A 1-0, s-A 1-0, B-t 1-0, C-u 1-0", Options{}, "1A 2B 2C"},
		{"the first is not: a game that is missing could bring B up", "A-B 1/2-1/2, A-C 1/2-1/2, B-p 1/2-1/2, C-q 1/2-1/2", Options{}, "1A 1B 1C"},
		{"level at best is not behind", "A-B 1-0, C-p 1-0, B-q 1-0", Options{}, "1A 1B 1C"},
		{"his own missing game may be lost", "A-B 1-0, A-C 1-0, D-p 1-0, D-q 1-0, B-r 1-0, B-s 1-0, C-t 1-0, C-u 1-0", Options{}, "1A 1B 1C 1D"},
		{
			"the others have all met, and are split alone", "A-B 1-0, A-C 1-0, D-B 1/2-1/2, C-D 1-0, C-B 1/2-1/2, " +
				"B-p 1-0, C-q 1/2-1/2, D-r 1-0, D-s 1/2-1/2", Options{}, "1A 2C 3B 4D",
		},
		{"a game that goes on is missing", "A-B *, A-p 1-0, B-q 1-0", Options{}, "1A 1B"},
		{"a forfeit is missing, too", "A-B +/-, B-p 1-0", Options{}, "1A 1B"},
		{"but not where the pairings were fixed", "B-A -/+, B-p 1-0", Options{RoundRobin: true}, "1A 2B"},
		{"of several games the average counts", "A-B 1-0, B-A 1/2-1/2, A-C 1/2-1/2, C-B 1/2-1/2, C-p 1-0, B-q 1-0", Options{}, "1A 2C 3B"},
		{"with half a draw each", "B-A 1/2-1/2, A-p 1/2-1/2, B-q 1/2-1/2", Options{}, "1A 1B"},
	} {
		var rounds []string // of one game, so that nobody plays two in a round
		for game := range strings.SplitSeq(c.games, ", ") {
			rounds = append(rounds, game)
		}
		c.format.TieBreaks = []Code{DE}
		table := Compute(tournament(t, rounds...), c.format)
		var got []string
		first := 0
		for _, l := range table.Players {
			if strings.Contains("ABCDE", l.Player.Name) {
				if first == 0 {
					first = l.Rank
				}
				got = append(got, fmt.Sprint(l.Rank-first+1, l.Player.Name))
			}
		}
		if got := strings.Join(got, " "); got != c.want {
			t.Errorf("%s: %s, want %s (%s)", c.name, got, c.want, order(table))
		}
	}
}

// TestRankingIsAnOrder checks the invariants of any ranking on random tournaments, with random
// tie-breaks and points. It does not depend on the order of games and rounds; nobody with fewer
// points is ahead; the direct encounter parts only those who are tied by all that comes before it;
// and what it says of a group, nobody outside of it can change.
func TestRankingIsAnOrder(t *testing.T) {
	for seed := range uint64(400) {
		rng := rand.New(rand.NewPCG(seed, 3))
		results := []string{"1-0", "0-1", "1/2-1/2", "1-0", "0-1", "*", "+/-", "-/+", "0-0", "1/2-0"}[:3+rng.IntN(8)]
		rounds := random(t, rng, 2+rng.IntN(9), 1+rng.IntN(7), results)
		o := Options{RoundRobin: rng.IntN(4) == 0}
		for range rng.IntN(5) {
			if c := Codes()[rng.IntN(len(Codes()))]; c == DE || !slices.Contains(o.TieBreaks, c) {
				o.TieBreaks = append(o.TieBreaks, c)
			}
		}
		if rng.IntN(2) == 0 {
			o.Scoring = &relay.Scoring{White: relay.Points{Win: 300, Draw: 100 + rng.IntN(2)*50}, Black: relay.Points{Win: 300, Draw: 150, Loss: rng.IntN(2) * 50}}
		}
		table := Compute(rounds, o)
		for _, r := range rounds {
			rng.Shuffle(len(r.Games), func(i, j int) { r.Games[i], r.Games[j] = r.Games[j], r.Games[i] })
		}
		if diff := cmp.Diff(table, Compute(rounds, o)); diff != "" {
			t.Fatalf("seed %d: the order of the games matters:\n%s", seed, diff)
		}
		checkRanking(t, table)
		if t.Failed() {
			t.Fatalf("seed %d, tie-breaks %v", seed, o.TieBreaks)
		}
	}
}

// checkRanking checks that each line is ahead of the next one, or tied with it. It is ahead by the
// first value that differs, or by a direct encounter if all before it are equal.
func checkRanking(t *testing.T, table *Table) {
	t.Helper()
	for i, b := range table.Players {
		if b.Place != i+1 || i == 0 && b.Rank != 1 {
			t.Errorf("line %d has place %d, rank %d", i+1, b.Place, b.Rank)
		}
		if i == 0 {
			continue
		}
		a := table.Players[i-1]
		if b.Rank != a.Rank && b.Rank != b.Place {
			t.Errorf("rank %d follows %d at place %d", b.Rank, a.Rank, b.Place)
		}
		if a.Points != b.Points {
			if a.Points < b.Points || a.Rank == b.Rank {
				t.Errorf("%s with %v stands before %s with %v", a.Player.Name, a.Points, b.Player.Name, b.Points)
			}
			continue
		}
		for j, tb := range table.TieBreaks {
			if tb.Code == DE {
				if a.Rank != b.Rank {
					break // it may have decided though the values are equal
				}
				continue
			}
			if a.Values[j] < b.Values[j] || a.Values[j] > b.Values[j] && a.Rank == b.Rank {
				t.Errorf("%s %v stands before %s %v by %s", a.Player.Name, a.Values, b.Player.Name, b.Values, tb.Code)
			}
			if a.Values[j] != b.Values[j] {
				break
			}
		}
	}
}

// TestDirectEncounterOnlySplits compares tables with and without it at the end of a list. It must
// not reorder players who are separated without it.
func TestDirectEncounterOnlySplits(t *testing.T) {
	for seed := range uint64(300) {
		rng := rand.New(rand.NewPCG(seed, 4))
		rounds := random(t, rng, 3+rng.IntN(8), 1+rng.IntN(6), []string{"1-0", "0-1", "1/2-1/2", "*"})
		without := Compute(rounds, Options{TieBreaks: []Code{WIN}})
		with := Compute(rounds, Options{TieBreaks: []Code{WIN, DE}})
		for _, a := range without.Players {
			for _, b := range without.Players {
				if a.Rank < b.Rank && line(t, with, a.Player.Name).Rank >= line(t, with, b.Player.Name).Rank {
					t.Fatalf("seed %d: %s was ahead of %s: %s, then %s", seed, a.Player.Name, b.Player.Name, order(without), order(with))
				}
			}
		}
	}
}

// TestDirectEncounterForce tries every outcome of the missing games in small groups. The first is
// separated if he is ahead in each outcome, and only then.
func TestDirectEncounterForce(t *testing.T) {
	for seed := range uint64(3000) {
		rng := rand.New(rand.NewPCG(seed, 5))
		group := make([]*entrant, 2+rng.IntN(4))
		for i := range group {
			group[i] = &entrant{name: fmt.Sprint(i)}
		}
		scores := make([]int, len(group)) // in halves
		var missing [][2]int
		for i, a := range group {
			for j, b := range group[:i] {
				if len(missing) < 5 && rng.IntN(3) == 0 {
					missing = append(missing, [2]int{i, j})
					continue
				}
				halves := rng.IntN(3)
				scores[i], scores[j] = scores[i]+halves, scores[j]+2-halves
				a.meetings = append(a.meetings, meeting{opponent: b, over: true, played: true, points: number(halves) * one / 2})
				b.meetings = append(b.meetings, meeting{opponent: a, over: true, played: true, points: number(2-halves) * one / 2})
			}
		}
		if len(missing) == 0 {
			continue
		}
		certain := firstOf(scores)
		for outcome := range pow(3, len(missing)) {
			now := slices.Clone(scores)
			for _, pair := range missing {
				now[pair[0]] += outcome % 3
				now[pair[1]] += 2 - outcome%3
				outcome /= 3
			}
			if firstOf(now) != certain {
				certain = -1
				break
			}
		}
		d := direct{}
		d.noteMeetingPoints(relay.UsualScoring.White)
		for _, e := range group {
			d.noteOpponents(e)
		}
		parts := d.split(group)
		if certain < 0 && len(parts) != 1 || certain >= 0 && (len(parts[0]) != 1 || parts[0][0] != group[certain]) {
			t.Fatalf("seed %d: %v in halves, missing %v, certain %d: %d parts", seed, scores, missing, certain, len(parts))
		}
	}
}

// firstOf is the index of the only highest score; -1 if there are several.
func firstOf(scores []int) int {
	best := slices.Max(scores)
	first := slices.Index(scores, best)
	if slices.Contains(scores[first+1:], best) {
		return -1
	}
	return first
}

func pow(n, times int) int {
	out := 1
	for range times {
		out *= n
	}
	return out
}
