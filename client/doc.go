// Package client is a Go client of chessrelay's HTTP API. It creates tournaments, rounds and games,
// submits moves, reads boards, and watches a round live.
//
//	your program ──► Client ──HTTP──► any node of the cluster ──► the leader
//	                    └────WebSocket──► Watch
//
// # Promises
//
//   - A [Client] knows several nodes of one cluster. When a node fails, all callers go on at the
//     next one.
//   - A call is repeated until its context ends, as long as the failure may pass: no connection, no
//     answer, 429, 502, 503 or 504. The pauses grow, and a server's Retry-After is kept.
//   - Repeating is safe. A move is identified by its game and its ply. All other submissions carry
//     an Idempotency-Key, which is the same for each try of a call.
//   - A refusal is an [Error], with the server's code and sentence. A node that does not answer is
//     an [UnreachableError].
//   - [Client.Watch] reports each event once and in order. After a lost connection it goes on where
//     it was, at the next node.
//
// # Goroutines and locks
//
// A Client has no goroutines of its own and is safe for concurrent use. Watch runs in its caller's
// goroutine.
package client
