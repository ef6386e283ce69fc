// Package mirror finds what to submit so that a round shows what a source shows. A source is a
// pushed or polled PGN, or a LiveChess Cloud. It shows the whole state of its games again and
// again. [Diff] compares that with the round in the log, and returns the commands that lead from
// one to the other:
//
//	round, games ──► Diff ──► a Change for each game ──► its commands
//
// [Converge] and [Submit] repeat that while others change the round (submit.go).
//
// Diff is pure: no clock, no randomness, no I/O, no goroutines, no locks. Two nodes with the same
// input make the same commands with the same ids and request ids. So the second node's commands
// change nothing.
//
// A board game is a game that the round has; a source game is a game that the source shows.
//
// # Which game is which
//
// A guess never overwrites what is recorded. A source game is a board game only by evidence, the
// strongest first. evidence.go weighs it, and match.go gives each source game at most one board
// game.
//
//  1. The same GameId, with both players, or with one of them and moves that agree. An id that
//     the source uses for several games counts for nothing.
//  2. The same event, round and both players: by FIDE id, otherwise by name in any form. If the
//     moves agree, the colours may be exchanged.
//  3. Both players, with a name in another spelling: an initial, other letters, or the name that
//     the source used when the board was opened.
//  4. The same tagged board in the same event and round, with one of the players. A date, a site, a
//     result or moves may contradict it. So does the old player if the source has him elsewhere,
//     and the new one if he sits at another board.
//  5. One player and ten plies of a game that is not over. Or the place in the source, if the round
//     was evidently made from this list. Then evidence matches other games of it, the moves agree,
//     and one of the players may be the same.
//  6. Without evidence, the game opens a board. A game without moves agrees with nothing by its
//     moves. Two strangers never get somebody else's moves.
//  7. A game whose source does not name White and Black opens no board.
//  8. A source with other moves corrects a game only if it keeps the beginning
//     ([sourceGame.mayCorrect]), or if the game has only a few moves. It corrects a game that is
//     over only near the end, and only if the game is over in the source too. Otherwise it is
//     another game of the same players. So is a game from another start position, unless no move is
//     recorded.
//
// A deleted game keeps its source game if evidence 1 to 3 matches them, so no push opens it again.
// But a board with the same players that is not deleted comes first. A deleted game has no board
// number.
//
// Another round number is always another game. Another event is, too, unless the moves agree. An
// unknown tag contradicts nothing. A tag, name or id that a person has set is not compared.
//
// # What is taken over
//
// A board keeps its id and its number. Games that a source stops showing stay. Moves that differ
// are corrected back to the last ply that agrees. A source with fewer moves takes none back unless
// [Round].Shorten says so, and never all. A source whose moves could not all be read
// ([Game].Broken) takes none back; its game has a warning ([relay.WarningTag]) until they can be
// read.
//
// Title, rating, FIDE id, federation and team belong to the player. A new player at a board starts
// without them.
//
// # A person's word
//
// What a person has set is locked (see [relay.Lock]). It stays, and the source's value is noted
// beside the board (locked.go). Fixed moves stay up to their last ply. The source's later moves are
// taken as far as they are legal from there. The lock ends once the source agrees. If a person
// plays a board by hand, everything from the source is noted only.
//
// If the arbiter has recorded an illegal move at the ply that could not be read, then that is the
// source's move there. Reading goes on from the arbiter's position.
package mirror
