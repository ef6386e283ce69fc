package rules_test

import (
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/notnil/chess"

	"github.com/chessrelay/chessrelay/relay/internal/samples"
	"github.com/chessrelay/chessrelay/relay/pgn"
	"github.com/chessrelay/chessrelay/relay/rules"
)

// pair is one position of standard chess, here and in the library.
type pair struct {
	rules.Position
	library *chess.Position
}

func newPair(tb testing.TB, fen string) pair {
	tb.Helper()
	library := new(chess.Position)
	if err := library.UnmarshalText([]byte(fen)); err != nil {
		tb.Fatal(err)
	}
	return pair{parse(tb, fen), library}
}

// checkMoves compares the sets of legal moves.
func (p *pair) checkMoves(tb testing.TB) {
	tb.Helper()
	var ours, theirs []string
	for m := range p.LegalMoves {
		ours = append(ours, string(p.AppendUCI(nil, m)))
	}
	for _, m := range p.library.ValidMoves() {
		theirs = append(theirs, m.String())
	}
	slices.Sort(ours)
	slices.Sort(theirs)
	if !slices.Equal(ours, theirs) {
		tb.Fatalf("%s: the moves are %v, want %v", p.FEN(), ours, theirs)
	}
	if p.HasMove() != (len(theirs) > 0) {
		tb.Fatalf("%s: HasMove is wrong", p.FEN())
	}
}

// play plays the library's move on both sides, and compares its texts and the position after it.
func (p *pair) play(tb testing.TB, m *chess.Move) pair {
	tb.Helper()
	want := chess.AlgebraicNotation{}.Encode(p.library, m)
	next := p.move(tb, want)
	if san := next.san; san != want || next.uci != m.String() {
		tb.Fatalf("%s: %s (%s), want %s (%s)", p.FEN(), san, next.uci, want, m)
	}
	if next, ok := p.Find(m.String()); ok != nil || !p.Legal(next) {
		tb.Fatalf("%s: %s is not legal", p.FEN(), m)
	}
	after := pair{next.after, p.library.Update(m)}
	if fen := after.FEN(); fen != after.library.String() {
		tb.Fatalf("%s in %s leads to %s, want %s", want, p.FEN(), fen, after.library)
	}
	return after
}

type moved struct {
	san, uci string
	after    rules.Position
}

func (p *pair) move(tb testing.TB, text string) moved {
	tb.Helper()
	m, err := p.Find(text)
	if err != nil {
		tb.Fatalf("%s in %s: %v", text, p.FEN(), err)
	}
	after, ok := p.Play(m)
	if !ok {
		tb.Fatalf("%s in %s is found and cannot be played", text, p.FEN())
	}
	return moved{string(p.AppendSAN(nil, m)), string(p.AppendUCI(nil, m)), after}
}

// TestRealGames plays the sample games: those of standard chess against the library, and
// those of Chess960 against the slow board of this test.
func TestRealGames(t *testing.T) {
	t.Parallel()
	games, moves, games960 := 0, 0, 0
	for _, file := range samples.All(t) {
		count := 0 // what a carried file adds to the numbers below
		if file.Carried {
			count = 1
		}
		for r := pgn.NewReader(strings.NewReader(file.Text)); ; {
			g, err := r.Next()
			if errors.Is(err, io.EOF) {
				break
			}
			if err != nil {
				t.Fatalf("%s: %v", file.Name, err)
			}
			switch v := g.Tag("Variant"); v {
			case "", "Standard":
				games += count
				moves += count * len(g.Moves)
				playStandard(t, fmt.Sprintf("%s:%d", file.Name, g.Line), g, games%16 == 0)
			case "Chess960":
				games960 += count
				play960(t, g)
			}
		}
	}
	if games != 438 || moves != 35807 || games960 != 8 {
		t.Errorf("%d games with %d moves, and %d of Chess960", games, moves, games960)
	}
}

// playStandard compares every position of a game. If thorough is set, it also compares all
// positions one ply off the game.
func playStandard(t *testing.T, where string, g *pgn.Game, thorough bool) {
	p := newPair(t, rules.StartFEN)
	for i, gm := range g.Moves {
		p.checkMoves(t)
		m, err := p.Find(gm.SAN)
		if err != nil {
			t.Fatalf("%s, ply %d: %s: %v", where, i+1, gm.SAN, err)
		}
		uci := string(p.AppendUCI(nil, m))
		var after pair
		for _, lm := range p.library.ValidMoves() {
			if is := lm.String() == uci; is || thorough {
				if next := p.play(t, lm); is {
					after = next
				}
			}
		}
		p = after
	}
	p.checkMoves(t)
}

// play960 replays a game. The file's SAN must be ours, except for checks, of which the file has
// only some.
func play960(t *testing.T, g *pgn.Game) {
	p, slow := parse(t, g.Tag("FEN")), newMailbox(g.Tag("FEN"))
	for i, gm := range g.Moves {
		slow.compare(t, &p)
		m, err := p.Find(gm.SAN)
		if err != nil {
			t.Fatalf("game at line %d, ply %d: %s in %s: %v", g.Line, i+1, gm.SAN, p.FEN(), err)
		}
		if san := string(p.AppendSAN(nil, m)); strings.TrimRight(san, "+#") != strings.TrimRight(gm.SAN, "+#") {
			t.Errorf("game at line %d, ply %d: %s is %s", g.Line, i+1, gm.SAN, san)
		}
		slow = slow.play(m)
		p, _ = p.Play(m)
	}
	slow.compare(t, &p)
}

// TestRandomGames leads where real games do not: to many queens, kings in the open
// and long endings.
func TestRandomGames(t *testing.T) {
	t.Parallel()
	plies, want := 0, 4_000
	if *long {
		want = 12_000
	}
	for seed := uint64(1); plies < want; seed++ {
		r := rand.New(rand.NewPCG(seed, 960))
		p := newPair(t, rules.StartFEN)
		for range 400 {
			p.checkMoves(t)
			legal := p.library.ValidMoves()
			if len(legal) == 0 {
				if p.InCheck() != (p.library.Status() == chess.Checkmate) {
					t.Fatalf("%s: mate or stalemate?", p.FEN())
				}
				break
			}
			if plies%4 == 0 {
				for _, m := range legal {
					p.play(t, m)
				}
			}
			p = p.play(t, legal[r.IntN(len(legal))])
			plies++
		}
	}
}
