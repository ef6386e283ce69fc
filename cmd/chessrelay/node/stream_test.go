package node_test

import (
	"bufio"
	"bytes"
	"cmp"
	"encoding/json"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/gorilla/websocket"

	"github.com/chessrelay/chessrelay/cmd/chessrelay/node/nodetest"
	"github.com/chessrelay/chessrelay/cmd/chessrelay/replay"
	"github.com/chessrelay/chessrelay/relay"
)

// stream is an endless answer of /events or /feed.
type stream struct {
	t   testing.TB
	res *http.Response
	in  *bufio.Scanner
}

// openStream asks a node. The answer may be a refusal.
func openStream(t testing.TB, address string, header http.Header) *stream {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, address, nil)
	if err != nil {
		t.Fatal(err)
	}
	req.Header = header
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	s := &stream{t: t, res: res, in: bufio.NewScanner(res.Body)}
	s.in.Buffer(nil, 16<<20)
	t.Cleanup(s.leave)
	return s
}

func (s *stream) leave() { s.res.Body.Close() }

// line reads the next line; false at the end.
func (s *stream) line() (string, bool) {
	s.t.Helper()
	// A node that sends nothing for so long is broken.
	give := time.AfterFunc(30*time.Second, s.leave)
	defer give.Stop()
	return s.in.Text(), s.in.Scan()
}

// event reads one Server-Sent Event as a browser does (the HTML standard, 9.2.6); false at the end.
func (s *stream) event() (id, name string, data []byte, ok bool) {
	s.t.Helper()
	for {
		if _, ok := s.line(); !ok {
			return "", "", nil, false
		}
		field, value, _ := strings.Cut(s.in.Text(), ": ")
		switch field {
		case "id":
			id = value
		case "event":
			name = value
		case "data":
			data = []byte(value)
		case "":
			if data != nil {
				return id, name, data, true
			}
		}
	}
}

// frames are the frames of a message.
func frames(t testing.TB, message []byte) []json.RawMessage {
	t.Helper()
	if !bytes.HasPrefix(message, []byte("[")) {
		return []json.RawMessage{message}
	}
	var several []json.RawMessage
	if err := json.Unmarshal(message, &several); err != nil {
		t.Fatalf("%v: %s", err, message)
	}
	return several
}

// stream opens a stream of the document. It returns a function that reads the next message, and its
// name if it has one. Each must fit the schema. At the end the function returns nil.
func (c *contract) stream(path string) (next func() (name string, message []byte)) {
	c.t.Helper()
	template, _, _ := strings.Cut(path, "?")
	pointer := "#/paths/" + escapePointer(template) + "/get"
	c.called[pointer] = true
	header := http.Header{}
	if c.token != "" {
		header.Set("Authorization", "Bearer "+c.token)
	}
	s := openStream(c.t, c.base+path, header)
	if s.res.StatusCode != http.StatusOK {
		c.t.Fatalf("%s: %s", path, s.res.Status)
	}
	c.fitsResponse(path, pointer+"/responses/200", s.res, nil)
	return func() (name string, message []byte) {
		c.t.Helper()
		if template == "/feed" {
			if _, ok := s.line(); !ok {
				return "", nil
			}
			message = bytes.Clone(s.in.Bytes())
		} else {
			_, name, message, _ = s.event()
		}
		schema := pointer + "/x-stream/message"
		if name != "" {
			schema = pointer + "/x-stream/events/" + name + "/schema"
		}
		if message != nil {
			c.fits(path, schema, message)
		}
		return name, message
	}
}

