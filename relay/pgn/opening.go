package pgn

import (
	"strings"
	"sync"

	"github.com/notnil/chess"
	"github.com/notnil/chess/opening"

	"github.com/chessrelay/chessrelay/relay"
)

// book names openings by the Encyclopaedia of Chess Openings. It takes half a
// second and 5 MB to make, so it is made for the first game that is written.
var book = sync.OnceValue(opening.NewBookECO)

// openingOf returns the code and the name of the opening of a game with these moves, or nothing: for a
// game without moves, of Chess960 or from a position of its own, and for what is in no book.
func openingOf(g *relay.Game, played []relay.Move) (eco, name string) {
	if g.StartFEN != "" || g.Variant == relay.Chess960 || len(played) == 0 {
		return "", ""
	}
	moves := make([]*chess.Move, 0, len(played))
	for i := range played {
		move := bookMove(played[i].UCI)
		if move == nil {
			break
		}
		moves = append(moves, move)
	}
	o := book().Find(moves)
	if o == nil {
		return "", ""
	}
	return o.Code(), o.Title()
}

// bookMoves are the moves that were asked about, by their UCI, of which there are fewer than 2,000. The library
// takes ten microseconds to read one, since it writes an error message in any case.
var bookMoves sync.Map

// bookMove is a move without its position, since the book compares only the squares.
func bookMove(uci string) *chess.Move {
	if m, ok := bookMoves.Load(uci); ok {
		return m.(*chess.Move)
	}
	m, err := chess.UCINotation{}.Decode(nil, uci)
	if err != nil {
		return nil
	}
	bookMoves.Store(strings.Clone(uci), m) // uci is part of a larger string, which it would hold
	return m
}
