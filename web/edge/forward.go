package edge

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/http/httptrace"
	"net/textproto"
	"strconv"
	"strings"
	"sync/atomic"
	"time"
)

// An edge records nothing. What is submitted there is passed on to an upstream, which may be an
// edge too, until a member of the group takes it.

const (
	// hopsHeader counts the edges that a submission has come by.
	hopsHeader = "X-Chessrelay-Hops"
	// SiteHeader is where the client has sent a submission that an edge passes on: the addresses in
	// the answer begin with it.
	SiteHeader = "X-Chessrelay-Site"
	// ClientHeader is the address of the client that an edge passes a submission on for, as the
	// last edge has seen it.
	ClientHeader = "X-Chessrelay-Client"
	// dialTimeout is how long an upstream may take to accept a connection until another one is
	// tried.
	dialTimeout = 2 * time.Second
)

var (
	// ErrNoTarget is returned by [Follower.Forward] when no upstream could be asked, so that
	// nothing was recorded.
	ErrNoTarget = errors.New("no member of the cluster can be reached from this edge; nothing is recorded")
	// ErrUnanswered is returned by [Follower.Forward] when the upstream that was asked did not
	// answer.
	ErrUnanswered = errors.New("the node that this edge passed it on to did not answer; it may or may not be recorded")
)

// passedOn are the headers of a request that an upstream gets. Those of our own come besides.
var passedOn = []string{"Accept", "Accept-Language", "Authorization", "Content-Type", "Idempotency-Key", "Origin", "User-Agent"}

// Forwarded reports whether the request has come by an edge.
func Forwarded(r *http.Request) bool { return r.Header.Get(hopsHeader) != "" }

// target is a node that a submission can be passed on to.
type target struct {
	*upstream
	named bool // by whoever started this edge, and not learnt from an upstream
}

// targets are the nodes to be asked, the one that is followed first, those that were named before
// those that were learnt.
func (f *Follower) targets() []target {
	f.mu.Lock()
	defer f.mu.Unlock()
	var named, learnt []target
	for _, c := range f.upstreams.list {
		t := target{c, f.isNamed(c)}
		list := &learnt
		if t.named {
			list = &named
		}
		if c == f.current {
			*list = append([]target{t}, *list...)
		} else {
			*list = append(*list, t)
		}
	}
	return append(named, learnt...)
}

// Forward passes a request with that body on, and returns the answer, whose body the caller closes.
// A request with a token, or a log-in, goes only to upstreams that were named, or that prove to be
// members: others could be anybody. site is where the client sent it, if it does not say so itself.
//
// Another upstream is asked only if the one before got nothing. A submission without an
// Idempotency-Key must not be recorded twice.
func (f *Follower) Forward(ctx context.Context, r *http.Request, body []byte, site string) (*http.Response, error) {
	hops, _ := strconv.Atoi(r.Header.Get(hopsHeader))
	if hops < 0 || hops >= MaxDepth {
		return nil, fmt.Errorf("%w (it has come by %d edges)", ErrNoTarget, hops)
	}
	// A request for "x:@host/" has the URI "@host/", which must not become another host.
	uri := "/" + strings.TrimPrefix(r.URL.RequestURI(), "/")
	secret := r.Header.Get("Authorization") != "" || strings.Contains(r.URL.RawQuery, "access_token") || logsIn(r.URL.Path)
	var last error
	for _, t := range f.targets() {
		var connected atomic.Bool
		traced := httptrace.WithClientTrace(ctx, &httptrace.ClientTrace{
			GetConn: func(string) { connected.Store(false) }, // again, if a connection that was kept has ended
			GotConn: func(httptrace.GotConnInfo) { connected.Store(true) },
		})
		out, err := http.NewRequestWithContext(traced, r.Method, t.url+uri, bytes.NewReader(body))
		if err != nil {
			return nil, err
		}
		out.Header = f.headers(r.Header, hops+1, site)
		res, err := f.send(ctx, f.submits, t.upstream, out, secret)
		if err == nil {
			return res, nil
		}
		if errors.Is(err, ErrUnvouched) {
			continue
		}
		f.log.Warn("a submission could not be passed on", "upstream", t.url, "err", whyNone(err))
		if last = err; connected.Load() {
			return nil, fmt.Errorf("%w (%s)", ErrUnanswered, t.url)
		}
	}
	if last == nil && secret {
		return nil, fmt.Errorf("%w: --upstream names no node, none proves to be a member, and the token is passed on to no other", ErrNoTarget)
	}
	return nil, ErrNoTarget
}

// logsIn reports whether a form that is sent there may have a token in it.
func logsIn(path string) bool { return path == "/oauth" || path == "/api/token" }

// headers are those that go on.
func (f *Follower) headers(in http.Header, hops int, site string) http.Header {
	out := http.Header{}
	for _, name := range passedOn {
		if values := in.Values(name); len(values) > 0 {
			out[name] = values
		}
	}
	for name, values := range in {
		if strings.HasPrefix(textproto.CanonicalMIMEHeaderKey(name), "X-Chessrelay-") {
			out[name] = values
		}
	}
	out.Del("X-Chessrelay-Forwarded") // is for members among each other
	out.Set(hopsHeader, strconv.Itoa(hops))
	if out.Get(SiteHeader) == "" {
		out.Set(SiteHeader, site)
	}
	if out.Get("User-Agent") == "" {
		out.Set("User-Agent", "") // or Go sends its own
	}
	return out
}

// newSubmits is the client for what is passed on. The caller's context bounds it.
func newSubmits(roots *x509.CertPool) *asker {
	return newAsker(&http.Transport{
		Proxy:               http.ProxyFromEnvironment,
		DialContext:         (&net.Dialer{Timeout: dialTimeout}).DialContext,
		TLSHandshakeTimeout: dialTimeout,
		TLSClientConfig:     &tls.Config{RootCAs: roots},
		DisableCompression:  true,
		MaxIdleConnsPerHost: maxIdle,
		IdleConnTimeout:     10 * time.Second, // a node closes them after 15 s
	})
}

// WaitApplied waits until the boards stand at that index, or ctx ends. So a client that has
// submitted something here, and looks at it here, sees it.
func (f *Follower) WaitApplied(ctx context.Context, index uint64) {
	const look = 5 * time.Millisecond
	for f.applied.Load() < index && ctx.Err() == nil {
		sleep(ctx, look)
	}
}
