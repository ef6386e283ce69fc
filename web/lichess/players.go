package lichess

import (
	"math"
	"net/http"
	"net/url"
	"strings"

	"github.com/go-chi/chi/v5"

	"github.com/chessrelay/chessrelay/relay"
	"github.com/chessrelay/chessrelay/relay/standings"
	"github.com/chessrelay/chessrelay/web/base"
)

// entryJSON is a player of a tournament.
type entryJSON struct {
	Name         string         `json:"name"`
	Title        string         `json:"title,omitempty"`
	Rating       int            `json:"rating,omitempty"`
	FideID       int64          `json:"fideId,omitempty"`
	Team         string         `json:"team,omitempty"`
	Fed          string         `json:"fed,omitempty"`
	Score        float64        `json:"score"`
	Played       int            `json:"played"`
	RatingsMap   map[string]int `json:"ratingsMap,omitempty"`   // by FIDE's category of time controls
	Performances map[string]int `json:"performances,omitempty"` // the same
	TieBreaks    []tieBreakJSON `json:"tiebreaks,omitempty"`
	Rank         int            `json:"rank,omitempty"`
}

type tieBreakJSON struct {
	Code        string  `json:"extendedCode"`
	Description string  `json:"description"`
	Points      float64 `json:"points"`
}

// entryGamesJSON is a player with the games.
type entryGamesJSON struct {
	entryJSON
	Games []entryGameJSON `json:"games"`
}

type entryGameJSON struct {
	Round        relay.RoundID `json:"round"`
	ID           relay.GameID  `json:"id"`
	Opponent     playerJSON    `json:"opponent"`
	Color        string        `json:"color"`
	Points       string        `json:"points,omitempty"`       // 1, 1/2 or 0
	CustomPoints *float64      `json:"customPoints,omitempty"` // if games are worth other points
	FideTC       string        `json:"fideTC"`
	Ongoing      bool          `json:"ongoing,omitempty"`
}

// teamJSON is a line of the teams' table.
type teamJSON struct {
	Name          string      `json:"name"`
	MatchPoints   float64     `json:"mp"`
	GamePoints    float64     `json:"gp"`
	AverageRating int         `json:"averageRating,omitempty"`
	Matches       []matchJSON `json:"matches"`
	Players       []entryJSON `json:"players"`
}

type matchJSON struct {
	Round       relay.RoundID `json:"roundId"`
	Opponent    string        `json:"opponent"`
	MatchPoints *float64      `json:"mp,omitempty"` // only if the match is over, like Points
	GamePoints  float64       `json:"gp"`
	Points      string        `json:"points,omitempty"`
}

// maxTieBreaks is how many tie-breaks the schema lets an entry have.
const maxTieBreaks = 5

// tieBreakCodes are the tie-breaks that the schema has, as it writes them. Others are left out.
var tieBreakCodes = map[standings.Code]string{
	standings.ARO: "ARO", standings.AROC1: "ARO-C1", standings.BH: "BH", standings.BHC1: "BH-C1", standings.BHC2: "BH-C2", standings.BHM1: "BH-M1",
	standings.BPG: "BPG", standings.BWG: "BWG", standings.DE: "DE", standings.KS: "KS", standings.PS: "PS", standings.SB: "SB", standings.SBC1: "SB-C1",
	standings.TPR: "TPR", standings.WON: "WON",
}

// tableOf returns the table of the tournament that the path names.
func (s *Server) tableOf(r *http.Request) (base.TableInput, *standings.Table, error) {
	in, err := s.ReadTable(r, relay.TournamentID(chi.URLParam(r, "tourId")))
	if err != nil {
		return in, nil, err
	}
	return in, in.Compute(), nil
}

// getPlayers is GET /broadcast/{tourId}/players.
func (s *Server) getPlayers(r *http.Request) (base.Answer, error) {
	in, table, err := s.tableOf(r)
	if err != nil {
		return base.Answer{}, err
	}
	return base.OKAt(in.Index, mapTo(table.Players, func(l standings.Line) entryJSON { return entryOf(in, table, &l) }))
}

