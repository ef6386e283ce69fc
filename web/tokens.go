package web

import (
	"net/http"

	"github.com/go-chi/chi/v5"

	"github.com/chessrelay/chessrelay/relay"
	"github.com/chessrelay/chessrelay/relay/relaypb"
	"github.com/chessrelay/chessrelay/web/base"
)

// createToken is POST /api/tokens. Only its answer ever shows the token.
func (s *Server) createToken(r *http.Request) (base.Answer, error) {
	var in struct {
		Name       string `json:"name"`
		Role       string `json:"role"`
		Tournament string `json:"tournament"`
		Round      string `json:"round"`
		ExpiresAt  int64  `json:"expiresAt"`
		Delay      int32  `json:"delay"`
	}
	c, err := s.ReadCommand(r, &in)
	if err != nil {
		return base.Answer{}, err
	}
	if in.ExpiresAt != 0 && in.ExpiresAt <= c.At {
		return base.Answer{}, base.BadRequest("expiresAt must be in the future, in Unix milliseconds, not %d", in.ExpiresAt)
	}
	if in.Role == string(relay.RoleViewer) && !s.Access.Needed() {
		return base.Answer{}, base.NeedsTokens("a viewing link")
	}
	op := &relaypb.CreateToken{Name: in.Name, Role: in.Role, Tournament: in.Tournament, Round: in.Round, ExpiresAt: in.ExpiresAt, Delay: in.Delay}
	made, token, err := s.MakeToken(r, c, op)
	if err != nil {
		return base.Answer{}, err
	}
	return base.Answer{Status: http.StatusCreated, Body: struct {
		relay.Token
		Secret string `json:"token"`
		Link   string `json:"link,omitempty"`
	}{made, token, viewingLink(base.SiteURL(r), &made, token)}}, nil
}

// viewingLink returns the URL at which a browser shows what a viewer's token covers; empty for
// other tokens. The token follows a #, which no browser sends to a server.
func viewingLink(site string, t *relay.Token, token string) string {
	path := "/"
	switch {
	case t.Role != relay.RoleViewer:
		return ""
	case t.Round != "":
		path = "/round/" + string(t.Round)
	case t.Tournament != "":
		path = "/tournament/" + string(t.Tournament)
	}
	return site + path + "#view=" + token
}

// listTokens is GET /api/tokens.
func (s *Server) listTokens(*http.Request) (base.Answer, error) {
	out := []relay.Token{}
	index := s.TruthState(func(b *relay.State) { out = append(out, b.Tokens()...) })
	for i := range out {
		out[i].LastUsed = max(out[i].LastUsed, s.Access.LastSeen(out[i].ID))
	}
	return base.OKAt(index, map[string]any{"tokens": out})
}

// revokeToken is DELETE /api/tokens/{id}.
func (s *Server) revokeToken(r *http.Request) (base.Answer, error) {
	c, err := s.NewCommand(r)
	if err != nil {
		return base.Answer{}, err
	}
	id := chi.URLParam(r, "id")
	c.Op = &relaypb.Command_RevokeToken{RevokeToken: &relaypb.RevokeToken{Id: id}}
	if _, err := s.SubmitOne(r, c); err != nil {
		return base.Answer{}, err
	}
	return base.OK(map[string]any{"revoked": id})
}

const (
	auditLimit = 100
	maxAudit   = 1000
)

// getAudit is GET /api/audit?before=INDEX&limit=N: who did what, when and from where, newest first.
func (s *Server) getAudit(r *http.Request) (base.Answer, error) {
	limit, err := base.IntParam(r, "limit", auditLimit, 1, maxAudit)
	if err != nil {
		return base.Answer{}, err
	}
	before, err := base.IntParam(r, "before", 0, 0, 1<<62)
	if err != nil {
		return base.Answer{}, err
	}
	lines := []relay.AuditEntry{}
	index := s.TruthState(func(b *relay.State) { lines = append(lines, b.Audit(uint64(before), limit)...) })
	out := map[string]any{"entries": lines}
	if len(lines) == limit {
		out["before"] = lines[limit-1].Index
	}
	return base.OKAt(index, out)
}
