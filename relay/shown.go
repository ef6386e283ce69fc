package relay

import "slices"

// This file has the public's index: the newest log index whose effect the public may see. All that
// the public is told goes by it, and by nothing that a held command moves. Otherwise a page that
// counts would tell that something has happened, though not what.

// Shown returns the newest log index whose effect the public may see, of a state that stands at
// applied. Where no round has a delay, that is applied.
func (s *State) Shown(applied uint64) uint64 {
	if len(s.sides) == 0 {
		return applied
	}
	return s.shown
}

// Released is how many held commands have become public. With the index up to which a state was
// applied, it tells whether a reader can see anything new.
func (s *State) Released() uint64 { return s.releases }

// show notes what the public may see of a command at once.
func (s *State) show(out *Outcome) {
	switch {
	case out.Err != nil || out.Duplicate:
	case out.side == nil, out.Game == nil && out.renews: // a round is gone, or there again, at once
		s.shown = out.Index
	case out.renews:
		// The public has no news of a game that it has not seen yet.
		if !out.side.has(out.Game.ID) {
			out.renews = false
			out.renewsViewers = slices.ContainsFunc(out.side.tiers, func(t *tier) bool { return t.has(out.Game.ID) })
		} else {
			s.shown = out.Index
		}
	}
}

// has reports whether there is the game in it.
func (p *part) has(id GameID) bool {
	g := p.games[id]
	return g != nil && g.Deleted == nil
}

// newest is the newest log index that the values of the public side bear.
func (p *publicSide) newest() uint64 {
	index := newestOf(p.round.Index, p.round.Updates)
	for _, g := range p.games {
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

// findShown finds the public's index in the values of a state that was loaded.
func (s *State) findShown() {
	for _, t := range s.tournaments {
		s.shown = max(s.shown, newestOf(t.Index, t.Updates))
	}
	for id, r := range s.rounds {
		p := s.sides[id]
		if p == nil {
			s.shown = max(s.shown, newestOf(r.Index, r.Updates))
			continue
		}
		p.shown = p.newest()
		s.shown = max(s.shown, p.shown)
		if r.Deleted != nil {
			s.shown = max(s.shown, r.Deleted.Index)
		}
	}
	for g := range s.games.all {
		switch {
		case g.side == nil:
			s.shown = max(s.shown, g.Index)
		case g.Deleted != nil && g.side.games[g.ID] != nil:
			s.shown = max(s.shown, g.Deleted.Index)
		}
	}
}
