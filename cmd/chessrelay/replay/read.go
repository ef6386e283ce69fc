package replay

import (
	"cmp"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/chessrelay/chessrelay/client"
	"github.com/chessrelay/chessrelay/relay"
	"github.com/chessrelay/chessrelay/relay/pgn"
)

// nobody stands for a player whom the file does not name, since a game needs names.
const nobody = "?"

// Read reads all games of a PGN stream. The games that cannot be read are returned as failures.
func Read(in io.Reader) (games []*Game, broken []Failure, err error) {
	r := pgn.NewReader(in)
	for number := 1; ; number++ {
		g, err := r.Next()
		var unreadable *pgn.Error
		switch {
		case errors.Is(err, io.EOF):
			return games, broken, nil
		case errors.As(err, &unreadable):
			broken = append(broken, Failure{
				Game: number, Players: unreadable.Players,
				Error: fmt.Sprintf("line %d: %s", unreadable.Line, unreadable.Reason),
			})
		case err != nil:
			return nil, nil, err
		default:
			games = append(games, newGame(g, number))
		}
	}
}

// tagsOf returns the tags that stay with a game besides those that have fields of their own.
func tagsOf(g *pgn.Game) map[string]string {
	tags := map[string]string{}
	for _, name := range []string{"Date", "EventDate", "ECO", "Opening", "Variation"} {
		if value := g.Known(name); value != "" {
			tags[name] = value
		}
	}
	return tags
}

func newGame(g *pgn.Game, number int) *Game {
	start := g.StartClock()
	f := &Game{
		NewGame: client.NewGame{
			White:       g.Player("White"),
			Black:       g.Player("Black"),
			FEN:         g.Known("FEN"),
			Variant:     g.Known("Variant"),
			TimeControl: g.Known("TimeControl"),
			Tags:        tagsOf(g),
		},
		number:    number,
		saysBoard: g.Board(),
		event:     g.Known("Event"),
		site:      g.Known("Site"),
		round:     g.Round(),
		clocks: clockedGame{
			start:     [2]time.Duration{clockTime(start.White), clockTime(start.Black)},
			increment: parseIncrement(g.Known("TimeControl")),
		},
		result: g.Result,
	}
	f.White.Name = cmp.Or(f.White.Name, nobody)
	f.Black.Name = cmp.Or(f.Black.Name, nobody)
	if fields := strings.Fields(f.FEN); len(fields) > 1 && fields[1] == "b" {
		f.clocks.first = 1
	}
	moves := g.Moves
	line, err := g.Play()
	if err == nil { // otherwise the server judges the rest
		moves, f.result = moves[:len(line.Moves)], line.Result // without a DGT board's sign for the end
	} else if len(line.Moves) == len(moves) {
		f.broken = err
	}
	for _, m := range moves {
		f.moves = append(f.moves, m.SAN)
		f.clocks.after = append(f.clocks.after, clockTime(m.Clock))
	}
	f.at = f.clocks.playedAt()
	return f
}

func clockTime(t relay.Millis) time.Duration {
	if t == relay.NoTime {
		return unknownClock
	}
	return time.Duration(t) * time.Millisecond
}
