// Command chessrelay relays chess games live: one binary that is a node of a cluster, the arbiter's
// feed into it, and the tools to look at it.
//
//	chessrelay demo     a recorder and venues on this machine, with a real round replayed into them
//	chessrelay serve    one node, of the cluster or an edge outside it
//	chessrelay feed     plays a PGN file into a round, as an arbiter would
//	chessrelay watch    the moves in a terminal
//	chessrelay status   the members of the cluster and how far each of them is
//	chessrelay venue    the membership, at runtime
//	chessrelay edge     what edges start with
//	chessrelay licenses whose work is in the program, and its terms
//	chessrelay version  the version, its commit and its Go
//
// # How a command is built
//
// main hands everything of the outside that a command may touch to [run], in an environment; run
// builds the tree of commands (root.go), which parses flags, fills those that were not given from
// CHESSRELAY_* variables (flags.go), makes the logger, and calls the command with a context that
// SIGINT and SIGTERM cancel. A command checks its flags, returns a usageError for what the user got
// wrong (exit 2) and any other error for what went wrong (exit 1), and never ends the process
// itself. Logs go to stderr, results to stdout.
//
// # The client's side
//
// All commands but serve speak to nodes by HTTP only, through client (client.go), which retries and
// moves from a node that does not answer to the next one. That is safe since every submission is
// idempotent: a move by its game and ply, a creation by its Idempotency-Key. So a feed outlives the
// node it feeds.
//
// # Goroutines
//
// Each is waited for by the function that starts it: feed has one a board and one that reports
// progress, watch one that keeps the connection alive, demo one a child process. main has one that
// writes the log (logqueue.go), so that no goroutine waits for whatever reads it. The child
// processes of demo end with it, however it ends.
package main
