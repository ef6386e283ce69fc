package broadcast

import (
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/chessrelay/chessrelay/relay"
	"github.com/chessrelay/chessrelay/relay/relaypb"
)

var update = flag.Bool("update", false, "write the golden files again")

// TestFramesGolden: pages and other programs rely on the frames: a field may be added, none is
// renamed or removed.
func TestFramesGolden(t *testing.T) {
	s := newDelayedScript(t, 5)
	g := s.game(roundA, 1)
	s.move(g)
	s.move(g)
	s.takeBack(g, 1)
	s.clock(g, 3_590_000)
	s.result(g, relay.WhiteWins)
	s.takeBack(g, 0) // this also removes the result
	s.add(&relaypb.Command{Op: &relaypb.Command_CreateGame{CreateGame: &relaypb.CreateGame{
		Id: "endgame1", Round: string(roundA), Board: 2, TimeControl: "90+30",
		Fen:   "8/8/4k3/8/8/4K3/4P3/8 w - - 0 1",
		White: &relaypb.Player{Name: "Capablanca", Title: "GM", Federation: "CUB", Rating: 2725, FideId: 1, Team: "Manhattan"},
		Black: &relaypb.Player{Name: "<b>Tal"},
	}}})
	s.move(s.game(roundA, 3))
	var out strings.Builder
	for _, events := range s.events {
		if len(events) == 0 {
			continue
		}
		f, err := encodeFrame(events)
		if err != nil {
			t.Fatal(err)
		}
		text := f.whole.text()
		if len(text) != f.whole.length() {
			t.Errorf("length %d of %s", f.whole.length(), text)
		}
		out.Write(text)
		out.WriteByte('\n')
	}
	r := &topic{topicKey: topicKey{roundA, relay.Truth}}
	r.history.init(0, 10, 1000)
	b := &boards{applied: s.last(), state: s.state}
	snap, _, err := r.snapshot(b)
	if err != nil {
		t.Fatal(err)
	}
	out.Write(snap.frameWith(snap.boards))
	out.WriteByte('\n')

	file := filepath.Join("testdata", "frames.golden")
	if *update {
		if err := os.WriteFile(file, []byte(out.String()), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff(strings.Split(string(want), "\n"), strings.Split(out.String(), "\n")); d != "" {
		t.Errorf("frames have changed (-want +got):\n%s", d)
	}
}

// TestSnapshotIsShared: a snapshot is encoded once for all who join, and again after a change.
func TestSnapshotIsShared(t *testing.T) {
	s := longScript(t, 60)
	n := startNode(t, s, 30, nil)
	for range 10 {
		newWatcher(t, roundA).join(n).until(30)
	}
	// The figures are written after the messages.
	waitFor(t, "ten snapshots are counted", func() bool { return n.hub.Stats().SnapshotsSent == 10 })
	if got := n.hub.Stats().SnapshotsEncoded; got != 1 {
		t.Errorf("%d snapshots encoded for ten who join", got)
	}
	n.apply(s.last())
	w := newWatcher(t, roundA).join(n).until(last(s.indexes(roundA, 0, s.last())))
	w.check(s, s.last())
	waitFor(t, "another is encoded", func() bool { return n.hub.Stats().SnapshotsEncoded == 2 })
}
