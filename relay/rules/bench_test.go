package rules_test

import (
	"testing"

	"github.com/notnil/chess"

	"github.com/chessrelay/chessrelay/relay/rules"
)

// The game that is measured, in both notations: 24 plies, with castling on both sides.
var (
	gameSAN = []string{
		"e4", "c5", "Nf3", "d6", "d4", "cxd4", "Nxd4", "Nf6", "Nc3", "a6", "Be3", "e5",
		"Nb3", "Be6", "f3", "Be7", "Qd2", "O-O", "O-O-O", "Nbd7", "g4", "b5", "g5", "b4",
	}
	gameUCI = []string{
		"e2e4", "c7c5", "g1f3", "d7d6", "d2d4", "c5d4", "f3d4", "g8f6", "b1c3", "a7a6", "c1e3", "e7e5",
		"d4b3", "c8e6", "f2f3", "f8e7", "d1d2", "e8g8", "e1c1", "b8d7", "g2g4", "b7b5", "g4g5", "b5b4",
	}
)

// BenchmarkMove is one move from its text to the position after it, without and with the
// texts that a relay writes of it.
func BenchmarkMove(b *testing.B) {
	for _, bb := range []struct {
		name  string
		texts []string
	}{{"SAN", gameSAN}, {"UCI", gameUCI}} {
		b.Run(bb.name, func(b *testing.B) { playAll(b, bb.texts, nil) })
	}
	b.Run("texts", func(b *testing.B) {
		buf := make([]byte, 0, 128)
		playAll(b, gameSAN, func(p *rules.Position, m rules.Move) {
			buf = p.AppendFEN(p.AppendUCI(p.AppendSAN(buf[:0], m), m))
		})
	})
}

func playAll(b *testing.B, texts []string, write func(*rules.Position, rules.Move)) {
	b.ReportAllocs()
	start := parse(b, rules.StartFEN)
	p := start
	for i := 0; b.Loop(); i++ {
		if i%len(texts) == 0 {
			p = start
		}
		m, err := p.Find(texts[i%len(texts)])
		if err != nil {
			b.Fatal(err)
		}
		if write != nil {
			write(&p, m)
		}
		p, _ = p.Play(m)
	}
}

// BenchmarkLibrary is the same with the library. Its UCI is not checked for being legal
// unless all legal moves are asked for, as here.
func BenchmarkLibrary(b *testing.B) {
	for _, bb := range []struct {
		name     string
		texts    []string
		notation chess.Notation
	}{{"SAN", gameSAN, chess.AlgebraicNotation{}}, {"UCI", gameUCI, chess.UCINotation{}}} {
		b.Run(bb.name, func(b *testing.B) {
			b.ReportAllocs()
			var p *chess.Position
			for i := 0; b.Loop(); i++ {
				if i%len(bb.texts) == 0 {
					p = chess.StartingPosition()
				}
				m, err := bb.notation.Decode(p, bb.texts[i%len(bb.texts)])
				if err != nil {
					b.Fatal(err)
				}
				for _, legal := range p.ValidMoves() {
					if legal.S1() == m.S1() && legal.S2() == m.S2() && legal.Promo() == m.Promo() {
						m = legal
					}
				}
				p = p.Update(m)
			}
		})
	}
}
