package pgn

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/chessrelay/chessrelay/relay"
	"github.com/chessrelay/chessrelay/relay/internal/samples"
)

// readOne reads a text of one game.
func readOne(tb testing.TB, in string) *Game {
	tb.Helper()
	games, errs := readAll(tb, strings.NewReader(in))
	if len(games) != 1 || errs != nil {
		tb.Fatalf("%d games, %v in %q", len(games), errs, in)
	}
	return games[0]
}

// lineText is a line in one text: what differs from a bare one first.
func lineText(l *Line) string {
	out := strings.TrimPrefix(l.Variant+" ", " ")
	if l.StartFEN != "" {
		out += "[" + l.StartFEN + "] "
	}
	for _, m := range l.Moves {
		out += m.SAN + "/" + m.UCI
		if m.Clock != relay.NoTime {
			out += "@" + FormatClock(m.Clock)
		}
		out += " "
	}
	out += string(l.Result)
	if l.Ended {
		out += " ended"
	}
	return out
}

func TestPlay(t *testing.T) {
	const (
		ends   = "1. e4 e5 2. Bc4 Nc6 "
		endsAs = "e4/e2e4 e5/e7e5 Bc4/f1c4 Nc6/b8c6 "
	)
	for _, tt := range []struct{ name, in, want, err string }{
		{"nothing", "*", "*", ""},
		{"as the standard has it", "1. e2e4 e7-e5 2. Ng1f3 Nb8-c6 3. Bf1-b5 Ng8e7 4. 0-0 a6 5. Bb5c6+ 1-0",
			"e4/e2e4 e5/e7e5 Nf3/g1f3 Nc6/b8c6 Bb5/f1b5 Nge7/g8e7 O-O/e1g1 a6/a7a6 Bxc6/b5c6 1-0", ""},
		{"clocks", "1. e4 {[%clk 1:00:00]} e5 2. d4 {[%clk 0:59:58.9]} *", "e4/e2e4@1:00:00 e5/e7e5 d4/d2d4@0:59:58.9 *", ""},
		{"check and mate", "1. f3 e5 2. g4 Qh4 0-1", "f3/f2f3 e5/e7e5 g4/g2g4 Qh4#/d8h4 0-1", ""},
		{"promotion", "[FEN \"8/P6k/8/8/8/8/8/K7 w - - 0 1\"]\n\n1. a8Q *", "[8/P6k/8/8/8/8/8/K7 w - - 0 1] a8=Q/a7a8q *", ""},

		{"an illegal move", "[White \"A\"]\n[Black \"B\"]\n\n1. e4 e5\n2. Nd3 Nc6 1-0", "e4/e2e4 e5/e7e5 1-0",
			"game 1, A – B, ply 3, Nd3 (line 5): it is not legal in the position rnbqkbnr/pppp1ppp/8/4p3/4P3/8/PPPP1PPP/RNBQKBNR w KQkq e6 0 2"},
		{"behind mate", "1. f3 e5 2. g4 Qh4# 3. a3 *", "f3/f2f3 e5/e7e5 g4/g2g4 Qh4#/d8h4 *",
			"game 1, ply 5, a3 (line 1): the position has no legal move: it is mate or stalemate"},
		{"two knights", "1. Nf3 a6 2. Nd4 a5 3. Nc3 a4 4. Nb5 *", "Nf3/g1f3 a6/a7a6 Nd4/f3d4 a5/a6a5 Nc3/b1c3 a4/a5a4 *",
			"game 1, ply 7, Nb5 (line 1): it could be Ncb5 or Ndb5"},
		{"cut off", "1. e4 e5 2. Nf", "e4/e2e4 e5/e7e5 *", ""},
		{"cut off before the promotion", "[FEN \"8/P6k/8/8/8/8/8/K7 w - - 0 1\"]\n\n1. a8", "[8/P6k/8/8/8/8/8/K7 w - - 0 1] *", ""},
		{"whole, at the end of the text", "1. e4 e5 2. Nd4", "e4/e2e4 e5/e7e5 *", "game 1, ply 3, Nd4 (line 1): it is not legal"},
		{"not at the end", "1. e4 e5 2. Nf\n", "e4/e2e4 e5/e7e5 *", "game 1, ply 3, Nf (line 1): it is neither SAN"},
		{"an unknown variant", "[Black \"B\"]\n[Variant \"Antichess\"]\n\n1. e3 *", "*", "game 1, ? – B (line 1): the variant \"Antichess\" is not supported"},
		{"a bad position", "[FEN \"8/8/8/8/8/8/8/8 w - - 0 1\"]\n\n1. e3 *", "*", "game 1 (line 1): no game can begin from the tag FEN: White has 0 kings"},
		{"no position", "[Variant \"Fischerandom\"]\n\n1. e3 *", "Chess960 *", "game 1 (line 1): a game of Chess960 needs the tag FEN, for the position that it starts from"},

		{"X-FEN", "[Variant \"Chess 960\"]\n[FEN \"1r2k2r/8/8/8/8/8/8/1R2K2R w KQkq - 0 1\"]\n\n1. O-O-O O-O *",
			"Chess960 [1r2k2r/8/8/8/8/8/8/1R2K2R w KQkq - 0 1] O-O-O/e1b1 O-O/e8h8 *", ""},
		{"Shredder-FEN", "[Variant \"chess960\"]\n[FEN \"4k3/8/8/8/8/8/8/1R2K2R w BH - 0 1\"]\n\n1. O-O-O *", "Chess960 [4k3/8/8/8/8/8/8/1R2K2R w KQ - 0 1] O-O-O/e1b1 *", ""},
		{"Chess960 that does not say so", "[Variant \"From Position\"]\n[FEN \"4k3/8/8/8/8/8/8/1R2K3 w Q - 0 1\"]\n\n1. O-O-O *", "Chess960 [4k3/8/8/8/8/8/8/1R2K3 w Q - 0 1] O-O-O/e1b1 *", ""},
		{"king off e1", "[FEN \"5k2/8/8/8/8/8/8/R4K2 w Q - 0 1\"]\n\n1. O-O-O *", "Chess960 [5k2/8/8/8/8/8/8/R4K2 w Q - 0 1] O-O-O/f1a1 *", ""},
		{"a right without its king", "[FEN \"4k3/8/8/8/8/8/8/R4K2 w Q - 0 1\"]\n\n*", "[4k3/8/8/8/8/8/8/R4K2 w - - 0 1] *", ""},
		{"impossible castling rights", "[FEN \"7k/5K2/4R3/8/8/8/8/8 w KQkq - 0 1\"]\n\n1. Rh6# 1-0", "[7k/5K2/4R3/8/8/8/8/8 w - - 0 1] Rh6#/e6h6 1-0", ""},
		{"impossible castling rights in Chess960", "[Variant \"Chess960\"]\n[FEN \"4k3/8/8/8/8/8/8/1R2K3 w HBhb e3 x y\"]\n\n1. O-O-O *", "Chess960 [4k3/8/8/8/8/8/8/1R2K3 w Q - 0 1] O-O-O/e1b1 *", ""},
		{"fields that are missing", "[FEN \"r3k2r/8/8/8/8/8/8/R3K2R b\"]\n\n1... O-O 2. O-O-O *", "[r3k2r/8/8/8/8/8/8/R3K2R b KQkq - 0 1] O-O/e8g8 O-O-O/e1c1 *", ""},
		{"the standard position without fields", "[FEN \"rnbqkbnr/pppppppp/8/8/8/8/PPPPPPPP/RNBQKBNR\"]\n\n1. e4 *", "e4/e2e4 *", ""},
		{"no position at all", "[FEN \"startpos\"]\n[Variant \"Blitz\"]\n\n1. e4 *", "e4/e2e4 *", ""},
		{"any word for a variant", "[Variant \"Regular\"]\n\n1. e4 e5 *", "e4/e2e4 e5/e7e5 *", ""},
		{"an opening for a variant", "[Variant \"Dragon\"]\n[FEN \"" + relay.StartFEN + "\"]\n\n1. e4 c5 *", "e4/e2e4 c5/c7c5 *", ""},
		{"a variant with drops", "[White \"A\"]\n[Variant \"Crazyhouse\"]\n\n1. e4 *", "*", "game 1, A – ? (line 1): the variant \"Crazyhouse\" is not supported"},
		{"Chess960 by a word of its own", "[Variant \"Schach960\"]\n[FEN \"1rk1r3/pppppppp/8/8/8/8/8/1RK1R3 w KQkq - 0 1\"]\n\n1. O-O *", "Chess960 [1rk1r3/pppppppp/8/8/8/8/8/1RK1R3 w KQkq - 0 1] O-O/c1e1 *", ""},
		{"standard, from elsewhere", "[FEN \"r3k3/8/8/8/8/8/8/R3K2R w HAa - 0 1\"]\n\n1. O-O-O *", "[r3k3/8/8/8/8/8/8/R3K2R w KQq - 0 1] O-O-O/e1c1 *", ""},
		{"position 518", "[Variant \"Chess960\"]\n[FEN \"" + relay.StartFEN + "\"]\n\n1. e4 *", "Chess960 [rnbqkbnr/pppppppp/8/8/8/8/PPPPPPPP/RNBQKBNR w KQkq - 0 1] e4/e2e4 *", ""},

		{"White has won", ends + "3. Ke4 Kd5 *", endsAs + "1-0 ended", ""},
		{"White has won, the other way", ends + "3. Kd5 Ke4 *", endsAs + "1-0 ended", ""},
		{"Black has won", ends + "3. Kd4 Ke5", endsAs + "0-1 ended", ""},
		{"Black has won, by a king that takes", ends + "3. Kxe5 Kd4", endsAs + "0-1 ended", ""},
		{"a draw", ends + "3. Ke4 Ke5 *", endsAs + "1/2-1/2 ended", ""},
		{"a draw on the other file", ends + "3. Kd5 Kd4+ *", endsAs + "1/2-1/2 ended", ""},
		{"one king only", ends + "3. Ke4 *", endsAs + "* ended", ""},
		{"in long notation", ends + "3. Ke1-e4 Ke8d5", endsAs + "1-0 ended", ""},
		{"one king, and a tag", "[Result \"0-1\"]\n\n" + ends + "3. Ke4 *", endsAs + "0-1 ended", ""},
		{"the text knows better", ends + "3. Ke4 Kd5 1/2-1/2", endsAs + "1/2-1/2 ended", ""},
		{"on one square", ends + "3. Ke4 Ke4 *", endsAs + "*", "game 1, ply 5, Ke4 (line 1): it is not legal in"},
		{"another square", ends + "3. Ke4 Kd6 *", endsAs + "*", "game 1, ply 5, Ke4 (line 1): it is not legal in"},
		{"and on it goes", ends + "3. Ke4 Kd5 4. a3 *", endsAs + "*", "game 1, ply 5, Ke4 (line 1): it is not legal in"},
		{"behind mate", "1. f3 e5 2. g4 Qh4# 3. Ke5 Kd4", "f3/f2f3 e5/e7e5 g4/g2g4 Qh4#/d8h4 0-1 ended", ""},
		// White's king may go there, so nobody can say whether it was a move of the game.
		{"a legal move first", "[FEN \"8/8/5k2/8/8/4K3/8/8 w - - 0 1\"]\n\n1. Ke4 Kd5 *", "[8/8/5k2/8/8/4K3/8/8 w - - 0 1] Ke4/e3e4 * ended", ""},
		{"a legal move", "[FEN \"8/8/5k2/8/8/4K3/8/8 w - - 0 1\"]\n\n1. Ke4 *", "[8/8/5k2/8/8/4K3/8/8 w - - 0 1] Ke4/e3e4 *", ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			line, err := readOne(t, tt.in).Play()
			if got := lineText(line); got != tt.want {
				t.Errorf("got  %s\nwant %s", got, tt.want)
			}
			if err == nil != (tt.err == "") || err != nil && !strings.HasPrefix(err.Error(), tt.err) {
				t.Errorf("error %v, want %s", err, tt.err)
			}
			if bad := (*Error)(nil); err != nil && !errors.As(err, &bad) {
				t.Errorf("a %T", err)
			}
		})
	}
}

