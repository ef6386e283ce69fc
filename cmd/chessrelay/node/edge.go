package node

import (
	"context"
	"fmt"
	"time"

	"github.com/chessrelay/chessrelay/consensus"
	"github.com/chessrelay/chessrelay/relay"
	"github.com/chessrelay/chessrelay/web/edge"
)

// openEdge opens the client of the log that this edge follows. It returns once the boards are here.
func (n *Node) openEdge(ctx context.Context, cfg Config, identified func(cluster string) error) (err error) {
	// A member that is older than the leader must go on, for its vote. An edge must not: its boards
	// would differ from the cluster's.
	n.Boards.newer = func(o relay.Outcome) {
		select {
		case n.outdated <- fmt.Errorf("entry %d of the log: %w; upgrade this edge: it is older than its upstream", o.Index, o.Err):
		default:
		}
	}
	n.starting.Say("the edge waits for an upstream to send the boards")
	n.Edge, err = edge.OpenLogClient(ctx, edge.LogClientConfig{
		Name: cfg.Name, URL: n.URL, Upstreams: cfg.Upstreams, Token: cfg.Token, Voucher: cfg.Voucher, Invited: cfg.Invited, Roots: cfg.Roots,
		Machine: n.Boards, Tail: n.Boards.tail, Identified: identified, Log: n.log, Now: cfg.Now,
		Evaluations: n.evaluations, Watching: n.watching,
		Silence: cfg.Pace.Silence, Patience: cfg.Pace.Patience, Probation: cfg.Pace.Probation, ProbeEvery: cfg.Pace.ProbeEvery,
	})
	if err != nil {
		return fmt.Errorf("--upstream: %w", err)
	}
	n.Boards.keepTime(n.Edge)
	n.log.Info("edge is running", "name", cfg.Name, "http", n.URL, "cluster", n.Edge.ClusterID(), "depth", n.Edge.Status().Depth())
	return nil
}

// status is how this node stands, for the edges that follow it.
func (n *Node) status() edge.Status {
	engine := n.evaluations != nil && n.evaluations.Available()
	if n.Edge != nil {
		s := n.Edge.Status()
		s.Engine = engine
		return s
	}
	r := n.Raft
	applied, newest := r.Applied(), r.Newest()
	fresh, _ := r.Fresh()
	s := edge.Status{
		Cluster: r.ClusterID(), Path: []edge.Hop{{ID: r.ID().String(), Name: r.Name(), HTTP: n.URL}},
		AgeMs: max(0, time.Since(fresh).Milliseconds()), Engine: engine,
	}
	if times := r.Times(); times.Compared {
		s.Now = times.Early.UnixNano()
	}
	n.Boards.Read(func(index uint64, _ *relay.State) { s.Applied = index })
	s.Sum, s.Mark = n.Boards.sums.Newest()
	s.Newest = s.Applied
	if newest > applied { // Raft counts entries that no board knows of, too
		s.Newest += newest - applied
	}
	leader := r.Leader()
	var recorders, others []string // recorders have their hands full
	for _, m := range r.Members() {
		if m.ID == leader {
			s.Leader = edge.Hop{ID: m.ID.String(), Name: m.Name, HTTP: m.HTTP}
		}
		others = append(others, m.HTTP)
		switch {
		case m.HTTP == "" || m.ID == r.ID():
		case m.Role == consensus.Recorder:
			recorders = append(recorders, m.HTTP)
		default:
			s.Alternatives = append(s.Alternatives, m.HTTP)
		}
	}
	if len(s.Alternatives) == 0 {
		s.Alternatives = recorders
	}
	s.Alternatives = s.Alternatives[:min(len(s.Alternatives), edge.MaxAlternatives)]
	// The edge trusts no URL without a key, so the URLs that it may follow come first.
	likely := append([]string{n.URL, s.Leader.HTTP}, s.Alternatives...)
	s.Keys = make(map[string]string)
	for _, at := range append(likely, others...) {
		if key := r.VouchKey(at); key != "" && len(s.Keys) < edge.MaxKeys {
			s.Keys[at] = key
		}
	}
	return s
}
