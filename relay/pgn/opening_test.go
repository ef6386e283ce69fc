package pgn

import (
	"strings"
	"testing"

	"github.com/chessrelay/chessrelay/relay"
)

func TestOpening(t *testing.T) {
	for line, want := range map[string]string{
		"e2e4 e7e5 g1f3 b8c6 f1b5":                     "C60 Ruy Lopez",
		"d2d4 d7d5 c2c4 e7e6 b1c3 g8f6 c4d5 e6d5 c1g5": "D35 Queen's Gambit Declined: Normal Defense",
		"e2e4 e7e5 g1f3 b8c6 f1b5 h7h5 a2a4":           "C60 Ruy Lopez", // out of the book
		"":                                             " ",
	} {
		var moves []relay.Move
		for _, uci := range strings.Fields(line) {
			moves = append(moves, relay.Move{UCI: uci})
		}
		g := mustGame(relay.Pairing{}, relay.Ongoing, moves...)
		eco, name := openingOf(g, g.Moves())
		if got := eco + " " + name; got != want {
			t.Errorf("%s: %q, want %q", line, got, want)
		}
		g.StartFEN = relay.StartFEN
		if eco, _ := openingOf(g, g.Moves()); eco != "" {
			t.Errorf("a game from a position of its own has the opening %s", eco)
		}
	}
	g := mustGame(relay.Pairing{}, relay.Ongoing, relay.Move{SAN: "e4", UCI: "e2e4", Clock: relay.NoClock()})
	if out := NewWriter(nil).Format(g, Event{}); !strings.Contains(out, "[ECO \"B00\"]\n[Opening \"King's Pawn") {
		t.Errorf("the tags are missing:\n%s", out)
	}
}

// BenchmarkFormat writes a game of 160 plies, as a stream does each time that it changes.
func BenchmarkFormat(b *testing.B) {
	games := newBoards(b)
	game := tell(b, readOne(b, pushedGame(160)))
	g := games.play(&game)
	w := NewWriter(nil)
	w.Format(g, games.event)
	b.ReportAllocs()
	for b.Loop() {
		w.Format(g, games.event)
	}
}
