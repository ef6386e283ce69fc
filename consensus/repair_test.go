package consensus

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/chessrelay/chessrelay/store"
	"go.etcd.io/raft/v3/raftpb"
)

// files opens the two files of a node that does not run.
func (n *testNode) files() (*store.Log, *store.Boards) {
	n.t.Helper()
	log, err := store.OpenLog(filepath.Join(n.cfg.Dir, logDir), store.LogOptions{})
	if err != nil {
		n.t.Fatal(err)
	}
	boards, err := store.OpenBoards(filepath.Join(n.cfg.Dir, boardsFile))
	if err != nil {
		n.t.Fatal(err)
	}
	return log, boards
}

// TestBoardsAheadOfTheHardState starts a node whose boards are ahead of the commit index in its
// HardState: a commit index alone is never written at once. Raft panics if it is not raised.
func TestBoardsAheadOfTheHardState(t *testing.T) {
	t.Parallel()
	c := newCluster(t, 1)
	n := c.nodes[0]
	n.propose(numbered(0, 30)...)
	n.stop()
	log, boards := n.files()
	hs := log.HardState()
	err := log.Write(raftpb.HardState{Term: hs.Term, Vote: hs.Vote, Commit: 1}, nil)
	if err != nil {
		t.Fatal(err)
	}
	if boards.Position().Index <= 1 {
		t.Fatal("the boards are not ahead, so that this shows nothing")
	}
	_, _ = log.Close(), boards.Close()
	n.start()
	n.propose("more")
	c.waitSame(append(numbered(0, 30), "more"))
}

// TestCrashBetweenSnapshotAndLog starts a node with boards from a snapshot. Its log still ends
// before them, or has other entries there.
func TestCrashBetweenSnapshotAndLog(t *testing.T) {
	t.Parallel()
	for name, spoil := range map[string]func(*store.Log, store.Position) error{
		"the log ends before": func(l *store.Log, p store.Position) error { return l.Reset(p.Index-10, p.Term, raftpb.HardState{}) },
		"the log has entries of another term": func(l *store.Log, p store.Position) error {
			if err := l.Reset(p.Index-2, p.Term, raftpb.HardState{}); err != nil {
				return err
			}
			other := &raftpb.Entry{Type: raftpb.EntryNormal, Term: p.Term + 7}
			var entries []raftpb.Entry
			for i := p.Index - 1; i < p.Index+4; i++ {
				entries = append(entries, raftpb.Entry{Type: other.Type, Term: other.Term, Index: i})
			}
			return l.Write(raftpb.HardState{}, entries)
		},
	} {
		t.Run(name, func(t *testing.T) {
			c := newCluster(t, 1)
			n := c.nodes[0]
			n.propose(numbered(0, 30)...)
			n.stop()
			log, boards := n.files()
			at := boards.Position().Index
			if err := spoil(log, boards.Position()); err != nil {
				t.Fatal(err)
			}
			_, _ = log.Close(), boards.Close()

			// No snapshot was being installed: the log is from another moment.
			n.cfg.Machine = &list{}
			if _, err := Open(t.Context(), n.cfg); err == nil || !strings.Contains(err.Error(), "has lost its end") {
				t.Fatalf("started, or failed without a reason: %v", err)
			}
			who, err := store.LoadIdentity(n.cfg.Dir)
			if err != nil {
				t.Fatal(err)
			}
			who.Installed = at
			if err := store.SaveIdentity(n.cfg.Dir, who); err != nil {
				t.Fatal(err)
			}
			n.start()
			n.propose("more")
			c.waitSame(append(numbered(0, 30), "more"))
		})
	}
}

// TestLogCutBehindTheBoards checks that a node does not start on files of different moments.
func TestLogCutBehindTheBoards(t *testing.T) {
	t.Parallel()
	c := newCluster(t, 1)
	n := c.nodes[0]
	n.propose(numbered(0, 30)...)
	n.stop()
	log, boards := n.files()
	if err := log.Reset(boards.Position().Index+5, 1, raftpb.HardState{}); err != nil {
		t.Fatal(err)
	}
	_, _ = log.Close(), boards.Close()
	n.cfg.Machine = &list{}
	if _, err := Open(t.Context(), n.cfg); err == nil || !strings.Contains(err.Error(), "missing between") {
		t.Fatalf("started, or failed without a reason: %v", err)
	}
}

// TestLogLost checks that a node does not start without its log, which had its votes.
func TestLogLost(t *testing.T) {
	t.Parallel()
	c := newCluster(t, 1)
	n := c.nodes[0]
	n.propose(numbered(0, 30)...)
	n.stop()
	if err := os.RemoveAll(filepath.Join(n.cfg.Dir, logDir)); err != nil {
		t.Fatal(err)
	}
	n.cfg.Machine = &list{}
	if _, err := Open(t.Context(), n.cfg); err == nil || !strings.Contains(err.Error(), "the log is gone") {
		t.Fatalf("started, or failed without a reason: %v", err)
	}
	// Nor without the boards, of which the log is only the end.
	n.cfg.Dir = filepath.Join(c.dir, "other")
	n.cfg.Machine = &list{}
	n.cfg.KeepEntries, n.cfg.CheckpointEvery = 20, 10
	n.start()
	n.propose(numbered(0, 30)...)
	n.stop()
	if err := os.Remove(filepath.Join(n.cfg.Dir, boardsFile)); err != nil {
		t.Fatal(err)
	}
	n.cfg.Machine = &list{}
	if _, err := Open(t.Context(), n.cfg); err == nil || !strings.Contains(err.Error(), "missing between") {
		t.Fatalf("started, or failed without a reason: %v", err)
	}
}

func TestGatherReplacesWhatItOverlaps(t *testing.T) {
	entries := func(term uint64, from, to uint64) (out []raftpb.Entry) {
		for i := from; i <= to; i++ {
			out = append(out, raftpb.Entry{Index: i, Term: term})
		}
		return out
	}
	for name, tc := range map[string]struct {
		batches [][]raftpb.Entry
		terms   []uint64 // of the entries from the first index on
	}{
		"one after the other":   {[][]raftpb.Entry{entries(1, 5, 6), entries(1, 7, 8)}, []uint64{1, 1, 1, 1}},
		"a tail replaced":       {[][]raftpb.Entry{entries(1, 5, 8), entries(2, 7, 7)}, []uint64{1, 1, 2}},
		"everything replaced":   {[][]raftpb.Entry{entries(1, 5, 8), entries(2, 5, 6)}, []uint64{2, 2}},
		"from before the first": {[][]raftpb.Entry{entries(1, 5, 8), entries(2, 4, 5)}, []uint64{2, 2}},
	} {
		a := logWriter{hard: raftpb.HardState{}}
		for _, b := range tc.batches {
			a.gather(&raftpb.Message{Entries: b})
		}
		var terms []uint64
		for i, e := range a.entries {
			terms = append(terms, e.Term)
			if i > 0 && e.Index != a.entries[i-1].Index+1 {
				t.Errorf("%s: a gap before %d", name, e.Index)
			}
		}
		if !slices.Equal(terms, tc.terms) {
			t.Errorf("%s: terms %v, want %v", name, terms, tc.terms)
		}
	}
}
