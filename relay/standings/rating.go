package standings

import (
	"math"
	"slices"
)

// ratingDifferences are the rating differences that go with a score of 50 %, 51 %, … 100 % (FIDE Handbook,
// B.02, Rating Regulations, the table of p and dp). Below 50 % they are those of the opponent's
// score, negative.
var ratingDifferences = [51]int{
	0, 7, 14, 21, 29, 36, 43, 50, 57, 65,
	72, 80, 87, 95, 102, 110, 117, 125, 133, 141,
	149, 158, 166, 175, 184, 193, 202, 211, 220, 230,
	240, 251, 262, 273, 284, 296, 309, 322, 336, 351,
	366, 383, 401, 422, 444, 470, 501, 538, 589, 677,
	800,
}

// ratedOpponents returns the ratings of the opponents in games that were played and count for ratings,
// each as it was in that game, and what was scored against them: a half for each draw. games is
// how many there were, with those against opponents who have no rating.
func (e *entrant) ratedOpponents() (ratings []int, halves, games int) {
	for _, m := range e.meetings {
		if !m.played || !m.rated {
			continue
		}
		games++
		rating := m.rating
		if rating == 0 {
			rating = m.opponent.rating // as another game tells it
		}
		if rating > 0 {
			ratings = append(ratings, rating)
			halves += int(m.outcome)
		}
	}
	return ratings, halves, games
}

// averageRating is the average rating of the opponents, a half rounded up, without so many of the
// lowest. Opponents without a rating are the first that are left out. 0: there are none.
func (e *entrant) averageRating(cut int) int {
	ratings, _, games := e.ratedOpponents()
	if cut -= games - len(ratings); cut > 0 {
		slices.Sort(ratings)
		ratings = ratings[min(cut, len(ratings)):]
	}
	return average(ratings)
}

func average(ratings []int) int {
	if len(ratings) == 0 {
		return 0
	}
	sum, n := 0, len(ratings)
	for _, r := range ratings {
		sum += r
	}
	return (2*sum + n) / (2 * n)
}

// performance is the rating at which the score against the rated opponents would have been
// expected. 0: there are none.
func (e *entrant) performance() int {
	ratings, halves, _ := e.ratedOpponents()
	if len(ratings) == 0 {
		return 0
	}
	return max(0, average(ratings)+ratingDifference(float64(halves)/2, len(ratings)))
}

func rating(n int) number { return number(n) * one }

// ratingDifference is the rating difference at which the score would have been expected.
func ratingDifference(points float64, games int) int {
	percent := int(math.Round(100 * points / float64(games)))
	if percent < 50 {
		return -ratingDifferences[50-percent]
	}
	return ratingDifferences[percent-50]
}
