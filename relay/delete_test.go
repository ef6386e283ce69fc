package relay

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/chessrelay/chessrelay/relay/relaypb"
)

func deleteOf(id, request string) *relaypb.Command {
	c := envelope(request)
	c.By = "arbiter"
	c.Op = &relaypb.Command_Delete{Delete: &relaypb.Delete{Id: id, Reason: "by mistake"}}
	return c
}

func restoreOf(id, request string) *relaypb.Command {
	c := envelope(request)
	c.Op = &relaypb.Command_Restore{Restore: &relaypb.Restore{Id: id, Reason: "after all"}}
	return c
}

// A ledger is a script with a checkpoint after each step, which must load to the same state.
type ledger struct {
	*script
	stored map[string][]byte
}

func newLedger(t *testing.T) *ledger {
	l := &ledger{newScript(t), map[string][]byte{}}
	l.must(createTournament(testTournament, "req-t"))
	l.must(createRound(testRound, "req-r"))
	for i := range 3 {
		l.must(createGame(fmt.Sprintf("game%04d", i+1), fmt.Sprint("req-g", i+1), int32(i+1)))
	}
	l.must(playMove(1, "e4"))
	return l
}

// step applies a command and wants these events, as "type of: game or round".
func (l *ledger) step(c *relaypb.Command, want ...string) Outcome {
	l.Helper()
	out := l.must(c)
	var got []string
	for _, e := range out.AppendEvents(nil) {
		if e.Game != nil {
			got = append(got, fmt.Sprint(e.Type, " ", e.Game.ID))
		} else {
			got = append(got, fmt.Sprint(e.Type, " ", e.Round.ID))
		}
	}
	if !slices.Equal(got, want) {
		l.Fatalf("index %d: events %q, want %q", l.index, got, want)
	}
	l.check()
	return out
}

func (l *ledger) check() {
	l.Helper()
	store(l, l.stored, l.TakeDirty())
	for _, again := range []*State{load(l, l.stored), reload(l, l.State)} {
		if again.Hash() != l.Hash() {
			l.Fatalf("index %d: another hash after a restart", l.index)
		}
		if diff := cmp.Diff(l.visible(), (&ledger{script: &script{TB: l, State: again}}).visible()); diff != "" {
			l.Fatalf("index %d: after a restart: %s", l.index, diff)
		}
	}
}

// refused wants a refusal with this text.
func (l *ledger) refused(c *relaypb.Command, kind error, text string) {
	l.Helper()
	hash := l.Hash()
	out := l.do(c)
	if !errors.Is(out.Err, kind) || !strings.Contains(out.Err.Error(), text) {
		l.Errorf("%v: got %v, want %q", c.Op, out.Err, text)
	}
	if l.Hash() != hash {
		l.Errorf("%v: refused, and changed something", c.Op)
	}
}

// duplicate wants the answer of the entry at index.
func (l *ledger) duplicate(c *relaypb.Command, index uint64) {
	l.Helper()
	hash := l.Hash()
	if out := l.do(c); out.Err != nil || !out.Duplicate || out.Index != index || l.Hash() != hash {
		l.Errorf("%v: got %+v, want a duplicate of %d", c.Op, out, index)
	}
}

// visible is what readers find: "T", "R" and "G" for single reads, and the lists.
func (l *ledger) visible() string {
	var out []string
	for id := range l.tournaments {
		if t, ok := l.Tournament(id); ok {
			out = append(out, fmt.Sprint("T ", id, " ", t.Rounds))
		}
	}
	for id := range l.rounds {
		if r, ok := l.Round(id); ok {
			out = append(out, fmt.Sprint("R ", id, " ", r.Games, " ", r.Status))
		}
	}
	for g := range l.games.all {
		if _, ok := l.Game(g.ID); ok {
			out = append(out, fmt.Sprint("G ", g.ID))
		}
	}
	for _, t := range l.Tournaments() {
		out = append(out, fmt.Sprint("list ", t.ID))
	}
	for _, r := range l.Sources() {
		out = append(out, fmt.Sprint("source of ", r.ID))
	}
	for id := range l.rounds {
		for _, g := range l.DeletedGames(id) {
			out = append(out, fmt.Sprint("deleted ", g.ID))
		}
	}
	slices.Sort(out)
	return strings.Join(out, "\n")
}

