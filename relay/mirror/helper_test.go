package mirror

import (
	"flag"
	"fmt"
	"io"
	"strings"
	"testing"

	"github.com/chessrelay/chessrelay/relay"
	"github.com/chessrelay/chessrelay/relay/pgn"
	"github.com/chessrelay/chessrelay/relay/relaypb"
)

var long = flag.Bool("long", false, "run the property tests in full, as make test-long does")

// world is boards with one round, and a client that submits to them.
type world struct {
	t     testing.TB
	state *relay.State
	index uint64
	round relay.RoundID
}

func newWorld(t testing.TB) *world {
	w := &world{t: t, state: relay.NewState(), round: "roundAAA"}
	for _, c := range []*relaypb.Command{
		{Op: &relaypb.Command_CreateTournament{CreateTournament: &relaypb.CreateTournament{Id: "tourneyA", Name: "Open"}}},
		{Op: &relaypb.Command_CreateRound{CreateRound: &relaypb.CreateRound{Id: "roundAAA", Tournament: "tourneyA", Name: "Round 1"}}},
	} {
		c.Request = fmt.Sprint("test/", w.index)
		if out := w.apply(c); out.Err != nil {
			t.Fatal(out.Err)
		}
	}
	return w
}

func (w *world) apply(c *relaypb.Command) relay.Outcome {
	w.t.Helper()
	c.At = int64(1000 + w.index)
	b, err := relay.EncodeCommand(c)
	if err != nil {
		w.t.Fatal(err)
	}
	w.index++
	return w.state.Apply(w.index, 1, b)
}

// games are the round's, by board.
func (w *world) games() []*relay.Game {
	r, _ := w.state.Round(w.round)
	var out []*relay.Game
	for _, id := range r.Games {
		g, _ := w.state.Game(id)
		out = append(out, g)
	}
	return out
}

func (w *world) diff(games []Game) []Change {
	r, _ := w.state.Round(w.round)
	return Diff(Round{ID: w.round, Games: w.games(), Shorten: r.Shorten}, games)
}

// push brings the round to what the text shows. It fails if a command is refused, or if a second
// push would change something.
func (w *world) push(text string) []Change {
	w.t.Helper()
	games := read(w.t, text)
	changes := w.diff(games)
	for _, c := range changes {
		for _, command := range c.Commands {
			if out := w.apply(command); out.Err != nil {
				w.t.Fatalf("%v was refused: %v", command, out.Err)
			}
		}
	}
	for i, c := range w.diff(games) {
		if len(c.Commands) > 0 {
			w.t.Fatalf("game %d: pushed again, it makes %v, after %v\n%s", i, c.Commands, changes[i].Commands, w.summary())
		}
		if c.Game != changes[i].Game || c.Board != changes[i].Board {
			w.t.Fatalf("game %d was %s on board %d, and is %s on board %d", i, changes[i].Game, changes[i].Board, c.Game, c.Board)
		}
	}
	return changes
}

func (w *world) shorten() {
	w.t.Helper()
	out := w.apply(&relaypb.Command{Request: "shorten", Op: &relaypb.Command_UpdateRound{UpdateRound: &relaypb.UpdateRound{
		Round: string(w.round), Shorten: new(true),
	}}})
	if out.Err != nil {
		w.t.Fatal(out.Err)
	}
}

func read(t testing.TB, text string) []Game {
	t.Helper()
	var games []Game
	in := pgn.NewReader(strings.NewReader(text))
	for {
		g, err := in.Next()
		if err == io.EOF {
			return games
		}
		if err != nil {
			t.Fatal(err)
		}
		game, _ := FromPGN(g)
		games = append(games, game)
	}
}

// summary is the round in short: board, players, moves, result.
func (w *world) summary() string {
	var b strings.Builder
	for _, g := range w.games() {
		fmt.Fprintf(&b, "%d %s-%s", g.Board, g.White.Name, g.Black.Name)
		for _, m := range g.Moves() {
			b.WriteString(" " + m.SAN)
		}
		b.WriteString(" " + string(g.Result))
		if g.Forfeit {
			b.WriteByte('F')
		}
		b.WriteByte('\n')
	}
	return b.String()
}
