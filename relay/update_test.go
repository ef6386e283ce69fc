package relay

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/chessrelay/chessrelay/relay/relaypb"
)

func TestUpdateGame(t *testing.T) {
	s := withGame(t, "")
	s.moves("e4")
	old := s.game()
	out := s.must(updateGame("u1", &relaypb.UpdateGame{
		White:       &relaypb.PlayerUpdate{Rating: new(int32(2880)), Title: new(""), Name: new("Carlsen, Magnus")},
		Black:       &relaypb.PlayerUpdate{FideId: new(int64(2020009)), Federation: new("USA"), Team: new("St. Louis")},
		TimeControl: new("90+30"),
		Tags:        []*relaypb.Tag{{Name: "Opening", Value: "Ruy Lopez"}, {Name: "Event", Value: "Candidates"}, {Name: "None"}},
		Reason:      "the list of players",
	}))
	g := s.game()
	want := *old.Pairing
	want.White.Rating, want.White.Title, want.TimeControl = 2880, "", "90+30"
	want.Black = Player{Name: "Caruana, Fabiano", FideID: 2020009, Federation: "USA", Team: "St. Louis"}
	want.Tags = []Tag{{"Event", "Candidates"}, {"Opening", "Ruy Lopez"}}
	for _, f := range []string{"black.federation", "black.fideId", "black.name", "black.team", "tags.Event", "tags.None", "tags.Opening",
		"timeControl", "white.federation", "white.fideId", "white.name", "white.rating", "white.title"} {
		if _, found := findLock(g.Locks(), f); !found {
			t.Errorf("%s is not locked", f)
		}
	}
	if diff := cmp.Diff(&want, g.Pairing); diff != "" {
		t.Error(diff)
	}
	wantChange := []Change{{
		Kind: ChangeTags, Index: 5, Term: 1, At: testTime, By: "arbiter", Reason: "the list of players", FromPly: 1, ToPly: 1, Request: "u1",
		Fields: []FieldChange{
			{"white.title", "GM", ""}, {"white.rating", "2877", "2880"}, {"black.fideId", "0", "2020009"}, {"black.federation", "", "USA"},
			{"black.team", "", "St. Louis"}, {"timeControl", "", "90+30"}, {"tags.Opening", "", "Ruy Lopez"}, {"tags.Event", "", "Candidates"},
		},
	}}
	if diff := cmp.Diff(wantChange, g.Changes); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff([]Event{{Type: EventGame, Index: 5, At: testTime, Game: g}}, out.AppendEvents(nil), wholeGames); diff != "" {
		t.Error(diff)
	}
	if old.White.Rating != 2877 || old.Tags != nil || g.Ply() != 1 {
		t.Error("the version before has changed, or the moves have")
	}
	s.must(updateGame("u2", &relaypb.UpdateGame{Tags: []*relaypb.Tag{{Name: "Event"}, {Name: "Annotator", Value: "x"}}}))
	g = s.game()
	if diff := cmp.Diff([]Tag{{"Annotator", "x"}, {"Opening", "Ruy Lopez"}}, g.Tags); diff != "" {
		t.Error(diff)
	}
	for _, c := range []*relaypb.Command{
		updateGame("u1", &relaypb.UpdateGame{TimeControl: new("?")}),
		updateGame("u3", &relaypb.UpdateGame{TimeControl: new("90+30"), White: &relaypb.PlayerUpdate{}}),
		updateGame("u4", &relaypb.UpdateGame{Tags: []*relaypb.Tag{{Name: "Event"}}}),
	} {
		if out := s.must(c); !out.Duplicate || out.Game != g || out.Index > 6 || out.AppendEvents(nil) != nil {
			t.Errorf("%+v", out)
		}
	}
	if reload(t, s.State).Hash() != s.Hash() {
		t.Error("the checkpoint has lost something")
	}
}

// TestTagsAtCreation: tags at the creation of a game.
func TestTagsAtCreation(t *testing.T) {
	s := withGame(t, "")
	out := s.must(with(createGame("game0002", "g2", 2), func(c *relaypb.Command) {
		c.GetCreateGame().Tags = []*relaypb.Tag{{Name: "Site", Value: "Oslo"}, {Name: "ECO", Value: "C65"}, {Name: "Round"}}
	}))
	if diff := cmp.Diff([]Tag{{"ECO", "C65"}, {"Site", "Oslo"}}, out.Game.Tags); diff != "" {
		t.Error(diff)
	}
}

