// Package conns keeps a node's HTTP connections within what its open files allow.
//
// A [Listener] takes every connection and knows its state by net/http's ConnState. The connection
// waits for a request (idle), has one (busy), or was hijacked. A hijacked one is a spectator, which
// the hub counts. The room is limited. A new connection that finds no room takes the place of
// another, in this order:
//
//  1. the connection that has idled longest;
//  2. the oldest busy connection of an address that has more than half of the room;
//  3. the oldest busy connection of all, once it has had [Patience] for its request.
//
// If there is none, the new connection waits. An address may already have more than half of the
// room, or as many connections as it may have. A new one then takes the place of another of that
// address, or is closed.
//
// A [Kept] request is never ended for the sake of another once it has come completely. Such are
// submissions, health checks, and edges that follow this node. The connection of a client that has
// submitted is displaced after all others that idle. So spectators and readers cannot lock out the
// arbiter.
//
// An error of accept never ends the server. If the process has no file left, the Listener closes
// idle connections and tries again.
package conns
