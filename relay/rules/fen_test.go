package rules_test

import (
	"strings"
	"testing"

	"github.com/chessrelay/chessrelay/relay/rules"
)

func TestFEN(t *testing.T) {
	for _, tt := range []struct{ in, want, shredder string }{
		{rules.StartFEN, rules.StartFEN, "HAha"},
		{"  rnbqkbnr/pppppppp/8/8/8/8/PPPPPPPP/RNBQKBNR  w qkQK - ", rules.StartFEN, "HAha"},
		{"rnbqkbnr/pppppppp/8/8/8/8/PPPPPPPP/RNBQKBNR w HAha - 0 0", rules.StartFEN, "HAha"},
		{"4k3/8/8/3pP3/8/8/8/4K3 w - d6 0 2", "4k3/8/8/3pP3/8/8/8/4K3 w - d6 0 2", "-"},
		{"4k3/8/8/8/8/8/8/4K3 b - - 99 150", "4k3/8/8/8/8/8/8/4K3 b - - 99 150", "-"},
		// K is the outermost rook; the one inside has its file.
		{"4k3/8/8/8/8/8/8/R1R1KR1R w KQ - 0 1", "4k3/8/8/8/8/8/8/R1R1KR1R w KQ - 0 1", "HA"},
		{"4k3/8/8/8/8/8/8/R1R1KR1R w FC - 0 1", "4k3/8/8/8/8/8/8/R1R1KR1R w FC - 0 1", "FC"},
		{"bqrknbrn/pppppppp/8/8/8/8/PPPPPPPP/BQRKNBRN w GCgc - 0 1", "bqrknbrn/pppppppp/8/8/8/8/PPPPPPPP/BQRKNBRN w KQkq - 0 1", "GCgc"},
	} {
		p, err := rules.ParseFEN(tt.in)
		if err != nil || p.FEN() != tt.want {
			t.Errorf("%s: %s, %v, want %s", tt.in, p.FEN(), err, tt.want)
		}
		if got := strings.Fields(string(p.AppendShredderFEN(nil)))[2]; got != tt.shredder {
			t.Errorf("%s: the rights are %s, want %s", tt.in, got, tt.shredder)
		}
	}
	for in, words := range map[string]string{
		"":                                       "6 fields",
		"8/8/8/8/8/8/8/8":                        "6 fields",
		strings.Repeat("8", 200):                 "too long",
		rules.StartFEN + " x":                    "6 fields",
		"4k3/8/8/8/8/8/4K3 w - - 0 1":            "64 squares",
		"4k3/8/8/8/8/8/8/4K4 w - - 0 1":          "not readable",
		"4k3/8/8/8/8/8/8/4K2 w - - 0 1":          "64 squares",
		"4k3/44/8/8/8/8/8/4K3 w - - 0 1":         "not readable",
		"4k3/9/8/8/8/8/8/4K3 w - - 0 1":          "not readable",
		"4k3/8/8/8/8/8/8/4K3/8 w - - 0 1":        "not readable",
		"4k3/7/8/8/8/8/8/4K3 w - - 0 1":          "not readable",
		"4k3/8/8/8/8/8/8/4X3 w - - 0 1":          "not readable",
		"4k3/8/8/8/8/8/8/4K3 x - - 0 1":          "side to move",
		"8/8/8/8/8/8/8/8 w - - 0 1":              "kings",
		"4k3/8/8/8/8/8/8/3KK3 w - - 0 1":         "kings",
		"4k2P/8/8/8/8/8/8/4K3 w - - 0 1":         "pawn on",
		"4k3/8/8/8/8/8/4R3/4K3 w - - 0 1":        "in check",
		"8/8/8/8/8/8/4k3/4K3 w - - 0 1":          "in check",
		"4k3/8/8/8/8/8/8/4K2R w Q - 0 1":         "castling right 'Q'",
		"4k3/8/8/8/8/8/8/4K2R w F - 0 1":         "castling right 'F'",
		"4k3/8/8/8/8/8/4K3/7R w K - 0 1":         "castling right 'K'",
		"4k3/8/8/8/8/8/8/4K2R w KK - 0 1":        "twice",
		"4k3/8/8/8/8/8/8/4K2R w KH - 0 1":        "twice",
		"4k3/8/8/8/8/8/8/4KR1R w FH - 0 1":       "twice",
		"4k3/8/8/8/8/8/8/4K2R w K- - 0 1":        "castling right '-'",
		"4k3/8/8/8/8/8/8/4K2R w x - 0 1":         "castling right 'x'",
		"4k3/8/8/3pP3/8/8/8/4K3 w - d3 0 2":      "rank 6",
		"4k3/8/8/3pP3/8/8/8/4K3 w - e6 0 2":      "passed",
		"4k3/8/8/3pP3/8/8/8/4K3 b - d6 0 2":      "rank 3",
		"4k3/3p4/8/3pP3/8/8/8/4K3 w - d6 0 2":    "passed",
		"4k3/8/8/8/8/8/8/4K3 w - - -1 1":         "half-move clock",
		"4k3/8/8/8/8/8/8/4K3 w - - 0 +1":         "move number",
		"4k3/8/8/8/8/8/8/4K3 w - - 0 1000001":    "move number",
		"4k3/8/8/8/8/8/8/4K3 w - - 0 9999999999": "move number",
	} {
		p, err := rules.ParseFEN(in)
		if err == nil || !strings.Contains(err.Error(), words) || p != (rules.Position{}) {
			t.Errorf("%s: %v, want %q", in, err, words)
		}
	}
}

// FuzzPosition reads any FEN and any move. An accepted move must lead to an accepted position, and
// agree with the slow board.
func FuzzPosition(f *testing.F) {
	for _, fen := range []string{
		rules.StartFEN, castles, castlesB, promotes, passant, onRank, queens, stepOr, stays, uncovers, inner, foolish,
		"bqnb1rkr/pp3ppp/3ppn2/2p5/5P2/P2P4/NPP1P1PP/BQ1BNRKR w HFhf - 2 9",
	} {
		f.Add(fen, "O-O", uint8(4), uint8(7), uint8(0))
	}
	f.Add(promotes, "cxb8=N", uint8(50), uint8(57), uint8(5))
	f.Fuzz(func(t *testing.T, fen, text string, from, to, promotion uint8) {
		p, err := rules.ParseFEN(fen)
		if err != nil {
			return
		}
		slow := newMailbox(string(p.AppendShredderFEN(nil)))
		slow.compare(t, &p)
		checkTexts(t, &p)
		if m, err := p.Find(text); err == nil && !p.Legal(m) {
			t.Fatalf("%s in %s: %v is found and not legal", text, p.FEN(), m)
		}
		m := rules.Move{From: rules.Square(from), To: rules.Square(to), Promotion: rules.Role(promotion)}
		p.AppendUCI(p.AppendSAN(nil, m), m)
		next, ok := p.Play(m)
		if !ok {
			if next != p {
				t.Fatalf("%v is not legal in %s, and was played", m, p.FEN())
			}
			return
		}
		slow = slow.play(m)
		slow.compare(t, &next)
		if next.HalfMoves() <= 30_000 && next.FullMoves() <= 30_000 {
			checkTexts(t, &next)
		}
	})
}
