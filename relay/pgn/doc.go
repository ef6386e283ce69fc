// Package pgn reads and writes PGN as broadcasts really send it.
//
// [Reader] reads one game after the other from a stream, in memory that is bounded by one game
// ([Limits]). It knows the notation and no chess: a move is a piece of text. It is meant to lose
// nothing of the main line of any file that organisers' software writes, and so forgives what can
// be forgiven: a byte order mark, every space of Unicode, opinions between the moves and behind
// them, either end of line, ISO-8859-1, wrapped comments, an empty line or a comment between the
// tags, tags and moves on one line, a brace that is never closed, dates in other forms than PGN's,
// a file that ends in the middle of a game ([WithoutTorn]). Variations and annotation glyphs are
// read over. What cannot be read is an [*Error] for that game alone; the next call goes on with the
// game after it.
//
// [Sniff] says of a body what it is if it is not PGN, before anybody reads it. [NewReaderCharset]
// reads a text in the charset that its Content-Type names.
//
// [Game.Play] asks package rules which of the moves are legal, for who wants to know it before
// relay says so, such as a push of a whole round. It stops at the first one that is not, with an
// [*Error] that says which and why, and takes out what is no move but a DGT board's sign for the end. Where English letters fail, those of a
// few other languages are tried (language.go).
//
// [Writer] writes a relay.Game as lichess's broadcasts do, since other programs split and parse
// that form. Where these programs disagree with the standard or with each other, it writes what all
// of them take alike (value.go):
//
//   - The moves end with 1-0, 0-1, 1/2-1/2 or *. The tag Result alone has any other result.
//   - A move has at most one comment, with the clock and all else that is to be said.
//   - A value has no escapes, and a tag that some reader cannot name is left out.
//   - Dates have PGN's form.
//
// The moves end before an illegal one that was played. The comment there has the rest of the game.
// [Game.Play] knows it and returns an error, so that nobody takes the game for all of it.
//
// # Tests
//
// Each form that is met stands in a file of testdata/in, with what is made of it beside it, and seeds
// the fuzzer. TestRandomDamage cuts and garbles one of several random games, and the others must be
// read as they were. All sample games go through the boards and the writer, and are read again.
// FuzzWrite does so with texts from outside in every place. The readers of other programs read a
// corpus of ours in web/clients/readers.
package pgn
