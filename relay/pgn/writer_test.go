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
		if got.Board() != g.Board || got.Result != g.Result || got.Truncated || got.Tag("Event") != "The 'Open' of C:/" {
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

// TestWriteResults: the moves end with one of the four results that readers know, and the tag has
// the result as it is. Our own reader gets it back from there.
func TestWriteResults(t *testing.T) {
	for _, tc := range []struct {
		result  relay.Result
		forfeit bool
		want    string
	}{
		{relay.Ongoing, false, "*"},
		{relay.WhiteWins, false, "1-0"},
		{relay.BlackWins, false, "0-1"},
		{relay.Draw, false, "1/2-1/2"},
		{relay.BothLose, false, "*"},
		{relay.WhiteHalf, false, "*"},
		{relay.BlackHalf, false, "*"},
		{relay.WhiteWins, true, "1-0"},
		{relay.BlackWins, true, "0-1"},
		{relay.Draw, true, "1/2-1/2"},
		{relay.BothLose, true, "*"},
	} {
		for _, moves := range [][]relay.Move{nil, {{SAN: "e4", Clock: relay.NoClock()}}} {
			g := mustGame(relay.Pairing{Board: 1, White: relay.Player{Name: "A"}}, tc.result, moves...)
			g.Forfeit = tc.forfeit
			text := new(Writer).Format(g, Event{})
			want := "\n\n " + tc.want + "\n\n\n"
			if len(moves) > 0 {
				want = "\n\n1. e4 " + tc.want + "\n\n\n"
			}
			if !strings.HasSuffix(text, want) || !strings.Contains(text, `[Result "`+string(tc.result)+`"]`) {
				t.Errorf("%s is written as\n%s", tc.result, text)
			}
			read := readOne(t, text)
			if read.Result != tc.result || read.Forfeit != tc.forfeit || len(read.Moves) != len(moves) {
				t.Errorf("%s, %v is read as %s, %v with %d moves", tc.result, tc.forfeit, read.Result, read.Forfeit, len(read.Moves))
			}
		}
	}
}

// TestWriteTags: values keep to signs that every reader takes alike, and the names of tags, too.
func TestWriteTags(t *testing.T) {
	for in, want := range map[string]string{
		`Anna "Ace" Berg`:             `Anna 'Ace' Berg`,
		`C:\`:                         `C:/`,
		`\"`:                          `/'`,
		"two\nlines\r\nof\ttext":      "two lines of text",
		"  much \u00a0\u2028 space  ": "much space",
		"\x00\x1b[31m\u0085":          "[31m",
		"]; {x} % (y) [Event 'z']":    "]; {x} % (y) [Event 'z']",
		"Žižek, Ярослав 🐴":            "Žižek, Ярослав 🐴",
		"\xff":                        "\ufffd",
	} {
		g := mustGame(relay.Pairing{Board: 1, White: relay.Player{Name: in}, Black: relay.Player{Name: "B"}}, relay.Ongoing)
		text := new(Writer).Format(g, Event{})
		if !strings.Contains(text, "\n[White \""+want+"\"]\n") || readOne(t, text).Tag("White") != want {
			t.Errorf("%q is written as\n%s", in, text)
		}
	}
	g := mustGame(relay.Pairing{Board: 1, Tags: []relay.Tag{
		{Name: "Annotator", Value: "A"}, {Name: "annotator", Value: "B"}, {Name: "ECO2", Value: "C"}, {Name: "_Note", Value: "D"}, {Name: "Un_known", Value: "E"},
	}}, relay.Ongoing)
	text := new(Writer).Format(g, Event{})
	_, others, _ := strings.Cut(text, "[UTCTime \"00:00:00\"]\n")
	if others != "[Annotator \"A\"]\n\n *\n\n\n" || !strings.Contains(text, "[White \"?\"]\n[Black \"?\"]\n") {
		t.Errorf("it is\n%s", text)
	}
	whole := strings.Repeat("40/7200:", 20) + "900+30"
	if text := new(Writer).Format(&relay.Game{Pairing: &relay.Pairing{TimeControl: whole}}, Event{}); !strings.Contains(text, whole) {
		t.Errorf("the time control is cut:\n%s", text)
	}
}

// FuzzWrite writes a game with texts from outside everywhere, and reads it again.
func FuzzWrite(f *testing.F) {
	f.Add("Carlsen, M", `a\"b`, "x\ny", "Site", "?")
	f.Add("}", "{ [%clk 0:00:01] }", "\u2028", "Annotator", `"] 1-0`)
	f.Add("[Event \"x\"]", "\n\n[White \"y\"]", "%", "ePGN", "0.1")
	f.Fuzz(func(t *testing.T, white, event, team, name, value string) {
		illegal := relay.Move{SAN: white, FEN: afterIllegal, Illegal: true, Clock: relay.NoClock()}
		p := relay.Pairing{
			Board: 3, White: relay.Player{Name: white, Team: team}, Black: relay.Player{Name: "B"}, Tags: []relay.Tag{{Name: name, Value: value}},
		}
		moves := []relay.Move{{SAN: "e4", Clock: millis(1000, 2000)}, {SAN: "e5", Clock: millis(1000, 2000)}, {SAN: "Nf3", Clock: millis(500, 2000)},
			{SAN: "Nc6", Clock: millis(500, relay.NoTime)}}
		g, err := relay.NewGame(p, relay.WhiteHalf, append(moves, illegal))
		if err != nil { // the boards take no such text
			g = mustGame(p, relay.WhiteHalf, moves...)
		}
		s := NewWriter(nil).Format(g, Event{Tournament: &relay.Tournament{Name: event}})
		games, errs := readAll(t, strings.NewReader(s))
		if len(errs) > 0 || len(games) != 1 {
			t.Fatalf("%d games, %v in %q", len(games), errs, s)
		}
		got := games[0]
		for name, text := range map[string]string{"White": white, "WhiteTeam": team, "Black": "B", "BroadcastName": event} {
			want := string(appendValue(nil, text))
			if name == "White" && text == "" {
				want = "?"
			}
			if got.Tag(name) != want {
				t.Errorf("%s is read as %q, and not %q", name, got.Tag(name), want)
			}
		}
		if isTagName(name) && !relay.OwnTag(name) {
			// A tag with a place of its own is written as its place has it.
			switch strings.ToLower(name) {
			case "round", "broadcastname", "broadcasturl", "gameurl", "warning", "epgn", "date", "utcdate", "eventdate", "startdate", "enddate":
			default:
				if want := string(appendValue(nil, value)); want != "" && got.Tag(name) != want {
					t.Errorf("%s is read as %q, and not %q", name, got.Tag(name), want)
				}
			}
		}
		if len(got.Moves) != 4 || got.Result != relay.WhiteHalf || got.Truncated || got.Moves[2].Clock != 500 || got.Moves[3].Clock != relay.NoTime {
			t.Errorf("the moves are %+v, %s", got.Moves, got.Result)
		}
	})
}

// TestWriteEvaluations: the evaluation and the clock of a move are one comment, and both are read
// again. A move whose position was not evaluated has the clock alone.
func TestWriteEvaluations(t *testing.T) {
	g := mustGame(relay.Pairing{}, relay.Ongoing,
		relay.Move{SAN: "e4", Clock: millis(60_000, 60_000)}, relay.Move{SAN: "e5", Clock: millis(60_000, 59_000)}, relay.Move{SAN: "Nf3", Clock: relay.NoClock()})
	w := NewWriter(nil)
	w.Evaluations = func(*relay.Game) []*relay.Evaluation {
		return []*relay.Evaluation{{CP: 20}, {CP: 17}, nil, {Mate: -3}}
	}
	const want = "1. e4 { [%eval 0.17] [%clk 0:01:00] } e5 { [%clk 0:00:59] } 2. Nf3 { [%eval #-3] } *\n\n\n"
	text := w.Format(g, Event{})
	if !strings.HasSuffix(text, "\n\n"+want) {
		t.Errorf("the moves are written as\n%s, want\n%s", text, want)
	}
	games, errs := readAll(t, strings.NewReader(text))
	if len(errs) > 0 || len(games) != 1 || games[0].Moves[0].Clock != 60_000 {
		t.Errorf("read as %+v, %v", games, errs)
	}
}
