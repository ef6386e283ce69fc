package relay

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/chessrelay/chessrelay/relay/rules"
)

// FEN is the game's present position.
func (g *Game) FEN() string { return g.FENAt(g.Ply()) }

// FENAt is the position after ply. 0 <= ply <= g.Ply().
func (g *Game) FENAt(ply Ply) string {
	switch {
	case ply > 0:
		return g.position(ply).fen()
	case g.StartFEN != "":
		return g.StartFEN
	}
	return StartFEN
}

// Ply is the number of plies played, and so the ply of the last move.
func (g *Game) Ply() Ply { return Ply(g.moves.n) }

// Clock is the time left as last told; see [NoClock].
func (g *Game) Clock() Clock { return g.ClockAt(g.Ply()) }

// ClockAt is the time left after ply. 0 <= ply <= g.Ply().
func (g *Game) ClockAt(ply Ply) Clock {
	if ply == 0 {
		return g.clocks.startClock()
	}
	return readMove(g.moves.record(ply), ply).Clock
}

// LastMove returns the last move, if there is one.
func (g *Game) LastMove() (Move, bool) {
	ply := g.Ply()
	if ply == 0 {
		return Move{}, false
	}
	m := readMove(g.moves.record(ply), ply)
	if !m.Illegal {
		before := g.moves.after.beforeMove(g.moves.last)
		m.describe(&before, g.moves.last)
	}
	return m, true
}

// WhitePlays reports whether the move at ply is White's: the odd plies are, unless the game began
// with Black to move.
func (g *Game) WhitePlays(ply Ply) bool {
	blackFirst := strings.Contains(g.StartFEN, " b ")
	return (ply%2 == 1) != blackFirst
}

// WarningTag is the tag that tells people what is wrong with a game: its source has a move that
// cannot be played, so the board stands still. As a tag it is the same on every node, and its
// changes are in the audit trail. Package mirror sets and removes it; PGN leaves it out.
const WarningTag = "Warning"

// Warning is the value of the game's WarningTag; empty if there is none.
func (g *Game) Warning() string {
	for _, t := range g.Tags {
		if t.Name == WarningTag {
			return t.Value
		}
	}
	return ""
}

// Over reports whether the game has a result.
func (g *Game) Over() bool { return g.Result != Ongoing }

// gameJSON is a game in JSON.
type gameJSON struct {
	ID          GameID    `json:"id"`
	Round       RoundID   `json:"round"`
	Board       int       `json:"board"`
	White       Player    `json:"white"`
	Black       Player    `json:"black"`
	FEN         string    `json:"fen"`
	Ply         Ply       `json:"ply"`
	Moves       []Move    `json:"moves"`
	Result      Result    `json:"result"`
	Forfeit     bool      `json:"forfeit,omitempty"`
	Index       uint64    `json:"index"`
	Clock       Clock     `json:"clock"`
	CreatedAt   Millis    `json:"createdAt"`
	StartFEN    string    `json:"startFen,omitempty"`
	Variant     string    `json:"variant,omitempty"`
	TimeControl string    `json:"timeControl,omitempty"`
	Controls    []Control `json:"controls,omitempty"`
	Tags        tagsJSON  `json:"tags,omitempty"`
	Changes     []Change  `json:"changes,omitempty"`
	Warning     string    `json:"warning,omitempty"`
	Automatic   bool      `json:"automatic,omitempty"`
	Sourced
}

// Sourced is how a game relates to its sources: which one it follows, what is locked against them,
// and what they have instead.
type Sourced struct {
	Source    string       `json:"source,omitempty"` // see [Pairing.Source]
	Locks     []Lock       `json:"locks,omitempty"`
	SourceHas *Differences `json:"sourceHas,omitempty"`
}

// Sourced returns how the game relates to its sources.
func (g *Game) Sourced() Sourced {
	return Sourced{Source: g.Source, Locks: g.LockedFields(), SourceHas: g.Differences()}
}

// tagsJSON is an object with a field for each tag, in the order of their names.
type tagsJSON map[string]string

