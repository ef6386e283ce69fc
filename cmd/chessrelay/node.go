package main

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

	"github.com/chessrelay/chessrelay/broadcast"
	"github.com/chessrelay/chessrelay/consensus"
	"github.com/chessrelay/chessrelay/relay"
	"github.com/chessrelay/chessrelay/web"
	"github.com/chessrelay/chessrelay/web/conns"
	"github.com/chessrelay/chessrelay/web/edge"
	"github.com/chessrelay/chessrelay/web/pull"
)

// node is one whole node: the boards, the Raft member or the upstream that feeds them, the hub
// that shows them, and the HTTP server in front of all. It only joins the
// packages to each other.
type node struct {
	log       *slog.Logger
	boards    *boards
	hub       *broadcast.Hub
	logServer *edge.LogServer // serves the edges that follow this node
	raft      *consensus.Node // nil on an edge
	edge      *edge.LogClient // nil but on an edge
	pull      *pull.Puller

	accessLog *accessLog // nil: there is none

	listener *conns.Listener
	server   *http.Server
	front    *front                        // TLS, and the ports beside
	peers    *http.Transport               // calls the other nodes
	handler  atomic.Pointer[http.Handler]  // web.Starting, then the API
	watched  atomic.Pointer[broadcast.Hub] // hub, for the listener
	starting *web.Starting
	api      *web.Server
	url      string // how others reach the API

	cancel context.CancelFunc
	wg     sync.WaitGroup
	served chan error // gets what the HTTP server ended with
	// outdated gets why a node that would not stop otherwise cannot go on.
	outdated chan error
}

// A node is stale when its boards may have lacked something for staleAfter. It asks
// the leader four times a second what there is.
const (
	staleAfter = 1500 * time.Millisecond
	staleCheck = 250 * time.Millisecond
)

