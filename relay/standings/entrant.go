package standings

import "slices"

// entrant is a player or a team while a table is made: what the tie-breaks need of it.
type entrant struct {
	place, rank int // once ranked
	name        string
	rating      int   // of the last game that has one
	fideID      int64 // orders entrants with the same name and rating

	points    number // the score that the table is by
	adjusted  number // the score in the tie-breaks of its opponents
	match     number // a team's match points
	board     number // a team's board points
	byBoard   bool   // points are the board points
	meetings  []meeting
	opponents []*entrant // of each of the line's results, in their order; nil: nobody

	values     []number // of the tie-breaks, in their order
	direct     number   // against those who have the same points
	directRank int      // among them, from 1; 0: there is nobody else

	groupNumber int          // of the group that is looked at; see direct.measure
	headToHead  []headToHead // one for each opponent
	groupScore  groupScore   // in the group
}

// meeting is a game or match from one side, or a round in which that side is free.
type meeting struct {
	round    int
	times    int      // 0: once; otherwise the number of free rounds in a row
	opponent *entrant // nil: nobody
	rating   int      // the opponent's in this game; 0: unknown
	outcome  outcome
	points   number // by the table's score
	most     number // what a win would have given
	draw     number // what a draw would have given
	match    number // the match points of a match
	board    number // its board points
	over     bool   // it has a result
	played   bool   // against a known opponent, over the board
	onBoard  bool   // over the board, perhaps against an unknown opponent
	white    bool
	rated    bool

	// voluntary: the side chose not to play (C.07, 16.1.2), by a bye of less than a full point, by
	// a forfeit or by its absence. requested: it was such a bye, or it was absent (16.1.1).
	voluntary, requested bool
}

// freeRound is a finished round, and what a draw would have given in it.
type freeRound struct {
	round int
	draw  number
}

// addFree adds the finished rounds without a game of the entrant. Each is a zero-point bye (C.07,
// 16.1.1). Rounds in a row are one meeting, so an entrant with few games has few meetings, however
// many rounds there are.
func (e *entrant) addFree(finished []freeRound) {
	games := e.meetings
	next := 0
	run := -1 // index of the last free meeting, if nothing was played since
	for _, f := range finished {
		start := next
		for next < len(games) && games[next].round <= f.round {
			next++
		}
		if next > start {
			run = -1
			if games[next-1].round == f.round {
				continue
			}
		}
		if run >= 0 && e.meetings[run].draw == f.draw {
			e.meetings[run].times++
			continue
		}
		run = len(e.meetings)
		e.meetings = append(e.meetings, meeting{
			round: f.round, times: 1, over: true, voluntary: true, requested: true, draw: f.draw,
		})
	}
}

// adjustScore sorts the meetings by round and computes the adjusted score (C.07, 16.3): requested
// byes count as draws if only voluntary absence follows.
func (e *entrant) adjustScore(roundRobin bool) {
	slices.SortStableFunc(e.meetings, func(a, b meeting) int { return a.round - b.round })
	e.adjusted = 0
	last := true // only voluntary absence follows
	for _, m := range slices.Backward(e.meetings) {
		if m.over && m.requested && last && !roundRobin {
			e.adjusted += m.draw * number(max(1, m.times))
		} else {
			e.adjusted += m.points
		}
		last = last && m.over && m.voluntary
	}
}

func (e *entrant) score() (own, adjusted number) { return e.points, e.adjusted }

func (e *entrant) matchScore() (own, adjusted number) {
	if e.byBoard {
		return e.match, e.match
	}
	return e.points, e.adjusted
}

// contribution is what one meeting adds to Buchholz or Sonneborn-Berger.
type contribution struct {
	score     number // the opponent's
	value     number // what is added
	times     int    // so many of them
	voluntary bool
}

// contributions are those of all meetings that are over. A meeting that was not played counts as
// one against an opponent with the entrant's own score (C.07, 16.4).
//
// score returns an entrant's scores for its own tie-breaks and for those of others. The result is
// valid until the next call.
func (t *context) contributions(
	e *entrant,
	score func(*entrant) (own, adjusted number),
	value func(score number, m *meeting) number,
) []contribution {
	out := t.list[:0]
	own, _ := score(e)
	for i := range e.meetings {
		m := &e.meetings[i]
		c := contribution{score: own, times: max(1, m.times), voluntary: m.voluntary}
		switch {
		case !m.over || t.roundRobin && m.opponent == nil:
			continue
		case m.played || t.roundRobin:
			_, c.score = score(m.opponent)
			c.voluntary = false
		}
		c.value = value(c.score, m)
		out = append(out, c)
	}
	t.list = out
	return out
}

// sumWithoutExtremes adds up the contributions without the low lowest and the high highest. Among
// the lowest, rounds that the entrant chose not to play go first, unless they are worth less (C.07,
// 16.5).
func sumWithoutExtremes(all []contribution, low, high int) number {
	for range low {
		i, j := -1, -1 // the lowest of all, and the lowest voluntary one
		for k, c := range all {
			if c.times > 0 && (i < 0 || c.before(&all[i])) {
				i = k
			}
			if c.times > 0 && c.voluntary && (j < 0 || c.before(&all[j])) {
				j = k
			}
		}
		if j >= 0 && all[j].value >= all[i].value {
			i = j
		}
		if i >= 0 {
			all[i].times--
		}
	}
	for range high {
		i := -1
		for k, c := range all {
			if c.times > 0 && (i < 0 || all[i].before(&c)) {
				i = k
			}
		}
		if i >= 0 {
			all[i].times--
		}
	}
	var sum number
	for _, c := range all {
		sum += c.value * number(c.times)
	}
	return sum
}

// before reports whether c is the lower of the two.
func (c *contribution) before(d *contribution) bool {
	return c.score < d.score || c.score == d.score && c.value < d.value
}

// progressive is the sum of the scores after each round (C.07, 7.5).
func (e *entrant) progressive(rounds int) number {
	var sum number
	for _, m := range e.meetings {
		sum += m.points * number(max(0, rounds-m.round+1))
	}
	return sum
}

// koya is the score against opponents with at least half of the possible points (C.07, 9.2).
func (e *entrant) koya(most number) number {
	var sum number
	for _, m := range e.meetings {
		if m.opponent != nil && 2*m.opponent.points >= most {
			sum += m.points
		}
	}
	return sum
}

func (e *entrant) count(f func(m *meeting) bool) number {
	n := 0
	for i := range e.meetings {
		if m := &e.meetings[i]; m.over && f(m) {
			n++
		}
	}
	return number(n) * one
}

// prepare computes the rounds that have begun and the highest possible score, and adds the free
// rounds.
func (t *context) prepare(all []*entrant, finished []freeRound) {
	for _, e := range all {
		var most number
		for _, m := range e.meetings {
			if m.over {
				t.rounds = max(t.rounds, m.round)
				most += m.most
			}
		}
		t.most = max(t.most, most)
		e.addFree(finished)
		e.adjustScore(t.roundRobin)
	}
}
