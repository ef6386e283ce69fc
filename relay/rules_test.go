package relay

import (
	"errors"
	"strings"
	"testing"

	"github.com/notnil/chess"
)

func mustPosition(tb testing.TB, fen string) position {
	tb.Helper()
	p, err := parsePosition(fen, "")
	if err != nil {
		tb.Fatalf("%s: %v", fen, err)
	}
	return p
}

// legalMoves asks the library, which is the reference. It needs a position of its own.
func legalMoves(tb testing.TB, p position) (*chess.Position, []*chess.Move) {
	tb.Helper()
	library := new(chess.Position)
	if err := library.UnmarshalText([]byte(p.fen())); err != nil {
		tb.Fatalf("%s: %v", p.fen(), err)
	}
	return library, library.ValidMoves()
}

// perft counts the positions after depth plies, each one reached by the text of the
// move and read again from its FEN.
func perft(tb testing.TB, p position, depth int) int {
	if depth == 0 {
		return 1
	}
	n := 0
	library, legal := legalMoves(tb, p)
	for _, m := range legal {
		san := chess.AlgebraicNotation{}.Encode(library, m)
		next, reason := p.play(san)
		if reason != "" || next.uci != m.String() || next.san != san {
			tb.Fatalf("%s in %s: %s, %q", san, p.fen(), next.uci, reason)
		}
		if again := mustPosition(tb, next.fen); again.fen() != next.fen {
			tb.Fatalf("%s becomes %s", next.fen, again.fen())
		} else if depth%2 == 1 {
			next.after = again
		}
		n += perft(tb, next.after, depth-1)
	}
	return n
}

// TestPerft compares the number of positions with the numbers that chess programs
// agree on (chessprogramming.org/Perft_Results). They were chosen there for their
// pins, en passant captures, promotions and castling.
func TestPerft(t *testing.T) {
	for _, tt := range []struct {
		fen   string
		count []int // after 1, 2, … plies
	}{
		{StartFEN, []int{20, 400, 8902}},
		{"r3k2r/p1ppqpb1/bn2pnp1/3PN3/1p2P3/2N2Q1p/PPPBBPPP/R3K2R w KQkq - 0 1", []int{48, 2039}},
		{"8/2p5/3p4/KP5r/1R3p1k/8/4P1P1/8 w - - 0 1", []int{14, 191, 2812}},
		{"r3k2r/Pppp1ppp/1b3nbN/nP6/BBP1P3/q4N2/Pp1P2PP/R2Q1RK1 w kq - 0 1", []int{6, 264}},
		{"rnbq1k1r/pp1Pbppp/2p5/8/2B5/8/PPP1NnPP/RNBQK2R w KQ - 1 8", []int{44, 1486}},
		{"r4rk1/1pp1qppp/p1np1n2/2b1p1B1/2B1P1b1/P1NP1N2/1PP1QPPP/R4RK1 w - - 0 10", []int{46, 2079}},
	} {
		for i, want := range tt.count {
			if got := perft(t, mustPosition(t, tt.fen), i+1); got != want {
				t.Errorf("%s: %d positions after %d plies, want %d", tt.fen, got, i+1, want)
			}
		}
	}
}

