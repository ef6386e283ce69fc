package main

import (
	"context"
	"time"

	"github.com/chessrelay/chessrelay/relay"
	"github.com/chessrelay/chessrelay/relay/relaypb"
	"github.com/chessrelay/chessrelay/web"
	"github.com/chessrelay/chessrelay/web/pull"
)

// pullTimeout bounds how long what a source shows waits for its majority. It is tried again with
// the next poll.
const pullTimeout = 10 * time.Second

// openPuller starts what polls the sources of rounds while this node leads.
func (n *node) openPuller(allow pull.Allow) {
	n.pull = pull.Open(pull.Config{
		Leads:  func() bool { return n.raft.Leader() == n.raft.ID() },
		Boards: n.boards, Sync: n.raft.ReadIndex, Submit: n.submitPulled, Allow: allow, Log: n.log,
	})
}

// submitPulled brings what a source shows through the log.
func (n *node) submitPulled(ctx context.Context, commands ...*relaypb.Command) ([]relay.Outcome, error) {
	now := n.boards.now().UnixMilli()
	for _, c := range commands {
		c.At, c.By = now, "the round's source"
	}
	ctx, cancel := context.WithTimeout(ctx, pullTimeout)
	defer cancel()
	return web.Propose(ctx, n.raft, commands...)
}
