// Package demo runs a recorder and venues as processes of their own, and replays games into them.
// [Run] is what `chessrelay demo` does. Tests use the parts: [Plan] gives each node its folder and
// its ports, [Demo.Launch] starts one, and its context ends it.
//
// Each process has one goroutine, which waits for it. No process outlives the demo: on Linux the
// kernel ends those of a demo that was killed.
package demo
