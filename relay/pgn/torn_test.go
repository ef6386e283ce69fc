package pgn

import (
	"bytes"
	"fmt"
	"strings"
	"testing"
)

// TestEveryPrefix reads every prefix of a file of eight games, as if it were written slowly. Each
// name and each move must be that of the whole file.
func TestEveryPrefix(t *testing.T) {
	names := []string{"Weiß, Jürgen", "Schwarz, Ö.", "Żak, Ł", "O\\\"Neil", "Lake, \"Una\"", "D", "Волков, П", "Hill"}
	var b strings.Builder
	for i, name := range names {
		fmt.Fprintf(&b, "[Event \"Slow Open\"]\n[Round \"1.%d\"]\n[White \"%s\"]\n[Black \"Black %d\"]\n[Result \"*\"]\n[FEN \"1k5r/8/8/8/8/8/8/R3K2R w KQ - 0 1\"]\n", i+1, name, i)
		fmt.Fprintf(&b, "\n1. O-O-O {[%%clk 0:10:0%d]} Rh2 {[%%clk 0:10:09]} 2. Rd7 {[%%clk 0:09:00]} Ka8 {[%%clk 0:08:00]} *\n\n", i)
	}
	text := b.String()
	whole, _ := readAll(t, strings.NewReader(text))
	if len(whole) != len(names) || whole[0].Tag("White") != names[0] {
		t.Fatalf("%d games", len(whole))
	}
	for end := range len(text) {
		body := []byte(text[:end])
		games, errs := readAll(t, bytes.NewReader(body))
		if errs != nil || len(games) > len(whole) {
			t.Fatalf("%d bytes: %d games, %v", end, len(games), errs)
		}
		for i, g := range games {
			if len(g.Tags) > len(whole[i].Tags) {
				t.Fatalf("%d bytes, game %d: %v", end, i+1, g.Tags)
			}
			for n, tag := range g.Tags {
				if tag != whole[i].Tags[n] {
					t.Fatalf("%d bytes, game %d: %v", end, i+1, tag)
				}
			}
			if (g.Tag("White") == "" || g.Tag("Black") == "") && !g.Truncated {
				t.Fatalf("%d bytes: game %d has no players, and is not truncated", end, i+1)
			}
		}
		for i, g := range WithoutTorn(games, body) {
			if g.Tag("White") != whole[i].Tag("White") || g.Tag("Black") != whole[i].Tag("Black") {
				t.Fatalf("%d bytes: game %d of nobody", end, i+1)
			}
			line, err := g.Play()
			if err != nil {
				t.Fatalf("%d bytes: %v", end, err)
			}
			played, _ := whole[i].Play()
			for n, m := range line.Moves {
				if w := played.Moves[n]; m.UCI != w.UCI || m.Clock != w.Clock && hasClocks(games[:len(games)-1]) {
					t.Fatalf("%d bytes, game %d, ply %d: %+v", end, i+1, n+1, m)
				}
			}
		}
	}
}

// TestTornTags: a tag is whole if its bracket is closed, or if something follows.
func TestTornTags(t *testing.T) {
	for in, want := range map[string]string{
		"[White \"A\"]\n[Bla": "White=A", "[White \"A\"]\n[": "White=A", "[White \"A\"]\n[Black": "White=A", "[White \"A\"]\n[Black ": "White=A", "[White \"A\"]\n[Black \"": "White=A",
		"[White \"A\"]\n[Black \"B": "White=A", "[White \"A\"]\n[Black \"B\"": "White=A", "[White \"A\"]\n[Black \"B\"]": "White=A Black=B", "[White \"A\"]\n[Black \"B\n": "White=A",
		"[White \"A\"]\n[Black \"B\n \n\t": "White=A", "[White \"A\n[Black \"B\"]\n": "White=A Black=B", "[White \"A\n\n1. e4 *": "White=A", "[White \"A\"]\n[Black \"B \\": "White=A",
	} {
		g := readOne(t, in)
		var got []string
		for _, tag := range g.Tags {
			got = append(got, tag.Name+"="+tag.Value)
		}
		if strings.Join(got, " ") != want || len(g.Moves) == 0 && !g.Truncated {
			t.Errorf("%q: %v, truncated %t", in, got, g.Truncated)
		}
	}
	for _, in := range []string{"[Wh", "[White \"A", "[1,2,3]", "[{\"id\":1}]", "[", "[]"} {
		if games, errs := readAll(t, strings.NewReader(in)); games != nil || errs != nil {
			t.Errorf("%q: %d games, %v", in, len(games), errs)
		}
	}
}

func TestWithoutTorn(t *testing.T) {
	const one = "[White \"A\"]\n[Black \"B\"]\n[Result \"*\"]\n\n1. e4 {[%clk 1:00:00]} *\n\n"
	for in, want := range map[string]string{
		"": "", one: "A:e4", one + one: "A:e4 A:e4", one + "[White \"C\"]\n": "A:e4", one + "[White \"C\"]\n[Black \"D\"]\n": "A:e4", one + "[White \"C\"]\n[Black \"D\"]\n[Result \"*\"]\n": "A:e4 C:",
		one + "[White \"C\"]\n[Black \"D\"]\n[Result \"*\"]\n\n1. d4": "A:e4 C:", one + "[White \"C\"]\n\n1. d4 {[%clk 1:00:00]} d5": "A:e4 C:d4", "[White \"C\"]\n\n1. d4 d5": "C:d4 d5",
		"[White \"C\"]\n\n1. d4 O-O": "C:d4", "[White \"C\"]\n\n1. d4 O-O\n": "C:d4 O-O", "[White \"C\"]\n\n1. d4 O-O *": "C:d4 O-O", "[White \"?\"]\n[Black \"?\"]\n[Result \"*\"]\n": "",
	} {
		games, _ := readAll(t, strings.NewReader(in))
		var got []string
		for _, g := range WithoutTorn(games, []byte(in)) {
			got = append(got, g.Tag("White")+":"+sans(g))
		}
		if strings.Join(got, " ") != want {
			t.Errorf("%q: %v, want %s", in, got, want)
		}
	}
}
