package mirror

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/chessrelay/chessrelay/relay"
	"github.com/google/go-cmp/cmp"
)

// shownPlayer is the source's player as the lines show him.
func shownPlayer(t *testing.T, replacements, teams string, p relay.Player) relay.Player {
	t.Helper()
	r, err := ParseReplacements(replacements, teams)
	if err != nil {
		t.Fatal(err)
	}
	in := []Game{{White: relay.Player{Name: "Somebody Else"}, Black: p}}
	out := r.Apply(in)
	if in[0].Black != p {
		t.Errorf("Apply changed the game that it was given")
	}
	if out[0].White != in[0].White {
		t.Errorf("the other player became %+v", out[0].White)
	}
	return out[0].Black
}

func TestReplacements(t *testing.T) {
	type player = relay.Player
	wrong := player{Name: "Carlson, M.", Title: "FM", Rating: 100, FideID: 99999, Federation: "NOR", Team: "A"}
	for _, c := range []struct {
		lines string
		is    player
		want  player
	}{
		// Our form, in any order, each part on its own.
		{"Carlson, M. = Carlsen, Magnus / 1503014 / GM / 2830", wrong,
			player{Name: "Carlsen, Magnus", Title: "GM", Rating: 2830, FideID: 1503014, Federation: "NOR", Team: "A"}},
		{"m carlson=2830/gm/1503014/Carlsen, Magnus", wrong,
			player{Name: "Carlsen, Magnus", Title: "GM", Rating: 2830, FideID: 1503014, Federation: "NOR", Team: "A"}},
		{"Carlson M = Carlsen, Magnus", wrong, player{Name: "Carlsen, Magnus", Title: "FM", Rating: 100, FideID: 99999, Federation: "NOR", Team: "A"}},
		{"Carlson M = / / WGM /", player{Name: "M. Carlson"}, player{Name: "M. Carlson", Title: "WGM"}},
		{"Carlson M = 950", player{Name: "M. Carlson"}, player{Name: "M. Carlson", Rating: 950}},
		{"Carlson M = - / 0 / 12345", player{Name: "M. Carlson"}, player{Name: "M. Carlson", FideID: 12345}},
		{"Im = Karl Im / IM", player{Name: "IM"}, player{Name: "Karl Im", Title: "IM"}},
		// By FIDE id, which decides.
		{"1503014 = Carlsen, Magnus / GM / 2830\nCarlson M = Nobody Here", player{Name: "Carlson M", FideID: 1503014},
			player{Name: "Carlsen, Magnus", Title: "GM", Rating: 2830, FideID: 1503014}},
		{"1503014 / GM", player{FideID: 1503014}, player{FideID: 1503014, Title: "GM"}},
		// lichess's forms.
		{"Magnus Carlsen / 1503014", player{Name: "Carlsen, Magnus"}, player{Name: "Carlsen, Magnus", FideID: 1503014}},
		{"Magnus Carlsen / / GM / 2863", player{Name: "Carlsen, Magnus"}, player{Name: "Carlsen, Magnus", Title: "GM", Rating: 2863}},
		{"YouGotLittUp / / / 1890 / Louis Litt", player{Name: "yougotlittup"}, player{Name: "Louis Litt", Rating: 1890}},
		{"YouGotLittUp / 1890 / / Louis Litt", player{Name: "yougotlittup"}, player{Name: "Louis Litt", Rating: 1890}},
		{"Magnus Carlsen = 1503014 / GM", player{Name: "Carlsen, Magnus"}, player{Name: "Carlsen, Magnus", FideID: 1503014, Title: "GM"}},
		{"YouGotLittUp; Louis Litt; 1890; NM", player{Name: "YouGotLittUp"}, player{Name: "Louis Litt", Rating: 1890, Title: "NM"}},
		{"Jorge Rick Vito / GM", player{Name: "Rick, Vito"}, player{Name: "Rick, Vito", Title: "GM"}},
		{"Jorge Rick Vito / GM", player{Name: "Vito"}, player{Name: "Vito"}},
		{"Jorge Rick Vito / GM\nRick Vito / IM", player{Name: "Rick, Vito"}, player{Name: "Rick, Vito", Title: "IM"}},
		{"Jorge Rick Vito / GM\nAlma Rick Vito / IM", player{Name: "Rick, Vito"}, player{Name: "Rick, Vito"}},
		// Comments, empty lines, line ends.
		{"\ufeff# players\r\n\r\n// more\r\n  A B = C D  \r\n", player{Name: "B, A"}, player{Name: "C D"}},
		{"X Y = IM\rA B = C D", player{Name: "B, A"}, player{Name: "C D"}},
		// The same twice is one; umlauts in both forms are one name.
		{"A B = C D\nB, A = C D", player{Name: "A B"}, player{Name: "C D"}},
		{"Jürgen Weiß = GM", player{Name: "Weiß, Ju\u0308rgen"}, player{Name: "Weiß, Ju\u0308rgen", Title: "GM"}},
	} {
		t.Run(c.lines, func(t *testing.T) {
			if diff := cmp.Diff(c.want, shownPlayer(t, c.lines, "", c.is)); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestTeams(t *testing.T) {
	type player = relay.Player
	for _, c := range []struct {
		lines, teams string
		is           player
		want         string
	}{
		{"", "Team Cats ; 3408230\nTeam Dogs ; Scooby Doo", player{Name: "X", FideID: 3408230}, "Team Cats"},
		{"", "Team Cats ; 3408230\nTeam Dogs ; Scooby Doo", player{Name: "Doo, Scooby", Team: "Cats"}, "Team Dogs"},
		{"", "Team Cats ; 3408230\nTeam Dogs ; Scooby Doo", player{Name: "Scrappy", Team: "Cats"}, "Cats"},
		{"", "SK 1912; B;Doo, Scooby", player{Name: "Scooby Doo"}, "SK 1912; B"},
		// As the source calls him, and as a replacement shows him.
		{"Scuby = Scooby Doo / 3408230", "Dogs; Scuby", player{Name: "Scuby"}, "Dogs"},
		{"Scuby = Scooby Doo / 3408230", "Dogs; Scooby Doo", player{Name: "Scuby"}, "Dogs"},
		{"Scuby = Scooby Doo / 3408230", "Dogs; 3408230\nCats; Scuby", player{Name: "Scuby"}, "Dogs"},
	} {
		if got := shownPlayer(t, c.lines, c.teams, c.is).Team; got != c.want {
			t.Errorf("%q, %q: %+v is in %q, want %q", c.lines, c.teams, c.is, got, c.want)
		}
	}
}

// A line means the player with the whole name, and not a namesake with a shorter one.
func TestReplacementsPreferWholeNames(t *testing.T) {
	r, err := ParseReplacements("Jorge Rick Vito / GM", "")
	if err != nil {
		t.Fatal(err)
	}
	out := r.Apply([]Game{{White: relay.Player{Name: "Rick Vito"}, Black: relay.Player{Name: "Vito, Jorge Rick"}}})
	if out[0].White.Title != "" || out[0].Black.Title != "GM" {
		t.Errorf("got %+v and %+v", out[0].White, out[0].Black)
	}
}

func TestReplacementErrors(t *testing.T) {
	long := strings.Repeat("x", maxLine)
	for _, c := range []struct{ replacements, teams, want string }{
		{"A B = C\n\nJust A Name", "", `replacements, line 3: "Just A Name" names a player without a replacement: write "Wrong Name = Right Name / FIDE id / title / rating"`},
		{"A B = C\r\n# x\r\nD E =", "", `replacements, line 3: says nothing of "D E": a name, a FIDE id, a title or a rating is needed`},
		{"A B = C / D", "", `replacements, line 1: has two names, "C" and "D"`},
		{"A B = C = D", "", `replacements, line 1: has two equals signs`},
		{"A B = GM / IM", "", `replacements, line 1: has two titles, GM and IM`},
		{"A B = 2400 / 2500", "", `replacements, line 1: has two ratings, 2400 and 2500`},
		{"A B = 12345 / 23456", "", `replacements, line 1: has two FIDE ids, 12345 and 23456`},
		{"A B = 42", "", `replacements, line 1: "42" is neither a rating (3 or 4 digits) nor a FIDE id (5 to 12)`},
		{"A B = 1234567890123", "", `replacements, line 1: "1234567890123" is neither a rating (3 or 4 digits) nor a FIDE id (5 to 12)`},
		{"A B = 4001", "", `replacements, line 1: the rating 4001 is above 4000`},
		{"A B = ?!", "", `replacements, line 1: "?!" is neither a name, a FIDE id, a title nor a rating`},
		{"A B = C\x01D", "", `replacements, line 1: the name "C\x01D" has invisible characters, or more than 200 bytes`},
		{" = C", "", `replacements, line 1: "" does not name a player`},
		{"NN = C", "", `replacements, line 1: "NN" does not name a player`},
		{"123 = C", "", `replacements, line 1: "123" is not a FIDE id, which has 5 to 12 digits`},
		{"A B = C\nB, A = D", "", `replacements, line 2: "B, A" is on line 1 already, with something else`},
		{"A B = " + long, "", `replacements, line 1: must have at most 500 bytes, not 506`},
		{"", "Cats", `teams, line 1: "Cats" has no semicolon: write "Team; Name or FIDE id"`},
		{"", "Cats; 12345\nDogs; 12345", `teams, line 2: "12345" is on line 1 already, with something else`},
		{"", "; A B", `teams, line 1: "; A B" names no team`},
		{"", "Cats;", `teams, line 1: "" does not name a player`},
	} {
		_, err := ParseReplacements(c.replacements, c.teams)
		if _, ok := errors.AsType[*LineError](err); !ok || err.Error() != c.want {
			t.Errorf("%q, %q:\n got %v\nwant %s", c.replacements, c.teams, err, c.want)
		}
	}
	var many strings.Builder
	for i := range maxLines + 1 {
		fmt.Fprintf(&many, "Player %d = GM\n", i)
	}
	if _, err := ParseReplacements(many.String(), ""); err == nil || err.Error() != "replacements, line 2001: is one too many: at most 2000 lines count" {
		t.Error(err)
	}
}

// A line that cannot be read does not undo the others.
func TestReplacementsBesideAnError(t *testing.T) {
	r, err := ParseReplacements("bad\nA B = GM", "bad\nCats; A B")
	if err == nil {
		t.Fatal("no error")
	}
	p := r.Apply([]Game{{White: relay.Player{Name: "A B"}}})[0].White
	if p.Title != "GM" || p.Team != "Cats" {
		t.Errorf("got %+v", p)
	}
}

// Lines that are edited during the round change the boards at the next push, and open none.
func TestReplacementsEdited(t *testing.T) {
	w := newWorld(t)
	source := readAny(game("Wron-Other", "*") + game("Third-Fourth", "1. e4 *"))
	var want []string
	for _, lines := range []string{
		"", "Wron = Right, Vera / GM", "Wron = Righter, Vera / GM\nOther = Another", "1503014 = X", "Wron = Final / 1503014 / 2500",
	} {
		r, err := ParseReplacements(lines, "Cats; Wron")
		if err != nil {
			t.Fatal(err)
		}
		for range 2 {
			round := Round{ID: w.round, Games: w.games(), Players: r}
			for _, c := range Diff(round, source) {
				for _, command := range c.Commands {
					if out := w.apply(command); out.Err != nil {
						t.Fatal(out.Err)
					}
				}
			}
		}
		for _, c := range Diff(Round{ID: w.round, Games: w.games(), Players: r}, source) {
			if len(c.Commands) > 0 {
				t.Errorf("with %q: %v is asked for again", lines, c.Commands)
			}
		}
		g := w.games()
		if len(g) != 2 {
			t.Fatalf("with %q there are %d boards", lines, len(g))
		}
		want = append(want, fmt.Sprintf("%s %s %d-%s", g[0].White.Title, g[0].White.Name, g[0].White.Rating, g[0].Black.Name))
		if g[0].White.Team != "Cats" {
			t.Errorf("the team is %q", g[0].White.Team)
		}
	}
	if diff := cmp.Diff([]string{
		" Wron 0-Other", "GM Right, Vera 0-Other", "GM Righter, Vera 0-Another", " Wron 0-Other", " Final 2500-Other",
	}, want); diff != "" {
		t.Error(diff)
	}
}

// The source's names find the game, even if both players are replaced and the source changes its
// order.
func TestReplacementsKeepTheBoard(t *testing.T) {
	w := newWorld(t)
	w.push(game("A-B", "*") + game("C-D", "1. e4 *"))
	r, err := ParseReplacements("A = Right One\nB = Right Two", "")
	if err != nil {
		t.Fatal(err)
	}
	changes := Diff(Round{ID: w.round, Games: w.games(), Players: r}, readAny(game("C-D", "1. e4 *")+game("A-B", "*")))
	if changes[1].Board != 1 || changes[1].Game != w.games()[0].ID {
		t.Errorf("the game is board %d now", changes[1].Board)
	}
}

// FuzzReplacements parses anything. It must not panic, and the result must show only what the
// boards take.
func FuzzReplacements(f *testing.F) {
	f.Add("A B = C / 12345 / IM / 2410", "Team; A B", "A B")
	f.Add("1503014 = Carlsen\n# x\nJorge Rick Vito / GM", "T;1503014", "rick vito")
	f.Add("a;b;c\r\rx=\u202e", ";;", "\x00")
	f.Fuzz(func(t *testing.T, replacements, teams, name string) {
		if len(replacements)+len(teams) > 1<<16 {
			return
		}
		r, err := ParseReplacements(replacements, teams)
		if again, err2 := ParseReplacements(replacements, teams); fmt.Sprint(err) != fmt.Sprint(err2) || len(again.players.lines) != len(r.players.lines) {
			t.Fatalf("%v, then %v", err, err2)
		}
		before := relay.Player{Name: name, FideID: 1503014}
		p := r.Apply([]Game{{White: before}})[0].White
		if got := playerProto(p); p != before && (p.Name != name && got.Name != p.Name || p.Title != got.Title || p.Team != got.Team ||
			p.Rating != int(got.Rating) || p.FideID != got.FideId) {
			t.Fatalf("%+v becomes %+v, and the boards take %v", before, p, got)
		}
	})
}
