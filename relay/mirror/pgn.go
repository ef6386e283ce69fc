package mirror

import (
	"github.com/chessrelay/chessrelay/relay"
	"github.com/chessrelay/chessrelay/relay/pgn"
)

// kept are the tags that stay with a game besides those that it has fields for. Others, such as the clocks of a board or
// the name of an opening, change with the moves, and each change would be a line in the game's audit trail.
var kept = []string{"Event", "Site", "Date", "Round", "EventDate", "Section", "Stage"}

// FromPGN makes the game of one that was read. The error, if there is one, says what of it
// could not be taken, for the person whose file it is; the game is then what could, with Broken set.
func FromPGN(in *pgn.Game) (Game, error) {
	g := Game{
		ID: in.Known(idTag), Event: in.Known("Event"), Round: in.Known("Round"), Board: in.Board(),
		White: in.Player("White"), Black: in.Player("Black"), TimeControl: in.Known("TimeControl"),
	}
	line, err := in.Play()
	g.StartFEN, g.Variant, g.Broken = line.StartFEN, line.Variant, err != nil
	if g.Result, g.Forfeit = line.Result, in.Forfeit; g.Result == relay.Ongoing && in.ResultText != "*" {
		g.Result = "" // it says nothing, or nothing that is known
	}
	for _, name := range kept {
		if value := in.Known(name); value != "" {
			g.Tags = append(g.Tags, relay.Tag{Name: name, Value: value})
		}
	}
	g.Moves = make([]Move, len(line.Moves))
	whites := whiteBegins(line.StartFEN)
	for i, m := range line.Moves {
		g.Moves[i] = Move{UCI: m.UCI, Clock: relay.NoClock()}
		if whites == (i%2 == 0) {
			g.Moves[i].Clock.White = m.Clock
		} else {
			g.Moves[i].Clock.Black = m.Clock
		}
	}
	return g, err
}

// whiteBegins reports whether White is to move in the position; the empty one is the standard one.
func whiteBegins(fen string) bool {
	return (&relay.Game{Pairing: &relay.Pairing{StartFEN: fen}}).WhitePlays(1)
}