// TestPlaySamples: every move of every sample file is legal, except in the variant that we do not
// know.
func TestPlaySamples(t *testing.T) {
	for _, file := range samples.All(t) {
		name := file.Name
		games, _ := readAll(t, strings.NewReader(file.Text))
		for _, g := range games {
			line, err := g.Play()
			if g.Tag("Variant") == "Antichess" {
				if err == nil || len(line.Moves) > 0 {
					t.Errorf("%s: Antichess: %v", name, err)
				}
				continue
			}
			if err != nil || len(line.Moves) != len(g.Moves) || line.Result != g.Result || line.Ended {
				t.Errorf("%s: %d of %d moves, %v", name, len(line.Moves), len(g.Moves), err)
			}
			if is960 := g.Tag("Variant") == "Chess960"; is960 != (line.Variant == relay.Chess960) {
				t.Errorf("%s: the variant is %q", name, line.Variant)
			}
			for i, m := range line.Moves {
				if want := strings.TrimRight(g.Moves[i].SAN, "+#"); strings.TrimRight(m.SAN, "+#") != want || m.Clock != g.Moves[i].Clock {
					t.Errorf("%s: %v, want %v", name, m, g.Moves[i])
				}
			}
		}
	}
}

// TestPlayAllocates: a push has all games of a round, so each must be cheap.
func TestPlayAllocates(t *testing.T) {
	g := readOne(t, pushedGame(80))
	if n := testing.AllocsPerRun(10, func() {
		if _, err := g.Play(); err != nil {
			t.Fatal(err)
		}
	}); n > 8 {
		t.Errorf("%v allocations a game of 80 moves", n)
	}
}

