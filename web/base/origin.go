package base

import (
	"context"
	"net/http"
	"time"

	"github.com/chessrelay/chessrelay/consensus"
	"github.com/chessrelay/chessrelay/web/edge"
)

// Origin is where a node's boards come from: the Raft group or an upstream. It has what the server
// must know of either.
type Origin interface {
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
	_ Origin = (*consensus.Node)(nil)
	_ Origin = (*edge.LogClient)(nil)
)

// Elsewhere is the answer of an edge to what only a member can do. It names a member.
func (s *Server) Elsewhere() error {
	path := s.Edge.Status().Path
	return &Error{
		Status: http.StatusMisdirectedRequest, Code: "edge",
		Message: "this node is an edge, which cannot do this; ask a member of the cluster, such as " + path[0].Name + " at " + path[0].HTTP,
		More:    map[string]any{"node": path[0].HTTP},
	}
}

// followUp waits, on an edge, until the boards have what the upstream has announced.
func (s *Server) followUp(ctx context.Context) error {
	s.Edge.WaitApplied(ctx, s.Edge.Commit())
	return nil
}
