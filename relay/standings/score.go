package standings

import "github.com/chessrelay/chessrelay/relay"

// score is what a result gives both sides. The zero score is that of a game that goes on.
type score struct {
	white, black float64
	over         bool
	played       bool // over the board
}

var scores = map[relay.Result]score{
	relay.WhiteWins: {1, 0, true, true},
	relay.BlackWins: {0, 1, true, true},
	relay.Draw:      {.5, .5, true, true},
	relay.BothLose:  {0, 0, true, true},
	relay.WhiteHalf: {.5, 0, true, true},
	relay.BlackHalf: {0, .5, true, true},
}

// scoreOf returns the game's score. A game that was forfeited after both have moved was played, as
// it is for FIDE's ratings.
func scoreOf(g *relay.Game) score {
	s := scores[g.Result]
	s.played = s.played && (!g.Forfeit || g.Ply() > 1)
	return s
}
