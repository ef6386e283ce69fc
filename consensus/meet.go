package consensus

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"strings"
	"sync"
	"time"
)

// Members find one another by the addresses in the log. If a majority has new
// addresses there is nobody to log them. So a node that knows of no leader dials the
// places that it was told of ([Config.Meet]), proves who it is, says where it is
// reached now (the hello does), and is told where the others are reached:
//
//	dialer                                listener
//	  │ hello, channel meet ───────────────► │
//	  │ ◄──────────────── addresses by member │
//
// What is learnt so holds until the log says otherwise. It can lead to no other node
// than the member meant, since each connection checks who answers.

// meetEvery is how often a node without a leader tries.
const meetEvery = time.Second

// meetLoop looks for the others while there is no leader.
func (n *Node) meetLoop() {
	every := time.NewTicker(meetEvery)
	defer every.Stop()
	for {
		select {
		case <-n.ctx.Done():
			return
		case <-every.C:
		}
		if lead, _ := n.leader.get(); lead != 0 {
			continue
		}
		ctx, cancel := context.WithTimeout(n.ctx, handshakeTimeout)
		for _, addr := range n.cfg.Meet(ctx) {
			if err := n.meet(ctx, addr); err != nil {
				n.log.Debug("nobody was met", "address", addr, "err", err)
			}
		}
		cancel()
	}
}

// meet asks the member at addr where the others are.
func (n *Node) meet(ctx context.Context, addr string) error {
	raw, err := n.cfg.seams.dial(ctx, addr)
	if err != nil {
		return err
	}
	defer raw.Close()
	defer context.AfterFunc(ctx, func() { _ = raw.Close() })()
	var id MemberID
	c := tls.Client(raw, n.credentials.client(0, func(state tls.ConnectionState) (err error) {
		id, _, err = n.credentials.holder(state, n.knownKey)
		return err
	}))
	if err := c.HandshakeContext(ctx); err != nil {
		return err
	}
	if id == n.id {
		return nil
	}
	if err := greet(c, n.hello(id, channelMeet)); err != nil {
		return err
	}
	if err := c.SetDeadline(time.Now().Add(handshakeTimeout)); err != nil {
		return err
	}
	addresses := map[MemberID]string{}
	if err := readJSON(c, &addresses, maxWelcome); err != nil {
		return err
	}
	addresses[id] = addr
	for id, addr := range addresses {
		if m, ok := n.roster.get(id); ok && !m.Removed && len(addr) <= maxAddress {
			n.peers.learn(Member{ID: id, Peer: addr})
		}
	}
	return nil
}

// serveMeet tells a member where the others are reached, as far as this node knows.
func (n *Node) serveMeet(c net.Conn) error {
	if err := c.SetDeadline(time.Now().Add(handshakeTimeout)); err != nil {
		return err
	}
	return writeJSON(c, n.peers.addresses())
}

// addresses is where each peer is dialed.
func (p *peers) addresses() map[MemberID]string {
	p.mu.Lock()
	defer p.mu.Unlock()
	out := map[MemberID]string{}
	for id, r := range p.replicators {
		out[id] = r.address()
	}
	return out
}

// awaitKnock listens for a while before a cluster is founded. A member of another cluster that
// looks here for one of its own, means that this machine was that member and has lost its data: a
// second, empty cluster would take its place unnoticed.
func (n *Node) awaitKnock() error {
	listener, ok := n.listener.(*net.TCPListener)
	if !ok || n.cfg.FoundAfter == 0 {
		return nil
	}
	ctx, cancel := context.WithTimeout(n.ctx, n.cfg.FoundAfter)
	defer cancel()
	// The listener stays: its deadline ends an accept that is under way.
	stop := context.AfterFunc(ctx, func() { _ = listener.SetDeadline(time.Now()) })
	defer func() { stop(); _ = listener.SetDeadline(time.Time{}) }()
	knocks := make(chan error, maxStrangers)
	var wg sync.WaitGroup
	for range maxStrangers {
		c, err := listener.Accept()
		if err != nil {
			break
		}
		wg.Go(func() {
			if err := n.knock(ctx, c); err != nil {
				knocks <- err
				cancel()
			}
		})
	}
	wg.Wait()
	close(knocks)
	return <-knocks
}

// errEnough ends a handshake once the dialer has said whom it looks for.
var errEnough = errors.New("enough is known")

// knock returns an error if the dialer looks for a member of another cluster.
func (n *Node) knock(ctx context.Context, c net.Conn) error {
	defer c.Close()
	defer context.AfterFunc(ctx, func() { _ = c.Close() })()
	var wants string
	_ = tls.Server(c, &tls.Config{MinVersion: tls.VersionTLS13, GetConfigForClient: func(h *tls.ClientHelloInfo) (*tls.Config, error) {
		wants = h.ServerName
		return nil, errEnough
	}}).HandshakeContext(ctx)
	name, ok := strings.CutSuffix(wants, memberDomain)
	member, cluster, whole := strings.Cut(name, ".")
	if !ok || !whole {
		return nil
	}
	return fmt.Errorf("no new cluster is made: %s looks here for member %s of cluster %s, so this machine was in that cluster and has lost its data. "+
		"Remove that member (chessrelay venue remove), and join again with an invitation (chessrelay venue invite). "+
		"If a new cluster is what you want, stop that node first, or use another --peer address", c.RemoteAddr(), member, cluster)
}
