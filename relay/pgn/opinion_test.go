package pgn

import (
	"strings"
	"testing"

	"github.com/chessrelay/chessrelay/relay"
)

// TestOpinions puts each opinion between the moves and behind one. None ends a game.
func TestOpinions(t *testing.T) {
	const want = "e4 e5 Nf3 Nc6 Bb5 a6 Bxc6 dxc6 O-O"
	for _, o := range []string{
		"+/-", "-/+", "+-", "-+", "+/=", "=/+", "+=", "=+", "=", "±", "∓", "⩲", "⩱", "∞", "=/∞", "∞/=", "=∞", "+−", "−+", "+–", "–+", "+—", "−/+", "+/−", "--+", "+--",
		"!", "?", "!!", "??", "!?", "?!", "‼", "⁇", "⁈", "⁉", "⟳", "□", "∆", "Δ", "⇆", "→", "↑", "⊕", "⌓", "N", "TN", "RR", "!?±", "!+-", "?-/+", "N+/=", "=N", "N!", "±!?", "□+-", "!±N", "...",
		"$1", "$14", "$146", "$1$14", "+-$1", "!?$16", "±{good}", ",", ".", "†",
	} {
		for name, text := range map[string]string{
			"between": "1. e4 e5 2. Nf3 _ Nc6 3. Bb5 _ a6 4. Bxc6+ dxc6 _ 5. O-O _ *",
			"glued":   "1. e4_ e5_ 2. Nf3_ Nc6_ 3. Bb5_ a6_ 4. Bxc6+_ dxc6_ 5. O-O_ *",
			"numbers": "1.e4_ 1...e5 _ 2.Nf3 _ _ Nc6_ _ 3.Bb5_\na6 _\n4.Bxc6+ (4. Ba4_ _ 1-0) _ dxc6 {x} _ 5.O-O _ {y} *",
		} {
			if name != "between" && (o == "--+" || o == "+--") {
				continue // nobody writes that
			}
			g := readOne(t, "[Result \"*\"]\n\n"+strings.ReplaceAll(text, "_", o))
			line, err := g.Play()
			var got []string
			for _, m := range line.Moves {
				got = append(got, m.SAN)
			}
			if strings.Join(got, " ") != want || err != nil || g.Result != relay.Ongoing || g.Forfeit || g.ResultText != "*" {
				t.Errorf("%q %s: %s %s (%q, forfeit %t), %v", o, name, sans(g), g.Result, g.ResultText, g.Forfeit, err)
			}
		}
	}
}

// TestOpinionsKeepTheMove: what belongs to a move stays.
func TestOpinionsKeepTheMove(t *testing.T) {
	for in, want := range map[string]string{
		"e8=Q+-": "e8=Q", "e8=Q+": "e8=Q+", "e8=Q#": "e8=Q#", "e8=Q++-": "e8=Q+", "e8N": "e8N", "e8=N": "e8=N", "exd8N!": "exd8N", "e5N": "e5", "Nf3N": "Nf3", "Rb8N±": "Rb8",
		"Nf3++": "Nf3++", "Qh4#!": "Qh4#", "Qh4#+-": "Qh4#", "Nf3+/-": "Nf3", "Nf3+∓": "Nf3+", "Nf3+=": "Nf3", "O-O-O-+": "O-O-O", "O-O=": "O-O", "0-0+/=": "0-0", "0-0-0±": "0-0-0",
		"exd6e.p.": "exd6e.p.", "exd6e.p.!?": "exd6e.p.", "Nb1-d2∞": "Nb1-d2", "e7e8q=": "e7e8q", "♘f3±": "Nf3", "Nf3=/∞": "Nf3", "e4,": "e4", "12e4": "e4", "3Nf3!": "Nf3", "--": "--", "Z0": "Z0",
		"Nf3ch": "Nf3ch",
	} {
		if g := readOne(t, "[Result \"*\"]\n\n"+in+" *"); sans(g) != want {
			t.Errorf("%s: %q, want %q", in, sans(g), want)
		}
	}
}

