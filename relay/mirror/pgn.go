package mirror

import (
	"fmt"

	"github.com/chessrelay/chessrelay/relay"
	"github.com/chessrelay/chessrelay/relay/pgn"
	"github.com/chessrelay/chessrelay/relay/rules"
)

// FromPGN makes the game of one that was read. The error says what of it could not be
// taken; the game is what could, with Broken set.
func FromPGN(in *pgn.Game) (Game, error) {
	g := Game{
		ID: in.Known("GameId"), Event: in.Known("Event"), Round: in.Known("Round"), Board: in.Board(),
		White: in.Player("White"), Black: in.Player("Black"),
		StartFEN: in.Known("FEN"), Variant: in.Known("Variant"), TimeControl: in.Known("TimeControl"),
		Result: in.Result,
	}
	if in.ResultText == "" {
		g.Result = ""
	}
	fen := g.StartFEN
	if fen == "" {
		fen = rules.StartFEN
	}
	pos, err := rules.ParseFEN(fen)
	if err != nil {
		g.Broken = true
		return g, fmt.Errorf("the FEN cannot be read: %w", err)
	}
	if normal := pos.FEN(); normal == rules.StartFEN {
		g.StartFEN = ""
	} else {
		g.StartFEN = normal
	}
	for i, m := range in.Moves {
		move, err := pos.Find(m.SAN)
		if err != nil {
			if i == len(in.Moves)-1 && kingsSign(m.SAN) {
				break
			}
			g.Broken = true
			return g, fmt.Errorf("line %d: %q cannot be played as ply %d: %w", m.Line, m.SAN, i+1, err)
		}
		clock := relay.NoClock()
		if pos.Turn() == rules.White {
			clock.White = m.Clock
		} else {
			clock.Black = m.Clock
		}
		g.Moves = append(g.Moves, Move{UCI: string(pos.AppendUCI(nil, move)), Clock: clock})
		pos, _ = pos.Play(move)
	}
	return g, nil
}

// kingsSign reports whether the last move is none, but a DGT board's sign for the end of
// the game: a king on one of the four squares in the middle.
func kingsSign(san string) bool {
	switch san {
	case "Kd4", "Kd5", "Ke4", "Ke5":
		return true
	}
	return false
}
