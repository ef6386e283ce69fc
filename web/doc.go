// Package web is the HTTP side of a node: the JSON API, the health and metrics endpoints, and the
// spectators' pages. The pages are built from ui/ and embedded. The package turns requests into
// commands and outcomes into answers; the boards are elsewhere.
//
// A write takes four steps. The node reads the body (json.go) and makes a relaypb.Command with the
// request's id and a time, which the leader replaces. It proposes the command (submit.go), and
// answers with its boards' outcome (writes.go). A read takes immutable values out of the boards
// under their lock and encodes them outside it (reads.go). Tables are computed from such values for
// each answer (standings.go). Every error becomes an answer by the one table in errors.go.
//
// A read shows a round with a delay as the client may see it ([reading]). A token that covers the
// round sees it as it is, or with the token's own delay (authorize.go); all others see what is
// public already. Answers to submissions show the truth. No cache mixes them (Vary, and tags by
// content).
//
// Package livechess serves tournaments in the form of DGT LiveChess Cloud. Package pull fetches the
// games of rounds that have a source; this package only asks it how that goes (sources.go).
//
// An edge has no consensus.Node. It passes submissions on to a member (forward.go). It refuses
// whatever else only a member can do, and answers with the URL of one (edges.go). Package edge
// brings the log to edges.
//
// Limits: a body has at most 512 KiB, a batch 1,000 moves, a push of PGN 8 MiB and 1,000 games. A
// node has at most 32 pushes and 500 streams of PGN at a time. A submission waits for its majority
// for at most [Config.SubmitTimeout]. Submissions from another site's page are refused
// (Sec-Fetch-Site and Origin).
//
// Once the cluster has a token, changes need one. access.go has the one table of what each role may
// do, and judges the token of each request once. authorize.go checks the routes against it.
// failures.go counts bad tokens, tokens.go makes tokens and shows the audit trail, and
// lichess_oauth.go grants tokens to programs. grant.go says what is allowed while the cluster has
// none.
//
// hosts.go refuses submissions that name another host (DNS rebinding). admin.go says who is an
// operator, and what the public sees of the cluster.
//
// lichess.go and the files named after it speak the interface of lichess's broadcasts, over the
// same submissions. Package mirror compares a push of PGN with the boards, and the node submits the
// differences. The pushes to a round and the polls of its source take turns, in the order in which
// they came (pull.Queues). A push that is retried after a newer one was taken changes nothing
// (lichess_late.go). A stream of PGN reads the hub's history.
//
// A stream has goroutines beside its request's; they end with it. Locks guard the unanswered
// pushes, the redeemed codes, what [Access] counts, the seals of games (history.go) and the shared
// answers (shared.go). Only the last two are held while something is computed.
package web
