package relay

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/chessrelay/chessrelay/relay/relaypb"
)

// The Ruy Lopez, in which White's bishop then goes like a knight.
const (
	afterIllegal = "r1bqkbnr/pppp1ppp/2n5/4p3/4P3/2B2N2/PPPP1PPP/RNBQK2R b KQkq - 3 3"
	afterKnight  = "r1bqkb1r/pppp1ppp/2n2n2/4p3/4P3/2B2N2/PPPP1PPP/RNBQK2R w KQkq - 4 4"
)

func withIllegal(tb testing.TB) *script {
	s := withGame(tb, "")
	s.moves("e4", "e5", "Nf3", "Nc6")
	s.must(playIllegal(5, "Bc3", afterIllegal))
	return s
}

func TestIllegalMove(t *testing.T) {
	s := withIllegal(t)
	before := s.game()
	m, _ := before.LastMove()
	if want := (Move{Ply: 5, SAN: "Bc3", FEN: afterIllegal, Clock: NoClock(), At: testTime, Index: 8, Term: 1, Illegal: true}); m != want {
		t.Errorf("the last move is %+v", m)
	}
	if before.FEN() != afterIllegal || before.FENAt(4) == afterIllegal || before.WhitePlays(6) {
		t.Errorf("it stands at %s", before.FEN())
	}
	s.moves("Nf6", "O-O")
	g := s.game()
	if g.FENAt(6) != afterKnight || g.MoveAt(5) != m || g.Moves()[4] != m || g.MoveAt(7).SAN != "O-O" {
		t.Errorf("moves %+v", g.Moves())
	}
	data, err := json.Marshal(g)
	if err != nil {
		t.Fatal(err)
	}
	if n := strings.Count(string(data), `"illegal":true`); n != 1 {
		t.Errorf("%d moves are marked in %s", n, data)
	}
	var client Game
	if err := json.Unmarshal(data, &client); err != nil || client.FEN() != g.FEN() || client.MoveAt(5).FEN != afterIllegal || !client.MoveAt(5).Illegal {
		t.Errorf("a client reads %v, %+v", err, client.Moves())
	}
	if b := before.Standing(); b.LastMove == nil || *b.LastMove != (LastMove{SAN: "Bc3", Illegal: true}) {
		t.Errorf("the standing has %+v", b.LastMove)
	}
	again := reload(t, s.State)
	if again.Hash() != s.Hash() {
		t.Error("a checkpoint has another hash")
	}
	loaded, _ := again.Game(testGame)
	if diff := cmp.Diff(*g, *loaded, wholeGames); diff != "" {
		t.Error(diff)
	}
}

// TestIllegalText: a text in the form of UCI is UCI, too.
func TestIllegalText(t *testing.T) {
	for text, uci := range map[string]string{"f1c3": "f1c3", "Bc3": "", "f1f1": "", "e7e8q": "e7e8q", "e7e8k": "", "--": "", "Ф:в3": "", "f1-c3": ""} {
		s := withGame(t, "")
		s.moves("e4", "e5", "Nf3", "Nc6")
		s.must(playIllegal(5, text, afterIllegal))
		if m, _ := s.game().LastMove(); m.SAN != text || m.UCI != uci {
			t.Errorf("%q is %+v", text, m)
		}
	}
}

// TestIllegalNumbers: the move's number is the game's, and the FEN's other fields may have any
// spelling.
func TestIllegalNumbers(t *testing.T) {
	s := withGame(t, "")
	s.moves("e4", "e5", "Nf3", "Nc6")
	s.must(playIllegal(5, "Bc3", "r1bqkbnr/pppp1ppp/2n5/4p3/4P3/2B2N2/PPPP1PPP/RNBQK2R b kqKQ -"))
	if got := s.game().FEN(); got != strings.Replace(afterIllegal, " 3 3", " 0 3", 1) {
		t.Error(got)
	}
	s.must(playIllegal(6, "--", strings.Replace(s.game().FEN(), " b ", " w ", 1)))
	if got := s.game().FEN(); !strings.HasSuffix(got, " w KQkq - 0 4") {
		t.Error(got)
	}
}

