// Command chessrelay is a node of a cluster, and the tools that people use beside it.
//
//	chessrelay demo     a recorder and venues on this machine, with a real round
//	chessrelay serve    one node: a member of a cluster, or an edge outside it
//	chessrelay feed     plays a PGN file into a round
//	chessrelay watch    the moves in a terminal
//	chessrelay status   the members of the cluster, and how far each of them is
//	chessrelay venue    the membership: invite, add, promote, demote, remove
//	chessrelay edge     invitations for edges
//	chessrelay token    tokens: create, list, revoke
//	chessrelay link     viewing links
//	chessrelay verify   checks an exported history
//	chessrelay bench    the rate of a cluster, with moves of a tournament of its own
//	chessrelay licenses the notices of all linked modules
//	chessrelay version  the version, its commit and its Go
//
// This package has only commands and flags, one file for each command. The work is done in node
// (one whole node), demo (nodes as processes), replay (a PGN file into a round), terminal (what is
// printed) and logqueue (the log).
//
// # How a command works
//
// main passes [run] everything outside the process that a command may touch, as an environment. run
// builds the tree of commands (root.go) and parses the flags. It takes missing flags from
// CHESSRELAY_* variables (flags.go), makes the logger, and calls the command. SIGINT and SIGTERM
// cancel its context. A command returns a usageError for a mistake of the user (exit 2) and any
// other error for a failure (exit 1). It never ends the process. Logs go to stderr, everything else
// to stdout.
//
// All commands but serve speak to nodes over HTTP, through package client. It repeats calls and
// goes on at the next node. That is safe since every submission is idempotent.
package main
