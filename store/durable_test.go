package store

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"testing"
	"unsafe"

	"golang.org/x/sys/unix"
)

// TestWriteDirectAndCached writes a log in both ways by turns. Its segments are new, used again, or
// no multiple of a page or a sector. The test opens it again in between, and reads it from the disk
// after each step.
func TestWriteDirectAndCached(t *testing.T) {
	for seed, size := range []int64{segmentHeader + 16<<10, segmentHeader + 10_001} {
		t.Run(fmt.Sprint(size), func(t *testing.T) {
			t.Parallel()
			r, path := rand.New(rand.NewPCG(uint64(seed), 33)), filepath.Join(t.TempDir(), "log")
			o := LogOptions{SegmentBytes: size, TailBytes: 1}
			l, want := mustOpenLog(t, path, o), emptyContent
			for step := range 150 {
				what := "as before"
				switch r.IntN(6) {
				case 0:
					what = "closed and opened"
					l.Close()
					l = mustOpenLog(t, path, o)
				case 1:
					what = "direct writes refused"
					refuseDirect(t, l)
				}
				op, s := randomOp(r, want), l.lastSegment()
				end := s.end
				if err := op.do(l); err != nil {
					t.Fatalf("step %d, %s, %s: %v", step, what, op, err)
				}
				if what == "direct writes refused" && s.end > end && s.f.(*osFile).direct != nil {
					t.Fatalf("step %d, %s, %s: it goes on to try", step, what, op)
				}
				want = op.apply(want)
				if d := diff(want, logContent(t, l)); d != "" {
					t.Fatalf("step %d, %s, %s (-want +got):\n%s", step, what, op, d)
				}
				checkPages(t, l)
			}
			l.Close()
			if d := diff(want, logContent(t, mustOpenLog(t, path, o))); d != "" {
				t.Fatal(d)
			}
		})
	}
}

// directOf is the second descriptor of the segment that l writes to, or nil.
func directOf(l *Log) *os.File { return l.lastSegment().f.(*osFile).direct }

// replaceDirect puts the file at path in place of the one that l writes to directly.
func replaceDirect(t *testing.T, l *Log, path string, flags int) {
	t.Helper()
	f, err := os.OpenFile(path, flags, 0)
	if err != nil {
		t.Skip(err)
	}
	defer f.Close()
	if err := unix.Dup2(int(f.Fd()), int(directOf(l).Fd())); err != nil {
		t.Fatal(err)
	}
}

// refuseDirect has the system refuse the next direct write, if this system has them. A device with
// only the oldest form of write does not know the flag.
func refuseDirect(t *testing.T, l *Log) {
	t.Helper()
	if directOf(l) != nil {
		replaceDirect(t, l, "/dev/full", os.O_WRONLY)
	}
}

// checkPages checks that there are zeros behind the last batch, and that the log knows the content
// of the page in which the next batch begins.
func checkPages(t *testing.T, l *Log) {
	t.Helper()
	s := l.lastSegment()
	data := readFile(t, l.dir.path(s.name))
	if int64(len(data)) != s.size || !allZero(data[s.end:]) {
		t.Fatalf("%s has %d bytes, should have %d, with zeros behind %d", s.name, len(data), s.size, s.end)
	}
	if at := s.end % page; !bytes.Equal(l.pages[:at], data[s.end-at:s.end]) {
		t.Fatalf("%s: the page that ends at %d is not known", s.name, s.end)
	}
}

