package consensus

import (
	"bufio"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"net"
	"runtime"
	"sync"
	"sync/atomic"
	"time"

	"go.etcd.io/raft/v3/raftpb"
)

// outgoing is one message to a peer.
type outgoing struct {
	kind    byte
	raft    *raftpb.Message // kindRaft only
	payload []byte          // all other kinds
}

// size is about the number of bytes in o, as Raft's window counts them. It is called for every
// message, so it does not encode o.
func (o outgoing) size() int64 {
	n := 64 + len(o.payload)
	if o.raft != nil {
		for i := range o.raft.Entries {
			n += len(o.raft.Entries[i].Data)
		}
	}
	return int64(n)
}

// A replicator carries everything that this node sends to one peer: the flag-runners of the story.
// It owns two connections, each with a bounded queue and a goroutine, and a third one during a
// snapshot.
//
// Sending never blocks. A message that does not fit into its queue is dropped. Raft learns so, and
// probes the peer again instead of trusting a window that was lost.
type replicator struct {
	n  *Node
	id MemberID

	ctx    context.Context // ends with close
	cancel context.CancelFunc
	wg     sync.WaitGroup

	appends *stream
	control *stream

	// sendingSnapshot allows one snapshot at a time. servedBy says which member sends it, 0: none
	// yet.
	sendingSnapshot   atomic.Bool
	servedBy          atomic.Uint64
	otherServerFailed atomic.Bool   // the last one failed, and another member sent it
	failures          atomic.Uint32 // since the last one that arrived

	// lastContact is when this node last heard from the peer, in Unix nanoseconds.
	lastContact atomic.Int64
	rtt         atomic.Int64 // of the last ping, in nanoseconds
	pinged      atomic.Pointer[sentPing]
	sentBytes   atomic.Uint64
	created     time.Time

	// pinned is the index from which the peer needs the log after its snapshot. The log stays from
	// there while the snapshot is sent, and until pinnedUntil, in Unix nanoseconds, while the peer
	// installs it and catches up. 0: nothing is pinned.
	pinned      atomic.Uint64
	pinnedUntil atomic.Int64

	mu   sync.Mutex
	addr string // guarded by mu; a peer can move to another address
}

// stream is one of a replicator's connections.
type stream struct {
	channel   channel
	queue     chan outgoing
	limit     int64        // of queued
	queued    atomic.Int64 // bytes in queue, or about to be
	connected atomic.Int64 // since when, Unix nanoseconds; 0: not connected
}

// connectedSince returns since when the stream is connected, or now if it is not.
func (s *stream) connectedSince() time.Time {
	if at := s.connected.Load(); at != 0 {
		return time.Unix(0, at)
	}
	return time.Now()
}

// Lengths of the queues, and limits of their bytes. Raft bounds appends by the window. Answers and
// forwarded proposals have as much room again, and some more.
const (
	appendQueueSlack = 1024
	controlQueue     = 256
	controlBytes     = 1 << 20
)

func newStream(ch channel, length int, bytes int64) *stream {
	return &stream{channel: ch, queue: make(chan outgoing, length), limit: bytes}
}

// put reports whether there was room for o. An empty queue always has room.
func (s *stream) put(o outgoing) bool {
	size := o.size()
	if all := s.queued.Add(size); all <= s.limit || all == size {
		select {
		case s.queue <- o:
			return true
		default:
		}
	}
	s.queued.Add(-size)
	return false
}

// dequeued notes that o has left the queue.
func (s *stream) dequeued(o outgoing) outgoing {
	s.queued.Add(-o.size())
	return o
}

func newReplicator(n *Node, id MemberID, addr string) *replicator {
	ctx, cancel := context.WithCancel(n.ctx)
	r := &replicator{
		n: n, id: id, addr: addr, created: time.Now(), ctx: ctx, cancel: cancel,
		appends: newStream(channelAppend, 2*n.cfg.MaxInflightMsgs+appendQueueSlack, int64(2*n.cfg.MaxInflightBytes)),
		control: newStream(channelControl, controlQueue, controlBytes),
	}
	r.wg.Go(func() { r.run(r.appends) })
	r.wg.Go(func() { r.run(r.control) })
	return r
}

// close ends the connections and waits for the goroutines.
func (r *replicator) close() {
	r.cancel()
	r.wg.Wait()
}

