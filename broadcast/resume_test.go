package broadcast

import (
	"slices"
	"testing"
	"time"

	"github.com/chessrelay/chessrelay/relay"
)

// TestResumeOnAnotherNode: a spectator goes from one node to another with its index, and gets
// exactly what it lacks.
func TestResumeOnAnotherNode(t *testing.T) {
	s := longScript(t, 300)
	a, b := startNode(t, s, 9, nil), startNode(t, s, 9, nil)
	a.apply(100)
	w := newWatcher(t, roundA).join(a).until(last(s.indexes(roundA, 0, 100)))
	at := w.cursor
	b.apply(s.last())
	w.join(b).until(last(s.indexes(roundA, 0, s.last())))
	if w.snapshots != 1 {
		t.Errorf("%d snapshots, where the history reaches back", w.snapshots)
	}
	if want := s.indexes(roundA, at, s.last()); !slices.Equal(w.seen, want) {
		t.Errorf("after %d: %v, want %v", at, w.seen, want)
	}
	w.check(s, s.last())
}

// TestResumeOnANodeThatIsBehind: such a node must not show an older board, nor repeat anything. It
// goes on once it has caught up.
func TestResumeOnANodeThatIsBehind(t *testing.T) {
	s := longScript(t, 300)
	often := func(c *Config) { c.StatusEvery = 10 * time.Millisecond }
	a, b := startNode(t, s, 9, nil), startNode(t, s, 9, often)
	a.apply(200)
	b.apply(50)
	w := newWatcher(t, roundA).join(a).until(last(s.indexes(roundA, 0, 200)))
	at := w.cursor
	w.join(b)
	for w.statuses = nil; len(w.statuses) < 3; { // it has joined, and gets nothing else
		if _, err := w.read(); err != nil {
			t.Fatal(err)
		}
	}
	if w.snapshots != 1 || len(w.seen) != 0 {
		t.Fatalf("%d snapshots, events %v", w.snapshots, w.seen)
	}
	for _, st := range w.statuses {
		if st.Index != 0 {
			t.Errorf("a status with index %d for a spectator at %d", st.Index, at)
		}
	}
	b.apply(s.last())
	w.until(last(s.indexes(roundA, 0, s.last())))
	if want := s.indexes(roundA, at, s.last()); !slices.Equal(w.seen, want) {
		t.Errorf("after %d: %v, want %v", at, w.seen, want)
	}
	w.check(s, s.last())
}

// TestResumeTooLate: a snapshot bridges the gap if the history does not reach back.
func TestResumeTooLate(t *testing.T) {
	s := longScript(t, 300)
	a := startNode(t, s, 9, nil)
	a.apply(40)
	for name, b := range map[string]*node{
		"a short history":           startNode(t, s, 9, func(c *Config) { c.HistoryEvents = 10 }),
		"a node that started later": startNode(t, s, 250, nil),
	} {
		w := newWatcher(t, roundA).join(a).until(last(s.indexes(roundA, 0, 40)))
		b.apply(s.last())
		w.join(b).until(last(s.indexes(roundA, 0, s.last())))
		if w.snapshots != 2 {
			t.Errorf("%s: %d snapshots", name, w.snapshots)
		}
		w.check(s, s.last())
	}
}

// TestReset: after a Raft snapshot no spectator has a gap: neither one that is connected nor one
// that resumes, even if no event follows.
func TestReset(t *testing.T) {
	s := longScript(t, 300)
	n := startNode(t, s, 9, nil)
	n.apply(100)
	there := newWatcher(t, roundA).join(n).until(90)
	gone := newWatcher(t, roundA).join(n).until(90)
	gone.leave()
	n.jump(200)
	there.until(200)
	if there.snapshots != 2 {
		t.Errorf("%d snapshots for a spectator that was there", there.snapshots)
	}
	there.check(s, 200)
	gone.join(n).until(200)
	if gone.snapshots != 2 {
		t.Errorf("%d snapshots for a spectator that came back", gone.snapshots)
	}
	gone.check(s, 200)
	n.apply(s.last())
	for _, w := range []*watcher{there, gone} {
		w.until(last(s.indexes(roundA, 0, s.last())))
		if want := s.indexes(roundA, 200, s.last()); !slices.Equal(w.seen, want) {
			t.Errorf("after the reset: %v, want %v", w.seen, want)
		}
		w.check(s, s.last())
	}
}

// TestResetOfAQuietRound: the boards were replaced, and the round is the same. Still an older
// snapshot will not do, since the history begins later.
func TestResetOfAQuietRound(t *testing.T) {
	s := longScript(t, 30)
	n := startNode(t, s, 20, nil)
	w := newWatcher(t, roundA).join(n).until(20)
	n.boards.mu.Lock()
	n.boards.applied = 25
	n.boards.mu.Unlock()
	n.hub.Reset(25, nil)
	w.until(25)
	if w.snapshots != 2 {
		t.Errorf("%d snapshots", w.snapshots)
	}
	w.check(s, 20)
}