// TestBatchSizes writes batches of many sizes, one behind the other: less than a page, up to a
// page's end, several pages, and more memory than is kept. The log is opened once or before each of
// them.
func TestBatchSizes(t *testing.T) {
	t.Parallel()
	const toPageEnd = -1
	sizes := []int{10, 3000, toPageEnd, 10, 5000, 10, toPageEnd, toPageEnd, keepPages + 5000, 10, 9000, keepPages, 0, 20_000, toPageEnd, 0}
	for _, reopen := range []bool{false, true} {
		t.Run(fmt.Sprintf("reopen=%v", reopen), func(t *testing.T) {
			path, o := filepath.Join(t.TempDir(), "log"), LogOptions{SegmentBytes: 10 << 20, TailBytes: 1}
			l, want := mustOpenLog(t, path, o), emptyContent
			for i, size := range sizes {
				op := logOp{what: "write", entries: entries(uint64(i+1), uint64(i+1), 1)}
				if size == toPageEnd {
					op.entries[0].Data = nil
					size = int((page*2 - batchSize(op.entries) - l.lastSegment().end%page) % page)
				}
				op.entries[0].Data = bytes.Repeat([]byte{byte(i + 1)}, size)
				if err := op.do(l); err != nil {
					t.Fatal(err)
				}
				want = op.apply(want)
				checkPages(t, l)
				if len(l.pages) > keepPages {
					t.Errorf("%d bytes are kept for the next batch", len(l.pages))
				}
				if sizes[i] == toPageEnd && l.lastSegment().end%page != 0 {
					t.Fatalf("batch %d ends at %d", i, l.lastSegment().end)
				}
				if reopen {
					l.Close()
					l = mustOpenLog(t, path, o)
				}
				if d := diff(want, logContent(t, l)); d != "" {
					t.Fatalf("with batch %d, of %d bytes: %s", i, size, d)
				}
			}
			if l.lastSegment().number != 1 {
				t.Error("they were to be in one segment")
			}
		})
	}
}

func TestPages(t *testing.T) {
	for at, want := range map[int64]int64{0: 0, 1: page, page - 1: page, page: page, page + 1: 2 * page} {
		if got := pageEnd(at); got != want {
			t.Errorf("the page that %d is in ends at %d, not %d", at, got, want)
		}
		for range 20 { // the allocator decides where
			b := newPages(at)
			if int64(len(b)) != want || cap(b) != len(b) || uintptr(unsafe.Pointer(unsafe.SliceData(b)))%page != 0 {
				t.Fatalf("for %d bytes: %d at %p, with room for %d", at, len(b), b, cap(b))
			}
		}
	}
}

// TestLogDescriptors checks that a segment has at most two descriptors. They are closed with the
// log, or if it does not open.
func TestLogDescriptors(t *testing.T) {
	path, o := filepath.Join(t.TempDir(), "log"), LogOptions{SegmentBytes: 64 << 10}
	l := mustOpenLog(t, path, o)
	for i := uint64(1); l.lastSegment().number < 5 || l.ready == nil || l.spare == nil; i += 20 {
		if err := l.Write(hardState(1, 1, 1), entries(i, i+19, 1)); err != nil {
			t.Fatal(err)
		}
		if i > 2000 {
			t.Fatal("at no time was one segment made ahead and one kept to be used again")
		}
		if i%100 == 1 {
			if err := l.Compact(i); err != nil {
				t.Fatal(err)
			}
		}
	}
	segments := len(l.segs) + 2 // the one made ahead, the one kept
	made := <-l.ready
	l.ready <- made
	if n := len(openFiles(t, path+"/")); n > 2*segments {
		t.Errorf("%d descriptors for %d segments", n, segments)
	}
	l.Close()
	none := func(when string) {
		t.Helper()
		if fds := openFiles(t, path+"/"); len(fds) > 0 {
			t.Errorf("%d descriptors are open %s", len(fds), when)
		}
	}
	none("after Close")
	dir, err := openFolder(path)
	if err != nil {
		t.Fatal(err)
	}
	defer dir.Close()
	_, err = openLog(unsyncableFolder{dir}, path, o, func(f func()) { f() })
	wantErr(t, err, errSync)
	none("after an open that failed")
}

// unsyncableFolder fails when the log is opened all but wholly.
type unsyncableFolder struct{ folder }

func (unsyncableFolder) sync() error { return errSync }
