package web

import (
	"context"
	"encoding/hex"
	"net/http"
	"net/netip"
	"strings"
	"sync"
	"time"

	"github.com/chessrelay/chessrelay/broadcast/engine"
	"github.com/chessrelay/chessrelay/consensus"
	"github.com/chessrelay/chessrelay/web/base"
	"github.com/chessrelay/chessrelay/web/edge"
)

// atVenue refuses, on an edge, what only a member of the Raft group can do, and names a member that
// can. Unlike submissions (base/forward.go), such requests are not passed on: an edge faces the
// public, and the membership is not for the public.
func (s *Server) atVenue(next http.Handler) http.Handler {
	if s.Edge == nil {
		return next
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { s.Fail(w, r, s.Elsewhere()) })
}

// feed is GET /feed/log, for edges.
func (s *Server) feed(w http.ResponseWriter, r *http.Request) {
	if s.cfg.LogServer == nil {
		s.Fail(w, r, base.NotFound("this node serves no edges"))
		return
	}
	if s.Edge == nil && s.Node.Applied() == 0 {
		s.Fail(w, r, &base.Error{Status: http.StatusServiceUnavailable, Code: "not_ready", Message: "this node has no boards yet", RetryAfter: 1})
		return
	}
	var watch sync.WaitGroup
	defer watch.Wait()
	ctx, cancel := context.WithCancel(r.Context())
	defer cancel()
	if token := base.CallerOf(r).Token; token != nil {
		watch.Go(func() { s.whileHeld(ctx, cancel, token.ID) })
	}
	if err := s.cfg.LogServer.Serve(w, r.WithContext(ctx)); err != nil {
		s.Fail(w, r, err)
	}
}

// heldCheck is how often the node checks that an edge's token is still valid.
const heldCheck = time.Second

// whileHeld cancels once the token is no longer valid, and ends with ctx. A stream to an edge lasts
// for days, so one check at its beginning is not enough.
func (s *Server) whileHeld(ctx context.Context, cancel context.CancelFunc, id string) {
	every := time.NewTicker(heldCheck)
	defer every.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-every.C:
		}
		if !s.Access.ValidToken(id) {
			cancel()
			return
		}
	}
}

// vouch is GET /feed/vouch?url=URL&nonce=HEX: a proof, for edges, that the URL is this member's
// own.
//
// On another machine a loopback URL leads to that machine's own ports. So only this machine gets a
// proof of one.
func (s *Server) vouch(r *http.Request) (base.Answer, error) {
	q := r.URL.Query()
	nonce, err := hex.DecodeString(q.Get("nonce"))
	if err != nil || len(nonce) != consensus.VouchNonceSize {
		return base.Answer{}, base.BadRequest("nonce must be %d bytes in hexadecimal", consensus.VouchNonceSize)
	}
	if isLoopbackHost(base.HostOf(q.Get("url"))) && !fromThisMachine(r) {
		return base.Answer{}, base.Forbidden("a member vouches for a URL at localhost only on its own machine; start this node with --advertise-http and a URL that others reach")
	}
	v, err := s.Node.Vouch(q.Get("url"), nonce)
	if err != nil {
		return base.Answer{}, err
	}
	return base.OK(v)
}

// isLoopbackHost reports whether the host means the machine that uses it.
func isLoopbackHost(host string) bool {
	ip, err := netip.ParseAddr(host)
	return host == "localhost" || strings.HasSuffix(host, ".localhost") || err == nil && ip.Unmap().IsLoopback()
}

// edges returns the edges that follow this node.
func (s *Server) edges() []edge.SessionStatus {
	if s.cfg.LogServer == nil {
		return []edge.SessionStatus{}
	}
	return s.cfg.LogServer.Edges()
}

// edgeCluster is the answer to GET /api/cluster on an edge.
type edgeCluster struct {
	ClusterID string `json:"clusterId"`
	Node      string `json:"node"`
	NodeID    string `json:"nodeId"`
	Role      string `json:"role"`
	Leader    string `json:"leader"`
	Term      uint64 `json:"term"` // an edge has none
	Commit    uint64 `json:"commit"`
	Applied   uint64 `json:"applied"`
	boardsAge
	Members  []consensus.MemberStatus `json:"members"`
	Upstream edge.Report              `json:"upstream"`
	Edges    []edge.SessionStatus     `json:"edges"`
	Engine   *engine.Stats            `json:"engine,omitempty"` // of this edge
}

func (s *Server) edgeCluster() edgeCluster {
	e := s.Edge
	report := e.Report()
	return edgeCluster{
		ClusterID: e.ClusterID(), Node: e.Name(), NodeID: e.ID(), Role: "edge", Leader: report.Leader.Name,
		Commit: e.Commit(), Applied: e.Applied(), boardsAge: s.boardsAge(), Members: []consensus.MemberStatus{}, Upstream: report, Edges: s.edges(), Engine: s.engineStats(),
	}
}

// edgeMetrics adds the metrics of the edges that follow this node and, on an edge, its own.
func (s *Server) edgeMetrics(gauge func(string, float64), counter func(string, uint64)) {
	if s.cfg.LogServer != nil {
		f := s.cfg.LogServer.Stats()
		gauge("feed_followers", float64(f.Edges))
		gauge("feed_tail_entries", float64(f.TailEntries))
		gauge("feed_tail_bytes", float64(f.TailBytes))
		counter("feed_sent_bytes_total", f.SentBytes)
		counter("feed_images_total", f.SentImages)
		counter("feed_cut_total", f.Cut)
	}
	if s.Edge == nil {
		return
	}
	r := s.Edge.Report()
	following := 0.0
	if r.Upstream != "" {
		following = 1
	}
	gauge("edge_following", following)
	gauge("edge_depth", float64(r.Depth))
	gauge("edge_lag_entries", float64(r.Lag))
	gauge("edge_lag_seconds", float64(r.LagMs)/1000)
	counter("edge_connections_total", r.Switches)
	counter("edge_images_total", r.Images)
	counter("edge_entries_total", r.Entries)
	counter("edge_received_bytes_total", r.GotBytes)
}
