package relay

import (
	"strings"
	"testing"

	"github.com/chessrelay/chessrelay/relay/relaypb"
)

func TestStartPositions960(t *testing.T) {
	seen := map[string]bool{}
	for n := range 960 {
		fen := StartFEN960(n)
		rank := fen[:8]
		if seen[rank] {
			t.Errorf("%d: %s twice", n, rank)
		}
		seen[rank] = true
		bishops := strings.Index(rank, "b") + strings.LastIndex(rank, "b")
		king := strings.Index(rank, "k")
		if bishops%2 == 0 || king < strings.Index(rank, "r") || king > strings.LastIndex(rank, "r") {
			t.Errorf("%d: %s", n, rank)
		}
		pos, err := parsePosition(fen, Chess960)
		if err != nil || pos.fen() != fen {
			t.Errorf("%d: %s, %v", n, pos.fen(), err)
		}
	}
	// Published numbers.
	for n, rank := range map[int]string{0: "bbqnnrkr", 1: "bqnbnrkr", 518: "rnbqkbnr", 959: "rkrnnqbb"} {
		if got := StartFEN960(n)[:8]; got != rank {
			t.Errorf("%d: %s, want %s", n, got, rank)
		}
	}
}

// TestCastling960 castles in every way that a text can ask for, and refuses texts that cannot mean
// castling.
func TestCastling960(t *testing.T) {
	for _, tt := range []struct{ fen, move, uci, san, after string }{
		{"4k3/8/8/8/8/8/8/1R2K1R1 w GB - 0 1", "O-O", "e1g1", "O-O", "4k3/8/8/8/8/8/8/1R3RK1 b - - 1 1"}, // king takes rook
		{"4k3/8/8/8/8/8/8/1R2K1R1 w KQ - 0 1", "0-0-0", "e1b1", "O-O-O", "4k3/8/8/8/8/8/8/2KR2R1 b - - 1 1"},
		{"4k3/8/8/8/8/8/8/1R2K1R1 w KQ - 0 1", "e1b1", "e1b1", "O-O-O", "4k3/8/8/8/8/8/8/2KR2R1 b - - 1 1"},
		{"4k3/8/8/8/8/8/8/1R2K1R1 w KQ - 0 1", "e1c1", "e1b1", "O-O-O", "4k3/8/8/8/8/8/8/2KR2R1 b - - 1 1"},
		{"4k3/8/8/8/8/8/8/RK5R w KQ - 0 1", "b1g1", "b1h1", "O-O", "4k3/8/8/8/8/8/8/R4RK1 b - - 1 1"},
		{"4k3/8/8/8/8/8/8/RK5R w KQ - 0 1", "b1c1", "b1c1", "Kc1", "4k3/8/8/8/8/8/8/R1K4R b - - 1 1"},
		{"4k3/8/8/8/8/8/8/RK5R w KQ - 0 1", "b1a1", "b1a1", "O-O-O", "4k3/8/8/8/8/8/8/2KR3R b - - 1 1"},
		{"r4kr1/8/8/8/8/8/8/4K3 b ga - 0 1", "f8g8", "f8g8", "O-O", "r4rk1/8/8/8/8/8/8/4K3 w - - 1 2"},
		{"r4kr1/8/8/8/8/8/8/4K3 b - - 0 1", "O-O", "", "", ""},
		{"4k3/8/8/8/8/8/8/2R1K1R1 w K - 0 1", "O-O-O", "", "", ""},
	} {
		s := withGame(t, "")
		c := createGame("game0960", "g960", 960)
		c.GetCreateGame().Variant, c.GetCreateGame().Fen = "Fischerandom", tt.fen
		s.must(c)
		m := playMove(1, tt.move)
		m.GetPlayMove().Game = "game0960"
		out := s.do(m)
		if tt.uci == "" {
			if out.Err == nil {
				t.Errorf("%s in %s is %s", tt.move, tt.fen, out.Move().UCI)
			}
			continue
		}
		if out.Err != nil {
			t.Errorf("%s in %s: %v", tt.move, tt.fen, out.Err)
			continue
		}
		if got := out.Move(); got.UCI != tt.uci || got.SAN != tt.san || got.FEN != tt.after || out.Game.Variant != Chess960 {
			t.Errorf("%s in %s: %+v", tt.move, tt.fen, got)
		}
		again := reload(t, s.State)
		if g, _ := again.Game("game0960"); again.Hash() != s.Hash() || g.FEN() != tt.after || g.MoveAt(1).UCI != tt.uci {
			t.Errorf("%s in %s: a checkpoint has lost it", tt.move, tt.fen)
		}
	}
}

// TestStart960 starts a game by the number of its position.
func TestStart960(t *testing.T) {
	s := withGame(t, "")
	for i, n := range []int32{0, 518, 959} {
		id := FormatID(uint64(960 + i))
		c := createGame(id, "g"+id, 10+int32(i))
		c.GetCreateGame().Variant, c.GetCreateGame().StartPosition = "chess960", &n
		out := s.must(c)
		if out.Game.FEN() != StartFEN960(int(n)) || out.Game.Variant != Chess960 {
			t.Errorf("%d: %s", n, out.Game.FEN())
		}
		for ply, move := range []string{"e4", "e5"} {
			m := playMove(Ply(ply+1), move)
			m.GetPlayMove().Game = id
			s.must(m)
		}
		s.must(with(correct("c"+id, 0, "", "d4", "d5", "c4"), func(c *relaypb.Command) { c.GetCorrectMoves().Game = id }))
	}
	if reload(t, s.State).Hash() != s.Hash() {
		t.Error("a checkpoint has lost something")
	}
}
