package relay

import (
	"fmt"
	"testing"
	"time"
)

// BenchmarkApplyMove plays 1,024 games side by side, move by move: the cost of one move, from
// the bytes of its command to its event, when not all games fit into the processor's caches.
func BenchmarkApplyMove(b *testing.B) {
	const games = 1024
	var commands [][]byte
	for i, m := range []string{
		"e4", "c5", "Nf3", "d6", "d4", "cxd4", "Nxd4", "Nf6", "Nc3", "a6", "Be3", "e5",
		"Nb3", "Be6", "f3", "Be7", "Qd2", "O-O", "O-O-O", "Nbd7", "g4", "b5", "g5", "b4",
	} {
		for game := range games {
			commands = append(commands, benchMove(b, game, i, m))
		}
	}
	b.ReportAllocs()
	var s *script
	for i := 0; b.Loop(); i++ {
		if i%len(commands) == 0 {
			b.StopTimer()
			s = benchGames(b, games, 0)
			b.StartTimer()
		}
		if out := s.bytes(commands[i%len(commands)]); out.Err != nil || out.Duplicate {
			b.Fatal(out.Err, out.Duplicate)
		}
	}
}

// benchGames makes n games of plies moves each, in as many rounds as that takes, and stores all of
// it.
func benchGames(b *testing.B, n, plies int) *script {
	s := newScript(b)
	s.must(createTournament(testTournament, "req-t"))
	for i := range n {
		if i%MaxBoard == 0 {
			s.must(createRound(benchRound(i), benchRound(i)))
		}
		c := createGame(benchGame(i), benchGame(i), int32(i%MaxBoard)+1)
		c.GetCreateGame().Round = benchRound(i)
		s.must(c)
	}
	for ply := range plies {
		for i := range n {
			s.bytes(benchMove(b, i, ply, knights(ply)))
		}
	}
	for range s.TakeDirty() {
	}
	return s
}

func benchRound(game int) string { return fmt.Sprintf("round%03d", game/MaxBoard) }

func benchGame(i int) string { return fmt.Sprintf("g%07d", i) }

// knights returns the moves of knights that go out and come back.
func knights(ply int) string { return []string{"Nf3", "Nf6", "Ng1", "Ng8"}[ply%4] }

func benchMove(b *testing.B, game, ply int, move string) []byte {
	c := playMove(Ply(ply+1), move)
	c.GetPlayMove().Game = benchGame(game)
	c.GetPlayMove().WhiteMs, c.GetPlayMove().BlackMs = new(int64(5_400_000)), new(int64(5_300_000))
	c.Request = fmt.Sprintf("r-%d-%d", game, ply)
	data, err := EncodeCommand(c)
	if err != nil {
		b.Fatal(err)
	}
	return data
}

// BenchmarkCheckpoint plays some more moves in each of 256 long games before each checkpoint. The
// cost must follow the new moves: taking them, as the apply loop does, and encoding them, which
// runs beside it.
func BenchmarkCheckpoint(b *testing.B) {
	const games = 256
	for _, length := range []int{16, 80, 400} {
		for _, more := range []int{1, 8, 32} {
			b.Run(fmt.Sprintf("length=%d/new=%d", length, more), func(b *testing.B) {
				var taking, bytes, n int64
				var s *script
				ply := MaxPlies
				for b.Loop() {
					b.StopTimer()
					if ply+more > length+64 { // otherwise they would be too long
						s, ply = benchGames(b, games, length), length
					}
					for range more {
						for i := range games {
							s.bytes(benchMove(b, i, ply, knights(ply)))
						}
						ply++
					}
					b.StartTimer()
					began := time.Now()
					changed := s.TakeDirty()
					taking += time.Since(began).Nanoseconds()
					bytes += int64(size(changed))
					n += int64(games * more)
				}
				b.ReportMetric(float64(taking)/float64(n), "ns-taking/move")
				b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(n), "ns/move")
				b.ReportMetric(float64(bytes)/float64(n), "bytes/move")
				b.ReportMetric(0, "ns/op")
			})
		}
	}
}

func BenchmarkEncodeMove(b *testing.B) {
	c := playMove(37, "Nf3")
	c.By, c.Request = "bench", "k3n5t9c0a1b2d"
	c.GetPlayMove().WhiteMs, c.GetPlayMove().BlackMs = new(int64(5_400_000)), new(int64(5_300_000))
	b.ReportAllocs()
	for b.Loop() {
		if _, err := EncodeCommand(c); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkStamp measures what the leader does with each command, beside a copy alone.
func BenchmarkStamp(b *testing.B) {
	command, err := EncodeCommand(at(0, playMove(1, "e4")))
	if err != nil {
		b.Fatal(err)
	}
	now, dst := time.UnixMilli(testTime), make([]byte, 0, 2*len(command))
	b.Run("copy", func(b *testing.B) {
		for b.Loop() {
			dst = append(dst[:0], command...)
		}
	})
	b.Run("stamp", func(b *testing.B) {
		for b.Loop() {
			dst = Stamp(dst[:0], command, now)
		}
	})
}

// BenchmarkSum measures what the rolling sum adds to a move.
func BenchmarkSum(b *testing.B) {
	s := benchGames(b, 1, 16)
	command := benchMove(b, 0, 16, "Nf3")
	out := s.bytes(command)
	for b.Loop() {
		s.rolling.add(command, out.Index, out.Term, &out)
	}
}
