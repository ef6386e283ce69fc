package relay

import (
	"math"
)

// A Reader finds tournaments, rounds and games as one client may see them. The values are
// immutable. A [State] is a Reader of the truth.
type Reader interface {
	// Tournaments returns all of them, newest first.
	Tournaments() []*Tournament
	// Tournament returns the tournament with the id.
	Tournament(TournamentID) (*Tournament, bool)
	// Round returns the round with the id.
	Round(RoundID) (*Round, bool)
	// Game returns the game with the id.
	Game(GameID) (*Game, bool)
	// DeletedGames returns the games of a round that were deleted themselves. Only a reader of the
	// truth finds any.
	DeletedGames(RoundID) []*Game
}

// A SightReader is a Reader for a client that does not see everything. It shows rounds with a delay
// late, and of private tournaments only what a token covers. It is valid until the State changes.
type SightReader struct {
	s     *State
	upTo  uint64                            // see State.Shown
	least uint64                            // of the delayed views that were read; MaxUint64: none
	sight func(TournamentID, RoundID) Sight // see ReaderFor
}

// Public returns the public's Reader, of a state that has applied the log up to applied.
func (s *State) Public(applied uint64) *SightReader {
	return s.ReaderFor(applied, func(TournamentID, RoundID) Sight { return Public })
}

// ReaderFor returns the Reader for a client, of a state that has applied the log up to applied.
// sight returns the client's sight of a round, or of a tournament if the round is empty.
func (s *State) ReaderFor(applied uint64, sight func(TournamentID, RoundID) Sight) *SightReader {
	return &SightReader{s, s.Shown(applied), math.MaxUint64, sight}
}

// Index is the log index up to which nothing is missing in what was read, so a client may use it as
// its cursor. It is [State.Shown] or, if rounds with a delay were read, the least of their newest
// public indexes. Held commands do not move it.
func (r *SightReader) Index() uint64 {
	if r.least != math.MaxUint64 {
		return r.least
	}
	return r.upTo
}

// delayedView is the view that is read of a round with a delay; nil if the truth is read.
func (r *SightReader) delayedView(d *delayedRound, sight Sight) *view {
	if d == nil || sight == Truth {
		return nil
	}
	v := d.view(sight)
	r.least = min(r.least, v.shown)
	return v
}

// Tournaments implements Reader.
func (r *SightReader) Tournaments() []*Tournament {
	all := r.s.Tournaments()
	out := all[:0]
	for _, t := range all {
		if t, ok := r.visible(t); ok {
			out = append(out, t)
		}
	}
	return out
}

// visible returns the tournament as the client may see it. A client that may see only a round of a
// private tournament gets the tournament's name and that round.
func (r *SightReader) visible(t *Tournament) (*Tournament, bool) {
	if !t.Private || r.sight(t.ID, "") != Public {
		return t, true
	}
	named := &Tournament{ID: t.ID, Name: t.Name, CreatedAt: t.CreatedAt, Index: t.Index, TournamentSettings: TournamentSettings{Private: true}}
	for _, id := range t.Rounds {
		if r.sight(t.ID, id) != Public {
			named.Rounds = append(named.Rounds, id)
		}
	}
	if named.Rounds == nil {
		return nil, false
	}
	return named, true
}

// Tournament implements Reader.
func (r *SightReader) Tournament(id TournamentID) (*Tournament, bool) {
	t, ok := r.s.Tournament(id)
	if !ok {
		return nil, false
	}
	return r.visible(t)
}

// Round implements Reader.
func (r *SightReader) Round(id RoundID) (*Round, bool) {
	round, ok := r.s.Round(id)
	if !ok {
		return nil, false
	}
	sight := r.sight(round.Tournament, id)
	if sight == Public && r.s.tournaments[round.Tournament].Private {
		return nil, false
	}
	if v := r.delayedView(r.s.delayed[id], sight); v != nil {
		return v.round, true
	}
	return round, true
}

// Game implements Reader. A new game is not found until its creation is public. A deleted one is
// gone at once, even while its round still lists it.
func (r *SightReader) Game(id GameID) (*Game, bool) {
	g := r.s.games.get(id)
	if g == nil || g.hidden {
		return nil, false
	}
	if !g.private && g.delayed == nil { // nearly always
		return g.Game, true
	}
	sight := r.sight(r.s.rounds[g.Round].Tournament, g.Round)
	if sight == Public && g.private {
		return nil, false
	}
	if v := r.delayedView(g.delayed, sight); v != nil {
		return v.games[id], v.has(id)
	}
	return g.Game, true
}

// DeletedGames implements Reader.
func (r *SightReader) DeletedGames(id RoundID) []*Game {
	if round := r.s.rounds[id]; round != nil && r.sight(round.Tournament, id) == Truth {
		return r.s.DeletedGames(id)
	}
	return nil
}
