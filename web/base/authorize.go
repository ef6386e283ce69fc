package base

import (
	"context"
	"fmt"
	"net/http"
	"slices"

	"github.com/go-chi/chi/v5"

	"github.com/chessrelay/chessrelay/relay"
)

// Needs lets a request pass if its token may do that to what the path names. For a cluster without
// tokens, see grant.go.
func (s *Server) Needs(act Action) func(http.Handler) http.Handler {
	return func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			err := s.authorize(r, act)
			if err == nil || s.judgedElsewhere(r) {
				next.ServeHTTP(w, r)
				return
			}
			s.Fail(w, r, err)
		})
	}
}

// authorize returns nil if the client may do it to what the path names.
func (s *Server) authorize(r *http.Request, act Action) error {
	c := CallerOf(r)
	if c.Token == nil {
		if !s.Access.Needed() {
			return s.WithoutTokens(r)
		}
		return UnknownCaller(r, c)
	}
	if somewhere[r.URL.Path] && slices.Contains(may[c.Role], act) {
		return nil
	}
	if tournament, round, err := s.target(r, c); err != nil {
		return err
	} else if c.Can(act, tournament, round) {
		return nil
	} else if err := s.hidden(r, c, tournament, round); err != nil {
		return err
	}
	return Refused(c, act)
}

// UnknownCaller asks for a token, or for another one if a token was shown.
func UnknownCaller(r *http.Request, c Caller) error {
	switch {
	case c.Limited:
		e := TooMany("too many bad tokens came from your address; a good one is accepted at once")
		e.RetryAfter = int(failureEvery.Seconds())
		return e
	case ShownToken(r) != "":
		return unauthorized("the token is not known to this cluster: it was revoked, has expired or is mistyped; an admin can make another one (chessrelay token create)")
	}
	return unauthorized("this needs a token: --token TOKEN, or over HTTP Authorization: Bearer TOKEN")
}

func unauthorized(message string) *Error {
	return &Error{Status: http.StatusUnauthorized, Code: "unauthorized", Message: message}
}

// Forbidden is the answer 403.
func Forbidden(format string, a ...any) *Error {
	return &Error{Status: http.StatusForbidden, Code: "forbidden", Message: fmt.Sprintf(format, a...)}
}

// Refused says whether the token lacks the role or the scope.
func Refused(c Caller, act Action) error {
	if (Caller{Token: &relay.Token{Role: c.Role}}).Can(act, "", "") {
		return Forbidden("the token %q is for %s only; ask an admin for one with a wider scope", c.Name, c.Scope())
	}
	return Forbidden("the token %q has the role %s, which may not %s; this needs the role %s", c.Name, c.Role, act, rolesFor(act))
}

// somewhere are the lists that show a client what is in its scope. So a token of any scope may read
// them.
var somewhere = map[string]bool{"/api/deleted": true, "/api/broadcast/my-rounds": true}

// targetParams are the parameters of paths that name a tournament, a round or a game.
var targetParams = []struct{ name, what string }{
	{"gid", "game"}, {"rid", "round"}, {"roundId", "round"}, {"tid", "tournament"}, {"tourId", "tournament"},
}

// target returns the tournament and the round that the path names or that contain what it names;
// none if it names nothing. For a token that sees everything nothing is looked up.
func (s *Server) target(r *http.Request, c Caller) (tournament relay.TournamentID, round relay.RoundID, err error) {
	if c.Sight("", "") == relay.Truth {
		return "", "", nil
	}
	for _, p := range targetParams {
		id := chi.URLParam(r, p.name)
		if id == "" {
			continue
		}
		found := s.place(id, &tournament, &round)
		if !found { // this node may be behind
			ctx, cancel := context.WithTimeout(r.Context(), catchUpTime)
			err = s.Access.catchUp(ctx)
			cancel()
			found = err == nil && s.place(id, &tournament, &round)
		}
		if err == nil && !found {
			err = &relay.NotFoundError{What: p.what, ID: id}
		}
		return tournament, round, err
	}
	return "", "", nil
}

// hidden answers "not found" if the path names something private that the token does not see.
func (s *Server) hidden(r *http.Request, c Caller, tournament relay.TournamentID, round relay.RoundID) (err error) {
	if c.Sight(tournament, round) != relay.Public {
		return nil
	}
	s.TruthState(func(b *relay.State) {
		for _, p := range targetParams {
			if id := chi.URLParam(r, p.name); id != "" && b.Private(id) && err == nil {
				err = &relay.NotFoundError{What: p.what, ID: id}
			}
		}
	})
	return err
}

func (s *Server) place(id string, tournament *relay.TournamentID, round *relay.RoundID) (found bool) {
	s.TruthState(func(b *relay.State) { *tournament, *round, found = b.Place(id) })
	return found
}

// Can reports whether the client may do it to the round of the tournament, now.
func (s *Server) Can(r *http.Request, act Action, tournament relay.TournamentID, round relay.RoundID) bool {
	if c := CallerOf(r); c.Token != nil {
		return c.Can(act, tournament, round)
	}
	return !s.Access.Needed() && s.WithoutTokens(r) == nil
}

// Sees reports whether the client sees the round as it is, whatever its delay.
func (s *Server) Sees(r *http.Request, round *relay.Round) bool {
	return CallerOf(r).Sight(round.Tournament, round.ID) == relay.Truth
}

// seesAny reports whether the client may see something other than the public sees.
func (s *Server) seesAny(r *http.Request) bool { return CallerOf(r).Token != nil }
