// Package store is what a node keeps on disk. It knows no chess and no network, and imports no
// other package of this module: it keeps bytes by key. A data directory has
//
//	log/           the Raft log and HardState     [Log], [OpenLog]
//	boards         the state machine's records    [Boards], [OpenBoards]
//	identity.json  who this node is               [LoadIdentity], [SaveIdentity]
//
// Log and boards are apart since two loops write them: the log with every batch, the boards with a
// checkpoint now and then. The caller chooses their names. A file that is being written has ".tmp-"
// in its name; the next open removes what a crash has left of it.
//
// # Promises
//
//   - A call that has returned nil is durable: what it wrote is on disk, and so is the directory if
//     a file was created or replaced.
//   - A call is one transaction: after a crash all of it is there, or nothing.
//   - Readers see only what is durable.
//   - After a failed write all others are refused ([ErrFailed]), since nobody knows what is on
//     disk. Close the file and open it again. After a failed fsync do that in a new process, since
//     the kernel may still show what it could not write. (OpenLog writes the last batch again.)
//   - A write that fails because too many files are open ([OutOfFiles]) has changed nothing, and
//     may be repeated.
//   - A file that is not as it was written is refused at open, with an error that names the file
//     and the place ([ErrDamaged]). There are no panics and no wrong content. Damage in unused
//     parts does no harm.
//   - One process at a time has each file open ([ErrInUse]).
//
// # The log
//
// The log is a row of numbered segments, files of 8 MiB. A batch is one write to the log:
//
//	log/0000000007.seg                                   log/0000000008.seg
//	┌────────┬───────┬───────┬─────────┬─────────────┐   ┌────────┬─────────────────
//	│ header │ batch │ batch │ batch   │ 0 0 0 0 0 0 │   │ header │ 0 0 0 0 0 0 0 0
//	└────────┴───────┴───────┴─────────┴─────────────┘   └────────┴─────────────────
//	 4 KiB    ╱               ╲         the next batch     made while the one before
//	         ╱                 ╲        goes here          it fills up
//	        ┌────────┬────────┬────────┬───┬─────┐
//	        │ header │ record │ record │ 0 │ end │   8-byte aligned, in one segment
//	        └────────┴────────┴────────┴───┴─────┘
//	         CRC-32C  CRC-32C  CRC-32C
//	         batch number, HardState, compacted index and term, last index, count
//
// Segment and batch are drawn in segment.go and batch.go, pages.go says how a batch is written, and
// torn.go how a torn write is told from damage.
//
// # The boards
//
// The boards are a bbolt file with the records, each with a checksum, and the position of their
// checkpoint (boards.go). A snapshot is that file as a stream (stream.go).
//
// # Goroutines and locks
//
// The log makes its next segment on a goroutine that [Log.Close] waits for. No other goroutine
// outlives a call. All methods of [Log] and [Boards] may be called at the same time. Writers wait
// for one another. Readers of recent entries and of terms wait for nobody. Readers of older entries
// wait while a compaction or a reset removes segments, and these wait for the readers.
//
// The order of locks is write, disk, mu in Log, and write, mu in Boards. Only write is locked while
// the disk writes.
//
// Linux and macOS. The boards' byte order is that of the machine, as bbolt's is, so a snapshot can
// be sent only between machines of one byte order.
package store
