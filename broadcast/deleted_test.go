package broadcast

import (
	"errors"
	"fmt"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"

	"github.com/chessrelay/chessrelay/relay"
)

// TestDeletedBoard: each spectator of the round is told that a board is gone, also one of other
// boards and one that resumes with an index. The board's number is used again, and the board is
// restored.
func TestDeletedBoard(t *testing.T) {
	s := newScript(t)
	first, second := s.game(roundA, 1), s.game(roundA, 2)
	s.move(first)
	s.move(second)
	from := s.last()
	n := startNode(t, s, from, nil)
	all, other, away := newWatcher(t, roundA).join(n).until(from), newWatcher(t, roundA, 2).join(n).until(from), newWatcher(t, roundA).join(n).until(from)
	away.leave()
	s.delete(string(first))
	s.move(second)
	n.apply(s.last())
	for _, w := range []*watcher{all, other, away} {
		if w == away {
			w.join(n)
		}
		w.until(s.last()).check(s, s.last())
		if w.snapshots != 1 || !slices.Equal(w.seen, []uint64{from + 1, from + 2}) {
			t.Errorf("%d snapshots, events %v", w.snapshots, w.seen)
		}
		if _, there := w.others[1]; there {
			t.Error("the list of the others still has the board")
		}
	}
	s.gameOf("another1", roundA, 1)
	n.apply(s.last())
	all.until(s.last()).check(s, s.last())
	s.delete("another1")
	s.restore(string(first))
	n.apply(s.last())
	for _, w := range []*watcher{all, away, newWatcher(t, roundA).join(n)} {
		w.until(s.last()).check(s, s.last())
	}
}

// TestDeletedRound deletes a round. Its spectators are disconnected and told why, and nobody can
// join until the round is restored.
func TestDeletedRound(t *testing.T) {
	for _, whole := range []string{string(roundA), "tourney1"} {
		s := newScript(t)
		g := s.game(roundA, 1)
		s.game(roundB, 1)
		s.move(g)
		from := s.last()
		n := startNode(t, s, from, sightByHeader)
		w, truth := newWatcher(t, roundA).join(n).until(from), newWatcher(t, roundA)
		truth.header = truthHeader
		truth.join(n).until(from)
		events, feed := n.open(t, "/events?round="+string(roundA), nil), n.open(t, "/feed", nil)
		deleted := s.delete(whole)
		n.apply(deleted)
		for _, w := range []*watcher{w, truth} {
			if code, reason := w.closed(); code != CloseNoRound || reason != "this round was deleted" {
				t.Errorf("%s: closed with %d %q", whole, code, reason)
			}
		}
		for name := ""; name != "close"; {
			var data []byte
			if _, name, data = events.event(); name == "close" && !strings.Contains(string(data), `{"code":4404,"reason":"this round was deleted"}`) {
				t.Errorf("%s: the end of /events is %s", whole, data)
			}
		}
		want := fmt.Sprintf(`{"roundId":"roundAAA","type":"deleted","index":%d}`, deleted)
		for line := ""; !strings.Contains(line, `"deleted"`); {
			if line = feed.line(); strings.Contains(line, `"deleted"`) && !strings.Contains(line, want) {
				t.Errorf("%s: the feed says %s", whole, line)
			}
		}
		for _, w := range []*watcher{newWatcher(t, roundA), {t: t, round: roundA, cursor: from}, {t: t, round: roundA, cursor: 1 << 40}} {
			if code, reason := w.join(n).closed(); code != CloseNoRound || !strings.Contains(reason, "was deleted at 2023-11-14") {
				t.Errorf("%s: a newcomer is told %d %q", whole, code, reason)
			}
		}
		restored := s.restore(whole)
		s.move(g)
		n.apply(s.last())
		newWatcher(t, roundA).join(n).until(s.last()).check(s, s.last())
		back := &watcher{t: t, round: roundA, cursor: from, boards: map[int]boardInfo{}}
		back.join(n).until(s.last()).check(s, s.last())
		for line := ""; !strings.Contains(line, fmt.Sprintf(`"snapshot","index":%d`, restored)) && !strings.Contains(line, fmt.Sprintf(`"snapshot","index":%d`, restored+1)); {
			if line = feed.line(); strings.Contains(line, `"move"`) {
				t.Errorf("%s: the feed goes on without a snapshot of the round", whole)
			}
		}
	}
}

