package pgn

import (
	"github.com/chessrelay/chessrelay/relay"
)

// WithoutTorn removes what may be wrong at the end of a text that ends in the middle. games are
// those of body; the last one may be changed.
//
//   - A last game without moves and without an end goes, unless its tags have both players and the
//     result, which comes after the names. Half of the tags would open a board for another game.
//   - A last move goes if it may become another one (O-O-O), or if it may still get a clock, as the
//     other moves have.
//
// The reader itself leaves out a tag in which the text ends.
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
