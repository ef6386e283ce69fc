package node

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"slices"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/chessrelay/chessrelay/web/base"

	"github.com/chessrelay/chessrelay/broadcast"
	"github.com/chessrelay/chessrelay/broadcast/engine"
	"github.com/chessrelay/chessrelay/consensus"
	"github.com/chessrelay/chessrelay/relay"
	"github.com/chessrelay/chessrelay/web"
	"github.com/chessrelay/chessrelay/web/conns"
	"github.com/chessrelay/chessrelay/web/edge"
	"github.com/chessrelay/chessrelay/web/pull"
)

// Node is one whole node. Its exported fields are set by [Open] and do not change.
type Node struct {
	Boards    *Boards
	Hub       *broadcast.Hub
	LogServer *edge.LogServer // serves the edges that follow this node
	Raft      *consensus.Node // nil on an edge
	Edge      *edge.LogClient // nil but on an edge
	Pull      *pull.Puller    // nil on an edge
	Engine    *engine.Engine  // nil: this node has none
	URL       string          // how others reach the API

	log       *slog.Logger
	accessLog *accessLog // nil: there is none

	listener *conns.Listener
	server   *http.Server
	front    *front                        // TLS, and the ports beside
	peers    *http.Transport               // calls the other nodes
	handler  atomic.Pointer[http.Handler]  // web.Starting, then the API
	watched  atomic.Pointer[broadcast.Hub] // hub, for the listener
	others   otherNodes
	starting *web.Starting
	api      *web.Server

	evaluations *engine.Store                  // nil: nobody evaluates anything for this node
	below       atomic.Pointer[edge.LogServer] // LogServer, for the hub

	cancel context.CancelFunc
	wg     sync.WaitGroup
	served chan error // gets the error with which the HTTP server ended
	// outdated gets why the node cannot go on, though it would not stop otherwise.
	outdated chan error
}

// A node is stale when its boards may have lacked something for StaleAfter. It asks the leader four
// times a second for the newest index.
const (
	StaleAfter = 1500 * time.Millisecond
	staleCheck = 250 * time.Millisecond
)

