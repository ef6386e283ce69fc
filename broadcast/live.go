package broadcast

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
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

// Live answers GET /live?round=RID[&boards=1,2][&evaluations=1][&since=INDEX][&cluster=ID]. The
// connection becomes a WebSocket, and Live returns while it is open.
//
// A close frame says what is wrong with the parameters. A browser hides an HTTP status from the
// page, so only a refused connection gets one: 429 beyond the limits, 403 for a foreign origin, 400
// if it is no WebSocket, 503 once the hub is closed.
func (h *Hub) Live(w http.ResponseWriter, r *http.Request) {
	address := h.cfg.address(r)
	if err := h.gate.enter(address); err != nil {
		h.refuseEntry(w, err)
		return
	}
	hj := &hijacker{ResponseWriter: w}
	if _, err := h.upgrader.Upgrade(hj, r, nil); err != nil { // notUpgraded has answered
		h.gate.leave(address)
		return
	}
	s := &spectator{address: address, viewer: h.cfg.Viewer(r)}
	if hj.deflate {
		s.form = formDeflate
	}
	a := arrival{spectator: s}
	q, err := parseLive(r.URL.RawQuery)
	if err == nil {
		err = h.admit(s, q)
	}
	if err != nil {
		a.code, a.reason = closeCode(err)
	}
	h.adopt(hj.conn, a)
}

// adopt hands a spectator and its connection to a worker.
func (h *Hub) adopt(conn net.Conn, a arrival) {
	var err error
	if a.sock, err = takeOver(conn, h.cfg.SendBuffer, 2*h.cfg.PingEvery); err != nil {
		h.log.Error("cannot take over a spectator's connection", "address", a.address, "err", err)
		conn.Close()
		if a.topic != nil {
			h.leaveTopic(a.topic)
		}
		h.gate.leave(a.address)
		return
	}
	h.assign(a)
}

// hijacker keeps the connection that the WebSocket library takes, and reads its answer to the
// client.
type hijacker struct {
	http.ResponseWriter
	conn    net.Conn
	deflate bool // the library and the client agreed on permessage-deflate
}

// Hijack implements [http.Hijacker].
func (h *hijacker) Hijack() (net.Conn, *bufio.ReadWriter, error) {
	conn, rw, err := http.NewResponseController(h.ResponseWriter).Hijack()
	if err != nil {
		return nil, nil, err
	}
	h.conn = conn
	return &handshake{Conn: conn, hijacker: h}, rw, nil
}

type handshake struct {
	net.Conn
	*hijacker
}

// Write writes the response to the handshake, which is one write.
func (c *handshake) Write(p []byte) (int, error) {
	c.deflate = c.deflate || bytes.Contains(p, []byte("permessage-deflate"))
	return c.Conn.Write(p)
}

// A rejection is why a client cannot watch what it asks for.
type rejection struct {
	code   int // of the close frame
	reason string
}

func (r *rejection) Error() string { return r.reason }

func closeCode(err error) (code int, reason string) {
	if r, ok := errors.AsType[*rejection](err); ok {
		return r.code, r.reason
	}
	return CloseBadRequest, err.Error()
}

// admit gives s its topic and its cursor.
func (h *Hub) admit(s *spectator, q liveQuery) error {
	if err := h.checkCluster(q.cluster); err != nil {
		return err
	}
	sight := s.viewer.sees(q.round)
	var applied uint64
	var missing error
	var delayed bool
	var behind *int
	h.cfg.Boards.Read(func(at uint64, state *relay.State) {
		applied = at
		if sight != relay.Truth {
			applied = state.Shown(at)
		}
		missing, delayed = missingRound(state, q.round, sight), state.HasDelay(q.round)
		if r, _ := state.Round(q.round); missing == nil && sight != relay.Public && r.Delay > 0 {
			behind = new(min(max(0, int(sight)), r.Delay))
		}
	})
	if missing != nil {
		if q.since > applied && !errors.Is(missing, relay.ErrDeleted) {
			// The entries that this node does not have yet may have created the round.
			return &rejection{CloseGoingAway, "this node is behind and does not know the round yet; try again"}
		}
		return &rejection{CloseNoRound, missing.Error()}
	}
	if err := h.setHello(s, applied, behind); err != nil {
		return err
	}
	s.cursor, s.snapshotFirst, s.only = q.since, q.since == 0, q.boards
	s.evaluations = q.evaluations && h.evaluator != nil
	h.mu.Lock()
	s.topic = h.table.join(topicKey{q.round, sight}, delayed)
	s.epoch = s.topic.history.epoch()
	h.mu.Unlock()
	// The boards have every deletion before this epoch. A later one begins another epoch.
	if sight != relay.Truth && !s.snapshotFirst {
		h.cfg.Boards.Read(func(_ uint64, state *relay.State) { s.snapshotFirst = state.Renews(q.round, sight) })
		if s.snapshotFirst && q.since <= applied {
			s.cursor = 0 // the snapshot may be older
		}
	}
	return nil
}

