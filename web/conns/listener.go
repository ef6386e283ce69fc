package conns

import (
	"container/list"
	"errors"
	"log/slog"
	"net"
	"net/netip"
	"slices"
	"sync"
	"sync/atomic"
	"syscall"
	"time"
)

const (
	// Patience is how long a connection has for a request before another may take its place.
	Patience = time.Second
	// acceptPause is the longest time between an error and the next accept.
	acceptPause = 50 * time.Millisecond
	// warnEvery is the least time between two warnings of one kind.
	warnEvery = 10 * time.Second
	// closedTogether is how many idle connections are closed if the process has no file left.
	closedTogether = 64
)

// Config is what a [Listener] works with.
type Config struct {
	// Room returns how many connections there may be now, not counting hijacked ones. It is called
	// for every connection, and may return less than there are. Required.
	Room func() int
	// PerAddress is how many connections an IPv4 address or an IPv6 /64 may have; zero: 1,000;
	// negative: no limit of its own. An address has at most half of the room while others need it.
	PerAddress int
	// Proxies are networks to which no limit per address applies.
	Proxies []netip.Prefix
	Log     *slog.Logger
}

// Stats are the figures of a [Listener].
type Stats struct {
	Open         int    // connections that were not hijacked
	Displaced    uint64 // closed to make room for another
	Refused      uint64 // closed at once: their address has too many
	AcceptErrors uint64
}

// Listener is a net.Listener for one http.Server. The server's ConnState and ConnContext must be
// those of the Listener.
type Listener struct {
	net.Listener
	cfg   Config
	quit  chan struct{}
	close sync.Once
	freed chan struct{} // of one: a connection is gone or became idle

	displaced, refused, acceptErrors atomic.Uint64
	displaceWarning, acceptWarning   warning // owned by Accept

	mu    sync.Mutex
	conns map[net.Conn]*conn     // guarded by mu, as is all that is reached through it
	hosts map[netip.Prefix]*host // those that have connections
	all   queues
	crowd *host // the last host that had more than half of the room; nil: none
}

// queues are the connections that may be closed, the longest-waiting one first. A connection whose
// request is kept is in none.
type queues struct{ idle, busy list.List }

// conn is a connection. It is in the queues of all and in those of its host.
type conn struct {
	net.Conn
	l      *Listener
	host   *host // nil: a proxy
	since  time.Time
	queue  func(*queues) *list.List // the queue that it is in; nil: none
	at     [2]*list.Element         // in the queue of all, and in that of the host
	kept   int                      // requests that must not be ended
	valued bool                     // it has had a request that changes something
}

type host struct {
	queues
	address netip.Prefix
	n       int
}

func idle(q *queues) *list.List { return &q.idle }
func busy(q *queues) *list.List { return &q.busy }

// Listen wraps l, which the Listener closes.
func Listen(l net.Listener, cfg Config) *Listener {
	if cfg.PerAddress == 0 {
		cfg.PerAddress = 1000
	}
	if cfg.Log == nil {
		cfg.Log = slog.New(slog.DiscardHandler)
	}
	return &Listener{
		Listener: l, cfg: cfg, quit: make(chan struct{}), freed: make(chan struct{}, 1),
		conns: map[net.Conn]*conn{}, hosts: map[netip.Prefix]*host{},
	}
}

// Close ends Accept. It closes no connection.
func (l *Listener) Close() error {
	l.close.Do(func() { close(l.quit) })
	return l.Listener.Close()
}

// Stats returns the figures as of now.
func (l *Listener) Stats() Stats {
	l.mu.Lock()
	defer l.mu.Unlock()
	return Stats{len(l.conns), l.displaced.Load(), l.refused.Load(), l.acceptErrors.Load()}
}

// Accept returns the next connection that there is room for. It fails only after Close.
func (l *Listener) Accept() (net.Conn, error) {
	for {
		c, err := l.Listener.Accept()
		switch {
		case err == nil:
			if l.admit(c) {
				return c, nil
			}
		case errors.Is(err, net.ErrClosed) || !l.rest(err):
			return nil, net.ErrClosed
		}
	}
}

// rest waits a little after an error of accept; false: the listener was closed. If the process has
// no file left, rest closes idle connections.
func (l *Listener) rest(err error) bool {
	l.acceptErrors.Add(1)
	if noFiles := errors.Is(err, syscall.EMFILE) || errors.Is(err, syscall.ENFILE); noFiles {
		l.acceptWarning.log(l.cfg.Log, "cannot accept connections: too many files are open; raise the limit (ulimit -n, LimitNOFILE=)", "err", err)
		l.mu.Lock()
		for range closedTogether {
			if e := l.all.idle.Front(); e != nil {
				l.displace(e)
			}
		}
		l.mu.Unlock()
	} else {
		l.acceptWarning.log(l.cfg.Log, "cannot accept a connection; trying again", "err", err)
	}
	return l.pause(acceptPause)
}

// pause waits until a connection is freed, for at most d; false: the listener was closed.
func (l *Listener) pause(d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-l.quit:
		return false
	case <-l.freed:
	case <-timer.C:
	}
	return true
}

// admit makes room for c, and waits if there is none. It closes c if it cannot be admitted.
func (l *Listener) admit(c net.Conn) bool {
	address, limited := l.address(c)
	for {
		verdict, wait := l.place(c, address, limited)
		switch verdict {
		case admitted:
			return true
		case refused:
			l.refused.Add(1)
			refuse(c)
			return false
		}
		l.displaceWarning.log(l.cfg.Log, "new connections wait: the open files allow no more, and all have requests; raise the limit (ulimit -n, LimitNOFILE=)")
		if !l.pause(wait) {
			_ = c.Close()
			return false
		}
	}
}

