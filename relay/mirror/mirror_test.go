package mirror

import (
	"strings"
	"testing"

	"github.com/chessrelay/chessrelay/relay"
	"github.com/chessrelay/chessrelay/relay/internal/samples"
)

// game is a PGN of a few tags, such as "A-B board=1", and the moves.
func game(head, moves string) string {
	players, rest, _ := strings.Cut(head, " ")
	white, black, _ := strings.Cut(players, "-")
	out := "[Event \"Open\"]\n[White \"" + white + "\"]\n[Black \"" + black + "\"]\n"
	for _, tag := range strings.Fields(rest) {
		name, value, _ := strings.Cut(tag, "=")
		out += "[" + name + " \"" + strings.ReplaceAll(value, "_", " ") + "\"]\n"
	}
	return out + "\n" + moves + "\n\n"
}

// TestDiff tells stories: one push after the other, and the round after each.
func TestDiff(t *testing.T) {
	for _, tc := range []struct {
		name    string
		shorten bool
		pushes  []string
		want    string
	}{
		{"a new round, then moves, then a result", false, []string{
			game("A-B", "*") + game("C-D", "1. d4 *"),
			game("A-B", "1. e4 e5 *") + game("C-D", "1. d4 d5 1/2-1/2"),
		}, "1 A-B e4 e5 *\n2 C-D d4 d5 1/2-1/2\n"},
		{"the order of the file changes", false, []string{
			game("A-B", "1. e4 *") + game("C-D", "1. d4 *") + game("E-F", "1. c4 *"),
			game("E-F", "1. c4 c5 *") + game("A-B", "1. e4 e5 *") + game("C-D", "1. d4 d5 *"),
		}, "1 A-B e4 e5 *\n2 C-D d4 d5 *\n3 E-F c4 c5 *\n"},
		{"a game that is missing for a while stays", false, []string{
			game("A-B", "1. e4 *") + game("C-D", "1. d4 *"), game("C-D", "1. d4 d5 *"),
			game("X-Y", "1. f4 *") + game("A-B", "1. e4 e5 *") + game("C-D", "1. d4 d5 *"),
		}, "1 A-B e4 e5 *\n2 C-D d4 d5 *\n3 X-Y f4 *\n"},
		{"the boards that the file numbers", false, []string{
			game("A-B Board=7", "*") + game("C-D Board=3", "*"), game("C-D Round=1.3", "1. d4 *"),
		}, "3 C-D d4 *\n7 A-B *\n"},
		{"boards counted from 1 in each match are not believed", false, []string{
			game("A-B Board=1", "*") + game("C-D Board=2", "*") + game("E-F Board=1", "*") + game("G-H Board=2", "*"),
		}, "1 A-B *\n2 C-D *\n3 E-F *\n4 G-H *\n"},
		{"earlier moves change", false, []string{
			game("A-B", "1. e4 e5 2. Nf3 Nc6 *"), game("A-B", "1. e4 c5 2. Nf3 *"),
		}, "1 A-B e4 c5 Nf3 *\n"},
		{"earlier moves change in a game that was over", false, []string{
			game("A-B", "1. e4 e5 2. Nf3 1-0"), game("A-B", "1. e4 e5 2. Nc3 0-1"),
		}, "1 A-B e4 e5 Nc3 0-1\n"},
		{"moves come after the result", false, []string{
			game("A-B", "1. e4 e5 1-0"), game("A-B", "1. e4 e5 2. Nc3 *"),
		}, "1 A-B e4 e5 Nc3 *\n"},
		{"a shorter file is not believed", false, []string{
			game("A-B", "1. e4 e5 2. Nf3 1-0"), game("A-B", "1. e4 *"),
		}, "1 A-B e4 e5 Nf3 1-0\n"},
		{"a shorter file is believed if the round says so", true, []string{
			game("A-B", "1. e4 e5 2. Nf3 1-0"), game("A-B", "1. e4 *"),
		}, "1 A-B e4 *\n"},
		{"but not if the rest could not be read", true, []string{
			game("A-B", "1. e4 e5 2. Nf3 Nc6 *"), game("A-B", "1. e4 e5 2. Nf6 Nc6 *"),
		}, "1 A-B e4 e5 Nf3 Nc6 *\n"},
		{"the moves before one that is not legal are taken", false, []string{
			game("A-B", "1. e4 e5 2. Nf6 Nc6 *"),
		}, "1 A-B e4 e5 *\n"},
		{"a DGT board's kings are no moves", false, []string{
			game("A-B", "1. e4 e5 2. Ke5 1-0"),
		}, "1 A-B e4 e5 1-0\n"},
		{"Chess960 from the usual position", false, []string{
			game("A-B Variant=Chess960 SetUp=1 FEN=rnbqkbnr/pppppppp/8/8/8/8/PPPPPPPP/RNBQKBNR_w_KQkq_-_0_1", "1. Nf3 e5 2. g3 e4 3. Bg2 *"),
			game("A-B Variant=Chess960 SetUp=1 FEN=rnbqkbnr/pppppppp/8/8/8/8/PPPPPPPP/RNBQKBNR_w_KQkq_-_0_1", "1. Nf3 e5 2. g3 e4 3. Bg2 d5 4. O-O *"),
		}, "1 A-B Nf3 e5 g3 e4 Bg2 d5 O-O *\n"},
		{"half a point for one side", false, []string{
			game("A-B", "1. e4 e5 *"), game("A-B", "1. e4 e5 1/2-0"), game("A-B Result=1/2-0", "1. e4 e5 *"),
		}, "1 A-B e4 e5 1/2-0\n"},
		{"a forfeit, then its correction", false, []string{
			game("A-B Result=+/-", "*"), game("C-D", "+/-"), game("C-D", "1-0") + game("A-B Result=+/-", "*"),
		}, "1 A-B 1-0F\n2 C-D 1-0\n"},
		{"an unknown result is ignored", false, []string{
			game("A-B", "1. e4 1-0"), game("A-B Result=adjourned", "1. e4"),
		}, "1 A-B e4 1-0\n"},
		{"a result is taken back", false, []string{
			game("A-B", "1. e4 1-0"), game("A-B", "1. e4 *"),
		}, "1 A-B e4 *\n"},
		{"names are corrected, one or both", false, []string{
			game("Carlsen-B", "1. e4 *") + game("C-D", "1. d4 *"),
			game("Carlson-B", "1. e4 e5 *") + game("C-D", "1. d4 d5 *"),
			game("Karlsson-Bee", "1. e4 e5 2. f4 *") + game("C-D", "1. d4 d5 *"),
		}, "1 Karlsson-Bee e4 e5 f4 *\n2 C-D d4 d5 *\n"},
		{"other players with other moves are another game", false, []string{
			game("A-B Board=1", "1. e4 *"), game("C-D Board=1", "1. d4 *"),
		}, "1 A-B e4 *\n2 C-D d4 *\n"},
		{"a GameId goes before the names", false, []string{
			game("A-B GameId=x1", "1. e4 *") + game("A-B GameId=x2", "1. d4 *"),
			game("A-B GameId=x2", "1. d4 d5 *") + game("A-Y GameId=x1", "1. e4 c5 *"),
		}, "1 A-Y e4 c5 *\n2 A-B d4 d5 *\n"},
		{"but not where neither player nor a move is the same", false, []string{
			game("A-B GameId=x1", "1. e4 *"), game("Z-Y GameId=x1", "1. c4 *"),
		}, "1 A-B e4 *\n2 Z-Y c4 *\n"},
		{"two games of the same players", false, []string{
			game("A-B Round=1", "1. e4 *") + game("A-B Round=2", "*"),
			game("A-B Round=2", "1. d4 *") + game("A-B Round=1", "1. e4 e5 *"),
		}, "1 A-B e4 e5 *\n2 A-B d4 *\n"},
		{"twice the same game", false, []string{
			game("A-B", "1. e4 *") + game("A-B", "1. e4 *"), game("A-B", "1. e4 e5 *") + game("A-B", "1. e4 c5 *"),
		}, "1 A-B e4 e5 *\n2 A-B e4 c5 *\n"},
		{"players who are not known yet", false, []string{
			game("?-?", "*") + game("?-?", "*"), game("A-B", "1. e4 *") + game("C-D", "1. d4 *"),
		}, "1 A-B e4 *\n2 C-D d4 *\n"},
		{"player fields that the boards refuse are left out", false, []string{
			game("A-B WhiteElo=99999 WhiteTitle=Grandmaster_of_everything BlackFideId=12", "1. e4 *"),
		}, "1 A-B e4 *\n"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			w := newWorld(t)
			if tc.shorten {
				w.shorten()
			}
			for _, text := range tc.pushes {
				w.push(text)
			}
			if got := w.summary(); got != tc.want {
				t.Errorf("the round stands\n%swant\n%s", got, tc.want)
			}
		})
	}
}

