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
	Results  int        `json:"results"`  // number of boards with a result
	Finished bool       `json:"finished"` // all boards have one

	keys   [2]string
	played bool // at least one game was
}

// Team is one line of the teams' table. A match counts once it is finished.
type Team struct {
	Place int    `json:"place"` // the line's number, from 1
	Rank  int    `json:"rank"`  // the first place of its tied group
	Team  string `json:"team"`

	// MatchPoints are two for a won match and one for a drawn one, unless the tournament has other
	// points.
	MatchPoints float64 `json:"matchPoints"`
	Matches     int     `json:"matches"`
	Wins        int     `json:"wins"`
	Draws       int     `json:"draws"`
	Losses      int     `json:"losses"`

	// BoardPoints are those of the games, 1, ½ and 0 each. SonnebornBerger is the sum of each
	// opponent's match points times the board points against him. SonnebornBergerMatch takes the
	// match points against him instead (C.07: EMGSB and EMMSB).
	BoardPoints          float64 `json:"boardPoints"`
	SonnebornBerger      float64 `json:"sonnebornBerger"`
	SonnebornBergerMatch float64 `json:"sonnebornBergerMatch"`

	Values  []float64       `json:"values"`  // of the table's TeamTieBreaks, in their order
	Results []TeamEncounter `json:"results"` // by round
}

// TeamEncounter is a match from one of its teams.
type TeamEncounter struct {
	Round    int        `json:"round"`    // its number, from 1
	Opponent int        `json:"opponent"` // its place
	Score    [2]float64 `json:"score"`    // its own board points first
	Finished bool       `json:"finished"`
}

// Matches returns the matches of a round, by their first board. A team is known by its name, in any
// spelling ([relay.TeamKey]). A game belongs to no match if one player has no team, or if both have
// the same.
//
// Players of an open tournament may name their clubs, and clubs meet on a board here and there. So
// a match has at least two boards, and at least half of the boards on which either team plays
// another one in this round.
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
	m.played = m.played || s.played
	if !firstIsWhite {
		s.white, s.black = s.black, s.white
	}
	m.Score[0] += float64(s.white) / 2
	m.Score[1] += float64(s.black) / 2
}

func teamName(name string) string { return strings.Join(strings.Fields(name), " ") }

// teamRow is a line of the teams' table while it is made.
type teamRow struct {
	Team
	entrant
}

// rankTeams fills in the teams' table, if there were matches.
func (t *Table) rankTeams(rounds []Round, o *Options) {
	codes := o.teams()
	c := context{roundRobin: o.RoundRobin, direct: direct{roundRobin: o.RoundRobin}}
	rows := c.teamRows(rounds, codes[0] == GP)
	if len(rows) == 0 {
		return
	}
	all := make([]*entrant, len(rows))
	for i, r := range rows {
		all[i] = &r.entrant
	}
	c.prepare(all, finished(rounds, func(r *Round) number { return hundredths(match(r).Draw) }))
	c.rank(all, codes, func(b *tieBreakRule) func(*entrant, *context) number { return b.team })
	t.TeamTieBreaks = describe(codes)
	slices.SortFunc(rows, func(a, b *teamRow) int { return a.place - b.place })
	for _, r := range rows {
		t.Teams = append(t.Teams, r.finish(&c))
	}
}

// teamRows makes a row for each team with a match. If byBoard is set, board points are the score.
func (c *context) teamRows(rounds []Round, byBoard bool) []*teamRow {
	var rows []*teamRow
	byKey := map[string]*teamRow{}
	find := func(key, name string) *teamRow {
		r := byKey[key]
		if r == nil {
			r = &teamRow{Team: Team{Team: name}, entrant: entrant{name: name, byBoard: byBoard}}
			byKey[key] = r
			rows = append(rows, r)
		}
		return r
	}
	for i := range rounds {
		p := match(&rounds[i])
		if !byBoard {
			c.direct.noteMeetingPoints(p)
		}
		for _, m := range Matches(rounds[i].Games) {
			if byBoard {
				c.direct.noteMeetingPoints(relay.Points{Win: 100 * len(m.Boards)})
			}
			a, b := find(m.keys[0], m.Teams[0]), find(m.keys[1], m.Teams[1])
			a.addMatch(i+1, b, &m, m.Score, p)
			b.addMatch(i+1, a, &m, [2]float64{m.Score[1], m.Score[0]}, p)
		}
	}
	return rows
}

// addMatch adds a match to one of its teams. boards are the board points, its own first.
func (r *teamRow) addMatch(round int, opponent *teamRow, m *Match, boards [2]float64, p relay.Points) {
	r.Results = append(r.Results, TeamEncounter{Round: round, Score: boards, Finished: m.Finished})
	r.opponents = append(r.opponents, &opponent.entrant)
	e := meeting{round: round, opponent: &opponent.entrant, over: m.Finished}
	if m.Finished {
		e.played, e.onBoard = m.played, m.played
		e.outcome = outcome(1 + cmp.Compare(boards[0], boards[1]))
		e.match, e.board = pointsOf(e.outcome, p), number(boards[0]*float64(one))
		e.points, e.most, e.draw = e.match, pointsOf(win, p), pointsOf(draw, p)
		if r.byBoard {
			n := number(len(m.Boards)) * one
			e.points, e.most, e.draw = e.board, n, n/2
		}
		e.voluntary = !m.played && e.outcome != win
		r.entrant.match += e.match
		r.board += e.board
		r.points += e.points
		r.Matches++
		switch e.outcome {
		case win:
			r.Wins++
		case draw:
			r.Draws++
		default:
			r.Losses++
		}
	}
	r.meetings = append(r.meetings, e)
}

// finish is the line of a ranked row, with the places of its opponents.
func (r *teamRow) finish(c *context) Team {
	l := r.Team
	l.Place, l.Rank, l.Values = r.place, r.rank, floats(r.values)
	l.MatchPoints, l.BoardPoints = r.match.float(), r.board.float()
	l.SonnebornBerger = rules[EMGSB].team(&r.entrant, c).float()
	l.SonnebornBergerMatch = rules[EMMSB].team(&r.entrant, c).float()
	for i, opponent := range r.opponents {
		l.Results[i].Opponent = opponent.place
	}
	return l
}
