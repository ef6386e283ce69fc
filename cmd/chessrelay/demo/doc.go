// Package demo runs a recorder and venues as processes of their own, and replays games into them.
// [Run] is what `chessrelay demo` does. Tests use the parts: [Plan] gives each node its folder and
// its ports, and [Demo.Launch] starts a node, which ends with its context.
//
// For each process, one goroutine waits until it ends. No process outlives the demo: on Linux the
// kernel ends the processes of a killed demo.
package demo