// TestDiffIsOneCorrection: a change of earlier moves is one command.
func TestDiffIsOneCorrection(t *testing.T) {
	w := newWorld(t)
	w.push(game("A-B", "1. e4 e5 2. Nf3 Nc6 3. Bb5 1-0"))
	changes := w.push(game("A-B", "1. e4 e5 2. Nf3 Nf6 3. Nxe5 d6 1/2-1/2"))
	if c := changes[0].Commands; len(c) != 1 || c[0].GetCorrectMoves().GetToPly() != 3 || len(c[0].GetCorrectMoves().Moves) != 3 {
		t.Errorf("the commands are %v", c)
	}
}

// TestDiffKeepsShorter: a Change counts the plies that a shorter source lacks.
func TestDiffKeepsShorter(t *testing.T) {
	w := newWorld(t)
	w.push(game("A-B", "1. e4 e5 2. Nf3 Nc6 *"))
	if c := w.push(game("A-B", "1. e4 *"))[0]; c.Kept != 3 || len(c.Commands) != 0 {
		t.Errorf("%d plies are kept, with %v", c.Kept, c.Commands)
	}
}

// TestDiffClocks: clocks that come late, or are corrected, become those of the game.
func TestDiffClocks(t *testing.T) {
	w := newWorld(t)
	w.push(game("A-B", "1. e4 {[%clk 1:00:00]} e5 *"))
	w.push(game("A-B", "1. e4 {[%clk 1:00:00]} e5 {[%clk 0:59:00]} 2. Nf3 *"))
	w.push(game("A-B", "1. e4 {[%clk 0:58:00]} e5 {[%clk 0:59:00]} 2. Nf3 {[%clk 0:57:00]} *"))
	g := w.games()[0]
	want := []relay.Clock{{White: 3480000, Black: relay.NoTime}, {White: 3480000, Black: 3540000}, {White: 3420000, Black: 3540000}}
	for i, m := range g.Moves() {
		if m.Clock != want[i] {
			t.Errorf("after ply %d the clock is %v, not %v", m.Ply, m.Clock, want[i])
		}
	}
	if g.MoveAt(1).At != 1003 {
		t.Errorf("the first move has lost its time: %d", g.MoveAt(1).At)
	}
}

