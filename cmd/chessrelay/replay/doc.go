// Package replay plays the games of a PGN file into a round, as arbiters would: all boards at the
// same time, each by its clocks, or faster.
//
//	PGN ──► Read ──► []*Game ──► Player ──► client.Client ──► the cluster
//
// # Promises
//
//   - A ply is submitted when its clocks say that it was played, counted from the start of the
//     replay. A board that an outage has delayed catches up.
//   - An existing round is continued: boards are matched by the players' names, then by the number
//     that the file says. Moves that the server has are not sent again.
//   - A game that cannot be read, opened or continued ends with a [Failure]. The others go on.
//
// pace.go finds out how long each move took. Where the file does not say, a ply takes ten seconds.
//
// # Goroutines and locks
//
// Play runs a goroutine for each board and one that logs the progress, and waits for all. Only the
// tally has a lock.
package replay
