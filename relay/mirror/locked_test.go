package mirror

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/chessrelay/chessrelay/relay"
	"github.com/chessrelay/chessrelay/relay/relaypb"
)

// submitByHand submits a command of a person.
func (w *world) submitByHand(c *relaypb.Command) {
	w.t.Helper()
	c.By = "Anna"
	if c.Request == "" {
		c.Request = fmt.Sprint("desk/", w.index)
	}
	if out := w.apply(c); out.Err != nil {
		w.t.Fatal(out.Err)
	}
}

func (w *world) rename(board int, white string) {
	w.submitByHand(&relaypb.Command{Op: &relaypb.Command_UpdateGame{UpdateGame: &relaypb.UpdateGame{
		Game: string(w.games()[board-1].ID), White: &relaypb.PlayerUpdate{Name: &white},
	}}})
}

func (w *world) takeBack(board int, to int32) {
	w.submitByHand(&relaypb.Command{Op: &relaypb.Command_TakeBack{TakeBack: &relaypb.TakeBack{Game: string(w.games()[board-1].ID), ToPly: to}}})
}

func (w *world) correct(board int, to int32, moves ...string) {
	op := &relaypb.CorrectMoves{Game: string(w.games()[board-1].ID), ToPly: to}
	for _, m := range moves {
		op.Moves = append(op.Moves, &relaypb.CorrectedMove{Move: m})
	}
	w.submitByHand(&relaypb.Command{Op: &relaypb.Command_CorrectMoves{CorrectMoves: op}})
}

func (w *world) unlock(board int, fields ...string) {
	w.submitByHand(&relaypb.Command{Op: &relaypb.Command_Unlock{Unlock: &relaypb.Unlock{Game: string(w.games()[board-1].ID), Fields: fields}}})
}

// sourceNote is what the source of a board has instead.
func (w *world) sourceNote(board int) string {
	if d := w.games()[board-1].Differences(); d != nil {
		return strings.TrimPrefix(d.Text, "the source has ")
	}
	return ""
}

// lockedFields are the names of a board's locked fields.
func (w *world) lockedFields(board int) string {
	var out []string
	for _, l := range w.games()[board-1].LockedFields() {
		out = append(out, l.Field)
	}
	return strings.Join(out, " ")
}

// TestLockedName: a name that a person has corrected stays. The source's name still finds the
// board.
func TestLockedName(t *testing.T) {
	w := newWorld(t)
	source := game("Wrong-B", "1. e4 *") + game("C-D", "1. d4 *")
	w.push(source)
	w.rename(1, "Right, Vera")
	for range 2 {
		c := w.push(source)[0]
		if diff := cmp.Diff([]string{"white.name"}, c.Locked); diff != "" {
			t.Error(diff)
		}
	}
	w.push(game("Wrong-B WhiteElo=2400 WhiteTitle=IM", "1. e4 e5 *") + game("C-D", "1. d4 *"))
	if got := w.summary(); got != "1 Right, Vera-B e4 e5 *\n2 C-D d4 *\n" || w.sourceNote(1) != `white.name "Wrong"` {
		t.Errorf("the round stands\n%s, the source has %s", got, w.sourceNote(1))
	}
	if p := w.games()[0].White; p.Rating != 2400 || p.Title != "IM" {
		t.Errorf("a field without a lock is taken: %+v", p)
	}
	w.push(game("Stranger-B WhiteElo=1000", "1. e4 e5 2. f4 *") + game("C-D", "1. d4 *"))
	if p := w.games()[0].White; p.Name != "Right, Vera" || p.Rating != 2400 {
		t.Errorf("the rating of somebody else was taken: %+v", p)
	}
	w.push(source)
	w.unlock(1, "white.name")
	w.push(source)
	if p := w.games()[0].White; p.Name != "Wrong" || w.sourceNote(1) != "" || w.lockedFields(1) != "" {
		t.Errorf("unlocked it is %+v; the source has %q, locked %q", p, w.sourceNote(1), w.lockedFields(1))
	}
}

// TestLockedResult: the arbiter's result stays whatever the source says, and the moves go on.
func TestLockedResult(t *testing.T) {
	w := newWorld(t)
	w.push(game("A-B", "1. e4 e5 *"))
	w.submitByHand(&relaypb.Command{Op: &relaypb.Command_SetResult{SetResult: &relaypb.SetResult{Game: string(w.games()[0].ID), Result: "1-0"}}})
	for _, text := range []string{"1. e4 e5 *", "1. e4 e5 1/2-1/2", "1. e4 c5 0-1"} {
		if c := w.push(game("A-B", text))[0]; c.Locked[0] != "result" {
			t.Errorf("%s: locked %v", text, c.Locked)
		}
	}
	if got := w.summary(); got != "1 A-B e4 c5 1-0\n" || w.sourceNote(1) != `result "0-1"` {
		t.Errorf("%s, the source has %s", got, w.sourceNote(1))
	}
	if c := w.push(game("A-B", "1. e4 c5 1-0"))[0]; c.Locked != nil || w.sourceNote(1) != "" {
		t.Errorf("the source agrees: locked %v, it has %s", c.Locked, w.sourceNote(1))
	}
}

