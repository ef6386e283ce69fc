package standings

import "github.com/chessrelay/chessrelay/relay"

// score is what a result gives both sides. The zero score is that of a game that goes on.
type score struct {
	white, black float64
	over         bool
	played       bool // over the board; a forfeit is not
}

// scores are the results that are known. Any other counts like "*".
var scores = map[relay.Result]score{
	relay.WhiteWins: {1, 0, true, true},
	relay.BlackWins: {0, 1, true, true},
	relay.Draw:      {.5, .5, true, true},
	"0-0":           {0, 0, true, true},
	"1/2-0":         {.5, 0, true, true},
	"0-1/2":         {0, .5, true, true},
	"+/-":           {1, 0, true, false},
	"-/+":           {0, 1, true, false},
	"-/-":           {0, 0, true, false},
}

func scoreOf(g *relay.Game) score { return scores[g.Result] }

// Finished reports whether a round is over: it has games, and each of them has a result.
// A result that is taken back reopens it.
func Finished(games []*relay.Game) bool {
	for _, g := range games {
		if !scoreOf(g).over {
			return false
		}
	}
	return len(games) > 0
}
