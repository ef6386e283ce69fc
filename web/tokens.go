package web

import (
	"crypto/rand"
	"net/http"

	"github.com/go-chi/chi/v5"

	"github.com/chessrelay/chessrelay/relay"
	"github.com/chessrelay/chessrelay/relay/relaypb"
)

// NewToken fills in an id and a secret, and returns the token as it is shown. The secret is kept
// nowhere else.
func NewToken(op *relaypb.CreateToken) (token string) {
	secret := rand.Text() // 130 bits
	op.Id = newID()
	Hash(op, secret)
	return relay.JoinToken(op.Id, secret)
}

// Hash fills in the hash of a secret, with a new salt.
func Hash(op *relaypb.CreateToken, secret string) {
	op.Salt = make([]byte, 16)
	_, _ = rand.Read(op.Salt) // never fails, see crypto/rand
	op.Hash = relay.HashSecret(op.Salt, secret)
}

// createToken is POST /api/tokens. Only its answer ever shows the token.
func (s *Server) createToken(r *http.Request) (answer, error) {
	var in struct {
		Name       string `json:"name"`
		Role       string `json:"role"`
		Tournament string `json:"tournament"`
		Round      string `json:"round"`
		ExpiresAt  int64  `json:"expiresAt"`
		Delay      int32  `json:"delay"`
	}
	c, err := s.readCommand(r, &in)
	if err != nil {
		return answer{}, err
	}
	if in.ExpiresAt != 0 && in.ExpiresAt <= c.At {
		return answer{}, badRequest("expiresAt must be in the future, in Unix milliseconds, and is %d", in.ExpiresAt)
	}
	if in.Role == string(relay.RoleViewer) && !s.access.Needed() {
		return answer{}, needsTokens("a viewing link")
	}
	op := &relaypb.CreateToken{Name: in.Name, Role: in.Role, Tournament: in.Tournament, Round: in.Round, ExpiresAt: in.ExpiresAt, Delay: in.Delay}
	made, token, err := s.makeToken(r, c, op)
	if err != nil {
		return answer{}, err
	}
	return answer{status: http.StatusCreated, body: struct {
		relay.Token
		Secret string `json:"token"`
		Link   string `json:"link,omitempty"`
	}{made, token, viewingLink(siteURL(r), &made, token)}}, nil
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

// makeToken submits the creation of a token.
func (s *Server) makeToken(r *http.Request, c *relaypb.Command, op *relaypb.CreateToken) (made relay.Token, token string, err error) {
	o, err := s.create(r, func(string) *relaypb.Command {
		token = NewToken(op)
		c.Op = &relaypb.Command_CreateToken{CreateToken: op}
		return c
	})
	if err == nil && o.Duplicate {
		err = &apiError{
			Status: http.StatusConflict, Code: "token_made",
			Message: "this request has made a token before, which was told in the answer to it only; if that is lost, revoke the token and make another one",
		}
	}
	if err != nil {
		return made, "", err
	}
	s.truthState(func(b *relay.State) { made, _ = b.Token(op.Id) })
	return made, token, nil
}

// listTokens is GET /api/tokens.
func (s *Server) listTokens(*http.Request) (answer, error) {
	out := []relay.Token{}
	index := s.truthState(func(b *relay.State) { out = append(out, b.Tokens()...) })
	for i := range out {
		out[i].LastUsed = max(out[i].LastUsed, s.access.lastSeen(out[i].ID))
	}
	return ok(indexed{index, map[string]any{"tokens": out}})
}

// revokeToken is DELETE /api/tokens/{id}.
func (s *Server) revokeToken(r *http.Request) (answer, error) {
	c, err := s.command(r)
	if err != nil {
		return answer{}, err
	}
	id := chi.URLParam(r, "id")
	c.Op = &relaypb.Command_RevokeToken{RevokeToken: &relaypb.RevokeToken{Id: id}}
	if _, err := s.submitOne(r, c); err != nil {
		return answer{}, err
	}
	return ok(map[string]any{"revoked": id})
}

const (
	auditLimit = 100
	maxAudit   = 1000
)

// getAudit is GET /api/audit?before=INDEX&limit=N: who did what, when and from where, newest first.
func (s *Server) getAudit(r *http.Request) (answer, error) {
	limit, err := number(r, "limit", auditLimit, 1, maxAudit)
	if err != nil {
		return answer{}, err
	}
	before, err := number(r, "before", 0, 0, 1<<62)
	if err != nil {
		return answer{}, err
	}
	lines := []relay.AuditEntry{}
	index := s.truthState(func(b *relay.State) { lines = append(lines, b.Audit(uint64(before), limit)...) })
	out := map[string]any{"entries": lines}
	if len(lines) == limit {
		out["before"] = lines[limit-1].Index
	}
	return ok(indexed{index, out})
}
