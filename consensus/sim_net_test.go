package consensus

import (
	"context"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"hash/fnv"
	"io"
	"math/rand/v2"
	"net"
	"os"
	"slices"
	"sync"
	"time"

	"go.etcd.io/raft/v3/raftpb"
)

// simNet is the network of a simulated cluster: connections between hosts, in the virtual time of a
// testing/synctest bubble. It knows the protocol of wire.go, so each message travels by itself. TCP
// cannot lose, repeat or reorder messages, but Raft must survive all of that.
//
// Each connection draws its delays from its own generator, in nanoseconds. So two events seldom
// happen at the same instant, and the order in which goroutines run decides nothing.
//
// Locks: simNet.mu, then pipe.mu of the dialing side before that of its peer, and dialMu last.
type simNet struct {
	seed uint64
	// sent is called with each Raft message that a node has written, and with its fate: "" for on
	// its way, or "lost", "twice", "late", "blocked". No lock is held.
	sent func(m *raftpb.Message, fate string)
	// filter, if set, decides a message's fate ("lost" or ""), after the link's own chance.
	filter func(m *raftpb.Message) string

	mu        sync.Mutex
	listeners map[string]*simListener // by host
	links     map[[2]string]*link
	pipes     []*pipe // open ones
	dark      map[string]bool
	changed   chan struct{} // closed when a link or a listener changes

	dialMu sync.Mutex
	dialed map[string]int // connections so far, by hosts and channel
}

// link is how packets get from one host to another.
type link struct {
	delay, jitter      time.Duration
	lose, twice, late  float64 // chances of one message
	lateBy             time.Duration
	blocked, blackhole bool // blocked packets wait; in a black hole messages are lost
}

func newSimNet(seed uint64) *simNet {
	return &simNet{
		seed: seed, listeners: map[string]*simListener{}, links: map[[2]string]*link{},
		dialed: map[string]int{}, dark: map[string]bool{}, changed: make(chan struct{}),
	}
}

// keyed is a generator for key alone.
func keyed(seed uint64, key ...any) *rand.Rand {
	h := fnv.New64a()
	fmt.Fprint(h, key...)
	return rand.New(rand.NewPCG(seed, h.Sum64()))
}

// link returns the link between two hosts. The caller holds mu.
func (n *simNet) link(from, to string) *link {
	l := n.links[[2]string{from, to}]
	if l == nil {
		l = &link{delay: time.Millisecond}
		n.links[[2]string{from, to}] = l
	}
	return l
}

// change changes the link from one host to another, and wakes what waits for it.
func (n *simNet) change(from, to string, f func(*link)) {
	n.mu.Lock()
	defer n.mu.Unlock()
	l := n.link(from, to)
	was := l.blocked
	f(l)
	if was && !l.blocked {
		for _, p := range n.pipes {
			if p.from == from && p.to == to {
				p.resume(*l)
			}
		}
	}
	n.wake()
}

// wake wakes those who dial. The caller holds mu.
func (n *simNet) wake() {
	close(n.changed)
	n.changed = make(chan struct{})
}

// unplug cuts all connections of a host that dies. If it is silent, as in a power failure, the
// others notice only by a timeout. Otherwise its kernel closes the connections. Packets on their
// way still arrive.
func (n *simNet) unplug(host string, silent bool) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.dark[host] = silent
	delete(n.listeners, host)
	for _, p := range n.pipes {
		if p.from == host {
			p.cut(!silent, *n.link(p.from, p.to))
		}
	}
	n.wake()
}

// reset breaks the connections between two hosts.
func (n *simNet) reset(a, b string) {
	n.mu.Lock()
	defer n.mu.Unlock()
	for _, p := range n.pipes {
		if (p.from == a && p.to == b) || (p.from == b && p.to == a) {
			p.cut(true, *n.link(p.from, p.to))
		}
	}
}

// simListener is a host's port.
type simListener struct {
	net     *simNet
	host    string
	backlog chan net.Conn
	closed  chan struct{}
	once    sync.Once
}

type simAddr string

func (simAddr) Network() string  { return "sim" }
func (a simAddr) String() string { return string(a) }

func hostOf(addr string) string {
	host, _, _ := net.SplitHostPort(addr)
	return host
}

func (n *simNet) listen(addr string) (net.Listener, error) {
	host := hostOf(addr)
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.listeners[host] != nil {
		return nil, fmt.Errorf("%s: address in use", addr)
	}
	l := &simListener{net: n, host: host, backlog: make(chan net.Conn, 256), closed: make(chan struct{})}
	n.listeners[host] = l
	n.dark[host] = false
	// Peers of the host's former process learn that their connections are closed.
	for _, p := range n.pipes {
		if p.to == host {
			p.cutWriter()
		}
	}
	n.wake()
	return l, nil
}

