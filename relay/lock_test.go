package relay

import (
	"encoding/json"
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/chessrelay/chessrelay/relay/relaypb"
)

// bySource returns the command as a source sends it.
func bySource(c *relaypb.Command) *relaypb.Command {
	return with(c, func(c *relaypb.Command) { c.Source = "push" })
}

// fromSource has a game that a source has opened and played, so that nothing is locked.
func fromSource(t *testing.T, moves ...string) *script {
	t.Helper()
	s := newScript(t)
	s.must(createTournament(testTournament, "req-t"))
	s.must(createRound(testRound, "req-r"))
	s.must(bySource(createGame(testGame, "req-g", 1)))
	for i, move := range moves {
		s.must(bySource(playMove(Ply(i+1), move)))
	}
	return s
}

// locked returns the names of the locked fields.
func (s *script) locked() string {
	s.Helper()
	var out []string
	for _, l := range s.game().LockedFields() {
		out = append(out, l.Field)
	}
	if reload(s, s.State).Hash() != s.Hash() {
		s.Error("the checkpoint has lost something")
	}
	return strings.Join(out, " ")
}

func unlock(request string, fields ...string) *relaypb.Command {
	c := envelope(request)
	c.Op = &relaypb.Command_Unlock{Unlock: &relaypb.Unlock{Game: testGame, Fields: fields}}
	return c
}

// TestLocks: a source cannot change what a person sets until it is unlocked.
func TestLocks(t *testing.T) {
	s := fromSource(t, "e4", "e5")
	if got := s.locked(); got != "" {
		t.Errorf("a source has locked %s", got)
	}
	rename := func(request, name string) *relaypb.Command {
		return updateGame(request, &relaypb.UpdateGame{White: &relaypb.PlayerUpdate{Name: &name, Rating: new(int32(2000))}})
	}
	s.must(updateGame("u1", &relaypb.UpdateGame{White: &relaypb.PlayerUpdate{Name: new("Hill, Tom")}}))
	out := s.must(bySource(rename("u2", "Hil, Tom")))
	if g := s.game(); g.White.Name != "Hill, Tom" || g.White.Rating != 2000 || out.Duplicate || s.locked() != "white.name" {
		t.Errorf("%+v, locked %s", g.White, s.locked())
	}
	if out := s.must(bySource(rename("u3", "Hil, Tom"))); !out.Duplicate {
		t.Error("nothing was left to change")
	}
	nameOnly := func(name string) *relaypb.Command {
		return bySource(updateGame("only "+name, &relaypb.UpdateGame{White: &relaypb.PlayerUpdate{Name: &name}}))
	}
	if out := s.do(nameOnly("Hil, Tom")); !errors.Is(out.Err, ErrLocked) || !strings.Contains(out.Err.Error(), "white.name") {
		t.Errorf("all that the source named is locked: %v", out.Err)
	}
	if out := s.must(nameOnly("Hill, Tom")); !out.Duplicate {
		t.Error("the source agrees with what is locked")
	}
	s.must(rename("u4", "Hill, Tom"))
	if got := s.locked(); got != "white.name white.rating" {
		t.Errorf("a field that a person confirmed is locked: %s", got)
	}
	l, _ := s.game().Lock("white.name")
	if diff := cmp.Diff(Lock{Field: "white.name", By: "arbiter", Since: testTime}, l); diff != "" {
		t.Error(diff)
	}
	s.must(unlock("x1", "white.name"))
	if c := s.game().Changes[len(s.game().Changes)-1]; c.Kind != ChangeUnlock || c.Fields[0].Was != "white.name" || c.By != "arbiter" {
		t.Errorf("%+v", c)
	}
	if out := s.must(unlock("x1", "white.name")); !out.Duplicate {
		t.Error("unlocked twice")
	}
	s.must(bySource(rename("u5", "Hil, Tom")))
	if g := s.game(); g.White.Name != "Hil, Tom" {
		t.Errorf("%+v", g.White)
	}

	s.must(setResult("1-0", "r1"))
	for _, c := range []*relaypb.Command{setResult("0-1", "r2"), correct("r3", 2, "0-1"), takeBack(1, "r4")} {
		if out := s.do(bySource(c)); !errors.Is(out.Err, ErrLocked) || !strings.Contains(out.Err.Error(), "arbiter has set it") {
			t.Errorf("%v: %v", c, out.Err)
		}
	}
	s.must(takeBack(1, "t1"))
	if got := s.locked(); got != "moves white.rating" {
		t.Errorf("the result was of moves that are gone: %s", got)
	}
	s.must(unlock("x2"))
	if got := s.locked(); got != "" {
		t.Errorf("still locked: %s", got)
	}
	for _, bad := range []*relaypb.Command{unlock("x3", "board"), unlock("x4", "white.age"), bySource(unlock("x5")), bySource(unlock("x6", "result"))} {
		if out := s.do(bad); out.Err == nil {
			t.Errorf("%v was taken", bad)
		}
	}
}

