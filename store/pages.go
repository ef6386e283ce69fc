package store

import "unsafe"

// A batch is written as whole pages of 4 KiB, from memory that begins at a page. On Linux, on ext4
// and XFS, that is one system call: pwritev2 with RWF_DSYNC, through a second descriptor with
// O_DIRECT. The disk takes the pages from our memory, and the call returns when they are durable. A
// write and an fdatasync would be two calls, and a copy into the system's own memory of the file
// (docs/decisions/log.md has the figures).
//
// A batch seldom begins at a page. So a write begins with the content of its first page before the
// batch, which the log remembers, and ends with zeros up to the end of its last page. That
// endangers nothing durable: a sector outside the batch gets the bytes that it has. The sector
// where the batch begins is as it was or as it should be, with the end of the batch before in
// either case.
//
// Elsewhere the same pages are written and then fdatasynced. That is also the way of a segment for
// which the system has refused a direct write: the disk may have larger blocks, or the segment may
// not be whole pages. A new segment is filled with zeros in this way, too. The two ways may
// alternate.
//
// Readers read through the system's memory of the file, which drops the pages of a direct write
// before that returns. So the first read of an entry behind the tail comes from the disk.

// page is the unit in which the log is written. A direct write may have to be a multiple of it, and
// the system's memory of files consists of it.
const page = 4096

// pageEnd is the end of the page with at; at itself if a page begins there.
func pageEnd(at int64) int64 { return (at + page - 1) / page * page }

// newPages makes memory of size bytes, rounded up to whole pages, that begins at a page, as a
// direct write needs it.
func newPages(size int64) []byte {
	size = pageEnd(size)
	b := make([]byte, size+page)
	at := -uintptr(unsafe.Pointer(unsafe.SliceData(b))) % page
	return b[at : int64(at)+size : int64(at)+size]
}
