package lcc

import (
	"encoding/json"
	"strconv"
	"strings"

	"github.com/chessrelay/chessrelay/relay"
	"github.com/chessrelay/chessrelay/relay/pgn"
)

// ReadIndex reads index.json. What it does not need may have any form, since there is no document to hold it to.
func ReadIndex(data []byte) (Index, error) {
	type player struct {
		FirstName  *string         `json:"fname"`
		MiddleName *string         `json:"mname"`
		LastName   *string         `json:"lname"`
		Title      *string         `json:"title"`
		Federation *string         `json:"federation"`
		FideID     json.RawMessage `json:"fideid"` // a number; in quotes it would do, too
	}
	var in struct {
		Pairings []struct {
			White  *player `json:"white"`
			Black  *player `json:"black"`
			Result string  `json:"result"`
			Live   bool    `json:"live"`
		} `json:"pairings"`
	}
	if err := json.Unmarshal(data, &in); err != nil {
		return Index{}, err
	}
	known := func(p *player) *Player {
		if p == nil {
			return nil
		}
		out := &Player{FirstName: p.FirstName, MiddleName: p.MiddleName, LastName: p.LastName, Title: p.Title, Federation: p.Federation}
		if id, err := strconv.ParseInt(strings.Trim(string(p.FideID), `"`), 10, 64); err == nil && id > 0 {
			out.FideID = &id
		}
		return out
	}
	var out Index
	for _, p := range in.Pairings {
		out.Pairings = append(out.Pairings, Pairing{known(p.White), known(p.Black), p.Result, p.Live})
	}
	return out, nil
}

// ReadGame reads of game.json what [PGN] needs. The rest may have any form.
func ReadGame(data []byte) (*Game, error) {
	var in struct {
		Live     bool     `json:"live"`
		Chess960 *int     `json:"chess960"`
		Result   *string  `json:"result"`
		Moves    []string `json:"moves"`
		FEN      string   `json:"fen"`
	}
	if err := json.Unmarshal(data, &in); err != nil {
		return nil, err
	}
	return &Game{Live: in.Live, Chess960: in.Chess960, Result: in.Result, Moves: in.Moves, FEN: in.FEN}, nil
}

// PGN makes of a pairing and its game what package pgn would have read, so that what comes after has one form to deal
// with. round and board are their numbers, from 1; g is nil if there is no game yet. Text that is out of form is
// passed on or left out, as PGN would have it: whether it makes sense is for relay to say.
func PGN(round, board int, p Pairing, g *Game) *pgn.Game {
	out := &pgn.Game{Number: board, Result: relay.Ongoing, ResultText: p.Result}
	tag := func(name, value string) {
		if value != "" {
			out.Tags = append(out.Tags, pgn.Tag{Name: name, Value: value})
		}
	}
	tag("Round", strconv.Itoa(round)+"."+strconv.Itoa(board))
	tag("Board", strconv.Itoa(board))
	for _, side := range []struct {
		color string
		p     *Player
	}{{"White", p.White}, {"Black", p.Black}} {
		if side.p == nil {
			continue
		}
		tag(side.color, side.p.name())
		tag(side.color+"Title", text(side.p.Title))
		tag(side.color+"Fed", text(side.p.Federation))
		if side.p.FideID != nil && *side.p.FideID > 0 {
			tag(side.color+"FideId", strconv.FormatInt(*side.p.FideID, 10))
		}
	}
	if g != nil {
		for result, word := range results {
			if text(g.Result) == word {
				out.ResultText = string(result)
			}
		}
		if g.FEN != "" {
			tag("FEN", g.FEN)
			tag("SetUp", "1")
		} else if n := g.Chess960; n != nil && *n != Standard && *n >= 0 && *n < 960 {
			tag("Variant", "Chess960")
			tag("FEN", relay.StartFEN960(*n))
			tag("SetUp", "1")
		}
		for _, m := range g.Moves {
			if m := move(m); m.SAN != "" {
				out.Moves = append(out.Moves, m)
			}
		}
	}
	if r, _, err := relay.ParseScore(out.ResultText); err == nil {
		out.Result = r
	}
	tag("Result", out.ResultText)
	return out
}

// move reads "e4 5436+23".
func move(s string) pgn.Move {
	san, times, _ := strings.Cut(strings.TrimSpace(s), " ")
	m := pgn.Move{SAN: san, Clock: relay.NoTime}
	left, spent, _ := strings.Cut(strings.TrimSpace(times), "+")
	if t, ok := duration(left); ok {
		m.Clock = t
		m.Comment = "[%clk " + pgn.FormatClock(t) + "]"
	}
	if t, ok := duration(spent); ok {
		m.Comment = strings.TrimSpace(m.Comment + " [%emt " + pgn.FormatClock(t) + "]")
	}
	return m
}

// duration reads whole seconds.
func duration(s string) (relay.Millis, bool) {
	n, err := strconv.ParseUint(s, 10, 32)
	t := relay.Millis(n) * 1000
	return t, err == nil && t <= relay.MaxClock
}

// name is "Carlsen, Magnus".
func (p *Player) name() string {
	first := strings.TrimSpace(text(p.FirstName) + " " + text(p.MiddleName))
	last := text(p.LastName)
	if first == "" || last == "" {
		return first + last
	}
	return last + ", " + first
}

func text(s *string) string {
	if s == nil {
		return ""
	}
	return strings.TrimSpace(*s)
}
