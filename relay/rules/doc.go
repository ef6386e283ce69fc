// Package rules decides whether one given move is legal, and makes the position after it. It knows
// nothing of games, clocks or results.
//
//	p, err := rules.ParseFEN(rules.StartFEN)
//	m, err := p.Find("Nf3")        // SAN or UCI, as people and programs write them
//	san := p.AppendSAN(nil, m)     // as the PGN standard writes it
//	next, ok := p.Play(m)          // the position after the move; p stays as it was
//
// # What it is for
//
// A relay is given moves; it never searches for one. A library for programs that play makes all
// legal moves of a position to judge one. Here the text says which piece and which square. So only
// the few pieces that may be meant are tried: whether one reaches the square, and whether its king
// is safe then. All legal moves are made only to tell mate from check.
//
// # Promises
//
// A [Position] is a plain value. It can be copied, compared with == and used by any number of
// goroutines. There are no locks, no clock and no state outside. [Position.Find] of a legal move,
// [Position.Legal] and [Position.Play] allocate nothing. The text of a move or a position is
// appended to the caller's buffer. Nothing panics, on any input. A [Move] with impossible squares
// or pieces is not legal, and the zero Position is a board without pieces and moves.
//
// # Chess960
//
// There is one castling, that of Chess960; the standard one is a special case. A right is the
// square of the rook that may castle. A castling [Move] is the king taking that rook. [ParseFEN]
// reads rights as in X-FEN (KQkq for the outermost rook, or the file of another rook) and as in
// Shredder-FEN (HAha).
//
// # How it is made
//
//	attack.go    which squares a piece attacks on a given board
//	position.go  the position, and questions about it
//	legal.go     whether one move is legal, and all legal moves
//	play.go      the position after a move
//	text.go      the text of a move, read without a position
//	find.go      the move that a text means; SAN and UCI written
//	explain.go   why a text means no move
//	fen.go       FEN read and checked; fenout.go writes it
//
// A board is four words of 64 bits: three for the role on each square, and one for its colour.
// Sliding pieces look along eight rays, from tables that are computed at program start (4 KiB).
// Magic numbers would be faster, and are not needed.
package rules
