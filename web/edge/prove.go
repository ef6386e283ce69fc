package edge

import (
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"sync"
	"sync/atomic"
	"time"
)

// A proof holds only for the connection that it came by. When a member dies, another program may
// listen at its address a moment later. So each connection to an upstream that must prove has an
// HTTP client of its own, which dials once.

const (
	// proveTimeout bounds a proof. Another upstream may answer while one hangs.
	proveTimeout = 3 * time.Second
	// provenFor is how long a connection may be used after the proof.
	provenFor = 5 * time.Minute
	// maxIdle bounds the idle connections for each upstream.
	maxIdle = 32
)

// errEnded is returned when the connection that carried the proof has ended.
var errEnded = errors.New("the connection on which it proved to be a member has ended")

// provenConn is a connection by which an upstream has proved to be a member.
type provenConn struct {
	client *http.Client
	until  time.Time
}

// connections sends requests to upstreams.
type connections struct {
	open *http.Client // for upstreams that need not prove anything

	mu   sync.Mutex
	idle map[string][]provenConn // by the upstream's URL, the last used one last
}

func newConnections(t *http.Transport) *connections {
	return &connections{open: &http.Client{Transport: t, CheckRedirect: stay}, idle: map[string][]provenConn{}}
}

// close ends the idle connections.
func (a *connections) close() {
	a.open.CloseIdleConnections()
	a.mu.Lock()
	defer a.mu.Unlock()
	for _, list := range a.idle {
		for _, p := range list {
			p.client.CloseIdleConnections()
		}
	}
	clear(a.idle)
}

// take removes and returns an idle connection to url, if there is one.
func (a *connections) take(url string) (p provenConn, ok bool) {
	a.mu.Lock()
	defer a.mu.Unlock()
	for list := a.idle[url]; len(list) > 0; {
		p, list = list[len(list)-1], list[:len(list)-1]
		a.idle[url] = list
		if time.Now().Before(p.until) {
			return p, true
		}
		p.client.CloseIdleConnections()
	}
	delete(a.idle, url)
	return provenConn{}, false
}

func (a *connections) keep(url string, p provenConn) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if len(a.idle[url]) < maxIdle {
		a.idle[url] = append(a.idle[url], p)
	} else {
		p.client.CloseIdleConnections()
	}
}

// send sends r to c. If r is secret, c must have been named, or have proved by the same connection
// to be a member.
func (l *LogClient) send(ctx context.Context, a *connections, c *upstream, r *http.Request, secret bool) (*http.Response, error) {
	if !secret || l.isNamed(c) {
		return a.open.Do(r)
	}
	for {
		p, kept := a.take(c.url)
		if !kept {
			var err error
			if p, err = l.prove(ctx, a, c.url); err != nil {
				return nil, err
			}
		}
		res, err := p.client.Do(r)
		switch {
		case err == nil:
			res.Body = &keptBody{ReadCloser: res.Body, keep: sync.OnceFunc(func() { a.keep(c.url, p) })}
			return res, nil
		case !kept || !errors.Is(err, errEnded):
			p.client.CloseIdleConnections()
			return nil, err
		case r.GetBody != nil:
			if r.Body, err = r.GetBody(); err != nil {
				return nil, err
			}
		}
	}
}

// prove opens a connection to url, by which a member proves that url is its own.
func (l *LogClient) prove(ctx context.Context, a *connections, url string) (provenConn, error) {
	if err := l.unprovable(); err != nil {
		return provenConn{}, err
	}
	t := a.open.Transport.(*http.Transport).Clone()
	var dialled atomic.Bool
	dial := t.DialContext
	t.DialContext = func(ctx context.Context, network, address string) (net.Conn, error) {
		if dialled.Swap(true) {
			return nil, errEnded
		}
		return dial(ctx, network, address)
	}
	p := provenConn{&http.Client{Transport: t, CheckRedirect: stay}, time.Now().Add(provenFor)}
	ctx, cancel := context.WithTimeout(ctx, proveTimeout)
	defer cancel()
	if err := l.vouch(ctx, p.client, url); err != nil {
		t.CloseIdleConnections()
		return provenConn{}, err
	}
	return p, nil
}

// keptBody makes its connection idle once it is closed, if it was read to its end. Otherwise the
// transport has ended the connection.
type keptBody struct {
	io.ReadCloser
	whole bool
	keep  func()
}

func (b *keptBody) Read(p []byte) (int, error) {
	n, err := b.ReadCloser.Read(p)
	b.whole = b.whole || err == io.EOF
	return n, err
}

func (b *keptBody) Close() error {
	err := b.ReadCloser.Close()
	if b.whole {
		b.keep()
	}
	return err
}
