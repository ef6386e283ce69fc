// Package store is what a node keeps on disk. It knows no chess and no
// network, and imports no other package of this module: it keeps bytes by key.
//
// A data directory holds three files:
//
//	log            the Raft log and HardState     [Log], [OpenLog]
//	boards         the state machine's records    [Boards], [OpenBoards]
//	identity.json  who this node is               [LoadIdentity], [SaveIdentity]
//
// The log and the boards are two files since two loops write them: the log
// with every append, the boards with a checkpoint now and then. Their names are
// the caller's choice. A file being written has ".tmp-" in its name; what a
// crash leaves of these is removed when the file that it belongs to is opened.
//
// # Promises
//
//   - A call that has returned nil is durable: its transaction was fsynced, and
//     so was the directory if a file was created or replaced.
//   - A call is one transaction: after a crash all of it is there or nothing.
//     Only [Log.Compact] is several, each of which leaves a sound log.
//   - Readers see what is durable, and nothing else.
//   - After a write that failed nothing is accepted any more ([ErrFailed]): when
//     an fsync has failed nobody knows what the disk holds. Close the file and
//     open it anew, in a new process if it was an fsync, since the kernel may
//     go on to show what it could not write.
//   - A file that is not what was written is refused with an error that names
//     it ([ErrDamaged]), at open. There are no panics, and no wrong content. A
//     part of a file that is not in use may be damaged without harm.
//   - One process at a time has a file open ([ErrInUse]).
//
// What cannot be noticed here: a file that is missing altogether is created
// empty, and a whole file may be an old copy. Whoever opens them compares
// with the identity (a member that has joined has a log) and with one another:
// the boards' index is within the log or behind it by no more than was compacted.
//
// # Formats
//
// Both stores are bbolt files with two buckets, none inside another:
//
//	log     "entries": index, 8 bytes big endian -> raftpb.Entry
//	        "state":   "state" -> compacted index and term, last index, HardState
//	boards  "records": the caller's key -> the caller's value
//	        "state":   "state" -> index, term, tally of the records, ConfState
//
// Every value begins with a CRC-32C of key and value (record.go), as bbolt has
// checksums for its two meta pages only. The state records begin with a
// version, and say which entries, or how many records with which sum, there must
// be, so that a lost record is noticed as well as an altered one. Their layouts
// are drawn at logState and boardsState.
//
// Before bbolt maps a file we read it once, page by page, and check its tree and
// every record (image.go, which says why). Opening takes about a third of a
// second for a log of 100,000 moves.
//
// bbolt writes twice for each transaction: the pages, then a meta page that makes
// them valid. An append costs two fdatasyncs, however many entries it holds. Its
// list of free pages is not stored but found again at open. Files do not shrink:
// pages that became free are used again.
//
// A snapshot is the boards file itself, read in one transaction together with its
// position, and sent as a stream of compressed chunks with a SHA-256 at its
// end (stream.go). The receiver writes it beside its own boards, checks the hash,
// the tree, every record and the position, and renames it into place.
//
// # Goroutines and locks
//
// The package starts no goroutine that outlives a call. All methods of
// [BoltLog] and [Boards] may be called at the same time. A writer waits for
// other writers, and readers of recent entries wait for nobody: the tail of
// the log is in memory. A reader of older entries waits while a compaction, a
// reset, or an append that replaces entries older than the tail is committed.
//
// The order of locks is write, disk, mu in BoltLog, and write, mu in Boards. No
// lock but write is held during an fsync, except disk in the cases above.
//
// The boards file in use is counted: [Boards.Install] swaps it at once, and the
// old one is closed when its last [Snapshot] is. An open snapshot keeps pages from
// being used again, so the file grows until it is closed; beyond 1 GiB a
// checkpoint that makes the file grow waits for it.
//
// Linux and macOS; the byte order within a file is that of the machine, as
// bbolt's is, so a snapshot can be sent between machines of one byte order only.
package store
