package client

import (
	"bytes"
	"context"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"sync/atomic"
	"time"
)

const (
	// attemptTimeout bounds one try: a node may accept a connection and never answer. It is a
	// little longer than a node needs to say that there is no quorum.
	attemptTimeout = 12 * time.Second
	dialTimeout    = 2 * time.Second
	// maxConnections bounds the connections to one node.
	maxConnections = 64
	// maxAnswer bounds an answer, in bytes.
	maxAnswer = 64 << 20
)

// Options configure a [Client]. The zero value is for a cluster without tokens.
type Options struct {
	// Token is sent with each request, if it is not empty.
	Token string
	// Source names a source of games. The cluster does not lock what a source sets, so a later push
	// may change it. Empty: a person, whose word a source cannot undo.
	Source string
	// Roots are the CAs that may sign a node's certificate. Nil: the system's.
	Roots *x509.CertPool
	// Log gets a line when the cluster fails and when it answers again. Nil: no log.
	Log *slog.Logger
	// FailFast makes a call fail once it has tried each node. It suits a person at a terminal, who
	// may have mistyped a URL.
	FailFast bool
	// Transport replaces the network, in tests. Nil: HTTP.
	Transport http.RoundTripper
}

// A Client calls the API of one cluster through any of its nodes. It is safe for concurrent use.
type Client struct {
	nodes []string
	opts  Options
	http  *http.Client

	// current is the index of the node in use. All callers share it: the first caller whose node
	// fails moves it on.
	current atomic.Int64
	// failing is whether the last try failed, so that an outage is one line in the log.
	failing atomic.Bool
}

// New returns a client of the cluster with these nodes: at least one base URL, such as
// "http://127.0.0.1:8080", without a slash at the end. The caller closes it.
func New(nodes []string, opts Options) *Client {
	if opts.Log == nil {
		opts.Log = slog.New(slog.DiscardHandler)
	}
	if opts.Transport == nil {
		opts.Transport = &http.Transport{
			Proxy:               http.ProxyFromEnvironment,
			DialContext:         (&net.Dialer{Timeout: dialTimeout}).DialContext,
			TLSHandshakeTimeout: dialTimeout,
			TLSClientConfig:     &tls.Config{RootCAs: opts.Roots},
			MaxConnsPerHost:     maxConnections,
			MaxIdleConnsPerHost: maxConnections,
			IdleConnTimeout:     10 * time.Second, // a node closes them after 15 s
		}
	}
	return &Client{nodes: nodes, opts: opts, http: &http.Client{Transport: opts.Transport}}
}

// Close closes the idle connections. It returns nil.
func (c *Client) Close() error {
	c.http.CloseIdleConnections()
	return nil
}

// Node returns the base URL of the node in use.
func (c *Client) Node() string { return c.nodes[c.current.Load()] }

// request is one call, the same for each of its tries.
type request struct {
	method string
	path   string
	body   []byte
	key    string // Idempotency-Key
}

// Do calls a route of the API that has no method of its own. It sends in as JSON and decodes the
// answer into out, unless they are nil. It repeats the call while that may help; see the package's
// promises. The error is an [*Error] if the cluster refused, and an [*UnreachableError] if no node
// answered.
func (c *Client) Do(ctx context.Context, method, path string, in, out any) error {
	req := request{method: method, path: path}
	if in != nil {
		body, err := json.Marshal(in)
		if err != nil {
			return fmt.Errorf("encode %s %s: %w", method, path, err)
		}
		req.body = body
		req.key = rand.Text()
	}

	var pause backoff
	for failed := 1; ; failed++ {
		current := c.current.Load()
		err := c.try(ctx, c.nodes[current], req, out)
		wait, elsewhere, again := retryable(err, len(c.nodes) > 1)
		if !again { // success or a final refusal
			if c.failing.CompareAndSwap(true, false) {
				c.opts.Log.Info("the cluster answers again", "node", c.nodes[current])
			}
			return err
		}
		if ctx.Err() != nil {
			return givenUp(ctx, err, failed)
		}
		if c.failing.CompareAndSwap(false, true) && !(c.opts.FailFast && len(c.nodes) == 1) { // the error says it then
			c.opts.Log.Warn("trying again", "method", method, "path", path, "err", err)
		}
		if elsewhere && len(c.nodes) > 1 {
			// Unless another call has moved on from this node meanwhile.
			c.current.CompareAndSwap(current, (current+1)%int64(len(c.nodes)))
			if failed%len(c.nodes) != 0 {
				continue // this round has not tried all nodes yet
			}
		}
		if _, silent := errors.AsType[*UnreachableError](err); c.opts.FailFast && silent {
			return fmt.Errorf("%w; is a node running there? The URL of any other member works, too", err)
		}
		if c.opts.FailFast {
			return err
		}
		wait = max(wait, pause.next())
		c.opts.Log.Debug("trying again", "method", method, "path", path, "tries", failed, "in", wait, "err", err)
		if !sleep(ctx, wait) {
			return givenUp(ctx, err, failed)
		}
	}
}

// try makes one attempt.
func (c *Client) try(ctx context.Context, node string, req request, out any) error {
	ctx, cancel := context.WithTimeout(ctx, attemptTimeout)
	defer cancel()
	r, err := http.NewRequestWithContext(ctx, req.method, node+req.path, bytes.NewReader(req.body))
	if err != nil {
		return fmt.Errorf("make a request to %s: %w", node, err)
	}
	r.Header.Set("Accept", "application/json")
	if req.body != nil {
		r.Header.Set("Content-Type", "application/json")
		r.Header.Set("Idempotency-Key", req.key)
	}
	if c.opts.Source != "" {
		r.Header.Set("X-Chessrelay-Source", c.opts.Source)
	}
	if c.opts.Token != "" {
		r.Header.Set("Authorization", "Bearer "+c.opts.Token)
	}
	res, err := c.http.Do(r)
	if err != nil {
		return &UnreachableError{Node: node, Err: err}
	}
	defer res.Body.Close()
	body, err := io.ReadAll(io.LimitReader(res.Body, maxAnswer))
	if err != nil {
		return &UnreachableError{Node: node, Err: err}
	}
	if res.StatusCode < 200 || res.StatusCode > 299 {
		return newError(r, res, body)
	}
	if out == nil {
		return nil
	}
	if err := json.Unmarshal(body, out); err != nil {
		return fmt.Errorf("%s%s did not answer as a chessrelay node does: %w", node, req.path, err)
	}
	return nil
}

// retryable reports whether a repeated call may succeed, how long the server wants the client to
// wait, and whether another node may succeed at once. others is whether there are other nodes: an
// edge that refuses what only a member can do refuses it each time.
func retryable(err error, others bool) (wait time.Duration, elsewhere, again bool) {
	var silent *UnreachableError
	if errors.As(err, &silent) {
		return 0, true, true
	}
	var refusal *Error
	if !errors.As(err, &refusal) {
		return 0, false, false
	}
	switch refusal.Status {
	case http.StatusTooManyRequests:
		return refusal.RetryAfter, false, true
	case http.StatusMisdirectedRequest:
		return 0, true, others
	case http.StatusServiceUnavailable, http.StatusBadGateway, http.StatusGatewayTimeout:
		return refusal.RetryAfter, true, true
	}
	return 0, false, false
}
