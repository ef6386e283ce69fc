package standings

import "github.com/chessrelay/chessrelay/relay"

// outcome is how a game ended for one side, whatever points that gives.
type outcome int

const (
	loss outcome = iota // as a number, an outcome is the halves of a standard point
	draw
	win
)

// pointsOf are what the outcome gives.
func pointsOf(o outcome, p relay.Points) number {
	return hundredths([...]int{p.Loss, p.Draw, p.Win}[o])
}

// score is how a game ended for both sides. The zero score is that of a game that goes on.
type score struct {
	white, black outcome
	over         bool
	played       bool // over the board
}

var scores = map[relay.Result]score{
	relay.WhiteWins: {win, loss, true, true},
	relay.BlackWins: {loss, win, true, true},
	relay.Draw:      {draw, draw, true, true},
	relay.BothLose:  {loss, loss, true, true},
	relay.WhiteHalf: {draw, loss, true, true},
	relay.BlackHalf: {loss, draw, true, true},
}

// scoreOf returns the game's score. A game that was forfeited after both have moved was played, as
// for FIDE's ratings.
func scoreOf(g *relay.Game) score {
	s := scores[g.Result]
	s.played = s.played && (!g.Forfeit || g.Ply() > 1)
	return s
}

// points are what the outcome gives one side. A loss gives points only if the game was played.
func (s *score) points(o outcome, p relay.Points) number {
	if o == loss && !s.played {
		return 0
	}
	return pointsOf(o, p)
}
