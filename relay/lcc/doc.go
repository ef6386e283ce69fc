// Package lcc writes and reads the JSON of DGT LiveChess Cloud, so that its viewers can read from us
// and its tournaments can become ours. Like relay, it is pure: what is fetched and served is web's.
//
// A tournament is three kinds of document, which readers poll:
//
//	/get/{uuid}/tournament.json            [Tournament]: the name, and how many games each round has
//	/get/{uuid}/round-N/index.json         [Index]: who plays whom, and the results
//	/get/{uuid}/round-N/game-M.json        [Game]: the moves, with their clocks
//
// N is the place of the round in its tournament, M the board, both from 1. A pairing has no number of its own:
// its place in the list is the board's, so a board that has no game yet stands there without players.
//
// The format has no positions but the 960 of Fischer's chess, by number ([StartNumber]). A game that begins elsewhere
// has no number and tells its position in a field of ours, fen, which [Game.PGN] reads again.
//
// There is no document that describes the format. What stands here is what its readers rely on.
package lcc
