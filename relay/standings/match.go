package standings

import (
	"cmp"
	"slices"
	"strings"

	"github.com/chessrelay/chessrelay/relay"
)

// Match is two teams that meet on boards of one round.
type Match struct {
	Teams    [2]string  `json:"teams"`    // the first has White on the first of the boards
	Score    [2]float64 `json:"score"`    // board points, of the games that have a result
	Boards   []int      `json:"boards"`   // their numbers
	Results  int        `json:"results"`  // so many of them have a result
	Finished bool       `json:"finished"` // all of them have

	keys [2]string
}

// Team is one line of the teams' table. A match counts once it is finished.
type Team struct {
	Place int    `json:"place"` // the line's number, from 1
	Rank  int    `json:"rank"`  // the place of the first of those who are tied for good
	Team  string `json:"team"`

	// MatchPoints are two for a match that is won and one for one that is drawn.
	MatchPoints int `json:"matchPoints"`
	Matches     int `json:"matches"`
	Wins        int `json:"wins"`
	Draws       int `json:"draws"`
	Losses      int `json:"losses"`

	// Teams with the same match points are ranked by these, in this order: the board points; the sum of
	// the opponents' match points, each times the board points that were scored against him; the
	// same, times the match points (C.07: EMGSB and EMMSB).
	BoardPoints          float64 `json:"boardPoints"`
	SonnebornBerger      float64 `json:"sonnebornBerger"`
	SonnebornBergerMatch int     `json:"sonnebornBergerMatch"`

	Results []TeamEncounter `json:"results"` // by round
}

// TeamEncounter is a match as one of its teams sees it.
type TeamEncounter struct {
	Round    int        `json:"round"`    // its number, from 1
	Opponent int        `json:"opponent"` // its place
	Score    [2]float64 `json:"score"`    // its own board points first
	Finished bool       `json:"finished"`
}

// Matches returns the matches of a round, by their first board. A team is known by its name,
// in any spelling that [relay.TeamKey] takes for one. A game is of no match if one of its players has no team, or both have the same.
//
// Players of an open may name their clubs, which then meet on one board here and another
// there. So a match has at least two boards, and they are at least half of those on which either team meets another
// in this round.
func Matches(games []*relay.Game) []Match {
	var out []Match
	at := map[[2]string]int{}
	boards := map[string]int{} // of a team
	for _, g := range byBoard(games) {
		white, black := relay.TeamKey(g.White.Team), relay.TeamKey(g.Black.Team)
		if white == "" || black == "" || white == black {
			continue
		}
		boards[white]++
		boards[black]++
		pair := [2]string{min(white, black), max(white, black)}
		i, known := at[pair]
		if !known {
			i = len(out)
			at[pair] = i
			out = append(out, Match{Teams: [2]string{teamName(g.White.Team), teamName(g.Black.Team)}, keys: [2]string{white, black}})
		}
		out[i].add(g, out[i].keys[0] == white)
	}
	return slices.DeleteFunc(out, func(m Match) bool {
		n := len(m.Boards)
		return n < 2 || 2*n < max(boards[m.keys[0]], boards[m.keys[1]])
	})
}

func (m *Match) add(g *relay.Game, firstIsWhite bool) {
	s := scoreOf(g)
	m.Boards = append(m.Boards, g.Board)
	if s.over {
		m.Results++
	}
	m.Finished = m.Results == len(m.Boards)
	if !firstIsWhite {
		s.white, s.black = s.black, s.white
	}
	m.Score[0] += s.white
	m.Score[1] += s.black
}

func teamName(name string) string { return strings.Join(strings.Fields(name), " ") }

// teamRow is a line of the teams' table while it is made.
type teamRow struct {
	Team
	opponents []*teamRow // as Results
}

// teams makes the teams' table; nil if there were no matches.
func teams(rounds []Round) []Team {
	var rows []*teamRow
	byKey := map[string]*teamRow{}
	find := func(key, name string) *teamRow {
		r := byKey[key]
		if r == nil {
			r = &teamRow{Team: Team{Team: name}}
			byKey[key] = r
			rows = append(rows, r)
		}
		return r
	}
	for i, round := range rounds {
		for _, m := range Matches(round.Games) {
			a, b := find(m.keys[0], m.Teams[0]), find(m.keys[1], m.Teams[1])
			a.enter(i+1, b, m.Score, m.Finished)
			b.enter(i+1, a, [2]float64{m.Score[1], m.Score[0]}, m.Finished)
		}
	}
	rankTeams(rows)
	var out []Team
	for _, r := range rows {
		for i, o := range r.opponents {
			r.Results[i].Opponent = o.Place
		}
		out = append(out, r.Team)
	}
	return out
}

func (r *teamRow) enter(round int, opponent *teamRow, score [2]float64, finished bool) {
	r.Results = append(r.Results, TeamEncounter{Round: round, Score: score, Finished: finished})
	r.opponents = append(r.opponents, opponent)
	if !finished {
		return
	}
	r.Matches++
	r.BoardPoints += score[0]
	r.MatchPoints += matchPoints(score)
	switch matchPoints(score) {
	case 2:
		r.Wins++
	case 1:
		r.Draws++
	default:
		r.Losses++
	}
}

func matchPoints(score [2]float64) int { return 1 + cmp.Compare(score[0], score[1]) }

func rankTeams(rows []*teamRow) {
	for _, r := range rows {
		for i, e := range r.Results {
			if theirs := r.opponents[i].MatchPoints; e.Finished {
				r.SonnebornBerger += float64(theirs) * e.Score[0]
				r.SonnebornBergerMatch += theirs * matchPoints(e.Score)
			}
		}
	}
	slices.SortStableFunc(rows, func(a, b *teamRow) int {
		return cmp.Or(teamAhead(a, b), strings.Compare(a.Team.Team, b.Team.Team))
	})
	for i, r := range rows {
		r.Place, r.Rank = i+1, i+1
		if i > 0 && teamAhead(rows[i-1], r) == 0 {
			r.Rank = rows[i-1].Rank
		}
	}
}

// teamAhead is negative if a is ahead of b.
func teamAhead(a, b *teamRow) int {
	return -cmp.Or(
		cmp.Compare(a.MatchPoints, b.MatchPoints),
		cmp.Compare(a.BoardPoints, b.BoardPoints),
		cmp.Compare(a.SonnebornBerger, b.SonnebornBerger),
		cmp.Compare(a.SonnebornBergerMatch, b.SonnebornBergerMatch),
	)
}
