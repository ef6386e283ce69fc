package pgn_test

import (
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/chessrelay/chessrelay/relay/pgn"
)

// One game that cannot be played does not keep the others from being read.
func ExampleReader() {
	r := pgn.NewReader(strings.NewReader(`[White "Carlsen, Magnus"]
[Black "Caruana, Fabiano"]
[Board "1"]

1. e4 {[%clk 1:59:50]} c5 2. Nf3 1/2-1/2

[White "Firouzja, Alireza"]
[Black "So, Wesley"]
[Board "2"]

1. e4 e5 2. Ke3 *
`))
	for {
		g, err := r.Next()
		if errors.Is(err, io.EOF) {
			return
		}
		if err != nil {
			fmt.Println(err)
			continue
		}
		line, err := g.Play()
		fmt.Printf("board %d, %s: %d moves, result %s, legal: %v\n", g.Board(), g.Players(), len(line.Moves), line.Result, err == nil)
	}
	// Output:
	// board 1, Carlsen, Magnus – Caruana, Fabiano: 3 moves, result 1/2-1/2, legal: true
	// board 2, Firouzja, Alireza – So, Wesley: 2 moves, result *, legal: false
}
