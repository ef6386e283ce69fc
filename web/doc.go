// Package web is the HTTP side of a node: the JSON API, the health and metrics endpoints, and the
// spectators' pages, which are built from ui/ and embedded. It keeps no state; it turns requests
// into commands and outcomes into answers.
//
// A write goes one way: read the body (json.go), make a relay.Command with the time and the id of
// the request (submit.go), Propose it, and tell what the boards of this node made of it
// (writes.go). A read takes immutable values out of the boards under their lock and encodes them
// outside it (reads.go); tables are made of such values for each answer (standings.go). Every error
// becomes an answer by the one table in errors.go.
//
// In rounds with a delay there are two truths: reads are made with what who asks may see
// ([reading]), which is all for who shows a token that sees it (authorize.go), and what is public
// already for all others; answers to submissions tell what is so. No cache mixes them (Vary, and
// tags by content).
//
// livechess.go serves tournaments in the form of DGT LiveChess Cloud. Package pull fetches the
// games of rounds that have a source; here it is only asked how that fares (sources.go).
//
// On an edge there is no consensus.Node. Submissions are passed on to a member (forward.go); the
// rest of what only a member can do is refused with the URL of one (edges.go). Package edge brings
// the log to edges.
//
// Limits: a body has at most 512 KiB, a batch 1,000 moves, a push of PGN 8 MiB and 1,000 games;
// there are 32 pushes and 500 streams of PGN at a time; a submission waits for its majority for
// [Config.SubmitTimeout]. Submissions from another site's page are refused (Sec-Fetch-Site and
// Origin).
//
// Once the cluster has a token, changes need one. access.go has the one table of what each role may
// do, and judges the token that a request shows, once; authorize.go holds the routes to it;
// failures.go counts bad ones; tokens.go makes tokens and shows the audit trail; lichess_oauth.go
// grants them to programs. grant.go has what may be done while there is none.
//
// hosts.go refuses submissions that name another host (DNS rebinding). admin.go says who is an
// operator, and what the public sees of the cluster.
//
// lichess.go and the files named after it speak the interface of lichess's broadcasts over the same
// submissions. A push of PGN is compared with the boards (package mirror), and what differs is
// submitted; pushes to one round, and polls of its source, wait for each other in the order in
// which they came (pull.Queues). A push that is tried again after a newer one was taken is passed
// over (lichess_late.go). A stream of PGN reads the hub's history.
//
// A stream has a goroutine beside its request's, which ends with it. The locks here are those of
// the tries that were left without an answer, of the codes that were redeemed, and of what [Access]
// counts; nothing is done while they are held.
package web
