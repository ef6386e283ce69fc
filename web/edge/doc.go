// Package edge carries the log of the Raft group to nodes outside the group, over HTTP. A tree of
// such nodes serves any audience.
//
// An edge is not a member: it has no vote, acknowledges nothing and keeps nothing on disk. It
// applies the entries that a venue, or another edge, has applied, in the same order and with the
// same log indexes. So its boards, its hub and its pages are the same, and a spectator's cursor is
// good at every node of the tree.
//
//	boards ──► Tail ──► LogServer ══ GET /feed/log ══► LogClient ──► boards ──► Tail ──► …
//	(a venue)               └► (another edge)           (an edge)      └► hub ──► spectators
//
// # Promises
//
//   - An edge gets every entry once, in order. Each entry names the index of the one before it, so
//     a gap is noticed. Messages have sums. An edge that comes back shows the sum of its last
//     entry; a node whose log has another entry there refuses it.
//   - A node never waits for an edge. One tail serves all, and an edge is an index into it. An edge
//     that takes no bytes for [LogServerConfig.WriteTimeout] is cut and comes back. An edge that
//     the tail no longer reaches gets an image of the boards, made of immutable values.
//   - An edge leaves an upstream that sends nothing for [LogClientConfig.Silence], or that is stale
//     itself, and goes on where it stood. It never goes back: an upstream that is behind sends
//     nothing until it has caught up.
//   - Evaluations of an engine come with the stream when no entry waits (evaluations.go).
//   - Each stream names its path. An edge refuses a path that contains the edge itself, or more
//     than [MaxDepth] nodes.
//   - A token goes only to upstreams that were named, and to those that prove to be members by the
//     same connection (trust.go, prove.go). Redirects are not followed.
//
// # Choosing an upstream
//
// Named upstreams come first, in their order; then those in [Status.Alternatives]. An upstream that
// fails rests, longer each time. The edge keeps asking the upstreams that it prefers to its current
// one ([LogClientConfig.ProbeEvery]), and returns to one that has been well for
// [LogClientConfig.Probation]. If that one fails soon afterwards, its next probation is twice as
// long.
//
// # Age and clocks
//
// A node says how long ago its boards lacked nothing that the cluster had ([Status.AgeMs]), and at
// which index. The edge asks for this beside the stream and counts from the moment of its question,
// so no clocks are compared. The answers also tell the group's time, the clock in the middle of its
// members' clocks. Delays end by the earlier of the group's clock and the edge's own.
//
// # Goroutines and locks
//
// A LogServer has one goroutine, which wakes the streams; each stream runs in its request's. A
// LogClient has three: one follows an upstream and calls the machine, one asks preferred upstreams,
// and one asks the current upstream. Tail.mu, LogServer.mu and LogClient.mu are leaves, and nothing
// waits under LogClient.mu.
package edge
