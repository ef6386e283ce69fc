package main

import (
	"context"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/gorilla/websocket"

	"github.com/chessrelay/chessrelay/broadcast"
)

const (
	helloText    = `{"type":"hello","cluster":"c1","node":"recorder","index":90,"now":1}`
	snapshotText = `{"type":"snapshot","index":5,"round":{"id":"R","name":"Round 11","tournamentName":"Olympiad"},"boards":[
		{"game":"G1","board":1,"white":{"name":"Wojtaszek","title":"GM"},"black":{"name":"Wang Yue"},"fen":"rnbqkbnr/pppppppp/8/8/3P4/8/PPP1PPPP/RNBQKBNR b KQkq - 0 1","ply":1,"lastMove":{"san":"d4","uci":"d2d4"},"clock":{"white":5458000,"black":5430000},"result":"*"},
		{"game":"G2","board":2,"white":{"name":"Ding"},"black":{"name":"Gajewski"},"fen":"rnbqkbnr/pppppppp/8/8/8/8/PPPPPPPP/RNBQKBNR w KQkq - 0 1","ply":0,"lastMove":null,"clock":{},"result":"*"}]}`
	moveText     = `{"type":"move","index":6,"game":"G1","board":1,"ply":2,"san":"Nf6","uci":"g8f6","fen":"rnbqkb1r/pppppppp/5n2/8/3P4/8/PPP1PPPP/RNBQKBNR w KQkq - 1 2","clock":{"white":5458000,"black":5452000}}`
	correctText  = `{"type":"correction","index":8,"game":"G1","board":1,"toPly":1,"moves":[{"san":"d5"},{"san":"c4"}],"ply":3,"fen":"rnbqkbnr/ppp1pppp/8/3p4/2PP4/8/PP2PPPP/RNBQKBNR b KQkq - 0 2","clock":{"white":5458000},"result":"0-1"}`
	namedText    = `{"type":"round","index":9,"round":{"name":"Round 12","tournamentName":"Olympiad","status":"finished"}}`
	takebackText = `{"type":"takeback","index":7,"game":"G1","board":1,"ply":1,"fen":"rnbqkbnr/pppppppp/8/8/3P4/8/PPP1PPPP/RNBQKBNR b KQkq - 0 1","clock":{"white":5458000}}`
	resultText   = `{"type":"result","index":8,"game":"G2","board":2,"result":"1/2-1/2"}`
	illegalText  = `{"type":"move","index":11,"game":"G1","board":1,"ply":2,"san":"Kxd4","uci":"","fen":"rnbq1bnr/pppppppp/8/8/3k4/8/PPP1PPPP/RNBQKBNR w - - 0 2","illegal":true,"clock":{}}`
	forfeitText  = `{"type":"result","index":12,"game":"G2","board":2,"result":"1-0","forfeit":true}`
	warningText  = `{"type":"game","index":13,"game":"G2","board":2,"white":{"name":"Ding"},"black":{"name":"Gajewski"},"fen":"rnbqkbnr/pppppppp/8/8/8/8/PPPPPPPP/RNBQKBNR w KQkq - 0 1","ply":0,"lastMove":null,"result":"1-0","forfeit":true,"warning":"the source stops"}`
	deletedText  = `[{"type":"deleted","index":14,"game":"G2","board":2},{"type":"deleted","index":15,"game":"G9","board":9}]`
	clockText    = `{"type":"clock","index":10,"game":"G1","board":1,"clock":{"white":5399000,"black":5430000,"running":null},"at":1}`
	summaryText  = `{"type":"summary","boards":[{"game":"G2","board":2,"ply":7,"san":"Kd5","result":"0-1"}]}`
	staleText    = `{"type":"status","stale":true,"age":12345,"spectators":3}`
	quietText    = `{"type":"status","stale":false,"age":0,"spectators":3,"index":40}`
)

// A visit is what a node says to one spectator before it closes the connection.
type visit struct {
	messages []string
	code     int
}

// liveNode serves these visits, one after the other, and returns what each asked for.
func liveNode(t *testing.T, visits ...visit) (node string, asked chan url.Values) {
	asked = make(chan url.Values, len(visits))
	next := make(chan visit, len(visits))
	for _, v := range visits {
		next <- v
	}
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		var up websocket.Upgrader
		conn, err := up.Upgrade(w, r, nil)
		if err != nil {
			return
		}
		defer conn.Close()
		asked <- r.URL.Query()
		v := <-next
		for _, m := range v.messages {
			_ = conn.WriteMessage(websocket.TextMessage, []byte(m))
		}
		if v.code != 0 {
			_ = conn.WriteControl(websocket.CloseMessage, websocket.FormatCloseMessage(v.code, "why"), time.Now().Add(time.Second))
		}
		_, _, _ = conn.ReadMessage() // until the spectator has gone
	}))
	t.Cleanup(s.Close)
	return s.URL, asked
}

func TestWatchResumesAtItsCursor(t *testing.T) {
	node, asked := liveNode(t,
		visit{[]string{helloText, snapshotText, moveText}, broadcast.CloseTooSlow},
		visit{[]string{helloText, "[" + takebackText + "," + resultText + "]", correctText, summaryText, namedText, clockText, illegalText, forfeitText, warningText, deletedText, staleText, quietText}, broadcast.CloseGoingAway},
		visit{nil, broadcast.CloseOtherCluster},
		visit{nil, broadcast.CloseNoRound},
	)
	code, stdout, stderr := runCommand(t.Context(), t, nil, "watch", node, "--round", "R", "--log-level", "error")
	want := `Olympiad, Round 11
  1  1. d4                1:30:58  1:30:30   GM Wojtaszek – Wang Yue
  2  no move yet                             Ding – Gajewski
  1  1... Nf6             1:30:58  1:30:52   GM Wojtaszek – Wang Yue
  1  taken back to ply 1  1:30:58  -:--:--   GM Wojtaszek – Wang Yue
  2  1/2-1/2                                 Ding – Gajewski
  1  corrected after ply 1: d5 c4  0-1 1:30:58  -:--:--   GM Wojtaszek – Wang Yue
Olympiad, Round 12: finished
  1  clock                1:29:59  1:30:30   GM Wojtaszek – Wang Yue
  1  1... Kxd4 (illegal)                     GM Wojtaszek – Wang Yue
  2  1-0 (forfeit)                           Ding – Gajewski
  2  no move yet  1-0 (forfeit) 0:00:00  0:00:00   Ding – Gajewski
     ! the source stops
  2  deleted                                 Ding – Gajewski
the node has been cut off from the cluster for 12s; its boards may be stale
the node is in touch with the cluster again
`
	if diff := cmp.Diff(want, stdout); diff != "" {
		t.Error(diff)
	}
	if code != exitFailed || !strings.Contains(stderr, "refuses: why") {
		t.Errorf("exit %d, %s", code, stderr)
	}
	for i, want := range []string{"round=R", "cluster=c1&round=R&since=6", "cluster=c1&round=R&since=40", "round=R"} {
		if got := (<-asked).Encode(); got != want {
			t.Errorf("visit %d asked for %s; want %s", i+1, got, want)
		}
	}
}

func TestWatchIsInterrupted(t *testing.T) {
	node, asked := liveNode(t, visit{messages: []string{helloText}})
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	go func() {
		<-asked
		cancel()
	}()
	code, _, stderr := runCommand(ctx, t, nil, "watch", node, "--round", "R", "--board", "3", "--json")
	if code != exitDone || stderr != "" {
		t.Errorf("exit %d, %s; an interrupt is the normal end of watch", code, stderr)
	}
}
