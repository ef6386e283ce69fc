package relay

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"google.golang.org/protobuf/proto"

	"github.com/chessrelay/chessrelay/relay/relaypb"
)

func TestCreate(t *testing.T) {
	s := newScript(t)
	tour := s.must(createTournament(testTournament, "req-t"))
	wantTour := &Tournament{ID: testTournament, Name: "Olympiad", CreatedAt: testTime, Index: 1, Term: 1, Request: "req-t"}
	if diff := cmp.Diff(wantTour, tour.Tournament); diff != "" {
		t.Error(diff)
	}
	round := s.must(createRound(testRound, "req-r"))
	wantRound := &Round{ID: testRound, Tournament: testTournament, Name: "Round 11", Status: RoundNew, CreatedAt: testTime, Index: 2, Term: 1, Request: "req-r"}
	if diff := cmp.Diff(wantRound, round.Round); diff != "" {
		t.Error(diff)
	}
	if now, _ := s.Tournament(testTournament); tour.Tournament.Rounds != nil || len(now.Rounds) != 1 {
		t.Error("a new version of the tournament has the round, and the old one does not")
	}
	if len(tour.AppendEvents(nil))+len(round.AppendEvents(nil)) != 0 {
		t.Error("spectators were told of a change that no board has")
	}
	game := s.must(createGame(testGame, "req-g", 3))
	wantGame := &Game{
		Pairing: &Pairing{
			ID: testGame, Round: testRound, Board: 3,
			White:     Player{Name: "Carlsen, Magnus", Title: "GM", Rating: 2877, FideID: 1503014, Federation: "NOR"},
			Black:     Player{Name: "Caruana, Fabiano"},
			CreatedAt: testTime, CreatedAtIx: 3, CreatedTerm: 1, Request: "req-g",
		},
		Result: Ongoing, Index: 3,
	}
	if diff := cmp.Diff(wantGame, game.Game, wholeGames); diff != "" {
		t.Error(diff)
	}
	wantEvents := []Event{{Type: EventGame, Index: 3, At: testTime, Game: game.Game}}
	if diff := cmp.Diff(wantEvents, game.AppendEvents(nil), wholeGames); diff != "" {
		t.Error(diff)
	}
	s.must(createGame("game0002", "req-g2", 1))
	s.must(createGame("game0003", "req-g3", 2))
	r, _ := s.Round(testRound)
	if diff := cmp.Diff([]GameID{"game0002", "game0003", testGame}, r.Games); diff != "" {
		t.Error("games by board: ", diff)
	}
	s.must(createTournament("tournam2", "req-t2"))
	if all := s.Tournaments(); len(all) != 2 || all[0].ID != "tournam2" {
		t.Error("the newest tournament does not come first")
	}
	s.must(with(createGame("game0004", "req-g4", 9), func(c *relaypb.Command) {
		c.GetCreateGame().Fen, c.GetCreateGame().Variant = StartFEN, "Standard"
	}))
	if g, _ := s.Game("game0004"); g.StartFEN != "" || g.Variant != "" || g.FEN() != StartFEN {
		t.Error("the standard position is not stored as such")
	}
}

// TestCreateAgain: the answer to the same request is the thing that it created, even under another
// id. The web draws a new id for each try.
func TestCreateAgain(t *testing.T) {
	s := withGame(t, "")
	s.moves("e4")
	for _, c := range []*relaypb.Command{
		createTournament("tournam9", "req-t"), createTournament(testTournament, "req-t"),
		createRound("round009", "req-r"), createRound(testRound, "req-r"),
		createGame("game0009", "req-g", 9), createGame(testGame, "req-g", 1),
	} {
		out := s.must(c)
		if !out.Duplicate || out.Index > 3 || out.Term != 1 || out.AppendEvents(nil) != nil || out.Tournament == nil && out.Round == nil && out.Game == nil {
			t.Errorf("%v: %+v", c, out)
		}
		if out.Game != nil && (out.Game.ID != testGame || out.Game.Ply() != 1) {
			t.Errorf("another game: %+v", out.Game)
		}
	}
	// A request counts in its own scope only.
	s.must(createTournament("tournam2", "req-r"))
	if out := s.must(with(createRound("round002", "req-r"), func(c *relaypb.Command) { c.GetCreateRound().Tournament = "tournam2" })); out.Duplicate {
		t.Error("the same request in another tournament is another one")
	}
	if len(s.tournaments) != 2 || len(s.rounds) != 2 || s.games.n != 1 {
		t.Error("there are more of them")
	}
}