func tagsToJSON(tags []Tag) tagsJSON {
	if len(tags) == 0 {
		return nil
	}
	out := make(tagsJSON, len(tags))
	for _, t := range tags {
		out[t.Name] = t.Value
	}
	return out
}

func (t tagsJSON) tags() []Tag {
	var out []Tag
	for _, name := range slices.Sorted(maps.Keys(t)) {
		out = append(out, Tag{name, t[name]})
	}
	return out
}

// MarshalJSON writes the game as the HTTP API shows it: with its moves, and with fen, ply and
// clock, which follow from them.
func (g *Game) MarshalJSON() ([]byte, error) {
	moves := g.Moves()
	if moves == nil {
		moves = []Move{} // an empty list, not null
	}
	return json.Marshal(gameJSON{
		ID: g.ID, Round: g.Round, Board: g.Board, White: g.White, Black: g.Black,
		FEN: g.FEN(), Ply: g.Ply(), Moves: moves, Result: g.Result, Forfeit: g.Forfeit, Index: g.Index,
		Clock: g.Clock(), CreatedAt: g.CreatedAt, StartFEN: g.StartFEN, Variant: g.Variant,
		TimeControl: g.TimeControl, Controls: g.Controls(), Tags: tagsToJSON(g.Tags), Changes: g.Changes,
		Warning: g.Warning(), Automatic: g.Automatic, Sourced: g.Sourced(),
	})
}

// UnmarshalJSON reads what MarshalJSON writes, for clients of the API. Such a game is for reading:
// a [State] does not take it.
func (g *Game) UnmarshalJSON(data []byte) error {
	var in gameJSON
	if err := json.Unmarshal(data, &in); err != nil {
		return err
	}
	game, err := NewGame(Pairing{
		ID: in.ID, Round: in.Round, Board: in.Board, White: in.White, Black: in.Black, CreatedAt: in.CreatedAt,
		StartFEN: in.StartFEN, Variant: in.Variant, TimeControl: in.TimeControl, Tags: in.Tags.tags(), Source: in.Source,
	}, in.Result, in.Moves)
	if err != nil {
		return err
	}
	*g = *game
	for _, l := range in.Locks {
		if l.Field == LockMoves {
			g.setLockedMoves(l.ToPly, l.By)
			continue
		}
		g.setLocks(append(g.Locks(), l))
	}
	g.Index, g.Changes, g.Forfeit, g.Automatic = in.Index, in.Changes, in.Forfeit, in.Automatic
	if g.Ply() == 0 && in.Clock.Known() {
		g.clocks = &clockSet{start: in.Clock}
	}
	return nil
}

// NewGame makes a game of moves that were played elsewhere. It reads the UCI of a move or, without
// one, the SAN, and derives the rest. An illegal move leads to its FEN. The error says which move
// is not legal, or has an impossible FEN.
func NewGame(p Pairing, result Result, moves []Move) (*Game, error) {
	g := &Game{Pairing: &p, Result: result}
	if err := g.setStartPosition(); err != nil {
		return nil, err
	}
	for i := range moves {
		m := moves[i]
		if m.Illegal {
			illegal, err := illegalMove(&g.moves.after, m.SAN, m.FEN)
			if err != nil {
				return nil, fmt.Errorf("ply %d: %w", i+1, err)
			}
			m.SAN, m.UCI, m.FEN = illegal.SAN, illegal.UCI, illegal.FEN
			g.moves.add(&m, rules.Move{})
			continue
		}
		text := m.UCI
		if text == "" {
			text = m.SAN
		}
		played, err := g.moves.after.Find(text)
		if err != nil {
			return nil, &IllegalMoveError{Ply: Ply(i) + 1, Move: clip(text, 32), FEN: g.FEN(), Reason: g.moves.after.Explain(err)}
		}
		g.moves.add(&m, played)
	}
	return g, nil
}

// setStartPosition sets up the position that the game starts from.
func (g *Game) setStartPosition() error {
	if g.StartFEN == "" && g.Variant == "" {
		g.moves.after = standardPosition
		return nil
	}
	pos, err := parsePosition(g.FENAt(0), g.Variant)
	g.moves.after = pos
	return err
}
