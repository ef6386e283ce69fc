package standings

import (
	"cmp"
	"slices"
	"strings"
)

// Code names a tie-break as FIDE does (Handbook, C.07, article 5).
type Code string

// The tie-breaks that can be chosen.
const (
	DE    Code = "DE"
	BH    Code = "BH"
	BHC1  Code = "BHC1"
	BHC2  Code = "BHC2"
	BHM1  Code = "BHM1"
	SB    Code = "SB"
	SBC1  Code = "SBC1"
	WIN   Code = "WIN"
	WON   Code = "WON"
	BPG   Code = "BPG"
	BWG   Code = "BWG"
	PS    Code = "PS"
	KS    Code = "KS"
	ARO   Code = "ARO"
	AROC1 Code = "AROC1"
	TPR   Code = "TPR"
	MP    Code = "MP"
	GP    Code = "GP"
	EMGSB Code = "EMGSB"
	EMMSB Code = "EMMSB"
)

// TieBreak is a tie-break of a table, for its readers.
type TieBreak struct {
	Code    Code   `json:"code"`
	Name    string `json:"name"`
	Meaning string `json:"meaning"`
}

// tieBreakRule is a tie-break and its functions for a player and for a team. Without a function it
// does not apply. The direct encounter has none, since it concerns a group.
type tieBreakRule struct {
	code          Code
	name, meaning string
	player, team  func(e *entrant, t *context) number
}

// context is what tie-breaks need of the whole table.
type context struct {
	direct     direct
	roundRobin bool
	rounds     int            // those that have begun
	most       number         // that one can have scored
	list       []contribution // memory for the contributions of one entrant
}

func scoreAsIs(score number, _ *meeting) number   { return score }
func timesPoints(score number, m *meeting) number { return score.times(m.points) }

func buchholz(low, high int) func(*entrant, *context) number {
	return func(e *entrant, t *context) number {
		return sumWithoutExtremes(t.contributions(e, (*entrant).score, scoreAsIs), low, high)
	}
}

func sonnebornBerger(low int) func(*entrant, *context) number {
	return func(e *entrant, t *context) number {
		return sumWithoutExtremes(t.contributions(e, (*entrant).score, timesPoints), low, 0)
	}
}

// byMatchPoints is Sonneborn-Berger by the opponents' match points.
func byMatchPoints(times func(m *meeting) number) func(*entrant, *context) number {
	return func(e *entrant, t *context) number {
		var sum number
		all := t.contributions(e, (*entrant).matchScore, func(score number, m *meeting) number {
			return score.times(times(m))
		})
		for _, c := range all {
			sum += c.value * number(c.times)
		}
		return sum
	}
}

func count(f func(m *meeting) bool) func(*entrant, *context) number {
	return func(e *entrant, _ *context) number { return e.count(f) }
}

func averageRating(cut int) func(*entrant, *context) number {
	return func(e *entrant, _ *context) number { return rating(e.averageRating(cut)) }
}

// ruleList has all tie-breaks, in the order in which they are shown.
var ruleList = func() []tieBreakRule {
	wins := count(func(m *meeting) bool { return m.outcome == win })
	won := count(func(m *meeting) bool { return m.outcome == win && m.onBoard })
	black := count(func(m *meeting) bool { return m.onBoard && !m.white })
	blackWon := count(func(m *meeting) bool { return m.outcome == win && m.onBoard && !m.white })
	koya := func(e *entrant, t *context) number { return e.koya(t.most) }
	progressive := func(e *entrant, t *context) number { return e.progressive(t.rounds) }
	performance := func(e *entrant, _ *context) number { return rating(e.performance()) }
	matchPoints := func(e *entrant, _ *context) number { return e.match }
	boardPoints := func(e *entrant, _ *context) number { return e.board }
	timesBoards := byMatchPoints(func(m *meeting) number { return m.board })
	timesMatches := byMatchPoints(func(m *meeting) number { return m.match })
	return []tieBreakRule{
		{DE, "Direct encounter", "points against those who are tied, applied again to those who still are", nil, nil},
		{BH, "Buchholz", "sum of the opponents' points", buchholz(0, 0), buchholz(0, 0)},
		{BHC1, "Buchholz cut 1", "Buchholz without the lowest", buchholz(1, 0), buchholz(1, 0)},
		{BHC2, "Buchholz cut 2", "Buchholz without the two lowest", buchholz(2, 0), buchholz(2, 0)},
		{BHM1, "Median Buchholz", "Buchholz without the lowest and the highest", buchholz(1, 1), buchholz(1, 1)},
		{SB, "Sonneborn-Berger", "sum of the opponents' points, each times the points scored against that opponent",
			sonnebornBerger(0), timesBoards},
		{SBC1, "Sonneborn-Berger cut 1", "Sonneborn-Berger without the lowest opponent", sonnebornBerger(1), nil},
		{WIN, "Wins", "number of wins, also by forfeit and bye", wins, wins},
		{WON, "Games won", "number of games won over the board", won, won},
		{BPG, "Games with Black", "number of games played with Black", black, nil},
		{BWG, "Games won with Black", "number of games won with Black over the board", blackWon, nil},
		{PS, "Progressive score", "sum of the points after each round", progressive, progressive},
		{KS, "Koya", "points against those who have at least half of the possible points", koya, koya},
		{ARO, "Average rating", "average rating of the opponents", averageRating(0), nil},
		{AROC1, "Average rating cut 1", "average rating of the opponents without the lowest", averageRating(1), nil},
		{TPR, "Performance", "rating at which this score would be expected", performance, nil},
		{MP, "Match points", "points of the matches", nil, matchPoints},
		{GP, "Board points", "points of the games", nil, boardPoints},
		{EMGSB, "Sonneborn-Berger", "sum of the opponents' match points, each times the board points scored against that opponent", nil, timesBoards},
		{EMMSB, "Sonneborn-Berger by match points", "sum of the opponents' match points, each times the match points scored against that opponent", nil, timesMatches},
	}
}()

