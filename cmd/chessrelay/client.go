package main

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
	"net/url"
	"strings"
	"sync/atomic"
	"time"
)

const (
	// attemptTimeout bounds one try, so that a node that takes connections and
	// says nothing (stopped, or cut off behind us) costs no more than this. It
	// is a little more than a node takes until it says that there is no quorum.
	attemptTimeout = 12 * time.Second
	dialTimeout    = 2 * time.Second
	// maxConnections to one node; a feed of hundreds of boards shares them.
	maxConnections = 64
	maxAnswer      = 64 << 20
)

// A client speaks the JSON API of one cluster through whichever of its nodes
// answers. It is safe for concurrent use.
//
// A call is tried until the context ends, for as long as the failure is one that
// may pass: no connection, no answer, 429, 503, or a proxy's 502 and 504. It may
// then have been carried out more than once, which is why all submissions are
// idempotent: by the game and the ply of a move, and by an Idempotency-Key that
// is the same over all tries of a call.
type client struct {
	// Static after construction.
	nodes []string // base URLs, without a slash at the end
	token string   // sent as a Bearer token if not empty
	// source is what the client calls itself if it speaks for a source of games: what it sets is
	// not locked.
	source string
	http   *http.Client
	log    *slog.Logger
	// hasty gives up once every node has failed, rather than to wait for one. For
	// who sits at a terminal and may have misspelt an address.
	hasty bool

	// current is the index of the node in use. All callers move together: the
	// first one whose node fails moves it on.
	current atomic.Int64
	// failing is whether the last try failed, so that an outage is one line in the log.
	failing atomic.Bool
}

// newClient returns a client of the cluster that these nodes are of. Close it.
func newClient(nodes []string, token string, log *slog.Logger) *client {
	return &client{
		nodes: nodes,
		token: token,
		log:   log,
		http: &http.Client{Transport: &http.Transport{
			Proxy:               http.ProxyFromEnvironment,
			DialContext:         (&net.Dialer{Timeout: dialTimeout}).DialContext,
			TLSHandshakeTimeout: dialTimeout,
			MaxConnsPerHost:     maxConnections,
			MaxIdleConnsPerHost: maxConnections,
			IdleConnTimeout:     10 * time.Second, // a node closes them after 15 s
		}},
	}
}

// trusting has the client believe the CAs in roots too; nil: those of the system.
func (c *client) trusting(roots *x509.CertPool) *client {
	c.http.Transport.(*http.Transport).TLSClientConfig = &tls.Config{RootCAs: roots}
	return c
}

// client is newClient for a command, which trusts as --tls-ca says.
func (env *environment) client(nodes []string, token string) *client {
	return newClient(nodes, token, env.log).trusting(env.roots)
}

func (c *client) Close() error {
	c.http.CloseIdleConnections()
	return nil
}

// node is the base URL of the node in use.
func (c *client) node() string { return c.nodes[c.current.Load()] }

// A request is one call, the same over all of its tries.
type request struct {
	method string
	path   string
	body   []byte
	key    string // Idempotency-Key
}

// call sends in as JSON, if it is not nil, and decodes the answer into out, if
// that is not nil. See [client] for what it retries.
func (c *client) call(ctx context.Context, method, path string, in, out any) error {
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
		if !again { // done, or refused for good
			if c.failing.CompareAndSwap(true, false) {
				c.log.Info("the cluster answers again", "node", c.nodes[current])
			}
			return err
		}
		if ctx.Err() != nil {
			return givenUp(ctx, err, failed)
		}
		if c.failing.CompareAndSwap(false, true) && !(c.hasty && len(c.nodes) == 1) { // the error says it then
			c.log.Warn("trying again", "method", method, "path", path, "err", err)
		}
		if elsewhere && len(c.nodes) > 1 {
			// Unless somebody else has moved on from this node meanwhile.
			c.current.CompareAndSwap(current, (current+1)%int64(len(c.nodes)))
			if failed%len(c.nodes) != 0 {
				continue // there is a node left that this round has not tried
			}
		}
		if _, silent := errors.AsType[*connectionError](err); c.hasty && silent {
			return fmt.Errorf("%w; is a node running there? The URL of any other member does as well", err)
		}
		if c.hasty {
			return err
		}
		wait = max(wait, pause.next())
		c.log.Debug("trying again", "method", method, "path", path, "tries", failed, "in", wait, "err", err)
		if !sleep(ctx, wait) {
			return givenUp(ctx, err, failed)
		}
	}
}

// try makes one attempt. Its error is an [apiError] if there was an answer, and
// a [connectionError] if there was none.
func (c *client) try(ctx context.Context, node string, req request, out any) error {
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
	if c.source != "" {
		r.Header.Set("X-Chessrelay-Source", c.source)
	}
	if c.token != "" {
		r.Header.Set("Authorization", "Bearer "+c.token)
	}
	res, err := c.http.Do(r)
	if err != nil {
		return &connectionError{node, err}
	}
	defer res.Body.Close()
	body, err := io.ReadAll(io.LimitReader(res.Body, maxAnswer))
	if err != nil {
		return &connectionError{node, err}
	}
	if res.StatusCode < 200 || res.StatusCode > 299 {
		return newAPIError(r, res, body)
	}
	if out == nil {
		return nil
	}
	if err := json.Unmarshal(body, out); err != nil {
		return fmt.Errorf("%s%s did not answer as a chessrelay node does: %w", node, req.path, err)
	}
	return nil
}

// retryable says whether it is a failure that may pass, how long the server wants us to
// wait at least, and whether another node may do better at once. An edge never does better, if there are others.
func retryable(err error, others bool) (wait time.Duration, elsewhere, again bool) {
	var silent *connectionError
	if errors.As(err, &silent) {
		return 0, true, true
	}
	var refusal *apiError
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

// connectionError is a node that did not answer.
type connectionError struct {
	node string
	err  error
}

func (e *connectionError) Unwrap() error { return e.err }

func (e *connectionError) Error() string {
	err := e.err
	var u *url.Error
	if errors.As(err, &u) {
		err = u.Err // without the method and the URL over again
	}
	if errors.Is(err, context.DeadlineExceeded) {
		return fmt.Sprintf("no answer from %s in time", e.node)
	}
	return fmt.Sprintf("no answer from %s: %v", e.node, strings.TrimPrefix(err.Error(), "dial tcp "))
}

// givenUp is the error of a call that the end of ctx cut short after err. It
// wraps the context's error too, so that a caller knows an interruption.
func givenUp(ctx context.Context, err error, tries int) error {
	if errors.Is(ctx.Err(), context.Canceled) {
		return ctx.Err()
	}
	return &gaveUpError{last: err, tries: tries, cause: ctx.Err()}
}

type gaveUpError struct {
	last, cause error
	tries       int
}

func (e *gaveUpError) Error() string {
	if e.tries == 1 {
		return e.last.Error()
	}
	return fmt.Sprintf("%v (tried %d times)", e.last, e.tries)
}

func (e *gaveUpError) Unwrap() []error { return []error{e.last, e.cause} }
