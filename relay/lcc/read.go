package lcc

import (
	"encoding/json"
	"errors"
	"strconv"
	"strings"
	"time"

	"github.com/chessrelay/chessrelay/relay"
	"github.com/chessrelay/chessrelay/relay/pgn"
)

// ReadIndex reads index.json. It ignores what it does not need, in any form, since no document
// describes the format. JSON without pairings, such as another server's, is an error.
func ReadIndex(data []byte) (Index, error) {
	type player struct {
		FirstName  *string         `json:"fname"`
		MiddleName *string         `json:"mname"`
		LastName   *string         `json:"lname"`
		Title      *string         `json:"title"`
		Federation *string         `json:"federation"`
		FideID     json.RawMessage `json:"fideid"` // a number, perhaps in quotes
	}
	var in struct {
		Pairings json.RawMessage `json:"pairings"`
	}
	if err := json.Unmarshal(data, &in); err != nil {
		return Index{}, err
	}
	if in.Pairings == nil {
		return Index{}, errors.New("it has no pairings")
	}
	var pairings []struct {
		White  *player `json:"white"`
		Black  *player `json:"black"`
		Result string  `json:"result"`
		Live   bool    `json:"live"`
	}
	if err := json.Unmarshal(in.Pairings, &pairings); err != nil {
		return Index{}, err
	}
	known := func(p *player) *Player {
		if p == nil {
			return nil
		}
		out := &Player{
			FirstName: p.FirstName, MiddleName: p.MiddleName, LastName: p.LastName, Title: p.Title, Federation: p.Federation,
		}
		if id, err := strconv.ParseInt(strings.Trim(string(p.FideID), `"`), 10, 64); err == nil && id > 0 {
			out.FideID = &id
		}
		if out.name() == "" && out.FideID == nil {
			return nil // nobody, although there is an object
		}
		return out
	}
	var out Index
	for _, p := range pairings {
		out.Pairings = append(out.Pairings, Pairing{known(p.White), known(p.Black), p.Result, p.Live})
	}
	return out, nil
}

// ReadGame reads what [PGN] needs of game.json. The rest may have any form. JSON without moves,
// such as another server's, is an error.
func ReadGame(data []byte) (*Game, error) {
	var in struct {
		Live     bool            `json:"live"`
		Chess960 *int            `json:"chess960"`
		Result   *string         `json:"result"`
		Clock    json.RawMessage `json:"clock"`
		Moves    json.RawMessage `json:"moves"`
		FEN      string          `json:"fen"`
	}
	if err := json.Unmarshal(data, &in); err != nil {
		return nil, err
	}
	if in.Moves == nil {
		return nil, errors.New("it has no moves")
	}
	out := &Game{Live: in.Live, Chess960: in.Chess960, Result: in.Result, Clock: readClock(in.Clock), FEN: in.FEN}
	if err := json.Unmarshal(in.Moves, &out.Moves); err != nil {
		return nil, err
	}
	return out, nil
}

// readClock returns nil for a missing or malformed clock. The game counts without it.
func readClock(data []byte) *Clock {
	var in struct {
		White *json.Number    `json:"white"` // perhaps in quotes
		Black *json.Number    `json:"black"`
		Run   json.RawMessage `json:"run"`
		Time  json.Number     `json:"time"`
	}
	if len(data) == 0 || json.Unmarshal(data, &in) != nil {
		return nil
	}
	seconds := func(n *json.Number) *int64 {
		if n == nil {
			return nil
		}
		f, err := n.Float64()
		if err != nil || !(f >= 0 && f*1000 <= float64(relay.MaxClock)) {
			return nil
		}
		return new(int64(f))
	}
	out := &Clock{White: seconds(in.White), Black: seconds(in.Black)}
	if run, err := strconv.ParseBool(string(in.Run)); err == nil {
		out.Run = &run
	}
	out.Time, _ = in.Time.Int64()
	if out.White == nil && out.Black == nil {
		return nil
	}
	return out
}

// PGN turns a pairing and its game into what package pgn reads from a PGN. So the rest of the
// program has one form. round and board are numbers from 1; g is nil if there is no game yet.
// Malformed text is passed on or left out: relay decides whether it makes sense.
//
// The live clock becomes the tags WhiteClock, BlackClock and ReferenceTime, as LiveChess writes
// them into a PGN. See [pgn.Game.LiveClock].
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
		tag(side.color+"Title", trimmed(side.p.Title))
		tag(side.color+"Fed", trimmed(side.p.Federation))
		if side.p.FideID != nil && *side.p.FideID > 0 {
			tag(side.color+"FideId", strconv.FormatInt(*side.p.FideID, 10))
		}
	}
	if g != nil {
		for result, word := range resultWords {
			if trimmed(g.Result) == word {
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
		out.Tags = append(out.Tags, g.Clock.tags()...)
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

// tags are the clock as in a PGN: [ReferenceTime "B/2026-12-19T17:52:47.862Z"] has the time of the
// reading, and that Black's clock was running.
func (c *Clock) tags() (out []pgn.Tag) {
	if c == nil {
		return nil
	}
	for _, side := range []struct {
		name    string
		seconds *int64
	}{{"WhiteClock", c.White}, {"BlackClock", c.Black}} {
		if side.seconds != nil {
			out = append(out, pgn.Tag{Name: side.name, Value: pgn.FormatClock(relay.Millis(*side.seconds) * 1000)})
		}
	}
	if c.Time <= 0 {
		return out
	}
	at := time.UnixMilli(c.Time).UTC().Format("2006-01-02T15:04:05.000Z07:00")
	if c.Run != nil {
		at = map[bool]string{true: "W/", false: "B/"}[*c.Run] + at
	}
	return append(out, pgn.Tag{Name: "ReferenceTime", Value: at})
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
	first := strings.TrimSpace(trimmed(p.FirstName) + " " + trimmed(p.MiddleName))
	last := trimmed(p.LastName)
	if first == "" || last == "" {
		return first + last
	}
	return last + ", " + first
}

func trimmed(s *string) string {
	if s == nil {
		return ""
	}
	return strings.TrimSpace(*s)
}