func (r *replicator) setAddr(addr string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if addr != "" {
		r.addr = addr
	}
}

func (r *replicator) address() string {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.addr
}

func (r *replicator) noteContact() { r.lastContact.Store(time.Now().UnixNano()) }

// send queues a Raft message. The Raft loop and the write loop call it.
func (r *replicator) send(m *raftpb.Message) {
	switch m.Type {
	case raftpb.MsgSnap:
		r.sendSnapshot(m)
	case raftpb.MsgApp, raftpb.MsgAppResp:
		r.enqueue(r.appends, outgoing{kind: kindRaft, raft: m})
	default:
		r.enqueue(r.control, outgoing{kind: kindRaft, raft: m})
	}
}

// enqueue reports whether o was queued. If an append was not, Raft learns so.
func (r *replicator) enqueue(s *stream, o outgoing) bool {
	if s.connected.Load() != 0 && s.put(o) {
		return true
	}
	if o.raft != nil && o.raft.Type == raftpb.MsgApp {
		r.n.reportUnreachable(r.id)
	}
	return false
}

// run keeps one stream connected until the replicator is closed.
func (r *replicator) run(s *stream) {
	ctx := r.ctx
	log := r.n.log.With("peer", r.id, "channel", s.channel)
	const first, most = 20 * time.Millisecond, time.Second
	backoff := first
	var last string
	for ctx.Err() == nil {
		began := time.Now()
		err := r.connectAndSend(ctx, s)
		s.connected.Store(0)
		if ctx.Err() != nil {
			return
		}
		for len(s.queue) > 0 { // stale by the time the peer is back
			s.dequeued(<-s.queue)
		}
		r.n.reportUnreachable(r.id)
		if refused, ok := errors.AsType[*refusedError](err); ok {
			r.n.handleRefusedHello(refused.reply)
		}
		if time.Since(began) > deadAfter {
			backoff = first
		}
		if msg := whyFailed(err); msg != last { // log it once, not at every try
			log.Info("connection to peer failed; trying again", "address", r.address(), "err", err)
			last = msg
		}
		select {
		case <-ctx.Done():
		case <-time.After(backoff):
		}
		backoff = min(2*backoff, most)
	}
}

// dial opens a connection for ch and shakes hands.
func (r *replicator) dial(ctx context.Context, ch channel) (net.Conn, error) {
	return r.n.dial(ctx, r.id, r.address(), ch)
}

// dial opens a connection for ch to member id at addr and shakes hands.
func (n *Node) dial(ctx context.Context, id MemberID, addr string, ch channel) (net.Conn, error) {
	raw, err := n.cfg.seams.dial(ctx, addr)
	if err != nil {
		return nil, err
	}
	stop := context.AfterFunc(ctx, func() { _ = raw.Close() })
	defer stop()
	c, err := n.secureDialed(ctx, raw, id)
	if err == nil {
		err = sendHello(c, n.hello(id, ch))
	}
	if err != nil {
		_ = raw.Close()
		return nil, err
	}
	return c, nil
}

// maxWrite is about how many bytes leave in one write.
const maxWrite = 256 << 10

// connectAndSend sends what is queued for s until the connection fails. All that waits leaves in
// one write: a runner carries all moves that are on the table when he sets off.
func (r *replicator) connectAndSend(ctx context.Context, s *stream) error {
	c, err := r.dial(ctx, s.channel)
	if err != nil {
		return err
	}
	// The reader of pongs ends with the connection, whoever closes it. It alone judges whether the
	// peer lives, so a write may take as long as it needs.
	ctx, cancel := context.WithCancelCause(ctx)
	stop := context.AfterFunc(ctx, func() { _ = c.Close() })
	var wg sync.WaitGroup
	defer wg.Wait()
	defer stop()
	defer c.Close()
	defer cancel(nil)
	wg.Go(func() { cancel(r.readPongs(c, s)) })

	s.connected.Store(time.Now().UnixNano())
	ping := time.NewTicker(pingEvery / leaderPings)
	defer ping.Stop()
	buf := r.encodePing(nil, s)
	if _, err := c.Write(buf); err != nil {
		return err
	}
	for turn := 1; ; {
		buf = buf[:0]
		select {
		case <-ctx.Done():
			return context.Cause(ctx)
		case <-ping.C:
			if turn++; turn%leaderPings != 0 && (s != r.control || r.n.Leader() != r.id) {
				continue
			}
			buf = r.encodePing(buf, s)
		case o := <-s.queue:
			if buf, err = encodeOutgoing(buf, s.dequeued(o)); err != nil {
				return err
			}
		}
		runtime.Gosched() // messages of the same turn of the Raft loop, and of the next, come along
		for len(buf) < maxWrite && len(s.queue) > 0 {
			if buf, err = encodeOutgoing(buf, s.dequeued(<-s.queue)); err != nil {
				return err
			}
		}
		if _, err := c.Write(buf); err != nil {
			if ctx.Err() != nil {
				err = context.Cause(ctx)
			}
			return err
		}
		r.sentBytes.Add(uint64(len(buf)))
		if cap(buf) > 4*maxWrite { // do not keep the memory of one huge append
			buf = nil
		}
	}
}

