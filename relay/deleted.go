package relay

import (
	"cmp"
	"slices"

	"github.com/chessrelay/chessrelay/relay/relaypb"
)

// This file decides what readers do not find, and how commands about it are answered.

// deletedRound returns why readers do not find a round; nil if they do.
func (s *State) deletedRound(r *Round) error {
	if r.Deleted != nil {
		return &DeletedError{What: "round", ID: string(r.ID), Deletion: *r.Deleted}
	}
	return s.deletedTournament(s.tournaments[r.Tournament])
}

func (s *State) deletedTournament(t *Tournament) error {
	if t.Deleted != nil {
		return &DeletedError{What: "tournament", ID: string(t.ID), Deletion: *t.Deleted}
	}
	return nil
}

func (s *State) deletedGame(g *Game) error {
	if g.Deleted != nil {
		return &DeletedError{What: "game", ID: string(g.ID), Deletion: *g.Deleted}
	}
	return s.deletedRound(s.rounds[g.Round])
}

// Missing explains why readers find nothing with the id. It returns a [*DeletedError] if the thing
// or its parent was deleted, and a [*NotFoundError] otherwise.
func (s *State) Missing(what, id string) error {
	var err error
	switch what {
	case "tournament":
		if t := s.tournaments[TournamentID(id)]; t != nil {
			err = s.deletedTournament(t)
		}
	case "round":
		if r := s.rounds[RoundID(id)]; r != nil {
			err = s.deletedRound(r)
		}
	case "game":
		if g := s.games.get(GameID(id)); g != nil {
			err = s.deletedGame(g.Game)
		}
	}
	if err == nil {
		err = &NotFoundError{what, id}
	}
	return err
}

// Has reports whether there is something with the id, deleted or not.
func (s *State) Has(what, id string) bool {
	switch what {
	case "tournament":
		return s.tournaments[TournamentID(id)] != nil
	case "round":
		return s.rounds[RoundID(id)] != nil
	case "game":
		return s.games.get(GameID(id)) != nil
	}
	return false
}

// DeletedGames returns the games of a round that were deleted themselves, by board and then by
// creation. Package mirror needs them, so that a source does not open them again.
func (s *State) DeletedGames(id RoundID) []*Game {
	out := make([]*Game, 0, len(s.deleted[id]))
	for _, id := range s.deleted[id] {
		out = append(out, s.games.get(id).Game)
	}
	slices.SortFunc(out, func(a, b *Game) int {
		return cmp.Or(cmp.Compare(a.Board, b.Board), cmp.Compare(a.CreatedAtIx, b.CreatedAtIx))
	})
	return out
}

// Deleted is a thing that was deleted itself, and not with its parent. One of the fields is set.
type Deleted struct {
	Tournament *Tournament
	Round      *Round
	Game       *Game
}

// Deletion returns the deletion of the thing.
func (d *Deleted) Deletion() *Deletion {
	switch {
	case d.Tournament != nil:
		return d.Tournament.Deleted
	case d.Round != nil:
		return d.Round.Deleted
	}
	return d.Game.Deleted
}

// ID returns the id of the thing.
func (d *Deleted) ID() string {
	switch {
	case d.Tournament != nil:
		return string(d.Tournament.ID)
	case d.Round != nil:
		return string(d.Round.ID)
	}
	return string(d.Game.ID)
}

// DeletedSince returns what was deleted at that time or later, newest first. It goes over all
// tournaments and rounds.
func (s *State) DeletedSince(at Millis) []Deleted {
	var out []Deleted
	add := func(d Deleted) {
		if d.Deletion() != nil && d.Deletion().At >= at {
			out = append(out, d)
		}
	}
	for _, t := range s.tournaments {
		add(Deleted{Tournament: t})
	}
	for _, r := range s.rounds {
		add(Deleted{Round: r})
	}
	for _, games := range s.deleted {
		for _, id := range games {
			add(Deleted{Game: s.games.get(id).Game})
		}
	}
	slices.SortFunc(out, func(a, b Deleted) int { return cmp.Compare(b.Deletion().Index, a.Deletion().Index) })
	return out
}

// allGames yields the games of a round, with the deleted ones.
func (s *State) allGames(r *Round) func(yield func(*liveGame) bool) {
	return func(yield func(*liveGame) bool) {
		for _, list := range [2][]GameID{r.Games, s.deleted[r.ID]} {
			for _, id := range list {
				if !yield(s.games.get(id)) {
					return
				}
			}
		}
	}
}

// markGames notes which games of a round are hidden from readers, and which are private.
func (s *State) markGames(r *Round) {
	private := s.tournaments[r.Tournament].Private
	for g := range s.allGames(r) {
		g.hidden, g.private = s.deletedGame(g.Game) != nil, private
	}
}

// refuseDeleted refuses a command about something deleted. A command whose request is known there
// passes: it is a duplicate, and is answered as ever. Moves and clocks pass too, since playMove and
// setClock know their own duplicates.
func (s *State) refuseDeleted(c *relaypb.Command) error {
	switch op := c.Op.(type) {
	case *relaypb.Command_CreateRound:
		return s.refuseTournament(op.CreateRound.Tournament, func(t *Tournament) bool {
			_, known := s.creations[creationKey{string(t.ID), c.Request}]
			return known
		})
	case *relaypb.Command_UpdateTournament:
		return s.refuseTournament(op.UpdateTournament.Tournament, func(t *Tournament) bool { return hasRequest(t.Updates, c.Request) })
	case *relaypb.Command_CreateGame:
		return s.refuseRound(op.CreateGame.Round, func(r *Round) bool {
			_, known := s.creations[creationKey{string(r.ID), c.Request}]
			return known
		})
	case *relaypb.Command_UpdateRound:
		return s.refuseRound(op.UpdateRound.Round, func(r *Round) bool { return hasRequest(r.Updates, c.Request) })
	case *relaypb.Command_TakeBack:
		return s.refuseGame(op.TakeBack.Game, c.Request)
	case *relaypb.Command_SetResult:
		return s.refuseGame(op.SetResult.Game, c.Request)
	case *relaypb.Command_CorrectMoves:
		return s.refuseGame(op.CorrectMoves.Game, c.Request)
	case *relaypb.Command_UpdateGame:
		return s.refuseGame(op.UpdateGame.Game, c.Request)
	case *relaypb.Command_Unlock:
		return s.refuseGame(op.Unlock.Game, c.Request)
	case *relaypb.Command_NoteSource:
		return s.refuseGame(op.NoteSource.Game, c.Request)
	case *relaypb.Command_AcceptSource:
		return s.refuseGame(op.AcceptSource.Game, c.Request)
	}
	return nil
}

func hasRequest(updates []Update, request string) bool {
	_, known := findUpdate(updates, request)
	return known
}

func (s *State) refuseTournament(id string, known func(*Tournament) bool) error {
	if t := s.tournaments[TournamentID(id)]; t != nil && t.Deleted != nil && !known(t) {
		return s.deletedTournament(t)
	}
	return nil
}

func (s *State) refuseRound(id string, known func(*Round) bool) error {
	r := s.rounds[RoundID(id)]
	if r == nil {
		return nil
	}
	if err := s.deletedRound(r); err != nil && !known(r) {
		return err
	}
	return nil
}

func (s *State) refuseGame(id, request string) error {
	g := s.games.get(GameID(id))
	if g == nil || !g.hidden {
		return nil
	}
	if _, known := g.findChange(request); known {
		return nil
	}
	return s.deletedGame(g.Game)
}
