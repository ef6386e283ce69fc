package relay

import "testing"

// BenchmarkApplyMove plays a game of 24 plies over and over: the cost of one move,
// from the bytes of its command to its event.
func BenchmarkApplyMove(b *testing.B) {
	var moves [][]byte
	for i, m := range []string{
		"e4", "c5", "Nf3", "d6", "d4", "cxd4", "Nxd4", "Nf6", "Nc3", "a6", "Be3", "e5",
		"Nb3", "Be6", "f3", "Be7", "Qd2", "O-O", "O-O-O", "Nbd7", "g4", "b5", "g5", "b4",
	} {
		data, err := EncodeCommand(playMove(Ply(i+1), m))
		if err != nil {
			b.Fatal(err)
		}
		moves = append(moves, data)
	}
	b.ReportAllocs()
	var s *script
	for i := 0; b.Loop(); i++ {
		if i%len(moves) == 0 {
			s = withGame(b, "")
		}
		if out := s.bytes(moves[i%len(moves)]); out.Err != nil || out.Duplicate {
			b.Fatal(out.Err, out.Duplicate)
		}
	}
}
