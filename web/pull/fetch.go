package pull

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strconv"
	"sync/atomic"
	"time"
)

const (
	// MaxBytes bounds what one poll of a source may read, after decompression.
	MaxBytes = 4 << 20

	maxRedirects   = 3
	requestTimeout = 15 * time.Second
	dialTimeout    = 5 * time.Second
	maxHeader      = 64 << 10
	maxValidators  = 1 << 10 // bytes; longer ones are not kept
	// maxRetryAfter bounds the pause that a source may ask for.
	maxRetryAfter = 5 * time.Minute
)

// fetcher fetches documents. It is safe for concurrent use.
type fetcher struct {
	client *http.Client
	agent  string
}

func newFetcher(allow Allow) *fetcher {
	return &fetcher{
		agent: "chessrelay",
		client: &http.Client{
			Timeout: requestTimeout,
			Transport: &http.Transport{
				// No Proxy: it would connect for us, to any address.
				DialContext:            allow.dial,
				TLSHandshakeTimeout:    dialTimeout,
				ResponseHeaderTimeout:  requestTimeout,
				MaxResponseHeaderBytes: maxHeader,
				MaxIdleConns:           64,
				MaxIdleConnsPerHost:    4,
				MaxConnsPerHost:        8,
				IdleConnTimeout:        time.Minute,
				ForceAttemptHTTP2:      true,
			},
			CheckRedirect: func(r *http.Request, via []*http.Request) error {
				if len(via) > maxRedirects {
					return fmt.Errorf("the source redirects more than %d times", maxRedirects)
				}
				return checkURL(r.URL)
			},
		},
	}
}

func (f *fetcher) close() { f.client.CloseIdleConnections() }

// validators make a request conditional. They come with the last answer.
type validators struct{ etag, modified string }

// answerError is returned for an answer without a document.
type answerError struct {
	status     int
	retryAfter time.Duration
}

func (e *answerError) Error() string {
	return fmt.Sprintf("the source answers %d %s", e.status, http.StatusText(e.status))
}

var errTooMuch = fmt.Errorf("the source sends more than %d bytes", MaxBytes)

// budget is how many bytes a poll may still read, and how many it has read.
type budget struct{ left, spent atomic.Int64 }

// document is the body of an answer.
type document struct {
	body        []byte
	contentType string
	validators  validators
}

// get fetches a document. It returns nil if nothing has changed since the validators. It takes at
// most limit bytes from the budget.
func (f *fetcher) get(ctx context.Context, address string, old validators, b *budget, limit int64) (*document, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, address, nil)
	if err != nil {
		return nil, err
	}
	if err := checkURL(req.URL); err != nil {
		return nil, err
	}
	req.Header.Set("User-Agent", f.agent)
	if old.etag != "" {
		req.Header.Set("If-None-Match", old.etag)
	}
	if old.modified != "" {
		req.Header.Set("If-Modified-Since", old.modified)
	}
	res, err := f.client.Do(req)
	if err != nil {
		return nil, plainError(err)
	}
	defer res.Body.Close()
	switch {
	case res.StatusCode == http.StatusNotModified && old != validators{}:
		return nil, nil
	case res.StatusCode != http.StatusOK:
		return nil, &answerError{res.StatusCode, retryAfter(res.Header.Get("Retry-After"))}
	}
	tooMuch := fmt.Errorf("the answer has more than %d bytes", limit)
	if left := b.left.Load(); left <= limit {
		limit, tooMuch = left, errTooMuch
	}
	body, err := io.ReadAll(io.LimitReader(res.Body, limit+1))
	b.left.Add(-int64(len(body)))
	b.spent.Add(int64(len(body)))
	switch {
	case err != nil:
		return nil, fmt.Errorf("the answer broke off after %d bytes: %w", len(body), plainError(err))
	case int64(len(body)) > limit:
		return nil, tooMuch
	}
	have := validators{res.Header.Get("ETag"), res.Header.Get("Last-Modified")}
	if len(have.etag)+len(have.modified) > maxValidators {
		have = validators{}
	}
	return &document{body, res.Header.Get("Content-Type"), have}, nil
}

// plainError removes what net/http adds to an error, so that people can read it.
func plainError(err error) error {
	if e, ok := errors.AsType[*localAddressError](err); ok {
		return e
	}
	if e, ok := errors.AsType[*url.Error](err); ok {
		if e.Timeout() {
			return fmt.Errorf("the source did not answer in %s", requestTimeout)
		}
		err = e.Err
	}
	if e, ok := errors.AsType[*net.DNSError](err); ok {
		return fmt.Errorf("the host %s does not exist", e.Name)
	}
	return err
}

// retryAfter reads the header's seconds. It ignores the other form, a date.
func retryAfter(s string) time.Duration {
	n, err := strconv.ParseUint(s, 10, 32)
	if err != nil {
		return 0
	}
	return min(time.Duration(n)*time.Second, maxRetryAfter)
}
