// Package node is the common part of all programs that bench starts as nodes. It answers the
// orchestrator's requests, and it makes the submissions in the leader's process. It knows no
// system. A program gives Serve a function that opens its own node.
//
// It is a module of its own and requires no other. So two programs may hold different versions of
// the same module: chessrelay and etcd do not agree on a version of go.etcd.io/raft.
//
// # The protocol
//
// The orchestrator writes requests to the standard input of a child. The child answers each on its
// standard output, in any order. Each line is one JSON value. The child ends when its standard
// input does.
//
// # Goroutines
//
// A goroutine of its own serves each request. A load has one for each submission that may be
// outstanding, and waits for all of them when it is stopped.
package node
