// Package relay is the domain: tournaments, rounds, games, moves, clocks,
// corrections, and the state machine that the log drives.
package relay

//go:generate ./relaypb/generate.sh