// TestRoundStatus takes a round from its creation to its end, and opens it again.
func TestRoundStatus(t *testing.T) {
	s := newScript(t)
	s.must(createTournament(testTournament, "req-t"))
	s.must(createRound(testRound, "req-r"))
	n := 0
	request := func() string { n++; return fmt.Sprint("q", n) }
	result := func(game, result string) *relaypb.Command {
		return with(setResult(result, request()), func(c *relaypb.Command) { c.GetSetResult().Game = game })
	}
	status := func(status string) *relaypb.Command {
		return updateRound(request(), &relaypb.UpdateRound{Status: &status})
	}
	for i, step := range []struct {
		c    *relaypb.Command
		want RoundStatus
	}{
		{createGame(testGame, "g1", 1), RoundNew},
		{createGame("game0002", "g2", 2), RoundNew},
		{status("started"), RoundStarted},
		{status("new"), RoundNew},
		{playMove(1, "e4"), RoundStarted},
		{takeBack(0, "t"), RoundNew},
		{playMove(1, "d4"), RoundStarted},
		{result(testGame, "1-0"), RoundStarted},
		{result("game0002", "1-0"), RoundFinished},
		{result("game0002", "*"), RoundStarted},
		{result("game0002", "0-1"), RoundFinished},
		{status("started"), RoundStarted},
		{playMove(1, "d4"), RoundStarted},
		{result("game0002", "1/2-1/2"), RoundFinished},
		{createGame("game0003", "g3", 3), RoundStarted},
		{status("finished"), RoundFinished},
		{result("game0003", "1-0"), RoundFinished},
		{result("game0003", "*"), RoundFinished},
		{status("started"), RoundStarted},
		{correct("c", 0, "1-0", "e4"), RoundStarted},
		{result("game0003", "1-0"), RoundFinished},
	} {
		before, _ := s.Round(testRound)
		out := s.must(step.c)
		r, _ := s.Round(testRound)
		if r.Status != step.want {
			t.Fatalf("step %d: %s, want %s", i, r.Status, step.want)
		}
		tour, _ := s.Tournament(testTournament)
		var want, got []Event
		if r != before && !(r.Status == before.Status && out.Round == nil) { // a new game makes a new version, too
			want = []Event{{Type: EventRound, Index: s.index, At: testTime, Round: r, Tournament: tour}}
		}
		for _, e := range out.AppendEvents(nil) {
			if e.Type == EventRound {
				got = append(got, e)
			}
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Fatalf("step %d: spectators are told: %s", i, diff)
		}
		if again, _ := reload(t, s.State).Round(testRound); again.Status != step.want {
			t.Fatalf("step %d: %s after a checkpoint", i, again.Status)
		}
	}
}

func TestUpdateRound(t *testing.T) {
	s := withGame(t, "")
	old, _ := s.Round(testRound)
	c := updateRound("u1", &relaypb.UpdateRound{
		Name: new("Round 12"), StartsAt: new(int64(testTime)), DelaySeconds: new(int32(900)), Description: new("two\nlines"), Shorten: new(true),
		Status: new("started"), Reason: "moved",
	})
	out := s.must(c)
	want := *old
	want.Name, want.StartsAt, want.Delay, want.Description, want.Shorten = "Round 12", testTime, 900, "two\nlines", true
	want.Status, want.StatusSet, want.StatusSetAt = RoundStarted, RoundStarted, 4
	want.Updates = []Update{{
		Index: 4, Term: 1, At: testTime, By: "arbiter", Reason: "moved", Request: "u1",
		Fields: []FieldChange{
			{"name", "Round 11", "Round 12"}, {"startsAt", "0", fmt.Sprint(testTime)}, {"delay", "0", "900"}, {"description", "", "two\nlines"},
			{"shorten", "false", "true"}, {"status", "new", "started"},
		},
	}}
	if diff := cmp.Diff(&want, out.Round); diff != "" {
		t.Error(diff)
	}
	if now, _ := s.Round(testRound); now != out.Round || old.Name != "Round 11" {
		t.Error("readers see another version, or the version before has changed")
	}
	tour, _ := s.Tournament(testTournament)
	if diff := cmp.Diff([]Event{{Type: EventRound, Index: 4, At: testTime, Round: out.Round, Tournament: tour, To: ToTruth}}, out.AppendEvents(nil), wholeGames); diff != "" {
		t.Error(diff)
	}
	again := updateRound("u2", &relaypb.UpdateRound{Name: new("Round 12"), Shorten: new(true)})
	s.must(updateRound("u3", &relaypb.UpdateRound{Name: new("Round 13")}))
	for _, tt := range []struct {
		c     *relaypb.Command
		index uint64
	}{{c, 4}, {updateRound("u4", &relaypb.UpdateRound{Name: new("Round 13")}), 5}} {
		if out := s.must(tt.c); !out.Duplicate || out.Index != tt.index || out.Round.Name != "Round 13" || out.AppendEvents(nil) != nil {
			t.Errorf("%+v", out)
		}
	}
	if out := s.must(again); out.Duplicate {
		t.Error("it was another name")
	}
	if reload(t, s.State).Hash() != s.Hash() {
		t.Error("the checkpoint has lost something")
	}
}

