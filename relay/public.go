package relay

import (
	"math"
)

// A Reader shows what there is of everything. The values are immutable. A [State] shows the truth.
type Reader interface {
	// Tournaments returns all of them, newest first.
	Tournaments() []*Tournament
	// Tournament returns the tournament with the id.
	Tournament(TournamentID) (*Tournament, bool)
	// Round returns the round with the id.
	Round(RoundID) (*Round, bool)
	// Game returns the game with the id.
	Game(GameID) (*Game, bool)
	// DeletedGames returns the games of a round that were deleted themselves; none for who sees it
	// late.
	DeletedGames(RoundID) []*Game
}

// Public is a Reader for a client that does not see everything. It shows rounds with a delay late,
// and of private tournaments only what a token covers. It is valid until the State changes.
type Public struct {
	s     *State
	upTo  uint64                            // what the public has of everything
	least uint64                            // the least index of what was read late; never if nothing was
	sight func(TournamentID, RoundID) Sight // see As
}

// Public returns what the public may see of a state that stands at applied.
func (s *State) Public(applied uint64) *Public {
	return s.As(applied, func(TournamentID, RoundID) Sight { return Outside })
}

// As returns the Reader for a client, of a state that stands at applied. sight returns the client's
// sight of a round, or of a tournament if the round is empty.
func (s *State) As(applied uint64, sight func(TournamentID, RoundID) Sight) *Public {
	return &Public{s, s.Shown(applied), math.MaxUint64, sight}
}

// Index is the log index as of which everything is that was read. It is [State.Shown] or, if rounds
// with a delay were looked at, the newest index of them whose effect is in what was read: the least
// of those. Nothing up to it is missing, and so it may be a cursor. What is held back does not move
// it.
func (p *Public) Index() uint64 {
	if p.least != math.MaxUint64 {
		return p.least
	}
	return p.upTo
}

// seen is the part that is read of a round with a delay; nil if the round is read as it is.
func (p *Public) seen(side *publicSide, sight Sight) *part {
	if side == nil || sight == Inside {
		return nil
	}
	part := side.seen(sight)
	p.least = min(p.least, part.shown)
	return part
}

// Tournaments implements Reader.
func (p *Public) Tournaments() []*Tournament {
	all := p.s.Tournaments()
	out := all[:0]
	for _, t := range all {
		if t, ok := p.seenOf(t); ok {
			out = append(out, t)
		}
	}
	return out
}

// seenOf returns the tournament as the client may see it. A client that may see only a round of a
// private tournament gets its name and that round.
func (p *Public) seenOf(t *Tournament) (*Tournament, bool) {
	if !t.Private || p.sight(t.ID, "") != Outside {
		return t, true
	}
	named := &Tournament{ID: t.ID, Name: t.Name, CreatedAt: t.CreatedAt, Index: t.Index, TournamentSettings: TournamentSettings{Private: true}}
	for _, id := range t.Rounds {
		if p.sight(t.ID, id) != Outside {
			named.Rounds = append(named.Rounds, id)
		}
	}
	if named.Rounds == nil {
		return nil, false
	}
	return named, true
}

// Tournament implements Reader.
func (p *Public) Tournament(id TournamentID) (*Tournament, bool) {
	t, ok := p.s.Tournament(id)
	if !ok {
		return nil, false
	}
	return p.seenOf(t)
}

// Round implements Reader.
func (p *Public) Round(id RoundID) (*Round, bool) {
	r, ok := p.s.Round(id)
	if !ok {
		return nil, false
	}
	sight := p.sight(r.Tournament, id)
	if sight == Outside && p.s.tournaments[r.Tournament].Private {
		return nil, false
	}
	if part := p.seen(p.s.sides[id], sight); part != nil {
		return part.round, true
	}
	return r, true
}

// Game implements Reader. A game that was created is not there until that is public; one that was
// deleted is gone at once, also while its round still names it.
func (p *Public) Game(id GameID) (*Game, bool) {
	g := p.s.games.get(id)
	if g == nil || g.gone {
		return nil, false
	}
	if !g.private && g.side == nil { // the usual
		return g.Game, true
	}
	sight := p.sight(p.s.rounds[g.Round].Tournament, g.Round)
	if sight == Outside && g.private {
		return nil, false
	}
	if part := p.seen(g.side, sight); part != nil {
		return part.games[id], part.has(id)
	}
	return g.Game, true
}

// DeletedGames implements Reader: only who sees a round as it is has them.
func (p *Public) DeletedGames(id RoundID) []*Game {
	if r := p.s.rounds[id]; r != nil && p.sight(r.Tournament, id) == Inside {
		return p.s.DeletedGames(id)
	}
	return nil
}
