package relay

import (
	"encoding/json"
	"errors"
	"testing"

	"github.com/chessrelay/chessrelay/relay/relaypb"
)

// moveAt plays a move with clocks; a negative one is left out.
func moveAt(ply Ply, move string, white, black int64) *relaypb.Command {
	c := playMove(ply, move)
	c.GetPlayMove().WhiteMs, c.GetPlayMove().BlackMs = optionalTime(Millis(white)), optionalTime(Millis(black))
	return c
}

// TestCarried: a move knows which of its clocks were told with it.
func TestCarried(t *testing.T) {
	const none = -1
	s := withGame(t, "")
	for i, tt := range []struct {
		move         string
		white, black int64
		clock        Clock
		carried      Sides
	}{
		{"e4", none, none, NoClock(), 0}, // nothing was known that could be carried over
		{"e5", none, 90, Clock{NoTime, 90}, 0},
		{"Nf3", 80, none, Clock{80, 90}, BlackSide},
		{"Nc6", none, none, Clock{80, 90}, WhiteSide | BlackSide},
		{"Bb5", 80, 90, Clock{80, 90}, 0}, // the same, and told
		{"a6", none, 0, Clock{80, 0}, WhiteSide},
	} {
		out := s.must(moveAt(Ply(i+1), tt.move, tt.white, tt.black))
		if m := out.Move(); m.Clock != tt.clock || m.Carried != tt.carried {
			t.Errorf("%s: %+v, carried over %b; want %+v, %b", tt.move, m.Clock, m.Carried, tt.clock, tt.carried)
		}
	}
	if got := reload(t, s.State).Hash(); got != s.Hash() {
		t.Error("another hash after the checkpoint")
	}
	if m := s.must(setClock(5, 70, -1)).Game.MoveAt(6); m.Clock != (Clock{70, 0}) || m.Carried != 0 {
		t.Errorf("told after the move: %+v", m)
	}
	out := s.must(correct("c", 2, "", "Nf3", "d6", "Bc4"))
	for i, want := range []Sides{BlackSide, WhiteSide | BlackSide, WhiteSide | BlackSide} {
		if m := out.Game.MoveAt(Ply(i + 3)); m.Carried != want {
			t.Errorf("corrected: %s has carried over %b, want %b", m.SAN, m.Carried, want)
		}
	}
	if m := out.Game.Changes[0].Removed[0]; m.SAN != "Nc6" || m.Carried != WhiteSide|BlackSide {
		t.Errorf("of a move that is gone: %+v", m)
	}
}

// TestSetClock plays a game whose clocks are also told without moves, with a checkpoint after each
// step.
func TestSetClock(t *testing.T) {
	s := withGame(t, "")
	for i, tt := range []struct {
		c         *relaypb.Command
		clock     string
		at        Millis // after testTime
		duplicate bool
	}{
		{setClock(10, 900, -1), `{"white":900,"running":null}`, 10, false}, // the start's clocks
		{setClock(20, -1, 800), `{"white":900,"black":800,"running":null}`, 20, false},
		{setClock(15, 1, 1), `{"white":900,"black":800,"running":null}`, 20, true}, // too late
		{moveAt(1, "e4", -1, -1), `{"white":900,"black":800,"running":"black"}`, 0, false},
		{setClock(30, -1, 700), `{"white":900,"black":700,"running":"black"}`, 30, false},
		{setClock(30, -1, 700), `{"white":900,"black":700,"running":"black"}`, 30, true},
		{with(setClock(40, -1, 1), func(c *relaypb.Command) { c.Request = "clock-30" }), `{"white":900,"black":700,"running":"black"}`, 30, true},
		{moveAt(1, "e4", -1, -1), `{"white":900,"black":700,"running":"black"}`, 30, true},
		{moveAt(2, "e5", -1, 650), `{"white":900,"black":650,"running":"white"}`, 0, false},
		{setClock(50, 0, -1), `{"white":0,"black":650,"running":"white"}`, 50, false},
		{takeBack(1, "t"), `{"white":900,"black":700,"running":"black"}`, 0, false},
		{setClock(45, 5, 5), `{"white":900,"black":700,"running":"black"}`, 0, true},
		{setResult("1-0", "r"), `{"white":900,"black":700,"running":null}`, 0, false},
		{setClock(60, 555, -1), `{"white":555,"black":700,"running":null}`, 60, false},
		{setResult("*", "r2"), `{"white":555,"black":700,"running":"black"}`, 60, false},
		{takeBack(0, "t2"), `{"white":900,"black":800,"running":null}`, -testTime, false},
	} {
		out := s.must(tt.c)
		g := out.Game
		clock, err := json.Marshal(g.LiveClock())
		if err != nil || string(clock) != tt.clock || g.ClockTime() != testTime+tt.at || out.Duplicate != tt.duplicate {
			t.Errorf("step %d: %s at %d, duplicate %t, %v; want %s", i, clock, g.ClockTime()-testTime, out.Duplicate, err, tt.clock)
		}
		if standing := g.Standing(); standing.Clock != g.LiveClock() || standing.At != g.ClockTime() {
			t.Errorf("step %d: stands as %+v", i, standing)
		}
		var again LiveClock
		if err := json.Unmarshal(clock, &again); err != nil || again != g.LiveClock() {
			t.Errorf("step %d: read again it is %+v, %v", i, again, err)
		}
		if events := out.AppendEvents(nil); tt.c.GetSetClock() != nil && !tt.duplicate &&
			(len(events) != 1 || events[0].Type != EventClock || events[0].At != testTime+tt.at) {
			t.Errorf("step %d: %+v", i, events)
		}
		if reload(t, s.State).Hash() != s.Hash() {
			t.Errorf("step %d: another hash after the checkpoint", i)
		}
	}
	if n := len(s.game().Changes); n != 4 {
		t.Errorf("%d lines of the audit trail; clocks leave none", n)
	}
	if out := s.do(with(setClock(70, 1, 1), func(c *relaypb.Command) { c.Request = "" })); !errors.Is(out.Err, ErrBadCommand) {
		t.Error(out.Err)
	}
}

// TestSetClockAtTheEndOfARecord: the last move of a record of moves gets other clocks after it was
// stored.
func TestSetClockAtTheEndOfARecord(t *testing.T) {
	s := withGame(t, "")
	stored := map[string][]byte{}
	for i := range 3 * movesPerRecord {
		s.must(moveAt(Ply(i+1), []string{"Nf3", "Nf6", "Ng1", "Ng8"}[i%4], 1000, 1000))
		store(t, stored, s.TakeDirty())
		before := s.game()
		s.must(setClock(int64(i+1), int64(i), -1))
		store(t, stored, s.TakeDirty())
		if load(t, stored).Hash() != s.Hash() {
			t.Fatalf("after ply %d, the checkpoint has not what stands", i+1)
		}
		if before.Clock() != (Clock{1000, 1000}) {
			t.Fatal("a version that was published has changed")
		}
	}
}
