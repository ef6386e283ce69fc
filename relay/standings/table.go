package standings

import (
	"cmp"
	"slices"

	"github.com/chessrelay/chessrelay/relay"
)

// Round is a round with its games, in any order.
type Round struct {
	*relay.Round
	Games []*relay.Game
}

// Table is how a tournament stands.
type Table struct {
	Finished bool         `json:"finished"` // there are rounds, and all of them are
	Rounds   []RoundState `json:"rounds"`   // in order
	Players  []Line       `json:"players"`  // the first one leads
	Teams    []Team       `json:"teams,omitempty"`
}

// RoundState is a round of a table. Its number, from 1, is its place among the others.
type RoundState struct {
	ID       relay.RoundID `json:"id"`
	Name     string        `json:"name"`
	Finished bool          `json:"finished"` // its status is [relay.RoundFinished]
}

// Line is one player's line of the table.
type Line struct {
	// Place is the line's number, from 1. Rank is the place of the first of those between
	// whom no tie-break decides.
	Place  int          `json:"place"`
	Rank   int          `json:"rank"`
	Player relay.Player `json:"player"` // as the last game has him
	Points float64      `json:"points"`

	// Games have a result; they are Wins, Draws and Losses, and so many of them are Unplayed.
	// Who gets half a point has drawn, whatever the other one gets.
	Games    int `json:"games"`
	Wins     int `json:"wins"`
	Draws    int `json:"draws"`
	Losses   int `json:"losses"`
	Unplayed int `json:"unplayed,omitempty"`

	TieBreaks TieBreaks   `json:"tieBreaks"`
	Results   []Encounter `json:"results"` // by round
}

// Encounter is one game as one of its players sees it.
type Encounter struct {
	Round    int          `json:"round"` // its number, from 1
	Game     relay.GameID `json:"game"`
	Board    int          `json:"board"`
	White    bool         `json:"white"`
	Opponent int          `json:"opponent,omitempty"` // his place; left out if he is nobody
	Points   *float64     `json:"points,omitempty"`   // left out while the game goes on
	Unplayed bool         `json:"unplayed,omitempty"`
}

// row is a line of the table while it is made.
type row struct {
	Line
	games []meeting // as Results, and behind them the rounds without a game
}

// meeting is what tie-breaks need of an encounter.
type meeting struct {
	opponent *row // nil: nobody
	rating   int  // the opponent's in this game; 0: it does not say
	points   float64
	over     bool
	played   bool
}

// Compute makes the table of a tournament's rounds. They are in order: by the time they start
// if all of them say it, or else as they are given. The order of the games in a round does not matter.
// A game of a player against himself is passed over.
func Compute(rounds []Round) *Table {
	rounds = ordered(rounds)
	t := &Table{Finished: len(rounds) > 0, Rounds: []RoundState{}, Players: []Line{}}
	who := newPeople()
	for _, r := range rounds {
		done := r.Status == relay.RoundFinished
		t.Rounds = append(t.Rounds, RoundState{r.ID, r.Name, done})
		t.Finished = t.Finished && done
		for _, g := range r.Games {
			who.introduce(g.White)
			who.introduce(g.Black)
		}
	}
	for i, r := range rounds {
		for _, g := range r.Games {
			enter(i+1, g, who.find(g.White), who.find(g.Black))
		}
	}
	for _, r := range who.rows {
		r.free(t.Rounds)
	}
	rank(who.rows)
	for _, r := range who.rows {
		for i := range r.Results {
			if o := r.games[i].opponent; o != nil {
				r.Results[i].Opponent = o.Place
			}
		}
		t.Players = append(t.Players, r.Line)
	}
	t.Teams = teams(rounds)
	return t
}

// ordered returns the rounds in order, and the games of each by board.
func ordered(rounds []Round) []Round {
	rounds = slices.Clone(rounds)
	if !slices.ContainsFunc(rounds, func(r Round) bool { return r.StartsAt == 0 }) {
		slices.SortStableFunc(rounds, func(a, b Round) int { return cmp.Compare(a.StartsAt, b.StartsAt) })
	}
	for i := range rounds {
		rounds[i].Games = byBoard(rounds[i].Games)
	}
	return rounds
}

func byBoard(games []*relay.Game) []*relay.Game {
	games = slices.Clone(games)
	slices.SortFunc(games, func(a, b *relay.Game) int {
		return cmp.Or(cmp.Compare(a.Board, b.Board), cmp.Compare(a.ID, b.ID))
	})
	return games
}

// enter puts a game down for both of its players.
func enter(round int, g *relay.Game, white, black *row) {
	if white == black {
		return // himself, or nobody against nobody
	}
	s := scoreOf(g)
	s.played = s.played && white != nil && black != nil
	white.enter(round, g, s, s.white, true, black, g.Black)
	black.enter(round, g, s, s.black, false, white, g.White)
}

func (r *row) enter(round int, g *relay.Game, s score, points float64, white bool, opponent *row, as relay.Player) {
	if r == nil {
		return
	}
	e := Encounter{Round: round, Game: g.ID, Board: g.Board, White: white, Unplayed: s.over && !s.played}
	if s.over {
		e.Points = new(points)
		r.Points += points
		r.Games++
		switch {
		case points == 1:
			r.Wins++
		case points == 0:
			r.Losses++
		default:
			r.Draws++
		}
		if !s.played {
			r.Unplayed++
		}
	}
	r.Results = append(r.Results, e)
	r.games = append(r.games, meeting{opponent, as.Rating, points, s.over, s.played})
}

// free puts down the finished rounds in which the player has no game.
func (r *row) free(rounds []RoundState) {
	next := 0 // of his results
	for i, round := range rounds {
		has := false
		for ; next < len(r.Results) && r.Results[next].Round == i+1; next++ {
			has = true
		}
		if round.Finished && !has {
			r.games = append(r.games, meeting{over: true})
		}
	}
}
