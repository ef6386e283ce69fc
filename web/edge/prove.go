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

// A proof holds for the connection that it came by, and for no other: a moment later another
// program may listen at the same address, as it does when a member has died. So each connection by
// which an upstream is shown something has a client of its own, which dials once, proves, and asks.

const (
	// provenFor is how long a connection may be used after the proof.
	provenFor = 5 * time.Minute
	// maxIdle bounds the connections that are kept for each upstream.
	maxIdle = 32
)

// errEnded is returned for a connection that was proved by, and has ended since.
var errEnded = errors.New("the connection by which it proved to be a member has ended")

// proven is one connection by which an upstream has proved to be a member.
type proven struct {
	client *http.Client
	until  time.Time
}

// asker sends requests to upstreams.
type asker struct {
	open *http.Client // for upstreams that need not prove anything

	mu   sync.Mutex
	idle map[string][]proven // by the upstream's URL, the last used one last
}

func newAsker(t *http.Transport) *asker {
	return &asker{open: &http.Client{Transport: t, CheckRedirect: stay}, idle: map[string][]proven{}}
}

// close ends the connections that are not in use.
func (a *asker) close() {
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

// take takes a connection to url that is kept, if there is one.
func (a *asker) take(url string) (p proven, ok bool) {
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
	return proven{}, false
}

func (a *asker) keep(url string, p proven) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if len(a.idle[url]) < maxIdle {
		a.idle[url] = append(a.idle[url], p)
	} else {
		p.client.CloseIdleConnections()
	}
}

// send sends r to c, with its secrets only if c was named or has proved by the same connection that
// it is a member.
func (f *Follower) send(ctx context.Context, a *asker, c *upstream, r *http.Request, secret bool) (*http.Response, error) {
	if !secret || f.isNamed(c) {
		return a.open.Do(r)
	}
	for {
		p, kept := a.take(c.url)
		if !kept {
			var err error
			if p, err = f.prove(ctx, a, c.url); err != nil {
				return nil, err
			}
		}
		res, err := p.client.Do(r)
		switch {
		case err == nil:
			res.Body = &keptBody{res.Body, sync.OnceFunc(func() { a.keep(c.url, p) })}
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

// prove opens a connection to url by which a member proves that url is its own.
func (f *Follower) prove(ctx context.Context, a *asker, url string) (proven, error) {
	if err := f.unprovable(); err != nil {
		return proven{}, err
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
	p := proven{&http.Client{Transport: t, CheckRedirect: stay}, time.Now().Add(provenFor)}
	if err := f.vouch(ctx, p.client, url); err != nil {
		t.CloseIdleConnections()
		return proven{}, err
	}
	return p, nil
}

// keptBody has its connection kept once it is closed.
type keptBody struct {
	io.ReadCloser
	keep func()
}

func (b *keptBody) Close() error {
	err := b.ReadCloser.Close()
	b.keep()
	return err
}
