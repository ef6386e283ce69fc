package mirror

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/chessrelay/chessrelay/relay"
)

// BenchmarkDiff compares a round of 1,000 boards of 80 plies with a source that has one more move
// on 50 of them.
func BenchmarkDiff(b *testing.B) {
	const boards, plies, news = 1000, 80, 50
	w := newWorld(b)
	r := rand.New(rand.NewPCG(1, 1))
	var before, after strings.Builder
	for i := range boards {
		s := &scoreSheet{board: i + 1, white: fmt.Sprintf("White, W%d", i), black: fmt.Sprintf("Black, B%d", i), result: "*"}
		sans := randomLine(r, nil, plies+1)
		s.write(r, sans[:min(plies, len(sans))])
		before.WriteString(s.pgn())
		if i < news {
			s.write(r, sans)
		}
		after.WriteString(s.pgn())
	}
	for _, c := range w.diff(read(b, before.String())) {
		for _, command := range c.Commands {
			if out := w.apply(command); out.Err != nil {
				b.Fatal(out.Err)
			}
		}
	}
	games := read(b, after.String())
	round := Round{ID: w.round, Games: w.games()}
	if n := len(round.Games); n != boards {
		b.Fatal(n, "boards")
	}
	for b.Loop() {
		n := 0
		for _, c := range Diff(round, games) {
			if len(c.Commands) > 0 {
				n++
			}
		}
		if n < news/2 {
			b.Fatal(n)
		}
	}
	b.ReportMetric(float64(relay.MaxBoard), "boards")
}
