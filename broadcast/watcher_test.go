package broadcast

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"net"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/gorilla/websocket"

	"github.com/chessrelay/chessrelay/relay"
)

// anyFrame has the fields of all frames.
type anyFrame struct {
	Delay      *int            `json:"delay"` // of hello
	Type       string          `json:"type"`
	Index      uint64          `json:"index"`
	Cluster    string          `json:"cluster"`
	Node       string          `json:"node"`
	Round      roundInfo       `json:"round"`
	Boards     []boardInfo     `json:"boards"`
	Game       relay.GameID    `json:"game"`
	Board      int             `json:"board"`
	Ply        relay.Ply       `json:"ply"`
	SAN        string          `json:"san"`
	UCI        string          `json:"uci"`
	FEN        string          `json:"fen"`
	Clock      relay.LiveClock `json:"clock"`
	At         relay.Millis    `json:"at"`
	Result     relay.Result    `json:"result"`
	Forfeit    bool            `json:"forfeit"`
	ToPly      relay.Ply       `json:"toPly"`
	Moves      []relay.Move    `json:"moves"`
	LastMove   *relay.LastMove `json:"lastMove"`
	Stale      bool            `json:"stale"`
	Age        int64           `json:"age"`
	Spectators int             `json:"spectators"`
	Now        int64           `json:"now"`
	Only       []int           `json:"only"`

	raw json.RawMessage
}

// watcher is a spectator that checks what it is sent.
type watcher struct {
	t     testing.TB
	round relay.RoundID
	only  []int // boards, none: all

	header http.Header               // of its request
	limit  func(cursor uint64) error // checks the cursor; nil: no limit

	conn   *websocket.Conn
	cursor uint64 // from which it would resume
	boards map[int]boardInfo
	others map[int]boardSummary // from summaries
	info   roundInfo

	evaluates bool                    // it asks for evaluations
	thinks    *bool                   // whether there are any, as it was told last
	evaluated map[int]evaluationFrame // of the positions on the boards now

	hello     *anyFrame
	asked     bool // it has asked for other boards, and waits for their snapshot
	renews    bool // a snapshot may have the same index, after a deletion
	snapshots int
	seen      []uint64 // indexes of the events, since the last snapshot
	statuses  []anyFrame
}

func newWatcher(t testing.TB, round relay.RoundID, only ...int) *watcher {
	return &watcher{t: t, round: round, only: only, boards: map[int]boardInfo{}, others: map[int]boardSummary{}, evaluated: map[int]evaluationFrame{}}
}

func (w *watcher) query() string {
	q := url.Values{"round": {string(w.round)}}
	if len(w.only) > 0 {
		q.Set("boards", strings.Trim(strings.ReplaceAll(fmt.Sprint(w.only), " ", ","), "[]"))
	}
	if w.evaluates {
		q.Set("evaluations", "1")
	}
	if w.cursor > 0 {
		q.Set("since", fmt.Sprint(w.cursor))
		q.Set("cluster", testCluster)
	}
	return q.Encode()
}

func (n *node) dial(query string, header http.Header) (*websocket.Conn, *http.Response, error) {
	d := websocket.Dialer{HandshakeTimeout: patience, TLSClientConfig: trusting()}
	return d.Dial("ws"+strings.TrimPrefix(n.server.URL, "http")+"/live?"+query, header)
}

// join connects, with the cursor if there is one, and leaves its last node.
func (w *watcher) join(n *node) *watcher {
	w.t.Helper()
	w.leave()
	if w.asked { // the cursor is for other boards
		w.cursor, w.asked = 0, false
	}
	conn, _, err := n.dial(w.query(), w.header)
	if err != nil {
		w.t.Fatal(err)
	}
	w.conn, w.hello = conn, nil
	w.t.Cleanup(func() { conn.Close() })
	return w
}

func (w *watcher) leave() {
	if w.conn != nil {
		w.conn.Close()
		w.conn = nil
	}
}

// read reads one message. A wrong frame fails the test.
func (w *watcher) read() ([]anyFrame, error) {
	_ = w.conn.SetReadDeadline(time.Now().Add(patience))
	_, data, err := w.conn.ReadMessage()
	if err != nil {
		return nil, err
	}
	frames, err := decode(data)
	if err != nil {
		return nil, fmt.Errorf("%w in %s", err, data)
	}
	return frames, w.takeFrames(frames, data)
}

