// Package relay is the domain: tournaments, rounds, games, moves, clocks and corrections, and the
// state machine that the log drives.
//
//	log entry ──► State.Apply ──► Outcome: the new values and events, or a refusal
//	              │
//	              ├── readers         [State] shows the truth, [State.ReaderFor] a sight
//	              ├── State.Release   makes public what a delay has held
//	              └── State.TakeDirty the records that a checkpoint writes; State.Load reads them
//
// # Promises
//
//   - Apply is a pure function. The package does no I/O, starts no goroutine, reads no clock, draws
//     no random number and takes no lock. So every node makes the same of the same log, for ever.
//   - Apply is the one judge of what is legal, and never panics, on any bytes. A refused command
//     changes nothing. The refusals are in errors.go; their messages go to the person who asked.
//   - Published values are immutable: a command that changes a game makes a new [Game], and the two
//     share what did not change.
//   - A command that comes twice changes nothing the second time, and gets the same answer
//     (command.go).
//   - A delay changes none of this: the public's view is made of the same commands, later
//     (delay.go). No index that the public is told tells what is held (shown.go).
//   - A log of any earlier version leads to the same state. testdata/golden*.log holds the package
//     to that.
//
// # Goroutines and locks
//
// The package has none. A [State] is for one goroutine at a time. Its owner takes a lock to fetch a
// pointer to a value, and none to read the value.
//
// # Where to look
//
//	state.go    Apply; decode.go reads the commands that play a move
//	create.go   tournaments, rounds, games; update.go and settings.go change them
//	play.go     moves; correct.go takebacks and results; correction.go many moves at once
//	clock.go    clocks that are told without a move; history.go the audit trail of a game
//	lock.go     what a person has set; note.go what the source has instead; source.go the sources
//	delete.go   deletions; deleted.go what readers do not find
//	delay.go    held commands and their release; sight.go the tiers; public.go how views are read
//	shown.go    the public's index; held.go what a checkpoint stores of rounds with a delay
//	token.go    tokens; audit.go who has changed what
//	names.go    which names are one player's; similar.go which may be
//	limits.go   how long and how many of everything
package relay

//go:generate ./relaypb/generate.sh
