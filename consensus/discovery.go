package consensus

import (
	"cmp"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"maps"
	"net"
	"slices"
	"sync"
	"sync/atomic"
	"time"
)

// Members find one another by the addresses in the log, and know one another by the keys in it.
// That is not enough in two cases. If a majority has moved to new addresses, nobody can log them.
// And a node that was away does not know members that came meanwhile, one of which may lead. In
// both cases the node asks the members that it knows. It proves who it is, and its hello says where
// it listens. The other member answers with the members in its log and where they listen now:
//
//	dialer                        listener
//	  │ hello, channel meet ───────► │
//	  │ ◄──────────────────  members │
//
// The node relies on what it learns until its own log is as far as the other's was.

// discoverEvery is how often a node asks, while it needs to.
const discoverEvery = time.Second

// discovered is the members that another member has told of. The roster takes precedence.
type discovered struct {
	needed atomic.Bool // an unknown node has connected

	mu      sync.Mutex
	members map[MemberID]Member // guarded by mu
	asOf    uint64              // guarded by mu: the index up to which the other's log was applied
}

// get returns a member that a node with this applied index cannot know yet.
func (h *discovered) get(id MemberID, applied uint64) (Member, bool) {
	h.mu.Lock()
	defer h.mu.Unlock()
	m, ok := h.members[id]
	return m, ok && applied < h.asOf
}

// put takes what a member tells, in place of what an earlier one has told.
func (h *discovered) put(list memberList) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if list.AsOf < h.asOf {
		return
	}
	h.members, h.asOf = map[MemberID]Member{}, list.AsOf
	for _, m := range list.Members {
		if m.validate() == nil {
			h.members[m.ID] = m
		}
	}
}

// list returns the members by id.
func (h *discovered) list() []Member {
	h.mu.Lock()
	defer h.mu.Unlock()
	return slices.SortedFunc(maps.Values(h.members), func(a, b Member) int { return cmp.Compare(a.ID, b.ID) })
}

// forget is called when a member is removed: it may be the source.
func (h *discovered) forget() {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.members, h.asOf = nil, 0
}

// memberList is the members as of AsOf in the log of the node that sends it.
type memberList struct {
	AsOf    uint64   `json:"asOf"`
	Members []Member `json:"members"`
}

// discoverLoop asks other members while there is no leader, or after an unknown node has connected.
func (n *Node) discoverLoop() {
	every := time.NewTicker(discoverEvery)
	defer every.Stop()
	failed := map[string]string{} // why, by address: logged once, not at every try
	for {
		select {
		case <-n.ctx.Done():
			return
		case <-every.C:
		}
		ctx, cancel := context.WithTimeout(n.ctx, handshakeTimeout)
		var places []string
		if lead, _ := n.leader.get(); lead == 0 && n.cfg.Discover != nil {
			places = n.cfg.Discover(ctx)
		}
		if n.discovered.needed.Swap(false) {
			for _, m := range n.peers.dialed() {
				places = append(places, m.Peer)
			}
		}
		for _, addr := range places {
			if err := n.discover(ctx, addr); err == nil {
				delete(failed, addr)
			} else if why := whyFailed(err); why != failed[addr] && len(failed) < maxMembers {
				failed[addr] = why
				n.log.Info("no member found at this address", "address", addr, "err", err)
			}
		}
		cancel()
	}
}

// discover asks the member at addr where the others listen.
func (n *Node) discover(ctx context.Context, addr string) error {
	raw, err := n.cfg.seams.dial(ctx, addr)
	if err != nil {
		return err
	}
	defer raw.Close()
	defer context.AfterFunc(ctx, func() { _ = raw.Close() })()
	var id MemberID
	c := tls.Client(raw, n.credentials.client(0, func(state tls.ConnectionState) (err error) {
		id, err = n.credentials.holder(state, n.memberKey)
		return err
	}))
	if err := c.HandshakeContext(ctx); err != nil {
		return err
	}
	if id == n.id {
		return nil
	}
	if err := sendHello(c, n.hello(id, channelDiscover)); err != nil {
		return err
	}
	if err := c.SetDeadline(time.Now().Add(handshakeTimeout)); err != nil {
		return err
	}
	var list memberList
	if err := readJSON(c, &list, maxWelcome); err != nil {
		return err
	}
	// The list is of the others. A node without boards would no longer know the one that it asked,
	// and refuse that one's snapshot for good.
	if asked, ok := n.discovered.get(id, n.Applied()); ok {
		list.Members = append(list.Members, asked)
	}
	n.discovered.put(list)
	n.peers.learn(Member{ID: id, Peer: addr})
	for _, m := range list.Members {
		if _, known := n.memberKey(m.ID); m.ID != id && known && m.validate() == nil {
			n.peers.learn(m)
		}
	}
	return nil
}

// serveDiscover sends a member the other members, with the addresses that this node knows.
func (n *Node) serveDiscover(c net.Conn) error {
	if err := c.SetDeadline(time.Now().Add(handshakeTimeout)); err != nil {
		return err
	}
	return writeJSON(c, memberList{n.Applied(), n.peers.dialed()})
}

// dialed returns the members of the roster but this node, with the addresses at which it dials
// them.
func (p *peers) dialed() []Member {
	var out []Member
	for _, m := range p.n.roster.list() {
		if r := p.get(m.ID); r != nil {
			m.Peer = r.address()
			out = append(out, m)
		}
	}
	return out
}

// awaitFormerMembers listens for a while before a cluster is founded. If a member of another
// cluster looks here for one of its own, this machine was that member and has lost its data. A
// second, empty cluster must not take its place unnoticed.
func (n *Node) awaitFormerMembers() error {
	listener, ok := n.listener.(*net.TCPListener)
	if !ok || n.cfg.FoundAfter == 0 {
		return nil
	}
	ctx, cancel := context.WithTimeout(n.ctx, n.cfg.FoundAfter)
	defer cancel()
	// The listener stays open: its deadline ends a pending Accept.
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
			if err := n.checkFormerMember(ctx, c); err != nil {
				knocks <- err
				cancel()
			}
		})
	}
	wg.Wait()
	close(knocks)
	return <-knocks
}

// errNameKnown ends a handshake once the dialer has said whom it looks for.
var errNameKnown = errors.New("the name is known")

// checkFormerMember returns an error if the dialer looks for a member of another cluster.
func (n *Node) checkFormerMember(ctx context.Context, c net.Conn) error {
	defer c.Close()
	defer context.AfterFunc(ctx, func() { _ = c.Close() })()
	var wants string
	_ = tls.Server(c, &tls.Config{MinVersion: tls.VersionTLS13, GetConfigForClient: func(h *tls.ClientHelloInfo) (*tls.Config, error) {
		wants = h.ServerName
		return nil, errNameKnown
	}}).HandshakeContext(ctx)
	member, cluster, ok := splitMemberName(wants)
	if !ok {
		return nil
	}
	return fmt.Errorf("no new cluster is made: %s looks here for member %s of cluster %s, so this machine was in that cluster and has lost its data. "+
		"Remove that member (chessrelay venue remove), and join again with an invitation (chessrelay venue invite). "+
		"To make a new cluster all the same, stop that node first, or use another --peer address", c.RemoteAddr(), member, cluster)
}
