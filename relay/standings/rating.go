package standings

import "math"

// differences are the rating differences that go with a score of 50 %, 51 %, … 100 % (FIDE Handbook,
// B.02, Rating Regulations, the table of p and dp). Below 50 % they are those of the opponent's
// score, negative.
var differences = [51]int{
	0, 7, 14, 21, 29, 36, 43, 50, 57, 65,
	72, 80, 87, 95, 102, 110, 117, 125, 133, 141,
	149, 158, 166, 175, 184, 193, 202, 211, 220, 230,
	240, 251, 262, 273, 284, 296, 309, 322, 336, 351,
	366, 383, 401, 422, 444, 470, 501, 538, 589, 677,
	800,
}

// ratings computes the average rating of the opponents and the performance.
func (r *row) ratings() {
	sum, games, points := 0, 0, 0.0
	for _, m := range r.games {
		rating := m.rating
		if rating == 0 && m.played {
			rating = m.opponent.Player.Rating // as another game tells it
		}
		if m.played && rating > 0 {
			sum += rating
			points += m.points
			games++
		}
	}
	if games == 0 {
		return
	}
	r.TieBreaks.AverageRating = (2*sum + games) / (2 * games) // a half goes up
	r.TieBreaks.Performance = max(0, r.TieBreaks.AverageRating+difference(points, games))
}

// difference is the rating difference at which the score would have been expected.
func difference(points float64, games int) int {
	percent := int(math.Round(100 * points / float64(games)))
	if percent < 50 {
		return -differences[50-percent]
	}
	return differences[percent-50]
}
