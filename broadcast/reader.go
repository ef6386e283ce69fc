package broadcast

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"time"

	"github.com/gorilla/websocket"
)

// What a client did wrong; each closes with [CloseBadRequest].
var (
	errNotText   = errors.New("only text frames are taken")
	errTooLong   = errors.New("the frame is too long")
	errNotObject = errors.New("a frame must be a JSON object")
	errTooMany   = errors.New("too many frames")
)

// read is the reader's loop. Spectators have nothing to say yet: what they send
// is checked and passed over. The loop is there for pongs, for the end of the
// connection, and to keep out those who would use it to harm.
func (s *spectator) read() {
	s.meter = meter{most: s.hub.cfg.MaxClientFrames, window: 10 * time.Second}
	patience := 2 * s.hub.cfg.PingEvery
	s.conn.SetReadDeadline(time.Now().Add(patience))
	s.conn.SetPongHandler(func(string) error {
		s.conn.SetReadDeadline(time.Now().Add(patience))
		return s.meter.count(time.Now())
	})
	reply := s.conn.PingHandler()
	s.conn.SetPingHandler(func(data string) error {
		if err := s.meter.count(time.Now()); err != nil {
			return err
		}
		return reply(data)
	})
	for {
		kind, r, err := s.conn.NextReader()
		if err != nil {
			s.failRead(err)
			return
		}
		if s.stopped() {
			continue // until the peer has answered our close frame
		}
		data, err := io.ReadAll(io.LimitReader(r, int64(s.hub.cfg.MaxClientFrame)+1))
		if err != nil {
			s.failRead(err)
			return
		}
		if err := s.meter.count(time.Now()); err != nil {
			s.stop(CloseBadRequest, err.Error())
		} else if err := checkClientFrame(kind, data, s.hub.cfg.MaxClientFrame); err != nil {
			s.stop(CloseBadRequest, err.Error())
		}
	}
}

func (s *spectator) failRead(err error) {
	switch {
	case errors.Is(err, errTooMany):
		s.stop(CloseBadRequest, err.Error())
	case isTimeout(err):
		s.stop(CloseTooSlow, fmt.Sprintf("no answer to pings for %v", 2*s.hub.cfg.PingEvery))
	default:
		s.stop(0, err.Error())
	}
}

// checkClientFrame tells whether a message from a client may pass: a short text
// that is one JSON object. What it says does not matter yet, so that
// clients of a later version are welcome.
func checkClientFrame(kind int, data []byte, longest int) error {
	if kind != websocket.TextMessage {
		return errNotText
	}
	if len(data) > longest {
		return errTooLong
	}
	var object map[string]json.RawMessage
	if err := json.Unmarshal(data, &object); err != nil || object == nil {
		return errNotObject
	}
	return nil
}

// meter limits how many frames come within a window of time.
type meter struct {
	most   int
	window time.Duration
	start  time.Time
	n      int
}

func (m *meter) count(now time.Time) error {
	if now.Sub(m.start) >= m.window {
		m.start, m.n = now, 0
	}
	if m.n++; m.n > m.most {
		return errTooMany
	}
	return nil
}

func isTimeout(err error) bool {
	var ne net.Error
	return errors.As(err, &ne) && ne.Timeout()
}