func (w *watcher) takeMessage(data []byte) error {
	frames, err := decode(data)
	if err != nil {
		return fmt.Errorf("%w in %s", err, data)
	}
	return w.takeFrames(frames, data)
}

func (w *watcher) takeFrames(frames []anyFrame, data []byte) error {
	before := w.cursor
	for i := range frames {
		sameIndex := i > 0 && frames[i].Index == frames[i-1].Index
		if err := w.take(&frames[i], sameIndex); err != nil {
			return fmt.Errorf("cursor %d, then %d: %w; message %.300s", before, w.cursor, err, data)
		}
		if w.limit == nil {
			continue
		}
		if err := w.limit(w.cursor); err != nil {
			return fmt.Errorf("cursor %d, then %d: %w; message %.300s", before, w.cursor, err, data)
		}
	}
	return nil
}

func decode(data []byte) ([]anyFrame, error) {
	raws := []json.RawMessage{data}
	if data[0] == '[' {
		if err := json.Unmarshal(data, &raws); err != nil {
			return nil, err
		}
		if len(raws) < 2 {
			return nil, errors.New("an array of fewer than two")
		}
	}
	frames := make([]anyFrame, len(raws))
	for i, raw := range raws {
		if err := json.Unmarshal(raw, &frames[i]); err != nil {
			return nil, err
		}
		frames[i].raw = raw
	}
	return frames, nil
}

// take applies a frame, as a page does. sameIndex: the frame before, in the same message, had this
// one's index.
func (w *watcher) take(f *anyFrame, sameIndex bool) error {
	if (w.hello == nil) != (f.Type == "hello") {
		return errors.New("hello comes first, and once")
	}
	switch f.Type {
	case "hello":
		w.hello = f
		return nil
	case "summary":
		var sum summaryFrame
		if err := json.Unmarshal(f.raw, &sum); err != nil {
			return err
		}
		for _, b := range sum.Boards {
			w.others[b.Board] = b
		}
		return nil
	case "evaluations", "evaluation":
		return w.takeEvaluation(f)
	case "status":
		w.statuses = append(w.statuses, *f)
		if f.Index != 0 && f.Index < w.cursor {
			return errors.New("a status went back")
		}
		w.cursor = max(w.cursor, f.Index)
		return nil
	case "snapshot":
		asked := w.asked && slices.Equal(f.Only, w.only)
		if f.Index < w.cursor || w.cursor > 0 && f.Index == w.cursor && !asked && !w.renews {
			return errors.New("the snapshot is not newer than what was there")
		}
		if asked {
			w.asked = false
		}
		w.snapshots++
		w.seen = nil
		clear(w.boards)
		clear(w.evaluated)
		for _, b := range f.Boards {
			w.boards[b.Board] = b
		}
		w.info = f.Round
		w.cursor = f.Index
		return nil
	}
	if f.Index <= w.cursor && !(sameIndex && f.Index == w.cursor) {
		return errors.New("the index did not rise")
	}
	if !sameIndex {
		w.seen = append(w.seen, f.Index)
	}
	w.cursor = f.Index
	if f.Type == "round" {
		w.info = f.Round
		return nil
	}
	b, known := w.boards[f.Board]
	if f.Type == "deleted" {
		if known && b.Game != f.Game {
			return errors.New("another game was at the board that is deleted")
		}
		delete(w.boards, f.Board)
		delete(w.others, f.Board)
		return nil
	}
	if !known && f.Type != "game" {
		return errors.New("an event of a board that was not there")
	}
	switch f.Type {
	case "game":
		if err := json.Unmarshal(f.raw, &b); err != nil {
			return err
		}
	case "move":
		if f.Ply != b.Ply+1 {
			return fmt.Errorf("ply %d follows %d", f.Ply, b.Ply)
		}
		b.FEN, b.Ply, b.Clock, b.At, b.LastMove = f.FEN, f.Ply, f.Clock, f.At, &relay.LastMove{SAN: f.SAN, UCI: f.UCI}
	case "takeback":
		b.FEN, b.Ply, b.Clock, b.LastMove = f.FEN, f.Ply, f.Clock, f.LastMove
	case "correction":
		if f.ToPly > b.Ply || f.ToPly+relay.Ply(len(f.Moves)) != f.Ply {
			return fmt.Errorf("a correction after ply %d, of %d", f.ToPly, b.Ply)
		}
		b.FEN, b.Ply, b.Clock, b.At, b.LastMove, b.Result = f.FEN, f.Ply, f.Clock, f.At, f.LastMove, f.Result
		b.Forfeit = f.Forfeit
	case "result":
		b.Result, b.Forfeit, b.Clock = f.Result, f.Forfeit, f.Clock
	case "clock":
		b.Clock, b.At = f.Clock, f.At
	default:
		return errors.New("unknown type")
	}
	if b.FEN != w.boards[f.Board].FEN {
		delete(w.evaluated, f.Board)
	}
	b.Index = f.Index
	w.boards[f.Board] = b
	return nil
}