// TestLockedMoves: a person's moves stay, and a source goes on after them.
func TestLockedMoves(t *testing.T) {
	s := fromSource(t, "e4", "e5", "Nf3", "Nc6")
	s.must(correct("c1", 1, "", "c5", "Nf3"))
	if ply := s.game().LockedPly(); ply != 3 || s.locked() != "moves" {
		t.Errorf("locked up to ply %d: %s", ply, s.locked())
	}
	for _, c := range []*relaypb.Command{correct("c2", 1, "", "e5"), takeBack(2, "c3"), correct("c4", 0, "", "d4")} {
		if out := s.do(bySource(c)); !errors.Is(out.Err, ErrLocked) {
			t.Errorf("%v: %v", c, out.Err)
		}
	}
	s.must(bySource(playMove(4, "d6")))
	s.must(bySource(correct("c5", 3, "", "Nc6", "d4")))
	if g := s.game(); g.Ply() != 5 || g.LockedPly() != 3 {
		t.Errorf("%d plies, locked up to %d", g.Ply(), g.LockedPly())
	}
	s.must(bySource(unlock("x1", LockMoves)))
	if s.locked() != "" {
		t.Error("a source that agrees gives the lock up")
	}

	s.must(takeBack(3, "t1"))
	if m, ok := s.game().TakenBack(); !ok || m.SAN != "Nc6" || s.game().LockedPly() != 3 {
		t.Errorf("taken back: %+v", m)
	}
	if out := s.do(bySource(playMove(4, "Nc6"))); !errors.Is(out.Err, ErrLocked) {
		t.Errorf("a source has played again what a person took back: %v", out.Err)
	}
	if out := s.do(bySource(correct("c6", 3, "", "Nc6", "d4"))); !errors.Is(out.Err, ErrLocked) {
		t.Errorf("and by a correction: %v", out.Err)
	}
	s.must(bySource(playMove(4, "e6")))
	s.must(playMove(5, "d4"))
	if l, _ := s.game().Lock(LockMoves); l.ToPly != 5 || l.Since != testTime {
		t.Errorf("%+v", l)
	}
	s.must(takeBack(0, "t2"))
	if s.game().LockedPly() != 0 || s.locked() != "moves" {
		t.Error("all moves are taken back, and that is locked")
	}
}

// TestLockedClock: a person's clocks stay for their ply.
func TestLockedClock(t *testing.T) {
	s := fromSource(t, "e4", "e5")
	s.must(setClock(10, 1000, 2000))
	if out := s.do(bySource(setClock(20, 1, 1))); !errors.Is(out.Err, ErrLocked) {
		t.Error(out.Err)
	}
	s.must(bySource(correctTo("c1", 1, &relaypb.CorrectedMove{Move: "e5", BlackMs: new(int64(5))}, &relaypb.CorrectedMove{Move: "Nf3", WhiteMs: new(int64(7))})))
	if g := s.game(); g.ClockAt(2) != (Clock{1000, 2000}) || g.ClockAt(3).White != 7 || s.locked() != "clock" {
		t.Errorf("%v, then %v, locked %s", g.ClockAt(2), g.ClockAt(3), s.locked())
	}
	s.must(bySource(setClock(30, 1, 1)))
}

