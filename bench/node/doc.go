// Package node is what every program has that bench starts as a node: it answers the orchestrator's
// requests, and it makes the submissions in the leader's process. It knows no system. A program
// gives Serve a function that opens a node of its own.
//
// It is a module of its own, without any requirement, so that two programs may hold different
// versions of the same module: chessrelay and etcd, as they are, do not agree upon a version of
// go.etcd.io/raft.
//
// # The protocol
//
// The orchestrator writes requests to the standard input of a child, and the child answers each to
// its standard output, in any order. One JSON value a line. The child ends when its standard input
// does.
//
// # Goroutines
//
// Each request is served by a goroutine of its own. A load has one for each submission that may be
// outstanding, and waits for all of them when it is stopped.
package node