// missingRound returns nil if a client with this sight finds the round; otherwise the reason.
func missingRound(state *relay.State, id relay.RoundID, sight relay.Sight) error {
	if state.Private(string(id)) && sight == relay.Public {
		return errNoRound
	}
	if _, known := state.Round(id); known {
		return nil
	}
	if err := state.Missing("round", string(id)); errors.Is(err, relay.ErrDeleted) {
		return err
	}
	return errNoRound
}

func (h *Hub) checkCluster(cluster string) error {
	if cluster != "" && cluster != h.cfg.Cluster {
		return &rejection{CloseOtherCluster, fmt.Sprintf("this is the cluster %s; its indexes are not those of another", h.cfg.Cluster)}
	}
	return nil
}

// setHello prepares the hello frame of s.
func (h *Hub) setHello(s *spectator, applied uint64, behind *int) error {
	hello, err := json.Marshal(helloFrame{
		Type: "hello", Cluster: h.cfg.Cluster, Node: h.cfg.Node, Index: applied, Now: time.Now().UnixMilli(), Delay: behind, Nodes: h.otherNodes(),
	})
	if err != nil {
		return &rejection{CloseGoingAway, "this node has a fault; try another"}
	}
	s.hello = &message{objects: [][]byte{hello}}
	return nil
}

// maxNodes is how many other nodes a hello frame names.
const maxNodes = 8

func (h *Hub) otherNodes() []string {
	if h.cfg.Nodes == nil {
		return nil
	}
	nodes := h.cfg.Nodes()
	return nodes[:min(len(nodes), maxNodes)]
}

// isNode reports whether the origin is that of another node: its page goes on here when it has lost
// that node.
func (h *Hub) isNode(origin string) bool {
	return origin != "" && h.cfg.Nodes != nil && slices.ContainsFunc(h.cfg.Nodes(), func(url string) bool {
		return strings.EqualFold(strings.TrimSuffix(url, "/"), origin)
	})
}

// liveQuery is what a spectator asks for.
type liveQuery struct {
	round   relay.RoundID
	boards  *boardSet
	since   uint64 // 0: it has nothing
	cluster string
	// evaluations: it wants what an engine thinks, too.
	evaluations bool
}

// maxBoards is the most boards that a spectator may name; one that wants more can have all.
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
	if text := values.Get("evaluations"); text != "" {
		if q.evaluations, err = strconv.ParseBool(text); err != nil {
			return q, errEvaluations
		}
	}
	if since := values.Get("since"); since != "" {
		// Index 0 is before the first entry, so it means nothing.
		if q.since, err = strconv.ParseUint(since, 10, 64); err != nil {
			return q, errors.New("since is not a log index")
		}
	}
	if boards := values.Get("boards"); boards != "" {
		var numbers []int32
		for number := range strings.SplitSeq(boards, ",") {
			n, err := strconv.ParseInt(number, 10, 32)
			if err != nil || n < 1 {
				return q, errors.New("boards is not a list of board numbers")
			}
			numbers = append(numbers, int32(n))
		}
		if q.boards, err = newBoardSet(numbers); err != nil {
			return q, fmt.Errorf("boards names more than %d; leave it out to get all", maxBoards)
		}
	}
	return q, nil
}

// newUpgrader lets in pages of this host and of the allowed origins. It does the handshake only, so
// its buffers are small.
func (h *Hub) newUpgrader() websocket.Upgrader {
	sameOrigin := func(r *http.Request) bool {
		origin := r.Header.Get("Origin")
		if origin == "" {
			return true // not a browser
		}
		u, err := url.Parse(origin)
		return err == nil && strings.EqualFold(u.Host, r.Host)
	}
	return websocket.Upgrader{
		HandshakeTimeout:  5 * time.Second,
		ReadBufferSize:    256,
		WriteBufferPool:   &sync.Pool{},
		EnableCompression: true,
		CheckOrigin: func(r *http.Request) bool {
			origin := r.Header.Get("Origin")
			return sameOrigin(r) || h.allowed(origin) || h.isNode(origin)
		},
		Error: h.notUpgraded,
	}
}

func (h *Hub) notUpgraded(w http.ResponseWriter, _ *http.Request, status int, reason error) {
	code := "bad_request"
	switch {
	case status == http.StatusForbidden:
		h.counted.refusedOrigin.Add(1)
		code = "forbidden"
	case status >= 500:
		code = "internal"
	}
	writeError(w, status, code, reason.Error())
}

// refuseEntry answers a client that the gate refused.
func (h *Hub) refuseEntry(w http.ResponseWriter, err error) {
	// Refused clients return at different moments. Until then they hold no file open here.
	w.Header().Set("Retry-After", strconv.Itoa(1+rand.IntN(5)))
	w.Header().Set("Connection", "close")
	switch {
	case errors.Is(err, errClosed):
		writeError(w, http.StatusServiceUnavailable, "going_away", err.Error())
		return
	case errors.Is(err, errRush):
		h.counted.refusedRate.Add(1)
	default:
		h.counted.refusedLimit.Add(1)
	}
	writeError(w, http.StatusTooManyRequests, "too_many", err.Error())
}

func writeError(w http.ResponseWriter, status int, code, message string) {
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("X-Content-Type-Options", "nosniff")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(struct { // the client may be gone
		Error string `json:"error"`
		Code  string `json:"code"`
	}{message, code})
}