func TestPlay(t *testing.T) {
	s := withGame(t, "")
	c := playMove(1, "e2e4")
	c.GetPlayMove().WhiteMs, c.GetPlayMove().At = proto.Int64(5_400_000), testTime-5
	out := s.must(c)
	want := Move{
		Ply: 1, SAN: "e4", UCI: "e2e4", FEN: "rnbqkbnr/pppppppp/8/8/4P3/8/PPPP1PPP/RNBQKBNR b KQkq e3 0 1",
		Clock: Clock{5_400_000, NoTime}, At: testTime - 5, Index: 4, Term: 1,
	}
	if diff := cmp.Diff(want, out.Move()); diff != "" {
		t.Error(diff)
	}
	wantEvents := []Event{{Type: EventMove, Index: 4, At: testTime - 5, Game: out.Game}}
	if diff := cmp.Diff(wantEvents, gameEvents(out), wholeGames); diff != "" {
		t.Error(diff)
	}
	c = playMove(2, "e5")
	c.GetPlayMove().BlackMs = proto.Int64(5_300_000)
	out = s.must(c)
	if out.Move().Clock != (Clock{5_400_000, 5_300_000}) || out.Move().At != testTime {
		t.Errorf("the clock that was not told is carried over: %+v", out.Move())
	}
	out = s.must(playMove(3, "Nf3"))
	if out.Game.Clock() != (Clock{5_400_000, 5_300_000}) || out.Game.Index != 6 {
		t.Errorf("%+v", out.Game)
	}
	last, _ := out.Game.LastMove()
	if last.SAN != "Nf3" || out.Game.Ply() != 3 || out.Game.FENAt(0) != StartFEN || out.Game.ClockAt(0) != NoClock() {
		t.Errorf("%+v", out.Game)
	}
}

// TestPlayAgain: the same move at the same ply, in any spelling, is answered by
// the entry that made it.
func TestPlayAgain(t *testing.T) {
	s := withGame(t, "")
	s.moves("e4", "e5", "Nf3")
	before := s.Hash()
	for _, c := range []*relaypb.Command{
		playMove(1, "e4"), playMove(1, "e2e4"), playMove(1, "e2-e4!"), playMove(3, "Ng1f3"), playMove(3, "g1f3"),
	} {
		out := s.must(c)
		ply := c.GetPlayMove().Ply
		if !out.Duplicate || out.Index != uint64(3+ply) || out.Term != 1 || out.Move().Ply != Ply(ply) || out.Game.Ply() != 3 || out.AppendEvents(nil) != nil {
			t.Errorf("%v: %+v", c, out)
		}
	}
	if s.Hash() != before {
		t.Error("something has changed")
	}
	var conflict *PlyConflictError
	if out := s.do(playMove(2, "c5")); !errors.As(out.Err, &conflict) || conflict.Expected != 4 || conflict.Current.SAN != "e5" || conflict.Ply != 2 {
		t.Errorf("%+v", conflict)
	}
	var illegal *IllegalMoveError
	if out := s.do(playMove(4, "Ke5")); !errors.As(out.Err, &illegal) || illegal.FEN != s.game().FEN() || illegal.Move != "Ke5" || illegal.Ply != 4 {
		t.Errorf("%+v", illegal)
	}
}

// TestLateCopyOfATakenBackMove: a copy of a move's command that comes after the move was taken back
// does not play it again. Another request does.
func TestLateCopyOfATakenBackMove(t *testing.T) {
	s := withGame(t, "")
	first := with(playMove(1, "e4"), func(c *relaypb.Command) { c.Request = "m1" })
	s.must(first)
	s.must(takeBack(0, "t1"))
	out := s.must(first)
	if !out.Duplicate || out.Index != 4 || out.Move().SAN != "e4" || out.Game.Ply() != 0 {
		t.Errorf("%+v", out)
	}
	if out := s.must(with(playMove(1, "e4"), func(c *relaypb.Command) { c.Request = "m2" })); out.Duplicate || out.Game.Ply() != 1 {
		t.Errorf("%+v", out)
	}
	if out := s.must(first); !out.Duplicate || out.Index != 4 {
		t.Errorf("%+v", out)
	}
	again := reload(t, s.State)
	data, _ := EncodeCommand(first)
	if out := again.Apply(99, 1, data); !out.Duplicate || out.Index != 4 {
		t.Errorf("after a checkpoint: %+v", out)
	}
}

