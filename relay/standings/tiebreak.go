package standings

import (
	"cmp"
	"slices"
	"strings"
)

// TieBreaks are named as in FIDE's Handbook, C.07. They decide between players who have the same points, in the order in which they
// stand here, but for Performance, which is only shown. How unplayed games count is said in
// the package's doc.
type TieBreaks struct {
	// DirectEncounter is what the player scored against those who have the same points (DE).
	// It counts only where all of these have played each other, and is 0 for all of them otherwise; that
	// one of them may be ahead whatever the missing games bring is not looked for.
	DirectEncounter float64 `json:"directEncounter"`
	// BuchholzCut1 is Buchholz without the opponent who has the fewest points (BH-C1).
	BuchholzCut1 float64 `json:"buchholzCut1"`
	// Buchholz is the sum of the opponents' points, once for each game (BH).
	Buchholz float64 `json:"buchholz"`
	// SonnebornBerger is the sum of the opponents' points, each times what was scored against
	// him (SB). In a round robin it is the first that decides, for the two
	// before are the same for all who have the same points.
	SonnebornBerger float64 `json:"sonnebornBerger"`
	// Wins counts a point without play too (WIN).
	Wins int `json:"wins"`
	// AverageRating is that of the opponents in played games who have a rating, each with the
	// one he had in that game, rounded, a half up (ARO). 0: there are none.
	AverageRating int `json:"averageRating,omitempty"`
	// Performance is the rating at which the score in these games would have been expected:
	// AverageRating plus the rating difference of FIDE's table for the score's percentage (TPR).
	Performance int `json:"performance,omitempty"`
}

// rank computes the tie-breaks, sorts the rows and gives places and ranks. Who is still tied then stands
// by rating and name, with the same rank.
func rank(rows []*row) {
	for _, r := range rows {
		r.buchholz()
		r.ratings()
		r.TieBreaks.Wins = r.Wins
	}
	directEncounters(rows)
	slices.SortStableFunc(rows, func(a, b *row) int {
		return cmp.Or(ahead(a, b), cmp.Compare(b.Player.Rating, a.Player.Rating), strings.Compare(a.Player.Name, b.Player.Name))
	})
	for i, r := range rows {
		r.Place, r.Rank = i+1, i+1
		if i > 0 && ahead(rows[i-1], r) == 0 {
			r.Rank = rows[i-1].Rank
		}
	}
}

// ahead is negative if a is ahead of b.
func ahead(a, b *row) int {
	s, t := a.TieBreaks, b.TieBreaks
	return -cmp.Or(
		cmp.Compare(a.Points, b.Points),
		cmp.Compare(s.DirectEncounter, t.DirectEncounter),
		cmp.Compare(s.BuchholzCut1, t.BuchholzCut1),
		cmp.Compare(s.Buchholz, t.Buchholz),
		cmp.Compare(s.SonnebornBerger, t.SonnebornBerger),
		cmp.Compare(s.Wins, t.Wins),
		cmp.Compare(s.AverageRating, t.AverageRating),
	)
}

// buchholz computes both Buchholz scores and Sonneborn-Berger. Points are halves, so
// the sums are exact, in whatever order they are made.
func (r *row) buchholz() {
	lowest, any := 0.0, false
	for _, m := range r.games {
		if !m.over {
			continue
		}
		theirs := r.Points // unplayed: those of an opponent who has as many
		if m.played {
			theirs = m.opponent.Points
		}
		r.TieBreaks.Buchholz += theirs
		r.TieBreaks.SonnebornBerger += theirs * m.points
		if !any || theirs < lowest {
			lowest, any = theirs, true
		}
	}
	r.TieBreaks.BuchholzCut1 = r.TieBreaks.Buchholz - lowest
}

// directEncounters computes them for each group of rows with the same points.
func directEncounters(rows []*row) {
	tied := map[float64][]*row{}
	for _, r := range rows {
		tied[r.Points] = append(tied[r.Points], r)
	}
	for _, group := range tied {
		scored := make(map[*row]float64, len(group))
		if len(group) < 2 || !allMet(group, scored) {
			continue
		}
		for _, r := range group {
			r.TieBreaks.DirectEncounter = scored[r]
		}
	}
}

// allMet reports whether all of the group have played each other, and adds up what each of them scored
// in it. All of the group have the same points, so that is how it knows them.
func allMet(group []*row, scored map[*row]float64) bool {
	for _, r := range group {
		met := make(map[*row]bool, len(r.games))
		for _, m := range r.games {
			if m.played && m.opponent.Points == r.Points {
				met[m.opponent] = true
				scored[r] += m.points
			}
		}
		if len(met) != len(group)-1 {
			return false
		}
	}
	return true
}