// TestIllegalInCheck: the side that moves may leave its king in check, and nobody can take the
// king.
func TestIllegalInCheck(t *testing.T) {
	s := withGame(t, "")
	s.moves("e4", "e5", "Bc4", "Qh4", "Nc3", "Qxf2")
	s.must(playIllegal(7, "a3", "rnb1kbnr/pppp1ppp/8/4p3/2B1P3/P1N5/1PPP1qPP/R1BQK1NR b KQkq - 0 4"))
	for _, move := range []string{"Qxe1", "f2e1"} {
		if out := s.do(playMove(8, move)); !errors.Is(out.Err, ErrIllegalMove) {
			t.Fatalf("%s takes the king: %+v", move, out)
		}
	}
	s.moves("d6")
	if out := s.do(playMove(9, "b4")); !errors.Is(out.Err, ErrIllegalMove) {
		t.Fatalf("the check stands: %+v", out)
	}
	s.moves("Kxf2")
	if reload(t, s.State).Hash() != s.Hash() {
		t.Error("a checkpoint has another hash")
	}
}

func TestIllegalRefused(t *testing.T) {
	s := withGame(t, "")
	s.moves("e4", "e5", "Nf3", "Nc6")
	for _, test := range []struct{ text, fen, want string }{
		{"Bc3", "", "fen: is required for an illegal move"},
		{"Bc3", "8/8/8", "fen: must have 6 fields"},
		{"Bc3", strings.Replace(afterIllegal, " b ", " w ", 1), "fen: must have Black (b) to move: it is the position after an illegal move of White"},
		{"Bc3", strings.Replace(afterIllegal, "k", "1", 1), "fen: Black has 0 kings"},
		{"Bc3", strings.Replace(afterIllegal, "RNBQK2R", "RNBQ1K1R", 1), "fen: the castling right K has no king"},
		{"Bc3", strings.Replace(afterIllegal, " 3 3", " 1000 3", 1), "fen: the half-move clock must not exceed 999"},
		{"Bc3 }", afterIllegal, "move: must be one word"},
		{"B\x01", afterIllegal, "move: must not contain control"},
		{"Bishop to c3 now", afterIllegal, "move: must be one word"},
		{"BBBBBBBBBBBBBBBBBBB", afterIllegal, "move: must have at most"},
		{"Bb5", "r1bqkbnr/pppp1ppp/2n5/1B2p3/4P3/5N2/PPPP1PPP/RNBQK2R b KQkq - 3 3", "illegal: Bb5 is legal"},
	} {
		before := s.Hash()
		out := s.do(playIllegal(5, test.text, test.fen))
		if !errors.Is(out.Err, ErrBadCommand) || !strings.HasPrefix(out.Err.Error(), test.want) {
			t.Errorf("%q with %q: %v", test.text, test.fen, out.Err)
		}
		out = s.do(correctTo(fmt.Sprintf("c%q", test.text+test.fen), 4, illegalTo(test.text, test.fen)))
		if !errors.Is(out.Err, ErrBadCommand) || !strings.HasPrefix(out.Err.Error(), "moves[0]."+test.want) {
			t.Errorf("a correction with %q and %q: %v", test.text, test.fen, out.Err)
		}
		if s.Hash() != before {
			t.Fatalf("%q has changed something", test.text)
		}
	}
	c := playMove(5, "Bb5")
	c.GetPlayMove().Fen = afterIllegal
	if out := s.do(c); !errors.Is(out.Err, ErrBadCommand) || !strings.HasPrefix(out.Err.Error(), "fen: is only for an illegal move") {
		t.Errorf("a FEN without the word: %v", out.Err)
	}
	// A legal text may stand for another move: another piece has gone, too.
	s.must(playIllegal(5, "Bb5", "r1bqkbnr/pppp1ppp/2n5/1B2p3/4P3/8/PPPP1PPP/RNBQK2R b KQkq - 3 3"))
}

