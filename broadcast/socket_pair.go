package broadcast

import (
	"bufio"
	"crypto/tls"
	"net"
	"sync"
	"time"
)

// pair is a connection with two goroutines, a reader and a writer. It behaves like a plain socket
// with epoll, and serves connections that have no file descriptor to poll: TLS, a stream of HTTP/2,
// and systems without epoll.
type pair struct {
	conn net.Conn

	mu       sync.Mutex
	in       []byte // read from the peer, and not by the worker
	out      [][]byte
	full     bool // a write was refused: tell the worker when there is room
	err      error
	finished bool // nothing more will be written
	closed   bool
	inTaken  sync.Cond // in is empty again, or closed
	outGiven sync.Cond // out is not empty, or finished, or closed
	notify   func(readable, writable bool)
}

func newPair(conn net.Conn) *pair {
	p := &pair{conn: conn}
	p.inTaken.L, p.outGiven.L = &p.mu, &p.mu
	return p
}

// start starts the goroutines. done waits for them, and they tell post about the slot.
func (p *pair) start(done *sync.WaitGroup, post func([]readiness), slot int32) {
	p.notify = func(readable, writable bool) {
		post([]readiness{{slot: slot, readable: readable, writable: writable}})
	}
	done.Go(p.readLoop)
	done.Go(p.writeLoop)
}

func (p *pair) setSendBuffer(bytes int) {
	if c, ok := underlying(p.conn).(interface{ SetWriteBuffer(int) error }); ok {
		_ = c.SetWriteBuffer(bytes)
	}
}

// underlying returns the connection beneath conn: TCP beneath TLS.
func underlying(conn net.Conn) net.Conn {
	if c, ok := conn.(*tls.Conn); ok {
		return c.NetConn()
	}
	return conn
}

// maxHandover is how many bytes the writer is handed at most at once. The worker sees by each
// handover that its spectator takes something, also during a slow snapshot over TLS.
const maxHandover = 32 << 10

// write hands the first of bufs to the writer, or nothing if it is busy.
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
	for _, b := range bufs {
		if p.full = n+len(b) > maxHandover; p.full {
			b = b[:maxHandover-n]
		}
		p.out = append(p.out, b)
		n += len(b)
		if p.full {
			break
		}
	}
	p.outGiven.Signal()
	return n, nil
}

func (p *pair) read(b []byte) (n int, err error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if n = copy(b, p.in); n > 0 {
		p.in = p.in[n:]
		if len(p.in) == 0 {
			p.inTaken.Signal()
		}
		return n, nil
	}
	return 0, p.err
}

// finish tells the peer that nothing more follows, after what is being written.
func (p *pair) finish() {
	p.mu.Lock()
	p.finished = true
	p.outGiven.Signal()
	p.mu.Unlock()
}

// lastWrite is how long the writer may take for the rest after close.
const lastWrite = time.Second

// close ends both goroutines, after the rest is written. It does not wait: closing TLS may write an
// alert, and the peer may take nothing.
func (p *pair) close() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.closed = true
	_ = p.conn.SetDeadline(time.Now().Add(lastWrite))
	p.inTaken.Signal()
	p.outGiven.Signal()
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
				p.inTaken.Wait()
			}
			p.mu.Unlock()
		}
		if err != nil {
			p.fail(errGone)
			return
		}
	}
}

// writeLoop writes what it is handed, and closes the connection at the end.
func (p *pair) writeLoop() {
	defer underlying(p.conn).Close()
	for told := false; ; {
		p.mu.Lock()
		for len(p.out) == 0 && !p.closed && p.finished == told {
			p.outGiven.Wait()
		}
		out := append([][]byte(nil), p.out...)
		closed := p.closed
		p.mu.Unlock()
		switch {
		case len(out) > 0:
			if err := writeAll(p.conn, out); err != nil {
				p.fail(err)
				p.awaitClose()
				return
			}
			p.wrote()
		case closed:
			return
		default:
			told = true
			if c, ok := p.conn.(interface{ CloseWrite() error }); ok {
				_ = c.CloseWrite()
			}
		}
	}
}

// wrote removes what was written, and tells the worker that there is room.
func (p *pair) wrote() {
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

func (p *pair) awaitClose() {
	p.mu.Lock()
	defer p.mu.Unlock()
	for !p.closed {
		p.outGiven.Wait()
	}
}

// records gather small buffers: each write to TLS is a record and a system call of its own.
var records = sync.Pool{New: func() any { return bufio.NewWriterSize(nil, 16<<10) }}

func writeAll(conn net.Conn, bufs [][]byte) error {
	if _, plain := conn.(*net.TCPConn); plain || len(bufs) == 1 {
		b := net.Buffers(bufs)
		_, err := b.WriteTo(conn)
		return err
	}
	w := records.Get().(*bufio.Writer)
	defer records.Put(w)
	w.Reset(conn)
	defer w.Reset(nil)
	for _, b := range bufs {
		if _, err := w.Write(b); err != nil {
			return err
		}
	}
	return w.Flush()
}
