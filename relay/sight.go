package relay

import (
	"fmt"
	"maps"
	"slices"
	"strings"
)

// This file decides how a client sees rounds with a delay, and private tournaments.
//
// The public sees a delayed round late, and nothing of a private tournament. A client with a token
// sees both as they are. A viewer's token may have a shorter delay than the round: the partner sees
// the boards after five minutes, the public after fifteen. A public side therefore has one tier for
// each delay of viewers. A tier is the round after the public's commands and the first of the held
// ones.

// A Sight is how a client sees a round: a number of seconds behind the boards, or one of these.
type Sight int32

const (
	// Outside is the public's sight: late if the round has a delay, nothing if its tournament is
	// private.
	Outside Sight = 0
	// Inside shows the round as it is.
	Inside Sight = -1
)

// MaxSights is how many different delays the viewers' tokens may have. Each costs what the public
// of a round with a delay costs.
const MaxSights = 8

// sight is the sight that the token gives of what it covers.
func (t *Token) sight() Sight {
	if t.Delay > 0 {
		return Sight(t.Delay)
	}
	return Inside
}

// Sight returns the sight that the token gives of the round, or of the tournament if round is
// empty. The caller checks that the role may see what a delay holds back.
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

// part is a view of a round with a delay: the round after the first of its commands.
type part struct {
	round *Round
	games map[GameID]*Game
	shown uint64 // the newest log index of the round whose effect is in it
}

// take adds the effect of one command.
func (p *part) take(h *held) {
	p.round, p.shown = h.round, h.index
	if h.game != nil {
		p.games[h.game.ID] = h.game
	}
}

// A tier is the view of the viewers with one sight.
type tier struct {
	part
	sight Sight
	taken int // how many of the commands that the public has not seen are in it
}

// delay is the delay of the tier in its round.
func (t *tier) delay(p *publicSide) Millis { return min(seconds(int(t.sight)), p.delay) }

// tier returns the tier of the sight, nil if there is none.
func (p *publicSide) tier(sight Sight) *tier {
	for _, t := range p.tiers {
		if t.sight == sight {
			return t
		}
	}
	return nil
}

// seen returns the view of a sight other than Inside. A sight without a tier gets the public's: its
// token was revoked a moment ago.
func (p *publicSide) seen(sight Sight) *part {
	if t := p.tier(sight); t != nil {
		return &t.part
	}
	return &p.part
}

// findTiers gives a side one tier for each sight. A new tier starts with the public's view, and an
// [EventTier] announces it.
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