// TestMoveText has spellings of one move each, and texts that are no move.
func TestMoveText(t *testing.T) {
	const (
		castles  = "r3k2r/8/8/8/8/8/8/R3K2R w KQkq - 0 1"
		castlesB = "r3k2r/8/8/8/8/8/8/R3K2R b KQkq - 0 1"
		promotes = "1n5k/P1P5/8/8/8/8/8/K7 w - - 0 1"
		knights  = "4k3/8/8/8/8/8/8/1N2KN2 w - - 0 1"
		pinned   = "4r2k/8/8/8/8/4N3/8/4K1N1 w - - 0 1"
		passant  = "4k3/8/8/3pP3/8/8/8/4K3 w - d6 0 2"
		queens   = "5k2/8/8/8/4Q2Q/8/8/K6Q w - - 0 1"
		bishop   = "4k3/8/8/8/8/2p5/1P6/B3K3 w - - 0 1"
	)
	for _, tt := range []struct{ fen, texts, san, uci string }{
		{StartFEN, "e4 e2e4 e2-e4 Pe4 e4!? e4+ e4# e2e4!", "e4", "e2e4"},
		{StartFEN, "Nf3 g1f3 Ngf3 N1f3 Ng1f3 Ng1-f3 Nf3!! Nf3+", "Nf3", "g1f3"},
		{castles, "O-O 0-0 o-o O-O+ O-O! e1g1 e1h1", "O-O", "e1g1"},
		{castles, "O-O-O 0-0-0 o-o-o e1c1 e1a1", "O-O-O", "e1c1"},
		{castlesB, "O-O 0-0 e8g8 e8h8", "O-O", "e8g8"},
		{castlesB, "O-O-O e8c8 e8a8", "O-O-O", "e8c8"},
		{castles, "Rxh8 Rxh8+ Rh8 h1h8 Rh1xh8+", "Rxh8+", "h1h8"},
		{promotes, "a8=Q a8Q a8q a8=q a8(Q) a8/Q a7a8q a7a8Q a7-a8=Q a8=Q+", "a8=Q", "a7a8q"},
		{promotes, "cxb8=N cb8=N cxb8N c7b8n c7xb8n", "cxb8=N", "c7b8n"},
		{promotes, "c8=R+ c8R c7c8r c8=R#", "c8=R+", "c7c8r"},
		{knights, "Nbd2 b1d2 Nb1d2", "Nbd2", "b1d2"},
		{pinned, "Ne2 Nge2 g1e2", "Ne2", "g1e2"},
		{passant, "exd6 exd6e.p. exd6ep ed6 e5d6 e5xd6", "exd6", "e5d6"},
		{queens, "Qh4e1 h4e1", "Qh4e1", "h4e1"},
		{bishop, "bxc3 b2c3 bc3", "bxc3", "b2c3"},
	} {
		p := mustPosition(t, tt.fen)
		for _, text := range strings.Fields(tt.texts) {
			m, reason := p.play(text)
			if reason != "" || m.san != tt.san || m.uci != tt.uci {
				t.Errorf("%s: %s %s, %q, want %s %s", text, m.san, m.uci, reason, tt.san, tt.uci)
			}
		}
	}
	for _, tt := range []struct{ fen, texts, reason string }{
		{StartFEN, "e5 Nf4 O-O e1g1 e1h1 Ke2 e7e5 a1a1 d3d4 Qd1 h1h8", "not legal"},
		{StartFEN, "nf3 x e e9 i4 -- 0000 Z0 KQf3 e2e4e5 NNf3 =Q e4=K Nf3=Q ½ 🨀 1. e4e e2e4q", "neither SAN"},
		{castles, "Kg1 Kc1 Ke1g1", "not legal"},
		{promotes, "a8 a7a8 c8", "must name the piece"},
		{queens, "Qe1", "it could be"},
		{knights, "Nd2", "it could be Nbd2 or Nfd2"},
		{passant, "d6 exf6", "not legal"},
		{bishop, "Bxc3 c3", "not legal"},
		{"7k/5Q2/6K1/8/8/8/8/8 b - - 0 1", "Kg8 Kh7", "no legal move"},
	} {
		p := mustPosition(t, tt.fen)
		for _, text := range strings.Fields(tt.texts) {
			if m, reason := p.play(text); !strings.Contains(reason, tt.reason) {
				t.Errorf("%s in %s: %s, %q, want %q", text, tt.fen, m.uci, reason, tt.reason)
			}
		}
	}
}

