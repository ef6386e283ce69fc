package standings

import (
	"cmp"
	"slices"

	"github.com/chessrelay/chessrelay/relay"
)

// headToHead is what an entrant scored against one opponent, and in how many meetings.
type headToHead struct {
	opponent *entrant
	sum      number
	meetings int64
}

// groupScore is what an entrant scored against the others of a group, in parts of a number. least
// and most are the bounds once the missing meetings are played.
type groupScore struct{ now, least, most int64 }

// direct applies the direct encounter (C.07, 6).
type direct struct {
	roundRobin  bool
	least, most number // of one meeting; least is at most 0, since a forfeit gives nothing
	groupNumber int    // of the last group that was measured
	parts       int64  // of a number, in the last group that was measured
}

// noteMeetingPoints notes what one meeting can give.
func (d *direct) noteMeetingPoints(p relay.Points) {
	d.least = min(d.least, hundredths(min(p.Win, p.Draw, p.Loss)))
	d.most = max(d.most, hundredths(max(p.Win, p.Draw, p.Loss)))
}

// noteOpponents fills in the entrant's opponents. Only meetings over the board count, unless the
// pairings were fixed (6.1.1). Of several meetings with one opponent, the average counts (6.1.2).
func (d *direct) noteOpponents(e *entrant) {
	e.headToHead = make([]headToHead, 0, len(e.meetings))
	for _, m := range e.meetings {
		if !m.over || m.opponent == nil || !m.played && !d.roundRobin {
			continue
		}
		i := slices.IndexFunc(e.headToHead, func(v headToHead) bool { return v.opponent == m.opponent })
		if i < 0 {
			i = len(e.headToHead)
			e.headToHead = append(e.headToHead, headToHead{opponent: m.opponent})
		}
		e.headToHead[i].sum += m.points
		e.headToHead[i].meetings++
	}
}

// apply splits a group of tied entrants. values are what each scored in the group. They are 0 if
// not all have met and the group cannot be split.
func (d *direct) apply(group []*entrant) (parts [][]*entrant, values []number) {
	values = make([]number, len(group))
	all := d.measure(group)
	for i, e := range group {
		values[i] = number((e.groupScore.now + d.parts/2) / d.parts)
	}
	if parts = d.split(group); len(parts) == 1 && !all {
		clear(values)
	}
	return parts, values
}

// split returns the group in parts, the best first, so that no part can be split further.
//
// If all have met, their scores split them (6.2). Otherwise an entrant is first if no other can
// reach his score, whatever the missing meetings bring. Then the second is looked for in the same
// way, and so on (6.3). Those still tied are looked at again without the others.
func (d *direct) split(group []*entrant) [][]*entrant {
	if len(group) < 2 {
		return [][]*entrant{group}
	}
	all := d.measure(group)
	group = slices.Clone(group)
	slices.SortStableFunc(group, func(a, b *entrant) int {
		return cmp.Or(cmp.Compare(b.groupScore.most, a.groupScore.most), cmp.Compare(b.groupScore.now, a.groupScore.now))
	})
	var out [][]*entrant
	if !all {
		for len(group) > 1 && group[0].groupScore.least > group[1].groupScore.most {
			out = append(out, group[:1])
			group = group[1:]
		}
		if len(out) == 0 {
			return [][]*entrant{group}
		}
		return append(out, d.split(group)...)
	}
	parts := chunks(group, func(a, b *entrant) bool { return a.groupScore.now == b.groupScore.now })
	if len(parts) == 1 {
		return parts
	}
	for _, part := range parts {
		out = append(out, d.split(part)...)
	}
	return out
}

// measure computes the group scores, and reports whether all have met. It counts in parts of a
// number, so averages are exact.
func (d *direct) measure(group []*entrant) bool {
	d.groupNumber++
	for _, e := range group {
		e.groupNumber = d.groupNumber
	}
	d.parts = 1
	for _, e := range group {
		for _, v := range e.headToHead {
			if v.opponent.groupNumber == d.groupNumber {
				d.parts = lcm(d.parts, v.meetings)
			}
		}
	}
	if d.parts > maxParts {
		d.parts = maxParts
	}
	all := true
	for _, e := range group {
		var s groupScore
		missing := int64(len(group) - 1)
		for _, v := range e.headToHead {
			if v.opponent.groupNumber == d.groupNumber {
				s.now += int64(v.sum) * d.parts / v.meetings
				missing--
			}
		}
		all = all && missing == 0
		s.least = s.now + missing*int64(d.least)*d.parts
		s.most = s.now + missing*int64(d.most)*d.parts
		e.groupScore = s
	}
	return all
}

// maxParts keeps sums of points far from the limit of an int64. All numbers from 1 to 16 divide it.
// So sums are inexact only for two entrants who have met at least 17 times.
const maxParts = 720_720

func lcm(a, b int64) int64 {
	x, y := a, b
	for y != 0 {
		x, y = y, x%y
	}
	if a/x > maxParts*maxParts/b {
		return maxParts + 1
	}
	return a / x * b
}

// chunks cuts a sorted list where two neighbours differ.
func chunks(sorted []*entrant, same func(a, b *entrant) bool) [][]*entrant {
	var out [][]*entrant
	start := 0
	for i := 1; i <= len(sorted); i++ {
		if i == len(sorted) || !same(sorted[i-1], sorted[i]) {
			out = append(out, sorted[start:i:i])
			start = i
		}
	}
	return out
}
