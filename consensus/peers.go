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

	"go.etcd.io/raft/v3"
	"go.etcd.io/raft/v3/raftpb"
)

// maxUnknown is how many peers may have a replicator without being in this node's roster.
const maxUnknown = 64

// peers has the replicator of each other member, and the connections that members have opened.
type peers struct {
	n *Node

	mu          sync.Mutex
	closed      bool                     // guarded by mu
	replicators map[MemberID]*replicator // guarded by mu
	inbound     inbound                  // guarded by mu
	wg          sync.WaitGroup           // of the readers of inbound
}

func newPeers(n *Node) *peers {
	return &peers{n: n, replicators: map[MemberID]*replicator{}, inbound: newInbound()}
}

func (p *peers) get(id MemberID) *replicator {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.replicators[id]
}

// sync gives each member a replicator. Replicators of unknown peers stay: their membership may be
// an entry that this node has not applied yet.
func (p *peers) sync(members []Member) {
	for _, m := range members {
		p.learn(m)
	}
}

// learn makes sure that m has a replicator that dials its address.
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
	if _, known := p.n.roster.get(m.ID); !known && len(p.replicators) > maxMembers+maxUnknown {
		return
	}
	p.replicators[m.ID] = newReplicator(p.n, m.ID, m.Peer)
}

// strangerTime is how long a silent peer keeps its replicator if it is no member.
const strangerTime = time.Minute

// prune removes peers that are no members and have gone silent.
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
		p.remove(id)
	}
}

// oldestSnapshot returns the lowest pinned index of the snapshots that are being sent, or have just
// arrived; 0: none.
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

// remove ends all connections with a removed member.
func (p *peers) remove(id MemberID) {
	p.mu.Lock()
	r := p.replicators[id]
	delete(p.replicators, id)
	p.inbound.closeOf(id)
	p.mu.Unlock()
	if r != nil {
		r.close()
	}
}

func (p *peers) close() {
	p.mu.Lock()
	p.closed = true
	p.inbound.closeAll()
	rs := p.replicators
	p.replicators = map[MemberID]*replicator{}
	p.mu.Unlock()
	for _, r := range rs {
		r.close()
	}
	p.wg.Wait()
}

// promote notes that c is a member's connection for ch. It returns false if this node is closing.
func (p *peers) promote(c net.Conn, from MemberID, ch channel) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.closed {
		return false
	}
	p.inbound.promote(c, from, ch)
	return true
}

// closeInbound ends the connections that a member has opened. It may open others.
func (p *peers) closeInbound(id MemberID) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.inbound.closeOf(id)
}

// startReader runs f as the reader of c. After close, which waits for the readers, it runs none.
func (p *peers) startReader(c net.Conn, f func()) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.closed {
		_ = c.Close()
		return
	}
	p.inbound.add(c)
	p.wg.Go(f)
}

func (p *peers) forget(c net.Conn) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.inbound.remove(c)
}

// acceptLoop takes connections of other nodes until the listener is closed.
func (n *Node) acceptLoop() {
	var warned time.Time
	for {
		c, err := n.listener.Accept()
		if err != nil {
			if n.ctx.Err() != nil || errors.Is(err, net.ErrClosed) {
				return
			}
			if time.Since(warned) >= filesWarning { // such as no file descriptors: it may pass
				warned = time.Now()
				n.log.Warn("cannot accept connections from peers; trying again", "err", err)
			}
			select {
			case <-n.ctx.Done():
				return
			case <-time.After(100 * time.Millisecond):
			}
			continue
		}
		n.peers.startReader(c, func() {
			defer c.Close()
			defer n.peers.forget(c)
			if err := n.serveConn(c); err != nil && n.ctx.Err() == nil && !errors.Is(err, io.EOF) && !errors.Is(err, net.ErrClosed) {
				n.noteEnd(c, err)
			}
		})
	}
}

