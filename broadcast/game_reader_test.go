package broadcast

import (
	"context"
	"errors"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/chessrelay/chessrelay/relay"
)

// TestGameReader reads a round through moves, corrections and new boards. The history is too short
// for a slow reader, and a Raft snapshot comes between. It must end with every game as it is, and
// never go back.
func TestGameReader(t *testing.T) {
	s := longScript(t, 400)
	n := startNode(t, s, 9, func(c *Config) { c.HistoryEvents = 8 })
	f, err := n.hub.ReadGames(httptest.NewRequest("GET", "/", nil), roundA)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	seen := map[relay.GameID]*relay.Game{}
	take := func() {
		t.Helper()
		games, err := f.Next(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		for _, g := range games {
			if g.Round != roundA {
				t.Fatalf("game %s is of round %s", g.ID, g.Round)
			}
			if old := seen[g.ID]; old != nil && old.Index > g.Index {
				t.Fatalf("game %s goes back from %d to %d", g.ID, old.Index, g.Index)
			}
			seen[g.ID] = g
		}
	}
	take()
	for _, upTo := range []uint64{12, 20, 21, 60, 61, 150, 200} {
		from := n.applied()
		n.apply(upTo)
		if len(s.indexes(roundA, from, upTo)) > 0 {
			take()
		}
	}
	n.jump(300)
	take()
	n.apply(s.last())
	for last(s.indexes(roundA, 0, s.last())) > f.index {
		take()
	}
	want := s.boardsAt(roundA, s.last())
	if len(seen) != len(want) {
		t.Errorf("%d games were seen of %d", len(seen), len(want))
	}
	for _, g := range want {
		if got := seen[g.ID]; got == nil || got.Index != g.Index || got.FEN() != g.FEN() || got.Result != g.Result {
			t.Errorf("board %d is not as it stands", g.Board)
		}
	}
}

// TestGameReaderEnds: Next ends with its context and with the hub, and no limit is exceeded.
func TestGameReaderEnds(t *testing.T) {
	s := newScript(t)
	s.game(roundA, 1)
	n := startNode(t, s, s.last(), func(c *Config) { c.MaxSpectators = 1 })
	r := httptest.NewRequest("GET", "/", nil)
	f, err := n.hub.ReadGames(r, roundA)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := n.hub.ReadGames(r, roundA); !errors.Is(err, ErrTooMany) {
		t.Errorf("one too many: %v", err)
	}
	if _, err := n.hub.ReadGames(r, "nowhere1"); !errors.Is(err, ErrNoRound) {
		t.Errorf("no such round: %v", err)
	}
	if games, err := f.Next(t.Context()); err != nil || len(games) != 1 {
		t.Fatalf("%d games, %v", len(games), err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Millisecond)
	defer cancel()
	if _, err := f.Next(ctx); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("after its time Next returns %v", err)
	}
	if got := n.hub.Stats().Spectators; got != 1 {
		t.Errorf("%d spectators", got)
	}
	ended := make(chan error, 1)
	go func() {
		_, err := f.Next(t.Context())
		f.Close()
		ended <- err
	}()
	if err := n.hub.Close(); err != nil {
		t.Fatal(err)
	}
	if err := <-ended; !errors.Is(err, ErrClosed) {
		t.Errorf("with the hub Next returns %v", err)
	}
	if _, err := n.hub.ReadGames(r, roundA); !errors.Is(err, ErrClosed) {
		t.Errorf("a hub that is closed: %v", err)
	}
}
