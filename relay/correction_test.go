package relay

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"google.golang.org/protobuf/proto"

	"github.com/chessrelay/chessrelay/relay/relaypb"
)

func (g *Game) line() string {
	var out []string
	for i := range g.Ply() {
		out = append(out, g.MoveAt(i+1).SAN)
	}
	return strings.Join(out, " ")
}

func sans(moves []Move) string {
	var out []string
	for _, m := range moves {
		out = append(out, fmt.Sprintf("%d %s", m.Ply, m.SAN))
	}
	return strings.Join(out, ", ")
}

func TestCorrect(t *testing.T) {
	for _, tt := range []struct {
		name    string
		result  string // before
		c       *relaypb.Command
		line    string // after
		is      Result
		to      Ply    // of the change
		removed string // the same
		added   string
		events  []EventType
	}{
		{"moves replaced", "*", correct("c", 1, "", "c5", "Nf3"), "e4 c5 Nf3", "*", 1, "2 e5, 3 Nf3, 4 Nc6", "c5 Nf3", []EventType{"correction"}},
		{"in UCI", "*", correct("c", 3, "", "b8a6", "f1b5"), "e4 e5 Nf3 Na6 Bb5", "*", 3, "4 Nc6", "Na6 Bb5", []EventType{"correction"}},
		{"moves added", "*", correct("c", 4, "", "Bb5", "a6"), "e4 e5 Nf3 Nc6 Bb5 a6", "*", 4, "", "Bb5 a6", []EventType{"correction"}},
		{"moves removed", "*", correct("c", 2, ""), "e4 e5", "*", 2, "3 Nf3, 4 Nc6", "", []EventType{"correction"}},
		{"all of them", "*", correct("c", 0, ""), "", "*", 0, "1 e4, 2 e5, 3 Nf3, 4 Nc6", "", []EventType{"correction"}},
		{"those that stand stay", "*", correct("c", 0, "", "e2e4", "e5", "Nf3", "Nf6"), "e4 e5 Nf3 Nf6", "*", 3, "4 Nc6", "Nf6", []EventType{"correction"}},
		{"a part of them stays", "*", correct("c", 0, "", "e4", "e5"), "e4 e5", "*", 2, "3 Nf3, 4 Nc6", "", []EventType{"correction"}},
		{"the result stays", "1-0", correct("c", 3, "", "Nf6"), "e4 e5 Nf3 Nf6", "1-0", 3, "4 Nc6", "Nf6", []EventType{"correction"}},
		{"the result too", "1-0", correct("c", 3, "0-1", "Nf6"), "e4 e5 Nf3 Nf6", "0-1", 3, "4 Nc6", "Nf6", []EventType{"correction", "result"}},
		{"the result alone", "1-0", correct("c", 4, "*"), "e4 e5 Nf3 Nc6", "*", 4, "", "", []EventType{"result"}},
		{"the whole game and its result", "*", correct("c", 0, "½-½", "e4", "e5", "Nf3", "Nc6"), "e4 e5 Nf3 Nc6", "1/2-1/2", 4, "", "", []EventType{"result"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			s := withGame(t, "")
			s.moves("e4", "e5", "Nf3", "Nc6")
			s.must(setResult(tt.result, "r"))
			old := s.game()
			out := s.must(tt.c)
			g := out.Game
			if g.line() != tt.line || g.Result != tt.is || g != s.game() {
				t.Errorf("%s %s", g.line(), g.Result)
			}
			c := g.Changes[len(g.Changes)-1]
			if c.Kind != ChangeCorrection || c.ToPly != tt.to || c.FromPly != 4 || sans(c.Removed) != tt.removed ||
				c.By != "arbiter" || c.Reason != "the score sheet" || c.Index != s.index {
				t.Errorf("%+v", c)
			}
			entries := g.History()
			if e := entries[len(entries)-1]; strings.Join(e.Added, " ") != tt.added || len(e.Removed) != len(c.Removed) || len(e.Added) != c.Added {
				t.Errorf("%+v", e)
			}
			var events []EventType
			for _, e := range gameEvents(out) {
				events = append(events, e.Type)
				if e.Index != s.index || e.Game != g {
					t.Errorf("%+v", e)
				}
			}
			if diff := cmp.Diff(tt.events, events); diff != "" {
				t.Error(diff)
			}
			if old.line() != "e4 e5 Nf3 Nc6" || reload(t, s.State).Hash() != s.Hash() {
				t.Error("the version before has changed, or the checkpoint has lost something")
			}
			again := s.must(tt.c)
			if !again.Duplicate || again.Index != c.Index || again.Game != g {
				t.Errorf("the same request again: %+v", again)
			}
			tt.c.Request = "c2"
			tt.c.GetCorrectMoves().ToPly = min(tt.c.GetCorrectMoves().ToPly, int32(g.Ply()))
			if again := s.must(tt.c); !again.Duplicate || again.Index != c.Index || again.Game != g {
				t.Errorf("the same by another request: %+v", again)
			}
			s.must(setResult("*", "go on"))
			// It goes on from the new line, and no move of it can be played twice.
			if g := s.game(); g.Ply() > 0 {
				m := g.MoveAt(g.Ply())
				if out := s.must(playMove(m.Ply, m.SAN)); !out.Duplicate || out.Index != m.Index {
					t.Errorf("%+v", out)
				}
			}
		})
	}
}