var rules = func() map[Code]*tieBreakRule {
	out := make(map[Code]*tieBreakRule, len(ruleList))
	for i := range ruleList {
		out[ruleList[i].code] = &ruleList[i]
	}
	return out
}()

// Codes are all tie-breaks that can be chosen.
func Codes() []Code {
	out := make([]Code, len(ruleList))
	for i, b := range ruleList {
		out[i] = b.code
	}
	return out
}

// describe returns the names and meanings of the codes.
func describe(codes []Code) []TieBreak {
	out := make([]TieBreak, len(codes))
	for i, c := range codes {
		b := rules[c]
		out[i] = TieBreak{c, b.name, b.meaning}
	}
	return out
}

// rank sorts the entrants, by points and then by each tie-break among those who are still tied. It
// sets places and ranks. Entrants who stay tied share a rank, and are listed by rating and name.
func (t *context) rank(all []*entrant, codes []Code, compute func(*tieBreakRule) func(*entrant, *context) number) {
	for _, e := range all {
		t.direct.noteOpponents(e)
		e.values = make([]number, len(codes))
	}
	for i, code := range codes {
		if f := compute(rules[code]); f != nil {
			for _, e := range all {
				e.values[i] = f(e, t)
			}
		}
	}
	slices.SortStableFunc(all, func(a, b *entrant) int { return cmp.Compare(b.points, a.points) })
	groups := chunks(all, func(a, b *entrant) bool { return a.points == b.points })
	for _, group := range groups {
		t.noteDirect(group)
	}
	for i, code := range codes {
		var next [][]*entrant
		for _, group := range groups {
			next = append(next, t.separate(group, code, i)...)
		}
		groups = next
	}
	place := 0
	for _, group := range groups {
		slices.SortFunc(group, func(a, b *entrant) int {
			return cmp.Or(cmp.Compare(b.rating, a.rating), strings.Compare(a.name, b.name), cmp.Compare(a.fideID, b.fideID))
		})
		rank := place + 1
		for _, e := range group {
			place++
			e.place, e.rank = place, rank
		}
	}
	slices.SortFunc(all, func(a, b *entrant) int { return a.place - b.place })
}

// separate splits a group by the i-th tie-break of the table.
func (t *context) separate(group []*entrant, code Code, i int) [][]*entrant {
	if len(group) == 1 {
		return [][]*entrant{group}
	}
	if code == DE {
		parts, values := t.direct.apply(group)
		for j, e := range group {
			e.values[i] = values[j]
		}
		return parts
	}
	group = slices.Clone(group)
	slices.SortStableFunc(group, func(a, b *entrant) int { return cmp.Compare(b.values[i], a.values[i]) })
	return chunks(group, func(a, b *entrant) bool { return a.values[i] == b.values[i] })
}

// noteDirect sets the direct encounters of a group with the same points. They are shown whatever
// tie-breaks a table has.
func (t *context) noteDirect(group []*entrant) {
	if len(group) == 1 {
		return
	}
	parts, values := t.direct.apply(group)
	for i, e := range group {
		e.direct = values[i]
	}
	rank := 1
	for _, part := range parts {
		for _, e := range part {
			e.directRank = rank
		}
		rank += len(part)
	}
}
