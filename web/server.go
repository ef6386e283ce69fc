package web

import (
	"errors"
	"log/slog"
	"net/http"
	"sync/atomic"
	"time"

	"github.com/chessrelay/chessrelay/broadcast"
	"github.com/chessrelay/chessrelay/relay"
	"github.com/chessrelay/chessrelay/web/base"
	"github.com/chessrelay/chessrelay/web/conns"
	"github.com/chessrelay/chessrelay/web/edge"
	"github.com/chessrelay/chessrelay/web/lichess"
	"github.com/chessrelay/chessrelay/web/livechess"
	"github.com/go-chi/chi/v5"
	"github.com/go-chi/chi/v5/middleware"
)

// Config is what a [Server] works with.
type Config struct {
	base.Config
	Hub *broadcast.Hub
	// LogServer, if set, serves the edges that follow this node.
	LogServer *edge.LogServer
	// AccessLog, if set, gets a line for each request.
	AccessLog *slog.Logger
	// AdminPort says that operators have a port of their own; see Server.Admin.
	AdminPort bool
	// Peers calls the other nodes. Nil: http.DefaultTransport.
	Peers http.RoundTripper
	// Conns, if set, has the server's connections, for /metrics.
	Conns *conns.Listener
	// Warning, if set, is what /readyz says about the node's setup.
	Warning string
	// LogDropped returns how many log lines were dropped so far. Nil: none ever are.
	LogDropped func() uint64
	// StreamSilence is [lichess.Config.StreamSilence].
	StreamSilence time.Duration
}

// Server is the HTTP side of one node. It has the queues of requests; the boards are elsewhere.
type Server struct {
	*base.Server
	cfg     Config
	lichess *lichess.Server
	handler http.Handler
	verdict atomic.Pointer[verdict] // see SetDiverged
	seals   seals
}

// New makes the server's routes.
func New(cfg Config) (*Server, error) {
	if cfg.Hub == nil {
		return nil, errors.New("web: a hub is needed")
	}
	if cfg.Peers == nil {
		cfg.Peers = http.DefaultTransport
	}
	b, err := base.New(cfg.Config)
	if err != nil {
		return nil, err
	}
	pages, err := newPages()
	if err != nil {
		return nil, err
	}
	s := &Server{
		Server: b, cfg: cfg,
		lichess: lichess.New(b, lichess.Config{Hub: cfg.Hub, Page: pages.page, StreamSilence: cfg.StreamSilence}),
	}
	s.verdict.Store(newVerdict(""))
	s.handler = s.routes(pages)
	return s, nil
}

// ServeHTTP implements http.Handler.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) { s.handler.ServeHTTP(w, r) }

// Walk calls f for every route.
func (s *Server) Walk(f func(method, pattern string) error) error {
	return chi.Walk(s.handler.(chi.Routes), func(method, pattern string, _ http.Handler, _ ...func(http.Handler) http.Handler) error {
		return f(method, pattern)
	})
}

