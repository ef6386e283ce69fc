package lcc

import (
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/chessrelay/chessrelay/relay"
)

// NewTournament makes tournament.json. rounds are the games of each round, in order.
func NewTournament(cluster string, t *relay.Tournament, rounds [][]*relay.Game) Tournament {
	out := Tournament{
		ID: string(t.ID), Name: t.Name, Location: t.Location, Rules: "STANDARD", Chess960: "STANDARD",
		Rounds: []Round{}, EBoards: []any{}, UUID: UUID(cluster, t.ID),
	}
	if t.Website != "" {
		out.Website = &t.Website
	}
	for _, games := range rounds {
		var r Round
		for _, g := range games {
			r.Count = max(r.Count, g.Board)
			if isLive(g) {
				r.Live++
			}
			if n, ok := StartNumber(g.StartFEN); !ok || n != Standard {
				out.Chess960 = "ANY"
			}
			if out.TimeControl == "" {
				out.TimeControl = g.TimeControl
			}
		}
		out.Rounds = append(out.Rounds, r)
	}
	if out.TimeControl == "" { // in words, which fewer readers parse
		out.TimeControl = t.TimeControl
	}
	return out
}

// NewIndex makes index.json. games are in the order of their boards.
func NewIndex(r *relay.Round, games []*relay.Game) Index {
	day := r.CreatedAt
	if r.StartsAt > 0 {
		day = r.StartsAt
	}
	out := Index{Date: time.UnixMilli(int64(day)).UTC().Format(time.DateOnly), Pairings: []Pairing{}}
	for _, g := range games {
		for len(out.Pairings) < g.Board-1 {
			out.Pairings = append(out.Pairings, Pairing{Result: string(relay.Ongoing)})
		}
		out.Pairings = append(out.Pairings, Pairing{player(g.White), player(g.Black), string(g.Result), isLive(g)})
	}
	return out
}

// NewGame makes game.json. Its moves end before an illegal one, which readers could not play; the
// comment has it.
func NewGame(g *relay.Game) Game {
	moves := g.Moves()
	var comment *string
	if i := slices.IndexFunc(moves, func(m relay.Move) bool { return m.Illegal }); i >= 0 {
		comment = new("Illegal move was played: " + moves[i].SAN + ", ply " + strconv.Itoa(i+1) + "; position " + moves[i].FEN)
		moves = moves[:i]
	}
	out := Game{Comment: comment, Live: isLive(g), Moves: make([]string, len(moves)), Clock: clock(g)}
	if n, ok := StartNumber(g.StartFEN); ok {
		out.Chess960 = &n
	} else {
		out.FEN = g.StartFEN
	}
	if r, ok := resultWords[g.Result]; ok {
		out.Result = &r
	}
	if len(moves) > 0 {
		out.FirstMove = new(int64(moves[0].At))
	}
	base, increment, simple := timeControl(g.TimeControl)
	shown := relay.Clock{White: relay.NoTime, Black: relay.NoTime}
	if simple {
		shown = relay.Clock{White: base, Black: base}
	}
	for i, m := range moves {
		now, before, side := m.Clock.Black, &shown.Black, relay.BlackSide
		if g.WhitePlays(m.Ply) {
			now, before, side = m.Clock.White, &shown.White, relay.WhiteSide
		}
		out.Moves[i] = m.SAN
		if now == relay.NoTime || m.Carried&side != 0 {
			*before = relay.NoTime
			continue
		}
		out.Moves[i] += " " + strconv.FormatInt(seconds(now), 10)
		// A clock that shows the same as before was probably not read again.
		if spent := *before + increment - now; simple && *before != relay.NoTime && *before != now && spent >= 0 {
			out.Moves[i] += "+" + strconv.FormatInt(seconds(spent), 10)
		}
		*before = now
	}
	return out
}

// NoGame is the game.json of a board without a game. It has no moves, so readers show the start
// position.
func NoGame() Game {
	return Game{Moves: []string{}, Chess960: new(Standard)}
}

var resultWords = map[relay.Result]string{relay.WhiteWins: "WHITEWIN", relay.BlackWins: "BLACKWIN", relay.Draw: "DRAW"}

// isLive reports whether the game has begun and goes on.
func isLive(g *relay.Game) bool { return !g.Over() && g.Ply() > 0 }

func seconds(t relay.Millis) int64 { return int64(t) / 1000 }

// clock is both clocks at the last move. From then on the clock of the side to move runs.
func clock(g *relay.Game) *Clock {
	last, ok := g.LastMove()
	if !ok || g.Over() || !last.Clock.Known() {
		return nil
	}
	out := &Clock{Run: new(g.WhitePlays(last.Ply + 1)), Time: int64(g.ClockTime())}
	if last.Clock.White >= 0 {
		out.White = new(seconds(last.Clock.White))
	}
	if last.Clock.Black >= 0 {
		out.Black = new(seconds(last.Clock.Black))
	}
	return out
}

// timeControl reads "5400+30" and "5400", where the clocks tell how long a move took. If time is
// added after some moves, they do not.
func timeControl(s string) (base, increment relay.Millis, ok bool) {
	first, second, _ := strings.Cut(s, "+")
	b, err := strconv.ParseUint(first, 10, 32)
	if err != nil {
		return 0, 0, false
	}
	var i uint64
	if second != "" {
		if i, err = strconv.ParseUint(second, 10, 32); err != nil {
			return 0, 0, false
		}
	}
	return relay.Millis(b) * 1000, relay.Millis(i) * 1000, true
}

func player(p relay.Player) *Player {
	last, first, _ := strings.Cut(p.Name, ",")
	out := &Player{
		FirstName: optional(first), LastName: optional(last), Title: optional(p.Title), Federation: optional(p.Federation),
	}
	if p.FideID > 0 {
		out.FideID = &p.FideID
	}
	return out
}

// optional is nil for an empty text.
func optional(s string) *string {
	if s = strings.TrimSpace(s); s == "" {
		return nil
	}
	return &s
}
