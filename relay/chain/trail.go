package chain

import (
	"encoding/json"
	"fmt"
	"strconv"

	"github.com/chessrelay/chessrelay/relay"
)

// Entry is a line of a trail with its hash: the JSON of the line with one more field.
type Entry[T any] struct {
	Line T
	Hash string
}

// MarshalJSON implements json.Marshaler.
func (e Entry[T]) MarshalJSON() ([]byte, error) {
	b, err := json.Marshal(e.Line)
	if err != nil {
		return nil, err
	}
	return fmt.Appendf(b[:len(b)-1], `,"hash":%q}`, e.Hash), nil
}

// Move is a move in the trail of its game, whether it stands or was taken back. It has no clocks,
// since these may come later.
type Move struct {
	relay.PlayedMove
	Hash string `json:"hash"`
}

// Updates chains the audit trail of a tournament or a round, as one reader sees it.
func Updates(what, id string, updates []relay.Update) (out []Entry[relay.Update], head string, err error) {
	c := Begin(what, id)
	out = make([]Entry[relay.Update], len(updates))
	for i, u := range updates {
		if out[i], err = addLine(c, u); err != nil {
			return nil, "", err
		}
	}
	return out, c.Head(), nil
}

func addLine[T any](c *Chain, line T) (Entry[T], error) {
	data, err := Canonical(line)
	if err != nil {
		return Entry[T]{}, err
	}
	return Entry[T]{line, c.Add(data)}, nil
}

// Game chains the audit trail of a game and all moves that it has ever had.
func Game(g *relay.Game) (history []Entry[relay.Entry], moves []Move, head string, err error) {
	c := Begin("game", string(g.ID))
	lines, played := g.History(), g.EveryMove()
	history, moves = make([]Entry[relay.Entry], 0, len(lines)), make([]Move, 0, len(played))
	var buf []byte
	for len(lines) > 0 || len(played) > 0 {
		if len(lines) > 0 && (len(played) == 0 || lines[0].Index <= played[0].Index) {
			e, err := addLine(c, lines[0])
			if err != nil {
				return nil, nil, "", err
			}
			history, lines = append(history, e), lines[1:]
			continue
		}
		if buf, err = appendMove(buf[:0], &played[0]); err != nil {
			return nil, nil, "", err
		}
		moves, played = append(moves, Move{PlayedMove: played[0], Hash: c.Add(buf)}), played[1:]
	}
	return history, moves, c.Head(), nil
}

// appendMove is Canonical for a move, at a fraction of the time.
func appendMove(b []byte, m *relay.PlayedMove) ([]byte, error) {
	if m.Illegal {
		data, err := Canonical(m)
		return append(b, data...), err
	}
	b = strconv.AppendUint(append(b, `{"index":`...), m.Index, 10)
	b = strconv.AppendInt(append(b, `,"ply":`...), int64(m.Ply), 10)
	b = append(append(b, `,"uci":"`...), m.UCI...)
	return append(b, `"}`...), nil
}

// GameStands is what a game's seal has of its present state, besides the moves.
type GameStands struct {
	Board    int          `json:"board"`
	White    relay.Player `json:"white"`
	Black    relay.Player `json:"black"`
	StartFEN string       `json:"startFen,omitempty"`
	Variant  string       `json:"variant,omitempty"`
	Result   relay.Result `json:"result"`
	Forfeit  bool         `json:"forfeit,omitempty"`
}

// StandsOf is the game's present state.
func StandsOf(g *relay.Game) GameStands {
	return GameStands{g.Board, g.White, g.Black, g.StartFEN, g.Variant, g.Result, g.Forfeit}
}

// NameStands is the present state of a round or a tournament.
type NameStands struct {
	Name     string       `json:"name"`
	StartsAt relay.Millis `json:"startsAt,omitempty"` // of a round
}

// SealGame is the seal of a game.
func SealGame(g *relay.Game) (string, error) {
	_, _, head, err := Game(g)
	if err != nil {
		return "", err
	}
	return Seal(head, StandsOf(g), nil)
}
