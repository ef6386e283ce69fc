package mirror

import (
	"cmp"
	"crypto/sha256"
	"encoding/binary"
	"fmt"

	"github.com/chessrelay/chessrelay/relay"
	"github.com/chessrelay/chessrelay/relay/relaypb"
)

// create opens a board for the game and plays what it has.
func create(round relay.RoundID, s *Game, board int, key string) Change {
	id := newID(round, key)
	c := Change{Game: id, Board: board}
	c.add(key, &relaypb.Command{Op: &relaypb.Command_CreateGame{CreateGame: &relaypb.CreateGame{
		Id: string(id), Round: string(round), Board: int32(board),
		White: player(s.White, relay.Player{}), Black: player(s.Black, relay.Player{}),
		Fen: s.StartFEN, Variant: s.Variant, TimeControl: s.TimeControl,
	}}})
	ask := asker{game: id, base: key}
	c.play(&ask, s.Moves, 0)
	if s.Result != "" && s.Result != relay.Ongoing {
		c.result(&ask, s.Result)
	}
	return c
}

// update brings the game to where the source has it.
func update(g *relay.Game, s *Game, shorten bool) Change {
	c := Change{Game: g.ID, Board: g.Board}
	// What is asked for follows from the game as it stands, so the same request
	// is not made of another state: each new intent has a new one.
	ask := asker{game: g.ID, base: fmt.Sprintf("mirror/%d", g.Index)}
	same := common(g, s)
	result, wanted := g.Result, s.Result
	if wanted == "" {
		wanted = result
	}
	switch {
	case same == len(s.Moves) && same < len(g.Moves) && (s.Broken || !shorten):
		// The source has less. Nor can it know that a game which was over goes on.
		c.Kept = len(g.Moves) - same
		if wanted == relay.Ongoing {
			wanted = result
		}
	case same < len(g.Moves):
		c.add(ask.next(), &relaypb.Command{Op: &relaypb.Command_TakeBack{TakeBack: &relaypb.TakeBack{
			Game: string(g.ID), ToPly: int32(same), Reason: "the source shows other moves",
		}}})
		result = relay.Ongoing
	case same < len(s.Moves) && g.Over():
		c.result(&ask, relay.Ongoing)
		result = relay.Ongoing
	}
	c.play(&ask, s.Moves, same)
	if wanted != result {
		c.result(&ask, wanted)
	}
	return c
}

func (c *Change) add(request string, command *relaypb.Command) {
	command.Request = request
	c.Commands = append(c.Commands, command)
}

// play adds the moves behind the first plies.
func (c *Change) play(ask *asker, moves []Move, from int) {
	for i := from; i < len(moves); i++ {
		m := &moves[i]
		c.add(ask.next(), &relaypb.Command{Op: &relaypb.Command_PlayMove{PlayMove: &relaypb.PlayMove{
			Game: string(c.Game), Ply: int32(i + 1), Move: m.UCI, At: int64(m.At),
			WhiteMs: known(m.Clock.White), BlackMs: known(m.Clock.Black),
		}}})
	}
}

func (c *Change) result(ask *asker, r relay.Result) {
	c.add(ask.next(), &relaypb.Command{Op: &relaypb.Command_SetResult{SetResult: &relaypb.SetResult{
		Game: string(c.Game), Result: string(r), Reason: "as the source says",
	}}})
}

// asker makes the request ids of one game's commands.
type asker struct {
	game relay.GameID
	base string
	n    int
}

func (a *asker) next() string {
	a.n++
	return fmt.Sprintf("%s/%d", a.base, a.n)
}

// newID is the id of a game that is created: that of the round and of what it is known by,
// so that it can be played in before the creation is answered.
func newID(round relay.RoundID, key string) relay.GameID {
	h := sha256.Sum256([]byte(string(round) + "/" + key))
	return relay.GameID(relay.FormatID(binary.BigEndian.Uint64(h[:])))
}

func known(t relay.Millis) *int64 {
	if t < 0 {
		return nil
	}
	return new(int64(t))
}

// player is p, with what is not known of it as it was.
func player(p, was relay.Player) *relaypb.Player {
	return &relaypb.Player{
		Name:  cmp.Or(p.Name, was.Name, "?"),
		Title: cmp.Or(p.Title, was.Title), Rating: int32(cmp.Or(p.Rating, was.Rating)),
		FideId:     cmp.Or(p.FideID, was.FideID),
		Federation: cmp.Or(p.Federation, was.Federation), Team: cmp.Or(p.Team, was.Team),
	}
}
