package web

import (
	"sync"

	"github.com/chessrelay/chessrelay/relay"
	"github.com/chessrelay/chessrelay/relay/chain"
)

// This file makes the audit trails that the API shows. Each line has a hash over it and the lines
// before it, see package chain. No hash that a reader is shown covers what the reader may not see.

// maxSealedGames is the most games that a tournament may have for its history to have a seal.
const maxSealedGames = 10_000

// seals remembers the seals of games: the more moves a game has, the longer one takes.
type seals struct {
	mu sync.Mutex
	of map[relay.GameID]sealed // guarded by mu
}

// sealed is the seal of one version of a game, the one that index made.
type sealed struct {
	index uint64
	seal  string
}

// game returns the seal of a game.
func (s *seals) game(g *relay.Game) (string, error) {
	s.mu.Lock() // to the end: many requests for the same seal use one processor
	defer s.mu.Unlock()
	if known, ok := s.of[g.ID]; ok && known.index == g.Index {
		return known.seal, nil
	}
	seal, err := chain.SealGame(g)
	if err != nil {
		return "", err
	}
	if s.of == nil || len(s.of) >= 2*maxSealedGames {
		s.of = map[relay.GameID]sealed{}
	}
	s.of[g.ID] = sealed{g.Index, seal}
	return seal, nil
}

// sealedRound is a round with its games, as one client may see them.
type sealedRound struct {
	*relay.Round
	updates []relay.Update
	games   []*relay.Game
}

// trail is the answer about a tournament or a round. If it has too many games, there is no seal.
func trail(what, id string, index uint64, updates []relay.Update, stands any, of string, parts []chain.Part, whole bool) (map[string]any, error) {
	if n := len(updates); n > 0 {
		index = updates[n-1].Index
	}
	history, head, err := chain.Updates(what, id, updates)
	if err != nil {
		return nil, err
	}
	out := map[string]any{what: id, "index": index, "history": history, "stands": stands, "head": head}
	if whole {
		out[of] = append([]chain.Part{}, parts...)
		out["seal"], err = chain.Seal(head, stands, parts)
	}
	return out, err
}

// roundTrail returns the answer to GET /api/rounds/{rid}/history.
func (s *Server) roundTrail(r *sealedRound) (map[string]any, error) {
	var parts []chain.Part
	for _, g := range r.games {
		seal, err := s.seals.game(g)
		if err != nil {
			return nil, err
		}
		parts = append(parts, chain.Part{ID: string(g.ID), Seal: seal})
	}
	stands := chain.NameStands{Name: r.Name, StartsAt: r.StartsAt}
	return trail("round", string(r.ID), r.Index, r.updates, stands, "games", parts, true)
}

// tournamentTrail returns the answer to GET /api/tournaments/{tid}/history.
func (s *Server) tournamentTrail(t *relay.Tournament, rounds []sealedRound) (map[string]any, error) {
	games := 0
	for i := range rounds {
		games += len(rounds[i].games)
	}
	var parts []chain.Part
	for i := range rounds {
		if games > maxSealedGames {
			break
		}
		round, err := s.roundTrail(&rounds[i])
		if err != nil {
			return nil, err
		}
		parts = append(parts, chain.Part{ID: string(rounds[i].ID), Seal: round["seal"].(string)})
	}
	return trail("tournament", string(t.ID), t.Index, t.Updates, chain.NameStands{Name: t.Name}, "rounds", parts, games <= maxSealedGames)
}

// gameTrail returns the answer to GET /api/games/{gid}/history.
func gameTrail(g *relay.Game) (map[string]any, error) {
	history, moves, head, err := chain.Game(g)
	if err != nil {
		return nil, err
	}
	stands := chain.StandsOf(g)
	seal, err := chain.Seal(head, stands, nil)
	return map[string]any{
		"game": g.ID, "index": g.Index, "history": history, "moves": moves, "stands": stands, "head": head, "seal": seal,
	}, err
}
