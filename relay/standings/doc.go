// Package standings makes tables of a tournament's games: who has how many points, who is
// ahead of whom and why, how the matches of teams stand, and whether all is over.
// It is pure, keeps nothing, and is for reading only: nothing here goes into the log or the
// boards' hash, so its rules may change from one version to the next.
//
//	table := standings.Compute(rounds)
//	matches := standings.Matches(games) // of one round
//
// The tie-breaks are those of FIDE's Handbook, C.07 (Tie-Break Regulations), by what a broadcast
// knows, which is games and nothing else.
//
//	player.go    who is who
//	score.go     what a result is worth
//	table.go     points and places
//	tiebreak.go  the tie-breaks, and their order
//	rating.go    performance
//	match.go     teams
//
// # What counts
//
// A game counts once it has a result; one that goes on ("*") is shown and counts nothing. A result
// gives what it says: 1-0, 1/2-1/2, also 1/2-0 and 0-0 where an arbiter decided so. A forfeit gives
// its points and is a game, but not a played one unless both have moved.
//
// PGN has no byes. Where a bye gave points, it can be recorded as a game against "Bye": the
// player gets what its result says, and it is an unplayed game. Nobody is in the table for
// "Bye", "NN" or "?". A finished round in which a player has no game gives him no points.
//
// In tie-breaks an unplayed game counts much as C.07 has it: for Buchholz and Sonneborn-Berger it is a game
// against an opponent who has as many points as the player himself, and so is a finished round in which
// he has no game; so of two players with the same points none is worse off because he was
// free. It counts for the number of wins, but not in direct encounters, nor in anything about ratings. What else C.07 says of unplayed rounds
// depends on who chose not to play, which games do not tell, and is left out: the points of an opponent
// are those that he has.
package standings
