package web

import (
	"errors"
	"log/slog"
	"net/http"
	"net/netip"
	"sync/atomic"
	"time"

	"github.com/chessrelay/chessrelay/broadcast"
	"github.com/chessrelay/chessrelay/consensus"
	"github.com/chessrelay/chessrelay/relay"
	"github.com/chessrelay/chessrelay/web/conns"
	"github.com/chessrelay/chessrelay/web/edge"
	"github.com/chessrelay/chessrelay/web/livechess"
	"github.com/chessrelay/chessrelay/web/pull"
	"github.com/go-chi/chi/v5"
	"github.com/go-chi/chi/v5/middleware"
)

// Config is what a [Server] works with.
type Config struct {
	// Node is this node's member of the Raft group; Edge follows the log on an edge. Exactly one of
	// them is set.
	Node *consensus.Node
	Edge *edge.LogClient
	// LogServer, if set, serves the edges that follow this node.
	LogServer *edge.LogServer
	Boards    broadcast.View
	Hub       *broadcast.Hub
	Log       *slog.Logger

	// Access judges who may do what. Nil: one for these boards, which lets everybody write while
	// there is no token.
	Access *Access
	// AccessLog, if set, gets a line for each request.
	AccessLog *slog.Logger
	// URL is where others reach this node. Hosts are its other names; see hosts.go.
	URL   string
	Hosts []string
	// Proxies are networks whose requests may name any host: the proxy has checked the name.
	Proxies []netip.Prefix
	// AdminPort says that operators have a port of their own; see Server.Admin.
	AdminPort bool
	// Peers calls the other nodes. Nil: http.DefaultTransport.
	Peers http.RoundTripper
	// Now is this node's clock. Nil: the system's.
	Now func() time.Time
	// Conns, if set, has the server's connections, for /metrics.
	Conns *conns.Listener
	// Warning, if set, is what /readyz says about the node's setup.
	Warning string
	// LogDropped returns how many log lines were dropped so far. Nil: none ever are.
	LogDropped func() uint64
	// Pull, if set, polls the rounds' sources, and says how that goes.
	Pull *pull.Puller
	// SubmitTimeout bounds how long a submission waits for its majority.
	// Zero: 10 s.
	SubmitTimeout time.Duration
	// StreamSilence is how long a stream of PGN may be silent before a space is sent to show that
	// the connection lives. Zero: 60 s.
	StreamSilence time.Duration
}

// Server is the HTTP side of one node. It has the queues of requests; the boards are elsewhere.
type Server struct {
	cfg     Config
	log     *slog.Logger
	origin  origin // Config.Node or Config.Edge
	access  *Access
	handler http.Handler
	verdict atomic.Pointer[verdict] // see SetDiverged

	queues   *pull.Queues  // shared with the Puller, if any
	players  pull.Players  // the replacements of the tournaments, for pushes
	memory   *pull.Memory  // of pushes; shared with the Puller, if any
	pushes   chan struct{} // one for each push
	late     lateTries
	bodies   sharedBodies
	codes    redeemedCodes
	key      string // signs codes and grants
	seals    seals
	streams  chan struct{} // one for each stream of PGN
	forwards chan struct{} // one for each submission that an edge passes on, except pushes
}

