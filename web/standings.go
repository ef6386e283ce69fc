package web

import (
	"fmt"
	"net/http"

	"github.com/chessrelay/chessrelay/relay"
	"github.com/chessrelay/chessrelay/relay/standings"
	"github.com/chessrelay/chessrelay/web/base"
	"github.com/go-chi/chi/v5"
)

// getStandings is GET /api/tournaments/{tid}/standings. A client that has the current table gets a
// 304 without a table being made.
func (s *Server) getStandings(w http.ResponseWriter, r *http.Request) {
	in, err := s.ReadTable(r, relay.TournamentID(chi.URLParam(r, "tid")))
	if err != nil {
		s.Fail(w, r, err)
		return
	}
	t := in.Tournament
	tag := fmt.Sprintf(`W/"%s-%s"`, s.Origin.ClusterID(), in.Version())
	h := w.Header()
	h.Set(base.IndexHeader, fmt.Sprint(in.Index))
	h.Set("ETag", tag)
	h.Set("Cache-Control", "no-cache") // to be revalidated with the tag
	if base.HasTag(r, tag) {
		w.WriteHeader(http.StatusNotModified)
		return
	}
	base.WriteJSON(w, http.StatusOK, struct {
		Tournament relay.TournamentID `json:"tournament"`
		Name       string             `json:"name"`
		*standings.Table
	}{t.ID, t.Name, in.Compute()})
}
