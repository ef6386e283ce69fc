// Package pull fetches what other servers show of rounds that have a source: a PGN, a LiveChess Cloud or
// a folder that LiveChess writes. What comes becomes the boards.
//
// A [Puller] polls while its node leads, and no other does: so a source is asked by one node of the cluster, and by
// another one within a moment when leadership moves. It finds out by looking, four times a second, whether it leads and which
// rounds have a source ([Config.Sources]).
//
//	Sources ──► one goroutine a source ──► fetch ──► pgn, lcc ──► games ──► Config.Apply
//
// What is polled is asked for conditionally (ETag, Last-Modified); what comes as it came before goes no further. After an error
// the pauses grow up to a minute, with jitter; [Puller.Status] tells the error in words.
//
// A body that is no PGN, or no document of LiveChess, is an error that names what came. It changes nothing
// on the boards. The body decides, not its type: many servers send PGN as text/html.
//
// [Memory] keeps the games that were read. A poll of 1,000 boards that brings 50 new moves reads 50 games, and
// costs a hash for each of the others.
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
// # Goroutines
//
// One finds the sources, and one polls each of them. [Puller.Close] ends them and waits. A lock for the polls and one for [Lines], which
// nothing is called under.
package pull
