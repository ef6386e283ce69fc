package main

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strconv"
	"time"
)

// apiError is a refusal: a node answered, and not with a success.
type apiError struct {
	Status  int
	Code    string // the machine's word; empty if what answered is not a node
	Message string // the server's sentence
	// Details holds the other fields of the answer, such as "expected".
	Details    map[string]json.RawMessage
	RetryAfter time.Duration // 0 if the server did not say
}

func (e *apiError) Error() string {
	if e.Code == "" {
		return clean(e.Message)
	}
	return clean(fmt.Sprintf("%s (%s)", e.Message, e.Code))
}

func newAPIError(req *http.Request, res *http.Response, body []byte) *apiError {
	e := &apiError{Status: res.StatusCode, RetryAfter: retryAfter(res.Header.Get("Retry-After"))}
	if json.Unmarshal(body, &e.Details) == nil {
		for name, field := range map[string]*string{"error": &e.Message, "code": &e.Code} {
			_ = json.Unmarshal(e.Details[name], field) // if it is no string, the sentence below stands in
			delete(e.Details, name)
		}
	}
	if e.Message == "" {
		e.Message = fmt.Sprintf("%s answered %s to %s %s", req.URL.Host, res.Status, req.Method, req.URL.Path)
	}
	return e
}

// retryAfter reads the header in both of its forms: seconds, or a date.
func retryAfter(header string) time.Duration {
	if seconds, err := strconv.Atoi(header); err == nil {
		return max(0, time.Duration(seconds)*time.Second)
	}
	if at, err := http.ParseTime(header); err == nil {
		return max(0, time.Until(at))
	}
	return 0
}
