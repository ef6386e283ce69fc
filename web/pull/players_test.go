package pull

import (
	"testing"

	"github.com/chessrelay/chessrelay/relay"
	"github.com/chessrelay/chessrelay/relay/relaypb"
)

// names are those of the round's players, by board.
func (r *testRound) names() (out []string) {
	r.Read(func(_ uint64, b *relay.State) {
		r, _ := b.Round(rid)
		for _, id := range r.Games {
			g, _ := b.Game(id)
			out = append(out, g.White.Title+" "+g.White.Name+" "+g.White.Team)
		}
	})
	return out
}

// TestReplacementsOfAPoll edits the replacements while the source stays as it is. The next poll
// shows them, and later polls ask for nothing.
func TestReplacementsOfAPoll(t *testing.T) {
	src := newSourceServer(t, game(1, "Wrong, A", "1. e4 *"))
	r := newTestRound(t, relay.Source{Kind: relay.SourcePGN, URL: src.URL + "/round.pgn"})
	s := newPoller(t, r, "127.0.0.1")
	for _, c := range []struct{ replacements, teams, want string }{
		{"", "", " Wrong, A "},
		{"A Wrong = Right, A / GM", "", "GM Right, A "},
		{"A Wrong = Right, A / IM", "Cats; A Right", "IM Right, A Cats"},
		{"a line that says nothing\nA Wrong = Righter, A", "Cats; A Wrong", "IM Righter, A Cats"},
	} {
		r.must(&relaypb.Command{Op: &relaypb.Command_UpdateTournament{UpdateTournament: &relaypb.UpdateTournament{
			Tournament: tid, Name: new("T " + c.want),
			Settings: &relaypb.TournamentSettings{Replacements: new(c.replacements), Teams: new(c.teams)},
		}}})
		s.pollOnce(t.Context())
		if got := r.names(); len(got) != 1 || got[0] != c.want {
			t.Errorf("with %q: %q, want %q", c.replacements, got, c.want)
		}
		at := r.applied()
		s.pollOnce(t.Context())
		if r.applied() != at {
			t.Errorf("with %q: the next poll submitted %d commands", c.replacements, r.applied()-at)
		}
	}
}

// TestPlayersParseOnce: each version of the texts is parsed once, for a bounded number of
// tournaments.
func TestPlayersParseOnce(t *testing.T) {
	var p Players
	of := func(id, text string) *relay.Tournament {
		return &relay.Tournament{ID: relay.TournamentID(id), TournamentSettings: relay.TournamentSettings{Replacements: text}}
	}
	first := p.Of(of("a", "A B = GM"))
	if first == nil || p.Of(of("a", "A B = GM")) != first {
		t.Error("the same version was parsed twice")
	}
	if p.Of(of("a", "A B = IM")) == first {
		t.Error("an edited text was not parsed again")
	}
	if p.Of(of("b", "")) != nil || p.Of(nil) != nil {
		t.Error("no text has replacements")
	}
	for i := range 3 * maxParsed {
		p.Of(of(string(rune('a'+i)), "A B = GM"))
	}
	if len(p.parsed) > maxParsed {
		t.Errorf("%d tournaments are kept", len(p.parsed))
	}
}

// TestUnlockedFieldFollowsTheSource: a field that a person has set stays while the source shows the
// same. Once it is unlocked, the next poll fills it in.
func TestUnlockedFieldFollowsTheSource(t *testing.T) {
	src := newSourceServer(t, game(1, "Wrong, A", "1. e4 *"))
	r := newTestRound(t, relay.Source{Kind: relay.SourcePGN, URL: src.URL + "/round.pgn"})
	s := newPoller(t, r, "127.0.0.1")
	s.pollOnce(t.Context())
	var id string
	r.Read(func(_ uint64, b *relay.State) {
		r, _ := b.Round(rid)
		id = string(r.Games[0])
	})
	poll := func(want string) {
		t.Helper()
		s.pollOnce(t.Context())
		if len(r.names()) != 1 || r.names()[0] != want {
			t.Errorf("%q, want %q", r.names(), want)
		}
	}
	r.must(&relaypb.Command{Op: &relaypb.Command_UpdateGame{UpdateGame: &relaypb.UpdateGame{Game: id, White: &relaypb.PlayerUpdate{Name: new("Right, A")}}}})
	poll(" Right, A ")
	src.set(200, game(1, "Wrong, A", "1. e4 e5 *"))
	poll(" Right, A ")
	if st := s.currentStatus(); st.Locked != 1 || st.Problems != nil {
		t.Errorf("%+v", st)
	}
	r.must(&relaypb.Command{Op: &relaypb.Command_Unlock{Unlock: &relaypb.Unlock{Game: id, Fields: []string{"white.name"}}}})
	poll(" Wrong, A ")
	at := r.applied()
	poll(" Wrong, A ")
	if r.applied() != at {
		t.Errorf("the next poll submitted %d commands", r.applied()-at)
	}
}
