package base

import (
	"net/http"
	"strconv"

	"github.com/chessrelay/chessrelay/relay"
)

// HasEngine reports whether an engine works for this node.
func (s *Server) HasEngine() bool { return s.Evaluations != nil && s.Evaluations.Available() }

// EvaluationsOff reports whether the arbiter has switched evaluations off for the round: now, for
// everybody, whatever its delay.
func (s *Server) EvaluationsOff(id relay.RoundID) (off bool) {
	s.TruthState(func(b *relay.State) { off = b.EvaluationsOff(id) })
	return off
}

// EvaluationsOf returns the evaluation of each position of a game, from the start position on. g is
// the game as the client sees it, so none is of a position that the client does not see yet.
func (s *Server) EvaluationsOf(g *relay.Game) []*relay.Evaluation {
	if !s.HasEngine() || s.EvaluationsOff(g.Round) {
		return nil
	}
	return s.Evaluations.Of(g)
}

// PGNEvaluations reads ?evals=, and returns what a PGN writer needs; nil if the client does not
// want them.
func (s *Server) PGNEvaluations(r *http.Request) (func(*relay.Game) []*relay.Evaluation, error) {
	text := r.URL.Query().Get("evals")
	if text == "" {
		return nil, nil
	}
	wants, err := strconv.ParseBool(text)
	if err != nil {
		return nil, BadRequest("evals is 1 or 0, not %q", text)
	}
	if !wants {
		return nil, nil
	}
	return s.EvaluationsOf, nil
}
