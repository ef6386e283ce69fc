package consensus

import (
	"context"
	"net"

	"github.com/chessrelay/chessrelay/store"
	"go.etcd.io/raft/v3"
)

// seams are where a node meets the world outside: the network, the disk, and
// the scheduler. The tests put a simulated world there, in virtual time; a
// seam that is not set gets the real one.
type seams struct {
	listen func(address string) (net.Listener, error)
	dial   func(ctx context.Context, address string) (net.Conn, error)
	// plain leaves out TLS, and has the dialer's word for who it is: a simulated network reads the
	// frames.
	noTLS      bool
	openLog    func(path string) (entryLog, error)
	checkpoint func(*store.Boards, store.Checkpoint) error

	// settle is called by a loop that was woken, before it takes along what
	// else has come, and by each of those who were woken together, say by the news of
	// another leader: who tells them apart. A simulation comes to rest here, so that
	// what a loop finds, and who of many comes first, does not hang on the scheduler.
	settle func(loop string, who uint64)
	// waiting is how many proposals may wait for an answer: each tick looks at twice as many places, which is
	// much for simulated ticks.
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
