package consensus

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"net"
	"slices"
	"sync"
	"time"

	"go.etcd.io/raft/v3/raftpb"
)

// Limits of the listening side.
const (
	maxConnections = 256
	maxStrangers   = 64 // peers that our roster does not know (yet)
)

// peers holds the replicator of every other member, and the connections that
// members have opened to us.
type peers struct {
	n *Node

	mu          sync.Mutex
	closed      bool                     // guarded by mu
	replicators map[MemberID]*replicator // guarded by mu
	inbound     map[net.Conn]MemberID    // guarded by mu; 0 until the handshake
	wg          sync.WaitGroup           // the readers of inbound
}

func newPeers(n *Node) *peers {
	return &peers{n: n, replicators: map[MemberID]*replicator{}, inbound: map[net.Conn]MemberID{}}
}

func (p *peers) get(id MemberID) *replicator {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.replicators[id]
}

// sync gives every member a replicator. Replicators of strangers stay: they
// are nodes that know of a membership that we have not applied yet.
func (p *peers) sync(members []Member) {
	for _, m := range members {
		p.learn(m)
	}
}

// learn makes sure that m can be reached at the address that it names.
func (p *peers) learn(m Member) {
	if m.ID == p.n.id || m.ID == 0 || m.Peer == "" {
		return
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.closed {
		return
	}
	if r := p.replicators[m.ID]; r != nil {
		r.setAddr(m.Peer)
		return
	}
	if _, known := p.n.roster.get(m.ID); !known && len(p.replicators) > maxMembers+maxStrangers {
		return
	}
	p.replicators[m.ID] = newReplicator(p.n, m.ID, m.Peer)
}

// strangerTime is how long a peer that is no member is kept without a word from it.
const strangerTime = time.Minute

// prune drops strangers that have gone silent: the members that they spoke of never
// came to be, or are gone.
func (p *peers) prune() {
	var silent []MemberID
	p.mu.Lock()
	for id, r := range p.replicators {
		m, known := p.n.roster.get(id)
		if m.Removed || !known && time.Since(r.created) > strangerTime && time.Since(time.Unix(0, r.lastContact.Load())) > strangerTime {
			silent = append(silent, id)
		}
	}
	p.mu.Unlock()
	for _, id := range silent {
		p.drop(id)
	}
}

// oldestSnapshot returns the lowest index of the snapshots that are on their
// way to peers, or have just arrived; 0: none.
func (p *peers) oldestSnapshot() uint64 {
	p.mu.Lock()
	defer p.mu.Unlock()
	var oldest uint64
	for _, r := range p.replicators {
		if time.Now().UnixNano() >= r.pinnedUntil.Load() && !r.sendingSnapshot.Load() {
			continue
		}
		if at := r.pinned.Load(); at != 0 && (oldest == 0 || at < oldest) {
			oldest = at
		}
	}
	return oldest
}

// drop ends everything that connects us with a removed member.
func (p *peers) drop(id MemberID) {
	p.mu.Lock()
	r := p.replicators[id]
	delete(p.replicators, id)
	for c, from := range p.inbound {
		if from == id {
			_ = c.Close()
		}
	}
	p.mu.Unlock()
	if r != nil {
		r.close()
	}
}

func (p *peers) close() {
	p.mu.Lock()
	p.closed = true
	for c := range p.inbound {
		_ = c.Close()
	}
	rs := p.replicators
	p.replicators = map[MemberID]*replicator{}
	p.mu.Unlock()
	for _, r := range rs {
		r.close()
	}
	p.wg.Wait()
}

// track notes whose an inbound connection is; false: we close.
func (p *peers) track(c net.Conn, from MemberID) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.closed {
		return false
	}
	p.inbound[c] = from
	return true
}

// serve runs f as the reader of c. Not after close, which waits for the readers.
func (p *peers) serve(c net.Conn, f func()) {
	if p.mu.Lock(); p.closed || len(p.inbound) >= maxConnections+4*len(p.replicators) {
		p.mu.Unlock()
		_ = c.Close()
		return
	}
	defer p.mu.Unlock()
	p.inbound[c] = 0
	p.wg.Go(f)
}

func (p *peers) untrack(c net.Conn) {
	p.mu.Lock()
	defer p.mu.Unlock()
	delete(p.inbound, c)
}

// acceptLoop takes connections of other nodes until the listener is closed.
func (n *Node) acceptLoop() {
	for {
		c, err := n.listener.Accept()
		if err != nil {
			if n.ctx.Err() != nil || errors.Is(err, net.ErrClosed) {
				return
			}
			n.log.Warn("accept", "err", err) // out of file descriptors, say: it may pass
			select {
			case <-n.ctx.Done():
				return
			case <-time.After(100 * time.Millisecond):
			}
			continue
		}
		n.peers.serve(c, func() {
			defer c.Close()
			defer n.peers.untrack(c)
			if err := n.serve(c); err != nil && n.ctx.Err() == nil && !errors.Is(err, io.EOF) && !errors.Is(err, net.ErrClosed) {
				n.log.Info("connection from peer ended", "address", c.RemoteAddr(), "err", err)
			}
		})
	}
}

