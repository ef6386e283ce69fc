//go:build !linux || portable

package broadcast

import (
	"net"
	"sync"
	"time"
)

// socket is a connection with two goroutines, where there is no epoll: the same behaviour for more memory. The
// tests run with it too: go test -tags portable.
type socket struct{ *pair }

type pair struct {
	conn net.Conn

	mu     sync.Mutex
	in     []byte // read, and not taken
	out    [][]byte
	full   bool // write was refused, so the poller has to tell when there is room
	err    error
	closed bool
	taken  sync.Cond // in is empty again, or closed
	given  sync.Cond // out is not empty, or closed
	notify func(readable, writable bool)
}

func takeOver(conn net.Conn, sendBuffer int, _ time.Duration) (socket, error) {
	p := &pair{conn: conn}
	p.taken.L, p.given.L = &p.mu, &p.mu
	s := socket{p}
	s.setSendBuffer(sendBuffer)
	return s, nil
}

func (p *pair) setSendBuffer(bytes int) {
	if c, ok := p.conn.(interface{ SetWriteBuffer(int) error }); ok {
		_ = c.SetWriteBuffer(bytes)
	}
}

// write hands all of bufs to the goroutine that writes, or nothing if it is busy.
func (p *pair) write(bufs [][]byte) (n int, err error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	switch {
	case p.err != nil:
		return 0, p.err
	case len(p.out) > 0:
		p.full = true
		return 0, nil
	}
	p.out = append(p.out, bufs...)
	for _, b := range bufs {
		n += len(b)
	}
	p.given.Signal()
	return n, nil
}

func (p *pair) read(b []byte) (n int, err error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if n = copy(b, p.in); n > 0 {
		p.in = p.in[n:]
		if len(p.in) == 0 {
			p.taken.Signal()
		}
		return n, nil
	}
	return 0, p.err
}

func (p *pair) finish() {
	if c, ok := p.conn.(interface{ CloseWrite() error }); ok {
		p.mu.Lock()
		idle := len(p.out) == 0
		p.mu.Unlock()
		if idle {
			_ = c.CloseWrite()
		}
	}
}

func (p *pair) close() {
	p.mu.Lock()
	p.closed = true
	p.taken.Signal()
	p.given.Signal()
	p.mu.Unlock()
	p.conn.Close()
}

func (p *pair) fail(err error) {
	p.mu.Lock()
	p.err = err
	p.mu.Unlock()
	p.notify(true, true)
}

func (p *pair) readLoop() {
	var buf [512]byte
	for {
		n, err := p.conn.Read(buf[:])
		if n > 0 {
			p.mu.Lock()
			p.in = append(p.in[:0], buf[:n]...)
			p.mu.Unlock()
			p.notify(true, false)
			p.mu.Lock()
			for len(p.in) > 0 && !p.closed {
				p.taken.Wait()
			}
			p.mu.Unlock()
		}
		if err != nil {
			p.fail(errGone)
			return
		}
	}
}

func (p *pair) writeLoop() {
	for {
		p.mu.Lock()
		for len(p.out) == 0 && !p.closed {
			p.given.Wait()
		}
		bufs := net.Buffers(append([][]byte(nil), p.out...))
		p.mu.Unlock()
		if len(bufs) == 0 {
			return
		}
		if _, err := bufs.WriteTo(p.conn); err != nil {
			p.fail(err)
			return
		}
		p.mu.Lock()
		clear(p.out)
		p.out = p.out[:0]
		full := p.full
		p.full = false
		p.mu.Unlock()
		if full {
			p.notify(false, true)
		}
	}
}

// poller starts each socket's goroutines, and waits for them.
type poller struct {
	post func([]readiness)
	done sync.WaitGroup
}

func newPoller(post func([]readiness)) (*poller, error) { return &poller{post: post}, nil }

func (p *poller) watch(s socket, slot int32) error {
	s.notify = func(readable, writable bool) {
		p.post([]readiness{{slot: slot, readable: readable, writable: writable}})
	}
	p.done.Go(s.readLoop)
	p.done.Go(s.writeLoop)
	return nil
}

func (p *poller) close() { p.done.Wait() }