func (l *simListener) Accept() (net.Conn, error) {
	select {
	case c := <-l.backlog:
		return c, nil
	case <-l.closed:
		return nil, net.ErrClosed
	}
}

func (l *simListener) Close() error {
	l.once.Do(func() {
		close(l.closed)
		l.net.mu.Lock()
		defer l.net.mu.Unlock()
		if l.net.listeners[l.host] == l {
			delete(l.net.listeners, l.host)
		}
		for len(l.backlog) > 0 {
			_ = (<-l.backlog).(*simConn).closeLocked()
		}
	})
	return nil
}

func (l *simListener) Addr() net.Addr { return simAddr(l.host + ":1") }

var errRefused = errors.New("connection refused")

// dial connects a host to an address. Into a partition it waits, as TCP does.
func (n *simNet) dial(ctx context.Context, from, addr string) (net.Conn, error) {
	to := hostOf(addr)
	ctx, cancel := context.WithTimeout(ctx, handshakeTimeout)
	defer cancel()
	for {
		n.mu.Lock()
		ab, ba := n.link(from, to), n.link(to, from)
		trip := ab.delay + ba.delay
		open := !ab.blocked && !ba.blocked && !n.dark[to]
		changed := n.changed
		n.mu.Unlock()
		if open {
			select {
			case <-time.After(trip + time.Duration(keyed(n.seed, "dial", from, to, time.Now().UnixNano()).IntN(1e6))):
			case <-ctx.Done():
				return nil, ctx.Err()
			}
			return n.connect(from, to)
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return nil, fmt.Errorf("dial %s: %w", addr, ctx.Err())
		}
	}
}

func (n *simNet) connect(from, to string) (net.Conn, error) {
	n.mu.Lock()
	defer n.mu.Unlock()
	l := n.listeners[to]
	if l == nil {
		return nil, errRefused
	}
	there, back := newPipe(n, from, to), newPipe(n, to, from)
	there.dialer, there.peer, back.peer = true, back, there
	select {
	case l.backlog <- &simConn{in: there, out: back}:
	default:
		return nil, errRefused
	}
	n.pipes = append(n.pipes, there, back)
	return &simConn{in: back, out: there}, nil
}

// simConn is one end of a connection.
type simConn struct {
	in, out *pipe
	once    sync.Once

	mu          sync.Mutex
	read, write time.Time // deadlines
}

func (c *simConn) Read(b []byte) (int, error) {
	c.mu.Lock()
	deadline := c.read
	c.mu.Unlock()
	return c.in.read(b, deadline)
}

func (c *simConn) Write(b []byte) (int, error) {
	c.mu.Lock()
	deadline := c.write
	c.mu.Unlock()
	return c.out.write(b, deadline)
}

func (c *simConn) CloseWrite() error {
	c.out.net.mu.Lock()
	defer c.out.net.mu.Unlock()
	c.out.cut(true, *c.out.net.link(c.out.from, c.out.to))
	return nil
}

func (c *simConn) Close() error {
	c.out.net.mu.Lock()
	defer c.out.net.mu.Unlock()
	return c.closeLocked()
}

func (c *simConn) closeLocked() error {
	c.once.Do(func() {
		n := c.out.net
		c.out.cut(true, *n.link(c.out.from, c.out.to))
		c.in.cutReader()
		n.pipes = slices.DeleteFunc(n.pipes, func(p *pipe) bool { return p.over() })
	})
	return nil
}

func (c *simConn) LocalAddr() net.Addr  { return simAddr(c.out.from + ":1") }
func (c *simConn) RemoteAddr() net.Addr { return simAddr(c.out.to + ":1") }

func (c *simConn) SetDeadline(t time.Time) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.read, c.write = t, t
	return nil
}

func (c *simConn) SetReadDeadline(t time.Time) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.read = t
	return nil
}

func (c *simConn) SetWriteDeadline(t time.Time) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.write = t
	return nil
}

// pipe is one direction of a connection.
type pipe struct {
	net      *simNet
	from, to string
	dialer   bool  // the dialer writes
	peer     *pipe // the other direction

	wake  chan struct{} // has a token when a reader should look again
	space chan struct{} // the same for a writer

	mu      sync.Mutex
	hello   hello      // known once it was written
	rng     *rand.Rand // of this pipe alone; nil until the hello is known
	parse   []byte     // written, and not yet a whole unit
	units   int        // of the handshake and after it
	segs    []segment  // on their way, in the order of arrival
	pending int        // bytes in segs and ready
	ready   []byte
	last    time.Time // of the newest arrival that keeps the order
	noRead  bool      // the reader's end is closed
	noWrite bool      // the writer's end is closed, or the connection is broken
}