// New makes the server's routes.
func New(cfg Config) (*Server, error) {
	if (cfg.Node == nil) == (cfg.Edge == nil) || cfg.Boards == nil || cfg.Hub == nil {
		return nil, errors.New("web: a node or an edge, its boards and its hub are needed")
	}
	if cfg.Log == nil {
		cfg.Log = slog.New(slog.DiscardHandler)
	}
	if cfg.SubmitTimeout == 0 {
		cfg.SubmitTimeout = 10 * time.Second
	}
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	if cfg.Peers == nil {
		cfg.Peers = http.DefaultTransport
	}
	if cfg.StreamSilence == 0 {
		cfg.StreamSilence = time.Minute
	}
	s := &Server{cfg: cfg, log: cfg.Log, key: newKey(cfg), queues: new(pull.Queues), memory: new(pull.Memory), pushes: make(chan struct{}, maxPushes), streams: make(chan struct{}, maxStreams), forwards: make(chan struct{}, maxForwards)}
	if cfg.Pull != nil {
		s.queues, s.memory = cfg.Pull.Queues(), cfg.Pull.Memory()
	}
	s.origin = cfg.Node
	if cfg.Edge != nil {
		s.origin = cfg.Edge
	}
	if s.access = cfg.Access; s.access == nil {
		s.access = NewAccess(AccessConfig{Boards: cfg.Boards, Open: true, Now: cfg.Now, Log: cfg.Log})
	}
	s.access.catchUp = s.followUp
	if cfg.Node != nil {
		s.access.catchUp = cfg.Node.ReadIndex
	}
	s.verdict.Store(newVerdict(""))
	pages, err := newPages()
	if err != nil {
		return nil, err
	}
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
	r.Use(s.recover, securityHeaders, s.submittedHere, preflight, s.access.identify, s.logged, middleware.GetHead, s.whileRight)
	r.NotFound(func(w http.ResponseWriter, r *http.Request) {
		s.fail(w, r, notFound("there is nothing at %s", r.URL.Path))
	})
	r.MethodNotAllowed(func(w http.ResponseWriter, req *http.Request) {
		for _, m := range []string{http.MethodGet, http.MethodPost, http.MethodPatch, http.MethodDelete} {
			if r.Match(chi.NewRouteContext(), m, req.URL.Path) {
				w.Header().Add("Allow", m) // RFC 9110, 15.5.6
			}
		}
		s.fail(w, req, &apiError{Status: http.StatusMethodNotAllowed, Code: "method_not_allowed", Message: req.Method + " is not possible here"})
	})

	r.Get("/live", s.cfg.Hub.Live)
	r.Get("/events", s.cfg.Hub.Events)
	r.Get("/feed", s.cfg.Hub.Feed)
	// These, and all submissions, keep their connections when others are closed; see package conns.
	r.With(conns.Kept).Get("/healthz", s.healthz)
	r.With(conns.Kept).Get("/readyz", s.readyz)
	r.With(s.forAdmins).Get("/metrics", s.metrics)
	r.With(s.askedHere, s.needs(actFollow), conns.Kept).Get("/feed/log", s.feed)
	r.With(s.atVenue).Get("/feed/vouch", s.handle(s.vouch))
	r.Route("/get/{uuid}", func(r chi.Router) {
		r.Use(crossOriginReads, vary)
		liveChess := livechess.Server{
			ClusterID: s.origin.ClusterID, Polled: s.polled,
			Read: func(r *http.Request, f func(relay.Reader)) { s.seenBy(r)(f) },
		}
		liveChess.Routes(r)
	})

	r.Route("/api", func(r chi.Router) {
		r.Use(crossOriginReads, vary)
		r.Get("/openapi.json", openAPI)

		// Reads wait for ReadIndex if asked to, and say at which index they were true.
		r.Group(func(r chi.Router) {
			r.Use(s.consistency)
			r.Get("/tournaments", s.shared(s.listTournaments))
			r.Get("/tournaments/{tid}", s.shared(s.getTournament))
			r.Get("/tournaments/{tid}/history", s.handle(s.getTournamentHistory))
			r.Get("/tournaments/{tid}/standings", s.getStandings)
			r.Get("/rounds/{rid}", s.shared(s.getRound))
			r.Get("/rounds/{rid}/history", s.handle(s.getRoundHistory))
			r.Get("/rounds/{rid}.pgn", s.roundPGN)
			r.Get("/games/{gid}", s.handle(s.getGame))
			r.Get("/games/{gid}.pgn", s.gamePGN)
			r.Get("/games/{gid}/history", s.handle(s.getHistory))
			r.With(s.askedHere, s.needs(actOrganise)).Get("/deleted", s.handle(s.getDeleted))
		})
		r.Get("/cluster", s.handle(s.getCluster))

		r.Group(func(r chi.Router) {
			r.Use(s.forwardedIndex, s.sameOrigin, s.needs(actRecord), conns.Kept, s.forward)
			r.Post("/rounds/{rid}/games", s.handle(s.createGame))
			r.Post("/games/{gid}/moves", s.handle(s.playMoves))
			r.Post("/games/{gid}/takeback", s.handle(s.takeBack))
			r.Post("/games/{gid}/clock", s.handle(s.setClock))
			r.Post("/games/{gid}/result", s.handle(s.setResult))
			r.Post("/games/{gid}/correct", s.handle(s.correctMoves))
			r.Patch("/games/{gid}", s.handle(s.updateGame))
		})
		r.Group(func(r chi.Router) {
			r.Use(s.forwardedIndex, s.sameOrigin, s.needs(actUnlock), conns.Kept, s.forward)
			r.Post("/games/{gid}/unlock", s.handle(s.unlockGame))
			r.Post("/games/{gid}/accept", s.handle(s.acceptSource))
		})
		r.Group(func(r chi.Router) {
			r.Use(s.forwardedIndex, s.sameOrigin, s.needs(actOrganise), conns.Kept, s.forward)
			r.Post("/tournaments", s.handle(s.createTournament))
			r.Post("/tournaments/{tid}/rounds", s.handle(s.createRound))
			r.Patch("/rounds/{rid}", s.handle(s.updateRound))
			r.Patch("/tournaments/{tid}", s.handle(s.updateTournament))
			s.deletionRoutes(r)
		})
		r.Group(func(r chi.Router) {
			r.Use(s.forwardedIndex, s.sameOrigin, s.needs(actAdminister), conns.Kept, s.forward)
			r.Post("/tokens", s.handle(s.createToken))
			r.Delete("/tokens/{id}", s.handle(s.revokeToken))
		})
		r.With(s.askedHere, s.needs(actAdminister), conns.Kept).Get("/tokens", s.handle(s.listTokens))
		r.With(s.askedHere, s.needs(actAdminister), conns.Kept).Get("/audit", s.handle(s.getAudit))
		r.Group(func(r chi.Router) {
			r.Use(s.atVenue, s.askedHere, s.sameOrigin, s.needs(actAdminister), conns.Kept, s.membersOnly)
			r.Post("/cluster/members", s.handle(s.addMember))
			r.Post("/cluster/edges", s.handle(s.inviteEdge))
			r.Get("/cluster/invitations", s.handle(s.listInvitations))
			r.Delete("/cluster/invitations/{id}", s.handle(s.revokeInvitation))
			r.Post("/cluster/members/{id}", s.handle(s.changeMember))
			r.Delete("/cluster/members/{id}", s.handle(s.removeMember))
			r.With(s.toLeader).Post("/cluster/leader", s.handle(s.moveLeader))
		})
	})
	s.lichessRoutes(r, pages)
	pages.mount(r)
	return r
}
