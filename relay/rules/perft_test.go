package rules_test

import (
	"flag"
	"testing"

	"github.com/chessrelay/chessrelay/relay/rules"
)

var long = flag.Bool("long", false, "run the property tests in full, as make test-long does")

func parse(tb testing.TB, fen string) rules.Position {
	tb.Helper()
	p, err := rules.ParseFEN(fen)
	if err != nil {
		tb.Fatalf("%s: %v", fen, err)
	}
	return p
}

func perft(tb testing.TB, p *rules.Position, depth int) (n int) {
	if depth > 1 {
		checkTexts(tb, p)
	}
	for m := range p.LegalMoves {
		if depth == 1 {
			n++
			continue
		}
		next, ok := p.Play(m)
		if !ok {
			tb.Fatalf("%v in %s is legal and cannot be played", m, p.FEN())
		}
		made := *p
		undo := made.Make(m)
		if made != next {
			tb.Fatalf("%v in %s makes %s, and not %s", m, p.FEN(), made.FEN(), next.FEN())
		}
		made.Unmake(m, undo)
		if made != *p {
			tb.Fatalf("%v in %s leads back to %s", m, p.FEN(), made.FEN())
		}
		n += perft(tb, &next, depth-1)
	}
	return n
}

// checkTexts writes every legal move and the position, and reads them again.
func checkTexts(tb testing.TB, p *rules.Position) {
	if again := parse(tb, p.FEN()); again != *p {
		tb.Fatalf("%s is read as %s", p.FEN(), again.FEN())
	}
	if again := parse(tb, string(p.AppendShredderFEN(nil))); again != *p {
		tb.Fatalf("%s is read as %s", p.AppendShredderFEN(nil), again.FEN())
	}
	var buf [16]byte
	for m := range p.LegalMoves {
		san := string(p.AppendSAN(buf[:0], m))
		if found, err := p.Find(san); found != m || err != nil {
			tb.Fatalf("%s in %s: %v, %v, want %v", san, p.FEN(), found, err, m)
		}
		uci := string(rules.AppendUCI960(buf[:0], m))
		if found, err := p.Find(uci); found != m || err != nil {
			tb.Fatalf("%s in %s: %v, %v, want %v", uci, p.FEN(), found, err, m)
		}
	}
}

// TestPerft compares the number of positions with the numbers that chess programs
// agree on (chessprogramming.org/Perft_Results and /Chess960_Perft_Results). They were
// chosen there for their pins, en passant captures, promotions and castling.
func TestPerft(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		fen   string
		count []int // after 1, 2, … plies
	}{
		{rules.StartFEN, []int{20, 400, 8902, 197281, 4865609}},
		{"r3k2r/p1ppqpb1/bn2pnp1/3PN3/1p2P3/2N2Q1p/PPPBBPPP/R3K2R w KQkq - 0 1", []int{48, 2039, 97862, 4085603}},
		{"8/2p5/3p4/KP5r/1R3p1k/8/4P1P1/8 w - - 0 1", []int{14, 191, 2812, 43238, 674624}},
		{"r3k2r/Pppp1ppp/1b3nbN/nP6/BBP1P3/q4N2/Pp1P2PP/R2Q1RK1 w kq - 0 1", []int{6, 264, 9467, 422333}},
		{"rnbq1k1r/pp1Pbppp/2p5/8/2B5/8/PPP1NnPP/RNBQK2R w KQ - 1 8", []int{44, 1486, 62379, 2103487}},
		{"r4rk1/1pp1qppp/p1np1n2/2b1p1B1/2B1P1b1/P1NP1N2/1PP1QPPP/R4RK1 w - - 0 10", []int{46, 2079, 89890, 3894594}},

		{"bqnb1rkr/pp3ppp/3ppn2/2p5/5P2/P2P4/NPP1P1PP/BQ1BNRKR w HFhf - 2 9", []int{21, 528, 12189, 326672}},
		{"2nnrbkr/p1qppppp/8/1ppb4/6PP/3PP3/PPP2P2/BQNNRBKR w HEhe - 1 9", []int{21, 807, 18002, 667366}},
		{"b1q1rrkb/pppppppp/3nn3/8/P7/1PPP4/4PPPP/BQNNRKRB w GE - 1 9", []int{20, 479, 10471, 273318}},
		{"qbbnnrkr/2pp2pp/p7/1p2pp2/8/P3PP2/1PPP1KPP/QBBNNR1R w hf - 0 9", []int{22, 593, 13440, 382958}},
		{"1nbbnrkr/p1p1ppp1/3p4/1p3P1p/3Pq2P/8/PPP1P1P1/QNBBNRKR w HFhf - 0 9", []int{28, 1120, 31058, 1171749}},
	} {
		p := parse(t, tt.fen)
		for i, want := range tt.count {
			if want > 1_000_000 && !*long {
				continue
			}
			if got := perft(t, &p, i+1); got != want {
				t.Errorf("%s: %d positions after %d plies, want %d", tt.fen, got, i+1, want)
			}
		}
	}
}
