package rules_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/chessrelay/chessrelay/relay/rules"
)

const (
	castles  = "r3k2r/8/8/8/8/8/8/R3K2R w KQkq - 0 1"
	castlesB = "r3k2r/8/8/8/8/8/8/R3K2R b KQkq - 0 1"
	promotes = "1n5k/P1P5/8/8/8/8/8/K7 w - - 0 1"
	knights  = "4k3/8/8/8/8/8/8/1N2KN2 w - - 0 1"
	pinned   = "4r2k/8/8/8/8/4N3/8/4K1N1 w - - 0 1"
	passant  = "4k3/8/8/3pP3/8/8/8/4K3 w - d6 0 2"
	onRank   = "8/8/8/K2pP2r/8/8/8/4k3 w - d6 0 2" // both pawns leave the rank of king and rook
	queens   = "5k2/8/8/8/4Q2Q/8/8/K6Q w - - 0 1"
	bishop   = "4k3/8/8/8/8/2p5/1P6/B3K3 w - - 0 1"
	stepOr   = "4k3/8/8/8/8/8/8/5K1R w K - 0 1"  // f1g1 is a step, and f1h1 castles
	closeBy  = "4k3/8/8/8/8/8/8/5KR1 w G - 0 1"  // they change places
	stays    = "4k3/8/8/8/8/8/8/1RK5 w B - 0 1"  // the king is there already
	uncovers = "4k3/8/8/8/8/8/8/qRK5 w B - 0 1"  // and here the rook must not leave
	inner    = "4k3/8/8/8/8/8/8/4KR1R w F - 0 1" // the right of the rook inside
	foolish  = "rnbqkbnr/pppp1ppp/8/4p3/6P1/5P2/PPPPP2P/RNBQKBNR b KQkq g3 0 2"
)

func TestFind(t *testing.T) {
	for _, tt := range []struct{ fen, texts, san, uci string }{
		{rules.StartFEN, "e4 e2e4 e2-e4 Pe4 e4!? e4+ e4# e2e4!", "e4", "e2e4"},
		{rules.StartFEN, "Nf3 g1f3 Ngf3 N1f3 Ng1f3 Ng1-f3 Nf3!! Nf3+", "Nf3", "g1f3"},
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
		{foolish, "Qh4 Qh4+ d8h4", "Qh4#", "d8h4"},

		{stepOr, "O-O f1h1", "O-O", "f1g1"},
		{stepOr, "f1g1 Kg1", "Kg1", "f1g1"},
		{closeBy, "O-O f1g1", "O-O", "f1g1"},
		{stays, "O-O-O c1b1", "O-O-O", "c1c1"},
		{inner, "O-O e1f1 e1g1", "O-O", "e1g1"},
	} {
		p := parse(t, tt.fen)
		for _, text := range strings.Fields(tt.texts) {
			m, err := p.Find(text)
			san, uci := string(p.AppendSAN(nil, m)), string(p.AppendUCI(nil, m))
			if err != nil || san != tt.san || uci != tt.uci {
				t.Errorf("%s in %s: %s %s, %v, want %s %s", text, tt.fen, san, uci, err, tt.san, tt.uci)
			}
		}
	}
	for _, tt := range []struct {
		fen, texts string
		want       error
	}{
		{rules.StartFEN, "e5 Nf4 O-O e1g1 e1h1 Ke2 e7e5 a1a1 d3d4 Qd1 h1h8", rules.ErrIllegal},
		{rules.StartFEN, "nf3 x e e9 i4 -- 0000 Z0 KQf3 e2e4e5 NNf3 =Q e4=K Nf3=Q ½ 🨀 1. e4e e2e4q eeeeeeeeeeeeeeeee", rules.ErrText},
		{castles, "Kg1 Kc1 Ke1g1 e1d1q", rules.ErrIllegal},
		{promotes, "a8 a7a8 c8", rules.ErrPromotion},
		{passant, "d6 exf6", rules.ErrIllegal},
		{onRank, "exd6 e5d6", rules.ErrIllegal},
		{bishop, "Bxc3 c3", rules.ErrIllegal},
		{uncovers, "O-O-O c1b1", rules.ErrIllegal},
		{"4k3/8/8/8/8/8/4r3/R3K2R w KQ - 0 1", "O-O O-O-O e1g1", rules.ErrIllegal},
		{"4k3/8/8/8/8/8/3r1r2/R3K2R w KQ - 0 1", "O-O O-O-O e1g1", rules.ErrIllegal},
		{"4k3/8/8/8/8/8/8/RN2K1NR w KQ - 0 1", "O-O O-O-O e1g1", rules.ErrIllegal}, // past others
		{"7k/5Q2/6K1/8/8/8/8/8 b - - 0 1", "Kg8 Kh7", rules.ErrIllegal},
	} {
		p := parse(t, tt.fen)
		for _, text := range strings.Fields(tt.texts) {
			if m, err := p.Find(text); err != tt.want {
				t.Errorf("%s in %s: %v, %v, want %v", text, tt.fen, m, err, tt.want)
			}
		}
	}
	for fen, text := range map[string]string{queens: "Qe1", knights: "Nd2"} {
		p := parse(t, fen)
		_, err := p.Find(text)
		var either *rules.AmbiguousError
		if !errors.As(err, &either) || !p.Legal(either.First) || !p.Legal(either.Second) || either.First == either.Second {
			t.Errorf("%s: %v", text, err)
		}
	}
}

// TestNoAllocation: a move allocates nothing, from its text to the texts of the answer.
func TestNoAllocation(t *testing.T) {
	for _, texts := range [][]string{gameSAN, gameUCI} {
		start := parse(t, rules.StartFEN)
		buf := make([]byte, 0, 128)
		n := testing.AllocsPerRun(50, func() {
			p := start
			for _, text := range texts {
				m, err := p.Find(text)
				if err != nil {
					t.Fatal(err)
				}
				buf = p.AppendFEN(p.AppendUCI(p.AppendSAN(buf[:0], m), m))
				p, _ = p.Play(m)
			}
		})
		if n != 0 {
			t.Errorf("%v allocations in a game", n)
		}
	}
}

// TestNoPosition: the zero value and impossible moves do no harm.
func TestNoPosition(t *testing.T) {
	var none rules.Position
	if _, err := none.Find("e1g1"); err != rules.ErrIllegal || none.HasMove() || none.InCheck() {
		t.Error("there is a move on an empty board")
	}
	_ = none.FEN()
	start := parse(t, rules.StartFEN)
	for from := range 256 {
		for to := range 256 {
			for _, promotion := range []rules.Role{rules.NoRole, rules.Pawn, rules.King, 7, 255} {
				m := rules.Move{From: rules.Square(from), To: rules.Square(to), Promotion: promotion}
				if none.Legal(m) || start.Legal(m) && (from > 63 || to > 63 || promotion != rules.NoRole) {
					t.Fatalf("%v is legal", m)
				}
				if from%37 == 0 && to%11 == 0 {
					start.AppendUCI(start.AppendSAN(nil, m), m)
					none.AppendUCI(none.AppendSAN(nil, m), m)
				}
			}
		}
	}
}
