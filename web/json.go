package web

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"
)

// maxBody bounds what a request may send. The largest honest one is a batch of moves.
const maxBody = 512 << 10

// answer is what a handler returns: a body to be sent as JSON.
type answer struct {
	status int
	body   any
	// passing: the body depends on more than the boards and the request; see Server.shared.
	passing bool
}

func ok(body any) (answer, error) { return answer{status: http.StatusOK, body: body}, nil }

// handle makes an http.HandlerFunc from a function that returns a JSON answer or an error.
func (s *Server) handle(f func(r *http.Request) (answer, error)) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		r.Body = http.MaxBytesReader(w, r.Body, maxBody)
		a, err := f(r)
		if err != nil {
			s.fail(w, r, err)
			return
		}
		if i, isIndexed := a.body.(indexed); isIndexed {
			w.Header().Set(indexHeader, strconv.FormatUint(i.index, 10))
			a.body = i.body
		}
		writeJSON(w, a.status, a.body)
	}
}

func writeJSON(w http.ResponseWriter, status int, body any) {
	b, err := json.Marshal(body)
	if err != nil { // a value of our own that cannot be encoded: a bug
		status, b = http.StatusInternalServerError, []byte(`{"error":"the answer could not be encoded","code":"internal"}`)
	}
	w.Header().Set("Content-Type", "application/json; charset=utf-8")
	w.WriteHeader(status)
	_, _ = w.Write(append(b, '\n')) // the client may be gone: nobody is left to be told
}

// readJSON decodes the body into v. It refuses a field that v does not have: a misspelt "clock"
// must not become a move without one.
func readJSON(r *http.Request, v any) error {
	d := json.NewDecoder(r.Body)
	d.DisallowUnknownFields()
	if err := d.Decode(v); err != nil {
		return bodyError(err)
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		if tooLarge(err) {
			return bodyError(err)
		}
		return badRequest("the body holds more than one JSON value")
	}
	return nil
}

func tooLarge(err error) bool {
	_, ok := errors.AsType[*http.MaxBytesError](err)
	return ok
}

// bodyError tells a person what is wrong with the JSON that was sent.
func bodyError(err error) error {
	if known, ok := errors.AsType[*apiError](err); ok { // a field judged it
		return known
	}
	if syntax, ok := errors.AsType[*json.SyntaxError](err); ok {
		return badRequest("the body is not JSON: %v, at byte %d", syntax, syntax.Offset)
	}
	if kind, ok := errors.AsType[*json.UnmarshalTypeError](err); ok {
		if kind.Field == "" {
			return badRequest("the body must be a JSON object, not a %s", kind.Value)
		}
		return badRequest("%s must be a %s, not a %s", kind.Field, jsonType(kind.Type.Kind().String()), kind.Value)
	}
	switch {
	case tooLarge(err):
		return &apiError{
			Status: http.StatusRequestEntityTooLarge, Code: "too_large",
			Message: fmt.Sprintf("the body is larger than %d bytes", maxBody), More: map[string]any{"limit": maxBody},
		}
	case errors.Is(err, io.EOF):
		return badRequest("the body is empty; a JSON object is expected")
	case errors.Is(err, io.ErrUnexpectedEOF):
		return badRequest("the body is not JSON: it ends in the middle")
	}
	if name, ok := strings.CutPrefix(err.Error(), "json: unknown field "); ok {
		return badRequest("there is no field %s here; check its spelling", name)
	}
	return badRequest("the body cannot be read: %v", err)
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
