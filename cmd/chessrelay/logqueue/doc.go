// Package logqueue keeps a log whose reader has stalled from holding up Raft or the spectators: a
// [Queue] takes lines at once, and one goroutine writes them. Lines that have no room are dropped
// and counted. The process's own log and the access log go through one each.
package logqueue