// serveConn answers the handshake and reads one connection to its end.
func (n *Node) serveConn(raw net.Conn) error {
	c, proof, err := n.secureAccepted(raw)
	if err != nil {
		return &strangerError{err}
	}
	h, err := receiveHello(c)
	if err != nil {
		return &strangerError{fmt.Errorf("handshake: %w", err)}
	}
	if h.Channel == channelJoin {
		return n.serveJoin(c, h, proof)
	}
	r := n.judgeHello(h, proof)
	if r.Code == replyOK {
		r = n.judgeLog(h)
	}
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
		return &strangerError{fmt.Errorf("refused %s: %s", h.From, r.Error)}
	}
	if err := c.SetDeadline(time.Time{}); err != nil {
		return err
	}
	n.peers.learn(Member{ID: h.From, Peer: h.Address})
	if !n.peers.promote(raw, h.From, h.Channel) {
		return ErrClosed
	}
	switch h.Channel {
	case channelSnapshot:
		return n.receiveSnapshot(c, h.From)
	case channelServe:
		return n.serveSnapshot(c, h.From)
	case channelDiscover:
		return n.serveDiscover(c)
	default:
		return n.readMessages(newProgressConn(c), h.From)
	}
}

// judgeHello decides whether the sender of h may talk to this node. The sender has proved to hold
// proof.
func (n *Node) judgeHello(h hello, proof proof) reply {
	switch {
	case h.Cluster != n.clusterID:
		return reply{replyWrongCluster, fmt.Sprintf("this node is in cluster %s, not in %s", n.clusterID, h.Cluster)}
	case h.To != n.id:
		return reply{replyWrongMember, fmt.Sprintf("this node is %s, not %s", n.id, h.To)}
	case h.From == 0 || len(h.Address) > maxAddress:
		return reply{replyBadHello, "the hello names no member, or its address is too long"}
	case !slices.Contains(channels, h.Channel):
		return reply{replyBadHello, fmt.Sprintf("no such channel: %q", h.Channel)}
	case !n.cfg.seams.noTLS && h.From != proof.member:
		return reply{replyStranger, fmt.Sprintf("by this node's log, the dialer has not proved that it is member %s", h.From)}
	}
	if m, known := n.roster.get(h.From); known && m.Removed {
		p := n.boardsFile.Position()
		if p.Index < n.storage.needIndex.Load() || !slices.Contains(p.ConfState.Voters, uint64(n.id)) {
			return reply{replyBusy, "this node was removed, and no voter has the removal on disk yet"}
		}
		return reply{replyRemoved, ErrRemoved.Error()}
	}
	return reply{Code: replyOK}
}

// judgeLog refuses, as the leader, a member whose log ends before what it acknowledged in this
// term: its data directory is an older copy. It judges each process of a member once, at its first
// hello, before that process can acknowledge anything.
func (n *Node) judgeLog(h hello) reply {
	if n.wasJudged(h) {
		return reply{Code: replyOK}
	}
	var match uint64
	leads := false
	err := n.runOnRaftLoop(n.ctx, func(r *raft.RawNode) {
		status := r.Status()
		leads = status.RaftState == raft.StateLeader && h.Term <= status.Term
		match = status.Progress[uint64(h.From)].Match
	})
	if err != nil {
		return reply{replyBusy, err.Error()}
	}
	// Not locked earlier: a goroutine that waits for a lock stops a test's virtual time.
	n.processesMu.Lock()
	defer n.processesMu.Unlock()
	b := n.processes[h.From]
	switch {
	case b.current == h.Boot: // another connection of it was judged meanwhile
		return reply{Code: replyOK}
	// It is alive, beside the process that came after it.
	case b.previous == h.Boot && b.previous != 0:
		b.current, b.previous, b.swaps = b.previous, b.current, b.swaps+1
		if b.swaps >= twinSwaps && h.Boot == b.newer {
			return reply{replyTwin, ErrTwin.Error()}
		}
		n.processes[h.From] = b
		return reply{Code: replyOK}
	case leads && match > h.Last:
		return reply{replyOldCopy, fmt.Sprintf("it has acknowledged entry %d, and its log ends at entry %d", match, h.Last)}
	}
	n.processes[h.From] = processes{current: h.Boot, previous: b.current, newer: h.Boot}
	return reply{Code: replyOK}
}

