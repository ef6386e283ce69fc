package web

import (
	"net/http"
	"slices"

	"github.com/go-chi/chi/v5"

	"github.com/chessrelay/chessrelay/relay"
	"github.com/chessrelay/chessrelay/relay/relaypb"
	"github.com/chessrelay/chessrelay/web/base"
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
		r.Delete(kind.path, s.Handle(func(r *http.Request) (base.Answer, error) {
			return s.deleteOrRestore(r, kind.what, id(r), func(c *relaypb.Command, reason string) {
				c.Op = &relaypb.Command_Delete{Delete: &relaypb.Delete{Id: id(r), Reason: reason}}
			})
		}))
		r.Post(kind.path+"/restore", s.Handle(func(r *http.Request) (base.Answer, error) {
			return s.deleteOrRestore(r, kind.what, id(r), func(c *relaypb.Command, reason string) {
				c.Op = &relaypb.Command_Restore{Restore: &relaypb.Restore{Id: id(r), Reason: reason}}
			})
		}))
	}
}

// deleteOrRestore submits the command that set makes. The body may be empty.
func (s *Server) deleteOrRestore(r *http.Request, what, id string, set func(c *relaypb.Command, reason string)) (base.Answer, error) {
	var in struct {
		Reason string `json:"reason"`
	}
	if r.ContentLength != 0 {
		if err := base.ReadJSON(r, &in); err != nil {
			return base.Answer{}, err
		}
	}
	c, err := s.NewCommand(r)
	if err != nil {
		return base.Answer{}, err
	}
	if err := s.mustHave(r, what, id); err != nil {
		return base.Answer{}, err
	}
	set(c, in.Reason)
	o, err := s.SubmitOne(r, c)
	if err != nil {
		return base.Answer{}, err
	}
	d := relay.Deleted{Game: o.Game}
	switch what {
	case "round":
		d = relay.Deleted{Round: o.Round}
	case "tournament":
		d = relay.Deleted{Tournament: o.Tournament}
	}
	return base.OK(withOutcome(o, deletedJSON(d)))
}

// mustHave fails unless there is a thing of that kind with the id, deleted or not. A command has
// only the id. So without this check, a round's id would be taken where a game's is expected.
func (s *Server) mustHave(r *http.Request, what, id string) error {
	has := func() (yes bool) {
		s.Boards.Read(func(_ uint64, b *relay.State) { yes = b.Has(what, id) })
		return yes
	}
	if has() {
		return nil
	}
	// This node may be behind.
	ctx, cancel := s.Deadline(r)
	defer cancel()
	if err := s.Node.ReadIndex(ctx); err != nil {
		return err
	}
	if !has() {
		return &relay.NotFoundError{What: what, ID: id}
	}
	return nil
}

// getDeleted is GET /api/deleted: what can be restored, newest first.
func (s *Server) getDeleted(r *http.Request) (base.Answer, error) {
	var list []relay.Deleted
	index := s.TruthState(func(b *relay.State) {
		list = b.DeletedSince(relay.Millis(s.Now().UnixMilli()) - relay.RestoreFor)
		list = slices.DeleteFunc(list, func(d relay.Deleted) bool {
			c := base.CallerOf(r)
			tournament, round, _ := b.Place(d.ID())
			return c.Token != nil && !c.Can(base.Organise, tournament, round)
		})
	})
	out := make([]fields, len(list))
	for i, d := range list {
		out[i] = deletedJSON(d)
	}
	return base.OKAt(index, map[string]any{"deleted": out})
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
