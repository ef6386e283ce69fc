package relay

// Standing is how a game is now, without its moves. The list of a round, a spectator's snapshot and
// the event of an opened board show it.
type Standing struct {
	Board       int       `json:"board"`
	White       Player    `json:"white"`
	Black       Player    `json:"black"`
	FEN         string    `json:"fen"`
	Ply         Ply       `json:"ply"`
	LastMove    *LastMove `json:"lastMove"`
	Clock       LiveClock `json:"clock"`
	At          Millis    `json:"at,omitempty"` // see Game.ClockTime
	Result      Result    `json:"result"`
	Forfeit     bool      `json:"forfeit,omitempty"`
	Automatic   bool      `json:"automatic,omitempty"` // see Game.Automatic
	TimeControl string    `json:"timeControl,omitempty"`
	Controls    []Control `json:"controls,omitempty"` // what TimeControl says, if it can be read
	Variant     string    `json:"variant,omitempty"`
	StartFEN    string    `json:"startFen,omitempty"`
	Tags        tagsJSON  `json:"tags,omitempty"`
	Warning     string    `json:"warning,omitempty"` // see WarningTag
}

// LastMove is the last move in both notations; see [Move].
type LastMove struct {
	SAN     string `json:"san"`
	UCI     string `json:"uci"`
	Illegal bool   `json:"illegal,omitempty"`
}

// Standing returns how the game is now.
func (g *Game) Standing() Standing {
	b := Standing{
		Board: g.Board, White: g.White, Black: g.Black,
		Ply: g.Ply(), Clock: g.LiveClock(), At: g.ClockTime(), Result: g.Result, Forfeit: g.Forfeit, Automatic: g.Automatic,
		TimeControl: g.TimeControl, Variant: g.Variant, StartFEN: g.StartFEN,
		Controls: g.Controls(), Tags: tagsToJSON(g.Tags), Warning: g.Warning(),
	}
	if m, ok := g.LastMove(); ok {
		b.LastMove, b.FEN = &LastMove{SAN: m.SAN, UCI: m.UCI, Illegal: m.Illegal}, m.FEN
	} else {
		b.FEN = g.FEN()
	}
	return b
}