// TestManualBoard: no source changes a board that a person plays by hand.
func TestManualBoard(t *testing.T) {
	s := fromSource(t, "e4")
	s.must(updateGame("m", &relaypb.UpdateGame{Source: new(ManualSource)}))
	for _, c := range []*relaypb.Command{
		playMove(2, "e5"), setResult("1-0", "r"), setClock(1, 1, 1), takeBack(0, "t"), correct("c", 0, "", "d4"),
		updateGame("u", &relaypb.UpdateGame{Source: new("s1")}),
	} {
		if out := s.do(bySource(c)); !errors.Is(out.Err, ErrLocked) {
			t.Errorf("%v: %v", c, out.Err)
		}
	}
	s.must(playMove(2, "c5"))
	s.must(updateGame("m2", &relaypb.UpdateGame{Source: new("")}))
	s.must(bySource(playMove(3, "Nf3")))
}

// TestStartPosition: a game's start position may change while it has no move.
func TestStartPosition(t *testing.T) {
	s := fromSource(t)
	const fen = "brkrnqnb/pppppppp/8/8/8/8/PPPPPPPP/BRKRNQNB w DBdb - 0 1"
	out := s.must(bySource(updateGame("f1", &relaypb.UpdateGame{Fen: new(fen), Variant: new("Fischerandom")})))
	if g := s.game(); g.Variant != Chess960 || !strings.HasPrefix(g.FEN(), "brkrnqnb") || len(out.Game.Changes[0].Fields) != 2 {
		t.Errorf("%s %s %+v", g.Variant, g.FEN(), out.Game.Changes)
	}
	s.must(bySource(playMove(1, "f4")))
	if out := s.do(updateGame("f2", &relaypb.UpdateGame{Fen: new(""), Variant: new("")})); !errors.Is(out.Err, ErrBadCommand) {
		t.Errorf("after a move: %v", out.Err)
	}
	if reload(t, s.State).Hash() != s.Hash() {
		t.Error("the checkpoint has lost something")
	}
	s.must(takeBack(0, "t"))
	s.must(updateGame("f3", &relaypb.UpdateGame{Fen: new(""), Variant: new("")}))
	if g := s.game(); g.FEN() != StartFEN || s.locked() != "fen moves" {
		t.Errorf("%s, locked %s", g.FEN(), s.locked())
	}
	if out := s.do(bySource(updateGame("f4", &relaypb.UpdateGame{Fen: new(fen), Variant: new("960")}))); !errors.Is(out.Err, ErrLocked) {
		t.Error(out.Err)
	}
	if g := s.game(); g.FEN() != StartFEN {
		t.Errorf("a source has changed %s", g.FEN())
	}
	s.moves("e4")
}

func noteSource(request string, n *relaypb.SourceNote) *relaypb.Command {
	c := envelope(request)
	c.Source = "push"
	c.Op = &relaypb.Command_NoteSource{NoteSource: &relaypb.NoteSource{Game: testGame, Note: n}}
	return c
}

func accept(request string, fields ...string) *relaypb.Command {
	c := envelope(request)
	c.Op = &relaypb.Command_AcceptSource{AcceptSource: &relaypb.AcceptSource{Game: testGame, Fields: fields}}
	return c
}