// segment is what arrives at once. No data: the end of the connection.
type segment struct {
	at   time.Time
	data []byte
}

// pipeRoom is how many bytes one direction takes before a writer waits.
const pipeRoom = 64 << 10

func newPipe(n *simNet, from, to string) *pipe {
	return &pipe{net: n, from: from, to: to, wake: make(chan struct{}, 1), space: make(chan struct{}, 1)}
}

func signal(c chan struct{}) {
	select {
	case c <- struct{}{}:
	default:
	}
}

// over reports whether both ends are closed.
func (p *pipe) over() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.noRead && p.noWrite
}

// cut ends the writing side. The reader gets what is on its way and then, if told is set, the end.
// Otherwise it gets nothing more.
func (p *pipe) cut(told bool, l link) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if told && !p.noWrite {
		p.push(l, segment{}, "")
	}
	p.noWrite = true
	signal(p.space)
}

// cutWriter makes the writer fail: the other side has no such connection.
func (p *pipe) cutWriter() {
	p.mu.Lock()
	p.noWrite = true
	p.mu.Unlock()
	signal(p.space)
	p.peer.mu.Lock()
	defer p.peer.mu.Unlock()
	p.peer.segs = append(p.peer.segs, segment{at: time.Now().Add(time.Millisecond)})
	signal(p.peer.wake)
}

func (p *pipe) cutReader() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.noRead = true
	signal(p.wake)
	signal(p.space)
}

// resume sends again what waited while the link was blocked.
func (p *pipe) resume(l link) {
	p.mu.Lock()
	defer p.mu.Unlock()
	waiting := p.segs
	p.segs, p.last = nil, time.Time{}
	for _, s := range waiting {
		p.push(l, s, "")
	}
}

// gap is the time between two packets. The caller holds mu.
func (p *pipe) gap() time.Duration {
	if p.rng == nil {
		return time.Microsecond
	}
	return 100 + time.Duration(p.rng.IntN(5000))
}

// push puts s on its way. The caller holds mu.
func (p *pipe) push(l link, s segment, fate string) {
	now := time.Now()
	s.at = now.Add(l.delay + 1)
	if p.rng != nil {
		s.at = s.at.Add(time.Duration(p.rng.Int64N(int64(l.jitter) + int64(l.delay)/8 + 1000)))
	}
	if fate == "late" {
		s.at = s.at.Add(time.Duration(p.rng.Int64N(int64(l.lateBy) + 1)))
	} else {
		// Farther apart than the few nanoseconds for which a node's loops settle.
		if next := p.last.Add(p.gap()); next.After(s.at) {
			s.at = next
		}
		p.last = s.at
	}
	at := len(p.segs)
	for at > 0 && p.segs[at-1].at.After(s.at) {
		at--
	}
	p.segs = slices.Insert(p.segs, at, s)
	signal(p.wake)
}

func (p *pipe) read(b []byte, deadline time.Time) (int, error) {
	var timer *time.Timer
	for {
		p.net.mu.Lock()
		blocked := p.net.link(p.from, p.to).blocked
		p.net.mu.Unlock()
		p.mu.Lock()
		now := time.Now()
		if len(p.ready) == 0 && !p.noRead && len(p.segs) > 0 && !blocked && !p.segs[0].at.After(now) {
			s := p.segs[0]
			p.segs = p.segs[1:]
			if s.data == nil {
				p.noRead = true
				p.mu.Unlock()
				return 0, io.EOF
			}
			p.ready = s.data
		}
		if len(p.ready) > 0 && !p.noRead {
			n := copy(b, p.ready)
			p.ready = p.ready[n:]
			p.pending -= n
			signal(p.space)
			p.mu.Unlock()
			return n, nil
		}
		closed, wait := p.noRead, time.Duration(-1)
		if len(p.segs) > 0 && !blocked {
			wait = p.segs[0].at.Sub(now)
		}
		p.mu.Unlock()
		if closed {
			return 0, net.ErrClosed
		}
		if !deadline.IsZero() {
			left := deadline.Sub(now)
			if left <= 0 {
				return 0, os.ErrDeadlineExceeded
			}
			if wait < 0 || left < wait {
				wait = left
			}
		}
		if wait < 0 {
			<-p.wake
			continue
		}
		if timer == nil {
			timer = time.NewTimer(wait)
			defer timer.Stop()
		} else {
			timer.Reset(wait)
		}
		select {
		case <-p.wake:
		case <-timer.C:
		}
	}
}

