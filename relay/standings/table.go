package standings

import (
	"cmp"
	"slices"
	"strconv"

	"github.com/chessrelay/chessrelay/relay"
)

// Round is a round with its games, in any order.
type Round struct {
	*relay.Round
	Games []*relay.Game
}

// Table is the table of a tournament.
type Table struct {
	Finished bool         `json:"finished"` // there are rounds, and all of them are
	Rounds   []RoundState `json:"rounds"`   // in order
	Players  []Line       `json:"players"`  // the first one leads
	Teams    []Team       `json:"teams,omitempty"`

	// TieBreaks decide between players with the same points, in this order. TeamTieBreaks decide
	// between teams; the first of them is the score by which teams are ranked.
	TieBreaks     []TieBreak `json:"tieBreaks"`
	TeamTieBreaks []TieBreak `json:"teamTieBreaks,omitempty"`
}

// Player returns the line of the player with that FIDE id, or otherwise with that name, in any
// spelling ([relay.NameKey]); nil if there is none. This is how clients address a player.
func (t *Table) Player(id string) *Line {
	key := relay.NameKey(id)
	for i := range t.Players {
		p := &t.Players[i].Player
		if p.FideID != 0 && strconv.FormatInt(p.FideID, 10) == id || relay.NameKey(p.Name) == key {
			return &t.Players[i]
		}
	}
	return nil
}

// RoundState is a round of a table. Its place among the others is its number, from 1.
type RoundState struct {
	ID       relay.RoundID `json:"id"`
	Name     string        `json:"name"`
	Finished bool          `json:"finished"` // its status is [relay.RoundFinished]
}

// Line is one player's line of the table.
type Line struct {
	// Place is the line's number, from 1. Rank is the first place of the players between whom no
	// tie-break decides.
	Place  int          `json:"place"`
	Rank   int          `json:"rank"`
	Player relay.Player `json:"player"` // as in his last game
	Points float64      `json:"points"`

	// Games have a result. They are Wins, Draws and Losses; Unplayed of them were not played. A
	// player who gets half a point has drawn, whatever his opponent gets.
	Games    int `json:"games"`
	Wins     int `json:"wins"`
	Draws    int `json:"draws"`
	Losses   int `json:"losses"`
	Unplayed int `json:"unplayed,omitempty"`

	TieBreaks TieBreaks   `json:"tieBreaks"` // the usual ones, chosen or not
	Values    []float64   `json:"values"`    // of the table's TieBreaks, in their order
	Results   []Encounter `json:"results"`   // by round
}

// TieBreaks are shown whether the tournament has chosen them or not.
type TieBreaks struct {
	// DirectEncounter is the score against players with the same points (DE). It is 0 if not all of
	// them have met and it does not decide. DirectEncounterRank is the place among them, from 1,
	// shared if it does not decide; 0 if nobody else has these points.
	DirectEncounter     float64 `json:"directEncounter"`
	DirectEncounterRank int     `json:"directEncounterRank,omitempty"`
	// BuchholzCut1 is Buchholz without the lowest of its parts (BHC1).
	BuchholzCut1 float64 `json:"buchholzCut1"`
	// Buchholz is the sum of the opponents' points, once for each game (BH).
	Buchholz float64 `json:"buchholz"`
	// SonnebornBerger is the sum of each opponent's points times the score against him (SB).
	SonnebornBerger float64 `json:"sonnebornBerger"`
	// Wins also counts a point without play (WIN).
	Wins int `json:"wins"`
	// AverageRating is that of the rated opponents in played games, each as in that game, a half
	// rounded up (ARO). It is 0 if there are none.
	AverageRating int `json:"averageRating,omitempty"`
	// Performance is the rating for which the score in these games would be expected: AverageRating
	// plus the rating difference of FIDE's table for the percentage (TPR).
	Performance int `json:"performance,omitempty"`
}

// Encounter is one game from one of its players.
type Encounter struct {
	Round    int          `json:"round"` // its number, from 1
	Game     relay.GameID `json:"game"`
	Board    int          `json:"board"`
	White    bool         `json:"white"`
	Opponent int          `json:"opponent,omitempty"` // his place; left out for nobody
	Points   *float64     `json:"points,omitempty"`   // left out while the game goes on
	Unplayed bool         `json:"unplayed,omitempty"`
}

// row is a line of the table while it is made.
type row struct {
	Line
	entrant
}

