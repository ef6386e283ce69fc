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

// An edge records nothing. It forwards each submission to an upstream, which may be an edge, too,
// until a member of the group takes it.

const (
	// hopsHeader counts the edges that have forwarded a submission.
	hopsHeader = "X-Chessrelay-Hops"
	// SiteHeader is the site to which the client sent a submission. The URLs in the answer begin
	// with it.
	SiteHeader = "X-Chessrelay-Site"
	// ClientHeader is the address of the client, as seen by the last edge.
	ClientHeader = "X-Chessrelay-Client"
	// dialTimeout bounds the wait for a connection before the next upstream is tried.
	dialTimeout = 2 * time.Second
)

var (
	// ErrNoTarget is returned by [LogClient.Forward] when it reached no upstream, so nothing was
	// recorded.
	ErrNoTarget = errors.New("no member of the cluster can be reached from this edge; nothing was recorded")
	// ErrUnanswered is returned by [LogClient.Forward] when the upstream that it reached did not
	// answer.
	ErrUnanswered = errors.New("the node to which this edge forwarded it did not answer; it may or may not be recorded")
)

// passedOn lists the headers that are forwarded, besides chessrelay's own.
var passedOn = []string{"Accept", "Accept-Language", "Authorization", "Content-Type", "Idempotency-Key", "Origin", "User-Agent"}

// Forwarded reports whether the request came through an edge.
func Forwarded(r *http.Request) bool { return r.Header.Get(hopsHeader) != "" }

// target is a node to which a submission can be forwarded.
type target struct {
	*upstream
	named bool // by the operator, and not learnt from an upstream
}

// targets returns the nodes to ask: named ones before learnt ones, the current upstream first.
func (l *LogClient) targets() []target {
	l.mu.Lock()
	defer l.mu.Unlock()
	var named, learnt []target
	for _, c := range l.upstreams.list {
		t := target{c, l.isNamed(c)}
		list := &learnt
		if t.named {
			list = &named
		}
		if c == l.current {
			*list = append([]target{t}, *list...)
		} else {
			*list = append(*list, t)
		}
	}
	return append(named, learnt...)
}

// Forward forwards a request with the given body and returns the answer. The caller closes the
// answer's body. A request with a token, and a log-in, goes only to upstreams that were named or
// that prove to be members. site is where the client sent the request, unless the request says so
// itself.
//
// It tries another upstream only if the one before received nothing: a submission without an
// Idempotency-Key must not be recorded twice.
func (l *LogClient) Forward(ctx context.Context, r *http.Request, body []byte, site string) (*http.Response, error) {
	hops, _ := strconv.Atoi(r.Header.Get(hopsHeader))
	if hops < 0 || hops >= MaxDepth {
		return nil, fmt.Errorf("%w (%d edges have forwarded it already)", ErrNoTarget, hops)
	}
	// A request for "x:@host/" has the URI "@host/", which must not become another host.
	uri := "/" + strings.TrimPrefix(r.URL.RequestURI(), "/")
	secret := r.Header.Get("Authorization") != "" || strings.Contains(r.URL.RawQuery, "access_token") || logsIn(r.URL.Path)
	var last error
	for _, t := range l.targets() {
		var connected atomic.Bool
		traced := httptrace.WithClientTrace(ctx, &httptrace.ClientTrace{
			GetConn: func(string) { connected.Store(false) }, // again after a reused connection has ended
			GotConn: func(httptrace.GotConnInfo) { connected.Store(true) },
		})
		out, err := http.NewRequestWithContext(traced, r.Method, t.url+uri, bytes.NewReader(body))
		if err != nil {
			return nil, err
		}
		out.Header = l.headers(r.Header, hops+1, site)
		res, err := l.send(ctx, l.submits, t.upstream, out, secret)
		if err == nil {
			return res, nil
		}
		if errors.Is(err, ErrUnvouched) {
			continue
		}
		l.log.Warn("cannot forward a submission", "upstream", t.url, "err", whyNone(err))
		last = err
		if connected.Load() {
			return nil, fmt.Errorf("%w (%s)", ErrUnanswered, t.url)
		}
	}
	if last == nil && secret {
		return nil, fmt.Errorf("%w: --upstream names no node, and no other node proved to be a member, so none may see the token", ErrNoTarget)
	}
	return nil, ErrNoTarget
}

// logsIn reports whether a form sent to path may contain a token.
func logsIn(path string) bool { return path == "/oauth" || path == "/api/token" }

// headers returns the headers to forward.
func (l *LogClient) headers(in http.Header, hops int, site string) http.Header {
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
	out.Del("X-Chessrelay-Forwarded") // only for requests between members
	out.Set(hopsHeader, strconv.Itoa(hops))
	if out.Get(SiteHeader) == "" {
		out.Set(SiteHeader, site)
	}
	if out.Get("User-Agent") == "" {
		out.Set("User-Agent", "") // otherwise Go sends its own
	}
	return out
}

// newSubmits returns the connections for forwarded requests. The caller's context bounds each.
func newSubmits(roots *x509.CertPool) *connections {
	return newConnections(&http.Transport{
		Proxy:               http.ProxyFromEnvironment,
		DialContext:         (&net.Dialer{Timeout: dialTimeout}).DialContext,
		TLSHandshakeTimeout: dialTimeout,
		TLSClientConfig:     &tls.Config{RootCAs: roots},
		DisableCompression:  true,
		MaxIdleConnsPerHost: maxIdle,
		IdleConnTimeout:     10 * time.Second, // a node closes them after 15 s
	})
}

// WaitApplied waits until the boards reach index or ctx ends. So a client that submits here and
// then reads here sees its own submission.
func (l *LogClient) WaitApplied(ctx context.Context, index uint64) {
	const look = 5 * time.Millisecond
	for l.applied.Load() < index && ctx.Err() == nil {
		sleep(ctx, look)
	}
}
