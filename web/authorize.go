package web

import (
	"context"
	"fmt"
	"net/http"
	"slices"

	"github.com/go-chi/chi/v5"

	"github.com/chessrelay/chessrelay/relay"
)

// needs lets a request pass if its token may do that to what the path names. For a cluster without
// tokens, see grant.go.
func (s *Server) needs(act action) func(http.Handler) http.Handler {
	return func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			err := s.authorize(r, act)
			if err == nil || s.judgedElsewhere(r) {
				next.ServeHTTP(w, r)
				return
			}
			s.fail(w, r, err)
		})
	}
}

// authorize returns nil if the client may do it to what the path names.
func (s *Server) authorize(r *http.Request, act action) error {
	c := callerOf(r)
	if c.Token == nil {
		if !s.access.Needed() {
			return s.withoutTokens(r)
		}
		return unknownCaller(r, c)
	}
	if somewhere[r.URL.Path] && slices.Contains(may[c.Role], act) {
		return nil
	}
	if tournament, round, err := s.target(r, c); err != nil {
		return err
	} else if c.can(act, tournament, round) {
		return nil
	} else if err := s.hidden(r, c, tournament, round); err != nil {
		return err
	}
	return refused(c, act)
}

// unknownCaller asks for a token, or for another one if a token was shown.
func unknownCaller(r *http.Request, c caller) error {
	switch {
	case c.limited:
		e := tooMany("too many bad tokens came from your address; a good one is taken at once")
		e.RetryAfter = int(failureEvery.Seconds())
		return e
	case shownToken(r) != "":
		return unauthorized("the token is not known to this cluster: it was revoked, has expired or is mistyped; an admin can make another one (chessrelay token create)")
	}
	return unauthorized("this needs a token: --token TOKEN, or over HTTP Authorization: Bearer TOKEN")
}

func unauthorized(message string) *apiError {
	return &apiError{Status: http.StatusUnauthorized, Code: "unauthorized", Message: message}
}

func forbidden(format string, a ...any) *apiError {
	return &apiError{Status: http.StatusForbidden, Code: "forbidden", Message: fmt.Sprintf(format, a...)}
}

// refused says whether the token lacks the role or the scope.
func refused(c caller, act action) error {
	if (caller{Token: &relay.Token{Role: c.Role}}).can(act, "", "") {
		return forbidden("the token %q is for %s only, and this is beyond it; ask an admin for one with that scope", c.Name, c.Scope())
	}
	return forbidden("the token %q has the role %s, which may not %s; this needs the role %s", c.Name, c.Role, act, rolesFor(act))
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
func (s *Server) target(r *http.Request, c caller) (tournament relay.TournamentID, round relay.RoundID, err error) {
	if c.sight("", "") == relay.Truth {
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
			err = s.access.catchUp(ctx)
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
func (s *Server) hidden(r *http.Request, c caller, tournament relay.TournamentID, round relay.RoundID) (err error) {
	if c.sight(tournament, round) != relay.Public {
		return nil
	}
	s.truthState(func(b *relay.State) {
		for _, p := range targetParams {
			if id := chi.URLParam(r, p.name); id != "" && b.Private(id) && err == nil {
				err = &relay.NotFoundError{What: p.what, ID: id}
			}
		}
	})
	return err
}

func (s *Server) place(id string, tournament *relay.TournamentID, round *relay.RoundID) (found bool) {
	s.truthState(func(b *relay.State) { *tournament, *round, found = b.Place(id) })
	return found
}

// can reports whether the client may do it to the round of the tournament, now.
func (s *Server) can(r *http.Request, act action, tournament relay.TournamentID, round relay.RoundID) bool {
	if c := callerOf(r); c.Token != nil {
		return c.can(act, tournament, round)
	}
	return !s.access.Needed() && s.withoutTokens(r) == nil
}

// sees reports whether the client sees the round as it is, whatever its delay.
func (s *Server) sees(r *http.Request, round *relay.Round) bool {
	return callerOf(r).sight(round.Tournament, round.ID) == relay.Truth
}

// seesAny reports whether the client may see something other than the public sees.
func (s *Server) seesAny(r *http.Request) bool { return callerOf(r).Token != nil }