// processes are those that have spoken as one member. A process that has ended no longer speaks,
// but for messages on their way. So two processes that alternate are both alive: one runs on a copy
// of the data directory, and would vote a second time.
type processes struct {
	current, previous uint64
	newer             uint64 // the one of them that came second
	swaps             int    // how often they have changed places
}

// twinSwaps is after how many swaps the newer process is told to stop.
const twinSwaps = 4

// ErrTwin is why a node stops if another process runs as the same member.
var ErrTwin = errors.New("another process runs as this member: one of the two data directories is a copy of the other. " +
	"Stop this process and remove its copy; the other one goes on")

// wasJudged reports whether judgeLog has accepted the process that says hello.
func (n *Node) wasJudged(h hello) bool {
	n.processesMu.Lock()
	defer n.processesMu.Unlock()
	return n.processes[h.From].current == h.Boot
}

// handleRefusedHello reacts to a peer that refused this node.
func (n *Node) handleRefusedHello(r reply) {
	switch r.Code {
	case replyRemoved:
		n.noteRemoved()
	case replyOldCopy:
		n.lostEntries(r)
	case replyTwin:
		n.fail(fmt.Errorf("%s: %w", n.cfg.Dir, ErrTwin))
	}
}

// readMessages is the only reader of an append or a control connection. It takes the messages in
// order. It stops reading while the Raft loop is behind, so TCP slows the sender down.
func (n *Node) readMessages(c *progressConn, from MemberID) error {
	br := bufio.NewReaderSize(c, 64<<10)
	for {
		kind, payload, err := readMessage(br)
		if err != nil {
			return err
		}
		if n.ctx.Err() != nil { // a failed node must not look alive
			return ErrClosed
		}
		p := n.peers.get(from)
		if p != nil {
			p.noteContact()
		}
		switch kind {
		case kindRaft:
			m := new(raftpb.Message)
			if err := m.Unmarshal(payload); err != nil {
				return fmt.Errorf("message from %s: %w", from, err)
			}
			if MemberID(m.From) != from || MemberID(m.To) != n.id || m.Type == raftpb.MsgSnap || m.Type == raftpb.MsgApp {
				return fmt.Errorf("message from %s claims to be a %s from %s to %s", from, m.Type, MemberID(m.From), MemberID(m.To))
			}
			// Raft would panic.
			if m.Type == raftpb.MsgProp || m.Type == raftpb.MsgReadIndex && len(m.Entries) != 1 {
				return fmt.Errorf("a %s with %d entries from %s", m.Type, len(m.Entries), from)
			}
			if p != nil && m.Type == raftpb.MsgAppResp && !m.Reject {
				p.acknowledged(m.Index)
			}
			err = n.queueMessage(m)
		case kindAppend:
			m, bad := decodeAppend(payload, from, n.id)
			if err = bad; err == nil {
				err = n.queueMessage(m)
			}
		case kindPropose:
			err = n.receiveProposal(from, payload)
		case kindRefuse:
			err = n.receiveRefusal(payload)
		case kindPing:
			if len(payload) != pingSize {
				return fmt.Errorf("a ping of %d bytes from %s: it has %d", len(payload), from, pingSize)
			}
			err = c.sendMessage(kindPong, n.pong(payload).encode())
		default:
			err = fmt.Errorf("message of unknown kind %d from %s", kind, from)
		}
		if err != nil {
			return err
		}
	}
}

// queueMessage queues a peer's message for the Raft loop.
func (n *Node) queueMessage(m *raftpb.Message) error {
	select {
	case n.network <- m:
		return nil
	case <-n.ctx.Done():
		return ErrClosed
	}
}