// TestDeletedWithDelay: the public of a round with a delay loses a board at once, on the connection
// that it has. It gets no more of the board, though earlier moves are held.
func TestDeletedWithDelay(t *testing.T) {
	s := newDelayedScript(t, testDelay)
	first, second := s.game(roundA, 1), s.game(roundA, 2)
	from := s.last()
	n := startNode(t, s, from, sightByHeader)
	n.release(from)
	public, other, away, truth := newWatcher(t, roundA), newWatcher(t, roundA, 2), newWatcher(t, roundA), newWatcher(t, roundA)
	truth.header = truthHeader
	for _, w := range []*watcher{public, other, away, truth} {
		w.renews = w != truth
		w.join(n).until(from)
	}
	away.leave()
	feed := n.open(t, "/feed", nil)
	s.move(first)
	s.move(second)
	n.apply(s.last())
	n.apply(s.delete(string(first)))
	truth.until(s.last()).check(s, s.last())
	for _, w := range []*watcher{public, other} {
		for w.snapshots < 2 {
			if _, err := w.read(); err != nil {
				t.Fatal(err)
			}
		}
	}
	away.join(n)
	for away.snapshots < 2 {
		if _, err := away.read(); err != nil {
			t.Fatal(err)
		}
	}
	newcomer := newWatcher(t, roundA).join(n).until(from)
	for _, w := range []*watcher{public, other, away, newcomer} {
		if w.cursor != from || len(w.boards) != 1 || w.boards[2].Ply != 0 {
			t.Errorf("at %d the public has %v", w.cursor, w.boards)
		}
	}
	n.release(s.last())
	for _, w := range []*watcher{public, other, away, newcomer} {
		w.until(s.last()).check(s, s.last())
	}
	s.move(second)
	n.apply(s.last())
	n.release(s.last())
	public.until(s.last()).check(s, s.last())
	var told []string
	for line := ""; !strings.Contains(line, fmt.Sprintf(`"move","index":%d`, s.last())); {
		line = feed.line()
		told = append(told, line)
	}
	if text := strings.Join(told, "\n"); strings.Contains(text, fmt.Sprintf(`"move","index":%d,`, from+1)) || strings.Count(text, `"snapshot"`) < 4 {
		t.Errorf("the feed of the public has\n%s", text)
	}
	// No history waits for a held command.
	n.hub.mu.Lock()
	defer n.hub.mu.Unlock()
	if anyHeld(n.hub) {
		t.Error("the hub still waits for something")
	}
}

// TestDeletedRoundWithDelay deletes a round that has held commands, and restores it before they are
// released.
func TestDeletedRoundWithDelay(t *testing.T) {
	s := newDelayedScript(t, testDelay)
	g := s.game(roundA, 1)
	from := s.last()
	n := startNode(t, s, from, sightByHeader)
	n.release(from)
	w := newWatcher(t, roundA).join(n).until(from)
	s.move(g)
	n.apply(s.delete(string(roundA)))
	if code, _ := w.closed(); code != CloseNoRound {
		t.Errorf("closed with %d", code)
	}
	n.release(from + 1) // there is nothing to tell
	s.restore(string(roundA))
	s.move(g)
	n.apply(s.last())
	back := newWatcher(t, roundA).join(n).until(from + 1)
	if back.boards[1].Ply != 1 {
		t.Errorf("the public has %v", back.boards)
	}
	n.release(s.last())
	back.until(s.last()).check(s, s.last())
	n.hub.mu.Lock()
	defer n.hub.mu.Unlock()
	if anyHeld(n.hub) {
		t.Error("the hub still waits for something")
	}
}

// TestGameReaderDeleted: a board is deleted, and another game gets its number.
func TestGameReaderDeleted(t *testing.T) {
	s := newScript(t)
	first := s.game(roundA, 1)
	n := startNode(t, s, s.last(), nil)
	f, err := n.hub.ReadGames(httptest.NewRequest("GET", "/", nil), roundA)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	next := func(want ...relay.GameID) {
		t.Helper()
		n.apply(s.last())
		games, err := f.Next(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		var got []relay.GameID
		for _, g := range games {
			got = append(got, g.ID)
		}
		if !slices.Equal(got, want) {
			t.Errorf("got %v, want %v", got, want)
		}
	}
	next(first)
	s.delete(string(first))
	n.apply(s.last())
	another := relay.GameID("another1")
	s.gameOf(another, roundA, 1)
	next(another)
	s.move(another)
	next(another)
	s.delete(string(another))
	s.restore(string(first))
	next(first)
	n.apply(s.delete(string(roundA)))
	if _, err := f.Next(t.Context()); !errors.Is(err, ErrNoRound) {
		t.Errorf("the end is %v", err)
	}
}
