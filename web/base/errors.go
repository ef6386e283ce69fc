package base

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"strings"

	"github.com/chessrelay/chessrelay/broadcast"
	"github.com/chessrelay/chessrelay/consensus"
	"github.com/chessrelay/chessrelay/relay"
	"github.com/chessrelay/chessrelay/web/edge"
)

// Error is an error as the API shows it:
// {"error":"message for a person","code":"machine_word",…}.
type Error struct {
	Status  int
	Code    string
	Message string
	More    map[string]any // further fields of the answer
	// RetryAfter is in seconds. Errors that pass by themselves have it.
	RetryAfter int
}

// Error implements error.
func (e *Error) Error() string { return e.Message }

// JSON returns the body of the answer.
func (e *Error) JSON() map[string]any {
	b := map[string]any{"error": e.Message, "code": e.Code}
	maps.Copy(b, e.More)
	return b
}

// BadRequest is the answer 400, with the code bad_request.
func BadRequest(format string, a ...any) *Error {
	return &Error{Status: http.StatusBadRequest, Code: "bad_request", Message: fmt.Sprintf(format, a...)}
}

// NotFound is the answer 404, with the code not_found.
func NotFound(format string, a ...any) *Error {
	return &Error{Status: http.StatusNotFound, Code: "not_found", Message: fmt.Sprintf(format, a...)}
}

// TooMany is the answer beyond a limit that another node may not have reached.
func TooMany(message string) *Error {
	return &Error{Status: http.StatusTooManyRequests, Code: "too_many", Message: message, RetryAfter: 10}
}

// kinds maps the errors of the packages below to answers. The first match counts.
var kinds = []struct {
	err    error
	status int
	code   string
}{
	{relay.ErrNotFound, http.StatusNotFound, "not_found"},
	{broadcast.ErrNoRound, http.StatusNotFound, "not_found"},
	{relay.ErrPlyConflict, http.StatusConflict, "ply_conflict"},
	{relay.ErrLocked, http.StatusConflict, "locked"},
	{relay.ErrIllegalMove, http.StatusUnprocessableEntity, "illegal_move"},
	{relay.ErrGameOver, http.StatusConflict, "game_over"},
	{relay.ErrBoardTaken, http.StatusConflict, "board_taken"},
	{relay.ErrIDTaken, http.StatusConflict, "id_taken"},
	{relay.ErrToken, http.StatusUnauthorized, "unauthorized"},
	{relay.ErrLimit, http.StatusUnprocessableEntity, "limit_reached"},
	{relay.ErrBadCommand, http.StatusBadRequest, "bad_request"},
	// The leader has another version than this node: the cluster is being upgraded.
	{relay.ErrVersion, http.StatusServiceUnavailable, "unknown_version"},

	{edge.ErrBadRequest, http.StatusBadRequest, "bad_request"},
	{edge.ErrOtherCluster, http.StatusConflict, "other_cluster"},
	{edge.ErrLoop, http.StatusConflict, "edge_loop"},
	{edge.ErrTooDeep, http.StatusConflict, "edge_too_deep"},
	{edge.ErrDiverged, http.StatusConflict, "edge_diverged"},
	{edge.ErrTooMany, http.StatusServiceUnavailable, "overloaded"},
	{edge.ErrClosed, http.StatusServiceUnavailable, "going_away"},
	{edge.ErrNoTarget, http.StatusServiceUnavailable, "no_leader"},
	{edge.ErrUnanswered, http.StatusServiceUnavailable, "no_leader"},

	{consensus.ErrUnknownMember, http.StatusNotFound, "not_found"},
	{consensus.ErrNotVouched, http.StatusNotFound, "not_found"},
	{consensus.ErrMembership, http.StatusConflict, "membership_refused"},
	{consensus.ErrTooLarge, http.StatusRequestEntityTooLarge, "too_large"},
	{consensus.ErrOverloaded, http.StatusServiceUnavailable, "overloaded"},
	{consensus.ErrNoLeader, http.StatusServiceUnavailable, "no_leader"},
	{consensus.ErrNoQuorum, http.StatusServiceUnavailable, "no_quorum"},
	{consensus.ErrClosed, http.StatusServiceUnavailable, "no_leader"},
	{context.DeadlineExceeded, http.StatusServiceUnavailable, "no_quorum"},
}

// Codes returns the status and the code of each error of the table, such as "409 ply_conflict". The
// API's document has them all.
func Codes() []string {
	var out []string
	for _, k := range kinds {
		out = append(out, fmt.Sprint(k.status, " ", k.code))
	}
	return out
}

// Describe makes an answer from any error.
func Describe(err error) *Error {
	if e, ok := errors.AsType[*Error](err); ok {
		return e
	}
	e := &Error{Status: http.StatusInternalServerError, Code: "internal", Message: "something went wrong on this node; its log says what"}
	for _, k := range kinds {
		if errors.Is(err, k.err) {
			text := strings.TrimSuffix(err.Error(), " ("+context.DeadlineExceeded.Error()+")") // the message says it already
			e = &Error{Status: k.status, Code: k.code, Message: text}
			break
		}
	}
	if e.Status == http.StatusServiceUnavailable {
		e.RetryAfter = 1
	}
	if c, ok := errors.AsType[*relay.PlyConflictError](err); ok {
		e.More = map[string]any{"expected": c.Expected, "current": nil}
		if c.Current.Ply != 0 {
			e.More["current"] = c.Current
		}
	}
	if i, ok := errors.AsType[*relay.IllegalMoveError](err); ok {
		e.More = map[string]any{"fen": i.FEN, "move": i.Move, "ply": i.Ply}
	}
	if l, ok := errors.AsType[*relay.LockedError](err); ok {
		e.More = map[string]any{"field": l.Field}
	}
	if b, ok := errors.AsType[*relay.BadCommandError](err); ok {
		e.More = map[string]any{"field": b.Field}
	}
	return e
}

// Fail answers with err, and logs it if the fault is the node's own.
func (s *Server) Fail(w http.ResponseWriter, r *http.Request, err error) {
	e := Describe(s.Explain(r, err))
	if e.Status == http.StatusInternalServerError {
		s.Log.Error("request failed", "method", r.Method, "path", r.URL.Path, "err", err)
	}
	if e.Status == http.StatusUnauthorized {
		w.Header().Set("WWW-Authenticate", `Bearer realm="chessrelay"`)
	}
	if e.RetryAfter > 0 {
		w.Header().Set("Retry-After", fmt.Sprint(e.RetryAfter))
	}
	WriteJSON(w, e.Status, e.JSON())
}
