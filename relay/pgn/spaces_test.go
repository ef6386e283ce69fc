package pgn

import (
	"strings"
	"testing"

	"github.com/chessrelay/chessrelay/relay"
)

// wideSpaces and zeroWidths are the signs of Unicode that look like a space, or like nothing.
var (
	wideSpaces = []string{
		"\t", "\v", "\f", "\u0085", "\u00a0", "\u1680", "\u2000", "\u2001", "\u2002", "\u2003", "\u2004", "\u2005", "\u2006", "\u2007", "\u2008",
		"\u2009", "\u200a", "\u2028", "\u2029", "\u202f", "\u205f", "\u3000", "\u2800", "\u3164",
	}
	zeroWidths = []string{"\u00ad", "\u200b", "\u200c", "\u200d", "\u200e", "\u200f", "\u2060", "\u202a", "\u2066", "\ufeff", "\ufe0f"}
)

// TestSpacesInMoves puts each sign that is a space to a person where a space may stand.
func TestSpacesInMoves(t *testing.T) {
	const want = "e4 e5 Nf3 Nc6 Bb5 a6 Bxc6+ dxc6 O-O"
	for _, space := range append(append([]string{" ", "  ", "\r\n", " \u00a0", "\u00a0 ", "\u200b ", " \u200b\u00a0"}, wideSpaces...), zeroWidths...) {
		for _, text := range []string{
			"1._e4_e5_2._Nf3_Nc6_3._Bb5_a6_4._Bxc6+_dxc6_5._O-O_*", "1._e4_e5_2.Nf3_2..._Nc6_3._Bb5_{x}_3…_a6 ; a comment\n4._Bxc6+_dxc6_5._O-O_*_", "_1_._e4_e5_2_Nf3_Nc6 3. Bb5_a6 4. Bxc6+_$1_dxc6!_5.O-O_!?_*_\n_\n",
			"_\n1.e4_e5 2.Nf3_(2._d4_d5)_Nc6_3.Bb5_a6_4.Bxc6+_dxc6_5.O-O_*",
		} {
			in := "_[White \"A\"]_\n_\n" + text + "_\n_\n_[White \"B\"]\n_\n1._d4_*"
			games, errs := readAll(t, strings.NewReader(strings.ReplaceAll(in, "_", space)))
			if len(games) != 2 || errs != nil || sans(games[0]) != want || games[0].Truncated || sans(games[1]) != "d4" || games[1].Tag("White") != "B" {
				t.Errorf("with %q in %s: %d games, %s, %v", space, text, len(games), sans(games[0]), errs)
			}
		}
	}
}

// TestInvisibleCharactersInsideWords: what cannot be seen does not divide a move.
func TestInvisibleCharactersInsideWords(t *testing.T) {
	for _, no := range zeroWidths {
		in := strings.ReplaceAll("1_.e_4 e_7e5 2. N_f3 N_b_8c6 3. O_-_O 1/_2-_1/_2_", "_", no)
		if g := readOne(t, in); sans(g) != "e4 e7e5 Nf3 Nb8c6 O-O" || g.Result != relay.Draw {
			t.Errorf("with %q: %s %s", no, sans(g), g.Result)
		}
	}
}

// TestSpacesInLatin1: the no-break space of ISO-8859-1 is a byte that other characters of UTF-8
// have inside.
func TestSpacesInLatin1(t *testing.T) {
	for in, want := range map[string]string{
		"1.\xa0e4\xa0e5\xa02.\xa0Nf3\xa0\xbd-\xbd": "e4 e5 Nf3", "1. e4 \u2660 e5 2. \u0420a6 Nf3\u2660 *": "e4 e5 Nf3\u2660",
	} {
		if g := readOne(t, in); sans(g) != want {
			t.Errorf("%q: %q", in, sans(g))
		}
	}
}

// TestSpacesInTags: equal names are equal texts.
func TestSpacesInTags(t *testing.T) {
	for _, space := range wideSpaces {
		in := strings.ReplaceAll("[White_\"_Lake,__Una_\"]\n[Round_\"1.2\"_]\n\n1. e4 {[%clk_0:01:00]_and_more_} *", "_", space)
		if g := readOne(t, in); g.Tag("White") != "Lake, Una" || g.Board() != 2 || g.Moves[0].Clock != 60_000 || g.Moves[0].Comment != "[%clk 0:01:00] and more" {
			t.Errorf("with %q: %+v", space, g)
		}
	}
	for _, no := range zeroWidths {
		in := strings.ReplaceAll("[_White_ \"_La_ke, U_na_\"]\n\n1. e4 {[%clk 0:0_1:00]} *", "_", no)
		if g := readOne(t, in); g.Tag("White") != "Lake, Una" || g.Moves[0].Clock != 60_000 {
			t.Errorf("with %q: %+v", no, g)
		}
	}
	for in, want := range map[string]string{
		"Lake,\u200bUna": "Lake, Una", "Lake,  Una": "Lake, Una", "Lake, \u200b Una": "Lake, Una", "\u200b": "", "\u00a0": "", "\u3000丁\u3000立人": "丁 立人",
		"علی\u200cرضا": "علی\u200cرضا", "Lake\u200c": "Lake", "क\u094d\u200dष": "क\u094d\u200dष", "\xa0M\xfcller\xa0": "Müller", "Müller": "Müller", "a ": "a", "x\x00y": "x y",
	} {
		if got := readOne(t, "[White \""+in+"\"]\n\n*").Tag("White"); got != want {
			t.Errorf("%q: %q, want %q", in, got, want)
		}
	}
}
