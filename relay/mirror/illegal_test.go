package mirror

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/chessrelay/chessrelay/relay"
	"github.com/chessrelay/chessrelay/relay/relaypb"
)

// The bishop goes like a knight, and Black answers.
const afterIllegal = "r1bqkbnr/pppp1ppp/2n5/4p3/4P3/2B2N2/PPPP1PPP/RNBQK2R b KQkq - 3 3"

// recordIllegal submits an arbiter's illegal move, and then moves from a source.
func (w *world) recordIllegal(board int, ply relay.Ply, text, fen string, more ...string) {
	w.t.Helper()
	g := w.games()[board-1]
	for i, move := range append([]string{text}, more...) {
		m := &relaypb.PlayMove{Game: string(g.ID), Ply: int32(ply) + int32(i), Move: move}
		source := "push" // what follows is not the arbiter's
		if i == 0 {
			m.Illegal, m.Fen, source = true, fen, ""
		}
		if out := w.apply(&relaypb.Command{Source: source, Op: &relaypb.Command_PlayMove{PlayMove: m}}); out.Err != nil {
			w.t.Fatal(out.Err)
		}
	}
}

// pass records that the side to move pressed the clock without a move, if the game goes on.
func (w *world) pass(g *relay.Game) {
	fields := strings.Fields(g.FEN())
	fields[1], fields[3] = map[string]string{"w": "b", "b": "w"}[fields[1]], "-"
	w.apply(&relaypb.Command{Op: &relaypb.Command_PlayMove{PlayMove: &relaypb.PlayMove{
		Game: string(g.ID), Ply: int32(g.Ply()) + 1, Move: "--", Illegal: true, Fen: strings.Join(fields, " "),
	}}})
}

// markedMoves is the moves and the result of the first board, with a star behind an illegal move.
func (w *world) markedMoves() string {
	g := w.games()[0]
	out := ""
	for _, m := range g.Moves() {
		out += m.SAN
		if m.Illegal {
			out += "*"
		}
		out += " "
	}
	return out + string(g.Result)
}

// TestIllegal pushes the source again after the arbiter has recorded an illegal move.
func TestIllegal(t *testing.T) {
	const before = "1. e4 e5 2. Nf3 Nc6 "
	const kept = "e4 e5 Nf3 Nc6 Bc3* Nf6 O-O "
	for _, tc := range []struct {
		name, push string
		want       string
		warning    string // begins so
	}{
		{"the source stands still before it", before + "*", kept + "*", ""},
		{"and ends", before + "1-0", kept + "1-0", ""},
		{"and has what cannot be played there", before + "3. Bc3 *", kept + "*", ""},
		{"in its own words, and went on", before + "3. f1-c3 Nf6 4. O-O d6 1-0", kept + "d6 1-0", ""},
		{"and went on otherwise", before + "3. Lc3 Nf6 4. d3 *", "e4 e5 Nf3 Nc6 Bc3* Nf6 d3 *", ""},
		{"and went on as the position does not allow", before + "3. Bc3 Nf6 4. Bb5 *", kept + "*", "the source could not be read past ply 7, Bb5: it is not legal"},
		{"and has another illegal one", before + "3. Bc3 Nf6 4. O-O Qh2 *", kept + "*", "the source could not be read past ply 8, Qh2: it is not legal"},
		{"and a DGT board's sign for the end", before + "3. Bc3 Nf6 4. O-O d6 5. Ke4 Ke5 *", kept + "d6 1/2-1/2", ""},
		{"the source has a legal move in its place", before + "3. Bb5 a6 *", "e4 e5 Nf3 Nc6 Bc3* a6 *", ""},
		{"the source has another game", "1. e4 c5 2. Nf3 *", kept + "*", ""},
		{"the source cannot be read before it", "1. e4 e5 2. Nd3 Nc6 *", kept + "*", "the source could not be read past ply 3, Nd3: it is not legal"},
		{"the source ends long before it", "1. e4 *", kept + "*", ""},
	} {
		for _, shorten := range []bool{false, true} {
			t.Run(fmt.Sprintf("%s, shorten %v", tc.name, shorten), func(t *testing.T) {
				w := newWorld(t)
				if shorten {
					w.apply(&relaypb.Command{Request: "s", Op: &relaypb.Command_UpdateRound{UpdateRound: &relaypb.UpdateRound{Round: string(w.round), Shorten: new(true)}}})
				}
				w.push(game("A-B", before+"*"))
				w.recordIllegal(1, 5, "Bc3", afterIllegal, "Nf6", "O-O")
				index := w.games()[0].MoveAt(5).Index
				w.push(game("A-B", tc.push))
				want := tc.want
				switch {
				case !shorten:
				case strings.HasPrefix(tc.name, "and has what"):
					want = "e4 e5 Nf3 Nc6 Bc3* *" // which is as far as it goes
				}
				if got := w.markedMoves(); got != want {
					t.Errorf("%s, and should be %s", got, want)
				}
				g := w.games()[0]
				if strings.Contains(want, "*  ") && g.MoveAt(5).Index != index {
					t.Error("the illegal move was played again")
				}
				if got := g.Warning(); !strings.HasPrefix(got, tc.warning) || tc.warning == "" && got != "" {
					t.Errorf("the warning is %q", got)
				}
			})
		}
	}
}