// pushedGame is a game of n moves with clocks, as it is pushed.
func pushedGame(n int) string {
	var b strings.Builder
	b.WriteString("[Event \"E\"]\n[Round \"1.1\"]\n[White \"Carlsen, Magnus\"]\n[Black \"Caruana, Fabiano\"]\n[Result \"*\"]\n\n")
	cycle := [...]string{"Nf3", "Nf6", "Nc3", "Nc6", "Nb1", "Nb8", "Ng1", "Ng8"}
	for i := range n {
		if i%2 == 0 {
			fmt.Fprintf(&b, "%d. ", i/2+1)
		}
		fmt.Fprintf(&b, "%s {[%%clk 1:%02d:%02d]} ", cycle[i%len(cycle)], 59-i/60%60, 59-i%60)
	}
	b.WriteString("*\n\n")
	return b.String()
}

// BenchmarkPush reads and plays what a round of 100 boards pushes each second, with 80 moves a
// board.
func BenchmarkPush(b *testing.B) {
	push := strings.Repeat(pushedGame(160), 100)
	b.SetBytes(int64(len(push)))
	b.ReportAllocs()
	for b.Loop() {
		games, _ := readAll(b, strings.NewReader(push))
		for _, g := range games {
			if line, err := g.Play(); err != nil || len(line.Moves) != 160 {
				b.Fatal(err)
			}
		}
	}
}

