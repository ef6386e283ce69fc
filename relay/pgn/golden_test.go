package pgn

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	gocmp "github.com/google/go-cmp/cmp"

	"github.com/chessrelay/chessrelay/relay"
)

var update = flag.Bool("update", false, "write the golden files again; then read what has changed")

// golden compares with a file, line by line.
func golden(t *testing.T, name, got string) {
	t.Helper()
	if *update {
		if err := os.WriteFile(name, []byte(got), 0o666); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	if diff := gocmp.Diff(strings.Split(string(want), "\n"), strings.Split(got, "\n")); diff != "" {
		t.Error(diff)
	}
}

func wildFiles(tb testing.TB) []string {
	tb.Helper()
	files, err := filepath.Glob("testdata/in/*.pgn")
	if err != nil || len(files) == 0 {
		tb.Fatal(files, err)
	}
	return files
}

// TestGolden reads files of the forms that are met, and compares what is made of them with
// the files NAME.want.
func TestGolden(t *testing.T) {
	for _, name := range wildFiles(t) {
		t.Run(filepath.Base(name), func(t *testing.T) {
			in, err := os.Open(name)
			if err != nil {
				t.Fatal(err)
			}
			defer in.Close()
			games, errs := readAll(t, in)
			var b strings.Builder
			for _, err := range errs {
				fmt.Fprintln(&b, "cannot be read:", err)
			}
			for _, g := range games {
				describe(&b, g)
			}
			golden(t, strings.TrimSuffix(name, ".pgn")+".want", b.String())
		})
	}
}

// describe writes all that is known of a game.
func describe(b *strings.Builder, g *Game) {
	fmt.Fprintf(b, "game %d, line %d: %s", g.Number, g.Line, g.Players())
	if g.Round() != "" || g.Board() != 0 {
		fmt.Fprintf(b, ", round %q, board %d", g.Round(), g.Board())
	}
	b.WriteByte('\n')
	for _, color := range []string{"White", "Black"} {
		if p := g.Player(color); p != (relay.Player{Name: p.Name}) {
			fmt.Fprintf(b, "\t%s: %+v\n", color, p)
		}
	}
	for _, t := range g.Tags {
		switch t.Name {
		case "White", "Black":
		default:
			fmt.Fprintf(b, "\t%s: %s\n", t.Name, t.Value)
		}
	}
	if c := g.StartClock(); c.Known() {
		fmt.Fprintf(b, "\tthe clocks at the start: %d, %d ms\n", c.White, c.Black)
	}
	if c, at := g.LiveClock(); c.Known() {
		fmt.Fprintf(b, "\tthe clocks now: %d, %d ms at %d\n", c.White, c.Black, at)
	}
	if g.Comment != "" {
		fmt.Fprintf(b, "\t{%s}\n", g.Comment)
	}
	for _, m := range g.Moves {
		fmt.Fprintf(b, "\t%s", m.SAN)
		if m.Clock != relay.NoTime {
			fmt.Fprintf(b, " %d ms", m.Clock)
		}
		if m.Comment != "" {
			fmt.Fprintf(b, " {%s}", m.Comment)
		}
		b.WriteByte('\n')
	}
	fmt.Fprintf(b, "\t%s (%q)", g.Result, g.ResultText)
	if g.Forfeit {
		b.WriteString(" forfeit")
	}
	if g.Truncated {
		b.WriteString(" truncated")
	}
	line, err := g.Play()
	fmt.Fprintf(b, "\n\tplayed: %s\n", lineText(line))
	if err != nil {
		fmt.Fprintf(b, "\t%v\n", err)
	}
}

// TestGoldenOut plays the legal moves of these files on the boards. The written text must be
// testdata/out.pgn, byte for byte: programs split and parse this form.
func TestGoldenOut(t *testing.T) {
	b := newBoards(t)
	var out strings.Builder
	n := 0
	for _, name := range []string{"testdata/in/dgt.pgn", "testdata/in/chess960.pgn", "testdata/in/clocks.pgn", "testdata/in/results.pgn"} {
		in, err := os.Open(name)
		if err != nil {
			t.Fatal(err)
		}
		defer in.Close()
		games, _ := readAll(t, in)
		for _, g := range games {
			if _, err := g.Play(); err != nil {
				continue
			}
			n++
			w := tell(t, g)
			w.Board = n
			w.White.Name, w.Black.Name = firstNonEmpty(w.White.Name, "A"), firstNonEmpty(w.Black.Name, "B")
			if err := NewWriter(&out).Write(b.play(&w), b.event); err != nil {
				t.Fatal(err)
			}
		}
	}
	golden(t, "testdata/out.pgn", out.String())
}