// getPlayer is GET /broadcast/{tourId}/players/{playerId}; playerId is a FIDE id or a name.
func (s *Server) getPlayer(r *http.Request) (base.Answer, error) {
	in, table, err := s.tableOf(r)
	if err != nil {
		return base.Answer{}, err
	}
	id := chi.URLParam(r, "playerId")
	if name, err := url.PathUnescape(id); err == nil {
		id = name
	}
	line := table.Player(id)
	if line == nil {
		return base.Answer{}, base.NotFound("there is no player %q in this tournament; give a FIDE id or a name", id)
	}
	games := map[relay.GameID]*relay.Game{}
	for _, round := range in.Rounds {
		for _, g := range round.Games {
			games[g.ID] = g
		}
	}
	out := entryGamesJSON{entryOf(in, table, line), []entryGameJSON{}}
	for _, e := range line.Results {
		if g := games[e.Game]; g != nil {
			out.Games = append(out.Games, entryGame(in, e, g))
		}
	}
	return base.OKAt(in.Index, out)
}

func entryOf(in base.TableInput, table *standings.Table, l *standings.Line) entryJSON {
	p := l.Player
	tc := orStandard(fideTC(in.Tournament.TimeControl))
	out := entryJSON{
		Name: p.Name, Title: titleOf(p.Title), Rating: p.Rating, FideID: p.FideID, Team: p.Team, Fed: p.Federation,
		Score: l.Points, Played: l.Games, Rank: l.Rank,
	}
	if p.Rating > 0 {
		out.RatingsMap = map[string]int{tc: p.Rating}
	}
	if n := l.TieBreaks.Performance; n > 0 {
		out.Performances = map[string]int{tc: n}
	}
	for i, t := range table.TieBreaks {
		if code := tieBreakCodes[t.Code]; code != "" && i < len(l.Values) && len(out.TieBreaks) < maxTieBreaks {
			out.TieBreaks = append(out.TieBreaks, tieBreakJSON{code, t.Name, l.Values[i]})
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

func entryGame(in base.TableInput, e standings.Encounter, g *relay.Game) entryGameJSON {
	opponent, color := g.Black, "white"
	if !e.White {
		opponent, color = g.White, "black"
	}
	tc := fideTC(g.TimeControl)
	if tc == "" {
		tc = fideTC(in.Tournament.TimeControl)
	}
	out := entryGameJSON{
		Round: g.Round, ID: g.ID, Opponent: playerOf(opponent, relay.NoTime), Color: color, FideTC: orStandard(tc), Ongoing: !g.Over(),
	}
	if out.Ongoing {
		return out
	}
	white, black, _ := strings.Cut(string(g.Result), "-")
	out.Points = white
	if !e.White {
		out.Points = black
	}
	custom := in.Tournament.Scoring != nil
	for _, r := range in.Rounds {
		custom = custom || r.ID == g.Round && r.Scoring != nil
	}
	if custom && e.Points != nil && *e.Points <= maxLichessPoints/100 {
		out.CustomPoints = e.Points
	}
	return out
}

// getTeams is GET /broadcast/{tourId}/teams/standings.
func (s *Server) getTeams(r *http.Request) (base.Answer, error) {
	in, table, err := s.tableOf(r)
	if err != nil {
		return base.Answer{}, err
	}
	rounds := map[relay.RoundID]*relay.Round{}
	for _, round := range in.Rounds {
		rounds[round.ID] = round.Round
	}
	out := make([]teamJSON, len(table.Teams))
	for i, t := range table.Teams {
		team := teamJSON{Name: t.Team, MatchPoints: t.MatchPoints, GamePoints: t.BoardPoints, Matches: []matchJSON{}, Players: []entryJSON{}}
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
	return base.OKAt(in.Index, out)
}

// teamMatch is a match as one of its teams sees it.
func teamMatch(e standings.TeamEncounter, opponent string, r *relay.Round) matchJSON {
	out := matchJSON{Round: r.ID, Opponent: opponent, GamePoints: e.Score[0]}
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
