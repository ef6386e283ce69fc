package relay

import (
	"bytes"
	"testing"

	"google.golang.org/protobuf/proto"

	"github.com/chessrelay/chessrelay/relay/relaypb"
)

// FuzzCommand gives Apply any bytes. It must not panic, and a refused command must leave no trace.
func FuzzCommand(f *testing.F) {
	base := withGame(f, "")
	base.moves("e4", "e5")
	for _, c := range append(base.log, longScript(f, 5, 40)...) {
		f.Add(c)
	}
	for _, c := range []*relaypb.Command{takeBack(1, "t"), setResult("1-0", "r"), playMove(3, "Nf3"), createRound("round002", "r2"),
		correct("c", 1, "1/2-0", "c5", "Nf3"), setResult("+/-", "f"), updateRound("u", &relaypb.UpdateRound{Status: new("finished"), Shorten: new(true)}),
		updateGame("u", &relaypb.UpdateGame{Black: &relaypb.PlayerUpdate{Title: new("GM")}, Tags: []*relaypb.Tag{{Name: "Event", Value: "x"}}}),
		updateTournament("u", &relaypb.UpdateTournament{Description: new("d")}), setClock(1, 5000, -1),
		playIllegal(3, "Ke3", "rnbqkbnr/pppp1ppp/8/4p3/4P3/4K3/PPPP1PPP/RNBQ1BNR b kq - 1 2"), playIllegal(2, "e7e6", "8/8/8/8/8/8/8/8 b - -"),
		createToken("tokenAA1", "k1", RoleAdmin, nil), revokeToken("tokenAA1", "k2"),
		correctTo("ci", 1, illegalTo("c7c5", "rnbqkbnr/pp1ppppp/8/2p5/4P3/8/PPPP1PPP/RNBQKBNR w KQkq - 0 2"), illegalTo("--", ""))} {
		data, err := EncodeCommand(c)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(data)
	}
	stored := records(base.State)
	f.Fuzz(func(t *testing.T, command []byte) {
		s := load(t, stored)
		before := s.Hash()
		s.LookAhead(1, func(int) []byte { return command })
		out := s.Apply(6, 1, command)
		c := new(relaypb.Command)
		if err := (proto.UnmarshalOptions{DiscardUnknown: true}).Unmarshal(command, c); err == nil && c.Op != nil {
			got, err := EncodeCommand(c)
			if want, err2 := deterministic.Marshal(c); err != nil || err2 != nil || !bytes.Equal(got, want) {
				t.Fatalf("%v is encoded as %x, %v, and by protobuf as %x, %v", c, got, err, want, err2)
			}
		}
		if out.Err != nil || out.Duplicate {
			if out.Err != nil && out.Err.Error() == "" {
				t.Error("a refusal without a word")
			}
			if s.Hash() != before || len(boardsDirty(s)) > 0 || len(out.AppendEvents(nil)) > 0 {
				t.Fatal("something has changed")
			}
			return
		}
		if s.Hash() == before || len(boardsDirty(s)) == 0 {
			t.Fatal("nothing has changed")
		}
		after := s.Hash()
		// The same command again is a duplicate. So is a move without a request, since the game has
		// it.
		if out := s.Apply(7, 1, command); out.Err != nil || !out.Duplicate || s.Hash() != after {
			t.Fatalf("the second time: %+v", out)
		}
		if reload(t, s).Hash() != after {
			t.Fatal("a checkpoint has lost something")
		}
	})
}

// FuzzFEN: an accepted FEN is a position that a game can go on from, and is written as it was read.
func FuzzFEN(f *testing.F) {
	for _, fen := range []string{
		StartFEN, "4k3/8/8/3pP3/8/8/8/4K3 w - d6 0 2", "r3k2r/8/8/8/8/8/8/R3K2R b HAha - 3 20", "1n5k/P1P5/8/8/8/8/8/K7 w - -",
		"8/8/8/8/8/8/8/8 w - - 0 1", "k7/8/8/8/8/8/8/7K b - - 2199 11199",
	} {
		f.Add(fen)
	}
	f.Fuzz(func(t *testing.T, fen string) {
		p, err := parsePosition(fen, "")
		if err != nil {
			return
		}
		normal := p.fen()
		if again, err := normalizeFEN(normal, false); err != nil || again != normal {
			t.Fatalf("%q is read as %q, and that as %q, %v", fen, normal, again, err)
		}
		_, legal := legalMoves(t, p)
		for _, m := range legal {
			next, reason := p.play(m.String())
			if reason != "" {
				t.Fatalf("%s in %s: %s", m, normal, reason)
			}
			if bySAN, reason := p.play(next.san); reason != "" || bySAN.uci != next.uci {
				t.Fatalf("%s in %s: %s, %s", next.san, normal, bySAN.uci, reason)
			}
			if next.after.FullMoves() > maxFullMoves || next.after.HalfMoves() > maxHalfMoves {
				continue // beyond what a game can reach
			}
			if _, err := parsePosition(next.fen, ""); err != nil {
				t.Fatalf("%s in %s leads to %s: %v", next.san, normal, next.fen, err)
			}
		}
	})
}

// FuzzRecord gives Load any bytes under a good key: an error, or a state that works.
func FuzzRecord(f *testing.F) {
	s := withDelay(f, 60) // so that there are held records
	s.moves("e4", "e5")
	s.must(takeBack(1, "t"))
	s.must(playIllegal(2, "e7e3", "rnbqkbnr/pppp1ppp/8/8/4P3/4p3/PPPP1PPP/RNBQKBNR w KQkq - 0 2"))
	good := records(s.State)
	for key, value := range good {
		f.Add(key, value)
	}
	f.Fuzz(func(t *testing.T, key string, value []byte) {
		s := NewState()
		for k, v := range good {
			if k == key {
				continue
			}
			if err := s.Load(k, v); err != nil {
				t.Fatal(err)
			}
		}
		if s.Load(key, value) != nil || s.Loaded() != nil {
			return
		}
		_ = s.Hash()
		s.Release(testTime, testTime)
		for _, c := range []proto.Message{playMove(2, "c5"), playMove(3, "fxe3"), takeBack(0, "t2"), setResult("1-0", "r"), setClock(1, 5000, -1)} {
			data, _ := EncodeCommand(c.(*relaypb.Command))
			s.Apply(10, 1, data)
		}
	})
}