func (p *pipe) write(b []byte, deadline time.Time) (int, error) {
	var expired <-chan time.Time
	for {
		p.mu.Lock()
		broken, full := p.noWrite, p.pending >= pipeRoom && !p.noRead
		p.mu.Unlock()
		switch {
		case broken:
			return 0, net.ErrClosed
		case full:
			if expired == nil && !deadline.IsZero() {
				timer := time.NewTimer(time.Until(deadline))
				defer timer.Stop()
				expired = timer.C
			}
			select {
			case <-p.space:
			case <-expired:
				return 0, os.ErrDeadlineExceeded
			}
			continue
		}
		break
	}
	p.net.mu.Lock()
	l := *p.net.link(p.from, p.to)
	p.net.mu.Unlock()
	for _, u := range p.cutUp(b) {
		p.transmit(l, u)
	}
	return len(b), nil
}

// unit is what one fate is drawn for.
type unit struct {
	data []byte
	m    *raftpb.Message // nil: not a Raft message
	free bool            // it may be lost; a Raft message may be repeated and delayed, too
}

// cutUp adds b to what was written and returns the whole units: the handshake, the messages, and
// anything on a snapshot's connection.
func (p *pipe) cutUp(b []byte) (out []unit) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.parse = append(p.parse, b...)
	for {
		switch {
		case p.units == 0 && p.dialer:
			start := len(wireMagic)
			size := whole(p.parse, start)
			if size == 0 {
				return out
			}
			var h hello
			_ = json.Unmarshal(p.parse[start+4:size], &h)
			p.identify(h)
			out = append(out, unit{data: p.take(size)})
		case p.units == 0:
			size := whole(p.parse, 0)
			if size == 0 {
				return out
			}
			out = append(out, unit{data: p.take(size)})
		case p.hello.Channel == channelSnapshot:
			if len(p.parse) == 0 {
				return out
			}
			u := unit{data: p.take(len(p.parse))}
			if size := whole(u.data, 0); p.units == 2 && p.dialer && size > 0 && u.data[4] == kindRaft {
				u.m = new(raftpb.Message)
				_ = u.m.Unmarshal(u.data[messageHeader:size])
			}
			return append(out, u)
		default:
			size := whole(p.parse, 0)
			if size == 0 {
				return out
			}
			u := unit{data: p.take(size), free: p.hello.Channel == channelAppend || p.hello.Channel == channelControl}
			switch u.data[4] {
			case kindRaft:
				u.m = new(raftpb.Message)
				_ = u.m.Unmarshal(u.data[messageHeader:])
			case kindAppend:
				u.m, _ = decodeAppend(u.data[messageHeader:], p.hello.From, p.hello.To)
			}
			out = append(out, u)
		}
	}
}

// whole returns the end of the unit whose length is at start, 0 if it is not all there.
func whole(b []byte, start int) int {
	if len(b) < start+4 {
		return 0
	}
	if size := start + 4 + int(binary.BigEndian.Uint32(b[start:])); len(b) >= size {
		return size
	}
	return 0
}

// take removes a unit from parse. The caller holds mu.
func (p *pipe) take(size int) []byte {
	u := slices.Clone(p.parse[:size])
	p.parse = p.parse[size:]
	p.units++
	return u
}

// identify gives both directions their generators. The caller holds mu.
func (p *pipe) identify(h hello) {
	key := fmt.Sprint(p.from, " ", p.to, " ", h.Channel)
	p.net.dialMu.Lock()
	p.net.dialed[key]++
	nth := p.net.dialed[key]
	p.net.dialMu.Unlock()
	p.hello, p.rng = h, keyed(p.net.seed, key, " ", nth, " there")
	p.peer.mu.Lock()
	defer p.peer.mu.Unlock()
	p.peer.hello, p.peer.rng = h, keyed(p.net.seed, key, " ", nth, " back")
}

// transmit decides the fate of u.
func (p *pipe) transmit(l link, u unit) {
	p.mu.Lock()
	fate := ""
	if u.free {
		switch x := p.rng.Float64(); {
		case l.blocked && l.blackhole, x < l.lose:
			fate = "lost"
		case u.m == nil:
		case x < l.lose+l.twice:
			fate = "twice"
		case x < l.lose+l.twice+l.late:
			fate = "late"
		}
	}
	p.mu.Unlock()
	if u.m != nil && u.free && p.net.filter != nil && fate == "" {
		fate = p.net.filter(u.m)
	}
	if fate == "" && l.blocked {
		fate = "blocked"
	}
	if u.m != nil {
		p.net.sent(u.m, fate)
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if fate == "lost" || p.noWrite || p.noRead {
		return
	}
	p.pending += len(u.data)
	p.push(l, segment{data: u.data}, fate)
	if fate == "twice" {
		p.pending += len(u.data)
		p.push(l, segment{data: u.data}, "late")
	}
}
