// Package lichess speaks the interface of lichess's broadcasts as its clients use it: the
// broadcaster app, and programs that read tournaments, rounds and streams of PGN. It works on the
// same boards and with the same submissions as our own API, by package base. Package web mounts its
// routes.
//
//	server.go         the routes
//	json.go           the JSON of tournaments, rounds and games
//	read.go           a tournament, a round, PGN
//	lists.go          lists of tournaments
//	group.go          tournaments that are shown together
//	players.go        tables of players and teams
//	stream.go         the stream of a round; streams.go those of more
//	write.go          creations and settings
//	form.go           what clients send for these; fields.go reads its fields
//	push.go, body.go  the whole state of a round as PGN
//	late.go           pushes that are tried again
//	oauth.go          logging in
//	pages.go          the addresses of lichess's pages
//
// Package mirror compares a push with the boards, and the node submits the differences. A push that
// is tried again after a newer one was taken changes nothing. A stream of PGN reads the hub's
// history, so no move is missing. All routes may be used by pages of any site: the token comes in a
// header that no browser adds by itself.
//
// Limits: 1,000 games of a push, and 500 streams of PGN at a time.
//
// A stream has goroutines beside its request's; they end with it. Locks guard the unanswered pushes
// and the redeemed codes. Neither is held while something waits.
package lichess