// Open starts a node. It returns once the boards are restored and the pages are served. ctx bounds
// the attempts to join. tick is Raft's, 0 for the default. Call [Node.Run], then [Node.Close].
func Open(ctx context.Context, cfg Config, log *slog.Logger, tick time.Duration) (_ *Node, err error) {
	n := &Node{log: log, Boards: NewBoards(cfg.Now), served: make(chan error, 1), outdated: make(chan error, 1)}
	n.Boards.keepTime(noClock{})
	// If the rest cannot be opened, this closes what was.
	defer func() {
		if err != nil {
			err = errors.Join(err, n.Close())
		}
	}()
	n.peers = nodeTransport(cfg.Roots)
	if n.front, err = openFront(cfg, log); err != nil {
		return n, err
	}
	proxies := cfg.TrustProxies
	if err := n.openHTTP(cfg, proxies); err != nil {
		return n, err
	}
	lifetime, cancel := context.WithCancel(context.Background())
	n.cancel = cancel
	n.URL = n.front.url(cfg, n.listener.Addr())
	open := cfg.OpenAt(n.listener.Addr())
	access := base.NewAccess(base.AccessConfig{Boards: n.Boards, Open: open, Now: cfg.Now, Proxies: proxies, Log: log})
	hub := broadcast.Config{
		Node: cfg.Name, Boards: n.Boards, Log: log,
		MaxSpectators: cfg.MaxSpectators, MaxPerAddress: cfg.MaxPerAddress, MaxPerSecond: cfg.MaxJoins,
		HistoryEvents: cfg.HistoryEvents, HistoryBytes: cfg.HistoryBytes,
		AllowedOrigins: cfg.AllowOrigins, Proxies: proxies,
		Viewer: access.Viewer,
	}
	if err := n.openEngine(cfg); err != nil {
		return n, err
	}
	if n.evaluations != nil {
		hub.Evaluations, hub.WatchedBelow = wanting{n.evaluations, n.Engine}, n.watchedBelow
	}
	identified := func(cluster string) error {
		hub.Cluster = cluster
		hub.Nodes = func() []string { return n.others.list(n) }
		return n.openHub(hub)
	}
	if cfg.Role == RoleEdge {
		err = n.openEdge(ctx, cfg, identified)
	} else {
		err = n.openMember(ctx, cfg, identified, tick)
	}
	if err == nil && n.Edge != nil && !open && !n.HasTokens() {
		err = errOpen
	}
	if err == nil && cfg.AccessLog != "" {
		n.accessLog, err = openAccessLog(cfg.AccessLog)
	}
	if err != nil {
		return n, err
	}
	files := broadcast.OpenFiles()
	n.LogServer = edge.OpenLogServer(edge.LogServerConfig{
		Tail: n.Boards.tail, Status: n.status, Image: n.Boards.image, Log: log, MaxEdges: maxFollowers(files, n.Hub.Limit()),
		Evaluations: n.evaluationsForEdges(),
	})
	n.below.Store(n.LogServer)
	warning := filesWarning(cfg.MaxSpectators, files)
	if warning != "" {
		log.Warn(warning)
	}
	n.api, err = web.New(web.Config{
		Config: base.Config{
			Node: n.Raft, Edge: n.Edge, Boards: n.Boards, Pull: n.Pull, Log: log, Now: cfg.Now, Access: access,
			URL: n.URL, Hosts: slices.Concat(cfg.ACME, cfg.AllowHosts), Proxies: proxies,
			Evaluations: n.evaluations, Engine: n.Engine,
		},
		LogServer: n.LogServer, Hub: n.Hub, AdminPort: cfg.AdminHTTP != "", Peers: n.peers, Conns: n.listener, Warning: warning,
		LogDropped: cfg.LogDropped, AccessLog: n.accessLog.logger(),
	})
	if err != nil {
		return n, err
	}
	n.front.serveBeside(n.api.Admin(), n.URL)
	n.answerBy(n.api)
	n.wg.Go(func() { n.watchStale(lifetime) })
	if n.Raft != nil {
		n.wg.Go(func() {
			n.settleTokens(lifetime, cfg, open)
			// Not before: an invitation says whether the cluster has tokens.
			if cfg.InviteTo != "" {
				n.keepInvitation(lifetime, cfg.InviteTo)
			}
		})
	}
	if cfg.Join != "" {
		n.wg.Go(func() { n.compareClusters(lifetime, cfg) })
	}
	return n, nil
}

// openMember opens this node's member of the Raft group.
func (n *Node) openMember(ctx context.Context, cfg Config, identified func(cluster string) error, tick time.Duration) (err error) {
	log := n.log
	rc := consensus.Config{
		Dir:              cfg.Data,
		Name:             cfg.Name,
		Role:             consensus.Role(cfg.Role),
		ListenPeer:       cfg.Peer,
		AdvertisePeer:    cfg.AdvertisePeer,
		AdvertiseHTTP:    n.URL,
		Bootstrap:        cfg.Bootstrap,
		Voters:           cfg.Voters,
		Machine:          n.Boards,
		Identified:       identified,
		Log:              log,
		Tick:             tick,
		MaxInflightMsgs:  cfg.MaxInflightMsgs,
		MaxInflightBytes: cfg.MaxInflightBytes,
		CheckpointAfter:  cfg.CheckpointAfter,
		Now:              cfg.Now,
		Stamp:            relay.Stamp,
	}
	if cfg.Join != "" {
		rc.Join = func(ctx context.Context, self consensus.Applicant) (consensus.Welcome, error) {
			n.starting.Say("the node waits for its cluster to admit it")
			defer n.starting.Say(isStarting)
			invitation, err := cfg.invitation(ctx, log)
			if err != nil {
				return consensus.Welcome{}, err
			}
			if invitation.NoTokens && !cfg.OpenAt(n.listener.Addr()) { // before it has a vote
				return consensus.Welcome{}, errOpen
			}
			log.Info("asking to be admitted", "at", invitation.Addresses, "id", self.ID)
			return invitation.Join(ctx, self)
		}
	}
	rc.FoundAfter = cfg.FoundAfter
	if cfg.Join != "" {
		rc.Discover = cfg.MeetAt
	}
	if n.Raft, err = consensus.Open(ctx, rc); err != nil {
		return fmt.Errorf("%w%s", err, whenTaken(err))
	}
	n.Boards.keepTime(n.Raft)
	allow, err := pull.ParseAllow(cfg.PullAllow)
	if err != nil {
		return fmt.Errorf("--pull-allow: %w", err)
	}
	n.openPuller(allow)
	log.Info("node is running", "name", cfg.Name, "role", cfg.Role, "http", n.URL, "peer", n.Raft.PeerAddr(),
		"cluster", n.Raft.ClusterID(), "member", n.Raft.ID())
	return nil
}

