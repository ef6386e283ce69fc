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
//  1. The same GameId, and a player or the moves in common.
//  2. The same event, round and both players: by FIDE id, else by name in any form; also with
//     colours exchanged, if the moves agree.
//  3. Both players, where a name is written otherwise: an initial, a letter that differs, or what
//     the source called them when the board was opened.
//  4. The same tagged board in the same event and round, with one of the players or moves that
//     agree. A date, a site or a result that stands may contradict it, and so does the other player
//     if he sits elsewhere in the source.
//  5. One player and ten plies that agree. Or the place in the source, where it is evidently the
//     list that the round was made of: other games of it are known by evidence, and the moves
//     agree.
//  6. Without evidence the game opens a board. A game without moves agrees with nothing by its
//     moves.
//  7. A game of which the source does not name White and Black opens none.
//  8. A source that shows other moves corrects a game only if it keeps the beginning
//     ([said.corrects]), or the game has but a move or two. Otherwise it is another game of the
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
// Title, rating, FIDE id, federation and team belong to the person: whoever takes another one's
// seat starts without them.
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
