// Package web is the HTTP side of a node: the JSON API, the health and metrics endpoints, and the
// spectators' pages. The pages are built from ui/ and embedded. The package turns requests into
// commands and outcomes into answers; the boards are elsewhere.
//
// A write takes four steps. The node reads the body and makes a relaypb.Command with the request's
// id and a time, which the leader replaces. It proposes the command, and answers with its boards'
// outcome (writes.go, updates.go). A read takes immutable values out of the boards under their lock
// and encodes them outside it (reads.go, history.go, standings.go).
//
// Package base has what every route needs: who may do what, readings, submissions, errors and
// answers. Package lichess speaks the interface of lichess's broadcasts, and package livechess
// serves tournaments in the form of DGT LiveChess Cloud; server.go mounts both. Package pull
// fetches the games of rounds that have a source; this package only asks it how that goes
// (sources.go).
//
// An edge has no consensus.Node. It passes submissions on to a member. It refuses whatever else
// only a member can do, and answers with the URL of one (edges.go). Package edge brings the log to
// edges.
//
// admin.go says who is an operator, and what the public sees of the cluster. tokens.go makes tokens
// and shows the audit trail. diverged.go shows no boards while they are known to be wrong.
//
// assets.go serves the files of the pages as the build compressed them; package base compresses
// reads.
//
// A batch has at most 1,000 moves. Submissions from another site's page are refused (Sec-Fetch-Site
// and Origin). The package has a goroutine for each edge that follows, which ends with its request.
// A lock guards the seals of games (history.go); it is held while one is computed.
package web
