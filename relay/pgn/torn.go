package pgn

import (
	"github.com/chessrelay/chessrelay/relay"
)

// WithoutTorn leaves out what a text that ends in the middle may say wrongly. games are those that
// were read of body, and their last one may be changed.
//
//   - A last game without moves and without an end goes, unless its tags name both players and tell
//     the result, which comes behind the names. Half of a roster would open a board for another
//     game.
//   - A last move goes that may become another one (O-O-O), or that may get a clock yet, if the
//     other moves have one.
//
// The reader itself leaves out a tag that the text ends in.
func WithoutTorn(games []*Game, body []byte) []*Game {
	n := len(games)
	if n == 0 || !games[n-1].Truncated {
		return games
	}
	g := games[n-1]
	last := len(g.Moves) - 1
	if last < 0 {
		if g.Known("White") == "" || g.Known("Black") == "" || g.Tag("Result") == "" {
			return games[:n-1]
		}
		return games
	}
	m, end := g.Moves[last], byte(' ')
	if len(body) > 0 {
		end = body[len(body)-1]
	}
	castles := (m.SAN == "O-O" || m.SAN == "0-0") && end != '\n' && end != ' '
	if castles || m.Clock == relay.NoTime && hasClocks(games) {
		g.Moves = g.Moves[:last]
	}
	return games
}

func hasClocks(games []*Game) bool {
	for _, g := range games {
		for _, m := range g.Moves {
			if m.Clock != relay.NoTime {
				return true
			}
		}
	}
	return false
}