// openNode starts a node. It returns once the node's boards stand as they did
// and its pages are served; ctx bounds the attempts to join. tick is Raft's, 0 for the
// default.
func openNode(ctx context.Context, cfg serveConfig, log *slog.Logger, tick time.Duration) (_ *node, err error) {
	n := &node{log: log, boards: newBoards(cfg.now), served: make(chan error, 1), outdated: make(chan error, 1)}
	n.boards.keepTime(noClock{})
	// What was opened is closed again if the rest cannot be.
	defer func() {
		if err != nil {
			err = errors.Join(err, n.Close())
		}
	}()
	n.peers = nodeTransport(cfg.roots)
	if n.front, err = openFront(cfg, log); err != nil {
		return n, err
	}
	proxies := cfg.TrustProxies
	if err := n.openHTTP(cfg, proxies); err != nil {
		return n, err
	}
	lifetime, cancel := context.WithCancel(context.Background())
	n.cancel = cancel
	n.url = n.front.url(cfg, n.listener.Addr())
	open := cfg.open(n.listener.Addr())
	access := web.NewAccess(web.AccessConfig{Boards: n.boards, Open: open, Now: cfg.now, Proxies: proxies, Log: log})
	hub := broadcast.Config{
		Node: cfg.Name, Boards: n.boards, Log: log,
		MaxSpectators: cfg.MaxSpectators, MaxPerAddress: cfg.MaxPerAddress, MaxPerSecond: cfg.MaxJoins,
		HistoryEvents: cfg.HistoryEvents, HistoryBytes: cfg.HistoryBytes,
		AllowedOrigins: cfg.AllowOrigins, Proxies: proxies,
		Viewer: access.Viewer,
	}
	identified := func(cluster string) error {
		hub.Cluster = cluster
		return n.openHub(hub)
	}
	if cfg.Role == roleEdge {
		err = n.openEdge(ctx, cfg, identified)
	} else {
		err = n.openMember(ctx, cfg, identified, tick)
	}
	if err == nil && n.edge != nil && !open && !n.hasTokens() {
		err = errOpen
	}
	if err == nil && cfg.AccessLog != "" {
		n.accessLog, err = openAccessLog(cfg.AccessLog)
	}
	if err != nil {
		return n, err
	}
	files := broadcast.OpenFiles()
	n.logServer = edge.OpenLogServer(edge.LogServerConfig{
		Tail: n.boards.tail, Status: n.status, Image: n.boards.image, Log: log, MaxEdges: maxFollowers(files, n.hub.Limit()),
	})
	warning := filesWarning(cfg.MaxSpectators, files)
	if warning != "" {
		log.Warn(warning)
	}
	n.api, err = web.New(web.Config{
		Node: n.raft, Edge: n.edge, LogServer: n.logServer, Boards: n.boards, Hub: n.hub, Pull: n.pull, Log: log, Now: cfg.now,
		URL: n.url, Hosts: slices.Concat(cfg.ACME, cfg.AllowHosts), Proxies: proxies, AdminPort: cfg.AdminHTTP != "", Peers: n.peers,
		Conns: n.listener, Warning: warning,
		LogDropped: cfg.logDropped,
		Access:     access, AccessLog: n.accessLog.logger(),
	})
	if err != nil {
		return n, err
	}
	n.front.serveBeside(n.api.Admin(), n.url)
	n.answerBy(n.api)
	n.wg.Go(func() { n.watchStale(lifetime) })
	if n.raft != nil {
		n.wg.Go(func() {
			n.settleTokens(lifetime, cfg, open)
			// Only now: an invitation says whether the cluster has tokens.
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
func (n *node) openMember(ctx context.Context, cfg serveConfig, identified func(cluster string) error, tick time.Duration) (err error) {
	log := n.log
	rc := consensus.Config{
		Dir:              cfg.Data,
		Name:             cfg.Name,
		Role:             consensus.Role(cfg.Role),
		ListenPeer:       cfg.Peer,
		AdvertisePeer:    cfg.AdvertisePeer,
		AdvertiseHTTP:    n.url,
		Bootstrap:        cfg.Bootstrap,
		Voters:           cfg.Voters,
		Machine:          n.boards,
		Identified:       identified,
		Log:              log,
		Tick:             tick,
		MaxInflightMsgs:  cfg.MaxInflightMsgs,
		MaxInflightBytes: cfg.MaxInflightBytes,
		CheckpointAfter:  cfg.checkpointAfter,
		Now:              cfg.now,
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
			if invitation.NoTokens && !cfg.open(n.listener.Addr()) { // before it has a vote
				return consensus.Welcome{}, errOpen
			}
			log.Info("asking to be admitted", "at", invitation.Addresses, "id", self.ID)
			return invitation.Join(ctx, self)
		}
	}
	rc.FoundAfter = cfg.foundAfter
	if cfg.Join != "" {
		rc.Discover = cfg.meetAt
	}
	if n.raft, err = consensus.Open(ctx, rc); err != nil {
		return fmt.Errorf("%w%s", err, whenTaken(err))
	}
	n.boards.keepTime(n.raft)
	allow, err := pull.ParseAllow(cfg.PullAllow)
	if err != nil {
		return fmt.Errorf("--pull-allow: %w", err)
	}
	n.openPuller(allow)
	log.Info("node runs", "name", cfg.Name, "role", cfg.Role, "http", n.url, "peer", n.raft.PeerAddr(),
		"cluster", n.raft.ClusterID(), "member", n.raft.ID())
	return nil
}

// openHub is called as soon as the cluster is known, and before the boards are
// filled, so that no event is made which the hub does not get.
func (n *node) openHub(cfg broadcast.Config) (err error) {
	n.hub, err = broadcast.Open(cfg)
	if err == nil {
		n.watched.Store(n.hub)
		n.boards.publish, n.boards.reset = n.hub.Publish, n.hub.Reset
	}
	return err
}

// whenTaken is what to do about an address that another process listens on.
func whenTaken(err error) string {
	if errors.Is(err, syscall.EADDRINUSE) {
		return " (another process listens there, maybe this very node; stop that one, or choose another address with --http and --peer)"
	}
	return ""
}

// watchStale tells the spectators when what they see may be out of date, and sends them to other
// nodes when it is wrong.
func (n *node) watchStale(ctx context.Context) {
	every := time.NewTicker(staleCheck)
	defer every.Stop()
	for {
		n.hub.SetStale(n.stale())
		why := n.diverged()
		if n.api.SetDiverged(why); why != "" { // some may still have come in before
			n.hub.SendAway("the boards of this node have diverged; try another one")
		}
		select {
		case <-ctx.Done():
			return
		case <-every.C:
		}
	}
}

// diverged is why this node's boards are known to be wrong; empty: they are not.
func (n *node) diverged() string {
	if n.edge != nil {
		return n.edge.Diverged()
	}
	return n.raft.Diverged()
}

// stale reports whether the boards may be out of date, and since when.
func (n *node) stale() (bool, time.Time) {
	if n.edge != nil {
		return n.edge.Stale()
	}
	fresh, _ := n.raft.Fresh()
	return time.Since(fresh) > staleAfter, fresh
}

// Addr is where the node listens for HTTP.
func (n *node) Addr() net.Addr { return n.listener.Addr() }

// AdminAddr is where it listens for operators (--admin-http), nil if it does not.
func (n *node) AdminAddr() net.Addr {
	if n.front.admin == nil {
		return nil
	}
	return n.front.admin.Addr()
}

// run waits until ctx ends, or the node stops by itself.
func (n *node) run(ctx context.Context) error {
	var stopped <-chan struct{}
	if n.raft != nil {
		stopped = n.raft.Done()
	}
	select {
	case <-ctx.Done():
		return nil
	case <-stopped:
		return n.raft.Err()
	case err := <-n.outdated:
		return err
	case err := <-n.served:
		return fmt.Errorf("HTTP server: %w", err)
	}
}

// Close says goodbye to the spectators, lets requests end, and then closes the
// rest from the outside in.
func (n *node) Close() error {
	var errs []error
	if n.hub != nil {
		errs = append(errs, n.hub.Close())
	}
	if n.logServer != nil {
		errs = append(errs, n.logServer.Close())
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
	if n.pull != nil {
		errs = append(errs, n.pull.Close())
	}
	if n.raft != nil {
		errs = append(errs, n.raft.Close())
	}
	if n.edge != nil {
		errs = append(errs, n.edge.Close())
	}
	errs = append(errs, n.boards.Close(), n.accessLog.Close())
	return errors.Join(errs...)
}
