package relay

import (
	"fmt"
	"maps"
	"slices"
	"strings"
)

// This file decides how a client sees rounds with a delay, and private tournaments.
//
// The public sees a round late if it has a delay, and nothing of a private tournament. A client
// with a token sees the truth of both. A viewer's token may have a shorter delay than the round:
// the partner sees the boards after five minutes, the public after fifteen. So a round with a delay
// has one tier for each delay of the viewers' tokens. A tier is the public's view, and the first
// held commands on top of it.

// A Sight is how a client sees a round: a number of seconds late, or one of these.
type Sight int32

const (
	// Public is the public's sight: late if the round has a delay, nothing if its tournament is
	// private.
	Public Sight = 0
	// Truth is the sight of the round as it is.
	Truth Sight = -1
)

// MaxSights is how many different delays the viewers' tokens may have. Each costs as much as the
// public's view of a round with a delay.
const MaxSights = 8

// sight is the sight that the token gives of its scope.
func (t *Token) sight() Sight {
	if t.Delay > 0 {
		return Sight(t.Delay)
	}
	return Truth
}

// Sight returns the sight that the token gives of the round, or of the tournament if round is
// empty. The caller checks that the token's role may see what a delay hides.
func (t *Token) Sight(tournament TournamentID, round RoundID) Sight {
	if !t.Covers(tournament, round) {
		return Public
	}
	return t.sight()
}

// sightsAt returns the delays of the viewers' tokens that are valid at that time, ascending.
func (s *State) sightsAt(at Millis) []Sight {
	var sights []Sight
	for _, t := range s.tokens {
		if t.revoked == nil && t.Delay > 0 && t.ValidAt(at) {
			sights = append(sights, Sight(t.Delay))
		}
	}
	slices.Sort(sights)
	return slices.Compact(sights)
}

// findSights updates the delays that viewers have at that time. A delay whose tokens expire stays
// until the next call.
func (s *State) findSights(at Millis) {
	if sights := s.sightsAt(at); !slices.Equal(sights, s.sights) {
		s.sights = sights
		s.nextRelease = 0 // the rounds with a delay have other tiers now
	}
}

// sightsText lists the delays in seconds.
func sightsText(sights []Sight) string {
	return strings.Trim(strings.ReplaceAll(fmt.Sprint(sights), " ", ", "), "[]") + " s"
}

// A view is a round with a delay as one sight shows it: the round after the first of its commands.
type view struct {
	round *Round
	games map[GameID]*Game
	shown uint64 // the newest log index of the round whose effect is in it
}

// take adds the effect of a held command.
func (v *view) take(h *held) {
	v.round, v.shown = h.round, h.index
	if h.game != nil {
		v.games[h.game.ID] = h.game
	}
}

// A tier is the view of the viewers with one delay of their own.
type tier struct {
	view
	sight    Sight
	heldSeen int // how many held commands are in it
}

// delay is the tier's delay in the round.
func (t *tier) delay(d *delayedRound) Millis { return min(seconds(int(t.sight)), d.delay) }

// tier returns the tier of the sight; nil if there is none.
func (d *delayedRound) tier(sight Sight) *tier {
	for _, t := range d.tiers {
		if t.sight == sight {
			return t
		}
	}
	return nil
}

// view returns the view of a sight other than Truth. A sight without a tier gets the public's view:
// its token was revoked a moment ago.
func (d *delayedRound) view(sight Sight) *view {
	if t := d.tier(sight); t != nil {
		return &t.view
	}
	return &d.public
}

// findTiers gives the round one tier for each sight. A new tier starts with the public's view, and
// an [EventTier] announces it.
func (s *State) findTiers(d *delayedRound) {
	if slices.EqualFunc(d.tiers, s.sights, func(t *tier, sight Sight) bool { return t.sight == sight }) {
		return
	}
	tiers := make([]*tier, len(s.sights))
	for i, sight := range s.sights {
		if tiers[i] = d.tier(sight); tiers[i] == nil {
			tiers[i] = &tier{view: view{d.public.round, maps.Clone(d.public.games), d.public.shown}, sight: sight}
			s.releasedEvents = append(s.releasedEvents, Event{Type: EventTier, Index: d.public.shown, Round: d.public.round, To: ToTier, Sight: sight})
		}
	}
	d.tiers = tiers
}

// Private reports whether the tournament, the round or the game of the id is private.
func (s *State) Private(id string) bool {
	t, _, ok := s.Place(id)
	return ok && s.tournaments[t].Private
}
