// Package consensus is one node of the Raft group. It brings commands to a majority's disks in one
// order, and feeds them to a state machine on every node. It knows no chess. The protocol itself is
// go.etcd.io/raft/v3. This package is what runs around it: loops, connections, snapshots,
// membership.
//
//	Propose ──► proposal queue ──┐               ┌─► replicator of each peer ─► append connection
//	peers' readers ──► network ──┼──► Raft loop ─┤                           └► control connection
//	            inbox ───────────┘               ├─► write loop: the log, one write for all
//	              ▲                              ├─► apply loop: the state machine, checkpoints
//	              └──────────── answers ─────────┘
//
// # Promises
//
//   - Once [Node.Propose] has returned an [Outcome], a majority has the command on disk and this
//     node has applied it. It is never lost and never moves.
//   - Every node applies the same commands in the same order, each log entry once. A proposal that
//     was retried may be two entries: the state machine must be idempotent, and relay is.
//   - A node that cannot write to its disk stops and acknowledges nothing ([Node.Done],
//     [Node.Err]).
//
// # Goroutines
//
// The Raft loop (driver.go) owns the RawNode, does no I/O and waits for nobody. The others work
// beside it and report to its inbox (Raft's AsyncStorageWrites). So an append is on its way to the
// followers while the leader writes the same entries, and the next append waits for neither: the
// pipeline. Queues between the loops never block (queue.go). Queues to a peer are bounded, and Raft
// learns of the appends that they drop.
//
// Node.wg has the Raft, write, apply, accept, policy and discover loops, the snapshot senders and
// the checkpoint writers. A replicator has two writers and their pong readers. peers.wg has the
// readers of inbound connections. [Node.Close] ends all and waits for them.
//
// # Locks
//
// Locks are leaves, except in this order: divergence.mu, peers.mu, then roster.mu or replicator.mu.
//
// # Disk
//
// The write loop (log_writer.go) alone writes the log ([store.Log]). The apply loop (apply.go)
// alone decides what is written to the boards ([store.Boards]). A checkpoint contains the applied
// index, its term and the ConfState, in one transaction. The log is compacted only behind a durable
// checkpoint: [Config.KeepEntries] stay, and more while a snapshot is being sent. Members are
// records in the boards, under "m/". After a crash, repair (boot.go) makes log and boards fit each
// other.
//
// # Freshness, clocks, divergence
//
// A node asks the leader four times a second for its commit index, by a ping (fresh.go). Pongs
// carry clocks, too (clock.go): the middle one is taken for right, and the leader stamps commands
// by it. Pongs also carry the rolling sum of a [Summed] state machine. A node whose sum differs
// from that of most members has diverged (diverge.go).
//
// # Members
//
// A node asks a member to admit it with an [Invitation], and becomes a learner by an entry of the
// log (join.go). A snapshot brings it the boards, from another member than the leader if possible
// (serve.go). It becomes a voter once it has caught up: a recorder always, a venue while there are
// fewer voters than [Config.Voters] (policy.go). Recorders lead if they can (preference.go).
//
// A removed member goes on until a voter that stays has the removal on disk, since its vote may be
// needed until then. Its connections are then refused ([ErrRemoved]), and its id is never used
// again.
//
// # Trust
//
// All connections between nodes are TLS 1.3 (credentials.go). A certificate says which member its
// holder is, and the roster says what that member may do. The Raft loop refuses messages that
// cannot be true (credible.go). A node outside the group knows the authority by an
// [EdgeInvitation], and a member's URL by a [Vouch].
package consensus
