// Package standings makes tables of a tournament's games: who has how many points, who is
// ahead of whom and why, how the matches of teams stand, and whether all is over.
// It is pure, keeps nothing, and is for reading only: nothing here goes into the log or the
// boards' hash, so its rules may change from one version to the next.
//
//	table := standings.Compute(rounds, standings.OptionsOf(tournament))
//	line := table.Player("1503014")     // by FIDE id, or by name
//	matches := standings.Matches(games) // of one round
//
// The tie-breaks are those of FIDE's Handbook, C.07 (Tie-Break Regulations, 2024), by what a
// broadcast knows, which is games and nothing else. The tests hold them to the exercises that
// FIDE's Technical Commission has published.
//
//	player.go    who is who
//	score.go     what a result is worth
//	options.go   what a tournament chooses: tie-breaks, points
//	table.go     points and places of players
//	match.go     teams
//	entrant.go   what the tie-breaks need of a player or a team; unplayed rounds
//	tiebreak.go  the tie-breaks, and ranking by them
//	direct.go    the direct encounter
//	rating.go    performance
//	number.go    exact points
//
// # What counts
//
// A game counts once it has a result; one that goes on ("*") is shown and counts nothing. A result
// gives what it says: 1-0, 1/2-1/2, also 1/2-0 and 0-0 where an arbiter decided so. A forfeit gives
// its points and is a game, but not a played one unless both have moved.
//
// PGN has no byes. Where a bye gave points, it can be recorded as a game against "Bye": the
// player gets what its result says, and it is an unplayed game. Nobody is in the table for "Bye",
// "NN", "unknown" and their like; see [relay.Nobody]. A finished round in which a player has no
// game is a zero-point bye.
//
// # Tie-breaks
//
// Players are ranked by points. Each tie-break is applied to those who are tied by all that came
// before it. Those whom none parts share a rank.
//
// The direct encounter (DE) makes a table of the games among those who are tied. It counts what was
// played over the board, and the average of several games of one pair. If all have met, the table
// ranks them, and it is applied again to those who are level in it. If not all have met, a player
// is ahead only if no result of the missing games could change it; then the next place is looked
// at, and those who remain are looked at again alone. A game that goes on is missing.
//
// In Buchholz (BH) and Sonneborn-Berger (SB), an unplayed round is a game against an opponent with
// the player's own points (C.07, 16.4). The points of a player count for his opponents as they are,
// except that zero-point and half-point byes count as draws if he did not come back after them
// (16.3). A cut leaves out the lowest round that the player chose not to play, if there is one,
// before any other (16.5).
//
// A forfeit and a full-point bye count as a win (WIN), but not as a game won over the board (WON,
// BWG) or played with Black (BPG), nor in anything about ratings (ARO, TPR).
//
// In a round robin the pairings were fixed beforehand. There a forfeit counts for DE, SB and KS as
// if it had been played (15.2), and a free round is no game. [OptionsOf] takes the word of the
// tournament's format for it.
//
// # Points
//
// A tournament or a round may give other points for a win, a draw and a loss, for White and for
// Black. A loss without play gives nothing. Ratings do not depend on it: they count 1, ½ and 0, and
// so do the board points of a match.
package standings
