package relay

import (
	"encoding/json"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/chessrelay/chessrelay/relay/relaypb"
)

// TestPositions compares the positions of a game, all at once and one by one.
func TestPositions(t *testing.T) {
	var moves []Move
	for _, san := range []string{"Nf3", "Nf6", "Ng1", "Ng8", "e4", "c5", "Nf3", "d6", "d4", "cxd4", "Nxd4", "Nf6", "Nc3", "a6", "Be2", "e5", "Nb3", "Be7", "O-O"} {
		moves = append(moves, Move{SAN: san})
	}
	g, err := NewGame(Pairing{}, Ongoing, moves)
	if err != nil {
		t.Fatal(err)
	}
	all := g.Positions()
	if len(all) != len(moves)+1 || all[len(moves)] != g.Position() {
		t.Fatalf("%d positions of %d moves, the last one %v", len(all), len(moves), all[len(all)-1])
	}
	if all[0] != all[4] || all[0] == all[2] {
		t.Error("after the knights have gone back the position is not the first one")
	}
	for ply, p := range all {
		want := g.position(Ply(ply)).bare()
		if p != want {
			t.Errorf("after ply %d: %s, want %s", ply, p.FEN(), want.FEN())
		}
		back, err := ParsePosition(p.FEN(), p.Chess960())
		if err != nil || back != p {
			t.Errorf("%s is read as %s, %v", p.FEN(), back.FEN(), err)
		}
	}
	if line := all[0].Line([]string{"e2e4", "e7e5", "g1f3", "e1e8", "b8c6"}, MaxPV); !cmp.Equal(line, []string{"e4", "e5", "Nf3"}) {
		t.Errorf("the line is %v", line)
	}
}

// TestPlayable: an engine gets no position that is over, or in which a king can be taken.
func TestPlayable(t *testing.T) {
	for fen, want := range map[string]bool{
		StartFEN: true,
		"rnb1kbnr/pppp1ppp/8/4p3/6Pq/5P2/PPPPP2P/RNBQKBNR w KQkq - 0 1": false, // mate
		"7k/5Q2/6K1/8/8/8/8/8 b - - 0 1":                                false, // stalemate
		"4k3/4R3/8/8/8/8/8/4K3 w - - 0 1":                               false, // the king can be taken
	} {
		p, err := ParsePosition(fen, false)
		if err != nil {
			t.Fatal(err)
		}
		if p.Playable() != want {
			t.Errorf("%s is playable: %v", fen, !want)
		}
	}
}

// TestEvaluationsSwitch writes and reads the switch of a round, as JSON and as a record.
func TestEvaluationsSwitch(t *testing.T) {
	on, off := RoundSettings{}, RoundSettings{Evaluations: Evaluations{Off: true}}
	for want, s := range map[string]RoundSettings{`{}`: on, `{"evaluations":false}`: off} {
		text, err := json.Marshal(s)
		if err != nil || string(text) != want {
			t.Fatalf("%s, %v, want %s", text, err, want)
		}
		var back RoundSettings
		if err := json.Unmarshal(text, &back); err != nil || !cmp.Equal(back, s) {
			t.Errorf("%s is read as %+v, %v", text, back, err)
		}
		if back := roundSettingsFrom(s.record()); !cmp.Equal(back, s) {
			t.Errorf("the record of %+v is read as %+v", s, back)
		}
	}
	var d diff
	next := on
	if err := d.round(NewState(), nil, &next, &relaypb.RoundSettings{Evaluations: new(false)}); err != nil {
		t.Fatal(err)
	}
	if want := (diff{{"evaluations", "true", "false"}}); !cmp.Equal(d, want) || !next.Evaluations.Off {
		t.Errorf("the change is %+v, want %+v", d, want)
	}
}
