package node

import (
	"iter"
	"net"
	"net/http"

	"github.com/chessrelay/chessrelay/relay"
	"github.com/chessrelay/chessrelay/web/edge"
)

// This file lets the tests of whole nodes see and change the inside of a node.

// FirstTokenFile keeps a new token until it was printed.
const FirstTokenFile = firstTokenFile

// ReleaseNow has the boards check their clock.
func (b *Boards) ReleaseNow() {
	select {
	case b.wake <- struct{}{}:
	default: // the goroutine is about to do so
	}
}

// Replace replaces the boards behind the node's back.
func (b *Boards) Replace(change func(*relay.State) *relay.State) {
	b.order.Lock()
	defer b.order.Unlock()
	b.mu.Lock()
	defer b.mu.Unlock()
	b.state = change(b.state)
}

// Tail is what was applied last. Image is what edges get first.
func (b *Boards) Tail() *edge.Tail                           { return b.tail }
func (b *Boards) Image() (uint64, iter.Seq2[string, []byte]) { return b.image() }

// Status is how the node stands, for edges.
func (n *Node) Status() edge.Status { return n.status() }

// Handler answers the node's requests, without a socket.
func (n *Node) Handler() http.Handler { return *n.handler.Load() }

// RedirectAddr is where the node sends browsers to TLS.
func (n *Node) RedirectAddr() net.Addr { return n.front.redirect.Addr() }