func (l *ledger) sees(want ...string) {
	l.Helper()
	slices.Sort(want)
	if diff := cmp.Diff(strings.Join(want, "\n"), l.visible()); diff != "" {
		l.Errorf("index %d: readers see %s", l.index, diff)
	}
}

func TestDeleteGame(t *testing.T) {
	l := newLedger(t)
	deleted := l.step(deleteOf("game0001", "d1"), "round round001", "deleted game0001")
	l.sees("T tournam1 [round001]", "R round001 [game0002 game0003] new", "G game0002", "G game0003", "list tournam1", "deleted game0001")
	if g := deleted.Game; g.Deleted == nil || *g.Deleted != (Deletion{At: testTime, By: "arbiter", Reason: "by mistake", Index: deleted.Index}) || g.Ply() != 1 {
		t.Errorf("the game is %+v, deleted %+v", g, g.Deleted)
	}
	if last := deleted.Game.History()[0]; last.Kind != ChangeDelete || last.By != "arbiter" || last.Reason != "by mistake" {
		t.Errorf("the audit trail says %+v", last)
	}

	// A deleted game refuses commands, says so, and answers duplicates as before.
	const gone = `the game "game0001" was deleted at 2023-11-14 22:13:20 UTC`
	for _, c := range []*relaypb.Command{
		playMove(2, "e5"), takeBack(0, "x1"), setResult("1-0", "x2"), correct("x3", 0, "", "d4"), setClock(5000, 1, 1),
		updateGame("x4", &relaypb.UpdateGame{White: &relaypb.PlayerUpdate{Name: new("A")}}),
	} {
		l.refused(c, ErrDeleted, gone)
		l.refused(c, ErrNotFound, gone)
	}
	l.duplicate(playMove(1, "e4"), 6)
	l.duplicate(createGame("another1", "req-g1", 1), 3)
	l.duplicate(deleteOf("game0001", "d1"), deleted.Index)
	l.duplicate(deleteOf("game0001", "again"), deleted.Index)
	l.refused(createGame("game0001", "new", 5), ErrIDTaken, "is taken")
	if err := l.Missing("game", "game0001"); err.Error() != gone {
		t.Errorf("a reader is told %v", err)
	}

	// Its board is free, and restoring needs it.
	l.step(createGame("game0009", "req-g9", 1), "game game0009")
	l.refused(restoreOf("game0001", "r0"), ErrBoardTaken, "board 1 of this round is taken by game game0009 now")
	l.step(deleteOf("game0009", "d9"), "deleted game0009")
	restored := l.step(restoreOf("game0001", "r1"), "game game0001", "round round001")
	l.sees("T tournam1 [round001]", "R round001 [game0001 game0002 game0003] started", "G game0001", "G game0002", "G game0003", "list tournam1", "deleted game0009")
	l.duplicate(restoreOf("game0001", "r1"), restored.Index)
	l.duplicate(restoreOf("game0001", "again2"), restored.Index)
	l.duplicate(deleteOf("game0001", "d1"), deleted.Index) // a late copy does not delete it again
	l.step(playMove(2, "e5"), "move game0001")
	l.duplicate(restoreOf("game0002", "never"), 4)
}

// TestDeleteFinishesRound: the last running game is deleted, and the round is finished.
func TestDeleteFinishesRound(t *testing.T) {
	l := newLedger(t)
	l.step(setResult("1-0", "res"), "result game0001")
	l.step(deleteOf("game0002", "d2"), "deleted game0002")
	l.step(deleteOf("game0003", "d3"), "round round001", "deleted game0003")
	if r, _ := l.Round(testRound); r.Status != RoundFinished {
		t.Errorf("the round is %s", r.Status)
	}
	l.step(restoreOf("game0003", "r3"), "game game0003", "round round001")
	if r, _ := l.Round(testRound); r.Status != RoundStarted {
		t.Errorf("the round is %s", r.Status)
	}
}

