package relay

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
	// DeletedGames returns the games of a round that were deleted themselves; none for the public.
	DeletedGames(RoundID) []*Game
}

// Public is a Reader that shows what the public may see: rounds with a delay as they stood then, all others as they are. It is
// as good as the State that it was got from: not after that has gone on. One read is one Public.
type Public struct {
	s    *State
	upTo uint64
	sees func(TournamentID, RoundID) bool // see PublicBut; nil: nothing
}

// Public returns what the public may see of a state that stands at applied.
func (s *State) Public(applied uint64) *Public { return s.PublicBut(applied, nil) }

// PublicBut is Public, but the rounds for which sees reports true are shown as they are.
func (s *State) PublicBut(applied uint64, sees func(TournamentID, RoundID) bool) *Public {
	return &Public{s, s.Shown(applied), sees}
}

// asIs reports whether the round is shown as it is.
func (p *Public) asIs(id RoundID) bool {
	r := p.s.rounds[id]
	return p.sees != nil && r != nil && p.sees(r.Tournament, id)
}

// Index is the log index as of which everything is that was read. It is [State.Shown], or less if a
// round with a delay was looked at: the newest index of that round whose effect the public has.
// Nothing up to it is missing, and so it may be a cursor. What is held back does not move it.
func (p *Public) Index() uint64 { return p.upTo }

func (p *Public) saw(side *publicSide) { p.upTo = min(p.upTo, side.shown) }

// Tournaments implements Reader.
func (p *Public) Tournaments() []*Tournament { return p.s.Tournaments() }

// Tournament implements Reader.
func (p *Public) Tournament(id TournamentID) (*Tournament, bool) { return p.s.Tournament(id) }

// Round implements Reader.
func (p *Public) Round(id RoundID) (*Round, bool) {
	side := p.s.sides[id]
	if side == nil || p.asIs(id) || p.s.deletedRound(p.s.rounds[id]) != nil {
		return p.s.Round(id)
	}
	p.saw(side)
	return side.round, true
}

// Game implements Reader. A game that was created is not there until that is public; one that was
// deleted is gone at once, also while its round still names it.
func (p *Public) Game(id GameID) (*Game, bool) {
	g := p.s.games.get(id)
	if g == nil || g.gone {
		return nil, false
	}
	if g.side != nil && !p.asIs(g.Round) {
		p.saw(g.side)
		out, ok := g.side.games[id]
		return out, ok && out.Deleted == nil
	}
	return g.Game, true
}

// DeletedGames implements Reader: for the public there are none.
func (p *Public) DeletedGames(id RoundID) []*Game {
	if p.asIs(id) {
		return p.s.DeletedGames(id)
	}
	return nil
}