// TestEventsOnAnotherNode watches moves by Server-Sent Events, and changes the node every few
// events. It does so as a browser does behind a balancer: with the id of the last event, and the
// address it began with.
func TestEventsOnAnotherNode(t *testing.T) {
	t.Parallel()
	c := nodetest.NewCluster(t, 3)
	round, games := nodetest.NewRound(t, c.Nodes[0].URL, 2)
	c.WaitEqual()
	const plies = 60
	var playing sync.WaitGroup
	defer playing.Wait()
	play := sync.OnceFunc(func() {
		playing.Go(func() {
			for ply := range plies {
				for _, g := range games {
					nodetest.Must(t, c.Nodes[ply%3].URL+"/api/games/"+g+"/moves", nodetest.Object{"ply": ply + 1, "move": []string{"Nf3", "Nf6", "Ng1", "Ng8"}[ply%4]})
				}
			}
		})
	})

	sp := nodetest.NewSpectator(t, round)
	id := ""
	for visit := 0; len(sp.Indexes) < plies*len(games); visit++ {
		header := http.Header{}
		if id != "" {
			header.Set("Last-Event-ID", id)
		}
		s := openStream(t, c.Nodes[visit%3].URL+"/events?round="+round, header)
		if got := s.res.Header.Get("Content-Type"); s.res.StatusCode != 200 || got != "text/event-stream" {
			t.Fatalf("%s, %s", s.res.Status, got)
		}
		for seen := len(sp.Indexes); len(sp.Indexes) < min(seen+25, plies*len(games)); {
			at, name, data, ok := s.event()
			if !ok || name != "" {
				t.Fatalf("after %d events: %v, %s", len(sp.Indexes), s.in.Err(), data)
			}
			id = cmp.Or(at, id)
			before := sp.Since
			for _, raw := range frames(t, data) {
				var f nodetest.Frame
				if err := json.Unmarshal(raw, &f); err != nil {
					t.Fatal(err)
				}
				sp.Take(f, before)
				if sp.Snapshots == 1 {
					play()
				}
			}
			if id != "" && sp.Status.Index == 0 && id != strconv.FormatUint(sp.Since, 10) {
				t.Fatalf("the id is %s, and the last index %d", id, sp.Since)
			}
		}
		s.leave()
	}
	// Each move that was not in the one snapshot came once and in order, otherwise Take has failed.
	if sp.Snapshots != 1 {
		t.Errorf("%d snapshots: who comes back with an id needs none", sp.Snapshots)
	}
	for _, g := range games {
		var state struct{ FEN string }
		nodetest.Get(t, c.Nodes[0].URL+"/api/games/"+g, &state)
		if sp.FENs[g] != state.FEN {
			t.Errorf("game %s: seen %s, stands at %s", g, sp.FENs[g], state.FEN)
		}
	}
}

// TestFeedIsTheLog has a program read a round from /feed while it is played. The program is cut off
// again and again, in the middle of lines too, and comes back at another node. In the end it has
// exactly the moves of the log.
func TestFeedIsTheLog(t *testing.T) {
	t.Parallel()
	c := nodetest.NewCluster(t, 3)
	total, _ := movesOf(t, nodetest.ShortRound())
	done := make(chan replay.Summary, 1)
	feed := sync.OnceFunc(func() {
		go func() {
			defer close(done)
			done <- nodetest.FeedShort(t, c.Nodes[0].URL)
		}()
	})

	type move struct {
		index uint64
		san   string
	}
	type message struct {
		Type, Cluster, RoundID, Game, SAN, Result string
		Index                                     uint64
		Ply                                       int
		Round                                     struct{ ID string }
		Boards                                    []struct {
			Game, Result string
			Ply          int
		}
	}
	moves := map[string][]move{} // by game, from ply 1 on
	results := map[string]string{}
	rounds := map[string]bool{}
	var cluster string
	var since uint64
	count, snapshots := 0, 0
	take := func(m message, before uint64) {
		switch m.Type {
		case "hello":
			cluster = m.Cluster
			return
		case "status", "round":
		case "snapshot":
			snapshots++
			if len(m.Boards) > 0 {
				t.Errorf("a snapshot of %d boards: everything is in the history", len(m.Boards))
			}
		case "game":
			rounds[m.RoundID] = true
		case "move":
			if m.Index <= before || m.Ply != len(moves[m.Game])+1 {
				t.Fatalf("ply %d of %s came with %d after ply %d and index %d", m.Ply, m.Game, m.Index, len(moves[m.Game]), before)
			}
			moves[m.Game] = append(moves[m.Game], move{m.Index, m.SAN})
			count++
		case "result":
			results[m.Game] = m.Result
		default:
			t.Errorf("a line of the type %q", m.Type)
		}
		since = max(since, m.Index)
		if m.Type != "status" && m.RoundID == "" {
			t.Errorf("%s is about no round", m.Type)
		}
	}
	var round relay.RoundID
	for visit := 0; len(results) < 12 || count < total; visit++ {
		q := url.Values{}
		if since > 0 {
			q.Set("since", strconv.FormatUint(since, 10))
			q.Set("cluster", cluster)
		}
		s := openStream(t, c.Nodes[visit%3].URL+"/feed?"+q.Encode(), nil)
		if got := s.res.Header.Get("Content-Type"); s.res.StatusCode != 200 || got != "application/x-ndjson" {
			t.Fatalf("%s, %s", s.res.Status, got)
		}
		for seen := count; count < seen+20 && (len(results) < 12 || count < total); {
			if _, ok := s.line(); !ok {
				t.Fatalf("after %d moves: %v", count, s.in.Err())
			}
			before := since
			for _, raw := range frames(t, s.in.Bytes()) {
				var m message
				if err := json.Unmarshal(raw, &m); err != nil {
					t.Fatal(err)
				}
				take(m, before)
			}
			feed()
		}
		s.leave()
	}
	summary, ok := <-done
	if !ok || summary.Accepted != total || count != total {
		t.Fatalf("%d moves came, %d are in the round; the feed: %+v", count, total, summary)
	}
	if round = summary.Round; len(rounds) != 1 || !rounds[string(round)] {
		t.Errorf("the rounds are %v, not %s", rounds, round)
	}
	c.WaitEqual()
	c.Nodes[2].Boards.Read(func(_ uint64, b *relay.State) {
		r, _ := b.Round(round)
		for _, id := range r.Games {
			g, _ := b.Game(id)
			got := moves[string(id)]
			if int(g.Ply()) != len(got) || string(g.Result) != results[string(id)] {
				t.Errorf("board %d has %d moves and %s in the log, %d and %s came", g.Board, g.Ply(), g.Result, len(got), results[string(id)])
				continue
			}
			for i, m := range g.Moves() {
				if m.SAN != got[i].san || m.Index != got[i].index {
					t.Errorf("board %d, ply %d: %s at %d in the log, %s at %d came", g.Board, i+1, m.SAN, m.Index, got[i].san, got[i].index)
				}
			}
		}
	})
}

