package store

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"golang.org/x/sys/unix"
)

// TestDirect checks that writes are direct in each segment, if the file system has direct writes,
// and leave nothing in the system's memory of files.
func TestDirect(t *testing.T) {
	dir := t.TempDir()
	needDirect(t, dir)
	path, o := filepath.Join(dir, "log"), LogOptions{SegmentBytes: 64 << 10}
	l := mustOpenLog(t, path, o)
	used := map[*segment]bool{}
	for next := uint64(1); next < 2000; next += 20 {
		if err := l.Write(hardState(1, 1, 1), entries(next, next+19, 1)); err != nil {
			t.Fatal(err)
		}
		s := l.lastSegment()
		used[s] = true
		if directOf(l) == nil {
			t.Fatalf("%s, up to %d: not written directly", s.name, s.end)
		}
		if inMemory(t, s.f.(*osFile).File, s.end-8) {
			t.Fatalf("%s: the batch that ends at %d is in the system's memory", s.name, s.end)
		}
		if next%400 == 1 {
			if err := l.Compact(next); err != nil {
				t.Fatal(err)
			}
		}
		if next%300 == 1 {
			l.Close()
			l = mustOpenLog(t, path, o)
		}
	}
	if len(used) < 5 {
		t.Errorf("only %d segments were written to", len(used))
	}
}

// TestNotDirect checks that direct writes are used only on file systems that make them durable,
// which memory does not.
func TestNotDirect(t *testing.T) {
	fd, err := unix.MemfdCreate("memory", unix.MFD_CLOEXEC)
	if err != nil {
		t.Skip(err)
	}
	f := os.NewFile(uintptr(fd), "memory")
	defer f.Close()
	if direct, err := openDirect(fmt.Sprintf("/proc/self/fd/%d", fd)); err != nil {
		t.Error(err)
	} else if direct != nil {
		direct.Close()
		t.Error("a file in memory is written directly")
	}
}

// needDirect skips the test unless dir is where direct writes are used, and possible.
func needDirect(t *testing.T, dir string) {
	t.Helper()
	var st unix.Statfs_t
	if err := unix.Statfs(dir, &st); err != nil {
		t.Fatal(err)
	}
	if st.Type != 0xef53 && st.Type != 0x58465342 {
		t.Skipf("%s is on a file system of type %#x, neither ext4 nor XFS", dir, st.Type)
	}
	f, err := os.OpenFile(filepath.Join(dir, "probe"), os.O_RDWR|os.O_CREATE|unix.O_DIRECT, 0o600)
	if err != nil {
		t.Skip(err)
	}
	defer f.Close()
	if _, err := unix.Pwritev2(int(f.Fd()), [][]byte{newPages(page)}, 0, unix.RWF_DSYNC); err != nil {
		t.Skipf("a direct write of a page: %v", err)
	}
	if inMemory(t, f, 0) {
		// As ext4 with data=journal.
		t.Skip("the file system takes direct writes, and makes others of them")
	}
}

// inMemory reports whether the page of f with at is in the system's memory. It is false before
// Linux 6.5.
func inMemory(t *testing.T, f *os.File, at int64) bool {
	t.Helper()
	var in unix.Cachestat_t
	err := unix.Cachestat(uint(f.Fd()), &unix.CachestatRange{Off: uint64(at), Len: 1}, &in, 0)
	if err != nil && !errors.Is(err, unix.ENOSYS) {
		t.Fatal(err)
	}
	return in.Cache > 0
}