// Compute makes the table of a tournament's rounds. It orders them by start time if all have one,
// and otherwise keeps their order. The order of the games in a round does not matter. It ignores a
// game of a player against himself.
func Compute(rounds []Round, o Options) *Table {
	rounds = ordered(rounds)
	t := &Table{Finished: len(rounds) > 0, Rounds: []RoundState{}, Players: []Line{}}
	players := newPlayerIndex()
	for _, r := range rounds {
		done := r.Status == relay.RoundFinished
		t.Rounds = append(t.Rounds, RoundState{r.ID, r.Name, done})
		t.Finished = t.Finished && done
		for _, g := range r.Games {
			players.noteFIDEID(g.White)
			players.noteFIDEID(g.Black)
		}
	}
	for i := range rounds {
		for _, g := range rounds[i].Games {
			addGame(&rounds[i], i+1, g, players.find(g.White), players.find(g.Black), o.scoring(&rounds[i]))
		}
	}
	t.rank(players.rows, rounds, &o)
	t.rankTeams(rounds, &o)
	return t
}

// rank fills in the players' table.
func (t *Table) rank(rows []*row, rounds []Round, o *Options) {
	c := context{roundRobin: o.RoundRobin, direct: direct{roundRobin: o.RoundRobin}}
	all := make([]*entrant, len(rows))
	for i, r := range rows {
		r.name, r.rating, r.fideID = r.Player.Name, r.Player.Rating, r.Player.FideID
		all[i] = &r.entrant
	}
	for i := range rounds {
		s := o.scoring(&rounds[i])
		c.direct.noteMeetingPoints(s.White)
		c.direct.noteMeetingPoints(s.Black)
	}
	c.prepare(all, finished(rounds, func(r *Round) number {
		s := o.scoring(r)
		return hundredths(max(s.White.Draw, s.Black.Draw))
	}))
	codes := o.players()
	c.rank(all, codes, func(b *tieBreakRule) func(*entrant, *context) number { return b.player })
	t.TieBreaks = describe(codes)
	slices.SortFunc(rows, func(a, b *row) int { return a.place - b.place })
	for _, r := range rows {
		t.Players = append(t.Players, r.finish(&c, codes))
	}
}

// finished are the rounds that are over and had games. drawn is what a draw gives.
func finished(rounds []Round, drawn func(*Round) number) []freeRound {
	var out []freeRound
	for i := range rounds {
		if r := &rounds[i]; r.Status == relay.RoundFinished && len(r.Games) > 0 {
			out = append(out, freeRound{i + 1, drawn(r)})
		}
	}
	return out
}

// finish is the line of a ranked row, with the places of its opponents.
func (r *row) finish(c *context, codes []Code) Line {
	value := func(code Code) float64 {
		if i := slices.Index(codes, code); i >= 0 {
			return r.values[i].float()
		}
		return rules[code].player(&r.entrant, c).float()
	}
	l := r.Line
	l.Place, l.Rank, l.Points, l.Values = r.place, r.rank, r.points.float(), floats(r.values)
	for i, opponent := range r.opponents {
		if opponent != nil {
			l.Results[i].Opponent = opponent.place
		}
	}
	l.TieBreaks = TieBreaks{
		DirectEncounter: r.direct.float(), DirectEncounterRank: r.directRank,
		BuchholzCut1: value(BHC1), Buchholz: value(BH), SonnebornBerger: value(SB), Wins: l.Wins,
		AverageRating: r.averageRating(0), Performance: r.performance(),
	}
	return l
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

// addGame adds a game to both of its players.
func addGame(r *Round, round int, g *relay.Game, white, black *row, scoring relay.Scoring) {
	if white == black {
		return // a player against himself, or nobody against nobody
	}
	s := scoreOf(g)
	onBoard := s.played && (white != nil && black != nil || g.Ply() > 1)
	s.played = s.played && white != nil && black != nil
	m := meeting{round: round, over: s.over, played: s.played, onBoard: onBoard, rated: !r.Unrated}
	m.white = true
	white.addGame(g, s, m, s.white, black, g.Black, scoring.White)
	m.white = false
	black.addGame(g, s, m, s.black, white, g.White, scoring.Black)
}

// addGame adds a game to one of its players. m is the part that both have in common.
func (r *row) addGame(g *relay.Game, s score, m meeting, outcome outcome, opponent *row, opponentPlayer relay.Player, p relay.Points) {
	if r == nil {
		return
	}
	e := Encounter{Round: m.round, Game: g.ID, Board: g.Board, White: m.white, Unplayed: s.over && !s.played}
	m.outcome, m.rating, m.most, m.draw = outcome, opponentPlayer.Rating, pointsOf(win, p), pointsOf(draw, p)
	if opponent != nil {
		m.opponent = &opponent.entrant
	}
	if s.over {
		m.points = s.points(outcome, p)
		m.voluntary = !m.onBoard && outcome != win
		m.requested = m.voluntary && opponent == nil
		e.Points = new(m.points.float())
		r.points += m.points
		r.Games++
		switch outcome {
		case win:
			r.Wins++
		case draw:
			r.Draws++
		default:
			r.Losses++
		}
		if !s.played {
			r.Unplayed++
		}
	}
	r.Results = append(r.Results, e)
	r.opponents = append(r.opponents, m.opponent)
	r.meetings = append(r.meetings, m)
}
