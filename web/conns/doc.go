// Package conns keeps the HTTP connections of a node within what its open files allow.
//
// A [Listener] takes every connection and knows what each of them does, by net/http's ConnState: it
// waits for a request (idle), it has one (busy), or it was hijacked and is a spectator, which the
// hub counts. There is room for so many connections. A new one that finds no room takes the place
// of another, in this order:
//
//  1. the connection that has idled longest;
//  2. the oldest busy one of an address that has more than half of the room;
//  3. the oldest busy one of all, once it had [Patience] for its request.
//
// If there is none, the new one waits. A new one of an address that itself has more than half of
// the room, or as many as an address may have, takes the place of another of its address, or is
// closed.
//
// A request that is [Kept] is never ended for the sake of another once it has come wholly: a
// submission, a health check, an edge that follows this node. The connection of a client that has
// submitted is displaced after all others that idle. So whoever watches or reads cannot lock out
// the arbiter.
//
// An error of accept never ends the server. When the process has no file left, idle connections are
// closed, and accept is tried again.
package conns
