package conns

import (
	"context"
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
		case state == http.StateActive || k.valued: // a submitter should find its connection when it has the next move
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

// under is the connection that TLS runs over, or c.
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

// Keep protects the connection of a request, whose context is ctx, until release is called: it is
// not closed for the sake of others. It does nothing where there is no Listener.
func Keep(ctx context.Context) (release func()) {
	k, _ := ctx.Value(contextKey{}).(*conn)
	if k == nil {
		return func() {}
	}
	k.l.mu.Lock()
	defer k.l.mu.Unlock()
	k.kept++
	k.valued = true
	k.leave()
	return func() {
		k.l.mu.Lock()
		defer k.l.mu.Unlock()
		if k.kept--; k.kept == 0 && k.l.conns[k.Conn] == k {
			k.enter(busy)
		}
	}
}

// Kept is a middleware that calls [Keep] for all requests.
func Kept(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		defer Keep(r.Context())()
		next.ServeHTTP(w, r)
	})
}
