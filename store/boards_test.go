package store

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"
	bolt "go.etcd.io/bbolt"
	"go.etcd.io/raft/v3/raftpb"
)

// stamped is a checkpoint of which every record says the index, so that a
// mixture of two can be told.
func stamped(index uint64) Checkpoint {
	c := Checkpoint{
		Position: Position{Index: index, Term: index / 10, ConfState: &raftpb.ConfState{Voters: []uint64{1, 2, 3}}},
		Put:      map[string][]byte{},
	}
	for i := range 40 {
		c.Put[fmt.Sprintf("game/%03d", i)] = bytes.Repeat(fmt.Appendf(nil, "%08d", index), 50)
	}
	return c
}

// stampOf is the index that all records say, or an error if they do not agree.
func stampOf(load func(func(string, []byte) error) error) (stamp string, err error) {
	n := 0
	err = load(func(key string, value []byte) error {
		if stamp == "" {
			stamp = string(value[:8])
		}
		if string(value) != strings.Repeat(stamp, 50) {
			return fmt.Errorf("record %q says %.8s, others %s", key, value, stamp)
		}
		n++
		return nil
	})
	if err == nil && n != 0 && n != 40 {
		err = fmt.Errorf("%d records", n)
	}
	return stamp, err
}

func encoded(t testing.TB, b *Boards) ([]byte, Position) {
	t.Helper()
	s, err := b.Snapshot()
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	var buf bytes.Buffer
	if err := s.Encode(&buf); err != nil {
		t.Fatal(err)
	}
	return buf.Bytes(), s.Position()
}

func TestCheckpoint(t *testing.T) {
	path := filepath.Join(t.TempDir(), "boards")
	b := mustOpenBoards(t, path)
	if p := b.Position(); p.Index != 0 || p.ConfState == nil {
		t.Fatalf("new boards are at %+v", p)
	}
	if err := b.Checkpoint(stamped(7)); err != nil {
		t.Fatal(err)
	}
	wantErr(t, b.Checkpoint(stamped(6)), ErrBackwards)
	for _, key := range []string{"", strings.Repeat("k", bolt.MaxKeySize+1)} {
		if err := b.Checkpoint(Checkpoint{Position: Position{Index: 9}, Put: map[string][]byte{key: nil}}); err == nil {
			t.Fatalf("a key of %d bytes was taken", len(key))
		}
	}
	// The refused one left no trace and did not stop the store.
	c := Checkpoint{Position: Position{Index: 8}, Delete: []string{"game/000", "not there"}, Put: map[string][]byte{"empty": nil}}
	if err := b.Checkpoint(c); err != nil {
		t.Fatal(err)
	}
	want := boardsContent(t, b)
	if len(want) != 1+39+1 {
		t.Fatalf("%d records", len(want))
	}
	wantErr(t, b.Load(func(string, []byte) error { return io.ErrNoProgress }), io.ErrNoProgress)
	if err := b.Close(); err != nil {
		t.Fatal(err)
	}
	wantErr(t, b.Checkpoint(stamped(9)), os.ErrClosed)
	wantErr(t, b.Close(), nil)
	if d := cmp.Diff(want, boardsContent(t, mustOpenBoards(t, path))); d != "" {
		t.Fatal(d)
	}
}

func TestSnapshotFile(t *testing.T) {
	dir := t.TempDir()
	b := mustOpenBoards(t, filepath.Join(dir, "boards"))
	if err := b.Checkpoint(stamped(3)); err != nil {
		t.Fatal(err)
	}
	want := boardsContent(t, b)
	s, err := b.Snapshot()
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	for i := uint64(4); i < 30; i++ { // pages are used again, and must not be those of s
		if err := b.Checkpoint(stamped(i)); err != nil {
			t.Fatal(err)
		}
	}
	var buf bytes.Buffer
	if n, err := s.WriteTo(&buf); err != nil || n != s.Size() || int64(buf.Len()) != n {
		t.Fatalf("wrote %d of %d, %v", n, s.Size(), err)
	}
	copied := filepath.Join(dir, "copy")
	writeFile(t, copied, buf.Bytes())
	if d := cmp.Diff(want, boardsContent(t, mustOpenBoards(t, copied))); d != "" {
		t.Fatal(d)
	}
}

