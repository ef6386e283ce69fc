package broadcast

import (
	"errors"
	"net/http"
	"slices"
	"strconv"
	"strings"

	"github.com/chessrelay/chessrelay/relay"
)

// Events answers GET /events with the parameters of [Hub.Live]. It sends the same frames as
// Server-Sent Events, for clients whose network lets no WebSocket through. The id of an event is
// its log index, so a browser that returns with Last-Event-ID goes on from there.
//
// At the end comes an event "close" with the code of a WebSocket's close frame and the reason. A
// request that is wrong gets an HTTP status: 400, 404 if there is no such round, 409 for a cursor
// of another cluster, 429 and 503 as in Live.
func (h *Hub) Events(w http.ResponseWriter, r *http.Request) {
	q, err := parseLive(r.URL.RawQuery)
	if last := r.Header.Get("Last-Event-ID"); err == nil && last != "" {
		if q.since, err = strconv.ParseUint(last, 10, 64); err != nil {
			err = errors.New("Last-Event-ID is not a log index")
		}
	}
	if err != nil {
		h.rejectRequest(w, err)
		return
	}
	h.respond(w, r, formEvents, "text/event-stream", "retry: 2000\n\n", func(s *spectator) error { return h.admit(s, q) })
}

// Feed answers GET /feed[?since=INDEX][&cluster=ID]: every event of every round, for programs, as
// lines of JSON (NDJSON). First comes hello, then a snapshot of each round unless the history goes
// on from since, then the events as in Live. Each has its round's id in roundId. A line is an
// object, or an array if one log index changed several things.
func (h *Hub) Feed(w http.ResponseWriter, r *http.Request) {
	values := r.URL.Query()
	var since uint64
	if text := values.Get("since"); text != "" {
		var err error
		if since, err = strconv.ParseUint(text, 10, 64); err != nil {
			h.rejectRequest(w, errors.New("since is not a log index"))
			return
		}
	}
	h.respond(w, r, formLines, "application/x-ndjson", "", func(s *spectator) error {
		if err := h.checkCluster(values.Get("cluster")); err != nil {
			return err
		}
		var applied uint64
		truth := s.viewer.sees("") == relay.Truth
		h.cfg.Boards.Read(func(at uint64, state *relay.State) {
			applied = at
			if !truth {
				applied = state.Shown(at)
			}
		})
		if err := h.setHello(s, applied, nil); err != nil {
			return err
		}
		h.joinFeed(s, since, truth)
		return nil
	})
}

// respond makes a spectator of a client that reads an endless HTTP response.
func (h *Hub) respond(w http.ResponseWriter, r *http.Request, f form, contentType, head string, admit func(*spectator) error) {
	origin := r.Header.Get("Origin")
	if !h.upgrader.CheckOrigin(r) {
		h.counted.refusedOrigin.Add(1)
		writeError(w, http.StatusForbidden, "forbidden", "pages of "+origin+" may not read this; the node allows origins by --allow-origin")
		return
	}
	if origin != "" {
		w.Header().Set("Access-Control-Allow-Origin", origin) // for the refusals below, too
		w.Header().Set("Vary", "Origin")
	}
	if r.Method == http.MethodHead {
		w.Header().Set("Content-Type", contentType)
		return
	}
	address := h.cfg.address(r)
	if err := h.gate.enter(address); err != nil {
		h.refuseEntry(w, err)
		return
	}
	s := &spectator{address: address, form: f, viewer: h.cfg.Viewer(r)}
	if err := admit(s); err != nil {
		h.gate.leave(address)
		h.rejectRequest(w, err)
		return
	}
	if r.ProtoMajor >= 2 {
		w.Header().Set("Content-Type", contentType)
		w.Header().Set("Cache-Control", "no-store")
		w.Header().Set("X-Accel-Buffering", "no")
		s.head = []byte(head)
		c := newStreamConn(w, r)
		h.adopt(c, arrival{spectator: s})
		<-c.closed
		return
	}
	conn, _, err := http.NewResponseController(w).Hijack()
	if err != nil {
		if s.topic != nil {
			h.leaveTopic(s.topic)
		}
		h.gate.leave(address)
		writeError(w, http.StatusInternalServerError, "internal", "this connection cannot be kept open: "+err.Error())
		return
	}
	lines := []string{"HTTP/1.1 200 OK", "Content-Type: " + contentType, "Cache-Control: no-store", "Connection: close",
		"X-Accel-Buffering: no", "X-Content-Type-Options: nosniff"}
	if origin != "" {
		lines = append(lines, "Access-Control-Allow-Origin: "+origin, "Vary: Origin")
	}
	s.head = []byte(strings.Join(lines, "\r\n") + "\r\n\r\n" + head)
	h.adopt(conn, arrival{spectator: s})
}

// allowed reports whether pages of the origin may connect.
func (h *Hub) allowed(origin string) bool {
	return slices.ContainsFunc(h.cfg.AllowedOrigins, func(o string) bool {
		return o == "*" || strings.EqualFold(strings.TrimSuffix(o, "/"), origin)
	})
}

// rejectRequest answers a request that makes no sense.
func (h *Hub) rejectRequest(w http.ResponseWriter, err error) {
	code, reason := closeCode(err)
	switch code {
	case CloseNoRound:
		writeError(w, http.StatusNotFound, "not_found", reason)
	case CloseOtherCluster:
		writeError(w, http.StatusConflict, "other_cluster", reason)
	case CloseGoingAway:
		w.Header().Set("Retry-After", "1")
		w.Header().Set("Connection", "close")
		writeError(w, http.StatusServiceUnavailable, "behind", reason)
		return
	default:
		writeError(w, http.StatusBadRequest, "bad_request", reason)
	}
	h.counted.closedBad.Add(1)
}
