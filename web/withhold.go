package web

import (
	"errors"
	"net/http"

	"github.com/go-chi/chi/v5"

	"github.com/chessrelay/chessrelay/relay"
)

// withheld are the refusals that tell how a game stands.
var withheld = []error{relay.ErrPlyConflict, relay.ErrIllegalMove, relay.ErrGameOver, relay.ErrLocked, relay.ErrBoardTaken, relay.ErrLimit, relay.ErrBadCommand}

// describe makes an answer of an error. Of a round with a delay, a client that does not show the
// token is told what the public may see of the game, and the code.
func (s *Server) describe(r *http.Request, err error) *apiError {
	e := describe(s.explain(r, err))
	tells := false
	for _, kind := range withheld {
		tells = tells || errors.Is(err, kind)
	}
	if !tells {
		return e
	}
	game, round, delay := s.publicGame(r)
	if !delay || s.access.Sees(r, round) {
		return e
	}
	if b, ok := errors.AsType[*relay.BadCommandError](err); ok && b.Field != "toPly" && b.Field != "fields" {
		return e // it judges the request alone
	}
	more := map[string]any{}
	for name, v := range e.More {
		more[name] = v
	}
	if c, ok := errors.AsType[*relay.PlyConflictError](err); ok {
		more["expected"], more["current"] = relay.Ply(1), nil
		if game != nil {
			more["expected"] = game.Ply() + 1
			if m := game.MoveAt(c.Ply); m.Ply != 0 {
				more["current"] = m
			}
		}
	}
	if _, ok := more["fen"]; ok {
		if more["fen"] = relay.StartFEN; game != nil {
			more["fen"] = game.FEN()
		}
	}
	return &apiError{
		Status: e.Status, Code: e.Code, More: more,
		Message: "this does not fit the game as it stands; its round has a delay, so only a client that shows the token is told more",
	}
}

// publicGame is the game that the path names, as the public may see it; nil if the path names none
// that the public has. Round is the one that the path names, or that of the game, and delay reports
// whether it has one.
func (s *Server) publicGame(r *http.Request) (game *relay.Game, round relay.RoundID, delay bool) {
	s.cfg.Boards.Read(func(applied uint64, b *relay.State) {
		round = relay.RoundID(chi.URLParam(r, "rid"))
		if id := relay.GameID(chi.URLParam(r, "gid")); id != "" {
			if g, ok := b.Game(id); ok {
				round = g.Round
			}
			game, _ = b.Public(applied).Game(id)
		}
		delay = b.HasDelay(round)
	})
	return game, round, delay
}
