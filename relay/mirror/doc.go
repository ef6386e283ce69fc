// Package mirror finds what has to be submitted so that a round shows what a
// source says. A source (a PGN that is pushed or polled, a LiveChess Cloud) tells the
// whole state of its games again and again; [Diff] compares that with the round as
// the log has it, and returns the commands that lead from one to the other:
//
//	round, games ──► Diff ──► a Change a game ──► its commands
//
// It is pure: no clock, no randomness, no I/O. So whoever calls it twice with
// the same gets the same commands, with the same ids and request ids, and two nodes that
// are told the same thing at the same time submit commands of which the second ones
// change nothing.
//
// # Which game is which
//
// A game keeps its id and its board's number whatever the order of the source. What
// the source has is the game that, in this order: has the same id in the source (GameId);
// was created from the same event, round, board and names; has the same players, on
// the same board or on another; is at the same board with one of the players, or has one of them and
// many moves in common; is at the same board, with moves that go together, so that both names were corrected. Where the source
// numbers no boards, its order does, as long as it has as many games as the round. What is
// none of the round's games is a new one.
//
// # What is taken back
//
// Moves that differ are corrected: back to the last ply that agrees, then the new ones.
// A source that merely has fewer moves is not believed unless [Round].Shorten
// says so, since some show a file that is half written; one whose moves could not all be
// read ([Game].Broken) never is. The game then has a warning ([relay.WarningTag]) until they can.
//
// Where the arbiter has recorded an illegal move as the ply that could not be read, that is what the source has there, and it is read
// on from the position that the arbiter tells. A source that shows nothing beyond the ply before takes nothing back; one with a legal move in
// its place does, since that is another game.
package mirror