func (s *Server) routes(pages *pages) http.Handler {
	r := chi.NewRouter()
	r.Use(s.recover, securityHeaders, s.SubmittedHere, lichess.Preflight, s.Access.Identify, s.logged, middleware.GetHead, s.whileRight)
	r.NotFound(func(w http.ResponseWriter, r *http.Request) {
		s.Fail(w, r, base.NotFound("there is nothing at %s", r.URL.Path))
	})
	r.MethodNotAllowed(func(w http.ResponseWriter, req *http.Request) {
		for _, m := range []string{http.MethodGet, http.MethodPost, http.MethodPatch, http.MethodDelete} {
			if r.Match(chi.NewRouteContext(), m, req.URL.Path) {
				w.Header().Add("Allow", m) // RFC 9110, 15.5.6
			}
		}
		s.Fail(w, req, &base.Error{Status: http.StatusMethodNotAllowed, Code: "method_not_allowed", Message: req.Method + " is not possible here"})
	})

	r.Get("/live", s.cfg.Hub.Live)
	r.Get("/events", s.cfg.Hub.Events)
	r.Get("/feed", s.cfg.Hub.Feed)
	// These, and all submissions, keep their connections when others are closed; see package conns.
	r.With(conns.Kept).Get("/healthz", s.healthz)
	r.With(conns.Kept).Get("/readyz", s.readyz)
	r.With(s.forAdmins).Get("/metrics", s.metrics)
	r.With(s.AskedHere, s.Needs(base.Follow), conns.Kept).Get("/feed/log", s.feed)
	r.With(s.atVenue).Get("/feed/vouch", s.Handle(s.vouch))
	r.Route("/get/{uuid}", func(r chi.Router) {
		r.Use(crossOriginReads, base.VaryByToken)
		liveChess := livechess.Server{
			ClusterID: s.Origin.ClusterID, Polled: s.Polled,
			Read: func(r *http.Request, f func(relay.Reader)) { s.SeenBy(r)(f) },
		}
		liveChess.Routes(r)
	})

	r.Route("/api", func(r chi.Router) {
		r.Use(crossOriginReads, base.VaryByToken)
		r.With(base.Compressed).Get("/openapi.json", openAPI)

		// Reads wait for ReadIndex if asked to, and say at which index they were true.
		r.Group(func(r chi.Router) {
			r.Use(s.Consistency)
			r.Get("/overview", s.Shared(s.getOverview))
			r.Get("/tournaments", s.Shared(s.listTournaments))
			r.Get("/tournaments/{tid}", s.Shared(s.getTournament))
			r.Get("/rounds/{rid}", s.Shared(s.getRound))
			r.With(s.AskedHere, s.Needs(base.Organise)).Get("/deleted", s.Handle(s.getDeleted))
			r.Group(func(r chi.Router) {
				r.Use(base.Compressed)
				r.Get("/tournaments/{tid}/history", s.Handle(s.getTournamentHistory))
				r.Get("/tournaments/{tid}/standings", s.getStandings)
				r.Get("/rounds/{rid}/history", s.Handle(s.getRoundHistory))
				r.Get("/rounds/{rid}.pgn", s.roundPGN)
				r.Get("/games/{gid}", s.Handle(s.getGame))
				r.Get("/games/{gid}.pgn", s.gamePGN)
				r.Get("/games/{gid}/evaluations", s.Handle(s.getEvaluations))
				r.Get("/games/{gid}/history", s.Handle(s.getHistory))
			})
		})
		r.With(base.Compressed).Get("/cluster", s.Handle(s.getCluster))

		r.Group(func(r chi.Router) {
			r.Use(s.ForwardedIndex, s.SameOrigin, s.Needs(base.Record), conns.Kept, s.Forward)
			r.Post("/rounds/{rid}/games", s.Handle(s.createGame))
			r.Post("/games/{gid}/moves", s.Handle(s.playMoves))
			r.Post("/games/{gid}/takeback", s.Handle(s.takeBack))
			r.Post("/games/{gid}/clock", s.Handle(s.setClock))
			r.Post("/games/{gid}/result", s.Handle(s.setResult))
			r.Post("/games/{gid}/correct", s.Handle(s.correctMoves))
			r.Patch("/games/{gid}", s.Handle(s.updateGame))
		})
		r.Group(func(r chi.Router) {
			r.Use(s.ForwardedIndex, s.SameOrigin, s.Needs(base.Unlock), conns.Kept, s.Forward)
			r.Post("/games/{gid}/unlock", s.Handle(s.unlockGame))
			r.Post("/games/{gid}/accept", s.Handle(s.acceptSource))
		})
		r.Group(func(r chi.Router) {
			r.Use(s.ForwardedIndex, s.SameOrigin, s.Needs(base.Organise), conns.Kept, s.Forward)
			r.Post("/tournaments", s.Handle(s.createTournament))
			r.Post("/tournaments/{tid}/rounds", s.Handle(s.createRound))
			r.Patch("/rounds/{rid}", s.Handle(s.updateRound))
			r.Patch("/tournaments/{tid}", s.Handle(s.updateTournament))
			s.deletionRoutes(r)
		})
		r.Group(func(r chi.Router) {
			r.Use(s.ForwardedIndex, s.SameOrigin, s.Needs(base.Administer), conns.Kept, s.Forward)
			r.Post("/tokens", s.Handle(s.createToken))
			r.Delete("/tokens/{id}", s.Handle(s.revokeToken))
		})
		r.With(s.AskedHere, s.Needs(base.Administer), conns.Kept).Get("/tokens", s.Handle(s.listTokens))
		r.With(s.AskedHere, s.Needs(base.Administer), conns.Kept).Get("/audit", s.Handle(s.getAudit))
		r.Group(func(r chi.Router) {
			r.Use(s.atVenue, s.AskedHere, s.SameOrigin, s.Needs(base.Administer), conns.Kept, s.membersOnly)
			r.Post("/cluster/members", s.Handle(s.addMember))
			r.Post("/cluster/edges", s.Handle(s.inviteEdge))
			r.Get("/cluster/invitations", s.Handle(s.listInvitations))
			r.Delete("/cluster/invitations/{id}", s.Handle(s.revokeInvitation))
			r.Post("/cluster/members/{id}", s.Handle(s.changeMember))
			r.Delete("/cluster/members/{id}", s.Handle(s.removeMember))
			r.With(s.toLeader).Post("/cluster/leader", s.Handle(s.moveLeader))
		})
	})
	s.lichess.Routes(r)
	pages.mount(r)
	return r
}