// refusal is the answer to a connection that is closed at once. Under TLS the client cannot read
// it.
const (
	refusal = "HTTP/1.1 429 Too Many Requests\r\nContent-Type: application/json\r\nRetry-After: 2\r\nConnection: close\r\n" +
		"Content-Length: 78\r\n\r\n" + refusalBody
	refusalBody = `{"error":"there are too many connections from your address","code":"too_many"}`
)

// refuse closes c. It does not wait: the buffer of c is empty.
func refuse(c net.Conn) {
	_ = c.SetWriteDeadline(time.Now().Add(acceptPause))
	_, _ = c.Write([]byte(refusal))
	_ = c.Close()
}

type verdict int

const (
	admitted verdict = iota
	refused
	full
)

// place admits c if there is room, or if it can make room. Otherwise it says how long to wait.
func (l *Listener) place(c net.Conn, address netip.Prefix, limited bool) (verdict, time.Duration) {
	room := max(1, l.cfg.Room())
	l.mu.Lock()
	defer l.mu.Unlock()
	var own *host
	if limited {
		if own = l.hosts[address]; own == nil {
			own = &host{address: address}
		}
	}
	for len(l.conns) >= room {
		v := l.victim(own, room)
		if v == nil && own != nil && own.n > room/2 {
			return refused, 0
		}
		if v == nil {
			return full, l.untilOld()
		}
		l.displaceWarning.log(l.cfg.Log, "idle connections are closed early to make room: the open files allow no more; raise the limit (ulimit -n, LimitNOFILE=)",
			"room", room, "closed", l.displaced.Load()+1)
		l.displace(v)
	}
	if own != nil && l.cfg.PerAddress >= 0 && own.n >= l.cfg.PerAddress {
		v := oldest(&own.queues)
		if v == nil {
			return refused, 0
		}
		l.displace(v)
	}
	l.add(c, own, room)
	return admitted, 0
}

// victim returns the connection whose place a new one of own takes; nil: there is none yet.
func (l *Listener) victim(own *host, room int) *list.Element {
	if own != nil && own.n > room/2 {
		return oldest(&own.queues)
	}
	if e := l.all.idle.Front(); e != nil {
		return e
	}
	if l.crowd != nil && l.crowd.n > room/2 {
		if e := l.crowd.busy.Front(); e != nil {
			return e
		}
	}
	return oldest(&l.all)
}

// oldest returns the connection of q that has idled longest. If none idles, it returns the oldest
// busy one that has had its Patience.
func oldest(q *queues) *list.Element {
	if e := q.idle.Front(); e != nil {
		return e
	}
	if e := q.busy.Front(); e != nil && time.Since(e.Value.(*conn).since) >= Patience {
		return e
	}
	return nil
}

// untilOld returns how long it takes until the oldest busy connection has had its Patience.
func (l *Listener) untilOld() time.Duration {
	if e := l.all.busy.Front(); e != nil {
		return max(time.Millisecond, Patience-time.Since(e.Value.(*conn).since))
	}
	return Patience
}

func (l *Listener) add(c net.Conn, own *host, room int) {
	k := &conn{Conn: c, l: l, host: own}
	l.conns[c] = k
	if own != nil {
		own.n++
		l.hosts[own.address] = own
		if own.n > room/2 {
			l.crowd = own
		}
	}
	k.enter(busy)
}

// displace closes a connection, which ends all reads and writes.
func (l *Listener) displace(e *list.Element) {
	k := e.Value.(*conn)
	l.displaced.Add(1)
	l.remove(k)
	_ = k.Conn.Close()
}

// remove forgets a connection.
func (l *Listener) remove(k *conn) {
	k.leave()
	delete(l.conns, k.Conn)
	if h := k.host; h != nil {
		if h.n--; h.n == 0 {
			delete(l.hosts, h.address)
			if l.crowd == h {
				l.crowd = nil
			}
		}
	}
}

// enter puts a connection at the end of its queues.
func (k *conn) enter(queue func(*queues) *list.List) {
	k.leave()
	k.queue, k.since = queue, time.Now()
	k.at[0] = queue(&k.l.all).PushBack(k)
	if k.host != nil {
		k.at[1] = queue(&k.host.queues).PushBack(k)
	}
}

func (k *conn) leave() {
	if k.queue == nil {
		return
	}
	k.queue(&k.l.all).Remove(k.at[0])
	if k.host != nil {
		k.queue(&k.host.queues).Remove(k.at[1])
	}
	k.queue = nil
}

// address returns the address that a connection counts for; false: none, since it is a proxy's.
func (l *Listener) address(c net.Conn) (netip.Prefix, bool) {
	at, err := netip.ParseAddrPort(c.RemoteAddr().String())
	if err != nil {
		return netip.Prefix{}, false
	}
	ip, bits := at.Addr().Unmap().WithZone(""), 32
	if ip.Is6() {
		bits = 64
	}
	if slices.ContainsFunc(l.cfg.Proxies, func(p netip.Prefix) bool { return p.Contains(ip) }) {
		return netip.Prefix{}, false
	}
	return netip.PrefixFrom(ip, bits).Masked(), true
}

// warning is logged at most once in warnEvery.
type warning struct{ last time.Time }

func (w *warning) log(log *slog.Logger, message string, args ...any) {
	if now := time.Now(); now.Sub(w.last) >= warnEvery {
		w.last = now
		log.Warn(message, args...)
	}
}