func BenchmarkPlay(b *testing.B) {
	g := readOne(b, pushedGame(80))
	b.ReportAllocs()
	for b.Loop() {
		if _, err := g.Play(); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/80, "ns/move")
}

// TestErrorSaysWhere: who broadcasts a file of a hundred games must find the bad one.
func TestErrorSaysWhere(t *testing.T) {
	_, errs := readAll(t, strings.NewReader("[White \"A\"]\n\n1. e4 *\n\n[White \"B\"]\n[Black \"C\"]\n\n1. d4 d5 {"+
		strings.Repeat("x", 40<<10)+"} *\n\n[White \"D\"]\n\n1. e4 *"))
	want := "game 2, B – C, ply 2 (line 8): a comment is too long"
	if len(errs) != 1 || errs[0].Error() != want {
		t.Errorf("%v, want %s", errs, want)
	}
	if p := readOne(t, "[White \""+strings.Repeat("é", 1000)+"\"]\n*").Players(); len(p) > 100 || !strings.HasSuffix(p, "é… – ?") {
		t.Errorf("players: %s", p)
	}
	games, _ := readAll(t, strings.NewReader("1. e4 *\n\n{between}\n\n1. e9 *"))
	if _, err := games[len(games)-1].Play(); err == nil || !strings.HasPrefix(err.Error(), "game 2, ply 1, e9 (line 5)") {
		t.Errorf("%v", err)
	}
}
