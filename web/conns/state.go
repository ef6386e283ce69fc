package conns

import (
	"context"
	"io"
	"net"
	"net/http"
)

// ConnState is http.Server's hook of that name.
func (l *Listener) ConnState(c net.Conn, state http.ConnState) {
	l.mu.Lock()
	defer l.mu.Unlock()
	k := l.conns[under(c)]
	if k == nil {
		return // displaced
	}
	switch state {
	case http.StateActive, http.StateIdle:
		switch {
		case k.kept > 0:
		case state == http.StateActive || k.valued: // a submitter should still have its connection for the next move
			k.enter(busy)
		default:
			k.enter(idle)
		}
	case http.StateHijacked, http.StateClosed:
		l.remove(k)
	default:
		return
	}
	if state != http.StateActive {
		select {
		case l.freed <- struct{}{}:
		default:
		}
	}
}

// under returns the connection that TLS runs over, or c.
func under(c net.Conn) net.Conn {
	for {
		over, ok := c.(interface{ NetConn() net.Conn })
		if !ok {
			return c
		}
		c = over.NetConn()
	}
}

type contextKey struct{}

// ConnContext is http.Server's hook of that name.
func (l *Listener) ConnContext(ctx context.Context, c net.Conn) context.Context {
	l.mu.Lock()
	defer l.mu.Unlock()
	if k := l.conns[under(c)]; k != nil {
		return context.WithValue(ctx, contextKey{}, k)
	}
	return ctx
}

// Kept is a middleware for requests that are never ended for the sake of others, once they have
// come completely. If the request changes something, its connection is displaced last when it
// idles.
func Kept(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if k, ok := r.Context().Value(contextKey{}).(*conn); ok {
			q := &request{conn: k, valued: r.Method != http.MethodGet && r.Method != http.MethodHead}
			defer q.end()
			if r.ContentLength == 0 {
				q.begin()
			} else {
				r.Body = body{r.Body, q}
			}
		}
		next.ServeHTTP(w, r)
	})
}

// request is kept from begin to end.
type request struct {
	*conn
	valued     bool
	kept, over bool // guarded by Listener.mu
}

func (q *request) begin() {
	q.l.mu.Lock()
	defer q.l.mu.Unlock()
	if q.kept || q.over {
		return
	}
	q.kept = true
	q.conn.kept++
	q.conn.valued = q.conn.valued || q.valued
	q.leave()
}

func (q *request) end() {
	q.l.mu.Lock()
	defer q.l.mu.Unlock()
	q.over = true
	if !q.kept {
		return
	}
	if q.conn.kept--; q.conn.kept == 0 && q.l.conns[q.Conn] == q.conn {
		q.enter(busy)
	}
}

// body keeps its request only once it has been read to its end. Otherwise a slow one could hold a
// place for as long as it likes.
type body struct {
	io.ReadCloser
	q *request
}

func (b body) Read(p []byte) (n int, err error) {
	if n, err = b.ReadCloser.Read(p); err == io.EOF {
		b.q.begin()
	}
	return n, err
}