func TestFEN(t *testing.T) {
	for in, want := range map[string]string{
		StartFEN: StartFEN,
		"rnbqkbnr/pppppppp/8/8/8/8/PPPPPPPP/RNBQKBNR w qkQK -":         StartFEN,
		"  rnbqkbnr/pppppppp/8/8/8/8/PPPPPPPP/RNBQKBNR  w HAha -  0 0": StartFEN,
		"8/8/8/8/8/8/8/K1k5 w - - 99 150":                              "8/8/8/8/8/8/8/K1k5 w - - 99 150",
		"4k3/8/8/3pP3/8/8/8/4K3 w - d6 0 2":                            "4k3/8/8/3pP3/8/8/8/4K3 w - d6 0 2",
		"QQQQQQQQ/QK6/8/8/8/8/8/7k b - - 0 1":                          "", // White has too many queens
		"QQQQQQQQ/1K6/8/8/8/8/1q6/7k b - - 0 1":                        "", // it is not White's turn
	} {
		got, err := normalizeFEN(in, false)
		if want != "" && (got != want || err != nil) {
			t.Errorf("%s: %s, %v", in, got, err)
		}
	}
	for in, words := range map[string]string{
		"":                                                      "6 fields",
		"8/8/8/8/8/8/8/8":                                       "6 fields",
		strings.Repeat("8", 200):                                "too long",
		StartFEN + " x":                                         "6 fields",
		"4k3/8/8/8/8/8/4K3 w - - 0 1":                           "8 ranks",
		"4k3/8/8/8/8/8/8/4K4 w - - 0 1":                         "rank 1",
		"4k3/8/8/8/8/8/8/4K2 w - - 0 1":                         "rank 1",
		"4k3/44/8/8/8/8/8/4K3 w - - 0 1":                        "rank 7",
		"4k3/9/8/8/8/8/8/4K3 w - - 0 1":                         "rank 7",
		"4k3/0p7/8/8/8/8/8/4K3 w - - 0 1":                       "rank 7",
		"4k3/ppppppppp/8/8/8/8/8/4K3 w - - 0 1":                 "rank 7",
		"4k3/8/8/8/8/8/8/4X3 w - - 0 1":                         "rank 1",
		"4k3/8/8/8/8/8/8/4K3 x - - 0 1":                         "side to move",
		"8/8/8/8/8/8/8/8 w - - 0 1":                             "White has 0 kings",
		"4k3/8/8/8/8/8/8/3KK3 w - - 0 1":                        "White has 2 kings",
		"8/8/8/8/8/8/8/4K3 w - - 0 1":                           "Black has 0 kings",
		"4k3/8/8/8/8/P7/PPPPPPPP/4K3 w - - 0 1":                 "White has 9 pawns",
		"rnbqkbnr/pppppppp/8/8/8/8/PPPPPPPP/RNBQKBNQ w - - 0 1": "promotions",
		"4k2P/8/8/8/8/8/8/4K3 w - - 0 1":                        "first or the last rank",
		"4k3/8/8/8/8/8/8/p3K3 w - - 0 1":                        "first or the last rank",
		"4k3/8/8/8/8/8/4R3/4K3 w - - 0 1":                       "in check",
		"4k3/8/8/8/8/8/3p4/4K3 b - - 0 1":                       "in check",
		"4k3/3P4/8/8/8/8/8/4K3 w - - 0 1":                       "in check",
		"8/8/8/8/8/8/4k3/4K3 w - - 0 1":                         "in check",
		"4k3/2N5/8/8/8/8/8/4K3 w - - 0 1":                       "in check",
		"4k3/8/8/8/B7/8/8/4K3 w - - 0 1":                        "in check",
		"4k3/8/8/8/8/8/8/4K2R w Q - 0 1":                        "castling right Q",
		"4k3/8/8/8/8/8/8/3K3R w K - 0 1":                        "castling right K",
		"4k3/8/8/8/8/8/8/4K2R w KK - 0 1":                       "twice",
		"4k3/8/8/8/8/8/8/4K2R w KH - 0 1":                       "twice",
		"4k3/8/8/8/8/8/8/4K2R w K- - 0 1":                       "not readable",
		"4k3/8/8/8/8/8/8/4K2R w Kx - 0 1":                       "not readable",
		"4k3/8/8/3pP3/8/8/8/4K3 w - d3 0 2":                     "rank 6",
		"4k3/8/8/3pP3/8/8/8/4K3 w - e6 0 2":                     "passed",
		"4k3/8/8/3pP3/8/8/8/4K3 b - d6 0 2":                     "rank 3",
		"4k3/3p4/8/3pP3/8/8/8/4K3 w - d6 0 2":                   "passed",
		"4k3/8/8/3pP3/8/8/8/4K3 w - d66 0 2":                    "rank 6",
		"4k3/8/8/8/8/8/8/4K3 w - - -1 1":                        "half-move clock",
		"4k3/8/8/8/8/8/8/4K3 w - - x 1":                         "half-move clock",
		"4k3/8/8/8/8/8/8/4K3 w - - 0 +1":                        "move number",
		"4k3/8/8/8/8/8/8/4K3 w - - 0 99999999":                  "move number",
	} {
		_, err := normalizeFEN(in, false)
		if !errors.Is(err, ErrBadCommand) || !strings.Contains(err.Error(), words) {
			t.Errorf("%s: %v, want %q", in, err, words)
		}
	}
}

// TestNoCastlingOutOfCheck: a position that is read knows that its king is in check.
func TestNoCastlingOutOfCheck(t *testing.T) {
	p := mustPosition(t, "4k3/8/8/8/8/8/4r3/R3K2R w KQ - 0 1")
	for _, text := range []string{"O-O", "O-O-O", "e1g1"} {
		if _, reason := p.play(text); reason == "" {
			t.Errorf("%s out of check", text)
		}
	}
}
