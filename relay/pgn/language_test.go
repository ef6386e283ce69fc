package pgn

import "testing"

// TestLanguages: score sheets as they are typed, where they can be nothing else.
func TestLanguages(t *testing.T) {
	const spanish = "e4/e2e4 e5/e7e5 Nf3/g1f3 Nc6/b8c6 Bb5/f1b5 a6/a7a6 Ba4/b5a4 Nf6/g8f6 O-O/e1g1 Nxe4/f6e4 Re1/f1e1 "
	for _, tt := range []struct{ name, in, want, err string }{
		{"German", "1. e4 e5 2. Sf3 Sc6 3. Lb5 a6 4. La4 Sf6 5. O-O Sxe4 6. Te1 *", spanish + "*", ""},
		{"French", "1. e4 e5 2. Cf3 Cc6 3. Fb5 a6 4. Fa4 Cf6 5. 0-0 Cxe4 6. Te1 *", spanish + "*", ""},
		{"Spanish", "1. e4 e5 2. Cf3 Cc6 3. Ab5 a6 4. Aa4 Cf6 5. O-O Cxe4 6. Te1 *", spanish + "*", ""},
		{"long algebraic German", "1. e2-e4 e7-e5 2. Sg1-f3 Sb8-c6 3. Lf1-b5 a7-a6 4. Lb5-a4 Sg8-f6 5. 0-0 Sf6xe4 6. Tf1-e1 *", spanish + "*", ""},
		{"a French king, which could be a rook", "[FEN \"4k3/8/8/8/8/8/4P3/N3K2R w - - 0 1\"]\n\n1. Rd1 *", "[4k3/8/8/8/8/8/4P3/N3K2R w - - 0 1] *",
			"game 1, ply 1, Rd1 (line 3): it is not legal in the position 4k3/8/8/8/8/8/4P3/N3K2R w - - 0 1"},
		{"a king and a rook in French", "[FEN \"4k3/8/8/8/8/8/4P3/N3K2R w - - 0 1\"]\n\n1. Tf1 Rd8 2. Cc2 Rc8 3. Rd1 *",
			"[4k3/8/8/8/8/8/4P3/N3K2R w - - 0 1] Rf1/h1f1 Kd8/e8d8 Nc2/a1c2 Kc8/d8c8 Kd1/e1d1 *", ""},
		{"a German promotion", "[FEN \"8/P6k/8/8/8/8/8/K7 w - - 0 1\"]\n\n1. a8D Kg7 2. Dd5 *",
			"[8/P6k/8/8/8/8/8/K7 w - - 0 1] a8=Q/a7a8q Kg7/h7g7 Qd5/a8d5 *", ""},
		{"a sign of check", "1. f3 e5 2. g4 Dh4# 0-1", "f3/f2f3 e5/e7e5 g4/g2g4 Qh4#/d8h4 0-1", ""},

		{"an illegal move in German", "1. e4 e5 2. Sf3 Sc6 3. Lc3 *", "e4/e2e4 e5/e7e5 Nf3/g1f3 Nc6/b8c6 *",
			"game 1, ply 5, Lc3 (line 1): it is not legal in the position r1bqkbnr/pppp1ppp/2n5/4p3/4P3/5N2/PPPP1PPP/RNBQKB1R w KQkq - 2 3"},
		{"letters of two languages", "1. e4 e5 2. Sf3 Cc6 *", "e4/e2e4 e5/e7e5 *", "game 1, ply 3, Sf3 (line 1): it is neither SAN (such as Nf3) nor UCI (such as g1f3)"},
		{"English with a slip", "1. e4 e5 2. Nf3 Nc6 3. Lb5 *", "e4/e2e4 e5/e7e5 Nf3/g1f3 Nc6/b8c6 *",
			"game 1, ply 5, Lb5 (line 1): it is neither SAN (such as Nf3) nor UCI (such as g1f3)"},
		{"English that is illegal", "1. e4 e5 2. Rd3 *", "e4/e2e4 e5/e7e5 *",
			"game 1, ply 3, Rd3 (line 1): it is not legal in the position rnbqkbnr/pppp1ppp/8/4p3/4P3/8/PPPP1PPP/RNBQKBNR w KQkq e6 0 2"},

		{"a null move at the end", "1. e4 e5 2. Nf3 Z0 {a threat} *", "e4/e2e4 e5/e7e5 Nf3/g1f3 *", ""},
		{"null moves at the end", "1. e4 e5 2. -- 1-0", "e4/e2e4 e5/e7e5 1-0", ""},
		{"a null move between", "1. e4 e5 2. -- Nc6 3. Nf3 1-0", "e4/e2e4 e5/e7e5 1-0",
			"game 1, ply 3, -- (line 1): it is a null move, which gives one side two moves in a row: the game cannot go on after it"},
		{"another one", "1. e4 @@@@ 2. d4 *", "e4/e2e4 *",
			"game 1, ply 2, @@@@ (line 1): it is a null move, which gives one side two moves in a row: the game cannot go on after it"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			line, err := readOne(t, tt.in).Play()
			if got := lineText(line); got != tt.want {
				t.Errorf("got\n%s, want\n%s", got, tt.want)
			}
			if got := ""; err != nil {
				if got = err.Error(); got != tt.err {
					t.Errorf("the error is %s", got)
				}
			} else if tt.err != "" {
				t.Error("it is played")
			}
		})
	}
}
