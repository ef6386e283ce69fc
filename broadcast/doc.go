// Package broadcast is the hub of one node: who watches what, and what each of
// them has yet to get.
//
// # The idea
//
// A spectator is a follower of the log, in Raft's words. It is probed: it says
// with ?since= which index it has. It gets a snapshot if it has nothing, or if
// the history here no longer reaches back that far. Then it is sent the events
// that follow. The log index is its cursor, and since the index is the same on
// every node, it may come back to any of them.
//
// There is no queue per spectator. Each round has one history of encoded
// frames, bounded by count and by bytes, and a spectator is nothing but an
// index into it:
//
//	apply loop ── Publish ──► history of the round ──► wake ──► writer of each spectator
//	                          floor ... frames ... last          cursor -> next batch -> socket
//
// So a spectator costs the same memory whether it is fast or slow, and the
// apply loop does the same work whether there are none or ten thousand.
//
// # What the caller owes
//
//  1. Open the hub once the boards are loaded: the histories begin at the index
//     that Boards.Read tells then.
//  2. After each log entry: first change the boards, then call Publish with
//     all the events of that index in one call. In log order, from one
//     goroutine. An entry without events needs no call.
//  3. After the boards were replaced by a Raft snapshot: call Reset, from that
//     same goroutine, before the next Publish.
//  4. Call SetStale when the node loses or regains touch with the cluster.
//  5. Route GET /live to Live.
//  6. Close the hub before the HTTP server is shut down; net/http does not wait
//     for connections that became WebSockets. Close says 4000 to every one.
//
// Publish, Reset and SetStale never wait for a spectator, and never call
// Boards.Read, so they may be called with the boards' own lock held.
//
// # What a spectator gets
//
// First hello; then a snapshot, or nothing if since could be honoured; then
// events. The invariant, for one round and one spectator:
//
//	Everything with index <= cursor was sent, or is part of a snapshot that was
//	sent; nothing with index > cursor was.
//
// All events of one index are one frame, so a cursor never stands in the
// middle of an index. A spectator whose cursor falls behind the history's
// floor, since it is slow or since the boards were replaced, is moved forward
// to a fresh snapshot: never a silent gap. One that takes nothing for
// WriteTimeout, or answers no ping, is closed with [CloseTooSlow].
//
// Joining does not race with publishing. The boards change before Publish is
// called, so a snapshot at S holds everything up to S; the cursor becomes S,
// and events up to S that arrive in the history later are passed over.
//
// A spectator may be ahead of this node: its last node was faster. Its cursor
// then lies above everything in the history, so it is sent nothing until the
// node has overtaken it: no old snapshot, no repeat.
//
// # The index of a status frame
//
// A round may be quiet for an hour while others move the log on. So that the
// cursor of its spectators need not stay an hour behind, a status frame bears
// an index too, under this rule: it is written only when everything of the
// round up to that index was written before it, and it never lies below the
// spectator's cursor (it is left out then). Hence a client may take the index
// of any frame but hello as its new since. The index of hello is how far this
// node has come, not what the spectator has.
//
// With ?boards= the cursor speaks for those boards only. A client that changes
// its boards must come back without since.
//
// # Parts
//
//	hub.go        Hub: Open, Close, Publish, Reset, and the goroutine that wakes
//	round.go      the rounds that have a history or spectators; eviction
//	history.go    the shared frames of one round, and its floor
//	frame.go      one encoded frame; several joined to one
//	wire.go       the JSON shapes and the close codes
//	snapshot.go   the snapshot of a round, encoded once and shared
//	cursor.go     what one spectator has, and what it gets next
//	spectator.go  one connection's life: its two goroutines and its end
//	writer.go     the loop that writes
//	reader.go     what clients may send
//	socket.go     the TCP connection: deadlines that can be cut short, bounded buffers
//	follow.go     a spectator within the process, who takes games instead of frames
//	live.go       GET /live: parameters, upgrade, refusal
//	gate.go       how many may come in, in all and from one address
//	status.go     stale or not, told to everyone
//	stats.go      counters for the metrics
//
// What to send next (cursor, round.next) knows no socket, and the writer knows
// no history: other ways of writing can take the writer's place.
//
// # Goroutines
//
// The hub has one, which wakes spectators and makes status frames, so that the
// apply loop's time does not depend on how many wait. Each connection has two:
// a writer, which owns the cursor and outlives the reader, and a reader. Close
// waits for all of them.
//
// # Locks
//
// In this order, none is taken while a later one is held:
//
//	snapshots.mu  the cached snapshot of a round. Held while the boards are read
//	              and encoded, so that a crowd of joiners does it once.
//	  (the boards' own lock, inside View.Read)
//	Hub.mu        the table of rounds. Never held while the boards are read.
//	history.mu    among those who change one round's frames. Spectators read them
//	              through an atomic pointer and never make Publish wait.
//
// gate.mu, status.mu, socket.mu and wakeList.mu are leaves: nothing else is
// taken under them. No lock is held while a socket is written or a channel that
// spectators wait on is closed.
package broadcast
