package relay

import (
	"encoding/json"
	"strings"
)

// FEN is the position as the game stands.
func (g *Game) FEN() string { return g.FENAt(g.Ply()) }

// FENAt is the position after ply. It must be one that the game has had: 0 <= ply <= g.Ply().
func (g *Game) FENAt(ply Ply) string {
	switch {
	case ply > 0:
		return g.Moves[ply-1].FEN
	case g.StartFEN != "":
		return g.StartFEN
	}
	return StartFEN
}

// Ply is the number of plies played, and so the ply of the last move.
func (g *Game) Ply() Ply { return Ply(len(g.Moves)) }

// Clock is the time left as last told; see [NoClock].
func (g *Game) Clock() Clock { return g.ClockAt(g.Ply()) }

// ClockAt is the time left after ply. 0 <= ply <= g.Ply().
func (g *Game) ClockAt(ply Ply) Clock {
	if ply == 0 {
		return NoClock()
	}
	return g.Moves[ply-1].Clock
}

// LastMove returns the last move, if there is one.
func (g *Game) LastMove() (Move, bool) {
	if len(g.Moves) == 0 {
		return Move{}, false
	}
	return g.Moves[len(g.Moves)-1], true
}

// WhitePlays reports whether the move at ply is White's. That is so for the odd
// plies, unless the game began with Black to move.
func (g *Game) WhitePlays(ply Ply) bool {
	blackFirst := strings.Contains(g.StartFEN, " b ")
	return (ply%2 == 1) != blackFirst
}

// Over reports whether the game has a result.
func (g *Game) Over() bool { return g.Result != Ongoing }

// gameJSON is the form of a game outside.
type gameJSON struct {
	ID          GameID   `json:"id"`
	Round       RoundID  `json:"round"`
	Board       int      `json:"board"`
	White       Player   `json:"white"`
	Black       Player   `json:"black"`
	FEN         string   `json:"fen"`
	Ply         Ply      `json:"ply"`
	Moves       []Move   `json:"moves"`
	Result      Result   `json:"result"`
	Index       uint64   `json:"index"`
	Clock       Clock    `json:"clock"`
	CreatedAt   Millis   `json:"createdAt"`
	StartFEN    string   `json:"startFen,omitempty"`
	Variant     string   `json:"variant,omitempty"`
	TimeControl string   `json:"timeControl,omitempty"`
	Changes     []Change `json:"changes,omitempty"`
}

// MarshalJSON writes the game as the HTTP API shows it: with its moves, and with
// what follows from them (fen, ply, clock).
func (g *Game) MarshalJSON() ([]byte, error) {
	moves := g.Moves
	if moves == nil {
		moves = []Move{} // an empty list, not null
	}
	return json.Marshal(gameJSON{
		ID: g.ID, Round: g.Round, Board: g.Board, White: g.White, Black: g.Black,
		FEN: g.FEN(), Ply: g.Ply(), Moves: moves, Result: g.Result, Index: g.Index,
		Clock: g.Clock(), CreatedAt: g.CreatedAt, StartFEN: g.StartFEN, Variant: g.Variant,
		TimeControl: g.TimeControl, Changes: g.Changes,
	})
}

// UnmarshalJSON reads what MarshalJSON writes, for the clients of the API. The
// game is one to look at: it cannot be given back to a [State].
func (g *Game) UnmarshalJSON(data []byte) error {
	var in gameJSON
	if err := json.Unmarshal(data, &in); err != nil {
		return err
	}
	*g = Game{
		Pairing: &Pairing{
			ID: in.ID, Round: in.Round, Board: in.Board, White: in.White, Black: in.Black, CreatedAt: in.CreatedAt,
			StartFEN: in.StartFEN, Variant: in.Variant, TimeControl: in.TimeControl,
		},
		Moves: in.Moves, Result: in.Result, Index: in.Index, Changes: in.Changes,
	}
	return nil
}
