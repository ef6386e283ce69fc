package node

import (
	"context"
	"time"

	"github.com/chessrelay/chessrelay/web/base"

	"github.com/chessrelay/chessrelay/relay"
	"github.com/chessrelay/chessrelay/relay/relaypb"
	"github.com/chessrelay/chessrelay/web/pull"
)

// pullTimeout bounds how long a source's commands wait for a majority. The next poll tries again.
const pullTimeout = 10 * time.Second

// openPuller starts the puller, which polls the sources of rounds while this node leads.
func (n *Node) openPuller(allow pull.Allow) {
	n.Pull = pull.Open(pull.Config{
		Leads:  func() bool { return n.Raft.Leader() == n.Raft.ID() },
		Boards: n.Boards, Sync: n.Raft.ReadIndex, Submit: n.submitPulled, Allow: allow, Log: n.log,
	})
}

// submitPulled submits a source's commands to the log.
func (n *Node) submitPulled(ctx context.Context, commands ...*relaypb.Command) ([]relay.Outcome, error) {
	now := n.Boards.now().UnixMilli()
	for _, c := range commands {
		c.At, c.By = now, "the round's source"
	}
	ctx, cancel := context.WithTimeout(ctx, pullTimeout)
	defer cancel()
	return base.Propose(ctx, n.Raft, commands...)
}
