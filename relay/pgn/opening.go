package pgn

import (
	"strings"
	"sync"

	"github.com/notnil/chess"
	"github.com/notnil/chess/opening"

	"github.com/chessrelay/chessrelay/relay"
)

// book names openings by the Encyclopaedia of Chess Openings. It takes half a second and 5 MB, so
// the first written game makes it.
var book = sync.OnceValue(opening.NewBookECO)

// openingOf returns the code and the name of the game's opening. They are empty for a game without
// moves, in Chess960 or from another position, and for moves that are not in the book.
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

// bookMoves are the moves that were looked up, by UCI; there are fewer than 2,000. The library
// takes ten microseconds to read one, since it always writes an error message.
var bookMoves sync.Map

// bookMove is a move without its position: the book compares only squares.
func bookMove(uci string) *chess.Move {
	if m, ok := bookMoves.Load(uci); ok {
		return m.(*chess.Move)
	}
	m, err := chess.UCINotation{}.Decode(nil, uci)
	if err != nil {
		return nil
	}
	// a clone, since uci would keep a larger string in memory
	bookMoves.Store(strings.Clone(uci), m)
	return m
}