func TestTakeBack(t *testing.T) {
	s := withGame(t, "")
	c := playMove(1, "e4")
	c.GetPlayMove().WhiteMs = proto.Int64(1000)
	s.must(c)
	s.moves("e5", "Nf3", "Nc6")
	old := s.game()
	out := s.must(takeBack(1, "t1"))
	wantChanges := []Change{{
		Kind: ChangeTakeback, Index: 8, Term: 1, At: testTime, By: "arbiter", Reason: "sensor", FromPly: 4, ToPly: 1, Request: "t1", Removed: old.Moves()[1:],
	}}
	if diff := cmp.Diff(wantChanges, out.Game.Changes); diff != "" {
		t.Error(diff)
	}
	if g := out.Game; g.Ply() != 1 || g.FEN() != old.Moves()[0].FEN || g.Clock() != (Clock{1000, NoTime}) {
		t.Errorf("%+v", g)
	}
	wantEvents := []Event{{Type: EventTakeback, Index: 8, At: testTime, Game: out.Game}}
	if diff := cmp.Diff(wantEvents, out.AppendEvents(nil), wholeGames); diff != "" {
		t.Error(diff)
	}
	if again := s.must(takeBack(1, "t2")); !again.Duplicate || again.Index != 8 {
		t.Errorf("to where it stands, by another request: %+v", again)
	}
	s.moves("c5", "Nf3")
	if again := s.must(takeBack(1, "t1")); !again.Duplicate || again.Index != 8 || again.Game.Ply() != 3 {
		t.Errorf("the same request again, moves later: %+v", again)
	}
	if old.Moves()[1].SAN != "e5" || len(old.Moves()) != 4 {
		t.Error("the version before has changed")
	}
	if out := s.do(takeBack(3, "t3")); !errors.Is(out.Err, ErrBadCommand) {
		t.Errorf("nothing to take back: %v", out.Err)
	}
	s.must(takeBack(0, "t4"))
	if g := s.game(); g.FEN() != StartFEN || g.Clock() != NoClock() || g.Ply() != 0 {
		t.Errorf("%+v", g)
	}
}

// TestTakeBackReopens: the result belonged to moves that no longer stand.
func TestTakeBackReopens(t *testing.T) {
	s := withGame(t, "")
	s.moves("e4", "e5")
	s.must(setResult("1-0", "r1"))
	out := s.must(takeBack(1, "t1"))
	if out.Game.Result != Ongoing || len(gameEvents(out)) != 2 || gameEvents(out)[0].Type != EventTakeback ||
		gameEvents(out)[1].Type != EventResult || gameEvents(out)[1].Game != out.Game {
		t.Errorf("%+v", out)
	}
	if c := out.Game.Changes[1]; c.Was != WhiteWins || c.Result != "" {
		t.Errorf("%+v", c)
	}
	if again := s.must(setResult("1-0", "r1")); !again.Duplicate || again.Game.Result != Ongoing {
		t.Errorf("a late copy of the result has ended the game again: %+v", again)
	}
	s.moves("c5")
}

func TestResult(t *testing.T) {
	s := withGame(t, "")
	s.moves("e4")
	if out := s.must(setResult("*", "r0")); !out.Duplicate || out.Index != 3 {
		t.Errorf("it goes on, as since its creation: %+v", out)
	}
	out := s.must(setResult("½–½", "r1"))
	wantChanges := []Change{{
		Kind: ChangeResult, Index: 6, Term: 1, At: testTime, By: "arbiter", FromPly: 1, ToPly: 1, Result: Draw, Was: Ongoing, Request: "r1",
	}}
	if diff := cmp.Diff(wantChanges, out.Game.Changes); diff != "" {
		t.Error(diff)
	}
	wantEvents := []Event{{Type: EventResult, Index: 6, At: testTime, Game: out.Game}}
	if diff := cmp.Diff(wantEvents, gameEvents(out), wholeGames); diff != "" {
		t.Error(diff)
	}
	if again := s.must(setResult("1/2-1/2", "r2")); !again.Duplicate || again.Index != 6 {
		t.Errorf("%+v", again)
	}
	s.must(setResult("0-1", "r3"))
	if again := s.must(setResult("½-½", "r1")); !again.Duplicate || again.Index != 6 || again.Game.Result != BlackWins {
		t.Errorf("%+v", again)
	}
}