// serve answers the handshake and reads one connection to its end.
func (n *Node) serve(c net.Conn) error {
	h, err := receiveHello(c)
	if err != nil {
		return fmt.Errorf("handshake: %w", err)
	}
	r := n.judge(h)
	if r.Code == replyOK && h.Channel == channelSnapshot {
		if !n.snapshots.receiving.TryLock() {
			r = reply{Code: replyBusy, Error: "another snapshot is being received"}
		} else {
			defer n.snapshots.receiving.Unlock()
			if n.snapshots.busy() {
				r = reply{Code: replyBusy, Error: "another snapshot is being installed"}
			}
		}
	}
	if err := writeJSON(c, r); err != nil {
		return err
	}
	if r.Code != replyOK {
		return fmt.Errorf("refused %s: %s", h.From.Name, r.Error)
	}
	if err := c.SetDeadline(time.Time{}); err != nil {
		return err
	}
	n.peers.learn(h.From)
	if !n.peers.track(c, h.From.ID) {
		return ErrClosed
	}
	switch h.Channel {
	case channelSnapshot:
		return n.receiveSnapshot(c, h.From.ID)
	case channelServe:
		return n.serveSnapshot(c, h.From.ID)
	default:
		return n.readFrames(newProgressConn(c), h.From.ID)
	}
}

// judge decides whether the node that says hello may talk to us.
func (n *Node) judge(h hello) reply {
	switch {
	case h.Cluster != n.clusterID:
		return reply{replyWrongCluster, fmt.Sprintf("this node is of cluster %s, not of %s", n.clusterID, h.Cluster)}
	case h.To != n.id:
		return reply{replyWrongMember, fmt.Sprintf("this node is %s, not %s", n.id, h.To)}
	case h.From.validate() != nil:
		return reply{replyBadHello, h.From.validate().Error()}
	case !slices.Contains(channels, h.Channel):
		return reply{replyBadHello, fmt.Sprintf("no such channel: %q", h.Channel)}
	}
	if m, ok := n.roster.get(h.From.ID); ok && m.Removed {
		p := n.boards.Position()
		if p.Index < n.storage.needIndex.Load() || !slices.Contains(p.ConfState.Voters, uint64(n.id)) {
			return reply{replyBusy, "this node was removed, which a voter has yet to write down"}
		}
		return reply{replyRemoved, ErrRemoved.Error()}
	}
	return reply{Code: replyOK}
}

// refused reacts to a peer that turned us down.
func (n *Node) refused(r reply) {
	if r.Code == replyRemoved {
		n.retire()
	}
}

// readFrames is the one reader of an append or a control connection: it takes
// the messages in order, and stands still while the Raft loop is behind, so
// that TCP slows the sender down.
func (n *Node) readFrames(c *progressConn, from MemberID) error {
	br := bufio.NewReaderSize(c, 64<<10)
	for {
		kind, payload, err := readFrame(br)
		if err != nil {
			return err
		}
		if n.ctx.Err() != nil { // a node that has failed must not look alive
			return ErrClosed
		}
		p := n.peers.get(from)
		if p != nil {
			p.heard()
		}
		switch kind {
		case kindRaft:
			m := new(raftpb.Message)
			if err := m.Unmarshal(payload); err != nil {
				return fmt.Errorf("message from %s: %w", from, err)
			}
			if MemberID(m.From) != from || MemberID(m.To) != n.id || m.Type == raftpb.MsgSnap || m.Type == raftpb.MsgApp {
				return fmt.Errorf("message from %s pretends to be a %s from %s to %s", from, m.Type, MemberID(m.From), MemberID(m.To))
			}
			if m.Type == raftpb.MsgProp || m.Type == raftpb.MsgReadIndex && len(m.Entries) != 1 { // Raft would panic
				return fmt.Errorf("a %s with %d entries from %s", m.Type, len(m.Entries), from)
			}
			if p != nil && m.Type == raftpb.MsgAppResp && !m.Reject {
				p.acknowledged(m.Index)
			}
			err = n.receive(m)
		case kindAppend:
			m, bad := decodeAppend(payload, from, n.id)
			if err = bad; err == nil {
				err = n.receive(m)
			}
		case kindPropose:
			err = n.receiveSubmission(from, payload)
		case kindRefuse:
			err = n.receiveRefusal(payload)
		case kindPing:
			err = c.tell(kindPong, payload)
		default:
			err = fmt.Errorf("frame of unknown kind %d from %s", kind, from)
		}
		if err != nil {
			return err
		}
	}
}

// receive puts a peer's message before the Raft loop.
func (n *Node) receive(m *raftpb.Message) error {
	select {
	case n.network <- m:
		return nil
	case <-n.ctx.Done():
		return ErrClosed
	}
}
