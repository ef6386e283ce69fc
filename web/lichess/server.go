package lichess

import (
	"net/http"
	"strings"
	"time"

	"github.com/chessrelay/chessrelay/broadcast"
	"github.com/chessrelay/chessrelay/web/base"
	"github.com/chessrelay/chessrelay/web/conns"
	"github.com/chessrelay/chessrelay/web/pull"
	"github.com/go-chi/chi/v5"
)

// user is the name of the only account; every node has the same.
const user = "chessrelay"

// Config is what a [Server] works with, besides what it shares with our own API.
type Config struct {
	Hub *broadcast.Hub
	// Page answers a browser at an address of lichess's pages.
	Page http.HandlerFunc
	// StreamSilence is how long a stream of PGN may be silent before a space is sent to show that
	// the connection lives. Zero: 60 s.
	StreamSilence time.Duration
}

// Server has the routes of lichess's interface.
type Server struct {
	*base.Server
	cfg Config

	players pull.Players // the replacements of the tournaments, for pushes
	memory  *pull.Memory // of pushes; shared with the Puller, if any
	late    lateTries
	codes   redeemedCodes
	streams chan struct{} // one for each stream of PGN
}

// New returns a Server. It has no goroutine.
func New(b *base.Server, cfg Config) *Server {
	if cfg.StreamSilence == 0 {
		cfg.StreamSilence = time.Minute
	}
	s := &Server{Server: b, cfg: cfg, memory: new(pull.Memory), streams: make(chan struct{}, maxStreams)}
	if b.Pull != nil {
		s.memory = b.Pull.Memory()
	}
	return s
}

// Routes adds the routes.
func (s *Server) Routes(r chi.Router) {
	s.Pages(r)
	r.Group(func(r chi.Router) {
		r.Use(s.anyOrigin, base.VaryByToken, s.Consistency)
		r.Get("/api/stream/broadcast/round/{roundId}.pgn", s.streamPGN)
		r.Get("/api/stream/broadcast/tour/{tourId}.pgn", s.streamTour)
		r.Get("/api/stream/broadcast/group/{groupId}.pgn", s.streamGroup)
		r.Get("/api/broadcast/{tourId}", s.Shared(s.getTour))
		r.With(s.AskMember).Get("/api/broadcast/by/{user}", s.Shared(s.getByUser))
		r.Get("/api/broadcast/top", s.Shared(s.getTop))
		r.Get("/api/broadcast/search", s.Shared(s.getSearch))
		r.Get("/broadcast/{tourId}/players", s.Shared(s.getPlayers))
		r.Get("/broadcast/{tourId}/players/{playerId}", s.Shared(s.getPlayer))
		r.Get("/broadcast/{tourId}/teams/standings", s.Shared(s.getTeams))
		r.Get("/api/user/{username}", s.Handle(s.getUser))
		r.With(s.AskMember).Get("/api/account", s.getAccount)
		r.With(s.AskMember, s.Needs(base.See)).Get("/api/broadcast/my-rounds", s.getMyRounds)
	})
	r.Group(func(r chi.Router) {
		r.Use(s.anyOrigin, base.VaryByToken, s.Consistency, base.Compressed)
		r.With(s.AskMember).Get("/api/broadcast/{tourSlug}/{roundSlug}/{roundId}", s.Handle(s.getRound))
		r.Get("/api/broadcast/round/{roundId}.pgn", s.getRoundPGN)
		r.Get("/api/broadcast/{tourId}.pgn", s.getTourPGN)
		r.Get("/api/broadcast", s.getOfficial)
	})
	r.Group(func(r chi.Router) {
		r.With(s.AskedHere, s.onlyWindows, s.MemberGrants).Get("/oauth", s.oauthPage)
		r.With(s.SameOrigin, s.MemberGrants).Post("/oauth", s.oauthGrant)
		r.With(s.anyOrigin, s.ForwardedIndex, s.MemberGrants).Post("/api/token", s.oauthToken)
		r.With(s.anyOrigin, s.ForwardedIndex, s.MemberRevokes).Delete("/api/token", s.oauthRevoke)
	})
	r.Group(func(r chi.Router) {
		r.Use(s.anyOrigin, s.ForwardedIndex, s.sentByPage, s.Needs(base.Organise), conns.Kept, s.Forward)
		r.Post("/broadcast/new", s.Handle(s.newTour))
		r.Post("/broadcast/{tourId}/new", s.Handle(s.newRound))
	})
	r.Group(func(r chi.Router) {
		r.Use(s.anyOrigin, s.ForwardedIndex, s.Needs(base.Organise), conns.Kept, s.Forward)
		r.Post("/broadcast/{tourId}/edit", s.Handle(s.editTour))
		r.Post("/broadcast/round/{roundId}/edit", s.Handle(s.editRound))
	})
	r.Group(func(r chi.Router) {
		r.Use(s.anyOrigin, s.ForwardedIndex)
		r.With(s.Needs(base.Unlock), conns.Kept, s.Forward).Post("/api/broadcast/round/{roundId}/reset", s.Handle(s.resetRound))
		r.With(s.Needs(base.Record), conns.Kept, s.Forward).Post("/api/broadcast/round/{roundId}/push", s.push)
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

// Preflight answers the request that a browser sends before another site's page may use lichess's
// interface.
func Preflight(next http.Handler) http.Handler {
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