// TestSignsAsResults: +/- and its kin are the result of a game without moves, and of one where the
// tags agree. Elsewhere somebody only thinks so.
func TestSignsAsResults(t *testing.T) {
	type end struct {
		moves   string
		result  relay.Result
		forfeit bool
	}
	for in, want := range map[string]end{
		"+/-": {"", "1-0", true}, "[Result \"*\"]\n\n-/+": {"", "0-1", true}, "[Result \"1-0\"]\n\n+/-": {"", "1-0", true}, "-/-": {"", "0-0", true},
		"1. e4 +/-": {"e4", "1-0", true}, "[Result \"+/-\"]\n\n1. e4 e5 2. Nf3 +/-": {"e4 e5 Nf3", "1-0", true}, "[Result \"+/-\"]\n\n1. e4 e5 2. Nf3 +/- *": {"e4 e5 Nf3", "1-0", true},
		"[Result \"1-0\"]\n\n1. e4 +/-": {"e4", "1-0", true}, "[Result \"1-0\"]\n\n1. e4 e5 2. Nf3 +/-": {"e4 e5 Nf3", "1-0", false}, "[Result \"0-1\"]\n\n1. e4 +/-": {"e4", "0-1", false},
		"[Result \"*\"]\n\n1. e4 e5 +/-": {"e4 e5", "*", false}, "[Result \"*\"]\n\n1. e4 e5 +/-\n\n2. Nf3 *": {"e4 e5 Nf3", "*", false}, "[Result \"*\"]\n\n1. e4 +/- 1-0": {"e4", "1-0", false},
		"1. e4 e5 +/- 2. Nf3 *": {"e4 e5 Nf3", "*", false}, "1. e4 e5 +/- 1-0": {"e4 e5", "1-0", false}, "1. e4 +/- {so it is} 1/2-1/2": {"e4", "1/2-1/2", false}, "1. e4 +/- (1. d4 +/-) e5 *": {"e4 e5", "*", false},
		"[Result \"+/-\"]\n\n1. e4 e5 *": {"e4 e5", "1-0", true}, "1. e4 e5 =:= 2. Nf3 *": {"e4 e5 Nf3", "*", false}, "[Result \"?\"]\n\n1. e4 +:-": {"e4", "1-0", true},
	} {
		g := readOne(t, in)
		if got := (end{sans(g), g.Result, g.Forfeit}); got != want {
			t.Errorf("%s: %+v, want %+v", in, got, want)
		}
	}
	games, _ := readAll(t, strings.NewReader("[White \"A\"]\n[Result \"1-0\"]\n\n1. e4 e5 2. Nf3 +/-\n\n[White \"B\"]\n\n+/-\n\n[White \"C\"]\n\n1. d4 *"))
	if len(games) != 3 || games[0].Forfeit || !games[1].Forfeit || sans(games[2]) != "d4" {
		t.Errorf("%d games", len(games))
	}
}

// TestBrackets: not every bracket between the moves is the next game.
func TestBrackets(t *testing.T) {
	for _, o := range []string{"[!]", "[+0.35]", "[-1.2/20]", "[#]", "[D]", "[diagram]", "[=]", "[$14]", "[12:30]"} {
		in := "[White \"A\"]\n\n1. e4 " + o + " e5" + o + " 2. Nf3 " + o + "\n[White \"B\"]\n\n1. d4 *"
		games, errs := readAll(t, strings.NewReader(in))
		if len(games) != 2 || errs != nil || sans(games[0]) != "e4 e5 Nf3" || sans(games[1]) != "d4" {
			t.Errorf("%s: %d games, %v", o, len(games), errs)
		}
	}
	games, _ := readAll(t, strings.NewReader("[White \"A\"] 1. e4 e5 [White \"B\"] 1. d4 d5\n[White C]\n1. c4 *"))
	if len(games) != 3 || sans(games[1]) != "d4 d5" || games[2].Tag("White") != "C" {
		t.Errorf("%d games", len(games))
	}
}

// TestCommandsWithoutBraces: some write clocks between the moves.
func TestCommandsWithoutBraces(t *testing.T) {
	g := readOne(t, "[White \"A\"]\n\n1. e4 [%clk 1:00:00] e5 [%clk 0:59:00]\n2. Nf3 [%emt 0:01:00 ] *")
	if sans(g) != "e4 e5 Nf3" || g.Moves[0].Clock != 3_600_000 || g.Moves[1].Clock != 3_540_000 || g.Moves[2].Comment != "[%emt 0:01:00 ]" {
		t.Errorf("%+v", g)
	}
}