func TestDeleteRound(t *testing.T) {
	l := newLedger(t)
	c := createRound("round002", "req-r2")
	c.GetCreateRound().Settings = &relaypb.RoundSettings{Sources: &relaypb.Sources{List: []*relaypb.Source{{Id: "a", Kind: "pgn", Url: "http://x"}}}}
	l.step(c)
	l.step(createRound("round003", "req-r3"))
	inside := createGame("game0007", "req-g7", 1)
	inside.GetCreateGame().Round = "round002"
	l.step(inside, "game game0007")
	other := createGame("game0008", "req-g8", 2)
	other.GetCreateGame().Round = "round002"
	l.step(other, "game game0008")
	l.step(deleteOf("game0008", "d8"), "deleted game0008")

	deleted := l.step(deleteOf("round002", "d"), "deleted round002")
	l.sees("T tournam1 [round001 round003]", "R round001 [game0001 game0002 game0003] started", "R round003 [] new",
		"G game0001", "G game0002", "G game0003", "list tournam1", "deleted game0008")
	const gone = `the round "round002" was deleted at`
	move := playMove(1, "e4")
	move.GetPlayMove().Game = "game0007"
	l.refused(move, ErrDeleted, gone)
	l.refused(deleteOf("game0007", "x"), ErrDeleted, gone)
	l.refused(restoreOf("game0008", "x"), ErrDeleted, gone)
	more := createGame("game0010", "x", 3)
	more.GetCreateGame().Round = "round002"
	l.refused(more, ErrDeleted, gone)
	l.duplicate(inside, 9)
	update := updateRound("x", &relaypb.UpdateRound{Name: new("A")})
	update.GetUpdateRound().Round = "round002"
	l.refused(update, ErrDeleted, gone)
	if err := l.Missing("game", "game0007"); !errors.Is(err, ErrDeleted) || !strings.Contains(err.Error(), gone) {
		t.Errorf("a reader of its game is told %v", err)
	}
	l.duplicate(deleteOf("round002", "d"), deleted.Index)
	l.duplicate(deleteOf("round002", "again"), deleted.Index)

	restored := l.step(restoreOf("round002", "r"), "restored round002")
	l.sees("T tournam1 [round001 round002 round003]", "R round001 [game0001 game0002 game0003] started", "R round002 [game0007] new", "R round003 [] new",
		"G game0001", "G game0002", "G game0003", "G game0007", "list tournam1", "source of round002", "deleted game0008")
	l.duplicate(restoreOf("round002", "r"), restored.Index)
	if u := restored.Round.Updates; len(u) != 2 || u[0].Fields[0] != (FieldChange{"deleted", "", "true"}) || u[0].By != "arbiter" || u[1].Reason != "after all" {
		t.Errorf("the audit trail says %+v", u)
	}
	l.step(move, "move game0007", "round round002")
}

func TestDeleteTournament(t *testing.T) {
	l := newLedger(t)
	l.step(createTournament("tournam2", "req-t2"))
	l.step(createRound("round002", "req-r2"))
	deleted := l.step(deleteOf(testTournament, "d"), "deleted round001", "deleted round002")
	l.sees("T tournam2 []", "list tournam2")
	const gone = `the tournament "tournam1" was deleted at`
	l.refused(createRound("round003", "x"), ErrDeleted, gone)
	l.refused(createGame("game0009", "x", 9), ErrDeleted, gone)
	l.refused(playMove(2, "e5"), ErrDeleted, gone)
	l.refused(deleteOf(testRound, "x"), ErrDeleted, gone)
	l.refused(restoreOf(testRound, "x"), ErrDeleted, gone)
	l.refused(updateTournament("x", &relaypb.UpdateTournament{Name: new("A")}), ErrDeleted, gone)
	l.duplicate(createTournament(testTournament, "req-t"), 1)
	l.duplicate(createRound(testRound, "req-r"), 2)
	l.duplicate(deleteOf(testTournament, "again"), deleted.Index)
	l.step(restoreOf(testTournament, "r"), "restored round001", "restored round002")
	l.sees("T tournam1 [round001 round002]", "T tournam2 []", "R round001 [game0001 game0002 game0003] started", "R round002 [] new",
		"G game0001", "G game0002", "G game0003", "list tournam1", "list tournam2")
	l.refused(deleteOf("nothing1", "x"), ErrNotFound, "nothing1")
	long := deleteOf(testTournament, "x")
	long.GetDelete().Reason = strings.Repeat("x", MaxReason+1)
	l.refused(long, ErrBadCommand, "reason")
}