// subscribe asks for other boards, none: all.
func (w *watcher) subscribe(boards ...int) {
	w.t.Helper()
	if err := w.ask(boards...); err != nil {
		w.t.Fatal(err)
	}
	for w.asked {
		if _, err := w.read(); err != nil {
			w.t.Fatal(err)
		}
	}
}

// ask is subscribe without waiting for the answer.
func (w *watcher) ask(boards ...int) error {
	slices.Sort(boards)
	w.only, w.asked = boards, true
	order := map[string]any{"type": "subscribe"}
	if len(boards) > 0 {
		order["boards"] = boards
	}
	return w.conn.WriteJSON(order)
}

// apply returns the score sheet, in UCI, after the event.
func (f *anyFrame) apply(moves []string) []string {
	switch f.Type {
	case "move":
		return append(moves[:f.Ply-1:f.Ply-1], f.UCI)
	case "takeback":
		return moves[:f.Ply:f.Ply]
	case "correction":
		moves = moves[:f.ToPly:f.ToPly]
		for _, m := range f.Moves {
			moves = append(moves, m.UCI)
		}
	}
	return moves
}

// until reads until the cursor has reached index.
func (w *watcher) until(index uint64) *watcher {
	w.t.Helper()
	for w.cursor < index {
		if _, err := w.read(); err != nil {
			w.t.Fatalf("waiting for %d: %v", index, err)
		}
	}
	return w
}

// closed reads to the end, and returns the close code.
func (w *watcher) closed() (int, string) {
	w.t.Helper()
	for {
		_, err := w.read()
		if err == nil {
			continue
		}
		if ce, ok := errors.AsType[*websocket.CloseError](err); ok {
			return ce.Code, ce.Text
		}
		w.t.Fatalf("the connection ended without a close frame: %v", err)
	}
}

// differs returns how the watcher's boards differ from the script's at index.
func (w *watcher) differs(s *script, index uint64) string {
	want := map[int]boardInfo{}
	for n, g := range s.boardsAt(w.round, index) {
		if len(w.only) == 0 || contains(w.only, n) {
			want[n] = boardOf(g)
		}
	}
	got := maps.Clone(w.boards)
	for n := range got { // a takeback does not say when the move before was made
		b := got[n]
		b.At = want[n].At
		got[n] = b
	}
	return cmp.Diff(want, got)
}

func contains(list []int, n int) bool {
	for _, m := range list {
		if m == n {
			return true
		}
	}
	return false
}

// check fails unless the boards are the script's at index.
func (w *watcher) check(s *script, index uint64) {
	w.t.Helper()
	if d := w.differs(s, index); d != "" {
		w.t.Errorf("boards at %d (-want +got):\n%s", index, d)
	}
}

// dialSlow gives the connection the smallest buffer, so that a spectator that does not read is
// noticed soon.
func dialSlow(t testing.TB, n *node, query string) *websocket.Conn {
	t.Helper()
	return dialBuffer(t, n, query, 4096)
}

func dialBuffer(t testing.TB, n *node, query string, bytes int) *websocket.Conn {
	t.Helper()
	d := websocket.Dialer{TLSClientConfig: trusting(), NetDial: func(network, addr string) (net.Conn, error) {
		c, err := net.Dial(network, addr)
		if err == nil {
			err = c.(*net.TCPConn).SetReadBuffer(bytes)
		}
		return c, err
	}}
	conn, _, err := d.Dial("ws"+strings.TrimPrefix(n.server.URL, "http")+"/live?"+query, nil)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	return conn
}
