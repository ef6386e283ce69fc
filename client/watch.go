package client

import (
	"bytes"
	"context"
	"crypto/tls"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/gorilla/websocket"

	"github.com/chessrelay/chessrelay/relay"
)

// The codes with which a node closes a WebSocket that matter to a client. docs/api.md has all.
const (
	CloseBadRequest   = 4400 // the request is wrong
	CloseForbidden    = 4403 // the token is not, or no longer, good for this round
	CloseNoRound      = 4404 // the round does not exist, or was deleted
	CloseOtherCluster = 4409 // the cursor is another cluster's
)

// silence is how long a node may send nothing. It sends a status every ten seconds at least.
const silence = 30 * time.Second

// Frame is one frame of a round. Type says which of the fields are set; docs/api.md has the list.
type Frame struct {
	Type    string `json:"type"`
	Index   uint64 `json:"index"`
	Cluster string `json:"cluster"` // hello
	Round   struct {
		Name           string `json:"name"`
		TournamentName string `json:"tournamentName"`
		Status         string `json:"status"`
	} `json:"round"` // snapshot, round
	Boards []BoardState `json:"boards"` // snapshot
	Stale  bool         `json:"stale"`  // status
	Age    relay.Millis `json:"age"`    // status

	ToPly relay.Ply  `json:"toPly"` // correction
	Moves []MoveText `json:"moves"` // correction

	BoardState // a game, or the fields of one that the event changes
	MoveText   // move

	// Raw is the frame as the node sent it.
	Raw json.RawMessage `json:"-"`
}

// BoardState is a board as spectators see it.
type BoardState struct {
	Board    int          `json:"board"`
	White    relay.Player `json:"white"`
	Black    relay.Player `json:"black"`
	FEN      string       `json:"fen"`
	Ply      relay.Ply    `json:"ply"`
	LastMove *MoveText    `json:"lastMove"`
	Clock    relay.Clock  `json:"clock"`
	Result   relay.Result `json:"result"`
	Forfeit  bool         `json:"forfeit"` // the game was not played, or not to its end
	Warning  string       `json:"warning"`
}

// MoveText is a move as it is written.
type MoveText struct {
	SAN     string `json:"san"`
	Illegal bool   `json:"illegal"` // recorded as an arbiter entered it
}

// parseFrames reads a message: one frame, or an array of frames.
func parseFrames(message []byte) ([]Frame, error) {
	raws := []json.RawMessage{message}
	if bytes.HasPrefix(bytes.TrimSpace(message), []byte("[")) {
		if err := json.Unmarshal(message, &raws); err != nil {
			return nil, err
		}
	}
	frames := make([]Frame, len(raws))
	for i, raw := range raws {
		if err := json.Unmarshal(raw, &frames[i]); err != nil {
			return nil, err
		}
		frames[i].Raw = raw
	}
	return frames, nil
}

// watcher is one call of Watch.
type watcher struct {
	*Client
	round   relay.RoundID
	board   int
	fn      func(Frame) error
	cluster string
	since   uint64 // everything up to this index was reported; 0: nothing was
}

// stopError is an error that ends Watch.
type stopError struct{ error }

// Watch calls fn for each frame of a round, in order, until ctx ends. board selects one board; 0
// means all. The first frame is a hello, the second a snapshot. After a lost connection Watch goes
// on where it was, at the next node, so fn sees no event twice. The frames "hello" and "status" may
// come at any time.
//
// Watch returns nil when ctx ends, an [*Error] when the node refuses for good, and the error of fn,
// if any.
func (c *Client) Watch(ctx context.Context, round relay.RoundID, board int, fn func(Frame) error) error {
	w := &watcher{Client: c, round: round, board: board, fn: fn}
	var pause backoff
	for n := 0; ; n++ {
		node := c.nodes[n%len(c.nodes)]
		before := w.since
		err := w.follow(ctx, node)
		if ctx.Err() != nil {
			return nil
		}
		if stop, ok := errors.AsType[stopError](err); ok {
			return stop.error
		}
		if w.since != before {
			pause.reset()
		}
		if websocket.IsCloseError(err, CloseOtherCluster) {
			c.opts.Log.Warn("the node belongs to another cluster now; starting over", "node", node)
			w.cluster, w.since = "", 0
		}
		wait := pause.next()
		c.opts.Log.Warn("the connection is lost; reconnecting", "node", node, "since", w.since, "wait", wait, "err", err)
		if !sleep(ctx, wait) {
			return nil
		}
	}
}

// follow reports the frames of one connection, and returns why it ended.
func (w *watcher) follow(ctx context.Context, node string) error {
	conn, res, err := w.dialer().DialContext(ctx, w.url(node), w.header())
	if err != nil {
		if res != nil && res.StatusCode >= 400 && res.StatusCode < 500 && res.StatusCode != http.StatusTooManyRequests {
			return stopError{&Error{Status: res.StatusCode, Message: fmt.Sprintf("%s answered %s to a spectator", node, res.Status)}}
		}
		return err
	}
	defer conn.Close()
	stop := context.AfterFunc(ctx, func() {
		bye := websocket.FormatCloseMessage(websocket.CloseNormalClosure, "")
		_ = conn.WriteControl(websocket.CloseMessage, bye, time.Now().Add(time.Second))
		conn.Close() // ends the read below
	})
	defer stop()
	conn.SetReadLimit(maxAnswer)

	for {
		if err := conn.SetReadDeadline(time.Now().Add(silence)); err != nil {
			return err
		}
		_, message, err := conn.ReadMessage()
		var closed *websocket.CloseError
		if errors.As(err, &closed) && slices.Contains([]int{CloseBadRequest, CloseForbidden, CloseNoRound}, closed.Code) {
			return stopError{&Error{Message: fmt.Sprintf("%s refuses: %s", node, closed.Text)}}
		}
		if err != nil {
			return err
		}
		frames, err := parseFrames(message)
		if err != nil {
			return fmt.Errorf("read a frame of %s: %w", node, err)
		}
		for _, f := range frames {
			if f.Type == "hello" {
				w.cluster = f.Cluster // its index says how far the node is, and is no cursor
			} else {
				w.since = max(w.since, f.Index)
			}
			if err := w.fn(f); err != nil {
				return stopError{err}
			}
		}
	}
}

func (w *watcher) header() http.Header {
	if w.opts.Token == "" {
		return nil
	}
	return http.Header{"Authorization": {"Bearer " + w.opts.Token}}
}

func (w *watcher) dialer() *websocket.Dialer {
	d := *websocket.DefaultDialer
	d.TLSClientConfig = &tls.Config{RootCAs: w.opts.Roots}
	return &d
}

// url is where spectators of the round connect, with the cursor if there is one.
func (w *watcher) url(node string) string {
	q := url.Values{"round": {string(w.round)}}
	if w.board != 0 {
		q.Set("boards", strconv.Itoa(w.board))
	}
	if w.since != 0 {
		q.Set("since", strconv.FormatUint(w.since, 10))
		q.Set("cluster", w.cluster)
	}
	return "ws" + strings.TrimPrefix(node, "http") + "/live?" + q.Encode()
}
