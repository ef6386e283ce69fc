package web

import (
	"net/http"

	"github.com/chessrelay/chessrelay/broadcast/engine"
	"github.com/chessrelay/chessrelay/relay"
	"github.com/chessrelay/chessrelay/web/base"
)

// plyEvaluation is what an engine thinks of the position after a ply.
type plyEvaluation struct {
	Ply relay.Ply `json:"ply"`
	relay.Score
}

// getEvaluations is GET /api/games/{gid}/evaluations: what is known of each position of the game.
func (s *Server) getEvaluations(r *http.Request) (base.Answer, error) {
	v, index, err := s.gameView(r)
	if err != nil {
		return base.Answer{}, err
	}
	if !s.HasEngine() {
		return base.Answer{}, base.NotFound("no engine works for this node; another node may have one (serve --engine)")
	}
	g := v.Games[0]
	out := struct {
		Game        relay.GameID    `json:"game"`
		On          bool            `json:"on"`
		Evaluations []plyEvaluation `json:"evaluations"`
	}{g.ID, !s.EvaluationsOff(g.Round), []plyEvaluation{}}
	for ply, e := range s.EvaluationsOf(g) {
		if e != nil {
			out.Evaluations = append(out.Evaluations, plyEvaluation{relay.Ply(ply), e.Score()})
		}
	}
	return base.OKAt(index, out)
}

// engineStats is how this node's engine does; nil: it has none.
func (s *Server) engineStats() *engine.Stats {
	if s.Engine == nil {
		return nil
	}
	return new(s.Engine.Stats())
}

// engineMetrics adds the metrics of evaluations.
func (s *Server) engineMetrics(gauge func(string, float64), counter func(string, uint64)) {
	if s.Evaluations != nil {
		gauge("evaluations_kept", float64(s.Evaluations.Len()))
		counter("evaluations_sent_total", s.cfg.Hub.Stats().Evaluations)
	}
	e := s.engineStats()
	if e == nil {
		return
	}
	running := 0.0
	if e.Running {
		running = 1
	}
	gauge("engine_running", running)
	gauge("engine_queue", float64(e.Queue))
	counter("engine_restarts_total", e.Restarts)
	counter("evaluations_total", e.Evaluations)
}

// pgnEvaluations is [base.Server.PGNEvaluations], and answers a request that cannot be read.
func (s *Server) pgnEvaluations(w http.ResponseWriter, r *http.Request) (of func(*relay.Game) []*relay.Evaluation, ok bool) {
	of, err := s.PGNEvaluations(r)
	if err != nil {
		s.Fail(w, r, err)
	}
	return of, err == nil
}