// TestIllegalClocks: clocks at an illegal move and before it are taken. The position after it
// stays.
func TestIllegalClocks(t *testing.T) {
	w := newWorld(t)
	w.push(game("A-B", "1. e4 e5 2. Nf3 Nc6 *"))
	w.recordIllegal(1, 5, "Bc3", afterIllegal, "Nf6", "O-O")
	w.push(game("A-B", "1. e4 {[%clk 1:00:00]} e5 2. Nf3 Nc6 3. Bc3 {[%clk 0:59:00]} Nf6 4. O-O {[%clk 0:58:00]} *"))
	g := w.games()[0]
	if m := g.MoveAt(5); !m.Illegal || m.FEN != afterIllegal || m.Clock.White != 3540_000 || g.ClockAt(1).White != 3600_000 {
		t.Errorf("it is %+v", m)
	}
	if got := w.markedMoves(); got != "e4 e5 Nf3 Nc6 Bc3* Nf6 O-O *" {
		t.Error(got)
	}
}

// TestWarning: the warning comes with a move that cannot be played, changes with it, and goes. The
// other boards go on.
func TestWarning(t *testing.T) {
	w := newWorld(t)
	warning := func(want string) {
		t.Helper()
		if got := w.games()[0].Warning(); got != want {
			t.Errorf("the warning is %q, and should be %q", got, want)
		}
		if got := w.games()[1].Warning(); got != "" {
			t.Errorf("the other board has the warning %q", got)
		}
	}
	const position = "rnbqkbnr/pppp1ppp/8/4p3/4P3/8/PPPP1PPP/RNBQKBNR w KQkq e6 0 2"
	w.push(game("A-B", "1. e4 e5 2. Nd3 *") + game("C-D", "1. d4 *"))
	warning("the source could not be read past ply 3, Nd3: it is not legal in the position " + position)
	trail := len(w.games()[0].Changes)
	w.push("; a line more\n" + game("A-B", "1. e4 e5 2. Nd3 Nf6 *") + game("C-D", "1. d4 d5 *"))
	if n := len(w.games()[0].Changes); n != trail {
		t.Errorf("the same again makes %d lines more in the trail", n-trail)
	}
	w.push(game("A-B", "1. e4 e5 2. Ke3 *") + game("C-D", "1. d4 d5 *"))
	warning("the source could not be read past ply 3, Ke3: it is not legal in the position " + position)
	w.push(game("A-B", "1. e4 e5 2. Nf3 *") + game("C-D", "1. d4 d5 *"))
	warning("")
}

// TestAnyIllegalIsKept plays random games in which the arbiter records an illegal move, and pushes
// what a source may show of them. In the end the arbiter's move is there, and the rest of the game
// if the source has it.
func TestAnyIllegalIsKept(t *testing.T) {
	for seed := range uint64(60) {
		r := rand.New(rand.NewPCG(seed, 7))
		w := newWorld(t)
		sheet := &scoreSheet{white: "A", black: "B", result: "*"}
		n := r.IntN(20)
		sheet.write(r, randomLine(r, nil, n))
		w.push(sheet.pgn())
		g := w.games()[0]
		if g.Ply() < relay.Ply(n) {
			continue // it was mate
		}
		w.pass(g)
		for range 4 {
			part := *sheet
			part.write(r, append(sheet.sans[:n:n], []string{"", "Zz9", "--"}[r.IntN(3)]))
			if part.sans[n] == "" {
				part.write(r, part.sans[:n])
			}
			w.push(part.pgn())
			g := w.games()[0]
			if m := g.MoveAt(g.Ply()); g.Ply() != relay.Ply(n)+1 || !m.Illegal || m.SAN != "--" {
				t.Fatalf("seed %d: it is %+v", seed, m)
			}
		}
	}
}