// TestLockedMoves: moves that a person has fixed stay. The source's later moves are taken as far as
// they are legal.
func TestLockedMoves(t *testing.T) {
	w := newWorld(t)
	w.push(game("A-B", "1. e4 e5 2. Nf3 Nc6 *"))
	w.correct(1, 1, "c5", "Nf3")
	for _, step := range []struct{ push, stands, has, locks string }{
		{"1. e4 e5 2. Nf3 Nc6 *", "e4 c5 Nf3 Nc6 *", "1…e5 2.Nf3 Nc6", "moves"},
		{"1. e4 e5 2. Nf3 Nc6 3. d4 exd4 *", "e4 c5 Nf3 Nc6 d4 *", "1…e5 2.Nf3 Nc6 3.d4 and 1 more", "moves"},
		{"1. e4 *", "e4 c5 Nf3 Nc6 d4 *", "", "moves"}, // it is not there yet
		{"1. e4 c5 2. Nf3 Nc6 3. d4 g6 *", "e4 c5 Nf3 Nc6 d4 g6 *", "", ""},
		{"1. e4 c5 2. Nf3 Nc6 3. Bc4 *", "e4 c5 Nf3 Nc6 Bc4 *", "", ""},
	} {
		w.push(game("A-B", step.push))
		if got := w.summary(); got != "1 A-B "+step.stands+"\n" || w.sourceNote(1) != step.has || w.lockedFields(1) != step.locks {
			t.Errorf("after %s it stands %sthe source has %q, want %q; locked %q", step.push, got, w.sourceNote(1), step.has, w.lockedFields(1))
		}
	}
}

// TestTakenBack: a move that a person took back does not return while the source still shows it.
func TestTakenBack(t *testing.T) {
	w := newWorld(t)
	w.push(game("A-B", "1. e4 e5 2. Nf3 Nf6 *"))
	w.takeBack(1, 3)
	for _, step := range []struct{ push, stands, has, locks string }{
		{"1. e4 e5 2. Nf3 Nf6 *", "e4 e5 Nf3 *", "2…Nf6", "moves"},
		{"1. e4 e5 2. Nf3 Nf6 3. Nc3 *", "e4 e5 Nf3 *", "2…Nf6 3.Nc3", "moves"},
		{"1. e4 e5 2. Nf3 Nc6 *", "e4 e5 Nf3 Nc6 *", "", ""},
		{"1. e4 e5 2. Nf3 Nf6 *", "e4 e5 Nf3 Nf6 *", "", ""}, // the source has seen the takeback
	} {
		w.push(game("A-B", step.push))
		if got := w.summary(); got != "1 A-B "+step.stands+"\n" || w.sourceNote(1) != step.has || w.lockedFields(1) != step.locks {
			t.Errorf("after %s it stands %sthe source has %q; locked %q", step.push, got, w.sourceNote(1), w.lockedFields(1))
		}
	}
	w.takeBack(1, 0)
	w.push(game("A-B", "1. e4 e5 2. Nf3 Nf6 *"))
	if got := w.summary(); got != "1 A-B *\n" {
		t.Errorf("all taken back, it stands %s", got)
	}
}

// TestFixedFromTheStart: what a person has fixed does not contradict the source, so it is the same
// game.
func TestFixedFromTheStart(t *testing.T) {
	w := newWorld(t)
	const ruy = "1. e4 e5 2. Nf3 Nc6 3. Bb5 a6 4. Ba4 Nf6 5. O-O Be7 "
	w.push(game("A-B", ruy+"*") + game("C-D", "1. d4 d5 *"))
	w.correct(1, 0, "d4", "d5", "c4", "e6")
	for range 2 {
		w.push(game("A-B", ruy+"6. Re1 b5 *") + game("C-D", "1. d4 d5 2. c4 *"))
		if got := w.summary(); got != "1 A-B d4 d5 c4 e6 *\n2 C-D d4 d5 c4 *\n" || !strings.HasPrefix(w.sourceNote(1), "1.e4 e5 2.Nf3 Nc6 and") {
			t.Fatalf("it stands\n%sthe source has %s", got, w.sourceNote(1))
		}
	}
	w.submitByHand(&relaypb.Command{Op: &relaypb.Command_AcceptSource{AcceptSource: &relaypb.AcceptSource{Game: string(w.games()[0].ID)}}})
	if got := w.summary(); !strings.HasPrefix(got, "1 A-B e4 e5 Nf3 Nc6 Bb5 a6 Ba4 Nf6 O-O Be7 Re1 b5 *\n") || w.lockedFields(1) != "" {
		t.Errorf("accepted, it stands\n%s", got)
	}
}

