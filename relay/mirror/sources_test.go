package mirror

import (
	"strings"
	"testing"
)

// TestRepairedSources pushes bad PGN as real sources write it, and looks at the boards.
func TestRepairedSources(t *testing.T) {
	const players = "[Round \"1.1\"]\n[White \"Lake, Una\"]\n[Black \"Hill, Tom\"]\n"
	long := strings.Repeat("90 minutes for 40 moves, then ", 5)
	for _, tt := range []struct{ name, in, want string }{
		{"impossible castling rights", players + "[FEN \"7k/5K2/4R3/8/8/8/8/8 w KQkq - 0 1\"]\n[SetUp \"1\"]\n\n1. Rh6# 1-0", "1 Lake, Una-Hill, Tom Rh6# 1-0"},
		{"a FEN of three fields", players + "[FEN \"r3k2r/8/8/8/8/8/8/R3K2R b kq\"]\n\n1... O-O *", "1 Lake, Una-Hill, Tom O-O *"},
		{"no position", players + "[FEN \"8/8/8/8/8/8/8/8 w - - 0 1\"]\n\n1. e4 *", "1 Lake, Una-Hill, Tom *"},
		{"another variant", players + "[Variant \"Atomic\"]\n\n1. e4 *", "1 Lake, Una-Hill, Tom *"},
		{"a name of standard chess", players + "[Variant \"Regular\"]\n\n1. e4 e5 *", "1 Lake, Una-Hill, Tom e4 e5 *"},
		{"opinions", players + "[Result \"*\"]\n\n1. e4 e5 2. Nf3 +/- Nc6± 3. Bb5+- a6 =/∞ *", "1 Lake, Una-Hill, Tom e4 e5 Nf3 Nc6 Bb5 a6 *"},
		{"no-break spaces", "[Round \"1.1\"]\n[White \"Lake,\u00a0Una\"]\n[Black \"\u200bHill, Tom\"]\n\n1.\u00a0e4\u00a0e5\u00a02.\u200bNf3\u202fNc6 *", "1 Lake, Una-Hill, Tom e4 e5 Nf3 Nc6 *"},
		{"not played", players + "[Result \"1-0\"]\n[Termination \"Unplayed\"]\n\n1-0", "1 Lake, Una-Hill, Tom 1-0F"},
		{"a long time control", players + "[TimeControl \"" + long + "\"]\n\n1. e4 *", "1 Lake, Una-Hill, Tom e4 *"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			w := newWorld(t)
			w.push(tt.in)
			if got := strings.TrimSpace(w.summary()); got != tt.want {
				t.Errorf("got %s, want %s", got, tt.want)
			}
			if control := w.games()[0].TimeControl; strings.Contains(tt.in, "TimeControl") && control != strings.TrimSpace(long) {
				t.Errorf("the time control is %q", control)
			}
		})
	}
}