func TestParseResult(t *testing.T) {
	for in, want := range map[string]Result{
		"*": Ongoing, "1-0": WhiteWins, "1 - 0": WhiteWins, "1–0": WhiteWins, "1:0": WhiteWins, "0—1": BlackWins,
		"1/2-1/2": Draw, "½-½": Draw, "½–½": Draw, "½": Draw, "0.5-0.5": Draw,
		"": "", "0-0": "", "1/2-0": "", "+/-": "", "1-1": "", "White": "",
	} {
		got, err := ParseResult(in)
		if got != want || (err == nil) != (want != "") {
			t.Errorf("%q: %q, %v", in, got, err)
		}
	}
}

func TestParseScore(t *testing.T) {
	for want, texts := range map[string]string{
		"*": "*", "1-0": "1-0 1:0 1–0", "0-1": "0-1 0—1", "1/2-1/2": "½-½ 0.5-0.5 0,5-0,5 ½–½ = ½ 0.5:0.5", "0-0": "0-0 0–0 0:0",
		"1/2-0": "1/2-0 ½-0 0.5-0", "0-1/2": "0-1/2 0-½ 0-0.5", "1-0 forfeit": "+/- +:- +--  +−− 1-0F 1-0f 1F-0F", "0-1 forfeit": "-/+ -:+ --+ 0-1F",
		"0-0 forfeit": "-/- -:- --- 0-0F", "1/2-1/2 forfeit": "1/2-1/2F ½F-½F", "": "1-1 2-0 White + - +- -- 1/2-1/4 1-0-0 1-½",
	} {
		for _, text := range strings.Fields(texts) {
			r, forfeit, err := ParseScore(text)
			got := string(r)
			if forfeit {
				got += " forfeit"
			}
			if got != want || (err == nil) != (want != "") {
				t.Errorf("%q: %q, %v, want %q", text, got, err, want)
			}
			if err != nil {
				continue
			}
			if again, _, err := ParseScore(string(r)); again != r || err != nil {
				t.Errorf("%q is read as %q, %v", r, again, err)
			}
		}
	}
	for _, text := range []string{"+ - -", "½ – ½", " 0 - 0 "} {
		if _, _, err := ParseScore(text); err != nil {
			t.Error(err)
		}
	}
}

// TestForfeit: a result has its forfeit mark.
func TestForfeit(t *testing.T) {
	s := withGame(t, "")
	s.moves("e4")
	for _, step := range []struct {
		c    *relaypb.Command
		want string
	}{
		{setResult("+/-", "r1"), "1-0 true"},
		{setResult("1-0", "r2"), "1-0 false"},
		{with(setResult("1-0", "r3"), func(c *relaypb.Command) { c.GetSetResult().Forfeit = true }), "1-0 true"},
		{correct("c1", 0, "", "d4"), "1-0 true"},
		{correct("c2", 0, "0-0", "d4"), "0-0 false"},
		{correct("c3", 0, "-/-", "d4"), "0-0 true"},
		{setResult("1/2-0", "r4"), "1/2-0 false"},
		{setResult("-/+", "r5"), "0-1 true"},
		{takeBack(0, "t"), "* false"},
	} {
		out := s.must(step.c)
		if got := fmt.Sprint(out.Game.Result, " ", out.Game.Forfeit); got != step.want || out.Duplicate {
			t.Fatalf("%v: %s", step.c, got)
		}
		again := reload(t, s.State)
		if g, _ := again.Game(testGame); again.Hash() != s.Hash() || g.Forfeit != out.Game.Forfeit || g.Result != out.Game.Result {
			t.Fatalf("%v: a checkpoint has lost it", step.c)
		}
	}
	if c := s.game().Changes[0]; !c.Forfeit || c.Result != WhiteWins || c.Was != Ongoing {
		t.Errorf("%+v", c)
	}
}

func TestID(t *testing.T) {
	seen := map[string]bool{}
	for _, n := range []uint64{0, 1, 61, 62, 1 << 40, 1<<64 - 1} {
		id := FormatID(n)
		if !ValidID(id) || seen[id] {
			t.Errorf("%d: %q", n, id)
		}
		seen[id] = true
	}
	for _, id := range []string{"", "1234567", "123456789", "1234567-", "1234567ä", "1234567"} {
		if ValidID(id) {
			t.Errorf("%q is no id", id)
		}
	}
}
