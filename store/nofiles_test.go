package store

import (
	"bytes"
	"os"
	"path/filepath"
	"testing"

	"golang.org/x/sys/unix"
)

// exhaustFiles takes all descriptors that this process may open, until the function that it returns
// is called.
func exhaustFiles(t *testing.T) (free func()) {
	t.Helper()
	var was unix.Rlimit
	if err := unix.Getrlimit(unix.RLIMIT_NOFILE, &was); err != nil {
		t.Fatal(err)
	}
	few := unix.Rlimit{Cur: 256, Max: was.Max}
	if err := unix.Setrlimit(unix.RLIMIT_NOFILE, &few); err != nil {
		t.Fatal(err)
	}
	var taken []*os.File
	free = func() {
		for _, f := range taken {
			f.Close()
		}
		taken = nil
		if err := unix.Setrlimit(unix.RLIMIT_NOFILE, &was); err != nil {
			t.Fatal(err)
		}
	}
	t.Cleanup(func() { free() })
	for {
		f, err := os.Open(os.DevNull)
		if OutOfFiles(err) {
			return free
		}
		if err != nil {
			t.Fatal(err)
		}
		taken = append(taken, f)
	}
}

// TestLogOutOfFiles needs a new segment while the process has no file left. The append fails and
// changes nothing; it succeeds once files were closed.
func TestLogOutOfFiles(t *testing.T) {
	path, o := filepath.Join(t.TempDir(), "log"), LogOptions{SegmentBytes: 64 << 10}
	l := mustOpenLog(t, path, o)
	if err := l.Write(hardState(1, 1, 1), entries(1, 20, 1)); err != nil {
		t.Fatal(err)
	}
	free := exhaustFiles(t)
	next, refused := uint64(21), error(nil)
	for ; refused == nil && next < 10_000; next += 20 {
		refused = l.Write(hardState(1, 1, next), entries(next, next+19, 1))
	}
	if !OutOfFiles(refused) {
		t.Fatalf("up to %d there was no need of a file: %v", next, refused)
	}
	next -= 20
	want := logContent(t, l)
	if want.Last != next-1 {
		t.Errorf("the log ends at %d after the write of %d failed", want.Last, next)
	}
	if err := l.Write(hardState(1, 1, next), entries(next, next+19, 1)); !OutOfFiles(err) {
		t.Errorf("repeated without a file: %v", err)
	}
	free()
	if err := l.Write(hardState(1, 1, next), entries(next, next+19, 1)); err != nil {
		t.Fatalf("repeated with files: %v", err)
	}
	checkPages(t, l)
	want = logContent(t, l)
	l.Close()
	if d := diff(want, logContent(t, mustOpenLog(t, path, o))); d != "" {
		t.Error(d)
	}
}

// TestInstallOutOfFiles installs received boards, and writes an identity, without a file left. Both
// fail, change nothing, and succeed once files were closed.
func TestInstallOutOfFiles(t *testing.T) {
	dir := t.TempDir()
	from, to := mustOpenBoards(t, filepath.Join(dir, "from")), mustOpenBoards(t, filepath.Join(dir, "to"))
	if err := from.Checkpoint(Checkpoint{Position: Position{Index: 7, Term: 1}, Put: map[string][]byte{"a": []byte("b")}}); err != nil {
		t.Fatal(err)
	}
	snap, err := from.Snapshot()
	if err != nil {
		t.Fatal(err)
	}
	defer snap.Close()
	var stream bytes.Buffer
	if err := snap.Encode(&stream); err != nil {
		t.Fatal(err)
	}
	in, err := to.Receive(&stream, snap.Position(), 0)
	if err != nil {
		t.Fatal(err)
	}
	free := exhaustFiles(t)
	if err := to.Install(in); !OutOfFiles(err) {
		t.Errorf("install: %v", err)
	}
	if err := SaveIdentity(dir, Identity{MemberID: 1, Name: "x"}); !OutOfFiles(err) {
		t.Errorf("save identity: %v", err)
	}
	free()
	if err := to.Install(in); err != nil {
		t.Fatalf("install with files: %v", err)
	}
	if p := to.Position(); p.Index != 7 {
		t.Errorf("the boards stand at %d", p.Index)
	}
	if err := SaveIdentity(dir, Identity{MemberID: 1, Name: "x"}); err != nil {
		t.Error(err)
	}
}
