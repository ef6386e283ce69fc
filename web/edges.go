package web

import (
	"context"
	"encoding/hex"
	"net/http"
	"net/netip"
	"strings"
	"sync"
	"time"

	"github.com/chessrelay/chessrelay/consensus"
	"github.com/chessrelay/chessrelay/relay"
	"github.com/chessrelay/chessrelay/web/edge"
)

// origin is where a node's boards come from: the Raft group or an upstream. It has what the server
// must know of either.
type origin interface {
	Name() string
	ClusterID() string
	Err() error
	Applied() uint64
	Commit() uint64
	LastContact() time.Time
	// Newest is the highest index known to be committed. Fresh is when the boards were last known
	// to lack nothing; if ok is false, they have not been so since at.
	Newest() uint64
	Fresh() (at time.Time, ok bool)
	// Skew is how far this node's clock is ahead of the group's.
	Skew() time.Duration
	// Warnings tells an operator about boards that differ, wrong clocks, and members that are
	// looked for at this node's address.
	Warnings() []string
	// Diverged says why this node's boards are known to be wrong; empty: they are not. Differences
	// says which nodes' boards differ from this node's.
	Diverged() string
	Differences() []string
}

var (
	_ origin = (*consensus.Node)(nil)
	_ origin = (*edge.LogClient)(nil)
)

// atVenue refuses, on an edge, what only a member of the Raft group can do, and names a member that
// can. Unlike submissions (forward.go), such requests are not passed on: an edge faces the public,
// and the membership is not for the public.
func (s *Server) atVenue(next http.Handler) http.Handler {
	if s.cfg.Edge == nil {
		return next
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { s.fail(w, r, s.elsewhere()) })
}

func (s *Server) elsewhere() error {
	path := s.cfg.Edge.Status().Path
	return &apiError{
		Status: http.StatusMisdirectedRequest, Code: "edge",
		Message: "this node is an edge, which cannot do this; ask a member of the cluster, such as " + path[0].Name + " at " + path[0].HTTP,
		More:    map[string]any{"node": path[0].HTTP},
	}
}

// feed is GET /feed/log, for edges.
func (s *Server) feed(w http.ResponseWriter, r *http.Request) {
	if s.cfg.LogServer == nil {
		s.fail(w, r, notFound("this node serves no edges"))
		return
	}
	if s.cfg.Edge == nil && s.cfg.Node.Applied() == 0 {
		s.fail(w, r, &apiError{Status: http.StatusServiceUnavailable, Code: "not_ready", Message: "this node has no boards yet", RetryAfter: 1})
		return
	}
	var watch sync.WaitGroup
	defer watch.Wait()
	ctx, cancel := context.WithCancel(r.Context())
	defer cancel()
	if token := callerOf(r).Token; token != nil {
		watch.Go(func() { s.whileHeld(ctx, cancel, token.ID) })
	}
	if err := s.cfg.LogServer.Serve(w, r.WithContext(ctx)); err != nil {
		s.fail(w, r, err)
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
		token, known, _ := s.access.find(id)
		if !known || !token.ValidAt(relay.Millis(s.access.cfg.Now().UnixMilli())) {
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
func (s *Server) vouch(r *http.Request) (answer, error) {
	q := r.URL.Query()
	nonce, err := hex.DecodeString(q.Get("nonce"))
	if err != nil || len(nonce) != consensus.VouchNonceSize {
		return answer{}, badRequest("nonce is %d bytes in hexadecimal", consensus.VouchNonceSize)
	}
	if isLoopbackHost(hostOf(q.Get("url"))) && !fromThisMachine(r) {
		return answer{}, forbidden("a URL at localhost is vouched for on its own machine only; start this node with --advertise-http and a URL that others reach")
	}
	v, err := s.cfg.Node.Vouch(q.Get("url"), nonce)
	if err != nil {
		return answer{}, err
	}
	return ok(v)
}

// isLoopbackHost reports whether the host means the machine that uses it.
func isLoopbackHost(host string) bool {
	ip, err := netip.ParseAddr(host)
	return host == "localhost" || strings.HasSuffix(host, ".localhost") || err == nil && ip.Unmap().IsLoopback()
}

// followUp waits, on an edge, until the boards have what the upstream has announced.
func (s *Server) followUp(ctx context.Context) error {
	s.cfg.Edge.WaitApplied(ctx, s.cfg.Edge.Commit())
	return nil
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
}

func (s *Server) edgeCluster() edgeCluster {
	e := s.cfg.Edge
	report := e.Report()
	return edgeCluster{
		ClusterID: e.ClusterID(), Node: e.Name(), NodeID: e.ID(), Role: "edge", Leader: report.Leader.Name,
		Commit: e.Commit(), Applied: e.Applied(), boardsAge: s.boardsAge(), Members: []consensus.MemberStatus{}, Upstream: report, Edges: s.edges(),
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
	if s.cfg.Edge == nil {
		return
	}
	r := s.cfg.Edge.Report()
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
