package relay

import (
	"cmp"
	"slices"
)

// creationKey is the key of what a request has created. scope is the id of the tournament or round
// in which it was created; empty for a tournament.
type creationKey struct{ scope, request string }

// idTaken reports whether anything has the id. Ids are unique across tournaments, rounds and games,
// so that an id alone in a URL is never ambiguous.
func (s *State) idTaken(id string) bool {
	_, t := s.tournaments[TournamentID(id)]
	_, r := s.rounds[RoundID(id)]
	g := s.games.get(GameID(id)) != nil
	return t || r || g
}

// putTournament stores a new version of t, and updates the indexes.
func (s *State) putTournament(t *Tournament) {
	old := s.tournaments[t.ID]
	s.tournaments[t.ID] = t
	s.creations[creationKey{"", t.Request}] = string(t.ID)
	i := slices.Index(s.newestFirst, old)
	switch {
	case old != nil && i >= 0 && t.Deleted != nil:
		s.newestFirst = slices.Delete(s.newestFirst, i, i+1)
	case old != nil && i >= 0:
		s.newestFirst[i] = t
	case t.Deleted == nil:
		i, _ := slices.BinarySearchFunc(s.newestFirst, t, newerTournament)
		s.newestFirst = slices.Insert(s.newestFirst, i, t)
	}
}

func newerTournament(a, b *Tournament) int { return cmp.Compare(b.Index, a.Index) }

// addRound stores a new round, and a new version of its tournament with it.
func (s *State) addRound(r *Round) {
	s.rounds[r.ID] = r
	s.indexSources(r)
	s.creations[creationKey{string(r.Tournament), r.Request}] = string(r.ID)

	if r.Deleted != nil {
		return
	}
	t := *s.tournaments[r.Tournament]
	// Appending shares the array with the version before. That version ends before the new element,
	// so its readers never see it.
	t.Rounds = append(t.Rounds, r.ID)
	s.putTournament(&t)
}

// addGame stores a new game, and a new version of its round with it.
func (s *State) addGame(g *liveGame) {
	s.games.add(g)
	s.creations[creationKey{string(g.Round), g.Request}] = string(g.ID)
	if g.Deleted != nil {
		s.deleted[g.Round] = append(s.deleted[g.Round], g.ID)
		return
	}
	s.placeOnBoard(g)
}

// placeOnBoard stores a new version of the game's round with the game at its board, which is free.
func (s *State) placeOnBoard(g *liveGame) {
	r := *s.rounds[g.Round]
	at, _ := s.findBoard(&r, g.Board)
	if at == len(r.Games) {
		r.Games = append(r.Games, g.ID) // see addRound
	} else {
		r.Games = slices.Insert(slices.Clone(r.Games), at, g.ID)
	}
	s.rounds[r.ID] = &r
}

// findBoard returns the place of the board among the round's games, and whether it is taken.
func (s *State) findBoard(r *Round, board int) (at int, taken bool) {
	if at = len(r.Games); at == 0 || s.games.get(r.Games[at-1]).Board < board { // nearly always
		return at, false
	}
	return slices.BinarySearchFunc(r.Games, board, func(id GameID, board int) int {
		return cmp.Compare(s.games.get(id).Board, board)
	})
}
