// Package broadcast is the hub of one node: who watches what, and what each of them has yet to get.
//
// # The idea
//
// A spectator is served as Raft serves a follower. It is probed: it says with ?since= which
// index it has. It gets a snapshot if it has nothing, or if the history here no longer reaches back
// that far. Then it is sent the events that follow. The log index is its cursor, and since the
// index is the same on every node, it may come back to any of them.
//
// There is no queue per spectator, and no goroutine. Each round has one history of frames, bounded
// by count and by bytes, and a spectator is nothing but an index into it and a socket:
//
//	apply loop ── Publish ──► history of the round ──► wake ──► a few workers, each with its share of the spectators
//	                          floor ... frames ... last          cursor -> what follows -> one write that does not wait
//
// So a spectator costs some hundred bytes whether it is fast or slow, and the apply loop does the
// same work whether there are none or twenty thousand.
//
// # Workers
//
// There are GOMAXPROCS of them. A worker owns its spectators wholly: their sockets, cursors, and
// what they say, so none of it has a lock. When a round's history has changed, it gives all members
// of the round a turn ([worker.turn]): everything that follows the cursor leaves in one write(2) or
// writev(2), the shared bytes of each event's frame as they lie in the history. So the more events
// wait, the fewer writes an event costs, and nothing waits for more to come.
//
// A write never waits. What a socket has no room for is kept, as a list of shared buffers, and is
// sent when the poller says that there is room: one epoll for all sockets of a worker, which the
// runtime's own poller waits for. Meanwhile this spectator gets no turns; then it goes on from its
// cursor, or, if the history has moved on too far, from a snapshot. One that takes nothing of it
// for WriteTimeout is closed with [CloseTooSlow].
//
// After every 64 turns a worker looks at its inbox and lets others use the processor, so that
// neither newcomers nor the apply loop wait until tens of thousands were written to. Pings and
// routine status frames go round the spectators bit by bit for the same reason.
//
// # What the caller owes
//
//  1. Open the hub once the boards are loaded: the histories begin at the index
//     that Boards.Read tells then.
//  2. After each log entry: first change the boards, then call Publish with
//     all the events of that index in one call; and with what is released, likewise. In log order, one call at a time, from any
//     goroutine. An entry without events needs no call.
//  3. After the boards were replaced by a Raft snapshot: call Reset, in its place
//     among them, before the next Publish.
//  4. Call SetStale when the node loses or regains touch with the cluster.
//  5. Route GET /live to Live.
//  6. Close the hub before the HTTP server is shut down; net/http does not wait
//     for connections that became WebSockets. Close says 4000 to every one.
//
// Publish, Reset and SetStale never wait for a spectator, and never call Boards.Read, so they may
// be called with the boards' own lock held.
//
// # What a spectator gets
//
// First hello; then a snapshot, or nothing if since could be honoured; then events. The invariant,
// for one round and one spectator:
//
//	Everything with index <= cursor was sent, or is part of a snapshot that was
//	sent; nothing with index > cursor was.
//
// All events of one index are one message, so a cursor never stands in the middle of an index. A
// spectator whose cursor falls behind the history's floor, since it is slow or since the boards
// were replaced, is moved forward to a fresh snapshot: never a silent gap. One that answers no ping
// is closed with [CloseTooSlow].
//
// Joining does not race with publishing. The boards change before Publish is called, so a snapshot
// at S holds everything up to S; the cursor becomes S, and events up to S that arrive in the
// history later are passed over.
//
// A spectator may be ahead of this node: its last node was faster. Its cursor then lies above
// everything in the history, so it is sent nothing until the node has overtaken it: no old
// snapshot, no repeat.
//
// # The index of a status frame
//
// A round may be quiet for an hour while others move the log on. So that the cursor of its
// spectators need not stay an hour behind, a status frame bears an index too, under this rule: it
// is written only when everything of the round up to that index was written before it, and it never
// lies below the spectator's cursor (it is left out then). Hence a client may take the index of any
// frame but hello as its new since. The index of hello is how far this node has come, not what the
// spectator has.
//
// # Delay
//
// A round with a delay has several topics, one for each [relay.Sight]: the truth, the public, and
// each tier. Each topic has a history and snapshots of its own. The truth's topic exists while it
// has spectators; a tier's exists from its [relay.EventTier] on. An event enters the truth's
// history at once, and the history of every other topic when it is released. That may be later
// than newer events of other rounds. Within the round the order is the same, so the log index is
// the cursor of all its topics.
//
// The public must not notice that something is held. So whether or not something is held:
//
//   - The public's hello and the bases of its histories go by [relay.State.Shown] instead of the
//     log's index, and its snapshots by the newest public index of the round.
//   - Its status frames have no index.
//   - The round stays in the table.
//
// In the feed, a released event comes between two log indexes; see feed.go.
//
// # Deletion
//
// A deletion in a round with a delay changes what the public may see at an index that it has
// already. So does the deletion of a whole round. An index is then no longer a sufficient cursor,
// and the history begins a new epoch (history.renew). A spectator of an older epoch gets a
// snapshot, even one with the index that it has. If the round is gone, the connection is closed
// with [CloseNoRound]. A client that joins while such a command is held begins with a snapshot.
//
// # Boards
//
// With ?boards= a spectator gets the events of those boards, and the cursor speaks for them only.
// It may ask for others without a new connection:
//
//	{"type":"subscribe","boards":[3,4]}     without boards: all of them
//
// and gets a snapshot of them. Of the other boards it is told in little: a summary frame a second
// at the most, with the ply, the last move and the result of each that has changed. It bears no
// index.
//
// # Forms
//
// An event is encoded once. How it goes over the wire, its form, is made once as well, by whoever
// first needs it (form.go): a WebSocket frame, the same compressed for those who can read that if
// it is long, a Server-Sent Event, or a line of the feed.
//
// # Parts
//
//	hub.go        Hub: Open, Close, Publish, Reset
//	round.go      the rounds that have a history or spectators; eviction
//	history.go    the shared frames of one round, and its floor
//	frame.go      all that one index changed in a round
//	form.go       a message in each of its forms
//	wire.go       the JSON shapes and the close codes
//	snapshot.go   the snapshot of a round, encoded once and shared
//	summary.go    how the boards stand that a spectator does not watch
//	worker.go     the loop: inbox, turns, clock
//	turn.go       what one spectator gets next, and how it is written; coming and going
//	receive.go    what clients may send
//	spectator.go  what is kept of one connection
//	socket_linux.go  non-blocking sockets and epoll; socket_other.go is for other systems
//	socket_pair.go   the same with two goroutines: TLS, HTTP/2, and systems without epoll
//	stream_conn.go   a response over HTTP/2 as a connection
//	game_reader.go  a spectator within the process that reads games instead of frames
//	live.go       GET /live: parameters, upgrade, refusal
//	gate.go       how many may come in: in all, from one address, in a second
//	address.go    which address a request counts for
//	status.go     stale or not, told to everyone
//	stats.go      counters for the metrics
//
// # Goroutines
//
// Each worker has two: its loop, and one that waits for its epoll. A connection has none: the HTTP
// server's ends as soon as the handshake is done. Close waits for all of them.
//
// A connection with TLS has two, a reader and a writer: there is no descriptor whose bytes the hub
// could write. Server-Sent Events and the feed over HTTP/2 have the request's besides, which must
// stay until the response ends. A WebSocket over TLS is always HTTP/1.1: browsers open a connection
// of its own for it.
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
// summaries.mu is as snapshots.mu. gate.mu, status.mu, message.mu and worker.mu (of the inbox) are
// leaves: nothing else is taken under them. No lock is held while a socket is written.
package broadcast
