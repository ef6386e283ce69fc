package base

import (
	"errors"
	"net/http"

	"github.com/chessrelay/chessrelay/relay"
)

// TruthState reads the state itself, for what no [relay.Reader] tells.
func (s *Server) TruthState(f func(*relay.State)) (index uint64) {
	s.Boards.Read(func(applied uint64, b *relay.State) {
		index = applied
		f(b)
	})
	return index
}

// Explain adds to a not-found error that the thing was deleted. It tells a client that may restore
// it how to do so.
func (s *Server) Explain(r *http.Request, err error) error {
	if missing, ok := errors.AsType[*relay.NotFoundError](err); ok {
		s.TruthState(func(b *relay.State) {
			tournament, round, _ := b.Place(missing.ID)
			if !b.Private(missing.ID) || CallerOf(r).Sight(tournament, round) != relay.Public {
				err = b.Missing(missing.What, missing.ID)
			}
		})
	}
	gone, ok := errors.AsType[*relay.DeletedError](err)
	if !ok {
		return err
	}
	e := &Error{
		Status: http.StatusNotFound, Code: "not_found", Message: gone.Error(),
		More: map[string]any{"deletedAt": gone.At},
	}
	late := gone.Late || relay.Millis(s.Now().UnixMilli()) > gone.Until()
	var tournament relay.TournamentID
	var round relay.RoundID
	s.place(gone.ID, &tournament, &round)
	if s.Can(r, Organise, tournament, round) && !late {
		e.Message += "; POST /api/" + gone.What + "s/" + gone.ID + "/restore brings it back"
		e.More["restorableUntil"] = gone.Until()
	}
	return e
}
