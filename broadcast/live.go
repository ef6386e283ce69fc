package broadcast

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/gorilla/websocket"

	"github.com/chessrelay/chessrelay/relay"
)

// Live answers GET /live?round=RID[&boards=1,2][&since=INDEX][&cluster=ID]:
// the connection becomes a WebSocket, and Live returns while it lives on.
//
// What is wrong with the parameters is said in the close frame, not by an HTTP
// status: a browser hides the latter from the page. Only those who are not let
// in at all get one: 429 beyond the limits, 403 for a foreign origin, 400 if
// it is no WebSocket, 503 once the hub is closed.
func (h *Hub) Live(w http.ResponseWriter, r *http.Request) {
	address := h.cfg.Address(r)
	if err := h.gate.enter(address); err != nil {
		h.refuse(w, err)
		return
	}
	hj := &hijacker{ResponseWriter: w, sendBuffer: h.cfg.SendBuffer}
	conn, err := h.upgrader.Upgrade(hj, r, nil)
	if err != nil { // and notUpgraded has answered
		h.gate.leave(address)
		return
	}
	s := &spectator{hub: h, conn: conn, socket: hj.socket, address: address, quit: make(chan struct{})}
	if h.gate.add(s) {
		h.admit(s, r.URL.RawQuery)
	} else {
		s.stop(CloseGoingAway, errClosed.Error())
	}
	go func() {
		defer h.gate.leave(address)
		defer h.gate.remove(s)
		s.run()
	}()
}

// admit gives s its round and its cursor, or stops it.
func (h *Hub) admit(s *spectator, rawQuery string) {
	q, err := parseLive(rawQuery)
	if err != nil {
		s.stop(CloseBadRequest, err.Error())
		return
	}
	if q.cluster != "" && q.cluster != h.cfg.Cluster {
		s.stop(CloseOtherCluster, fmt.Sprintf("this is the cluster %s; its indexes are not those of another", h.cfg.Cluster))
		return
	}
	var applied uint64
	var known bool
	h.cfg.Boards.Read(func(at uint64, state *relay.State) {
		applied = at
		_, known = state.Round(q.round)
	})
	if !known {
		if q.since > applied {
			// The round may have been opened in the entries we do not have yet.
			s.stop(CloseGoingAway, "this node is behind and does not know the round yet; try again")
		} else {
			s.stop(CloseNoRound, errNoRound.Error())
		}
		return
	}
	hello, err := json.Marshal(helloFrame{
		Type: "hello", Cluster: h.cfg.Cluster, Node: h.cfg.Node, Index: applied, Now: time.Now().UnixMilli(),
	})
	if err == nil {
		s.hello, err = prepare(hello)
	}
	if err != nil {
		s.fail(err)
		return
	}
	s.cursor = cursor{index: q.since, blank: q.since == 0, boards: q.boards}
	h.mu.Lock()
	s.round = h.table.join(q.round)
	h.mu.Unlock()
}

// liveQuery is what a spectator asks for.
type liveQuery struct {
	round   relay.RoundID
	boards  boardSet
	since   uint64 // 0: it has nothing
	cluster string
}

// maxBoards is the most boards that one spectator may name; who wants more may
// as well have all.
const maxBoards = 256

func parseLive(rawQuery string) (q liveQuery, err error) {
	values, err := url.ParseQuery(rawQuery)
	if err != nil {
		return q, errors.New("the query cannot be read")
	}
	q.round = relay.RoundID(values.Get("round"))
	if q.round == "" {
		return q, errors.New("the parameter round is missing")
	}
	q.cluster = values.Get("cluster")
	if since := values.Get("since"); since != "" {
		// Index 0 is before the first entry: who has that has nothing.
		if q.since, err = strconv.ParseUint(since, 10, 64); err != nil {
			return q, errors.New("since is not a log index")
		}
	}
	if boards := values.Get("boards"); boards != "" {
		q.boards = boardSet{}
		for number := range strings.SplitSeq(boards, ",") {
			n, err := strconv.ParseUint(number, 10, 31)
			if err != nil || n == 0 {
				return q, errors.New("boards is not a list of board numbers")
			}
			if q.boards[int(n)] = struct{}{}; len(q.boards) > maxBoards {
				return q, fmt.Errorf("boards names more than %d; leave it out to get all", maxBoards)
			}
		}
	}
	return q, nil
}

// newUpgrader lets in pages of this host and of the allowed origins. Its
// buffers are small since clients say next to nothing, and since everything is
// written as prepared messages, which need none.
func (h *Hub) newUpgrader() websocket.Upgrader {
	allowed := h.cfg.AllowedOrigins
	sameOrigin := func(r *http.Request) bool {
		origin := r.Header.Get("Origin")
		if origin == "" {
			return true // not a browser
		}
		u, err := url.Parse(origin)
		return err == nil && strings.EqualFold(u.Host, r.Host)
	}
	return websocket.Upgrader{
		HandshakeTimeout: 5 * time.Second,
		ReadBufferSize:   256,
		WriteBufferPool:  &sync.Pool{},
		CheckOrigin: func(r *http.Request) bool {
			return sameOrigin(r) || slices.Contains(allowed, "*") ||
				slices.ContainsFunc(allowed, func(o string) bool {
					return strings.EqualFold(strings.TrimSuffix(o, "/"), r.Header.Get("Origin"))
				})
		},
		Error: h.notUpgraded,
	}
}

func (h *Hub) notUpgraded(w http.ResponseWriter, _ *http.Request, status int, reason error) {
	code := "bad_request"
	switch {
	case status == http.StatusForbidden:
		h.counters.refusedOrigin.Add(1)
		code = "forbidden"
	case status >= 500:
		code = "internal"
	}
	writeError(w, status, code, reason.Error())
}

// refuse answers one who was not let in.
func (h *Hub) refuse(w http.ResponseWriter, err error) {
	w.Header().Set("Retry-After", "10")
	if errors.Is(err, errClosed) {
		writeError(w, http.StatusServiceUnavailable, "going_away", err.Error())
		return
	}
	h.counters.refusedLimit.Add(1)
	writeError(w, http.StatusTooManyRequests, "too_many", err.Error())
}

func writeError(w http.ResponseWriter, status int, code, message string) {
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("X-Content-Type-Options", "nosniff")
	w.WriteHeader(status)
	json.NewEncoder(w).Encode(struct {
		Error string `json:"error"`
		Code  string `json:"code"`
	}{message, code})
}
