package pgn

import (
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/google/go-cmp/cmp"

	"github.com/chessrelay/chessrelay/relay"
	"github.com/chessrelay/chessrelay/relay/internal/samples"
)

// readAll reads to the end. The games that could not be read are errors, in order.
func readAll(tb testing.TB, in io.Reader) (games []*Game, errs []error) {
	tb.Helper()
	r := NewReader(in)
	for {
		g, err := r.Next()
		var bad *Error
		switch {
		case err == io.EOF:
			if _, again := r.Next(); again != io.EOF {
				tb.Fatalf("behind the end: %v", again)
			}
			return games, errs
		case errors.As(err, &bad):
			errs = append(errs, err)
		case err != nil:
			tb.Fatal(err)
		default:
			games = append(games, g)
		}
	}
}

// TestSamples reads every carried file. The numbers were counted in the files by
// other means: games by their tags, clocks by their commands.
func TestSamples(t *testing.T) {
	for _, f := range []struct {
		name                 string
		games, moves, clocks int
		unfinished           int
	}{
		{"chess960-2006.pgn", 8, 579, 0, 0},
		{"dgt-epgn-12-boards.pgn", 12, 846, 836, 0},
		{"edge-empty-line-in-tags.pgn", 1, 134, 0, 0},
		{"edge-tags-and-moves-on-one-line.pgn", 3, 15, 0, 3},
		{"edge-utf8-bom.pgn", 2, 0, 0, 2},
		{"live-clocks-tenths.pgn", 4, 248, 248, 0},
		{"olympiad-2014-round-11.pgn", 12, 1165, 1165, 0},
		{"study-with-clocks.pgn", 1, 41, 41, 0},
		{"tilburg-1998-round-2.pgn", 6, 512, 512, 0},
		{"twic-944-first-400-games.pgn", 400, 32861, 0, 0},
	} {
		t.Run(f.name, func(t *testing.T) {
			games, errs := readAll(t, iotest.HalfReader(strings.NewReader(samples.Read(t, f.name))))
			if len(errs) > 0 {
				t.Fatal(errs)
			}
			moves, clocks, unfinished := 0, 0, 0
			for _, g := range games {
				moves += len(g.Moves)
				for _, m := range g.Moves {
					if m.Clock != relay.NoTime {
						clocks++
					}
				}
				if g.Result == relay.Ongoing {
					unfinished++
				}
			}
			if len(games) != f.games || moves != f.moves || clocks != f.clocks || unfinished != f.unfinished {
				t.Errorf("got %d games, %d moves, %d clocks, %d unfinished, want %d, %d, %d, %d",
					len(games), moves, clocks, unfinished, f.games, f.moves, f.clocks, f.unfinished)
			}
		})
	}
}

// sans joins the moves of a game.
func sans(g *Game) string {
	var out []string
	for _, m := range g.Moves {
		out = append(out, m.SAN)
	}
	return strings.Join(out, " ")
}

