package base

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"
)

// MaxBody bounds what a request may send. The largest honest one is a batch of moves.
const MaxBody = 512 << 10

// Answer is what a handler returns: a body to be sent as JSON.
type Answer struct {
	Status int
	Body   any
	// Passing: the body depends on more than the boards and the request; see Server.Shared.
	Passing bool
}

// OK is the answer with the status 200.
func OK(body any) (Answer, error) { return Answer{Status: http.StatusOK, Body: body}, nil }

// indexed is a body that was true at a log index.
type indexed struct {
	index uint64
	body  any
}

// OKAt is OK for a body that was true at a log index. The index goes into a header.
func OKAt(index uint64, body any) (Answer, error) { return OK(indexed{index, body}) }

// Handle makes an http.HandlerFunc from a function that returns a JSON answer or an error.
func (s *Server) Handle(f func(r *http.Request) (Answer, error)) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		r.Body = http.MaxBytesReader(w, r.Body, MaxBody)
		a, err := f(r)
		if err != nil {
			s.Fail(w, r, err)
			return
		}
		if i, isIndexed := a.Body.(indexed); isIndexed {
			w.Header().Set(IndexHeader, strconv.FormatUint(i.index, 10))
			a.Body = i.body
		}
		WriteJSON(w, a.Status, a.Body)
	}
}

// WriteJSON answers with the body as JSON.
func WriteJSON(w http.ResponseWriter, status int, body any) {
	b, err := json.Marshal(body)
	if err != nil { // a value of our own that cannot be encoded: a bug
		status, b = http.StatusInternalServerError, []byte(`{"error":"the answer could not be encoded","code":"internal"}`)
	}
	w.Header().Set("Content-Type", "application/json; charset=utf-8")
	w.WriteHeader(status)
	_, _ = w.Write(append(b, '\n')) // the client may be gone: nobody is left to be told
}

// ReadJSON decodes the body into v. It refuses a field that v does not have: a misspelt "clock"
// must not become a move without one.
func ReadJSON(r *http.Request, v any) error {
	d := json.NewDecoder(r.Body)
	d.DisallowUnknownFields()
	if err := d.Decode(v); err != nil {
		return BodyError(err)
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		if tooLarge(err) {
			return BodyError(err)
		}
		return BadRequest("the body holds more than one JSON value")
	}
	return nil
}

func tooLarge(err error) bool {
	_, ok := errors.AsType[*http.MaxBytesError](err)
	return ok
}

// BodyError tells a person what is wrong with the JSON that was sent.
func BodyError(err error) error {
	if known, ok := errors.AsType[*Error](err); ok { // a field judged it
		return known
	}
	if syntax, ok := errors.AsType[*json.SyntaxError](err); ok {
		return BadRequest("the body is not JSON: %v, at byte %d", syntax, syntax.Offset)
	}
	if kind, ok := errors.AsType[*json.UnmarshalTypeError](err); ok {
		if kind.Field == "" {
			return BadRequest("the body must be a JSON object, not a %s", kind.Value)
		}
		return BadRequest("%s must be a %s, not a %s", kind.Field, jsonType(kind.Type.Kind().String()), kind.Value)
	}
	switch {
	case tooLarge(err):
		return &Error{
			Status: http.StatusRequestEntityTooLarge, Code: "too_large",
			Message: fmt.Sprintf("the body is larger than %d bytes", MaxBody), More: map[string]any{"limit": MaxBody},
		}
	case errors.Is(err, io.EOF):
		return BadRequest("the body is empty; a JSON object is expected")
	case errors.Is(err, io.ErrUnexpectedEOF):
		return BadRequest("the body is not JSON: it ends in the middle")
	}
	if name, ok := strings.CutPrefix(err.Error(), "json: unknown field "); ok {
		return BadRequest("there is no field %s here; check its spelling", name)
	}
	return BadRequest("the body cannot be read: %v", err)
}

// jsonType names a Go kind as JSON knows it.
func jsonType(kind string) string {
	switch {
	case strings.HasPrefix(kind, "int"), strings.HasPrefix(kind, "uint"):
		return "whole number"
	case strings.HasPrefix(kind, "float"):
		return "number"
	case kind == "struct" || kind == "map":
		return "JSON object"
	case kind == "slice":
		return "list"
	case kind == "bool":
		return "true or false"
	}
	return kind
}
