// Package logqueue keeps a log with a stalled reader from holding up Raft or the spectators. A
// [Queue] takes lines at once, and one goroutine writes them. Lines that find no room are dropped
// and counted. The process's own log and the access log have one queue each.
package logqueue