// TestInTheWild has one case for each thing that real files do.
func TestInTheWild(t *testing.T) {
	type game struct{ White, Moves, Result string }
	for _, tt := range []struct {
		name, in string
		want     []game
	}{
		{"nothing", " \r\n\n", nil},
		{"tags only", "[White \"A\"]\n[Result \"1-0\"]\n", []game{{"A", "", "1-0"}}},
		{"two without moves", "[Event \"1\"]\n[White \"A\"]\n\n[Event \"1\"]\n[White \"B\"]\n", []game{{"A", "", "*"}, {"B", "", "*"}}},
		{"empty line in the tags", "[Event \"1\"]\n\n[White \"A\"]\n\n1. e4 *", []game{{"A", "e4", "*"}}},
		{"comments in the tags", "[Event \"1\"] ; of the event\n{of the players}\n[White \"A\"]\n{\n\n}\n1. e4 *\n\n[Event \"1\"]\n[White \"B\"]\n\n{no moves}\n\n[Event \"1\"]\n[White \"C\"]\n{none}\n[White \"D\"]\n",
			[]game{{"A", "e4", "*"}, {"B", "", "*"}, {"C", "", "*"}, {"D", "", "*"}}},
		{"spaces around tags", "  [ White  \"A\" ]  \n\t[Black\"B\"]\n [Result \"1-0\"]x\n\n  1. e4 1-0\n\n  [White \"C\"]\n\n1. d4 *", []game{{"A", "e4", "1-0"}, {"C", "d4", "*"}}},
		{"on one line", `[White "A"][Black "B"] 1.e4 e5 2.Nf3 1-0`, []game{{"A", "e4 e5 Nf3", "1-0"}}},
		{"no tags", "1. e4 e5 0-1\n\n1. d4 *", []game{{"", "e4 e5", "0-1"}, {"", "d4", "*"}}},
		{"byte order marks", "\ufeff[White \"A\"]\n\n*\n\n\ufeff[White \"B\"]\n\n*", []game{{"A", "", "*"}, {"B", "", "*"}}},
		{"CRLF and CR", "[White \"A\"]\r\n\r\n1. e4\r\ne5 *\r\n\r\n[White \"B\"]\r\r1. d4 *", []game{{"A", "e4 e5", "*"}, {"B", "d4", "*"}}},
		{"ISO-8859-1", "[White \"M\xfcller\"]\n\n1. e4 \xbd-\xbd", []game{{"Müller", "e4", "1/2-1/2"}}},
		{"header of a file", "[ePGN \"0.1;DGT LiveChess/2.2.6\"]\n\n[Event \"1\"]\n[White \"A\"]\n\n*", []game{{"A", "", "*"}}},
		{"escape line", "[White \"A\"]\n%[White \"B\"]\n\n1. e4\n% e5\nc5 *", []game{{"A", "e4 c5", "*"}}},
		{"comments", "1. e4 {a ( } e5 ; 2. Nc3\n2. Nf3 *", []game{{"", "e4 e5 Nf3", "*"}}},
		{"percent inside a comment", "1. e4 {50\n% } e5 *", []game{{"", "e4 e5", "*"}}},
		{"variations", "1. e4 (1. d4 d5 (1... Nf6 {)} 2. c4) 2. c4) 1... e5 *", []game{{"", "e4 e5", "*"}}},
		{"result inside a variation", "1. e4 (1. d4 1-0) e5 0-1", []game{{"", "e4 e5", "0-1"}}},
		{"annotations", "1. e4! $1 e5?? 2. Nf3 !? Nc6 $14 +- N *", []game{{"", "e4 e5 Nf3 Nc6", "*"}}},
		{"castling with zeros", "1. 0-0 0-0-0 2.0-0 *", []game{{"", "0-0 0-0-0 0-0", "*"}}},
		{"both lost", "[Result \"0-0\"]\n\n1. e4 0-0", []game{{"", "e4", "0-0"}}},
		{"forfeits", "[White \"A\"]\n[Result \"+/-\"]\n\n+/-\n\n[White \"B\"]\n\n1. e4 -/+\n\n+:- -:+ =:=", []game{
			{"A", "", "1-0"}, {"B", "e4", "0-1"}, {"", "", "1-0"}, {"", "", "0-1"}, {"", "", "1/2-1/2"},
		}},
		{"half a point for one", "[Result \"1/2-0\"]\n\n1. e4 1/2-0\n\n1. d4 0-½\n\n[Result \"0–0\"]\n\n1. c4 0–0", []game{{"", "e4", "1/2-0"}, {"", "d4", "0-1/2"}, {"", "c4", "0-0"}}},
		{"castling with dashes", "1.O–O 0—0—0 2. 0-0+ *", []game{{"", "O-O 0-0-0 0-0+", "*"}}},
		{"numbers", "1.e4 1...e5 2 Nf3 2…Nc6 3 . Bb5 3. … a6 … *", []game{{"", "e4 e5 Nf3 Nc6 Bb5 a6", "*"}}},
		{"figurines", "1. e4 e5 2. ♘f3 ♞c6 3.♗xf7+! ♟a6 *", []game{{"", "e4 e5 Nf3 Nc6 Bxf7+ a6", "*"}}},
		{"Windows-1252", "[White \"O\x92Neil \x8aef\xe8ik\"]\n\n*", []game{{"O’Neil Šefèik", "", "*"}}},
		{"brace forgotten before other tags", "[White \"A\"]\n\n1. e4 {oh\n\n[White \"B\"]\n\n1. d4 {[x]\n\n[%clk 1:00:00]} *", []game{{"A", "e4", "*"}, {"B", "d4", "*"}}},
		{"dashes", "1. e4 1–0\n\n1. d4 ½–½\n\n1. c4 0.5-0.5", []game{{"", "e4", "1-0"}, {"", "d4", "1/2-1/2"}, {"", "c4", "1/2-1/2"}}},
		{"the tag knows more", "[Result \"1-0\"]\n\n1. e4 *", []game{{"", "e4", "1-0"}}},
		{"no result", "[White \"A\"]\n\n1. e4\n\n[White \"B\"]\n\n1. d4", []game{{"A", "e4", "*"}, {"B", "d4", "*"}}},
		{"comment behind the result", "[White \"A\"]\n\n1. e4 1-0 {resigns}\n\n[White \"B\"]\n\n*", []game{{"A", "e4", "1-0"}, {"B", "", "*"}}},
		{"brace forgotten", "[Event \"1\"]\n[White \"A\"]\n\n1. e4 {oh\n\n[Event \"1\"]\n[White \"B\"]\n\n1. d4 *", []game{{"A", "e4", "*"}, {"B", "d4", "*"}}},
		{"quotes", `[White "A \"The\\ Cat\" B"]` + "\n" + `[Black "O"Neil"]` + "\n*", []game{{`A "The\ Cat" B`, "", "*"}}},
		{"tag not closed", "[White \"A\n[Black \"B\"]\n\n*", []game{{"A", "", "*"}}},
		{"zero bytes and stray signs", "1. e4\x00e5 } ) ] 2. d4 *", []game{{"", "e4 e5 d4", "*"}}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			games, errs := readAll(t, strings.NewReader(tt.in))
			if errs != nil {
				t.Error(errs)
			}
			var got []game
			for _, g := range games {
				got = append(got, game{g.Tag("White"), sans(g), string(g.Result)})
			}
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestCommentsAndClocks(t *testing.T) {
	games, _ := readAll(t, strings.NewReader("{first} 1. e4 {[%clk\n00:15:19]} {[%emt 00:00:02]} e5 { good [%eval -0.3] [%clk 0:02:58.9] } 2. d4 *"))
	g := games[0]
	if g.Comment != "first" {
		t.Errorf("before the first move: %q", g.Comment)
	}
	want := []Move{
		{SAN: "e4", Clock: 919_000, Comment: "[%clk 00:15:19] [%emt 00:00:02]", Line: 1},
		{SAN: "e5", Clock: 178_900, Comment: "good [%eval -0.3] [%clk 0:02:58.9]", Line: 2},
		{SAN: "d4", Clock: relay.NoTime, Line: 2},
	}
	if diff := cmp.Diff(want, g.Moves); diff != "" {
		t.Error(diff)
	}
	if v, ok := g.Moves[0].Command("emt"); v != "00:00:02" || !ok {
		t.Errorf("emt: %q", v)
	}
	if v, ok := g.Moves[1].Command("ev"); ok {
		t.Errorf("part of a name: %q", v)
	}
}

func TestClockWarnings(t *testing.T) {
	for in, want := range map[string]relay.Millis{
		"1:01:27": 3_687_000, "0:02:58.9": 178_900, "0:15.16": 916_000, "01:30": 5_400_000,
		"2:58.9": 178_900, "59:01": 3_541_000, "1.55:05": 6_905_000, "0:00:01.2345": 1234, "0:00:00.05": 50, "0:00:07,5": 7500, "00:00:00": 0,
		"": -1, "5": -1, "a:b": -1, "1:2:3:4": -1, "-1:00:00": -1, "1:00:00.": -1, "0:15.160": -1, "1.5": -1, "1:2:3:4:5": -1, "1::2": -1, "1:00:": -1,
		"9999:00:00": -1, "99999999999:00:00": -1,
	} {
		got, ok := ParseClock(in)
		if !ok {
			got = -1
		}
		if got != want {
			t.Errorf("%q: %d, want %d", in, got, want)
		}
	}
	for in, want := range map[relay.Millis]string{0: "0:00:00", 3_687_000: "1:01:27", 178_900: "0:02:58.9", 178_960: "0:02:58.96", 178_001: "0:02:58.001", -1: "0:00:00", 36_000_000: "10:00:00"} {
		if got := FormatClock(in); got != want {
			t.Errorf("%d: %s, want %s", in, got, want)
		}
		if got, ok := ParseClock(want); !ok || got != max(in, 0) {
			t.Errorf("%s is read as %d", want, got)
		}
	}
}

// TestLimits has games that are too much in a way, each between two good ones.
func TestLimits(t *testing.T) {
	const good = "[White \"A\"]\n\n1. e4 *\n\n"
	for name, bad := range map[string]string{
		"tags":    strings.Repeat("[T \"x\"]\n", 101) + "\n1. d4 *\n\n",
		"moves":   "[White \"B\"]\n\n" + strings.Repeat("e4 ", 2001) + "*\n\n",
		"value":   "[White \"" + strings.Repeat("x", 40<<10) + "\"]\n\n1. d4 *\n\n",
		"comment": "[White \"B\"]\n\n1. e4 {" + strings.Repeat("x", 40<<10) + "} *\n\n",
		"line":    "[White \"B\"]\n\n1. e4 ;" + strings.Repeat("x", 40<<10) + "\n*\n\n",
		"joined":  "[White \"B\"]\n\n1. e4 " + strings.Repeat("{"+strings.Repeat("x", 20<<10)+"}", 2) + " *\n\n",
		"bytes":   "[White \"B\"]\n\n1. e4 " + strings.Repeat("(d4) ", 1<<18) + "*\n\n",
	} {
		t.Run(name, func(t *testing.T) {
			games, errs := readAll(t, strings.NewReader(good+bad+good))
			if len(games) != 2 || len(errs) != 1 || sans(games[1]) != "e4" {
				t.Errorf("got %d games and %v", len(games), errs)
			}
		})
	}
}

// TestInputFails: an error of the input is no end of the games.
func TestInputFails(t *testing.T) {
	broken := errors.New("broken")
	r := NewReader(io.MultiReader(strings.NewReader("1. e4 *\n\n1. d4"), iotest.ErrReader(broken)))
	if g, err := r.Next(); err != nil || sans(g) != "e4" {
		t.Fatal(g, err)
	}
	for range 2 {
		if _, err := r.Next(); !errors.Is(err, broken) {
			t.Fatalf("got %v", err)
		}
	}
}

// TestClocksWithoutHours: what two numbers mean depends on the rest of the game.
func TestClocksWithoutHours(t *testing.T) {
	games, _ := readAll(t, strings.NewReader("1. e4 {[%clk 1:00:00]} e5 {[%clk 5:30]} *\n\n1. e4 {[%clk 1:30]} *"))
	if c := games[0].Moves[1].Clock; c != 330_000 {
		t.Errorf("behind hours, 5:30 is %d ms", c)
	}
	if c := games[1].Moves[0].Clock; c != 5_400_000 {
		t.Errorf("alone, 1:30 is %d ms", c)
	}
}

func TestTags(t *testing.T) {
	games, _ := readAll(t, strings.NewReader("[White \"Carlsen, Magnus\"]\n[WhiteElo \"2877\"]\n[whitetitle \"GM\"]\n[WhiteFideId \"?\"]\n[Round \"5.12\"]\n[Date \"????.??.??\"]\n\n*"))
	g := games[0]
	if diff := cmp.Diff(relay.Player{Name: "Carlsen, Magnus", Rating: 2877, Title: "GM"}, g.Player("White")); diff != "" {
		t.Error(diff)
	}
	if g.Round() != "5" || g.Board() != 12 || g.Known("Date") != "" || g.Tag("Date") == "" || g.Line != 1 {
		t.Errorf("board %d, date %q", g.Board(), g.Known("Date"))
	}
}

// TestLiveClock has the clocks of now in every form that programs write.
func TestLiveClock(t *testing.T) {
	type told struct {
		white, black, at relay.Millis
	}
	const no = relay.NoTime
	for in, want := range map[string]told{
		"": {no, no, 0},
		"[WhiteClock \"00:33:51\"]\n[BlackClock \"01:23:54\"]\n[ReferenceTime \"B/2026-12-19T17:52:47.862Z\"]":               {2_031_000, 5_034_000, 1_797_702_767_862},
		"[whiteclock \"0:04:08\"]\n[ReferenceTime \"2018-09-12T15:26:56.191-05:00\"]":                                        {248_000, no, 1_536_784_016_191},
		"[BlackClock \"4468\"]\n[WhiteClock \"30\"]":                                                                         {30_000, 4_468_000, 0},
		"[WhiteClock \"30.5\"]\n[BlackClock \"0\"]":                                                                          {30_500, 0, 0},
		"[WhiteClock \"0:15.10\"]\n[BlackClock \"1:30:00\"]\n[Clock \"B/0:15.29\"]\n[ReferenceTime \"2011.01.09 15:00:00\"]": {910_000, 929_000, 0},
		"[Clock \"W/0:15:29\"]":                                               {929_000, no, 0},
		"[Clock \"w/0:00:10.5\"]\n[WhiteClock \"?\"]":                         {10_500, no, 0},
		"[Clock \"black / 0:15:29\"]":                                         {no, 929_000, 0},
		"[Clock \"N/0:15.29\"]":                                               {no, no, 0},
		"[Clock \"B\"]":                                                       {no, no, 0},
		"[Clock \"0:15:29\"]":                                                 {no, no, 0},
		"[Clock \"X/0:15:29\"]\n[ReferenceTime \"yesterday\"]":                {no, no, 0},
		"[WhiteClock \"4:08\"]\n[BlackClock \"15:29\"]":                       {248_000, 929_000, 0},
		"[WhiteClock \"4:08.5\"]\n[BlackClock \"0:02:59,5\"]":                 {248_500, 179_500, 0},
		"[WhiteClock \"abc\"]\n[BlackClock \"-0:00:05\"]":                     {no, no, 0},
		"[WhiteClock \"-\"]\n[BlackClock \"9999:00:00\"]":                     {no, no, 0},
		"[WhiteClock \"--:--\"]\n[BlackClock \"1:2:3:4:5\"]":                  {no, no, 0},
		"[WhiteClock \"99999999999\"]\n[BlackClock \"12:\"]":                  {no, no, 0},
		"[WhiteClock \"1:30\"]\n\n1. e4 {[%clk 1:29]}":                        {5_400_000, no, 0},
		"[WhiteClock \"1:30\"]\n\n1. e4 {[%clk 1:29:00]}":                     {90_000, no, 0},
		"[ReferenceTime \"W/2026-12-19T17:52:47\"]\n[WhiteClock \"1:00:00\"]": {3_600_000, no, 0},
		"[ReferenceTime \"W/2026-12-19 17:52:47+0100\"]":                      {no, no, 0},
		"[ReferenceTime \"W/2026-12-19 17:52:47 +0100\"]":                     {no, no, 1_797_699_167_000},
		"[ReferenceTime \"W/1026-12-19T17:52:47Z\"]":                          {no, no, 0},
	} {
		c, at := readOne(t, in+"\n\n*").LiveClock()
		if got := (told{c.White, c.Black, at}); got != want {
			t.Errorf("%s: %+v, want %+v", in, got, want)
		}
	}
	if c := readOne(t, "[WhiteClock \"0:15.10\"]\n[BlackClock \"1:30:00\"]\n\n*").StartClock(); c != millis(910_000, 5_400_000) {
		t.Errorf("at the start: %+v", c)
	}
}

// TestNotPlayed reads the words for a forfeit, and those for a game that was played.
func TestNotPlayed(t *testing.T) {
	for word, want := range map[string]bool{
		"forfeit": true, "Forfeit": true, "FORFEIT": true, "Unplayed": true, "unplayed": true, "Default": true, "Walkover": true, "W.O.": true, "w/o": true, "Not played": true,
		"not-played": true, "won by forfeit": true, "Forfeit (1F-0)": true, "no show": true, "No-Show": true, "White forfeits": true, "kampflos": true, "bye": true, "game unplayed": true,
		"": false, "normal": false, "time forfeit": false, "Time Forfeit": false, "White forfeits on time": false, "Lake forfeits by flag": false, "adjudication": false, "abandoned": false,
		"rules infraction": false, "unterminated": false, "Lake, Una won by resignation": false, "emergency": false, "played": false, "?": false,
	} {
		for result, decided := range map[string]bool{"1-0": true, "0-1": true, "1/2-1/2": true, "*": false} {
			g := readOne(t, fmt.Sprintf("[Termination %q]\n[Result %q]\n\n%s", word, result, result))
			if g.Forfeit != (want && decided) || string(g.Result) != result {
				t.Errorf("%q %s: forfeit %t, %s", word, result, g.Forfeit, g.Result)
			}
		}
	}
}

func FuzzPGN(f *testing.F) {
	for _, s := range []string{
		"[White \"A\"]\n\n1. e4 {[%clk 0:01:00]} (1. d4) e5 $1 *\n\n\n[White \"B\"]\n\n*", "\ufeff%\r\n; {\n[", "{[Event \"", "[a \"\\",
		"0-0 1/2-1/2 \xbd", "[Event \"\"]\n[Event \"\"]\n1...", "$$$((()))", "[%clk", "-- ", "1. e4 Dxd9 Z0", "{ Illegal move was played: ;",
		"1.\u00a0e4\u200be5\u202f+/- Nf3±", "[FEN \"7k/8/8/8/8/8/8/K7 w KQkq\"]\n[Variant \"x\"]\n\n1. Kb1", "[Date \"1.2.2026\"]\n[WhiteClock \"1:2\"]\n[White \"\ufeffA",
	} {
		f.Add(s)
	}
	for _, name := range wildFiles(f) {
		in, err := os.ReadFile(name)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(string(in))
	}
	f.Fuzz(func(t *testing.T, in string) {
		games, _ := readAll(t, strings.NewReader(in))
		again, _ := readAll(t, iotest.OneByteReader(strings.NewReader(in)))
		if diff := cmp.Diff(games, again); diff != "" {
			t.Fatalf("read byte by byte, it is another: %s", diff)
		}
		for _, g := range games {
			if len(g.Tags)+len(g.Moves) == 0 && g.ResultText == "" {
				t.Fatal("a game of nothing")
			}
			if c, at := g.LiveClock(); c.White < relay.NoTime || c.Black < relay.NoTime || at < 0 {
				t.Fatalf("the clocks of now: %+v at %d", c, at)
			}
			for _, tag := range g.Tags {
				if clean := cleanSpaces(tag.Value); clean != tag.Value || cleanDate(tag) != tag.Value {
					t.Fatalf("%s is %q, and cleaned again %q", tag.Name, tag.Value, clean)
				}
			}
			line, err := g.Play()
			played := len(line.Moves)
			if n := len(g.Moves); err == nil && n == played+1 && isNull(g.Moves[played].SAN) {
				played++
			}
			if line.StartFEN != "" {
				if fen, as, err := relay.RepairFEN(line.StartFEN, line.Variant, false); fen != line.StartFEN || as != line.Variant || err != nil {
					t.Fatalf("a game begins from %s, which is mended to %s %s, %v", line.StartFEN, fen, as, err)
				}
			}
			if played > len(g.Moves) || err == nil && !line.Ended && !g.Cut && played < len(g.Moves) {
				t.Fatalf("%d of %d moves are played, %v", len(line.Moves), len(g.Moves), err)
			}
		}
	})
}
