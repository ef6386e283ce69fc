package store

import (
	"errors"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"go.etcd.io/raft/v3/raftpb"
	"golang.org/x/sys/unix"
)

// openFiles are the descriptors of this process whose files have, or had when
// they were removed, names that begin with path.
func openFiles(t *testing.T, path string) (fds []int) {
	t.Helper()
	list, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		t.Skip(err)
	}
	for _, fd := range list {
		to, _ := os.Readlink(filepath.Join("/proc/self/fd", fd.Name()))
		if n, err := strconv.Atoi(fd.Name()); err == nil && strings.HasPrefix(to, path) {
			fds = append(fds, n)
		}
	}
	return fds
}

// breakFile makes all later writes to the open file at path fail as those to device do. With
// /dev/full there is no space left. With /dev/zero the writes go well and the fsync fails. Mapped
// content stays readable.
func breakFile(t *testing.T, path, device string) {
	t.Helper()
	with, err := os.OpenFile(device, os.O_RDWR, 0)
	if err != nil {
		t.Skip(err)
	}
	defer with.Close()
	fds := openFiles(t, path)
	if len(fds) == 0 {
		t.Fatalf("%s is not open", path)
	}
	for _, fd := range fds {
		if err := unix.Dup2(int(with.Fd()), fd); err != nil {
			t.Fatal(err)
		}
	}
}

var brokenDevices = []string{"/dev/full", "/dev/zero"}

func TestLogWriteFails(t *testing.T) {
	noDirect := func(l *Log) {
		if f := l.lastSegment().f.(*osFile); f.direct != nil {
			f.direct.Close()
			f.direct = nil
		}
	}
	for name, c := range map[string]struct {
		fail func(t *testing.T, l *Log, file string)
		want error
	}{
		"direct": {func(t *testing.T, l *Log, file string) {
			if directOf(l) == nil {
				t.Skip("no direct writes here")
			}
			replaceDirect(t, l, file, os.O_RDONLY)
		}, unix.EBADF},
		"direct is refused, then /dev/full": {func(t *testing.T, _ *Log, file string) { breakFile(t, file, "/dev/full") }, unix.ENOSPC},
		"/dev/full":                         {func(t *testing.T, l *Log, file string) { noDirect(l); breakFile(t, file, "/dev/full") }, unix.ENOSPC},
		"/dev/zero":                         {func(t *testing.T, l *Log, file string) { noDirect(l); breakFile(t, file, "/dev/zero") }, unix.EINVAL},
	} {
		t.Run(name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "log")
			l := mustOpenLog(t, path, LogOptions{SegmentBytes: 64 << 10})
			for i := range uint64(30) { // until a segment is used again
				if err := l.Write(hardState(1, 1, 1), entries(20*i+1, 20*i+20, 1)); err != nil {
					t.Fatal(err)
				}
				if err := l.Compact(20*i + 1); err != nil {
					t.Fatal(err)
				}
			}
			want := logContent(t, l)
			file := filepath.Join(path, l.lastSegment().name)
			c.fail(t, l, file)
			err := l.Write(hardState(9, 9, 9), entries(590, 605, 9))
			wantErr(t, err, ErrFailed)
			if !errors.Is(err, c.want) || !strings.Contains(err.Error(), file+":") {
				t.Errorf("the error does not say why or where: %v", err)
			}
			wantErr(t, l.Write(raftpb.HardState{}, entries(601, 601, 1)), ErrFailed)
			wantErr(t, l.Compact(590), ErrFailed)
			wantErr(t, l.Reset(590, 1, raftpb.HardState{}), ErrFailed)

			// Nothing of it is to be seen.
			if l.LastIndex() != want.Last || l.HardState().Term != 1 {
				t.Errorf("the log ends at %d, hard state %v", l.LastIndex(), l.HardState())
			}
			if term, err := l.Term(595); term != 1 || err != nil {
				t.Errorf("term of 595 is %d, %v", term, err)
			}
			l.Close()
			if d := diff(want, logContent(t, mustOpenLog(t, path, LogOptions{}))); d != "" {
				t.Error(d)
			}
		})
	}
}

func TestCheckpointFails(t *testing.T) {
	for _, device := range brokenDevices {
		t.Run(device, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "boards")
			b := mustOpenBoards(t, path)
			for i := range uint64(4) {
				if err := b.Checkpoint(stamped(i)); err != nil {
					t.Fatal(err)
				}
			}
			want := boardsContent(t, b)
			breakFile(t, path, device)
			wantErr(t, b.Checkpoint(stamped(9)), ErrFailed)
			if p := b.Position(); p.Index != 3 {
				t.Errorf("position %d", p.Index)
			}
			wantErr(t, b.Checkpoint(stamped(9)), ErrFailed)
			wantErr(t, b.Load(func(string, []byte) error { return nil }), ErrFailed)
			_, err := b.Snapshot()
			wantErr(t, err, ErrFailed)
			b.Close()
			if d := cmp.Diff(want, boardsContent(t, mustOpenBoards(t, path))); d != "" {
				t.Error(d)
			}
		})
	}
}

func TestInUse(t *testing.T) {
	dir := t.TempDir()
	log, boards := filepath.Join(dir, "log"), filepath.Join(dir, "boards")
	l, b := mustOpenLog(t, log, LogOptions{}), mustOpenBoards(t, boards)
	_, errLog := OpenLog(log, LogOptions{})
	_, errBoards := OpenBoards(boards)
	for _, err := range []error{errLog, errBoards} {
		if !errors.Is(err, ErrInUse) || !strings.Contains(err.Error(), dir) {
			t.Errorf("opened twice: %v", err)
		}
	}
	// The lock goes along with a received file.
	stream, pos := encoded(t, b)
	in, err := b.Receive(strings.NewReader(string(stream)), pos, 0)
	if err != nil {
		t.Fatal(err)
	}
	if err := b.Install(in); err != nil {
		t.Fatal(err)
	}
	_, err = OpenBoards(boards)
	wantErr(t, err, ErrInUse)
	l.Close()
	b.Close()
	mustOpenLog(t, log, LogOptions{})
	mustOpenBoards(t, boards)
}

// TestLogCutWhileOpen cuts a segment short that is being read: an error that
// names it, and no crash.
func TestLogCutWhileOpen(t *testing.T) {
	path := filepath.Join(t.TempDir(), "log")
	l := mustOpenLog(t, path, LogOptions{TailBytes: 1})
	if err := l.Write(raftpb.HardState{}, entries(1, 200, 1)); err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(path, segmentName(1))
	if err := os.Truncate(file, segmentHeader+3000); err != nil {
		t.Fatal(err)
	}
	_, err := l.Entries(1, 100, 1<<20)
	namesFile(t, "cut while open", file, err)
}

// TestRuntimeFault cuts the boards short under the mapping, as a disk does that
// no longer delivers a page: an error, and no crash.
func TestRuntimeFault(t *testing.T) {
	path := filepath.Join(t.TempDir(), "boards")
	b := mustOpenBoards(t, path)
	if err := b.Checkpoint(stamped(1)); err != nil {
		t.Fatal(err)
	}
	if err := os.Truncate(path, int64(2*os.Getpagesize())); err != nil {
		t.Fatal(err)
	}
	namesFile(t, "cut while open", path, b.Load(func(string, []byte) error { return nil }))
}