// TestCorrectClocks: another clock is a correction; the same clock or none is not.
func TestCorrectClocks(t *testing.T) {
	s := withGame(t, "")
	c := playMove(1, "e4")
	c.GetPlayMove().WhiteMs = proto.Int64(5000)
	s.must(c)
	s.moves("e5")
	same := correct("c1", 0, "", "e4", "e5")
	same.GetCorrectMoves().Moves[0].WhiteMs = proto.Int64(5000)
	if out := s.must(same); !out.Duplicate {
		t.Errorf("%+v", out)
	}
	other := correct("c2", 0, "", "e4", "e5")
	other.GetCorrectMoves().Moves[1].BlackMs = proto.Int64(4000)
	other.GetCorrectMoves().Moves[1].At = testTime - 7
	out := s.must(other)
	if m, _ := out.Game.LastMove(); out.Duplicate || m.Clock != (Clock{5000, 4000}) || m.At != testTime-7 || m.Index != s.index || out.Game.MoveAt(1).Index != 4 {
		t.Errorf("%+v", out.Game.Moves())
	}
	clock := correct("c3", 0, "", "e4")
	clock.GetCorrectMoves().Moves[0].WhiteMs = proto.Int64(5001)
	if out := s.must(clock); out.Duplicate || out.Game.Ply() != 1 || out.Game.Clock() != (Clock{5001, NoTime}) {
		t.Errorf("another clock: %+v", out.Game.Moves())
	}
}

// TestLateCopyOfACorrectedMove: a late copy of a corrected move or of an older correction changes
// nothing.
func TestLateCopyOfACorrectedMove(t *testing.T) {
	s := withGame(t, "")
	s.moves("e4")
	late := with(playMove(2, "e5"), func(c *relaypb.Command) { c.Request = "late" })
	s.must(late)
	first := correct("c1", 1, "", "c5", "Nf3")
	s.must(first)
	s.must(correct("c2", 1, "", "e6"))
	before := s.Hash()
	for _, c := range []*relaypb.Command{late, first} {
		if out := s.must(c); !out.Duplicate || s.Hash() != before {
			t.Errorf("%+v", out)
		}
	}
	if out := s.do(takeBack(2, "t")); out.Err == nil {
		t.Error("a correction passes for a takeback")
	}
}

func TestCorrectLimits(t *testing.T) {
	s := withGame(t, "")
	shuffle := func(n int) []string {
		var out []string
		for i := range n {
			out = append(out, []string{"Nf3", "Nf6", "Ng1", "Ng8"}[i%4])
		}
		return out
	}
	s.must(correct("c1", 0, "", shuffle(1000)...))
	s.must(correct("c2", 1000, "", shuffle(200)...))
	if out := s.do(correct("c3", 1200, "", "Nf3")); out.Err == nil || !strings.Contains(out.Err.Error(), "moves") {
		t.Errorf("%+v", out)
	}
	for i := 0; ; i++ {
		out := s.do(correct(fmt.Sprintf("d%d", i), 0, "", [][]string{{"e4"}, shuffle(1000)}[i%2]...))
		if out.Err != nil {
			if i < 10 || !strings.Contains(out.Err.Error(), "10000 moves") {
				t.Errorf("%d: %v", i, out.Err)
			}
			break
		}
	}
}

// TestHistory has a line for each change, with the moves that it removed and added. It keeps what a
// correction played when that is taken back in parts.
func TestHistory(t *testing.T) {
	s := withGame(t, "")
	s.moves("e4", "e5")
	s.must(correct("c1", 1, "", "c5", "Nf3", "d6"))
	s.must(takeBack(3, "t1"))
	s.must(updateGame("u1", &relaypb.UpdateGame{TimeControl: new("90+30")}))
	s.must(correct("c2", 0, "1-0", "d4"))
	var got []string
	for _, e := range s.game().History() {
		got = append(got, fmt.Sprintf("%s %d-%d %v%v%v%s", e.Kind, e.FromPly, e.ToPly, e.Removed, e.Added, e.Fields, e.Result))
	}
	want := []string{
		"correction 2-1 [e5][c5 Nf3 d6][]", "takeback 4-3 [d6][][]", "tags 3-3 [][][{timeControl  90+30}]", "correction 3-0 [e4 c5 Nf3][d4][]1-0",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	if len(withGame(t, "").game().History()) != 0 {
		t.Error("a new game has a history")
	}
}
