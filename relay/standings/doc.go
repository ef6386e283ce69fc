// Package standings makes tables from a tournament's games: points, places and their reasons, the
// matches of teams, and whether all rounds are over.
//
//	table := standings.Compute(rounds, standings.OptionsOf(tournament))
//	line := table.Player("1503014")     // by FIDE id or name
//	matches := standings.Matches(games) // of one round
//
// It is pure and keeps nothing: no goroutines, no locks. It is for reading only. Nothing goes into
// the log or the boards' hash, so the rules may change from one version to the next.
//
// The tie-breaks are those of FIDE's Handbook, C.07 (Tie-Break Regulations, 2024), as far as games
// alone can tell. The tests hold them to the exercises of FIDE's Technical Commission.
//
//	player.go    which players are the same
//	score.go     what a result is worth
//	options.go   a tournament's choices: tie-breaks, points
//	table.go     points and places of players
//	match.go     teams
//	entrant.go   the tie-breaks' view of a player or a team; unplayed rounds
//	tiebreak.go  the tie-breaks, and ranking by them
//	direct.go    the direct encounter
//	rating.go    performance
//	number.go    exact points
//
// # What counts
//
// A game counts once it has a result. A game that goes on ("*") is shown and counts nothing. A
// result gives its points: 1-0, 1/2-1/2, also 1/2-0 and 0-0 if an arbiter decided so. A forfeit
// gives its points and is a game, but not a played one unless both have moved.
//
// PGN has no byes. A bye with points can be recorded as a game against "Bye". The player gets the
// points of its result, and it is an unplayed game. "Bye", "NN", "unknown" and the like are not in
// the table; see [relay.Nobody]. A finished round without a game of a player is a zero-point bye.
//
// # Tie-breaks
//
// Players are ranked by points. Each tie-break applies to those who are tied by all that came
// before it. Players whom no tie-break separates share a rank.
//
// The direct encounter (DE) is a table of the games among tied players. It counts games over the
// board, and the average of several games of one pair. If all have met, the table ranks them, and
// it is made again for those who are level in it. Otherwise a player is ahead only if no result of
// the missing games could change that. Then the next place is looked at, and the rest is looked at
// again alone. A game that goes on is missing.
//
// In Buchholz (BH) and Sonneborn-Berger (SB), an unplayed round is a game against an opponent with
// the player's own points (C.07, 16.4). A player's points count for his opponents as they are. But
// zero-point and half-point byes count as draws if he did not come back after them (16.3). A cut
// first leaves out the lowest round that the player chose not to play, if any (16.5).
//
// A forfeit and a full-point bye count as a win (WIN). They do not count as a game won over the
// board (WON, BWG), as a game with Black (BPG), or for ratings (ARO, TPR).
//
// In a round robin the pairings were fixed beforehand. There a forfeit counts for DE, SB and KS as
// if it had been played (15.2), and a free round is no game. [OptionsOf] recognises one by the
// tournament's format.
//
// # Points
//
// A tournament or a round may give other points for a win, a draw and a loss, for White and for
// Black. A loss without play gives nothing. Ratings do not depend on it: they count 1, ½ and 0, and
// so do the board points of a match.
package standings
