package broadcast

import (
	"context"
	"io"
	"net"
	"net/http"
	"sync"
	"time"
)

// streamConn is a response over HTTP/2 as a connection. Browsers ask for /events by HTTP/2 over
// TLS, and the stream cannot be hijacked. Its handler must wait for closed: nothing may be written
// to a response whose handler has returned.
type streamConn struct {
	net.Conn // nil: nothing else is called
	w        http.ResponseWriter
	control  *http.ResponseController
	gone     context.Context // of the request

	closed chan struct{}
	mu     sync.Mutex // keeps SetDeadline away from a handler that returns
	done   bool
}

func newStreamConn(w http.ResponseWriter, r *http.Request) *streamConn {
	c := &streamConn{w: w, control: http.NewResponseController(w), gone: r.Context(), closed: make(chan struct{})}
	_ = c.SetDeadline(time.Time{}) // the server's deadlines are for answers that end
	return c
}

// Read waits for the end, since the peer has nothing to say.
func (c *streamConn) Read([]byte) (int, error) {
	select {
	case <-c.gone.Done():
	case <-c.closed:
	}
	return 0, io.EOF
}

func (c *streamConn) Write(p []byte) (int, error) {
	n, err := c.w.Write(p)
	if err != nil {
		return n, err
	}
	return n, c.control.Flush()
}

// CloseWrite ends the response.
func (c *streamConn) CloseWrite() error { return c.Close() }

// Close lets the handler return, which ends the response. No Write may be under way.
func (c *streamConn) Close() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if !c.done {
		c.done = true
		close(c.closed)
	}
	return nil
}

// SetDeadline bounds writes; a zero time means no bound.
func (c *streamConn) SetDeadline(t time.Time) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.done {
		return nil
	}
	_ = c.control.SetReadDeadline(t)
	return c.control.SetWriteDeadline(t)
}
