package mirror

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/notnil/chess"

	"github.com/chessrelay/chessrelay/relay"
)

// scoreSheet is one game as somebody writes it down.
type scoreSheet struct {
	board        int // 0: it is not written
	white, black string
	sans         []string
	clocks       []int // seconds; -1: none is written
	result       string
}

func (s *scoreSheet) pgn() string {
	var b strings.Builder
	fmt.Fprintf(&b, "[Event \"Open\"]\n[White \"%s\"]\n[Black \"%s\"]\n[Result \"%s\"]\n", s.white, s.black, s.result)
	if s.board > 0 {
		fmt.Fprintf(&b, "[Board \"%d\"]\n", s.board)
	}
	b.WriteByte('\n')
	for i, san := range s.sans {
		if i%2 == 0 {
			fmt.Fprintf(&b, "%d. ", i/2+1)
		}
		b.WriteString(san + " ")
		if c := s.clocks[i]; c >= 0 {
			fmt.Fprintf(&b, "{[%%clk %d:%02d:%02d]} ", c/3600, c/60%60, c%60)
		}
	}
	b.WriteString(s.result + "\n\n")
	return b.String()
}

// randomLine continues the given moves at random.
func randomLine(r *rand.Rand, sans []string, length int) []string {
	pos := chess.StartingPosition()
	for _, san := range sans {
		m, err := chess.AlgebraicNotation{}.Decode(pos, san)
		if err != nil {
			panic(err)
		}
		pos = pos.Update(m)
	}
	sans = slices.Clone(sans)
	for len(sans) < length {
		moves := pos.ValidMoves()
		if len(moves) == 0 {
			break
		}
		m := moves[r.IntN(len(moves))]
		sans = append(sans, chess.AlgebraicNotation{}.Encode(pos, m))
		pos = pos.Update(m)
	}
	return sans
}

func randomScoreSheet(r *rand.Rand, i int, numbered bool) *scoreSheet {
	s := &scoreSheet{white: fmt.Sprintf("White, W%d", i), black: fmt.Sprintf("Black, B%d", i)}
	s.result = []string{"*", "*", "1-0", "0-1", "1/2-1/2"}[r.IntN(5)]
	if numbered {
		s.board = i + 1
	}
	s.write(r, randomLine(r, nil, r.IntN(60)))
	return s
}

// write fills in the moves, with clocks here and there.
func (s *scoreSheet) write(r *rand.Rand, sans []string) {
	s.sans, s.clocks = sans, make([]int, len(sans))
	for i := range s.clocks {
		s.clocks[i] = -1
		if r.IntN(3) > 0 {
			s.clocks[i] = r.IntN(7200)
		}
	}
}

// edited is the sheet as it might have been at another moment. Unless shorten is set, it never has
// moves beyond the final ones, since these would not be taken back.
func (s *scoreSheet) edited(r *rand.Rand, shorten bool) *scoreSheet {
	e := *s
	e.clocks = slices.Clone(s.clocks)
	n := len(s.sans)
	switch r.IntN(6) {
	case 0, 1: // earlier
		n = r.IntN(n + 1)
		e.sans, e.clocks, e.result = s.sans[:n], e.clocks[:n], "*"
	case 2: // other moves, from some ply on
		if n == 0 || s.result != "*" {
			break // a game that is over is not corrected to one that goes on
		}
		keep := n - r.IntN(n/4+1) // a correction keeps the beginning
		e.write(r, randomLine(r, s.sans[:keep], keep+r.IntN(5)))
	case 3:
		if s.result != "*" {
			e.result = "0-1"
		}
	case 4: // one name is written otherwise
		e.white = strings.Replace(e.white, "White", "Whyte", 1)
	case 5:
		for i := range e.clocks {
			if r.IntN(4) == 0 && e.clocks[i] >= 0 {
				e.clocks[i]++
			}
		}
	}
	if len(e.sans) > len(s.sans) && !shorten && slices.Equal(e.sans[:len(s.sans)], s.sans) {
		return s
	}
	return &e
}

// TestAnyHistoryEndsAsTheLastPush pushes edits of random games, and the final PGN last. Games may
// be missing, and may come in another order where the boards are numbered. In the end the round is
// the final PGN, and each game is on the board on which it was opened.
func TestAnyHistoryEndsAsTheLastPush(t *testing.T) {
	runs := 100
	if *long {
		runs = 300
	}
	for seed := range uint64(runs) {
		r := rand.New(rand.NewPCG(seed, 1))
		numbered, shorten := r.IntN(2) == 0, r.IntN(2) == 0
		w := newWorld(t)
		if shorten {
			w.shorten()
		}
		final := make([]*scoreSheet, 1+r.IntN(6))
		for i := range final {
			final[i] = randomScoreSheet(r, i, numbered)
		}
		opened := map[string]Change{} // by Black, whose name is never edited
		for range r.IntN(8) {
			var part []*scoreSheet
			for _, s := range final {
				// without number and place, a game is known by its players only
				if !numbered || r.IntN(8) > 0 {
					part = append(part, s.edited(r, shorten))
				}
			}
			if numbered {
				r.Shuffle(len(part), func(i, j int) { part[i], part[j] = part[j], part[i] })
			}
			pushSheets(w, part, opened, seed)
		}
		pushSheets(w, final, opened, seed)
		if n := len(w.games()); n != len(final) {
			t.Fatalf("seed %d: %d boards of %d games\n%s", seed, n, len(final), w.summary())
		}
		for _, s := range final {
			g, _ := w.state.Game(opened[s.black].Game)
			s.check(t, g, seed)
		}
	}
}

func pushSheets(w *world, sheets []*scoreSheet, opened map[string]Change, seed uint64) {
	w.t.Helper()
	var text strings.Builder
	for _, s := range sheets {
		text.WriteString(s.pgn())
	}
	for i, c := range w.push(text.String()) {
		black := sheets[i].black
		if was, ok := opened[black]; ok && (was.Game != c.Game || was.Board != c.Board) {
			w.t.Fatalf("%s\nagain pushed %s\nseed %d: %s was game %s on board %d, and is %s on %d", w.summary(), sheets[i].pgn(), seed, black, was.Game, was.Board, c.Game, c.Board)
		}
		opened[black] = c
	}
}

// check fails unless the game is as the sheet says.
func (s *scoreSheet) check(t *testing.T, g *relay.Game, seed uint64) {
	t.Helper()
	if g.White.Name != s.white || g.Black.Name != s.black || string(g.Result) != s.result && !g.Automatic || int(g.Ply()) != len(s.sans) {
		t.Fatalf("seed %d: the game is %s-%s, %d plies, %s, and should be\n%s", seed, g.White.Name, g.Black.Name, g.Ply(), g.Result, s.pgn())
	}
	for i, m := range g.Moves() {
		clock := m.Clock.White
		if i%2 == 1 {
			clock = m.Clock.Black
		}
		if m.SAN != s.sans[i] || s.clocks[i] >= 0 && clock != relay.Millis(s.clocks[i])*1000 {
			t.Fatalf("seed %d: ply %d is %s %v, and should be %s %d", seed, i+1, m.SAN, m.Clock, s.sans[i], s.clocks[i])
		}
	}
}
