package pgn

import (
	"errors"
	"strings"
	"testing"

	"github.com/chessrelay/chessrelay/relay"
)

// The bishop goes like a knight.
const afterIllegal = "r1bqkbnr/pppp1ppp/2n5/4p3/4P3/2B2N2/PPPP1PPP/RNBQK2R b KQkq - 3 3"

func illegalGame(start string, moves ...string) *relay.Game {
	var list []relay.Move
	for _, text := range moves {
		m := relay.Move{SAN: text, Clock: millis(5_000, 6_000)}
		if san, fen, ok := strings.Cut(text, "|"); ok {
			m.SAN, m.FEN, m.Illegal = san, fen, true
		}
		list = append(list, m)
	}
	p := relay.Pairing{Board: 1, White: relay.Player{Name: "A"}, Black: relay.Player{Name: "B"}, StartFEN: start,
		Tags: []relay.Tag{{Name: relay.WarningTag, Value: "for the arbiter"}}}
	return mustGame(p, relay.WhiteWins, list...)
}

// TestWriteIllegal: other programs find moves that they can play, and people the rest.
func TestWriteIllegal(t *testing.T) {
	const passed = "r1bqkb1r/pppp1ppp/2n2n2/4p3/4P3/2B2N2/PPPP1PPP/RNBQK2R b KQkq - 4 4"
	for _, tc := range []struct {
		name, start string
		moves       []string
		want        string
		error       string
	}{
		{"the last one", "", []string{"e4", "e5", "Nf3", "Nc6", "Bc3|" + afterIllegal},
			"1. e4 e5 2. Nf3 Nc6 { Illegal move was played: 3. Bc3; position " + afterIllegal + " } 1-0", "ply 5 (line 1): Illegal move was played: 3. Bc3"},
		{"the game goes on", "", []string{"e4", "e5", "Nf3", "Nc6", "Bc3|" + afterIllegal, "Nf6", "O-O"},
			"1. e4 e5 2. Nf3 Nc6 { Illegal move was played: 3. Bc3; position " + afterIllegal + "; then 3... Nf6 4. O-O } 1-0", "ply 5 (line 1): Illegal move was played: 3. Bc3"},
		{"and another one", "", []string{"e4", "e5", "Nf3", "Nc6", "Bc3|" + afterIllegal, "Nf6", "--|" + passed, "d6", "d3"},
			"1. e4 e5 2. Nf3 Nc6 { Illegal move was played: 3. Bc3; position " + afterIllegal + "; then 3... Nf6 4. -- (illegal), position " + passed + ", then 4... d6 5. d3 } 1-0",
			"ply 5 (line 1): Illegal move was played: 3. Bc3"},
		{"the first one, Black's", "4k3/8/8/8/8/8/4P3/4K3 b - - 0 7", []string{"Ke6|8/8/4k3/8/8/8/4P3/4K3 w - - 1 8", "e4"},
			"{ Illegal move was played: 7... Ke6; position 8/8/4k3/8/8/8/4P3/4K3 w - - 1 8; then 8. e4 } 1-0", "ply 1 (line 1): Illegal move was played: 7... Ke6"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			w := Writer{NoClocks: true}
			text := w.Format(illegalGame(tc.start, tc.moves...), Event{})
			_, moves, _ := strings.Cut(text, "\n\n")
			if got := strings.TrimSpace(moves); got != tc.want {
				t.Errorf("got\n%s, want\n%s", got, tc.want)
			}
			if strings.Contains(text, "for the arbiter") {
				t.Error("the warning is public")
			}
			g := readOne(t, text)
			line, err := g.Play()
			fault, _ := errors.AsType[*Error](err)
			if fault == nil || !strings.HasSuffix(fault.Error(), tc.error) {
				t.Errorf("it is read with the error %v", err)
			}
			if n := len(line.Moves); n != int(fault.Ply)-1 || line.Result != relay.WhiteWins {
				t.Errorf("%d moves and %s are read", n, line.Result)
			}
		})
	}
}

// TestWriteIllegalClock: the clock of the move before stays with it, in the same comment.
func TestWriteIllegalClock(t *testing.T) {
	text := new(Writer).Format(illegalGame("", "e4", "e5|rnbqkbnr/pppp1ppp/8/8/4p3/8/PPPP1PPP/RNBQKBNR w KQkq - 0 2"), Event{})
	if want := "1. e4 { [%clk 0:00:05] Illegal move was played: 1... e5; position rnbqkbnr/"; !strings.Contains(text, want) {
		t.Errorf("it is\n%s", text)
	}
	g := readOne(t, text)
	if _, err := g.Play(); err == nil || len(g.Moves) != 1 || g.Moves[0].Clock != 5000 {
		t.Errorf("it is read as %+v, %v", g.Moves, err)
	}
}

// TestWriteIllegalSigns: nothing of the arbiter's text ends the comment, or escapes its end.
func TestWriteIllegalSigns(t *testing.T) {
	text := new(Writer).Format(illegalGame("", "e4", "e5", "Nf3", "Nc6", `"\;%(|`+afterIllegal), Event{})
	if want := `Illegal move was played: 3. "/;%(; position `; !strings.Contains(text, want) || strings.Count(text, "}") != 4 {
		t.Errorf("it is\n%s", text)
	}
}

func TestPlayAfter(t *testing.T) {
	g := readOne(t, "1. e4 e5 2. Nf3 Nc6 3. Bc3 Nf6 4. O-O Ke4 *")
	line, err := g.PlayAfter(5, afterIllegal, "")
	if got := lineText(line); err != nil || got != "["+afterIllegal+"] Nf6/g8f6 O-O/e1g1 * ended" {
		t.Errorf("%s, %v", got, err)
	}
	line, err = g.PlayAfter(5, strings.Replace(afterIllegal, "k", "1", 1), "")
	if err == nil || len(line.Moves) > 0 {
		t.Errorf("without a king: %+v", line)
	}
	if line, err := g.PlayAfter(8, afterIllegal, ""); err != nil || len(line.Moves) > 0 {
		t.Errorf("behind the last: %+v, %v", line, err)
	}
	line, err = g.PlayAfter(4, afterIllegal, "")
	if fault, _ := errors.AsType[*Error](err); fault == nil || fault.Ply != 5 || fault.Move != "Bc3" || len(line.Moves) > 0 {
		t.Errorf("a move that is not legal there: %v", err)
	}
}
