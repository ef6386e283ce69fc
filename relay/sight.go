package relay

import (
	"fmt"
	"maps"
	"slices"
	"strings"
)

// This file has who sees what of the rounds that have a delay, and of private tournaments.
//
// The public sees a round with a delay late, and of a private tournament nothing. Who shows a token
// sees the round as it is. A viewer's token may have a delay of its own, which is shorter than the
// round's: a partner sees the boards five minutes late, and the public fifteen. So a public side
// has a tier for each delay that viewers have, which is to it as the public is: the round as it
// stood after some of the commands, which are those of the public and the first of those that are
// held.

// A Sight is how somebody sees a round: a number of seconds behind the boards, or one of these.
type Sight int32

const (
	// Outside is how the public sees it: late if it has a delay, and not at all if its tournament
	// is private.
	Outside Sight = 0
	// Inside is as it is.
	Inside Sight = -1
)

// MaxSights is how many different delays the viewers' tokens may have. Each costs what the public
// of a round with a delay costs.
const MaxSights = 8

// sight is how the bearer of a viewer's token sees what the token covers.
func (t *Token) sight() Sight {
	if t.Delay > 0 {
		return Sight(t.Delay)
	}
	return Inside
}

// Sight is how the bearer of the token sees the round of the tournament, or the tournament if there
// is no round. It is for roles that may see what a delay holds back.
func (t *Token) Sight(tournament TournamentID, round RoundID) Sight {
	if !t.Covers(tournament, round) {
		return Outside
	}
	return t.sight()
}

// sightsAt are the delays of the viewers whose tokens hold then, ascending.
func (s *State) sightsAt(at Millis) []Sight {
	var sights []Sight
	for _, t := range s.tokens {
		if t.revoked == nil && t.Delay > 0 && t.Holds(at) {
			sights = append(sights, Sight(t.Delay))
		}
	}
	slices.Sort(sights)
	return slices.Compact(sights)
}

// findSights finds the delays that viewers have at that time. Those that expire later stay until
// it is called again.
func (s *State) findSights(at Millis) {
	if sights := s.sightsAt(at); !slices.Equal(sights, s.sights) {
		s.sights = sights
		s.due = 0 // the sides have other tiers now
	}
}

// sightsText has the delays in seconds.
func sightsText(sights []Sight) string {
	return strings.Trim(strings.ReplaceAll(fmt.Sprint(sights), " ", ", "), "[]") + " s"
}

// part is what somebody has of a round with a delay: the round as it stood after some of its
// commands.
type part struct {
	round *Round
	games map[GameID]*Game
	shown uint64 // the newest log index of the round whose effect is in it
}

// take puts what a command made in its place.
func (p *part) take(h *held) {
	p.round, p.shown = h.round, h.index
	if h.game != nil {
		p.games[h.game.ID] = h.game
	}
}

// A tier is what the viewers of one sight have.
type tier struct {
	part
	sight Sight
	taken int // how many of the commands that the public has not seen are in it
}

// delay is that of a tier in its round.
func (t *tier) delay(p *publicSide) Millis { return min(seconds(int(t.sight)), p.delay) }

// tier is that of the sight; nil if there is none.
func (p *publicSide) tier(sight Sight) *tier {
	for _, t := range p.tiers {
		if t.sight == sight {
			return t
		}
	}
	return nil
}

// seen is the part that somebody of the sight has, who does not see all. A sight that has no tier,
// since its token was revoked a moment ago, sees what the public does.
func (p *publicSide) seen(sight Sight) *part {
	if t := p.tier(sight); t != nil {
		return &t.part
	}
	return &p.part
}

// findTiers gives a side a tier for each sight. A new one begins with what the public has, and an
// [EventTier] tells of it.
func (s *State) findTiers(p *publicSide) {
	if slices.EqualFunc(p.tiers, s.sights, func(t *tier, sight Sight) bool { return t.sight == sight }) {
		return
	}
	tiers := make([]*tier, len(s.sights))
	for i, sight := range s.sights {
		if tiers[i] = p.tier(sight); tiers[i] == nil {
			tiers[i] = &tier{part: part{p.round, maps.Clone(p.games), p.shown}, sight: sight}
			s.released = append(s.released, Event{Type: EventTier, Index: p.shown, Round: p.round, To: Viewers, Sight: sight})
		}
	}
	p.tiers = tiers
}

// Private reports whether the tournament, the round or the game of the id is private.
func (s *State) Private(id string) bool {
	t, _, ok := s.Place(id)
	return ok && s.tournaments[t].Private
}
