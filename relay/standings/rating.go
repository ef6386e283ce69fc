package standings

import (
	"math"
	"slices"
)

// ratingDifferences are the rating differences for a score of 50 %, 51 %, … 100 % (FIDE Handbook,
// B.02, Rating Regulations, the table of p and dp). Below 50 %, take the opponent's score,
// negative.
var ratingDifferences = [51]int{
	0, 7, 14, 21, 29, 36, 43, 50, 57, 65,
	72, 80, 87, 95, 102, 110, 117, 125, 133, 141,
	149, 158, 166, 175, 184, 193, 202, 211, 220, 230,
	240, 251, 262, 273, 284, 296, 309, 322, 336, 351,
	366, 383, 401, 422, 444, 470, 501, 538, 589, 677,
	800,
}

// ratedOpponents returns the opponents' ratings in played games that count for ratings, each as in
// that game, and the score against them in halves. games is the number of games, including those
// against unrated opponents.
func (e *entrant) ratedOpponents() (ratings []int, halves, games int) {
	for _, m := range e.meetings {
		if !m.played || !m.rated {
			continue
		}
		games++
		rating := m.rating
		if rating == 0 {
			rating = m.opponent.rating // of another game
		}
		if rating > 0 {
			ratings = append(ratings, rating)
			halves += int(m.outcome)
		}
	}
	return ratings, halves, games
}

// averageRating is the opponents' average rating without the cut lowest ones, a half rounded up.
// Unrated opponents are cut first. It is 0 if there are none.
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

// performance is the rating for which the score against the rated opponents would be expected. It
// is 0 if there are none.
func (e *entrant) performance() int {
	ratings, halves, _ := e.ratedOpponents()
	if len(ratings) == 0 {
		return 0
	}
	return max(0, average(ratings)+ratingDifference(float64(halves)/2, len(ratings)))
}

func rating(n int) number { return number(n) * one }

// ratingDifference is the rating difference for which the score would be expected.
func ratingDifference(points float64, games int) int {
	percent := int(math.Round(100 * points / float64(games)))
	if percent < 50 {
		return -ratingDifferences[50-percent]
	}
	return ratingDifferences[percent-50]
}
