// Package edge carries the log of the Raft group on to nodes outside it, over HTTP, so that a tree of them serves any audience.
//
// An edge has no part in the group: it votes on nothing, acknowledges nothing, keeps nothing on disk. It applies the entries that a venue, or
// another edge, has applied, in the same order and with their log indexes; so its boards, its hub and its pages are the same, and a spectator's cursor is good
// at every node of the tree.
//
//	boards ──► Tail ──► Feed ══ GET /feed/log ══► Follower ──► boards ──► Tail ──► Feed ══► …
//	(a venue)             └► (another edge)        (an edge)      └► hub ──► spectators
//
// # What it promises
//
//   - An edge has every entry once, in order. Each entry names the index of the one before it, so a gap is seen; frames have sums; and a
//     follower that comes back shows the sum of its last entry, so that a log which has another one there is refused.
//   - A node never waits for those that follow it. There is one tail for all, and a follower is an index into it. One that takes no bytes for
//     [FeedConfig.WriteTimeout] is cut, and comes back; one that is further behind than the tail reaches gets an image of
//     the boards, which is made of immutable values while the boards go on.
//   - An edge that hears nothing for [Config.Silence], half a second being the rule, follows another upstream, and so it does if that one itself
//     hears nothing new. It goes on where it stood. Nothing goes backwards: from an upstream that is behind comes nothing until it has caught up.
//   - A stream names its path. An edge refuses one that it is on itself, when it begins and when it becomes so, and more than [MaxDepth] nodes.
//
// # Which upstream
//
// Those that were named, in their order, then those that the upstream itself named ([Status.Alternatives]: the members of the Raft group, and what it
// would follow). One that failed rests for a while, longer each time. While another one than the first is followed, those before it are
// asked every [Config.ProbeEvery], and one that was well for [Config.Probation] is returned to; if it fails soon afterwards, the next
// probation is twice as long.
//
// The token is shown to upstreams that were named. One that was learnt of gets it only once it has
// proved to be a member, by its key and a fresh nonce ([Config.Voucher], trust.go), and by the
// connection that the proof came by (prove.go); otherwise, an edge with a token does not follow it. A redirect is never followed.
//
// # Submissions
//
// An edge passes them on to the upstream that it follows, or to the next one if that accepts no
// connection. A token goes to the same upstreams as the edge's own. Each edge on the way counts, and
// after [MaxDepth] of them a submission is refused.
//
// # Staleness
//
// A node says how long ago its boards lacked nothing that the cluster had ([Status.AgeMs]), and at
// which index. An edge asks its upstream beside the stream, since what is in the stream may be long
// on its way, and counts from the moment at which it asked. Once it has applied that index its
// boards are as fresh as that. No clocks are compared for it.
//
// # Clocks
//
// The same answers tell the time of the group, the clock in the middle of its members'. What a
// delay holds back is let out by the earlier of that and the edge's own, and not before they were
// compared.
//
// # Files
//
//	wire.go       the frames of a stream
//	image.go      the boards as frames
//	tail.go       the newest entries, as frames
//	feed.go       the side that serves
//	follower.go   the side that follows: which upstream, and when another one
//	follow.go     one connection to an upstream
//	trust.go      who is shown the token
//	forward.go    what is submitted here goes on to an upstream
//	upstreams.go  those that there are, and their pauses
//	status.go     what nodes tell each other; errors
//	look.go       what an edge asks its upstream beside the stream: how far it is, and what time
//	diverge.go    whether the boards are those of the upstream
//	report.go     what a person, and the node around it, are told
//
// # Goroutines and locks
//
// A Feed has one, which wakes followers, and each stream is its request's; Close waits for all. A
// Follower has one that follows, and calls the machine, one that asks preferred upstreams, and one
// that asks the present one. Tail.mu, Feed.mu and Follower.mu are leaves; under Follower.mu nothing
// waits.
package edge
