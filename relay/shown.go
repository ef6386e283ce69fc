package relay

import "slices"

// This file keeps the public's index: the newest log index whose effect the public may see. The
// public is told no other index, and no held command moves this one. Otherwise a page that counts
// would show that something has happened, though not what.

// Shown returns the newest log index whose effect the public may see, of a state that has applied
// the log up to applied. Without a round with a delay, that is applied.
func (s *State) Shown(applied uint64) uint64 {
	if len(s.delayed) == 0 {
		return applied
	}
	return s.shown
}

// Released is how many held commands have become public. Together with the applied index it tells
// whether a reader can see anything new.
func (s *State) Released() uint64 { return s.releaseCount }

// noteShown notes what the public may see of a command at once.
func (s *State) noteShown(out *Outcome) {
	switch {
	case out.Err != nil || out.Duplicate:
	case out.Tournament == nil && out.Round == nil && out.Game == nil: // a token; findShown must agree
	case out.delayed == nil, out.Game == nil && out.renews: // a whole round
		s.shown = out.Index
	case out.renews:
		// The public has not seen the game, so its deletion is no news to the public.
		if !out.delayed.public.has(out.Game.ID) {
			out.renews = false
			out.renewsTiers = slices.ContainsFunc(out.delayed.tiers, func(t *tier) bool { return t.has(out.Game.ID) })
		} else {
			s.shown = out.Index
		}
	}
}

// has reports whether the game is in it, and not deleted.
func (v *view) has(id GameID) bool {
	g := v.games[id]
	return g != nil && g.Deleted == nil
}

// newest is the newest log index in the public's view.
func (d *delayedRound) newest() uint64 {
	index := newestOf(d.public.round.Index, d.public.round.Updates)
	for _, g := range d.public.games {
		index = max(index, g.Index)
	}
	return index
}

func newestOf(created uint64, updates []Update) uint64 {
	if n := len(updates); n > 0 {
		return max(created, updates[n-1].Index)
	}
	return created
}

// findShown derives the public's index of a state that was loaded.
func (s *State) findShown() {
	for _, t := range s.tournaments {
		s.shown = max(s.shown, newestOf(t.Index, t.Updates))
	}
	for id, r := range s.rounds {
		d := s.delayed[id]
		if d == nil {
			s.shown = max(s.shown, newestOf(r.Index, r.Updates))
			continue
		}
		d.public.shown = d.newest()
		s.shown = max(s.shown, d.public.shown)
		if r.Deleted != nil {
			s.shown = max(s.shown, r.Deleted.Index)
		}
	}
	for g := range s.games.all {
		switch {
		case g.delayed == nil:
			s.shown = max(s.shown, g.Index)
		case g.Deleted != nil && g.delayed.public.games[g.ID] != nil:
			s.shown = max(s.shown, g.Deleted.Index)
		}
	}
}