// TestInstallWhileInUse has checkpoints, loads and snapshots going on while
// files are received and installed.
func TestInstallWhileInUse(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	from := mustOpenBoards(t, filepath.Join(dir, "leader"))
	path := filepath.Join(dir, "boards")
	b := mustOpenBoards(t, path)
	stop := make(chan struct{})
	var wg sync.WaitGroup
	during := func(fn func() error) {
		wg.Go(func() {
			for {
				select {
				case <-stop:
					return
				default:
				}
				if err := fn(); err != nil {
					t.Error(err)
					return
				}
			}
		})
	}
	during(func() error { _, err := stampOf(b.Load); return err })
	during(func() error {
		p := b.Position()
		if err := b.Checkpoint(stamped(p.Index + 1)); err != nil && !errors.Is(err, ErrBackwards) {
			return err
		}
		return nil
	})
	during(func() error {
		s, err := b.Snapshot()
		if err != nil {
			return err
		}
		defer s.Close()
		pos := s.Position()
		var buf bytes.Buffer
		if err := s.Encode(&buf); err != nil {
			return err
		}
		in, err := b.Receive(&buf, pos, 0)
		if err != nil {
			return err
		}
		if stamp, err := stampOf((&Boards{path: in.path, file: &boardsFile{db: in.db, uses: 1}}).Load); err != nil ||
			pos.Index > 0 && stamp != fmt.Sprintf("%08d", pos.Index) {
			return fmt.Errorf("snapshot of %d says %s, %v", pos.Index, stamp, err)
		}
		return in.Discard()
	})
	for i := range uint64(15) {
		index := 1_000_000 * (i + 1)
		if err := from.Checkpoint(stamped(index)); err != nil {
			t.Fatal(err)
		}
		stream, pos := encoded(t, from)
		in, err := b.Receive(bytes.NewReader(stream), pos, 0)
		if err != nil {
			t.Fatal(err)
		}
		old, err := b.Snapshot()
		if err != nil {
			t.Fatal(err)
		}
		if err := b.Install(in); err != nil {
			t.Fatal(err)
		}
		if got := b.Position(); got.Index < index {
			t.Fatalf("installed %d, at %d", index, got.Index)
		}
		if n, err := old.WriteTo(io.Discard); err != nil || n != old.Size() {
			t.Fatalf("old snapshot: %d, %v", n, err)
		}
		if err := old.Close(); err != nil {
			t.Fatal(err)
		}
	}
	close(stop)
	wg.Wait()
	want := boardsContent(t, b)
	if fds := openFiles(t, path); len(fds) != 1 {
		t.Errorf("%d files are open where one is in use", len(fds))
	}
	if err := b.Close(); err != nil {
		t.Fatal(err)
	}
	noTemps(t, dir)
	if d := cmp.Diff(want, boardsContent(t, mustOpenBoards(t, path))); d != "" {
		t.Fatal(d)
	}
}

func TestInstallRefused(t *testing.T) {
	dir := t.TempDir()
	b := mustOpenBoards(t, filepath.Join(dir, "boards"))
	other := mustOpenBoards(t, filepath.Join(dir, "other"))
	if err := b.Checkpoint(stamped(5)); err != nil {
		t.Fatal(err)
	}
	stream, pos := encoded(t, b)
	receive := func() *Incoming {
		in, err := b.Receive(bytes.NewReader(stream), pos, 0)
		if err != nil {
			t.Fatal(err)
		}
		return in
	}
	in := receive()
	if err := other.Install(in); err == nil {
		t.Error("installed into other boards")
	}
	if err := b.Install(in); err != nil { // the same index is fine
		t.Fatal(err)
	}
	if err := b.Install(in); err == nil {
		t.Error("installed twice")
	}
	if err := in.Discard(); err != nil {
		t.Error(err)
	}
	in = receive()
	if err := b.Checkpoint(stamped(6)); err != nil {
		t.Fatal(err)
	}
	wantErr(t, b.Install(in), ErrBackwards)
	if err := in.Discard(); err != nil {
		t.Fatal(err)
	}
	noTemps(t, dir)
	if stamp, err := stampOf(b.Load); stamp != "00000006" || err != nil {
		t.Error(stamp, err)
	}
}
