package pull

import (
	"fmt"
	"strings"
	"testing"

	"github.com/chessrelay/chessrelay/relay"
	"github.com/chessrelay/chessrelay/relay/mirror"
)

// TestFilter takes the games of one round, some places of them, and numbers their boards.
func TestFilter(t *testing.T) {
	games := func(list ...string) (out []Game) { // "White round board"
		for i, text := range list {
			g := Game{place: i + 1}
			var white string
			if n, _ := fmt.Sscanf(text, "%s %s %d", &white, &g.Round, &g.Board); n < 2 {
				g.Round = ""
			}
			g.White.Name = white
			out = append(out, g)
		}
		return out
	}
	for _, tt := range []struct {
		name   string
		source relay.Source
		in     []Game
		want   string
	}{
		{"everything", relay.Source{}, games("A 5 1", "B 6 2", "C"), "A1 B2 C0"},
		{"one round", relay.Source{OnlyRound: 5}, games("A 5.1 1", "B 6.2 2", "C", "D 5", "E 55", "F R5"), "A1 D0 F0"},
		{"slices", relay.Source{Slices: "1-2,4"}, games("A", "B", "C", "D", "E"), "A0 B0 D0"},
		{"slices in another order, twice, too far", relay.Source{Slices: "4-9,2,1-3,700-800"}, games("A", "B", "C", "D", "E"), "D0 E0 B0 A0 C0"},
		{"slices of one round", relay.Source{OnlyRound: 5, Slices: "2-"}, games("A 5"), "A0"},
		{"slices count what the round has left", relay.Source{OnlyRound: 5, Slices: "2"}, games("X 4", "A 5", "Y 6", "B 5", "C 5"), "B0"},
		{"an offset", relay.Source{BoardOffset: 10}, games("A 5 1", "B 5 3", "C"), "A11 B13 C0"},
		{"an offset without numbers", relay.Source{BoardOffset: 10, Slices: "2-3"}, games("A", "B", "C"), "B11 C12"},
		{"nothing", relay.Source{OnlyRound: 1, Slices: "1", BoardOffset: 3}, nil, ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			got := ""
			for _, g := range (&target{tt.source}).filter(tt.in) {
				got += fmt.Sprintf(" %s%d", g.White.Name, g.Board)
			}
			if got = strings.TrimSpace(got); got != tt.want {
				t.Errorf("%q, want %q", got, tt.want)
			}
		})
	}
}

// TestFilterDoesNotChangeItsInput: the games that a memory keeps stay as they are.
func TestFilterDoesNotChangeItsInput(t *testing.T) {
	in := []Game{{Game: mirror.Game{Board: 1, Round: "5"}, place: 1}, {Game: mirror.Game{Board: 2, Round: "5"}, place: 2}}
	(&target{relay.Source{BoardOffset: 5, OnlyRound: 5}}).filter(in[1:])
	if in[1].Board != 2 || in[1].place != 2 {
		t.Errorf("%+v", in[1])
	}
}

// TestRoundNumber reads tags.
func TestRoundNumber(t *testing.T) {
	for text, want := range map[string]int{
		"5": 5, "5.12": 5, "Round 5": 5, "05": 5, "5th": 5, "": 0, "?": 0, "-": 0, "final": 0, "12.1.3": 12, "99999999999999999999": 9999,
	} {
		if got := roundNumber(text); got != want {
			t.Errorf("%q: %d, want %d", text, got, want)
		}
	}
}

// TestFilterPolled takes a part of a file that has all rounds.
func TestFilterPolled(t *testing.T) {
	of := func(round, board int, white string) string {
		return fmt.Sprintf("[Event \"Open\"]\n[Round \"%d.%d\"]\n[White \"%s\"]\n[Black \"X\"]\n\n1. e4 *\n\n", round, board, white)
	}
	src := newSourceServer(t, of(1, 1, "A")+of(1, 2, "B")+of(2, 1, "C")+of(2, 2, "D")+of(2, 3, "E"))
	r := newTestRound(t, relay.Source{Kind: relay.SourcePGN, URL: src.URL + "/x.pgn", OnlyRound: 2, Slices: "2-3", BoardOffset: 10})
	s := newPoller(t, r, "127.0.0.1")
	s.pollOnce(t.Context())
	if st := s.currentStatus(); r.boardCount() != 2 || r.white(12) != "D" || r.white(13) != "E" || st.Games != 2 {
		t.Errorf("%d boards, %q, %q, %+v", r.boardCount(), r.white(12), r.white(13), st)
	}
}