// TestTakenBackResult: the source's result does not return with a move that was taken back.
func TestTakenBackResult(t *testing.T) {
	w := newWorld(t)
	w.push(game("A-B", "1. e4 e5 2. Nf3 1-0"))
	w.takeBack(1, 2)
	if c := w.push(game("A-B", "1. e4 e5 2. Nf3 1-0"))[0]; w.summary() != "1 A-B e4 e5 *\n" || len(c.Locked) != 2 {
		t.Errorf("it stands %s, locked %v", w.summary(), c.Locked)
	}
	w.push(game("A-B", "1. e4 e5 2. Nc3 1-0"))
	if got := w.summary(); got != "1 A-B e4 e5 Nc3 1-0\n" {
		t.Errorf("it stands %s", got)
	}
}

// TestBoardPlayedByHand: if a person plays a board by hand, everything from the source is noted,
// and one call accepts it.
func TestBoardPlayedByHand(t *testing.T) {
	w := newWorld(t)
	w.push(game("A-Bea", "1. e4 e5 *"))
	id := string(w.games()[0].ID)
	w.submitByHand(&relaypb.Command{Op: &relaypb.Command_UpdateGame{UpdateGame: &relaypb.UpdateGame{Game: id, Source: new(relay.ManualSource)}}})
	c := w.push(game("A-Beatrix", "1. e4 e5 2. Nf3 Nc6 1-0"))[0]
	if got := w.summary(); got != "1 A-Bea e4 e5 *\n" || c.Locked[0] != "source" || w.sourceNote(1) != `black.name "Beatrix", result "1-0", 2.Nf3 Nc6` {
		t.Errorf("it stands %sand the source has %s, locked %v", got, w.sourceNote(1), c.Locked)
	}
	w.submitByHand(&relaypb.Command{Op: &relaypb.Command_AcceptSource{AcceptSource: &relaypb.AcceptSource{Game: id, Fields: []string{"moves"}}}})
	if got := w.summary(); got != "1 A-Bea e4 e5 Nf3 Nc6 *\n" || w.sourceNote(1) != `black.name "Beatrix", result "1-0"` {
		t.Errorf("it stands %sand the source has %s", got, w.sourceNote(1))
	}
	w.push(game("A-Bea", "1. e4 e5 *"))
	if got := w.summary(); got != "1 A-Bea e4 e5 Nf3 Nc6 *\n" || w.sourceNote(1) != "" {
		t.Errorf("it stands %sand the source has %s", got, w.sourceNote(1))
	}
}

// TestLiveClock: live clocks are set, except for those that a person has set.
func TestLiveClock(t *testing.T) {
	w := newWorld(t)
	push := func(tags, moves string, white, black relay.Millis) {
		t.Helper()
		w.push(game("A-B "+tags, moves))
		if c := w.games()[0].Clock(); c != (relay.Clock{White: white, Black: black}) {
			t.Errorf("after %s %s the clocks are %v", tags, moves, c)
		}
	}
	push("WhiteClock=00:33:51 BlackClock=01:23:54", "1. d4 Nf6 *", 2031_000, 5034_000)
	push("WhiteClock=00:33:40 BlackClock=01:23:54", "1. d4 Nf6 *", 2020_000, 5034_000)
	push("WhiteClock=00:33:30 BlackClock=01:23:50", "1. d4 Nf6 2. c4 *", 2010_000, 5030_000)
	push("WhiteClock=00:20:00 BlackClock=01:23:40", "1. d4 Nf6 2. c4 {[%clk 0:33:00]} e6 {[%clk 1:20:00]} *", 1200_000, 4800_000)
	w.submitByHand(&relaypb.Command{Op: &relaypb.Command_SetClock{SetClock: &relaypb.SetClock{Game: string(w.games()[0].ID), WhiteMs: new(int64(1)), BlackMs: new(int64(2))}}})
	push("WhiteClock=00:10:00 BlackClock=00:10:00", "1. d4 Nf6 2. c4 e6 *", 1, 2)
	if got := w.sourceNote(1); got != `clock "600000/600000"` {
		t.Errorf("the source has %s", got)
	}
	push("", "1. d4 Nf6 2. c4 {[%clk 0:33:00]} e6 {[%clk 1:20:00]} *", 1, 2)
	if got := w.sourceNote(1); got != `clock "?/4800000"` {
		t.Errorf("the source has %s", got)
	}
	w.submitByHand(&relaypb.Command{Op: &relaypb.Command_AcceptSource{AcceptSource: &relaypb.AcceptSource{Game: string(w.games()[0].ID)}}})
	if c := w.games()[0].Clock(); c != (relay.Clock{White: 1, Black: 4800_000}) || w.lockedFields(1) != "" {
		t.Errorf("accepted, the clocks are %v, locked %s", c, w.lockedFields(1))
	}
}
