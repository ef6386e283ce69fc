// Package web is the HTTP side of a node: the JSON API, the health and metrics
// endpoints, and the spectators' pages, which are built from ui/ and embedded. It
// keeps no state; it turns requests into commands and outcomes into answers.
//
// A write goes one way: read the body (json.go), make a relay.Command with the
// time and the id of the request (submit.go), Propose it, and tell what the
// boards of this node made of it (writes.go). A read takes immutable values out
// of the boards under their lock and encodes them outside it (reads.go); tables are made of such values for
// each answer (standings.go). Every error becomes
// an answer by the one table in errors.go.
//
// Limits: a body has at most 512 KiB, a batch 1,000 moves; a submission waits for its
// majority for [Config.SubmitTimeout]. Submissions from another site's page are refused
// (Sec-Fetch-Site and Origin); where [Config.Token] is set, they need it.
//
// The package starts no goroutines and has no locks.
package web