// TestOneIndexInTwoRounds: one index that changes two rounds is one message in each.
func TestOneIndexInTwoRounds(t *testing.T) {
	s := newScript(t)
	a, b := s.game(roundA, 1), s.game(roundB, 1)
	n := startNode(t, s, s.last(), nil)
	wa := newWatcher(t, roundA).join(n).until(s.last())
	wb := newWatcher(t, roundB).join(n).until(s.last())
	event := func(typ relay.EventType, id relay.GameID) relay.Event {
		g, _ := s.state.Game(id)
		return relay.Event{Type: typ, Index: 9, Game: g}
	}
	n.hub.Publish([]relay.Event{
		event(relay.EventResult, a), event(relay.EventResult, b), event(relay.EventGame, a), event(relay.EventGame, b),
	})
	for _, w := range []*watcher{wa, wb} {
		for w.cursor < 9 {
			frames, err := w.read()
			if err != nil {
				t.Fatal(err)
			}
			if w.cursor == 9 && (len(frames) != 2 || frames[0].Type != "result" || frames[1].Type != "game" ||
				frames[0].Game[1:4] != relay.GameID(w.round[5:])) {
				t.Errorf("%s: %+v", w.round, frames)
			}
		}
	}
}

func TestBoardsFilter(t *testing.T) {
	s := longScript(t, 300)
	n := startNode(t, s, 30, nil)
	w := newWatcher(t, roundA, 2, 4, 77).join(n)
	for w.snapshots == 0 {
		if _, err := w.read(); err != nil {
			t.Fatal(err)
		}
	}
	if len(w.boards) != 2 {
		t.Errorf("a snapshot of %d boards", len(w.boards))
	}
	from := w.cursor
	n.apply(s.last())
	var want []uint64
	for _, index := range s.indexes(roundA, from, s.last()) {
		if g := s.events[index-1][0].Game; g == nil || g.Board == 2 || g.Board == 4 {
			want = append(want, index)
		}
	}
	for len(w.seen) < len(want) {
		frames, err := w.read()
		if err != nil {
			t.Fatal(err)
		}
		for _, f := range frames {
			if f.Board != 0 && f.Board != 2 && f.Board != 4 {
				t.Fatalf("a frame of board %d", f.Board)
			}
		}
	}
	if !slices.Equal(w.seen, want) {
		t.Errorf("%v, want %v", w.seen, want)
	}
	w.check(s, s.last())
	// It resumes with the index of its last frame, and again gets only its own boards.
	w.join(n)
	n.hub.SetStale(true, time.Now())
	if frames, err := w.read(); err != nil || frames[0].Type != "hello" {
		t.Fatal(frames, err)
	}
	for len(w.statuses) == 0 || !w.statuses[len(w.statuses)-1].Stale {
		if _, err := w.read(); err != nil {
			t.Fatal(err)
		}
	}
	if w.snapshots != 1 || !slices.Equal(w.seen, want) {
		t.Errorf("back again: %d snapshots, %v", w.snapshots, w.seen)
	}
}

// TestOneIndexIsOneMessage: a takeback in a finished game removes the result, too: two events of
// one index. They come together, also for a spectator of some boards.
func TestOneIndexIsOneMessage(t *testing.T) {
	s := newScript(t)
	g := s.game(roundA, 1)
	s.move(g)
	s.result(g, "1-0")
	n := startNode(t, s, s.last(), nil)
	index := s.takeBack(g, 0)
	if len(s.events[index-1]) != 3 { // takeback, result and round
		t.Fatalf("the takeback made %d events", len(s.events[index-1]))
	}
	for _, w := range []*watcher{newWatcher(t, roundA), newWatcher(t, roundA, 1)} {
		w.join(n).until(index - 1)
		n.apply(index)
		for w.cursor < index {
			frames, err := w.read()
			if err != nil {
				t.Fatal(err)
			}
			if w.cursor == index && len(frames) != 3 && frames[0].Type != "snapshot" {
				t.Errorf("a message of %d frames", len(frames))
			}
		}
		w.check(s, index)
	}
}

// TestPublishSeveralIndexesAndRounds: a batch joins what has waited; the order of events stays.
func TestPublishSeveralIndexesAndRounds(t *testing.T) {
	s := longScript(t, 60)
	n := startNode(t, s, 9, nil)
	a := newWatcher(t, roundA).join(n).until(9)
	b := newWatcher(t, roundB).join(n).until(9)
	events := n.step()
	for n.applied() < s.last() {
		events = append(events, n.step()...)
	}
	n.hub.Publish(events)
	for _, w := range []*watcher{a, b} {
		want := s.indexes(w.round, 9, s.last())
		w.until(last(want))
		if !slices.Equal(w.seen, want) {
			t.Errorf("%s: %v, want %v", w.round, w.seen, want)
		}
		w.check(s, s.last())
	}
}

func last(indexes []uint64) uint64 { return indexes[len(indexes)-1] }