// TestNote: what a source has is kept beside the game, and one command takes it over.
func TestNote(t *testing.T) {
	s := fromSource(t, "e4", "e5", "Nf3")
	s.must(correct("c", 2, "", "Nc3"))
	s.must(updateGame("u", &relaypb.UpdateGame{White: &relaypb.PlayerUpdate{Name: new("Hill, Tom"), Rating: new(int32(2100))}}))
	s.must(setResult("1-0", "r"))
	note := &relaypb.SourceNote{
		Source: "push", ToPly: 2, HasMoves: true,
		Moves:  []*relaypb.CorrectedMove{{Move: "g1f3", WhiteMs: new(int64(9000))}, {Move: "b8c6"}},
		Fields: []*relaypb.FieldNote{{Name: "result", Value: "*"}, {Name: "white.name", Value: "Hil, Tom"}, {Name: "white.rating", Value: "2200"}},
	}
	s.must(noteSource("n1", note))
	if out := s.must(noteSource("n2", note)); !out.Duplicate {
		t.Error("the same note again")
	}
	if reload(t, s.State).Hash() != s.Hash() {
		t.Error("the checkpoint has lost the note")
	}
	b, err := json.Marshal(s.game())
	if err != nil || !strings.Contains(string(b), `"sourceHas":{"source":"push","fields":{"result":"*","white.name":"Hil, Tom","white.rating":"2200"},`+
		`"toPly":2,"moves":["Nf3","Nc6"],"text":"the source has result \"*\", white.name \"Hil, Tom\", white.rating \"2200\", 2.Nf3 Nc6"}`) {
		t.Errorf("%s, %v", b, err)
	}
	s.must(accept("a1", "white.name"))
	if g := s.game(); g.White.Name != "Hil, Tom" || g.White.Rating != 2100 || g.Note() == nil || s.locked() != "moves result white.rating" {
		t.Errorf("%+v, locked %s", g.White, s.locked())
	}
	if out := s.must(accept("a1", "white.name")); !out.Duplicate {
		t.Error("accepted twice by one request")
	}
	out := s.must(accept("a2"))
	g := s.game()
	if g.Ply() != 4 || g.Result != Ongoing || g.White.Rating != 2200 || g.Note() != nil || s.locked() != "" || g.ClockAt(3).White != 9000 {
		t.Errorf("%+v, %d plies, %s, locked %s", g.White, g.Ply(), g.Result, s.locked())
	}
	if out.Duplicate || out.Index != s.index || g.Index != s.index {
		t.Errorf("the outcome is %+v", out)
	}
	if out := s.do(accept("a3")); !errors.Is(out.Err, ErrBadCommand) || !strings.Contains(out.Err.Error(), "nothing to accept") {
		t.Error(out.Err)
	}
	s.must(noteSource("n3", &relaypb.SourceNote{ToPly: 9, HasMoves: true, Moves: []*relaypb.CorrectedMove{{Move: "e2e4"}}}))
	if _, err := json.Marshal(s.game()); err != nil {
		t.Error(err)
	}
	before := s.Hash()
	if out := s.do(accept("a4")); out.Err == nil || s.Hash() != before {
		t.Error("moves that have no place were accepted")
	}
	s.must(noteSource("n4", nil))
	for _, bad := range []*relaypb.SourceNote{
		{HasMoves: true, ToPly: -1}, {Fields: []*relaypb.FieldNote{{Name: "board", Value: "1"}}},
		{HasMoves: true, Moves: []*relaypb.CorrectedMove{{Move: "e2e4", WhiteMs: new(int64(-1))}}},
		{Fields: []*relaypb.FieldNote{{Name: "white.name", Value: "a\x00"}}},
	} {
		if out := s.do(noteSource("bad", bad)); !errors.Is(out.Err, ErrBadCommand) {
			t.Errorf("%v: %v", bad, out.Err)
		}
	}
	if out := s.do(with(noteSource("p", nil), func(c *relaypb.Command) { c.Source = "" })); !errors.Is(out.Err, ErrBadCommand) {
		t.Error("a person has no note")
	}
}