func TestIllegalDuplicates(t *testing.T) {
	s := withIllegal(t)
	s.moves("Nf6")
	for name, c := range map[string]*relaypb.Command{
		"the same":               playIllegal(5, "Bc3", afterIllegal),
		"the FEN in other words": playIllegal(5, "Bc3", strings.Replace(afterIllegal, " 3 3", " 3", 1)),
	} {
		if out := s.do(c); out.Err != nil || !out.Duplicate || out.Index != 8 || out.Move().SAN != "Bc3" || out.Move().FEN != afterIllegal {
			t.Errorf("%s: %+v", name, out)
		}
	}
	for name, c := range map[string]*relaypb.Command{
		"another text":      playIllegal(5, "f1c3", afterIllegal),
		"another FEN":       playIllegal(5, "Bc3", strings.Replace(afterIllegal, "KQkq", "kq", 1)),
		"no FEN of a game":  playIllegal(5, "Bc3", "x"),
		"the text alone":    playMove(5, "Bc3"),
		"a legal move":      playMove(5, "Bb5"),
		"over a legal move": playIllegal(6, "Nf6", afterKnight),
	} {
		if out := s.do(c); !errors.Is(out.Err, ErrPlyConflict) {
			t.Errorf("%s: %+v", name, out)
		}
	}
	conflict, _ := errors.AsType[*PlyConflictError](s.do(playMove(5, "Bb5")).Err)
	if conflict == nil || !conflict.Current.Illegal || !strings.Contains(conflict.Error(), "ply 5 is taken by Bc3") {
		t.Errorf("the conflict is %v", conflict)
	}
	// A late copy does not bring back a move that was taken back; a new request may.
	withRequest := playIllegal(7, "Bc8", "r1Bqkb1r/pppp1ppp/2n2n2/4p3/4P3/5N2/PPPP1PPP/RNBQK2R b KQkq - 4 4")
	withRequest.Request = "played-7"
	s.must(withRequest)
	s.must(takeBack(6, "t7"))
	if out := s.do(withRequest); out.Err != nil || !out.Duplicate || s.game().Ply() != 6 || !out.Move().Illegal {
		t.Errorf("a late copy: %+v", out)
	}
	withRequest.Request = "played-7-again"
	s.must(withRequest)
}

// TestIllegalCorrections go over an illegal move, to one, and leave one.
func TestIllegalCorrections(t *testing.T) {
	s := withIllegal(t)
	s.moves("Nf6", "O-O")
	same := []*relaypb.CorrectedMove{{Move: "e4"}, {Move: "e5"}, {Move: "Nf3"}, {Move: "Nc6"}, illegalTo("Bc3", afterIllegal), {Move: "Nf6"}}
	if out := s.do(correctTo("c1", 0, append(slices.Clone(same), &relaypb.CorrectedMove{Move: "O-O"})...)); out.Err != nil || !out.Duplicate {
		t.Fatalf("the game as it stands: %+v", out)
	}
	s.must(correctTo("c2", 0, append(slices.Clone(same), &relaypb.CorrectedMove{Move: "d3"})...))
	if g := s.game(); g.Ply() != 7 || g.MoveAt(7).SAN != "d3" || g.MoveAt(5).Index != 8 || g.Changes[0].ToPly != 6 {
		t.Fatalf("it is %+v", g.Moves())
	}
	s.must(correctTo("c3", 4, &relaypb.CorrectedMove{Move: "Bb5"}, &relaypb.CorrectedMove{Move: "a6"}))
	g := s.game()
	if g.FEN() != "r1bqkbnr/1ppp1ppp/p1n5/1B2p3/4P3/5N2/PPPP1PPP/RNBQK2R w KQkq - 0 4" {
		t.Errorf("it stands at %s", g.FEN())
	}
	if last := g.Changes[len(g.Changes)-1].Removed; len(last) != 3 || !last[0].Illegal || last[0].FEN != afterIllegal {
		t.Errorf("the removed moves are %+v", last)
	}
	s.must(correctTo("c4", 4, illegalTo("Bc3", afterIllegal), &relaypb.CorrectedMove{Move: "Nf6"}))
	if _, moves := s.game().Corrected(); len(moves) != 2 || !moves[0].Illegal || s.game().FEN() != afterKnight {
		t.Errorf("the correction played %+v", moves)
	}
	s.must(setClock(1, 5000, 6000)) // rewrites the last move
	s.must(takeBack(5, "t"))
	s.must(setClock(2, 7000, 8000)) // and here the illegal one
	if m, _ := s.game().LastMove(); !m.Illegal || m.FEN != afterIllegal || m.Clock != (Clock{7000, 8000}) {
		t.Errorf("the last move is %+v", m)
	}
	s.must(takeBack(3, "t2"))
	if reload(t, s.State).Hash() != s.Hash() {
		t.Error("a checkpoint has another hash")
	}
	history := s.game().History()
	if !slices.Equal(history[2].Added, []string{"Bc3", "Nf6"}) || !slices.Equal(history[len(history)-1].Removed, []string{"Nc6", "Bc3"}) {
		t.Errorf("the history is %+v", history)
	}
}

