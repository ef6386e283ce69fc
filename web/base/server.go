package base

import (
	"errors"
	"log/slog"
	"net/netip"
	"time"

	"github.com/chessrelay/chessrelay/broadcast"
	"github.com/chessrelay/chessrelay/broadcast/engine"
	"github.com/chessrelay/chessrelay/consensus"
	"github.com/chessrelay/chessrelay/web/edge"
	"github.com/chessrelay/chessrelay/web/pull"
)

// Config is what a [Server] works with.
type Config struct {
	// Node is this node's member of the Raft group; Edge follows the log on an edge. Exactly one of
	// them is set.
	Node   *consensus.Node
	Edge   *edge.LogClient
	Boards broadcast.View
	Log    *slog.Logger

	// Access judges who may do what. Nil: one for these boards, which lets everybody write while
	// there is no token.
	Access *Access
	// URL is where others reach this node. Hosts are its other names; see hosts.go.
	URL   string
	Hosts []string
	// Proxies are networks whose requests may name any host: the proxy has checked the name.
	Proxies []netip.Prefix
	// Now is this node's clock. Nil: the system's.
	Now func() time.Time
	// Pull, if set, polls the rounds' sources, and says how that goes.
	Pull *pull.Puller
	// Evaluations are what an engine thinks of positions. Nil: no engine works for this node.
	// Engine is this node's own; nil: it has none.
	Evaluations *engine.Store
	Engine      *engine.Engine
	// SubmitTimeout bounds how long a submission waits for its majority.
	// Zero: 10 s.
	SubmitTimeout time.Duration
}

// Server has what the routes of one node need. Packages web and lichess embed it in servers of
// their own. Its fields never change.
type Server struct {
	Config
	Origin Origin // Config.Node or Config.Edge
	Key    string // signs codes and grants

	queues   *pull.Queues  // of pushes; shared with the Puller, if any
	pushes   chan struct{} // one for each push
	forwards chan struct{} // one for each submission that an edge passes on, except pushes
	bodies   sharedBodies
}

// New returns a Server, and fills in what the configuration leaves out. It has no goroutine.
func New(cfg Config) (*Server, error) {
	if (cfg.Node == nil) == (cfg.Edge == nil) || cfg.Boards == nil {
		return nil, errors.New("web: a node or an edge, and its boards are needed")
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
	if cfg.Access == nil {
		cfg.Access = NewAccess(AccessConfig{Boards: cfg.Boards, Open: true, Now: cfg.Now, Proxies: cfg.Proxies, Log: cfg.Log})
	}
	s := &Server{
		Config: cfg, Origin: cfg.Node, Key: newKey(cfg),
		queues: new(pull.Queues), pushes: make(chan struct{}, maxPushes), forwards: make(chan struct{}, maxForwards),
	}
	if cfg.Pull != nil {
		s.queues = cfg.Pull.Queues()
	}
	if cfg.Edge != nil {
		s.Origin = cfg.Edge
	}
	s.Access.catchUp = s.followUp
	if cfg.Node != nil {
		s.Access.catchUp = cfg.Node.ReadIndex
	}
	return s, nil
}
