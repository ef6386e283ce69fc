// Package broadcast is the hub of one node: it sends its spectators what happens on the boards.
//
//	apply loop ── Publish ─► history of the round ── wake ─► workers, each with its spectators
//	                         floor … frames … last            frames after the cursor, 64 a write
//
// A spectator is served as Raft serves a follower. It says with ?since= which index it has. It gets
// a snapshot if it has nothing, or if the history does not reach back that far, and then the events
// that follow. The log index is its cursor. The index is the same on every node, so a spectator may
// resume on any of them.
//
// There is no queue and no goroutine per spectator. Each topic, a round in one sight, has one
// history of frames, bounded by count and by bytes. A spectator is an index into it and a socket.
// So a spectator costs some hundred bytes, fast or slow. The apply loop does the same work for none
// as for twenty thousand.
//
// # Promises
//
// First comes hello, then a snapshot unless the history goes on from since, then events. For one
// round and one spectator:
//
//	Everything with index <= cursor was sent, or is part of a snapshot that was
//	sent; nothing with index > cursor was.
//
// In particular:
//
//   - All events of one index are one message, so a cursor is never inside an index.
//   - There is never a silent gap. A spectator whose cursor is below the history's floor gets a
//     snapshot.
//   - Joining does not race with publishing. The boards change before Publish is called, so a
//     snapshot at S has everything up to S. Events up to S that come later are skipped.
//   - A spectator may be ahead of this node, if its last node was faster. It gets nothing until the
//     node has overtaken it.
//   - Publish, Reset and SetStale never wait for a spectator and never call View.Read, so the
//     caller may hold the boards' lock.
//   - A spectator that takes nothing for WriteTimeout, or answers no ping, is closed with
//     [CloseTooSlow].
//
// A status frame has an index, too (status.go). With ?boards= a spectator gets the events of those
// boards, and its cursor is for them only (summary.go). A round with a delay has a history for each
// view of it (topic.go).
//
// # Goroutines
//
// There are GOMAXPROCS workers, each with two goroutines: its loop, and one that waits for its
// epoll. A worker owns its spectators: their sockets, cursors and what they send, so none of it has
// a lock. When a history has changed, it gives all members of the round a turn (worker.turn): all
// frames after the cursor leave in writes of at most 64, as the shared bytes in the history.
//
// A write never waits. The worker keeps what a socket does not take, as a list of shared buffers.
// It sends them when the poller says that there is room. Meanwhile the spectator gets no turns.
// After every 64 turns a worker looks at its inbox and lets others use the processor. Pings and
// routine status frames go to a few spectators at each tick.
//
// A connection has no goroutine, with these exceptions. One over TLS, or on a system without epoll,
// has a reader and a writer, since the worker cannot poll it. Server-Sent Events and the feed over
// HTTP/2 also keep the request's. A WebSocket over TLS is always HTTP/1.1. Close waits for all of
// them.
//
// A hub with evaluations has one goroutine more, which looks them up (evaluations.go).
//
// # Locks
//
// In this order; none is taken while a later one is held:
//
//	snapshots.mu  the cached snapshot of a topic. Held while the boards are read
//	              and encoded, so that a crowd of joiners does it once.
//	  (the boards' own lock, inside View.Read)
//	Hub.mu        the table of topics. Never held while the boards are read.
//	history.mu    guards changes of one history. Spectators read it through an
//	              atomic pointer and never make Publish wait.
//
// summaries.mu and feed.mu are like snapshots.mu. gate.mu, status.mu, message.mu, evaluations.mu
// and worker.mu are leaves. No lock is held while a socket is written.
//
// # Where to look
//
//	hub.go        Open, Close, Publish, Reset
//	topic.go      the topics that have a history or spectators
//	history.go    the shared frames of one topic, and its floor
//	frame.go      all that one index changed in a round; wire.go its JSON, and the close codes
//	form.go       a message encoded for each kind of connection, once for all spectators
//	snapshot.go   the snapshot of a topic; summary.go the boards that a spectator does not watch
//	evaluations.go  what an engine thinks of the boards
//	worker.go     the loop: inbox, turns, clock; turn.go a spectator's turn, start to end
//	spectator.go  what is kept of one connection; receive.go what clients may send
//	live.go       GET /live; events.go GET /events and /feed; feed.go all rounds as one stream
//	game_reader.go  a spectator within the process that reads games instead of frames
//	socket_linux.go, socket_other.go, socket_pair.go, stream_conn.go  the connections
//	gate.go       how many may join: in all, from one address, in a second; address.go
//	status.go     stale or not; stats.go counters for the metrics
package broadcast
