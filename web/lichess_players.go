package web

import (
	"math"
	"net/http"
	"net/url"
	"strings"

	"github.com/go-chi/chi/v5"

	"github.com/chessrelay/chessrelay/relay"
	"github.com/chessrelay/chessrelay/relay/standings"
)

// lichessEntry is a player of a tournament.
type lichessEntry struct {
	Name         string            `json:"name"`
	Title        string            `json:"title,omitempty"`
	Rating       int               `json:"rating,omitempty"`
	FideID       int64             `json:"fideId,omitempty"`
	Team         string            `json:"team,omitempty"`
	Fed          string            `json:"fed,omitempty"`
	Score        float64           `json:"score"`
	Played       int               `json:"played"`
	RatingsMap   map[string]int    `json:"ratingsMap,omitempty"`   // by FIDE's category of time controls
	Performances map[string]int    `json:"performances,omitempty"` // the same
	TieBreaks    []lichessTieBreak `json:"tiebreaks,omitempty"`
	Rank         int               `json:"rank,omitempty"`
}

type lichessTieBreak struct {
	Code        string  `json:"extendedCode"`
	Description string  `json:"description"`
	Points      float64 `json:"points"`
}

// lichessEntryGames is a player with the games.
type lichessEntryGames struct {
	lichessEntry
	Games []lichessEntryGame `json:"games"`
}

type lichessEntryGame struct {
	Round        relay.RoundID `json:"round"`
	ID           relay.GameID  `json:"id"`
	Opponent     lichessPlayer `json:"opponent"`
	Color        string        `json:"color"`
	Points       string        `json:"points,omitempty"`       // 1, 1/2 or 0
	CustomPoints *float64      `json:"customPoints,omitempty"` // if games are worth other points
	FideTC       string        `json:"fideTC"`
	Ongoing      bool          `json:"ongoing,omitempty"`
}

// lichessTeam is a line of the teams' table.
type lichessTeam struct {
	Name          string         `json:"name"`
	MatchPoints   float64        `json:"mp"`
	GamePoints    float64        `json:"gp"`
	AverageRating int            `json:"averageRating,omitempty"`
	Matches       []lichessMatch `json:"matches"`
	Players       []lichessEntry `json:"players"`
}

type lichessMatch struct {
	Round       relay.RoundID `json:"roundId"`
	Opponent    string        `json:"opponent"`
	MatchPoints *float64      `json:"mp,omitempty"` // only if the match is over, like Points
	GamePoints  float64       `json:"gp"`
	Points      string        `json:"points,omitempty"`
}

// maxTieBreaks is how many tie-breaks the schema lets an entry have.
const maxTieBreaks = 5

// lichessCodes are the tie-breaks that the schema has, as it writes them. Others are left out.
var lichessCodes = map[standings.Code]string{
	standings.ARO: "ARO", standings.AROC1: "ARO-C1", standings.BH: "BH", standings.BHC1: "BH-C1", standings.BHC2: "BH-C2", standings.BHM1: "BH-M1",
	standings.BPG: "BPG", standings.BWG: "BWG", standings.DE: "DE", standings.KS: "KS", standings.PS: "PS", standings.SB: "SB", standings.SBC1: "SB-C1",
	standings.TPR: "TPR", standings.WON: "WON",
}

// tableOf returns the table of the tournament that the path names.
func (s *Server) tableOf(r *http.Request) (tableInput, *standings.Table, error) {
	in, err := s.readTable(r, relay.TournamentID(chi.URLParam(r, "tourId")))
	if err != nil {
		return in, nil, err
	}
	return in, in.compute(), nil
}

// lichessPlayers is GET /broadcast/{tourId}/players.
func (s *Server) lichessPlayers(r *http.Request) (answer, error) {
	in, table, err := s.tableOf(r)
	if err != nil {
		return answer{}, err
	}
	return ok(indexed{in.index, mapTo(table.Players, func(l standings.Line) lichessEntry { return entryOf(in, table, &l) })})
}

// lichessPlayerOf is GET /broadcast/{tourId}/players/{playerId}; playerId is a FIDE id or a name.
func (s *Server) lichessPlayerOf(r *http.Request) (answer, error) {
	in, table, err := s.tableOf(r)
	if err != nil {
		return answer{}, err
	}
	id := chi.URLParam(r, "playerId")
	if name, err := url.PathUnescape(id); err == nil {
		id = name
	}
	line := table.Player(id)
	if line == nil {
		return answer{}, notFound("there is no player %q in this tournament; give a FIDE id or a name", id)
	}
	games := map[relay.GameID]*relay.Game{}
	for _, round := range in.rounds {
		for _, g := range round.Games {
			games[g.ID] = g
		}
	}
	out := lichessEntryGames{entryOf(in, table, line), []lichessEntryGame{}}
	for _, e := range line.Results {
		if g := games[e.Game]; g != nil {
			out.Games = append(out.Games, entryGame(in, e, g))
		}
	}
	return ok(indexed{in.index, out})
}

