package pull

import (
	"testing"

	"github.com/chessrelay/chessrelay/relay"
	"github.com/chessrelay/chessrelay/relay/relaypb"
)

// names are those of the round's players, by board.
func (h *hall) names() (out []string) {
	h.Read(func(_ uint64, b *relay.State) {
		r, _ := b.Round(rid)
		for _, id := range r.Games {
			g, _ := b.Game(id)
			out = append(out, g.White.Title+" "+g.White.Name+" "+g.White.Team)
		}
	})
	return out
}

// TestReplacementsOfAPoll edits the replacements while the source stays as it is: the next poll
// shows them, and later polls ask for nothing.
func TestReplacementsOfAPoll(t *testing.T) {
	src := newPage(t, game(1, "Wrong, A", "1. e4 *"))
	h := newHall(t, relay.Source{Kind: relay.SourcePGN, URL: src.URL + "/round.pgn"})
	s := newPoll(t, h, "127.0.0.1")
	for _, c := range []struct{ replacements, teams, want string }{
		{"", "", " Wrong, A "},
		{"A Wrong = Right, A / GM", "", "GM Right, A "},
		{"A Wrong = Right, A / IM", "Cats; A Right", "IM Right, A Cats"},
		{"a line that says nothing\nA Wrong = Righter, A", "Cats; A Wrong", "IM Righter, A Cats"},
	} {
		h.must(&relaypb.Command{Op: &relaypb.Command_UpdateTournament{UpdateTournament: &relaypb.UpdateTournament{
			Tournament: tid, Name: new("T " + c.want),
			Settings: &relaypb.TournamentSettings{Replacements: new(c.replacements), Teams: new(c.teams)},
		}}})
		s.once(t.Context())
		if got := h.names(); len(got) != 1 || got[0] != c.want {
			t.Errorf("with %q: %q, want %q", c.replacements, got, c.want)
		}
		at := h.applied()
		s.once(t.Context())
		if h.applied() != at {
			t.Errorf("with %q: the next poll submitted %d commands", c.replacements, h.applied()-at)
		}
	}
}

// TestPlayersParseOnce wants one parse a version of the texts, and a bounded number of tournaments.
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

// TestUnlocked: a field that a person has set stays while the source shows the same, and is filled
// in by the next poll once it is unlocked.
func TestUnlocked(t *testing.T) {
	src := newPage(t, game(1, "Wrong, A", "1. e4 *"))
	h := newHall(t, relay.Source{Kind: relay.SourcePGN, URL: src.URL + "/round.pgn"})
	s := newPoll(t, h, "127.0.0.1")
	s.once(t.Context())
	var id string
	h.Read(func(_ uint64, b *relay.State) {
		r, _ := b.Round(rid)
		id = string(r.Games[0])
	})
	poll := func(want string) {
		t.Helper()
		if s.once(t.Context()); len(h.names()) != 1 || h.names()[0] != want {
			t.Errorf("%q, want %q", h.names(), want)
		}
	}
	h.must(&relaypb.Command{Op: &relaypb.Command_UpdateGame{UpdateGame: &relaypb.UpdateGame{Game: id, White: &relaypb.PlayerUpdate{Name: new("Right, A")}}}})
	poll(" Right, A ")
	src.set(200, game(1, "Wrong, A", "1. e4 e5 *"))
	poll(" Right, A ")
	if st := s.tell(); st.Locked != 1 || st.Problems != nil {
		t.Errorf("%+v", st)
	}
	h.must(&relaypb.Command{Op: &relaypb.Command_Unlock{Unlock: &relaypb.Unlock{Game: id, Fields: []string{"white.name"}}}})
	poll(" Wrong, A ")
	at := h.applied()
	if poll(" Wrong, A "); h.applied() != at {
		t.Errorf("the next poll submitted %d commands", h.applied()-at)
	}
}
