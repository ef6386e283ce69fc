// Package pull fetches what other servers show of rounds that have a source: a PGN, a LiveChess
// Cloud or a folder that LiveChess writes. What comes becomes the boards.
//
// A [Puller] polls while its node leads, and no other does. So one node of the cluster asks a
// source, and another one does within a moment when leadership moves. Four times a second the
// Puller looks whether it leads, and which rounds have sources.
//
//	one goroutine a source ──► fetch ──► pgn, lcc ──► games ──┐
//	one goroutine a source ──► fetch ──► pgn, lcc ──► games ──┴─► follow ──► mirror ──► Config.Submit
//
// A poll whose source shows something new compares the boards with all sources of the round. It
// does so while it has the round's turn ([Queues]), so a round has one comparison at a time. Each
// source is compared as a whole, and the boards that follow it are changed (roundPuller.chooseSources has the
// rules). What a board follows is in the log, so another leader goes on with it.
//
// What is polled is asked for conditionally (ETag, Last-Modified); what comes as it came before goes no further. After an error
// the pauses grow up to a minute, with jitter; [Puller.Status] tells the error in words.
//
// A body that is no PGN, or no document of LiveChess, is an error that names what came. It changes
// nothing on the boards. The body decides, not its type: many servers send PGN as text/html.
//
// [Memory] keeps the games that were read. A poll of 1,000 boards that brings 50 new moves reads 50
// games, and costs a hash for each of the others.
//
// # What may be asked
//
// Whoever may submit may name a source, but shall not make this node look into its own network. So an address in a
// local or reserved range is refused ([Allow]), after its name was resolved and for each connection, redirections included. Proxies
// that the environment names are not used, since they would resolve names themselves.
//
// Everything that comes has a limit: [MaxBytes] a poll, three redirections, fifteen seconds a request, and eight polls at a time.
//
// # A source that shows less
//
// Many sources show a file that is half written for a moment. So moves that are on a board and not in the source are taken back only
// once the source has shown the same for half a minute; a game that ends in the middle takes none back at all.
//
// # When it stops
//
// A round is polled until an hour after its last result, or until somebody finishes it by hand; and
// again when it is opened again. A source whose games are all of another round than the boards' is
// polled but not taken.
//
// # Goroutines
//
// One finds the rounds, and one polls each source. [Puller.Close] ends them and waits. Locks: the
// Puller's for its rounds, a poll's for what it shows, then the round's for when it is due; and one
// each for [Queues] and [Memory]. Nothing outside is called under them.
package pull
