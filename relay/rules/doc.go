// Package rules decides whether one given move is legal, and what the position
// is after it. It knows nothing of games, clocks or results.
//
//	p, err := rules.ParseFEN(rules.StartFEN)
//	m, err := p.Find("Nf3")        // SAN or UCI, as they are met in the wild
//	san := p.AppendSAN(nil, m)     // as the PGN standard writes it
//	next, ok := p.Play(m)          // the position after, and p is as it was
//
// # What it is for
//
// A relay is given moves; it never looks for one. A library made for programs that
// play finds out about a move by making all legal moves of the position. Here the text
// says which piece and which square, so that only the few pieces that can be meant are
// tried: whether one reaches the square, and whether its king is safe
// then. All legal moves are looked at only to tell mate from check.
//
// # Promises
//
// A [Position] is a plain value: it can be copied, compared with == and used by any number
// of goroutines. It is deterministic, reads no clock and has no state outside.
// [Position.Find] of a legal move, [Position.Legal] and [Position.Play] allocate nothing;
// the text of a move or of a position is appended to the caller's buffer. Nothing
// panics, on any input: a [Move] with squares or pieces that do not exist is not legal, and
// the zero Position is a board without pieces where no move is.
//
// # Chess960
//
// There is one castling, that of Chess960, and the standard one is a case of it: a right
// is the square of the rook that may castle. A castling [Move] is the king taking that rook.
// [ParseFEN] reads rights as X-FEN has them (KQkq, which mean the outermost rook, or the
// rook's file where it is another) and as Shredder-FEN has them (HAha).
//
// # How it is made
//
//	attack.go    which squares a piece attacks on a given board
//	position.go  the position, and what can be asked about it
//	legal.go     whether one move is legal, and all that are
//	play.go      the position after a move
//	text.go      the text of a move, read without a position
//	find.go      the move that a text means; SAN and UCI written; explain.go says why a text means none
//	fen.go       FEN read, and checked; fenout.go writes it
//
// A board is eight words of 64 bits: a set of squares for each kind of piece, and one for each
// side. Sliding pieces look along eight rays, from tables that are computed when
// the program starts (4 KiB); magic numbers would be faster, and are not needed.
package rules
