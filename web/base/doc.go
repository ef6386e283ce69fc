// Package base is what a node's own API (package web) and lichess's interface (package lichess)
// have in common. It decides who may do what, reads the boards as one client may see them, submits
// commands, and answers. A [Server] has all of it; both packages embed it in servers of their own.
//
//	request → Identify → Needs → Forward (on an edge) → handler → Submit → log
//	                                                       │  ↘ SeenBy → boards
//	                                          Handle, Shared, Fail → answer
//
// Who: access.go has the one table of what each role may do, and judges the token of each request
// once. authorize.go checks the routes against it. grant.go says what is allowed while the cluster
// has no token, failures.go counts bad tokens, and tokens.go makes tokens. hosts.go refuses
// requests that name another host (DNS rebinding).
//
// Reads: a client sees a round with a delay by its [Reading]. A token that covers the round sees it
// as it is, or with the token's own delay; all others see what is public already. No cache mixes
// them (Vary, and tags by content). Tables are computed for each answer (tables.go).
//
// Submissions: submit.go begins commands and brings them through the log. settings.go, sources.go
// and replacements.go read what clients send. An edge has no consensus.Node; forward.go passes its
// submissions on to a member. Pushes to a round and the polls of its source take turns, in the
// order in which they came (pushes.go).
//
// Answers: every error becomes an answer by the one table in errors.go. missing.go says that
// something was deleted. Readers of a list share its encoded body (shared.go). compress.go says
// what is compressed, coding.go what a client accepts.
//
// Limits: a body has at most 512 KiB, a push of PGN 8 MiB. A node has at most 32 pushes at a time,
// and an edge passes on 256 submissions. A submission waits for its majority for at most
// [Config.SubmitTimeout].
//
// At most 64 answers are compressed at a time.
//
// The package has no goroutines. Locks guard what [Access] counts and the shared answers; only the
// latter are held while something is computed.
package base