// sentPing is the last ping on the control connection.
type sentPing struct {
	age  int64     // of the replicator, in the ping
	asks time.Time // this node's clock at the time
}

// encodePing adds a ping with this replicator's age.
func (r *replicator) encodePing(buf []byte, s *stream) []byte {
	p := &sentPing{int64(time.Since(r.created)), r.n.cfg.Now()}
	if s == r.control {
		r.pinged.Store(p)
	}
	start := len(buf)
	buf = beginMessage(buf, kindPing)
	buf = binary.BigEndian.AppendUint64(buf, uint64(p.age))
	return endMessage(buf, start)
}

func encodeOutgoing(buf []byte, o outgoing) ([]byte, error) {
	start := len(buf)
	if o.raft != nil && o.raft.Type == raftpb.MsgApp {
		return endMessage(encodeAppend(beginMessage(buf, kindAppend), o.raft), start), nil
	}
	buf = beginMessage(buf, o.kind)
	if o.kind == kindRaft {
		m, err := o.raft.Marshal()
		if err != nil {
			return buf, fmt.Errorf("encode %s: %w", o.raft.Type, err)
		}
		buf = append(buf, m...)
	} else {
		buf = append(buf, o.payload...)
	}
	return endMessage(buf, start), nil
}

// readPongs measures the round trip. It fails when the peer is silent: no pong, and no report that
// it has read more.
func (r *replicator) readPongs(c net.Conn, s *stream) error {
	br := bufio.NewReaderSize(c, 64)
	for {
		if err := c.SetReadDeadline(time.Now().Add(deadAfter)); err != nil {
			return err
		}
		kind, payload, err := readMessage(br)
		if err != nil {
			return fmt.Errorf("peer does not answer: %w", err)
		}
		switch {
		case kind == kindProgress && len(payload) == 8:
		case kind == kindPong && len(payload) == pongSize:
			if s == r.control { // on the other one it waits behind appends
				r.receivePong(decodePong(payload))
			}
		default:
			return fmt.Errorf("unexpected message of kind %d and %d bytes from peer", kind, len(payload))
		}
		r.noteContact()
	}
}

// receivePong takes the answer to a ping.
func (r *replicator) receivePong(p pong) {
	rtt := time.Since(r.created) - time.Duration(p.ping)
	if rtt < 0 || rtt > deadAfter { // not one of our pings
		return
	}
	r.rtt.Store(int64(rtt))
	r.n.receivePong(r.id, time.Now().Add(-rtt), p)
	r.n.receiveSums(r.id, p)
	if last := r.pinged.Load(); last != nil && last.age == p.ping {
		r.n.receiveClock(r.id, last.asks, rtt, p.wall)
	}
}

// acknowledged is called with every index that the peer has on disk. After a snapshot the log must
// not be compacted ahead of the peer.
func (r *replicator) acknowledged(index uint64) {
	pin := r.pinned.Load()
	if pin == 0 || index <= pin || r.sendingSnapshot.Load() {
		return
	}
	if index+r.n.cfg.KeepEntries >= r.n.Commit() {
		index = 0 // the peer is as near as any other
	}
	r.pinned.CompareAndSwap(pin, index)
	r.pinnedUntil.Store(time.Now().Add(snapshotTimeout).UnixNano())
}
