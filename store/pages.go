package store

import "unsafe"

// page is the unit in which the log is written: what a direct write to a disk may have to be a multiple of, and what a
// system's own memory of files consists of.
const page = 4096

// pageEnd is the end of the page that at lies in; at itself if a page begins there.
func pageEnd(at int64) int64 { return (at + page - 1) / page * page }

// newPages makes memory of size bytes, up to a page's end, that begins where one begins, as a direct write needs it.
func newPages(size int64) []byte {
	size = pageEnd(size)
	b := make([]byte, size+page)
	at := -uintptr(unsafe.Pointer(unsafe.SliceData(b))) % page
	return b[at : int64(at)+size : int64(at)+size]
}
