package pgn

import (
	"os"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/chessrelay/chessrelay/relay"
)

// mustGame makes a game that has been played.
func mustGame(p relay.Pairing, result relay.Result, moves ...relay.Move) *relay.Game {
	g, err := relay.NewGame(p, result, moves)
	if err != nil {
		panic(err)
	}
	return g
}

func millis(white, black relay.Millis) relay.Clock { return relay.Clock{White: white, Black: black} }

// A round of three games: one with everything, one that has not begun, one that
// starts in the middle with Black to move.
func testGames() ([]*relay.Game, Event) {
	tournament := &relay.Tournament{ID: "tournam1", Name: `The "Open" of C:\`, Location: "Tromsø", Rounds: []relay.RoundID{"round001"}}
	round := &relay.Round{ID: "round001", Tournament: "tournam1", Name: "Round 11", StartsAt: 1_407_927_600_000}
	no := relay.NoTime
	return []*relay.Game{
		mustGame(relay.Pairing{
			ID: "game0001", Round: "round001", Board: 1, TimeControl: "5400+30",
			White: relay.Player{Name: "Carlsen, Magnus", Title: "GM", Rating: 2877, FideID: 1503014, Team: "Norway"},
			Black: relay.Player{Name: "Caruana, Fabiano", Rating: 2801},
		}, relay.WhiteWins,
			relay.Move{SAN: "e4", Clock: millis(3_687_000, no)},
			relay.Move{SAN: "e5", Clock: millis(3_687_000, no)},
			relay.Move{SAN: "Nf3", Clock: millis(178_900, 5_400_000)},
			relay.Move{SAN: "Nc6", Clock: millis(178_900, 5_400_000)},
		),
		mustGame(relay.Pairing{
			ID: "game0002", Round: "round001", Board: 2,
			White: relay.Player{Name: "A"}, Black: relay.Player{Name: "B"},
		}, relay.Ongoing,
		),
		mustGame(relay.Pairing{
			ID: "game0003", Round: "round001", Board: 3,
			White: relay.Player{Name: "A"}, Black: relay.Player{Name: "B"},
			StartFEN: "4k3/8/8/8/8/8/4P3/4K3 b - - 3 40",
		}, relay.Ongoing,
			relay.Move{SAN: "Kd7", Clock: millis(no, 60_000)},
			relay.Move{SAN: "e4", Clock: millis(no, 60_000)},
			relay.Move{SAN: "Kd6", Clock: millis(no, 50_000)},
		),
	}, Event{Tournament: tournament, Round: round, Site: "https://chess.example"}
}

// TestWrite compares with a file, byte for byte: programs split and parse this
// form, so no change of it is by accident. To change it, change the file by hand.
func TestWrite(t *testing.T) {
	games, event := testGames()
	var b strings.Builder
	w := NewWriter(&b)
	for _, g := range games {
		if err := w.Write(g, event); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile("testdata/round.pgn")
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(strings.Split(string(want), "\n"), strings.Split(b.String(), "\n")); diff != "" {
		t.Error(diff)
	}
}

// TestWriteBare has nothing but the game.
func TestWriteBare(t *testing.T) {
	g := mustGame(relay.Pairing{Board: 7, White: relay.Player{Name: "A"}, Black: relay.Player{Name: "B"}}, relay.Draw,
		relay.Move{SAN: "e4", Clock: millis(60_000, 60_000)})
	w := NewWriter(nil)
	w.NoClocks = true
	want := "[Event \"?\"]\n[Site \"?\"]\n[Date \"1970.01.01\"]\n[Round \"?.7\"]\n[White \"A\"]\n[Black \"B\"]\n[Result \"1/2-1/2\"]\n" +
		"[Variant \"Standard\"]\n[ECO \"B00\"]\n[Opening \"King's Pawn\"]\n[UTCDate \"1970.01.01\"]\n[UTCTime \"00:00:00\"]\n\n1. e4 1/2-1/2\n\n\n"
	if diff := cmp.Diff(want, w.Format(g, Event{})); diff != "" {
		t.Error(diff)
	}
}

// TestWriteAndRead: what was written is read again as it was.
func TestWriteAndRead(t *testing.T) {
	games, event := testGames()
	var b strings.Builder
	for _, g := range games {
		if err := NewWriter(&b).Write(g, event); err != nil {
			t.Fatal(err)
		}
	}
	read, errs := readAll(t, strings.NewReader(b.String()))
	if len(read) != len(games) || errs != nil {
		t.Fatalf("%d games, %v", len(read), errs)
	}
	for i, g := range games {
		got := read[i]
		if got.Board() != g.Board || got.Result != g.Result || got.Truncated || got.Tag("Event") != event.Tournament.Name {
			t.Errorf("board %d: %+v", g.Board, got)
		}
		if diff := cmp.Diff(g.White, got.Player("White")); diff != "" {
			t.Error(diff)
		}
		if len(got.Moves) != int(g.Ply()) {
			t.Fatalf("board %d: %d moves", g.Board, len(got.Moves))
		}
		for j, m := range g.Moves() {
			left := m.Clock.Black
			if g.WhitePlays(m.Ply) {
				left = m.Clock.White
			}
			if got.Moves[j].SAN != m.SAN || got.Moves[j].Clock != left {
				t.Errorf("board %d: %+v, want %+v", g.Board, got.Moves[j], m)
			}
		}
	}
}

func FuzzWrite(f *testing.F) {
	f.Add("Carlsen, M", `a\"b`, "x\ny")
	f.Fuzz(func(t *testing.T, white, event, team string) {
		g := &relay.Game{
			Pairing: &relay.Pairing{White: relay.Player{Name: white, Team: team}, Black: relay.Player{Name: "B"}},
			Result:  relay.Ongoing,
		}
		s := NewWriter(nil).Format(g, Event{Tournament: &relay.Tournament{Name: event}})
		if games, errs := readAll(t, strings.NewReader(s)); len(errs) == 0 && len(games) != 1 {
			t.Errorf("%d games in %q", len(games), s)
		}
	})
}