func TestUpdateTournament(t *testing.T) {
	s := withGame(t, "")
	c := updateTournament("u1", &relaypb.UpdateTournament{Name: new("Olympiad 2026"), Description: new("d"), Location: new("Tashkent")})
	out := s.must(c)
	got := *out.Tournament
	got.Updates = nil
	want := Tournament{
		ID: testTournament, Name: "Olympiad 2026", Description: "d", Location: "Tashkent", CreatedAt: testTime, Index: 1, Term: 1,
		Request: "req-t", Rounds: []RoundID{testRound},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	round, _ := s.Round(testRound)
	if diff := cmp.Diff([]Event{{Type: EventRound, Index: 4, At: testTime, Round: round, Tournament: out.Tournament}}, out.AppendEvents(nil)); diff != "" {
		t.Errorf("spectators of its rounds are told: %s", diff)
	}
	if all := s.Tournaments(); len(all) != 1 || all[0] != out.Tournament || len(out.Tournament.Updates[0].Fields) != 3 {
		t.Errorf("%+v", all)
	}
	s.must(createRound("round002", "req-r2"))
	if out := s.must(updateTournament("u2", &relaypb.UpdateTournament{Name: new("Olympiad")})); len(out.AppendEvents(nil)) != 2 {
		t.Errorf("of two rounds %d are told of", len(out.AppendEvents(nil)))
	}
	if out := s.must(updateTournament("u4", &relaypb.UpdateTournament{Location: new("Samarkand")})); out.Changed() {
		t.Error("spectators of its rounds are told of a change that no frame shows")
	}
	if again := s.must(c); !again.Duplicate || again.Index != 4 || again.Tournament.Name != "Olympiad" {
		t.Errorf("%+v", again)
	}
	if again := s.must(updateTournament("u3", &relaypb.UpdateTournament{Name: new("Olympiad")})); !again.Duplicate || again.Index != 7 {
		t.Errorf("%+v", again)
	}
	if reload(t, s.State).Hash() != s.Hash() {
		t.Error("the checkpoint has lost something")
	}
}

// TestTournamentInfo sets a tournament's other fields, and changes some.
func TestTournamentInfo(t *testing.T) {
	s := newScript(t)
	website := "https://olympiad.example/2026"
	create := createTournament(testTournament, "req-t")
	create.GetCreateTournament().Info = &relaypb.TournamentInfo{
		Format: new("11-round Swiss"), TimeControl: new("90+30"), TimeZone: new("Asia/Tashkent"), Players: new("Carlsen"), Website: &website,
	}
	s.must(create)
	s.must(createRound(testRound, "req-r"))
	c := updateTournament("u1", &relaypb.UpdateTournament{Info: &relaypb.TournamentInfo{Format: new("Swiss"), Players: new("")}})
	out := s.must(c)
	want := TournamentInfo{Format: "Swiss", TimeControl: "90+30", TimeZone: "Asia/Tashkent", Website: website}
	if got := out.Tournament.TournamentInfo; got != want {
		t.Errorf("%+v", got)
	}
	wantFields := []FieldChange{{"format", "11-round Swiss", "Swiss"}, {"players", "Carlsen", ""}}
	if diff := cmp.Diff(wantFields, out.Tournament.Updates[0].Fields); diff != "" {
		t.Error(diff)
	}
	for _, bad := range []*relaypb.TournamentInfo{
		{}, {Website: new("javascript:alert(1)")}, {Website: new("olympiad.example")}, {Website: new("https://" + strings.Repeat("x", MaxWebsite))},
		{Format: new("two\nlines")}, {TimeZone: new(strings.Repeat("x", MaxShortText+1))}, {Players: new(strings.Repeat("x", MaxName+1))},
		{TimeControl: new("\u202e")},
	} {
		if out := s.do(updateTournament("bad", &relaypb.UpdateTournament{Info: bad})); !errors.Is(out.Err, ErrBadCommand) {
			t.Errorf("%v: %v", bad, out.Err)
		}
	}
	again := reload(t, s.State)
	if got, _ := again.Tournament(testTournament); got.TournamentInfo != want || again.Hash() != s.Hash() {
		t.Errorf("the checkpoint has lost something: %+v", got)
	}
}
