// Package pull fetches the sources of rounds and brings the boards to what they show. A source is a
// PGN, a LiveChess Cloud or a folder that LiveChess writes.
//
// A [Puller] polls only while its node leads. So one node of the cluster polls, and another one
// takes over within a moment when leadership moves. Four times a second the Puller checks whether
// it leads, and which rounds have sources.
//
//	source 1 ──► fetch ──► pgn, lcc ──► games ──┐
//	source 2 ──► fetch ──► pgn, lcc ──► games ──┴─► chooseSources ──► mirror ──► Config.Submit
//
// A poll that brings something new compares the boards with all sources of the round. It waits for
// its turn in the round's queue ([Queues]), so a round has one comparison at a time. Each source is
// compared as a whole, and changes the boards that follow it. chooseSources has the rules. The log
// has the source that a board follows, so another leader goes on with it.
//
// # Promises
//
// Requests are conditional (ETag, Last-Modified). An answer that is the same as the last one goes
// no further. After an error the pauses grow to at most a minute, with jitter. [Puller.Status] has
// the error in words.
//
// A body that is neither PGN nor a document of LiveChess is an error that names what came. It
// changes no board. The body decides, not its type: many servers send PGN as text/html.
//
// [Memory] keeps the games that were read. A poll of 1,000 boards with 50 new moves reads 50 games,
// and costs a hash for each of the others.
//
// A submitter may name a source, but must not make this node look into its own network. So an
// address in a local or reserved range is refused ([Allow]). The check is made on the resolved
// address of each connection, redirections included. Proxies of the environment are not used, since
// they would resolve names themselves.
//
// Everything has a limit: [MaxBytes] for each poll, three redirections, fifteen seconds for each
// request, and eight polls at a time.
//
// Many sources show a half-written file for a moment. So moves that a source lacks are taken back
// only after it has shown the same for half a minute. A game that ends in the middle takes none
// back.
//
// A round is polled until an hour after its last result, or until somebody finishes it. It is
// polled again when it is opened again. A source that shows only games of another round is polled,
// but changes nothing.
//
// # Goroutines and locks
//
// One goroutine finds the rounds, and one polls each source. [Puller.Close] ends them and waits.
// The locks, in this order: the Puller's for its rounds, a poller's for its state, the round's for
// when it is due. [Queues], [Memory] and [Players] have one each. No function outside the package
// is called under a lock.
package pull
