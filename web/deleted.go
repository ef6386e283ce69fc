package web

import (
	"errors"
	"net/http"
	"slices"

	"github.com/go-chi/chi/v5"

	"github.com/chessrelay/chessrelay/relay"
	"github.com/chessrelay/chessrelay/relay/relaypb"
)

// deletable are the kinds of things that can be deleted, each with its path and its parameter.
var deletable = []struct{ what, path, param string }{
	{"tournament", "/tournaments/{tid}", "tid"},
	{"round", "/rounds/{rid}", "rid"},
	{"game", "/games/{gid}", "gid"},
}

// deletionRoutes adds DELETE …/{id} and POST …/{id}/restore for each kind.
func (s *Server) deletionRoutes(r chi.Router) {
	for _, kind := range deletable {
		id := func(r *http.Request) string { return chi.URLParam(r, kind.param) }
		r.Delete(kind.path, s.handle(func(r *http.Request) (answer, error) {
			return s.deleteOrRestore(r, kind.what, id(r), func(c *relaypb.Command, reason string) {
				c.Op = &relaypb.Command_Delete{Delete: &relaypb.Delete{Id: id(r), Reason: reason}}
			})
		}))
		r.Post(kind.path+"/restore", s.handle(func(r *http.Request) (answer, error) {
			return s.deleteOrRestore(r, kind.what, id(r), func(c *relaypb.Command, reason string) {
				c.Op = &relaypb.Command_Restore{Restore: &relaypb.Restore{Id: id(r), Reason: reason}}
			})
		}))
	}
}

// deleteOrRestore submits the command that set makes. The body may be empty.
func (s *Server) deleteOrRestore(r *http.Request, what, id string, set func(c *relaypb.Command, reason string)) (answer, error) {
	var in struct {
		Reason string `json:"reason"`
	}
	if r.ContentLength != 0 {
		if err := readJSON(r, &in); err != nil {
			return answer{}, err
		}
	}
	c, err := s.command(r)
	if err != nil {
		return answer{}, err
	}
	if err := s.mustHave(r, what, id); err != nil {
		return answer{}, err
	}
	set(c, in.Reason)
	o, err := s.submitOne(r, c)
	if err != nil {
		return answer{}, err
	}
	d := relay.Deleted{Game: o.Game}
	switch what {
	case "round":
		d = relay.Deleted{Round: o.Round}
	case "tournament":
		d = relay.Deleted{Tournament: o.Tournament}
	}
	return ok(withOutcome(o, deletedJSON(d)))
}

// mustHave fails unless there is a thing of that kind with the id, deleted or not. A command has
// only the id. So without this check, a round's id would be taken where a game's is expected.
func (s *Server) mustHave(r *http.Request, what, id string) error {
	has := func() (yes bool) {
		s.cfg.Boards.Read(func(_ uint64, b *relay.State) { yes = b.Has(what, id) })
		return yes
	}
	if has() {
		return nil
	}
	// This node may be behind.
	ctx, cancel := s.deadline(r)
	defer cancel()
	if err := s.cfg.Node.ReadIndex(ctx); err != nil {
		return err
	}
	if !has() {
		return &relay.NotFoundError{What: what, ID: id}
	}
	return nil
}

// getDeleted is GET /api/deleted: what can be restored, newest first.
func (s *Server) getDeleted(r *http.Request) (answer, error) {
	var list []relay.Deleted
	index := s.truthState(func(b *relay.State) {
		list = b.DeletedSince(relay.Millis(s.cfg.Now().UnixMilli()) - relay.RestoreFor)
		list = slices.DeleteFunc(list, func(d relay.Deleted) bool {
			c := callerOf(r)
			tournament, round, _ := b.Place(d.ID())
			return c.Token != nil && !c.can(actOrganise, tournament, round)
		})
	})
	out := make([]fields, len(list))
	for i, d := range list {
		out[i] = deletedJSON(d)
	}
	return ok(indexed{index, map[string]any{"deleted": out}})
}

// truthState reads the state itself, for what no [relay.Reader] tells.
func (s *Server) truthState(f func(*relay.State)) (index uint64) {
	s.cfg.Boards.Read(func(applied uint64, b *relay.State) {
		index = applied
		f(b)
	})
	return index
}

// deletedJSON is something that was deleted or restored.
func deletedJSON(d relay.Deleted) fields {
	out := fields{}
	switch {
	case d.Tournament != nil:
		out["type"], out["id"], out["name"] = "tournament", d.Tournament.ID, d.Tournament.Name
	case d.Round != nil:
		out["type"], out["id"], out["name"] = "round", d.Round.ID, d.Round.Name
		out["tournament"] = d.Round.Tournament
	default:
		out["type"], out["id"], out["name"] = "game", d.Game.ID, d.Game.White.Name+" – "+d.Game.Black.Name
		out["round"], out["board"] = d.Game.Round, d.Game.Board
	}
	if is := d.Deletion(); is != nil {
		out["deleted"], out["restorableUntil"] = is, is.Until()
	}
	return out
}

// explain adds to a not-found error that the thing was deleted. It tells a client that may restore
// it how to do so.
func (s *Server) explain(r *http.Request, err error) error {
	if missing, ok := errors.AsType[*relay.NotFoundError](err); ok {
		s.truthState(func(b *relay.State) {
			tournament, round, _ := b.Place(missing.ID)
			if !b.Private(missing.ID) || callerOf(r).sight(tournament, round) != relay.Public {
				err = b.Missing(missing.What, missing.ID)
			}
		})
	}
	gone, ok := errors.AsType[*relay.DeletedError](err)
	if !ok {
		return err
	}
	e := &apiError{
		Status: http.StatusNotFound, Code: "not_found", Message: gone.Error(),
		More: map[string]any{"deletedAt": gone.At},
	}
	late := gone.Late || relay.Millis(s.cfg.Now().UnixMilli()) > gone.Until()
	var tournament relay.TournamentID
	var round relay.RoundID
	s.place(gone.ID, &tournament, &round)
	if s.can(r, actOrganise, tournament, round) && !late {
		e.Message += "; POST /api/" + gone.What + "s/" + gone.ID + "/restore brings it back"
		e.More["restorableUntil"] = gone.Until()
	}
	return e
}
