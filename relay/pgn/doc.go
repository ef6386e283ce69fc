// Package pgn reads and writes PGN as broadcasts send it.
//
//	bytes ──► Sniff ──► Reader ──► Game ──► Game.Play ──► Line       read
//	relay.Game ──► Writer ──► bytes                                  write
//
// [Reader] reads one game after the other from a stream. Its memory is bounded by one game
// ([Limits]). It knows the notation and no chess: a move is a piece of text. It must lose nothing
// of the main line of any real file. So it forgives a byte order mark, every space of Unicode,
// either end of line, and ISO-8859-1. It forgives opinions between and behind the moves, wrapped
// comments, and a brace that is never closed. It forgives an empty line or a comment between the
// tags, tags and moves on one line, and dates in other forms. A file may end in the middle of a
// game ([WithoutTorn]). It skips variations and annotation glyphs. A game that cannot be read is an
// [*Error]; the next call goes on with the game after it.
//
// [Sniff] says what a body is if it is not PGN, before anything is read. [NewReaderCharset] reads a
// text in the charset that its Content-Type names.
//
// [Game.Play] asks package rules which moves are legal, for callers that must know before relay
// decides. It stops at the first illegal move, with an [*Error] that says which and why. It removes
// the signs by which a DGT board ends a game. If English letters fail, it tries those of a few
// other languages (language.go).
//
// [Writer] writes a relay.Game as lichess's broadcasts do, since other programs parse that form.
// Where these programs disagree with the standard or with each other, it writes what all of them
// read (value.go):
//
//   - The moves end with 1-0, 0-1, 1/2-1/2 or *. Any other result is only in the tag Result.
//   - A move has at most one comment, with the clock and everything else.
//   - A value has no escapes. A tag that some reader cannot name is left out.
//   - Dates have PGN's form.
//   - The moves end before an illegal move. The comment there has the rest of the game. [Game.Play]
//     returns an error for such a game, so nobody takes it for the whole.
//
// No type is for concurrent use, and no function keeps a goroutine. [Pieces] and [Reader.Open] let
// a caller read only the games that have changed.
//
// # Tests
//
// Each form of text is a file in testdata/in, with its result beside it, and seeds the fuzzer.
// TestRandomDamage damages one of several random games; the others must be read as before. All
// sample games go through the boards and the writer, and are read again. FuzzWrite does the same
// with texts from outside in every field. web/clients/readers has other programs read a corpus of
// ours.
package pgn
