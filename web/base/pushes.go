package base

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"time"

	"github.com/chessrelay/chessrelay/relay"
	"github.com/chessrelay/chessrelay/web/pull"
)

// maxPushes is how many pushes a node has at a time, including those that wait for their turn.
const maxPushes = 32

// maxPushBody is how many bytes a push may have.
const maxPushBody = 8 << 20

// IsPush reports whether the request pushes the games of a round.
func IsPush(r *http.Request) bool { return strings.HasSuffix(r.URL.Path, "/push") }

// TriesAgain reports whether to leave the client without an answer, so that it tries again.
func TriesAgain(r *http.Request, err error) bool {
	status := Describe(err).Status
	return IsBroadcaster(r) && (status >= 500 || status == http.StatusTooManyRequests)
}

// IsBroadcaster reports whether the client is the lichess broadcaster app. It takes any answer but
// 2xx for a success, and then sends nothing until a file changes.
func IsBroadcaster(r *http.Request) bool {
	return strings.HasPrefix(r.UserAgent(), "Lichess Broadcaster")
}

// EnterPush takes a place in the round's queue. The caller must call leave.
func (s *Server) EnterPush(round relay.RoundID) (turn *pull.Turn, leave func(), err error) {
	select {
	case s.pushes <- struct{}{}:
	default:
		return nil, nil, TooMany("too many pushes wait at this node for those before them")
	}
	turn = s.queues.Enter(round)
	return turn, func() { turn.Leave(); <-s.pushes }, nil
}

// minRate is how many bytes of a push must come each second, after the first seconds. A hall may
// have a slow line. A line that sends nothing holds up the pushes behind it no longer than they
// wait anyway.
const minRate = 32 << 10

// ReadBody reads the whole body of a push, which has a limit. The body must begin within patience,
// and continue at minRate.
func ReadBody(w http.ResponseWriter, r *http.Request, patience time.Duration) ([]byte, error) {
	r.Body = http.MaxBytesReader(w, r.Body, maxPushBody)
	var b bytes.Buffer
	if n := r.ContentLength; n > 0 && n <= maxPushBody {
		b.Grow(int(n) + bytes.MinRead)
	}
	connection, began := http.NewResponseController(w), time.Now()
	for {
		allowed := patience + time.Duration(b.Len())*time.Second/minRate
		_ = connection.SetReadDeadline(began.Add(allowed)) // a test's connection may have none
		switch _, err := io.CopyN(&b, r.Body, minRate); {
		case errors.Is(err, io.EOF):
			return b.Bytes(), nil
		case tooLarge(err):
			return nil, &Error{
				Status: http.StatusRequestEntityTooLarge, Code: "too_large",
				Message: fmt.Sprintf("the push is larger than %d MiB", maxPushBody>>20), More: map[string]any{"limit": maxPushBody},
			}
		case err != nil:
			return nil, http.ErrAbortHandler // it did not come, or too slowly
		}
	}
}
