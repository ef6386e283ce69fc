package web

import (
	"net/http"
	"strings"

	"github.com/chessrelay/chessrelay/web/conns"
	"github.com/go-chi/chi/v5"
)

// The files lichess_*.go speak the interface of lichess's broadcasts as its clients use it. They
// work on the same boards and with the same submissions as our own API:
//
//	lichess.go         the routes
//	lichess_json.go    the JSON of tournaments, rounds and games
//	lichess_read.go    a tournament, a round, PGN
//	lichess_lists.go   lists of tournaments
//	lichess_group.go   tournaments that are shown together
//	lichess_players.go tables of players and teams
//	lichess_stream.go  the streams of PGN
//	lichess_write.go   creations and settings
//	lichess_form.go    what clients send for these
//	lichess_fields.go  the fields of a form or of JSON
//	lichess_push.go    the whole state of a round as PGN
//	lichess_body.go    the games of a push
//	lichess_oauth.go   logging in
//	lichess_pages.go   the addresses of lichess's pages

// lichessUser is the name of the only account; every node has the same.
const lichessUser = "chessrelay"

func (s *Server) lichessRoutes(r chi.Router, p *pages) {
	s.lichessPages(r, p)
	r.Group(func(r chi.Router) {
		r.Use(s.anyOrigin, vary, s.consistency)
		r.With(s.askMember).Get("/api/broadcast/{tourSlug}/{roundSlug}/{roundId}", s.handle(s.lichessRound))
		r.Get("/api/broadcast/{tourId}", s.shared(s.lichessTour))
		r.With(s.askMember).Get("/api/broadcast/by/{user}", s.shared(s.lichessByUser))
		r.Get("/api/broadcast/round/{roundId}.pgn", s.lichessRoundPGN)
		r.Get("/api/broadcast/{tourId}.pgn", s.lichessTourPGN)
		r.Get("/api/stream/broadcast/round/{roundId}.pgn", s.streamPGN)
		r.Get("/api/stream/broadcast/tour/{tourId}.pgn", s.streamTour)
		r.Get("/api/stream/broadcast/group/{groupId}.pgn", s.streamGroup)
		r.Get("/api/broadcast", s.lichessOfficial)
		r.Get("/api/broadcast/top", s.shared(s.lichessTop))
		r.Get("/api/broadcast/search", s.shared(s.lichessSearch))
		r.Get("/broadcast/{tourId}/players", s.shared(s.lichessPlayers))
		r.Get("/broadcast/{tourId}/players/{playerId}", s.shared(s.lichessPlayerOf))
		r.Get("/broadcast/{tourId}/teams/standings", s.shared(s.lichessTeams))
		r.Get("/api/user/{username}", s.handle(s.lichessUserJSON))
		r.With(s.askMember).Get("/api/account", s.lichessAccount)
		r.With(s.askMember, s.needs(actSee)).Get("/api/broadcast/my-rounds", s.lichessMyRounds)
	})
	r.Group(func(r chi.Router) {
		r.With(s.askedHere, s.onlyWindows, s.memberGrants).Get("/oauth", s.oauthPage)
		r.With(s.sameOrigin, s.memberGrants).Post("/oauth", s.oauthGrant)
		r.With(s.anyOrigin, s.forwardedIndex, s.memberGrants).Post("/api/token", s.oauthToken)
		r.With(s.anyOrigin, s.forwardedIndex, s.memberRevokes).Delete("/api/token", s.oauthRevoke)
	})
	r.Group(func(r chi.Router) {
		r.Use(s.anyOrigin, s.forwardedIndex, s.sentByPage, s.needs(actOrganise), conns.Kept, s.forward)
		r.Post("/broadcast/new", s.handle(s.lichessNewTour))
		r.Post("/broadcast/{tourId}/new", s.handle(s.lichessNewRound))
	})
	r.Group(func(r chi.Router) {
		r.Use(s.anyOrigin, s.forwardedIndex, s.needs(actOrganise), conns.Kept, s.forward)
		r.Post("/broadcast/{tourId}/edit", s.handle(s.lichessEditTour))
		r.Post("/broadcast/round/{roundId}/edit", s.handle(s.lichessEditRound))
	})
	r.Group(func(r chi.Router) {
		r.Use(s.anyOrigin, s.forwardedIndex)
		r.With(s.needs(actUnlock), conns.Kept, s.forward).Post("/api/broadcast/round/{roundId}/reset", s.handle(s.lichessReset))
		r.With(s.needs(actRecord), conns.Kept, s.forward).Post("/api/broadcast/round/{roundId}/push", s.push)
	})
}

// anyOrigin lets pages of any site use what lichess lets them use. That is safe: the token comes in
// a header, and a browser adds no such header by itself.
func (s *Server) anyOrigin(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Access-Control-Allow-Origin", "*")
		next.ServeHTTP(w, r)
	})
}

// preflight answers the request that a browser sends before another site's page may use lichess's
// interface.
func preflight(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method != http.MethodOptions || r.Header.Get("Access-Control-Request-Method") == "" || !isLichess(r.URL.Path) {
			next.ServeHTTP(w, r)
			return
		}
		h := w.Header()
		h.Set("Access-Control-Allow-Origin", "*")
		h.Set("Access-Control-Allow-Methods", "GET, POST, DELETE, OPTIONS")
		h.Set("Access-Control-Allow-Headers", "Authorization, Content-Type, Idempotency-Key, X-Chessrelay-By, X-Chessrelay-Source")
		h.Set("Access-Control-Max-Age", "86400")
		w.WriteHeader(http.StatusNoContent)
	})
}

func isLichess(path string) bool {
	for _, p := range []string{"/api/broadcast", "/api/stream/", "/broadcast", "/api/account", "/api/token", "/api/user/"} {
		if strings.HasPrefix(path, p) {
			return true
		}
	}
	return false
}
