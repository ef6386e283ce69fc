package consensus

import (
	"context"
	"net"

	"github.com/chessrelay/chessrelay/store"
	"go.etcd.io/raft/v3"
)

// seams are where a node touches the network, the disk and the scheduler. Tests put a simulated
// world there, in virtual time. The real one is the default.
type seams struct {
	listen func(address string) (net.Listener, error)
	dial   func(ctx context.Context, address string) (net.Conn, error)
	// noTLS makes connections without TLS, on which the dialer's hello proves who it is. A
	// simulated network reads the messages.
	noTLS      bool
	openLog    func(path string) (entryLog, error)
	checkpoint func(*store.Boards, store.Checkpoint) error

	// settle is called by a loop that was woken, before it takes what else has come. Each of
	// several callers that were woken together calls it, too; who tells them apart. A simulation
	// comes to rest here, so that nothing depends on the scheduler.
	settle func(loop string, who uint64)
	// maxPending is the constant of that name. A simulated node starts often, and has no need of so
	// many slots.
	maxPending int
	// stepped is called by the Raft loop after each turn.
	stepped func(*raft.RawNode)
}

func (s *seams) setDefaults() {
	if s.listen == nil {
		s.listen = func(address string) (net.Listener, error) { return net.Listen("tcp", address) }
	}
	if s.dial == nil {
		s.dial = func(ctx context.Context, address string) (net.Conn, error) {
			d := net.Dialer{Timeout: handshakeTimeout}
			return d.DialContext(ctx, "tcp", address)
		}
	}
	if s.openLog == nil {
		s.openLog = func(path string) (entryLog, error) { return store.OpenLog(path, store.LogOptions{}) }
	}
	if s.checkpoint == nil {
		s.checkpoint = (*store.Boards).Checkpoint
	}
	if s.settle == nil {
		s.settle = func(string, uint64) {}
	}
	if s.maxPending == 0 {
		s.maxPending = maxPending
	}
	if s.stepped == nil {
		s.stepped = func(*raft.RawNode) {}
	}
}
