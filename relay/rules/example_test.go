package rules_test

import (
	"fmt"

	"github.com/chessrelay/chessrelay/relay/rules"
)

// A relay knows which move was played. It asks whether the move is legal, and what follows.
func ExamplePosition_Find() {
	p, err := rules.ParseFEN("r1bqkbnr/pppp1ppp/2n5/4p3/2B1P3/5Q2/PPPP1PPP/RNB1K1NR w KQkq - 4 4")
	if err != nil {
		fmt.Println(err)
		return
	}
	mate, err := p.Find("Qxf7")
	if err != nil {
		fmt.Println(err)
		return
	}
	after, _ := p.Play(mate)
	fmt.Printf("%s %s, check: %v, a move is left: %v\n", p.AppendSAN(nil, mate), p.AppendUCI(nil, mate), after.InCheck(), after.HasMove())
	_, err = p.Find("Ke3")
	fmt.Println(err != nil)
	// Output:
	// Qxf7# f3f7, check: true, a move is left: false
	// true
}
