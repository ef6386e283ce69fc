package store

import (
	"errors"
	"flag"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
	"go.etcd.io/raft/v3/raftpb"
	"google.golang.org/protobuf/testing/protocmp"
)

var long = flag.Bool("long", false, "run the property tests in full, as make test-long does")

// someOf returns how many cases a property test has: some, or all with -long.
func someOf(some, all int) int {
	if *long {
		return all
	}
	return some
}

func mustOpenLog(t testing.TB, path string, o LogOptions) *Log {
	t.Helper()
	l, err := OpenLog(path, o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	return l
}

func mustOpenBoards(t testing.TB, path string) *Boards {
	t.Helper()
	b, err := OpenBoards(path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { b.Close() })
	return b
}

// entry makes an entry whose content follows from its index and term, so that
// any reader can tell whether it got the right one.
func entry(index, term uint64) raftpb.Entry {
	r := rand.New(rand.NewPCG(index, term))
	e := raftpb.Entry{Index: index, Term: term}
	switch r.IntN(8) {
	case 0: // as raft's own at the start of a term
	case 1:
		e.Type = raftpb.EntryConfChangeV2
		e.Data = []byte("conf change")
	case 2:
		e.Type = raftpb.EntryNormal
		e.Data = []byte{}
	default:
		e.Data = make([]byte, r.IntN(300))
		if r.IntN(20) == 0 {
			e.Data = make([]byte, 9000) // overflows a page
		}
		for i := range e.Data {
			e.Data[i] = byte(r.Uint32())
		}
	}
	return e
}

func entries(from, to, term uint64) (ents []raftpb.Entry) {
	for i := from; i <= to; i++ {
		ents = append(ents, entry(i, term))
	}
	return ents
}

func hardState(term, vote, commit uint64) raftpb.HardState {
	return raftpb.HardState{Term: term, Vote: vote, Commit: commit}
}

// sameEntry tells no data from empty data, too.
func sameEntry(a, b raftpb.Entry) bool { return reflect.DeepEqual(a, b) }

func same(a, b content) bool {
	return a.First == b.First && a.Last == b.Last && a.Before == b.Before && a.HardState == b.HardState &&
		slices.EqualFunc(a.Entries, b.Entries, sameEntry)
}

// diff is empty if a and b say the same, and what differs if not.
func diff(a, b content) string {
	if same(a, b) { // cmp takes a second to find that out
		return ""
	}
	return cmp.Diff(a, b, protocmp.Transform())
}

// content is all that a log says of itself.
type content struct {
	First, Last, Before uint64
	HardState           raftpb.HardState
	Entries             []raftpb.Entry
}

func logContent(t testing.TB, l *Log) content {
	t.Helper()
	c := content{First: l.FirstIndex(), Last: l.LastIndex(), HardState: l.HardState()}
	var err error
	if c.Before, err = l.Term(c.First - 1); err != nil {
		t.Fatal(err)
	}
	if c.First <= c.Last {
		if c.Entries, err = l.Entries(c.First, c.Last+1, 1<<63); err != nil {
			t.Fatal(err)
		}
	}
	return c
}

// boardsContent is all records, and the position as "" in text.
func boardsContent(t testing.TB, b *Boards) map[string]string {
	t.Helper()
	c := map[string]string{"": positionText(b.Position())}
	last := ""
	err := b.Load(func(key string, value []byte) error {
		if key <= last {
			return fmt.Errorf("key %q after %q", key, last)
		}
		last = key
		c[key] = string(value)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func positionText(p Position) string {
	return fmt.Sprintf("%d %d %v", p.Index, p.Term, p.ConfState.Voters)
}

func readFile(t testing.TB, path string) []byte {
	t.Helper()
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return data
}

func writeFile(t testing.TB, path string, data []byte) {
	t.Helper()
	if err := os.WriteFile(path, data, 0o600); err != nil {
		t.Fatal(err)
	}
}

// noTemps fails if a temporary file is left in dir.
func noTemps(t testing.TB, dir string) {
	t.Helper()
	left, err := filepath.Glob(filepath.Join(dir, "*"+tempMark+"*"))
	if err != nil || len(left) > 0 {
		t.Errorf("temporary files are left: %v %v", left, err)
	}
}

func wantErr(t testing.TB, err, want error) {
	t.Helper()
	if !errors.Is(err, want) {
		t.Fatalf("error is %v, want %v", err, want)
	}
}
