package replay

import (
	"strings"
	"testing"

	"github.com/chessrelay/chessrelay/relay"
)

// TestReadGamesEnds checks how the moves of a file end, and which of them are fed.
func TestReadGamesEnds(t *testing.T) {
	for _, tc := range []struct {
		text, moves string
		result      relay.Result
		broken      string
	}{
		{"1. e4 e5 2. Nf3 1-0", "e4 e5 Nf3", relay.WhiteWins, ""},
		// Kings in the middle are a DGT board's sign for the end, and no move.
		{"1. e4 e5 2. Nf3 Ke4 *", "e4 e5 Nf3", relay.Ongoing, ""},
		{"1. e4 e5 2. Nf3 Ke4 Kd5 *", "e4 e5 Nf3", relay.WhiteWins, ""},
		{"1. d4 d5 2. Kd2 Kd7 3. Kd3 Ke6 4. c4 Kf5 5. cxd5 h6 6. Kc4 h5 7. Kc5 Ke4 *", "d4 d5 Kd2 Kd7 Kd3 Ke6 c4 Kf5 cxd5 h6 Kc4 h5 Kc5 Ke4", relay.Ongoing, ""},
		{"1. e4 e5 2. Nd3 Nc6 1-0", "e4 e5 Nd3 Nc6", relay.WhiteWins, ""}, // the server says what is wrong
		{"1. e4 { Illegal move was played: 1... e5xe4; position x; then 2. d4 } 1-0", "e4", relay.WhiteWins, "Illegal move was played: 1... e5xe4"},
	} {
		games, broken, err := Read(strings.NewReader("[White \"A\"]\n[Black \"B\"]\n\n" + tc.text + "\n"))
		if err != nil || len(broken) > 0 || len(games) != 1 {
			t.Fatalf("%q: %d games, %v, %v", tc.text, len(games), broken, err)
		}
		g := games[0]
		if got := strings.Join(g.moves, " "); got != tc.moves || g.result != tc.result || len(g.at) != len(g.moves) {
			t.Errorf("%q is fed as %s %s", tc.text, got, g.result)
		}
		if got := ""; g.broken != nil {
			if got = g.broken.Error(); !strings.HasSuffix(got, tc.broken) || tc.broken == "" {
				t.Errorf("%q: %v", tc.text, got)
			}
		} else if tc.broken != "" {
			t.Errorf("%q is whole", tc.text)
		}
	}
}

// TestReplayStopsBeforeAnIllegalMove: a game that breaks off in the file does not get its result.
func TestReplayStopsBeforeAnIllegalMove(t *testing.T) {
	l := newLedger()
	games, _, err := Read(strings.NewReader("[White \"A\"]\n[Black \"B\"]\n\n1. e4 { Illegal move was played: 1... Ke6; position x } 1-0\n"))
	if err != nil {
		t.Fatal(err)
	}
	p := newTestPlayer(l, 0, games...)
	if err := p.Prepare(t.Context(), "", "Cup"); err != nil {
		t.Fatal(err)
	}
	p.Play(t.Context())
	s := p.Summary()
	if len(s.Failures) != 1 || !strings.HasSuffix(s.Failures[0].Error, "Illegal move was played: 1... Ke6") || l.sans(1) != "e4 *" {
		t.Errorf("%+v; %s", s, l.sans(1))
	}
}
