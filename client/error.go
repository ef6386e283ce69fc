package client

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"
)

// Error is a refusal: a node answered, and the answer was no success.
type Error struct {
	// Status is the HTTP status, or 0 if a node ended a WebSocket.
	Status int
	// Code is the server's word for programs, such as "ply_conflict". It is empty if a proxy
	// answered. See docs/api.md for the list.
	Code string
	// Message is the server's sentence for people.
	Message string
	// Details holds the other fields of the answer, such as "expected".
	Details map[string]json.RawMessage
	// RetryAfter is how long the server asks the client to wait. Zero: it did not say.
	RetryAfter time.Duration
}

// Error returns the server's sentence, in one line, and its code.
func (e *Error) Error() string {
	message := strings.Join(strings.Fields(e.Message), " ")
	if e.Code == "" {
		return message
	}
	return fmt.Sprintf("%s (%s)", message, strings.Join(strings.Fields(e.Code), " "))
}

func newError(req *http.Request, res *http.Response, body []byte) *Error {
	e := &Error{Status: res.StatusCode, RetryAfter: retryAfter(res.Header.Get("Retry-After"))}
	if json.Unmarshal(body, &e.Details) == nil {
		for name, field := range map[string]*string{"error": &e.Message, "code": &e.Code} {
			_ = json.Unmarshal(e.Details[name], field) // if it is no string, the sentence below is used
			delete(e.Details, name)
		}
	}
	if e.Message == "" {
		e.Message = fmt.Sprintf("%s answered %s to %s %s", req.URL.Host, res.Status, req.Method, req.URL.Path)
	}
	return e
}

// retryAfter reads both forms of the header: seconds and a date.
func retryAfter(header string) time.Duration {
	if seconds, err := strconv.Atoi(header); err == nil {
		return max(0, time.Duration(seconds)*time.Second)
	}
	if at, err := http.ParseTime(header); err == nil {
		return max(0, time.Until(at))
	}
	return 0
}

// UnreachableError is returned when a node does not answer.
type UnreachableError struct {
	Node string // its base URL
	Err  error
}

// Unwrap returns Err.
func (e *UnreachableError) Unwrap() error { return e.Err }

// Error names the node and the reason.
func (e *UnreachableError) Error() string {
	err := e.Err
	var u *url.Error
	if errors.As(err, &u) {
		err = u.Err // without the method and the URL
	}
	if errors.Is(err, context.DeadlineExceeded) {
		return fmt.Sprintf("no answer from %s in time", e.Node)
	}
	return fmt.Sprintf("no answer from %s: %v", e.Node, strings.TrimPrefix(err.Error(), "dial tcp "))
}

// givenUp returns the error of a call that ctx ended after err. It wraps both, so that a caller can
// tell an interruption.
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
