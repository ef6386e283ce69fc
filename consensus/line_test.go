package consensus

import (
	"bytes"
	"errors"
	"io"
	"net"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// line is a bad line to one node: a proxy in front of its peer port. The node advertises the line's
// address. A fault belongs to one connection, and is chosen by its hello.
type line struct {
	t     testing.TB
	ln    net.Listener
	to    atomic.Pointer[lineEnd] // the node behind it
	fault atomic.Pointer[func(hello) fault]
	seen  chan hello   // all hellos on the snapshot channel, if anyone receives
	rate  atomic.Int64 // bytes a second towards the node; 0: no limit
	wg    sync.WaitGroup
	end   chan struct{}

	mu     sync.Mutex
	conns  map[net.Conn]bool
	dialed map[channel]int
	free   time.Time     // when the line will be idle
	ice    chan struct{} // closed by thaw; nil: not frozen
}

// lineEnd is where a line leads to. It stays as it is if the node is killed.
type lineEnd struct{ cluster, addr string }

// fault is what happens to a connection after so many bytes to the node. The zero value is none.
type fault struct {
	kind  string // "cut" or "stall"
	after int64
	rate  int // bytes a second; 0: no limit
}

// teeConn remembers what is read from it.
type teeConn struct {
	net.Conn
	w io.Writer
}

func (c teeConn) Read(p []byte) (int, error) { return io.TeeReader(c.Conn, c.w).Read(p) }

func newLine(t testing.TB) *line {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	l := &line{t: t, ln: ln, seen: make(chan hello, 100), end: make(chan struct{}), conns: map[net.Conn]bool{}, dialed: map[channel]int{}}
	l.faults(func(hello) fault { return fault{} })
	l.wg.Go(func() {
		for {
			c, err := ln.Accept()
			if err != nil {
				return
			}
			l.wg.Go(func() { l.carry(c) })
		}
	})
	t.Cleanup(func() {
		close(l.end)
		ln.Close()
		l.cut()
		l.wg.Wait()
	})
	return l
}

func (l *line) addr() string                 { return l.ln.Addr().String() }
func (l *line) leadTo(n *testNode)           { l.to.Store(&lineEnd{n.ClusterID(), n.listener.Addr().String()}) }
func (l *line) faults(f func(h hello) fault) { l.fault.Store(&f) }

// connections is how many connections of ch there have been.
func (l *line) connections(ch channel) int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.dialed[ch]
}

// cut ends every connection.
func (l *line) cut() {
	l.mu.Lock()
	defer l.mu.Unlock()
	for c := range l.conns {
		c.Close()
	}
}

// freeze stops all bytes, in both directions, without telling anyone. thaw ends that.
func (l *line) freeze() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.ice = make(chan struct{})
}

func (l *line) thaw() {
	l.mu.Lock()
	defer l.mu.Unlock()
	close(l.ice)
	l.ice = nil
}

// flows waits while the line is frozen.
func (l *line) flows() {
	l.mu.Lock()
	ice := l.ice
	l.mu.Unlock()
	if ice != nil {
		select {
		case <-ice:
		case <-l.end:
		}
	}
}

func (l *line) keep(c net.Conn) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.conns[c] = true
	select {
	case <-l.end:
		c.Close()
	default:
	}
}

func (l *line) drop(c net.Conn) {
	l.mu.Lock()
	defer l.mu.Unlock()
	delete(l.conns, c)
	c.Close()
}

func (l *line) carry(near net.Conn) {
	l.keep(near)
	defer l.drop(near)
	to := l.to.Load()
	if to == nil {
		return
	}
	var begin bytes.Buffer
	h, err := receiveHello(teeConn{near, &begin})
	if err != nil || h.Cluster != to.cluster {
		return // a node of another test, whose member had this port before
	}
	far, err := net.Dial("tcp", to.addr)
	if err != nil {
		return
	}
	l.keep(far)
	defer l.drop(far)
	_ = near.SetDeadline(time.Time{})
	f := (*l.fault.Load())(h)
	l.mu.Lock()
	l.dialed[h.Channel]++
	l.mu.Unlock()
	if h.Channel == channelSnapshot {
		select {
		case l.seen <- h:
		default:
		}
	}
	_, _ = far.Write(begin.Bytes())
	stalled := make(chan struct{})
	var wg sync.WaitGroup
	wg.Go(func() { // the other direction
		defer near.Close()
		defer far.Close()
		buf := make([]byte, 32<<10)
		for {
			n, err := far.Read(buf)
			l.flows()
			select {
			case <-stalled:
				<-l.end
				return
			default:
			}
			if _, werr := near.Write(buf[:n]); errors.Join(err, werr) != nil {
				return
			}
		}
	})
	wg.Go(func() {
		defer near.Close()
		defer far.Close()
		buf := make([]byte, 4<<10)
		for done := int64(0); ; {
			n, err := near.Read(buf)
			l.flows()
			if f.kind != "" && done+int64(n) > f.after {
				_, _ = far.Write(buf[:f.after-done])
				if f.kind == "stall" {
					close(stalled)
					<-l.end
				}
				return
			}
			done += int64(n)
			if f.rate > 0 {
				l.wait(time.Duration(n) * time.Second / time.Duration(f.rate))
			}
			l.pace(n)
			if _, werr := far.Write(buf[:n]); errors.Join(err, werr) != nil {
				return
			}
		}
	})
	wg.Wait()
}

// pace waits until the line has carried n more bytes. All connections share its rate.
func (l *line) pace(n int) {
	rate := l.rate.Load()
	if rate == 0 {
		return
	}
	l.mu.Lock()
	now := time.Now()
	if l.free.Before(now) {
		l.free = now
	}
	l.free = l.free.Add(time.Duration(n) * time.Second / time.Duration(rate))
	wait := l.free.Sub(now)
	l.mu.Unlock()
	l.wait(wait)
}

func (l *line) wait(d time.Duration) {
	select {
	case <-time.After(d):
	case <-l.end:
	}
}