func entryOf(in tableInput, table *standings.Table, l *standings.Line) lichessEntry {
	p := l.Player
	tc := orStandard(fideTC(in.tournament.TimeControl))
	out := lichessEntry{
		Name: p.Name, Title: lichessTitle(p.Title), Rating: p.Rating, FideID: p.FideID, Team: p.Team, Fed: p.Federation,
		Score: l.Points, Played: l.Games, Rank: l.Rank,
	}
	if p.Rating > 0 {
		out.RatingsMap = map[string]int{tc: p.Rating}
	}
	if n := l.TieBreaks.Performance; n > 0 {
		out.Performances = map[string]int{tc: n}
	}
	for i, t := range table.TieBreaks {
		if code := lichessCodes[t.Code]; code != "" && i < len(l.Values) && len(out.TieBreaks) < maxTieBreaks {
			out.TieBreaks = append(out.TieBreaks, lichessTieBreak{code, t.Name, l.Values[i]})
		}
	}
	return out
}

func orStandard(tc string) string {
	if tc == "" {
		return "standard"
	}
	return tc
}

func entryGame(in tableInput, e standings.Encounter, g *relay.Game) lichessEntryGame {
	opponent, color := g.Black, "white"
	if !e.White {
		opponent, color = g.White, "black"
	}
	tc := fideTC(g.TimeControl)
	if tc == "" {
		tc = fideTC(in.tournament.TimeControl)
	}
	out := lichessEntryGame{
		Round: g.Round, ID: g.ID, Opponent: lichessPlayerJSON(opponent, relay.NoTime), Color: color, FideTC: orStandard(tc), Ongoing: !g.Over(),
	}
	if out.Ongoing {
		return out
	}
	white, black, _ := strings.Cut(string(g.Result), "-")
	out.Points = white
	if !e.White {
		out.Points = black
	}
	custom := in.tournament.Scoring != nil
	for _, r := range in.rounds {
		custom = custom || r.ID == g.Round && r.Scoring != nil
	}
	if custom && e.Points != nil && *e.Points <= maxLichessPoints/100 {
		out.CustomPoints = e.Points
	}
	return out
}

// lichessTeams is GET /broadcast/{tourId}/teams/standings.
func (s *Server) lichessTeams(r *http.Request) (answer, error) {
	in, table, err := s.tableOf(r)
	if err != nil {
		return answer{}, err
	}
	rounds := map[relay.RoundID]*relay.Round{}
	for _, round := range in.rounds {
		rounds[round.ID] = round.Round
	}
	out := make([]lichessTeam, len(table.Teams))
	for i, t := range table.Teams {
		team := lichessTeam{Name: t.Team, MatchPoints: t.MatchPoints, GamePoints: t.BoardPoints, Matches: []lichessMatch{}, Players: []lichessEntry{}}
		for _, e := range t.Results {
			id := table.Rounds[e.Round-1].ID
			team.Matches = append(team.Matches, teamMatch(e, table.Teams[e.Opponent-1].Team, rounds[id]))
		}
		sum, rated := 0, 0
		for _, l := range table.Players {
			if relay.TeamKey(l.Player.Team) != relay.TeamKey(t.Team) {
				continue
			}
			team.Players = append(team.Players, entryOf(in, table, &l))
			if l.Player.Rating > 0 {
				sum, rated = sum+l.Player.Rating, rated+1
			}
		}
		if rated > 0 {
			team.AverageRating = int(math.Round(float64(sum) / float64(rated)))
		}
		out[i] = team
	}
	return ok(indexed{in.index, out})
}

// teamMatch is a match as one of its teams sees it.
func teamMatch(e standings.TeamEncounter, opponent string, r *relay.Round) lichessMatch {
	out := lichessMatch{Round: r.ID, Opponent: opponent, GamePoints: e.Score[0]}
	if !e.Finished {
		return out
	}
	worth := relay.UsualTeamScoring.White
	if r.TeamScoring != nil {
		worth = r.TeamScoring.White
	}
	points := worth.Loss
	switch out.Points = "0"; {
	case e.Score[0] > e.Score[1]:
		points, out.Points = worth.Win, "1"
	case e.Score[0] == e.Score[1]:
		points, out.Points = worth.Draw, "1/2"
	}
	out.MatchPoints = new(float64(points) / 100)
	return out
}