// openHub is called as soon as the cluster is known, and before the boards are filled. So the hub
// gets every event.
func (n *Node) openHub(cfg broadcast.Config) (err error) {
	n.Hub, err = broadcast.Open(cfg)
	if err == nil {
		n.watched.Store(n.Hub)
		n.Boards.publish, n.Boards.reset = n.Hub.Publish, n.Hub.Reset
	}
	return err
}

// whenTaken says what to do about an address that another process listens on.
func whenTaken(err error) string {
	if errors.Is(err, syscall.EADDRINUSE) {
		return " (another process listens there, perhaps this very node; stop it, or choose another address with --http and --peer)"
	}
	return ""
}

// watchStale tells the spectators when their boards may be out of date, and sends them to other
// nodes when the boards have diverged.
func (n *Node) watchStale(ctx context.Context) {
	every := time.NewTicker(staleCheck)
	defer every.Stop()
	for {
		n.Hub.SetStale(n.stale())
		why := n.diverged()
		n.api.SetDiverged(why)
		if why != "" { // spectators may still have come in before
			n.Hub.SendAway("the boards of this node have diverged; try another one")
		}
		select {
		case <-ctx.Done():
			return
		case <-every.C:
		}
	}
}

// diverged is why this node's boards are known to be wrong; empty: they are not.
func (n *Node) diverged() string {
	if n.Edge != nil {
		return n.Edge.Diverged()
	}
	return n.Raft.Diverged()
}

// stale reports whether the boards may be out of date, and since when.
func (n *Node) stale() (bool, time.Time) {
	if n.Edge != nil {
		return n.Edge.Stale()
	}
	fresh, _ := n.Raft.Fresh()
	return time.Since(fresh) > StaleAfter, fresh
}

// Addr is where the node listens for HTTP.
func (n *Node) Addr() net.Addr { return n.listener.Addr() }

// AdminAddr is where the node listens for operators (--admin-http); nil if it does not.
func (n *Node) AdminAddr() net.Addr {
	if n.front.admin == nil {
		return nil
	}
	return n.front.admin.Addr()
}

// Run waits until ctx ends, or the node stops by itself.
func (n *Node) Run(ctx context.Context) error {
	var stopped <-chan struct{}
	if n.Raft != nil {
		stopped = n.Raft.Done()
	}
	select {
	case <-ctx.Done():
		return nil
	case <-stopped:
		return n.Raft.Err()
	case err := <-n.outdated:
		return err
	case err := <-n.served:
		return fmt.Errorf("HTTP server: %w", err)
	}
}

// Close says goodbye to the spectators, lets requests end, and then closes the rest from the
// outside in.
func (n *Node) Close() error {
	var errs []error
	if n.Hub != nil {
		errs = append(errs, n.Hub.Close())
	}
	if n.LogServer != nil {
		errs = append(errs, n.LogServer.Close())
	}
	if n.Engine != nil {
		errs = append(errs, n.Engine.Close())
	}
	if n.server != nil {
		ctx, cancel := context.WithTimeout(context.Background(), shutdownGrace)
		if err := n.server.Shutdown(ctx); err != nil {
			errs = append(errs, n.server.Close())
		}
		cancel()
	}
	if n.front != nil {
		ctx, cancel := context.WithTimeout(context.Background(), shutdownGrace)
		errs = append(errs, n.front.Close(ctx))
		cancel()
		n.peers.CloseIdleConnections()
	}
	if n.cancel != nil {
		n.cancel()
	}
	n.wg.Wait()
	if n.Pull != nil {
		errs = append(errs, n.Pull.Close())
	}
	if n.Raft != nil {
		errs = append(errs, n.Raft.Close())
	}
	if n.Edge != nil {
		errs = append(errs, n.Edge.Close())
	}
	errs = append(errs, n.Boards.Close(), n.accessLog.Close())
	return errors.Join(errs...)
}
