package relay_test

import (
	"fmt"
	"strings"

	"github.com/chessrelay/chessrelay/relay"
	"github.com/chessrelay/chessrelay/relay/relaypb"
)

// The state machine applies the entries of a log. The same log makes the same state on every node.
func ExampleState_Apply() {
	state := relay.NewState()
	apply := func(index uint64, c *relaypb.Command) relay.Outcome {
		c.At, c.Request = 1_700_000_000_000, fmt.Sprint("request ", index)
		entry, err := relay.EncodeCommand(c)
		if err != nil {
			return relay.Outcome{Err: err}
		}
		return state.Apply(index, 1, entry)
	}
	apply(1, &relaypb.Command{Op: &relaypb.Command_CreateTournament{CreateTournament: &relaypb.CreateTournament{Id: "CityOpen", Name: "City Open"}}})
	apply(2, &relaypb.Command{Op: &relaypb.Command_CreateRound{CreateRound: &relaypb.CreateRound{Id: "RoundOne", Tournament: "CityOpen", Name: "Round 1"}}})
	apply(3, &relaypb.Command{Op: &relaypb.Command_CreateGame{CreateGame: &relaypb.CreateGame{
		Id: "BoardOne", Round: "RoundOne", Board: 1, White: &relaypb.Player{Name: "Carlsen, Magnus"}, Black: &relaypb.Player{Name: "Caruana, Fabiano"},
	}}})
	for i, san := range []string{"e4", "e5", "Ke3"} {
		out := apply(uint64(4+i), &relaypb.Command{Op: &relaypb.Command_PlayMove{PlayMove: &relaypb.PlayMove{Game: "BoardOne", Ply: int32(i + 1), Move: san}}})
		if out.Err != nil {
			fmt.Println("refused:", strings.Split(out.Err.Error(), " in the position")[0])
			continue
		}
		fmt.Println("index", out.Index, out.Move().SAN)
	}
	// Output:
	// index 4 e4
	// index 5 e5
	// refused: "Ke3" cannot be played as ply 3: it is not legal
}
