// Package pgn reads and writes PGN as broadcasts really send it.
//
// [Reader] reads one game after the other from a stream, in memory that is bounded
// by one game ([Limits]). It knows the notation and no chess: a move is a piece of
// text. [Game.Play] asks package rules which of the moves are legal, for who wants to know it
// before relay says so, and takes out what is a DGT board's sign for the end. Reader is meant to lose nothing of
// the main line of any file that organisers' software writes, and so forgives what
// can be forgiven: a byte order mark, either end of line, ISO-8859-1, wrapped
// comments, an empty line between the tags, tags and moves on one line, a file
// that ends in the middle of a game. Variations and annotation glyphs are read
// over. What cannot be read is an [*Error] for that game alone; the next call goes
// on with the game after it.
//
// [Writer] writes a relay.Game as lichess's broadcasts do, since that is the form
// that other programs split and parse.
package pgn
