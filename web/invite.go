package web

import (
	"net"
	"net/http"
	"time"

	"github.com/chessrelay/chessrelay/consensus"
	"github.com/chessrelay/chessrelay/relay"
	"github.com/chessrelay/chessrelay/relay/relaypb"
	"github.com/chessrelay/chessrelay/web/base"
	"github.com/go-chi/chi/v5"
)

// defaultInvited is how long an invitation lasts unless the request says otherwise.
const defaultInvited = 24 * time.Hour

// maxEdgeInvited is the longest lifetime of an edge's token that expires.
const maxEdgeInvited = 10 * 365 * 24 * time.Hour

// invitationJSON is an invitation, which is shown once, and what the log has of it.
type invitationJSON struct {
	Invitation string `json:"invitation"`
	consensus.InvitationState
}

// addMember is POST /api/cluster/members {"uses":1,"expiresIn":SECONDS}: it makes an invitation.
// New nodes join with it.
func (s *Server) addMember(r *http.Request) (base.Answer, error) {
	in := struct {
		Uses      int     `json:"uses"`
		ExpiresIn float64 `json:"expiresIn"` // seconds
	}{1, defaultInvited.Seconds()}
	if err := base.ReadJSON(r, &in); err != nil {
		return base.Answer{}, err
	}
	if !(in.ExpiresIn > 0 && in.ExpiresIn <= 365*24*3600) {
		return base.Answer{}, base.BadRequest("expiresIn must be from 1 second to a year, in seconds, not %v", in.ExpiresIn)
	}
	ctx, cancel := s.Deadline(r)
	defer cancel()
	invitation, state, err := s.Node.Invite(ctx, in.Uses, time.Duration(in.ExpiresIn*float64(time.Second)))
	if err != nil {
		return base.Answer{}, err
	}
	invitation.NoTokens = !s.Access.Needed()
	return base.Answer{Status: http.StatusCreated, Body: invitationJSON{invitation.String(), state}}, nil
}

// edgeInvitationJSON is an edge's invitation, which is shown once.
type edgeInvitationJSON struct {
	Invitation string       `json:"invitation"`
	TokenID    string       `json:"tokenId,omitempty"`   // revokes the token in the invitation
	ExpiresAt  relay.Millis `json:"expiresAt,omitempty"` // when the token expires; 0: never
}

// inviteEdge is POST /api/cluster/edges {"name":"edge","expiresIn":SECONDS}: it makes an invitation
// with which edges follow the cluster. If the cluster has tokens, it also makes one for the edge.
func (s *Server) inviteEdge(r *http.Request) (base.Answer, error) {
	in := struct {
		Name      string  `json:"name"`
		ExpiresIn float64 `json:"expiresIn"` // seconds; 0: the token does not expire
	}{Name: string(relay.RoleEdge)}
	c, err := s.ReadCommand(r, &in)
	if err != nil {
		return base.Answer{}, err
	}
	if !(in.ExpiresIn >= 0 && in.ExpiresIn <= maxEdgeInvited.Seconds()) {
		return base.Answer{}, base.BadRequest("expiresIn must be at most ten years, in seconds, or 0 for no end, not %v", in.ExpiresIn)
	}
	invitation, out := s.Node.InviteEdge(), edgeInvitationJSON{}
	if s.Access.Needed() {
		op := &relaypb.CreateToken{Name: in.Name, Role: string(relay.RoleEdge)}
		if in.ExpiresIn > 0 {
			op.ExpiresAt = c.At + int64(in.ExpiresIn*1000)
		}
		made, token, err := s.MakeToken(r, c, op)
		if err != nil {
			return base.Answer{}, err
		}
		invitation.Token, out.TokenID, out.ExpiresAt = token, made.ID, made.ExpiresAt
	}
	out.Invitation = invitation.String()
	return base.Answer{Status: http.StatusCreated, Body: out}, nil
}

// listInvitations is GET /api/cluster/invitations. The answer does not contain the invitations
// themselves.
func (s *Server) listInvitations(*http.Request) (base.Answer, error) {
	all := s.Node.Invitations()
	if all == nil {
		all = []consensus.InvitationState{}
	}
	return base.OK(map[string]any{"invitations": all})
}

// revokeInvitation is DELETE /api/cluster/invitations/{id}.
func (s *Server) revokeInvitation(r *http.Request) (base.Answer, error) {
	id := chi.URLParam(r, "id")
	ctx, cancel := s.Deadline(r)
	defer cancel()
	if err := s.Node.Revoke(ctx, id); err != nil {
		return base.Answer{}, err
	}
	return base.OK(map[string]any{"revoked": id})
}

// membersOnly guards what hands out a place in the cluster. In a cluster without tokens only this
// machine may do that. Other machines that reach the port may record moves, but must not become
// members.
func (s *Server) membersOnly(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if !s.Access.Needed() && !fromThisMachine(r) {
			s.Fail(w, r, &base.Error{Status: http.StatusForbidden, Code: "forbidden",
				Message: "a cluster without tokens can be changed only from the machine of a member: ask at 127.0.0.1 there"})
			return
		}
		next.ServeHTTP(w, r)
	})
}

// fromThisMachine reports whether a request was sent from this machine, and not through a proxy on
// it.
func fromThisMachine(r *http.Request) bool {
	for _, passedOn := range []string{
		"Forwarded", "X-Forwarded", "X-Forwarded-For", "X-Forwarded-Host", "X-Forwarded-Proto",
		"X-Real-Ip", "X-Client-Ip", "True-Client-Ip", "Cf-Connecting-Ip", "Via",
	} {
		if r.Header.Get(passedOn) != "" {
			return false
		}
	}
	host, _, err := net.SplitHostPort(r.RemoteAddr)
	ip := net.ParseIP(host)
	return err == nil && ip != nil && ip.IsLoopback()
}
