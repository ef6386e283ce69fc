// Package mirror finds what has to be submitted so that a round shows what a source says. A source
// (a PGN that is pushed or polled, a LiveChess Cloud) tells the whole state of its games again and
// again. [Diff] compares that with the round as the log has it, and returns the commands that lead
// from one to the other:
//
//	round, games ──► Diff ──► a Change a game ──► its commands
//
// It is pure: no clock, no randomness, no I/O. Two nodes that are told the same submit the same
// commands, with the same ids and request ids, and the second ones change nothing.
//
// # Which game is which
//
// Nothing recorded is overwritten by a guess. A game of the source is a game of the round only by
// evidence, the strongest first (evidence.go weighs it, match.go gives each game one board):
//
//  1. The same GameId, with both players, or with one of them and moves that agree. An id that a
//     source uses again is none.
//  2. The same event, round and both players: by FIDE id, else by name in any form; also with
//     colours exchanged, if the moves agree.
//  3. Both players, where a name is written otherwise: an initial, other letters, or what the
//     source called them when the board was opened.
//  4. The same tagged board in the same event and round, with one of the players. A date, a site, a
//     result or moves may contradict it. So does the player who left if the source has him
//     elsewhere, and the one who came if he sits at another board.
//  5. One player and ten plies of a game that is not over. Or the place in the source, where it is
//     evidently the list that the round was made of: other games of it are known by evidence, the
//     moves agree, and one of the players may be the same.
//  6. Without evidence the game opens a board. A game without moves agrees with nothing by its
//     moves, and two strangers get nobody's moves, however many agree.
//  7. A game of which the source does not name White and Black opens none.
//  8. A source that shows other moves corrects a game only if it keeps the beginning
//     ([sourceGame.mayCorrect]), or the game has but a move or a few. A game that is over is corrected only
//     near its end, and by a source in which it is over too. Otherwise it is another game of the
//     same players. So is one that starts from another position, unless no move is recorded.
//
// A deleted game keeps the source's game that is evidently it (1 to 3), so no push opens it again.
// But a board that is there and has the same players comes first. A deleted game has no board
// number.
//
// Another round number is always another game; another event is, unless the moves agree. An unknown
// tag contradicts nothing. A tag, a name and an id that a person has set are not compared with what
// a source says.
//
// # What is taken over
//
// A board keeps its id and its number. What a source stops showing stays. Moves that differ are
// corrected back to the last ply that agrees. A source that merely has fewer moves takes none back
// unless [Round].Shorten says so, and never all; one whose moves could not all be read
// ([Game].Broken) takes none. Such a game has a warning ([relay.WarningTag]) until they can.
//
// Title, rating, FIDE id, federation and team belong to the person: a new player at a
// board starts without them.
//
// # A person's word
//
// What a person has set is locked (see [relay.Lock]): it stays, and what the source has instead is
// noted beside the board (locked.go). Moves hold up to the ply that was fixed. Later ones of the
// source are taken as far as they are legal from there, and once the source agrees the lock is
// given up. Of a board that a person plays by hand everything is noted only.
//
// Where the arbiter has recorded an illegal move as the ply that could not be read, that is what
// the source has there, and it is read on from the position that the arbiter tells.
package mirror