// TestRestoreInTime: thirty days by the commands' own time, to the millisecond.
func TestRestoreInTime(t *testing.T) {
	for _, id := range []string{testTournament, testRound, testGame} {
		l := newLedger(t)
		l.must(deleteOf(id, "d"))
		late := restoreOf(id, "r")
		late.At = testTime + int64(RestoreFor) + 1
		l.refused(late, ErrDeleted, "could be restored until 2023-12-14 22:13:20 UTC")
		if n := len(l.DeletedSince(testTime + 1)); n != 0 {
			t.Errorf("%d are listed after that", n)
		}
		if list := l.DeletedSince(testTime); len(list) != 1 || idOf(list[0]) != id || list[0].Deletion().Until() != testTime+RestoreFor {
			t.Errorf("%s: %+v is listed", id, list)
		}
		inTime := restoreOf(id, "r")
		inTime.At = testTime + int64(RestoreFor)
		l.must(inTime)
		l.check()
	}
}

// TestDeleteWithDelay: a deletion is public at once, whatever is held. The rest of the round stays
// delayed.
func TestDeleteWithDelay(t *testing.T) {
	s := withDelay(t, 60)
	s.must(at(0, createGame("game0002", "req-2", 2)))
	s.must(at(1, playMove(1, "e4")))
	other := at(2, playMove(1, "d4"))
	other.GetPlayMove().Game = "game0002"
	s.must(other)
	out := s.must(at(3, deleteOf(testGame, "d")))
	if e := out.AppendEvents(nil); len(e) != 1 || e[0].To != ToTruth || !e[0].Renews || e[0].Type != EventDeleted {
		t.Errorf("the events are %+v", e)
	}
	public := func(id GameID) bool { _, ok := s.Public(s.index).Game(id); return ok }
	if public(testGame) || !s.Renews(testRound, Public) {
		t.Error("the game is still public")
	}
	s.restart()
	if public(testGame) || !s.Renews(testRound, Public) {
		t.Error("after a restart, the game is still public")
	}
	// Of the game, nothing is told but that it is gone.
	s.release(60, "game 4")
	s.release(61, "round 5")
	s.release(62, "move 6")
	s.release(63, "deleted 7")
	if s.Renews(testRound, Public) || public(testGame) || !public("game0002") {
		t.Error("the public sees something else once all is out")
	}
	s.restart()
	// A restored game is public after the delay.
	s.must(at(100, restoreOf(testGame, "r")))
	s.restart()
	if public(testGame) {
		t.Error("the game is public before the delay has passed")
	}
	s.release(160, "game 8")
	s.see(1, 8)
	// Deleted and restored within the delay, the game seems untouched.
	s.must(at(200, playMove(2, "e5")))
	s.must(at(201, deleteOf(testGame, "d2")))
	s.must(at(202, restoreOf(testGame, "r2")))
	s.restart()
	s.see(1, 8)
	s.release(260, "move 9")
	s.see(2, 9)
}

func TestDeleteRoundWithDelay(t *testing.T) {
	s := withDelay(t, 60)
	s.must(at(1, playMove(1, "e4")))
	out := s.must(at(2, deleteOf(testRound, "d")))
	if e := out.AppendEvents(nil); len(e) != 1 || e[0].To != ToEveryone || !e[0].Renews || !e[0].Held || e[0].Type != EventDeleted {
		t.Errorf("the events are %+v", e)
	}
	for range 2 {
		p := s.Public(s.index)
		if _, ok := p.Round(testRound); ok {
			t.Error("the round is still public")
		}
		if _, ok := p.Game(testGame); ok {
			t.Error("its game is still public")
		}
		s.restart()
	}
	s.release(61, " 4")
	s.must(at(62, restoreOf(testRound, "r")))
	s.restart()
	s.see(1, 4) // the truth has the move, and the public too
	s.release(122, " 5", " 6")
	// A deleted tournament blocks nothing.
	s.must(at(130, playMove(2, "e5")))
	s.must(at(131, deleteOf(testTournament, "dt")))
	s.restart()
	s.release(190, " 7")
	s.must(at(191, restoreOf(testTournament, "rt")))
	s.restart()
	s.see(2, 7) // the newest of the round itself
}
