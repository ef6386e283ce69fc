// Package relaypb is generated from relay/relay.proto: the commands that the
// log carries, and the records that a checkpoint of the boards stores. Field
// numbers are never reused, since logs and boards are kept for ever. Package
// relay says what the messages mean; `go generate ./relay` makes this package again.
package relaypb
