// Package consensus is one node of the Raft group: it takes commands, brings them to a majority's
// disks in one order, and feeds them to a state machine on every node. It knows no chess. The
// protocol itself is go.etcd.io/raft/v3; what is here is everything around it that the story is
// about: the driver, the replicators with their pipelines, the snapshots, the membership.
//
// # What it promises
//
//   - A command that [Node.Propose] returned a [Result] for is on a majority's disks and
//     is applied on this node. It is never lost and never moves.
//   - Every node applies the same commands in the same order, each once per
//     entry of the log. A command whose proposal was retried may be two entries; the state
//     machine has to be idempotent, and relay is.
//   - A node that cannot write to its disk stops ([Node.Done], [Node.Err]) and acknowledges nothing.
//
// # The loops of a node, and what they hand to each other
//
//	requests ──► proposal queue ┐                    ┌─► replicator (one per peer) ─► append connection
//	peers' readers ─► network ─► Raft loop (driver.go) ┤                              └► control connection
//	              inbox ◄──┐    owns the RawNode    ├─► write loop (append.go): the log, one durable write for all that waits
//	                       └───── answers ◄─────────┴─► apply loop (apply.go): the state machine, checkpoints
//
// The Raft loop does no I/O and waits for nobody. Each of the others works beside it and tells it
// when something is done (Raft's AsyncStorageWrites), so an append is on its way to the followers
// while the leader's own disk is writing it, and the next append is sent without waiting for
// either: the pipeline. Queues between the loops of a node never block (queue.go); those to a peer
// are bounded, and Raft is told of the appends that they drop.
//
// Goroutines, and who waits for them: the Raft, append, apply, accept and policy loops, snapshot
// senders and checkpoint writers belong to Node.wg; each replicator has two writers and their pong
// readers in its own group; the readers of inbound connections belong to peers.wg, and so do those
// that receive a snapshot or serve one for the leader. [Node.Close] ends and awaits all.
//
// Locks are leaves, but for one order: divergence.mu before peers.mu, and that before roster.mu and
// replicator.mu.
//
// # How old the boards are, and clocks
//
// Each node asks the leader four times a second how far it is (fresh.go): a pong bears the leader's
// commit index, since Raft's own heartbeats bear only what the follower has anyway. Pongs bear the
// time, too (clock.go), and the clock in the middle is taken for right. With it the leader stamps
// commands ([Config.Stamp]).
//
// Pongs bear the rolling sum of a state machine that keeps one ([Summed]), too. A node whose sum is
// not that of most members has diverged; see diverge.go.
//
// # On disk
//
// The write loop alone writes the log (store.Log), the apply loop alone decides what is written to
// the boards (store.Boards). A checkpoint of the boards holds the applied index, its term and the
// ConfState, all from one transaction, and the log is cut only behind a checkpoint that is durable,
// with [Config.KeepEntries] left standing, and more while a snapshot is on its way to somebody who
// will need what follows it. Members are records in the boards, under "m/". repair in boot.go makes
// the two files fit each other after a crash.
//
// # Joining
//
// A node writes down a random id and a key, asks a member to admit it by an [Invitation], and
// becomes a learner by an entry of the log, which holds its certificate. The leader connects to it,
// finds in a probe that it has nothing, and has a snapshot sent to it: the boards file itself, over
// a connection of its own (snapshot.go), by another member that has caught up if there is one, so
// that the leader has its hands free (serve.go). The learner becomes a voter once it has caught up,
// a recorder always, a venue while there are fewer voters than [Config.Voters].
//
// # Trust
//
// Each connection between nodes is TLS 1.3, see credentials.go. A certificate says which member its
// holder is. The roster says what that member may do: it holds each member's key, and refuses
// members that were removed. A member may be at fault, too: the Raft loop refuses messages that
// cannot be true before Raft sees them (credible.go).
//
// A node outside the group knows the authority by an [EdgeInvitation]. A member proves to it by its
// key that a URL is its own ([Node.Vouch], [Voucher]).
//
// # Leaving
//
// A member that was removed goes on until a voter that stays has written that down, since its vote
// may be needed until then. It is told by being refused a connection ([ErrRemoved]); its id is
// never used again.
package consensus
