// Package store is what a node keeps on disk. It knows no chess and no
// network, and imports no other package of this module: it keeps bytes by key.
//
// A data directory holds
//
//	log/           the Raft log and HardState     [Log], [OpenLog]
//	boards         the state machine's records    [Boards], [OpenBoards]
//	identity.json  who this node is               [LoadIdentity], [SaveIdentity]
//
// The log and the boards are apart since two loops write them: the log
// with every append, the boards with a checkpoint now and then. Their names are
// the caller's choice. A file being written has ".tmp-" in its name; what a
// crash leaves of these is removed when what it belongs to is opened.
//
// # Promises
//
//   - A call that has returned nil is durable: what it wrote is on the disk, and
//     so is the directory if a file was created or replaced.
//   - A call is one transaction: after a crash all of it is there or nothing.
//   - Readers see what is durable, and nothing else.
//   - After a write that failed no other is accepted any more ([ErrFailed]): when
//     an fsync has failed nobody knows what the disk holds. Close the file and
//     open it anew, in a new process if it was an fsync, since the kernel may
//     go on to show what it could not write. (The log writes its last frame again
//     when it is opened, so that it is on the disk as it was read.)
//   - A write that cannot be made because too many files are open ([OutOfFiles]) has
//     changed nothing, and may be repeated.
//   - A file that is not what was written is refused with an error that names
//     it and the place in it ([ErrDamaged]), at open. There are no panics, and no
//     wrong content. A part of a file that is not in use may be damaged without harm.
//   - One process at a time has each of them open ([ErrInUse]).
//
// # The log
//
// The log is a row of segments, files of 8 MiB with a number each. A frame is what
// one append writes, and it is durable with that one write:
//
//	log/0000000007.seg                                   log/0000000008.seg
//	┌────────┬───────┬───────┬─────────┬─────────────┐   ┌────────┬────────────── ─ ─
//	│ header │ frame │ frame │ frame   │ 0 0 0 0 0 0 │   │ header │ 0 0 0 0 0 0 0
//	└────────┴───────┴───────┴─────────┴─────────────┘   └────────┴────────────── ─ ─
//	 4 KiB    ╱               ╲         the next frame     made while the one before
//	         ╱                 ╲        goes here          it fills up
//	        ┌────────┬────────┬────────┬───┬─────┐
//	        │ header │ record │ record │ 0 │ end │   8-byte aligned, in one segment
//	        └────────┴────────┴────────┴───┴─────┘
//	         CRC-32C  CRC-32C  CRC-32C
//	         batch number, HardState, compacted index and term, last index, count
//
// The layouts are drawn at segment and frame. The entries of the log are those of
// the frames from the oldest segment to the newest, where a frame that begins with
// an index that is there already replaces what is from there on, and one that is
// marked as a reset replaces everything. Each frame has the whole state, so the
// last one says what the HardState is and which entries there must be; those up to
// the compacted index are not.
//
// A segment exists with its full size and filled with zeros before it is written to,
// so that a durable write has no metadata to write, which is half the time. It is
// made when the one before is half full, beside the appends. A segment whose
// entries are all compacted is used again: it gets a name and a salt anew and is
// filled with zeros. So the files take what the entries take and three segments
// more. 8 MiB: to make one takes some milliseconds, so that a new node does not wait
// for its first, and it still is enough for 50,000 moves. A frame that is bigger than
// a segment has one of its own.
//
// A checksum begins with the salt of its segment and its place in it, so that neither
// what a segment held before nor what belongs to another place is ever valid.
//
// # How a frame is written
//
// What is written are whole pages of 4 KiB, from memory that begins where one does. On
// Linux, on ext4 and XFS, that is one call: pwritev2 with RWF_DSYNC, through a second
// descriptor of the segment, opened with O_DIRECT. The disk takes the pages from our
// memory, and the call returns when they are durable. A write and an fdatasync are two
// calls, and in between the system copies the frame into its own memory of the file, and
// finds and writes the pages that were changed. With 1,024 moves on their way the one
// call gave 1.07 times the moves a second, at 0.7 of the p99.
//
// A frame seldom begins where a page does. So a write begins with what its first page
// holds before the frame, which the log remembers, and ends with the zeros that its last
// page holds behind it. That puts nothing at risk that is durable: a sector with no byte
// of the frame in it is written with the bytes that it has, so that it is all one after
// a crash whether it was written. And the sector in which the frame begins is as it was
// or as it should be, with the end of the frame before it in either case. (The system
// writes whole pages too.)
//
// Everywhere else, and in a segment in which the system has refused a direct write (the
// disk may have blocks of more than 4 KiB, or the segment be no multiple of 4 KiB long),
// the same pages are written and then fdatasynced; and so is a new segment while it is
// filled with zeros. The one way may follow the other, in either order.
//
// Readers read through the system's memory of the file. It gives up the pages that a
// direct write changes before that returns, and nobody looks for an entry before that.
// So an entry that is older than the tail comes from the disk when it is read first,
// however new it is.
//
// # Torn or damaged
//
// When something is wrong in the log it is a write that a crash cut short, which was
// not acknowledged and is taken back, or damage to what was, which is refused. It
// is torn only if
//
//   - nothing follows it, as no frame is begun before the one before is durable: no
//     frame with a later number in its segment, and no later segment in use; and
//   - in the place that is wrong at least one sector of 512 bytes has nothing but
//     zeros in it. A disk writes sectors as a whole, and what is behind the last frame
//     is zeros, always: what a crash left of a torn frame is overwritten before the
//     next one is written.
//
// So a flipped bit is found wherever it is in a frame, in the last one as well, unless
// the record that it is in spans a sector of zeros. That is a run of 512 zeros in an
// entry's data, and the commands of this program have none.
//
// What cannot be noticed here: the sectors written last, if they are found as they
// were before (a disk that says that it has synced, and has not, is such a case); the
// newest segment, or a whole directory, if they are missing or an old copy. Whoever
// opens them compares with the identity (a member that has joined has a log) and with
// one another: the boards' index is within the log, or behind it by no more than was
// compacted, or it is that of a snapshot whose installation a crash cut short, which the
// identity tells. And a disk that leaves something else in a sector than the old or the new
// content, when the power fails, makes the log be refused as damaged.
//
// # The boards
//
// The boards are a bbolt file with two buckets, neither inside the other:
//
//	"records": the caller's key -> the caller's value
//	"state":   "state" -> index, term, tally of the records, ConfState
//
// Every value begins with a CRC-32C of key and value (record.go), as bbolt has
// checksums for its two meta pages only. The state record begins with a
// version, and says how many records with which sum there must be, so that a lost
// record is noticed as well as an altered one. Its layout is drawn at boardsState.
//
// Before bbolt maps a file we read it once, page by page, and check its tree and
// every record (image.go, which says why).
//
// bbolt writes twice for each transaction: the pages, then a meta page that makes
// them valid. Its list of free pages is not stored but found again at open. The
// file does not shrink: pages that became free are used again.
//
// A snapshot is the boards file itself, read in one transaction together with its
// position, and sent as a stream of compressed chunks with a SHA-256 at its
// end (stream.go). The receiver writes it beside its own boards, checks the hash,
// the tree, every record and the position, and renames it into place.
//
// # Goroutines and locks
//
// The log makes its next segment on a goroutine, one at a time, which [Log.Close]
// waits for. There is no other that outlives a call. All methods of [Log] and
// [Boards] may be called at the same time. A writer waits for other writers, and
// readers of recent entries and of terms wait for nobody: in memory are the tail of
// the log, where each older entry lies (4 bytes an entry), and where each term begins. A
// reader of older entries waits while a compaction or a reset takes segments away,
// and these wait for the readers of the disk.
//
// The order of locks is write, disk, mu in Log, and write, mu in Boards. No
// lock but write is held while the disk writes.
//
// The boards file in use is counted: [Boards.Install] swaps it at once, and the
// old one is closed when its last [Snapshot] is. An open snapshot keeps pages from
// being used again, so the file grows until it is closed; beyond 1 GiB a
// checkpoint that makes the file grow waits for it.
//
// Linux and macOS. The boards' byte order is that of the machine, as bbolt's is, so a
// snapshot can be sent between machines of one byte order only.
package store
