// Package lcc writes and reads the JSON of DGT LiveChess Cloud. So its viewers can read from us,
// and its tournaments can become ours. It is pure: no I/O, no goroutines, no locks. Package pull
// fetches, and package livechess serves.
//
// A tournament is three kinds of document, which readers poll:
//
//	/get/{uuid}/tournament.json       [Tournament]: its name, and how many games each round has
//	/get/{uuid}/round-N/index.json    [Index]: the pairings and the results
//	/get/{uuid}/round-N/game-M.json   [Game]: the moves, with their clocks
//
// N is the place of the round in its tournament, and M the board, both from 1. A pairing has no
// number: its place in the list is the board's. So a board without a game stands there without
// players.
//
// The format has no start positions but the 960 of Chess960, by number ([StartNumber]). A game from
// another position has no number. It has its position in a field of ours, fen, which [PGN] reads.
//
// No document describes the format. This package has what readers of it rely on.
package lcc