// TestSubscribe has a spectator of one board go to the next one on the same connection, over a real
// socket, with compression.
func TestSubscribe(t *testing.T) {
	t.Parallel()
	c := nodetest.NewCluster(t, 1)
	node := c.Nodes[0]
	round, games := nodetest.NewRound(t, node.URL, 40)
	dialer := websocket.Dialer{EnableCompression: true}
	conn, res, err := dialer.Dial(strings.Replace(node.URL, "http", "ws", 1)+"/live?boards=1&round="+round, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	if got := res.Header.Get("Sec-WebSocket-Extensions"); !strings.HasPrefix(got, "permessage-deflate") {
		t.Errorf("compression was asked for, and the answer is %q", got)
	}
	// until reads frames until is accepts one, and returns it. No frame may be an event of a board
	// that was not asked for.
	watched := map[int]bool{1: true}
	until := func(what string, is func(nodetest.Frame) bool) nodetest.Frame {
		t.Helper()
		for {
			_ = conn.SetReadDeadline(time.Now().Add(30 * time.Second))
			_, message, err := conn.ReadMessage()
			if err != nil {
				t.Fatalf("waiting for %s: %v", what, err)
			}
			var found *nodetest.Frame
			for _, raw := range frames(t, message) {
				var f nodetest.Frame
				if err := json.Unmarshal(raw, &f); err != nil {
					t.Fatal(err)
				}
				if f.Board != 0 && !watched[f.Board] {
					t.Errorf("a %s of board %d came", f.Type, f.Board)
				}
				if is(f) {
					found = &f
				}
			}
			if found != nil {
				return *found
			}
		}
	}
	boards := func(f nodetest.Frame) (numbers []int) {
		for _, b := range f.Boards {
			numbers = append(numbers, b.Board)
		}
		return numbers
	}
	typed := func(name string) func(nodetest.Frame) bool {
		return func(f nodetest.Frame) bool { return f.Type == name }
	}

	if got := boards(until("the snapshot", typed("snapshot"))); len(got) != 1 || got[0] != 1 {
		t.Errorf("the snapshot is of the boards %v", got)
	}
	if got := boards(until("the first summary", typed("summary"))); len(got) != len(games) {
		t.Errorf("the first summary is of the boards %v", got)
	}
	nodetest.Must(t, node.URL+"/api/games/"+games[1]+"/moves", nodetest.Object{"ply": 1, "move": "e4"})
	f := until("the summary of a move", typed("summary"))
	if len(f.Boards) != 1 || f.Boards[0].Board != 2 || f.Boards[0].Ply != 1 || f.Boards[0].Game != games[1] || f.Boards[0].Result != "*" {
		t.Errorf("the move on board 2 is told as %+v", f.Boards)
	}

	if err := conn.WriteJSON(nodetest.Object{"type": "subscribe", "boards": []int{2, 3}}); err != nil {
		t.Fatal(err)
	}
	if got := boards(until("the other boards", typed("snapshot"))); len(got) != 2 || got[0] != 2 || got[1] != 3 {
		t.Errorf("the second snapshot is of the boards %v", got)
	}
	watched = map[int]bool{2: true, 3: true}
	nodetest.Must(t, node.URL+"/api/games/"+games[0]+"/moves", nodetest.Object{"ply": 1, "move": "d4"})
	nodetest.Must(t, node.URL+"/api/games/"+games[1]+"/moves", nodetest.Object{"ply": 2, "move": "e5"})
	if f := until("the move", typed("move")); f.Board != 2 || f.Ply != 2 {
		t.Errorf("the move is %+v", f)
	}
	if err := conn.WriteJSON(nodetest.Object{"type": "subscribe"}); err != nil {
		t.Fatal(err)
	}
	if got := boards(until("all boards", typed("snapshot"))); len(got) != len(games) {
		t.Errorf("the third snapshot is of the boards %v", got)
	}
}