// TestClocksAndNamesLeaveRoomForCorrections: a source that changes a clock and a name each time
// never makes corrections and results impossible.
func TestClocksAndNamesLeaveRoomForCorrections(t *testing.T) {
	w := newWorld(t)
	for i := range relay.MaxChanges + 10 {
		w.push(game("Abel"+strings.Repeat("x", i%2)+"-B", "1. e4 {[%clk 1:00:0"+string(rune('0'+i%2))+"]} *"))
	}
	w.push(game("Abel-B", "1. d4 1-0"))
	if got := w.summary(); !strings.HasSuffix(got, "-B d4 1-0\n") {
		t.Errorf("the round stands %s", got)
	}
}

// TestDiffOtherStart: a game from another position opens another board.
func TestDiffOtherStart(t *testing.T) {
	w := newWorld(t)
	fen := "SetUp=1 FEN=4k3/8/8/8/8/8/4P3/4K3_w_-_-_0_1"
	w.push(game("A-B "+fen, "1. e4 *"))
	if c := w.push(game("A-B "+fen, "1. e4 Ke7 *"))[0]; c.Err != nil {
		t.Error(c.Err)
	}
	if c := w.push(game("A-B", "1. e4 *"))[0]; !c.New || c.Err != nil {
		t.Errorf("%+v", c)
	}
	if got := w.summary(); got != "1 A-B e4 Ke7 *\n2 A-B e4 *\n" {
		t.Errorf("the round stands\n%s", got)
	}
}

// TestTwoNodes applies the commands that two nodes made of the same state, one after the other.
func TestTwoNodes(t *testing.T) {
	w := newWorld(t)
	w.push(game("A-B", "1. e4 e5 2. Nf3 *"))
	text := game("C-D", "1. d4 d5 *") + game("A-B", "1. e4 c5 1-0")
	first, second := w.diff(read(t, text)), w.diff(read(t, text))
	for _, changes := range [][]Change{first, second} {
		for _, c := range changes {
			for _, command := range c.Commands {
				if out := w.apply(command); out.Err != nil {
					t.Fatal(out.Err)
				}
			}
		}
	}
	if got := w.summary(); got != "1 A-B e4 c5 1-0\n2 C-D d4 d5 *\n" {
		t.Errorf("the round stands\n%s", got)
	}
	w.push(text)
}

// TestRealFiles pushes the files of organisers' software whole, and ply by ply.
func TestRealFiles(t *testing.T) {
	for _, name := range []string{"olympiad-2014-round-11", "dgt-epgn-12-boards", "live-clocks-tenths", "tilburg-1998-round-2", "chess960-2006"} {
		text := samples.Read(t, name+".pgn")
		w := newWorld(t)
		games := read(t, text)
		for n := 0; n <= 200; n += 7 {
			part := make([]Game, len(games))
			for i, g := range games {
				part[i] = g
				if n < len(g.Moves) {
					part[i].Moves, part[i].Result = g.Moves[:n], relay.Ongoing
				}
			}
			for _, c := range w.diff(part) {
				for _, command := range c.Commands {
					if out := w.apply(command); out.Err != nil {
						t.Fatalf("%s: %v", name, out.Err)
					}
				}
			}
		}
		w.push(text)
		if n := len(w.games()); n != len(games) {
			t.Errorf("%s: %d boards of %d games", name, n, len(games))
		}
	}
}
