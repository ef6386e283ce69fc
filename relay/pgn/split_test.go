package pgn

import (
	"bytes"
	"errors"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// readPlaceless reads every game and error of a text, without their places in it.
func readPlaceless(text []byte) (games []Game, faults []Error, open bool) {
	r := NewReader(strings.NewReader("[White \"W\"]\n\n1. e4 [Black \"B\"]"))
	_, _ = r.Next() // which has read the next game's tag by then
	var last *Game
	for r.Reset(bytes.NewReader(text)); ; {
		g, err := r.Next()
		if errors.Is(err, io.EOF) {
			return games, faults, r.Open(last)
		}
		last = g
		if err != nil {
			last = nil
		}
		if fault, ok := errors.AsType[*Error](err); ok {
			f := *fault
			f.Game, f.Line = 0, 0
			faults = append(faults, f)
			continue
		}
		out := *g
		out.Number, out.Line, out.Moves = 0, 0, slices.Clone(g.Moves)
		for i := range out.Moves {
			out.Moves[i].Line = 0
		}
		games = append(games, out)
	}
}

// checkPieces wants the pieces to be the text, and their games to be the text's.
func checkPieces(t *testing.T, text []byte) (pieces int) {
	t.Helper()
	var games []Game
	var faults []Error
	var whole, held []byte
	list := slices.Collect(Pieces(text))
	for i, p := range list {
		whole = append(whole, p...)
		held = append(held, p...)
		g, f, open := readPlaceless(held)
		if open && i < len(list)-1 {
			continue
		}
		games, faults, held = append(games, g...), append(faults, f...), nil
		pieces++
	}
	if !bytes.Equal(whole, text) {
		t.Errorf("the pieces are %q, and the text %q", whole, text)
	}
	wantGames, wantFaults, _ := readPlaceless(text)
	if diff := cmp.Diff(wantGames, games) + cmp.Diff(wantFaults, faults); diff != "" {
		t.Errorf("of %q (-whole +pieces)\n%s", text, diff)
	}
	return pieces
}

// TestPieces counts the pieces that can be read alone.
func TestPieces(t *testing.T) {
	const tags = "[Event \"E\"]\n[White \"A\"]\n\n"
	for _, tt := range []struct {
		name, text string
		pieces     int
	}{
		{"nothing", "", 0},
		{"one game", tags + "1. e4 *\n", 1},
		{"three games", strings.Repeat(tags+"1. e4 *\n\n", 3), 3},
		{"two empty lines, and CRLF", strings.ReplaceAll(strings.Repeat(tags+"1. e4 *\n\n\n", 3), "\n", "\r\n"), 3},
		{"other tags first", strings.Repeat("[White \"A\"]\n[Black \"B\"]\n\n1. e4 *\n\n", 3), 3},
		{"no result", strings.Repeat(tags+"1. e4 e5\n\n", 3), 3},
		{"no empty line between the games", strings.Repeat(tags+"1. e4 *\n", 3), 1},
		{"a line of spaces is not cut at", strings.Repeat(tags+"1. e4 *\n  \n", 3), 1},
		{"no moves, but a result", strings.Repeat(tags+"*\n\n", 3), 3},
		{"no moves and no result", strings.Repeat(tags, 3), 1},
		{"an empty line among the tags", strings.Repeat("[Event \"E\"]\n\n[White \"A\"]\n\n1. e4 *\n\n", 3), 3},
		{"a comment among the tags", strings.Repeat("[Event \"E\"]\n\n{ x }\n\n[White \"A\"]\n\n1. e4 *\n\n", 3), 3},
		{"a brace that is never closed", strings.Repeat(tags+"1. e4 { x\n\n", 3), 3},
		{"a tag in a comment", tags + "1. e4 { x\n\n[%clk 1:00:00]\n\n} e5 *\n\n", 1},
		{"a header of a file, and text", "[ePGN \"0.1\"]\n\n" + tags + "1. e4 *\n\nHello\n\n" + tags + "1. d4 *\n\n", 3},
		{"a game that cannot be read", tags + strings.Repeat("[T \"x\"]\n", 101) + "\n1. e4 *\n\n" + tags + "1. d4 *\n\n", 2},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if got := checkPieces(t, []byte(tt.text)); got != tt.pieces {
				t.Errorf("%d pieces, want %d", got, tt.pieces)
			}
		})
	}
}

// FuzzPieces holds the games of the pieces to those of the whole text.
func FuzzPieces(f *testing.F) {
	files, err := filepath.Glob("testdata/in/*.pgn")
	if err != nil || len(files) == 0 {
		f.Fatal(err, files)
	}
	for _, name := range files {
		text, err := os.ReadFile(name)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(text)
		f.Add(slices.Concat(text, []byte("\n\n"), text))
	}
	for _, s := range []string{
		"[A \"x\"]\n\n( 1-0\n\n[B \"y\"]\n\n*", "[A \"x\"]\n\n{ 1-0\n\n[B \"y\"]\n\n1. e4 } e5", "x\n\n[Event \"", "[A \"x\n\n[A \"y\"]\n\n%\n\n[A \"z\"]",
		"[Event \"a\"]\n\n[event \"b\"]\n\n0-0\n\n[Result \"0-0\"]\n\n; x\n\n[A \"b\"]\n\n*",
	} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, text []byte) { checkPieces(t, text) })
}

// TestPiecesOfAnything holds random heaps of what a PGN is made of to the same.
func TestPiecesOfAnything(t *testing.T) {
	parts := []string{
		"\n", "\n", "\n\n", "\n\n", "\r\n", "\r\n\r\n", "\r", " ", "[Event \"E\"]", "[Event \"", "[event \"F\"]", "[White \"A\"]", "[White \"A\n", "[Result \"0-0\"]",
		"[ePGN \"0.1\"]", "[%clk 1:00:00]", "[", "]", "{", "}", "{ x }", "(", ")", ";", "%", "1. e4", "e5 ", "0-0 ", "1-0", "*", "--", "Hello", "\ufeff", "\x00", "\"",
	}
	r := rand.New(rand.NewPCG(1, 2))
	for range 3000 {
		var text []byte
		for range 1 + r.IntN(24) {
			text = append(text, parts[r.IntN(len(parts))]...)
		}
		checkPieces(t, text)
		if t.Failed() {
			return
		}
	}
}