// TestIllegalCorrected: another illegal move, or the legal move of the same text, is a different
// move.
func TestIllegalCorrected(t *testing.T) {
	s := withGame(t, "")
	s.moves("e4", "e5", "Nf3", "Nc6")
	beside := strings.Replace(afterIllegal, "2B2N2", "3B1N2", 1) // the bishop stands one further
	for i, next := range []*relaypb.CorrectedMove{
		illegalTo("f1b5", afterIllegal), illegalTo("f1b5", beside), {Move: "f1b5"}, illegalTo("f1b5", beside), illegalTo("Bb5", beside), illegalTo("Lb5", beside), {Move: "Bb5"},
	} {
		out := s.must(correctTo(fmt.Sprint("c", i), 4, next))
		m, _ := s.game().LastMove()
		if out.Duplicate || m.Illegal != next.Illegal || m.Illegal && (m.FEN != next.Fen || m.SAN != next.Move) || m.Index != s.index {
			t.Errorf("%d: %+v, and it stands at %+v", i, next, m)
		}
	}
}

// TestIllegalRecords plays from illegal moves up to the ends of records and beyond, and reads each
// position by itself.
func TestIllegalRecords(t *testing.T) {
	for _, at := range []Ply{1, 31, 32, 33, 64, 65} {
		t.Run(fmt.Sprint(at), func(t *testing.T) {
			s := withGame(t, "")
			shuffle := []string{"Nf3", "Nf6", "Ng1", "Ng8"}
			for ply := Ply(1); ply <= 70; ply++ {
				if ply == at {
					fen := strings.Fields(s.game().FEN())
					side := map[string]string{"w": "b", "b": "w"}[fen[1]]
					s.must(playIllegal(ply, "--", strings.Replace(fen[0], "PPPP", "PP1P", 1)+" "+side+" KQkq - 0 1"))
					continue
				}
				next := shuffle[(ply-1)%4]
				if s.do(playMove(ply, next)).Err != nil {
					s.must(playMove(ply, map[bool]string{true: "a3", false: "a6"}[ply%2 == 1]))
				}
				if ply > at+1 {
					break
				}
			}
			for _, move := range []string{"e2e3", "e7e6", "d2d3", "d7d6", "h2h3", "h7h6", "f2f3", "f7f6"} {
				s.do(playMove(s.game().Ply()+1, move))
			}
			g := s.game()
			for i, m := range g.Moves() {
				if g.FENAt(Ply(i)+1) != m.FEN || g.MoveAt(Ply(i)+1) != m {
					t.Fatalf("ply %d: %s, and %+v", i+1, g.FENAt(Ply(i)+1), m)
				}
			}
			again, _ := reload(t, s.State).Game(testGame)
			if diff := cmp.Diff(*g, *again, wholeGames); diff != "" {
				t.Error(diff)
			}
		})
	}
}

// TestLoadIllegal: a record with an impossible illegal move is refused.
func TestLoadIllegal(t *testing.T) {
	for name, damage := range map[string]func(*relaypb.MoveRecord){
		"no text":        func(r *relaypb.MoveRecord) { r.San = "" },
		"no FEN":         func(r *relaypb.MoveRecord) { r.Fen = "" },
		"another number": func(r *relaypb.MoveRecord) { r.Fen = strings.Replace(r.Fen, " 3 3", " 3 4", 1) },
		"a UCI":          func(r *relaypb.MoveRecord) { r.Uci = "f1c3" },
		"not illegal":    func(r *relaypb.MoveRecord) { r.Illegal = false },
	} {
		s := withIllegal(t)
		head := headRecord(s.game())
		head.Moves = moveRecords(s.game().Moves())
		for _, m := range head.Moves[:4] {
			m.San, m.Fen = "", ""
		}
		load := func() error {
			all := records(s.State)
			all[recordKey(s.game())] = marshal(head)
			again := NewState()
			for k, v := range all {
				if err := again.Load(k, v); err != nil {
					return err
				}
			}
			return again.Loaded()
		}
		if err := load(); err != nil {
			t.Fatal(err)
		}
		damage(head.Moves[4])
		if err := load(); err == nil {
			t.Errorf("%s: it is loaded", name)
		}
	}
}
