package broadcast

import (
	"bufio"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/chessrelay/chessrelay/relay"
)

// stream reads the response of Events or Feed.
type stream struct {
	t    testing.TB
	resp *http.Response
	in   *bufio.Scanner
}

// open asks for a path; the node serves Events and Feed beside Live.
func (n *node) open(t testing.TB, path string, header http.Header) *stream {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, n.server.URL+path, nil)
	if err != nil {
		t.Fatal(err)
	}
	for name, values := range header {
		req.Header[name] = values
	}
	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true, TLSClientConfig: trusting(), ForceAttemptHTTP2: true}}
	resp, err := client.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { resp.Body.Close() })
	in := bufio.NewScanner(resp.Body)
	in.Buffer(nil, 1<<20)
	return &stream{t: t, resp: resp, in: in}
}

func (s *stream) line() string {
	s.t.Helper()
	if !s.in.Scan() {
		s.t.Fatalf("the stream has ended: %v", s.in.Err())
	}
	return s.in.Text()
}

// event reads one Server-Sent Event as a browser does.
func (s *stream) event() (id uint64, name string, data []byte) {
	s.t.Helper()
	for {
		field, value, _ := strings.Cut(s.line(), ": ")
		switch field {
		case "id":
			id, _ = strconv.ParseUint(value, 10, 64)
		case "event":
			name = value
		case "data":
			data = []byte(value)
		case "":
			if data != nil {
				return id, name, data
			}
		}
	}
}

// TestEvents reads a round as Server-Sent Events: the frames of a WebSocket, with ids to resume
// from.
func TestEvents(t *testing.T) {
	s := longScript(t, 300)
	n := startNode(t, s, 9, nil)
	w := newWatcher(t, roundA)
	var id uint64
	follow := func(in *stream, upTo uint64) {
		t.Helper()
		if ct := in.resp.Header.Get("Content-Type"); in.resp.StatusCode != 200 || ct != "text/event-stream" {
			t.Fatalf("%d %s", in.resp.StatusCode, ct)
		}
		w.hello = nil
		for w.cursor < upTo {
			got, _, data := in.event()
			if err := w.takeMessage(data); err != nil {
				t.Fatal(err)
			}
			if id = max(id, got); w.hello != nil && id != w.cursor {
				t.Fatalf("the id is %d, and the cursor %d", id, w.cursor)
			}
		}
	}
	in := n.open(t, "/events?round="+string(roundA), nil)
	n.apply(100)
	follow(in, last(s.indexes(roundA, 0, 100)))
	in.resp.Body.Close()
	n.apply(s.last())
	follow(n.open(t, "/events?since=3&round="+string(roundA), http.Header{"Last-Event-Id": {fmt.Sprint(id)}}), last(s.indexes(roundA, 0, s.last())))
	w.check(s, s.last())
	if w.snapshots != 1 {
		t.Errorf("%d snapshots for one who came back with an id", w.snapshots)
	}
}

func TestEventsRefuses(t *testing.T) {
	s := longScript(t, 10)
	n := startNode(t, s, s.last(), func(c *Config) { c.AllowedOrigins = []string{"https://example.org"} })
	for path, want := range map[string]int{
		"/events":                               400,
		"/events?round=roundAAA&boards=x":       400,
		"/events?round=nowhere1":                404,
		"/events?round=nowhere1&since=999":      503,
		"/events?round=roundAAA&cluster=other":  409,
		"/feed?since=x":                         400,
		"/feed?cluster=other":                   409,
		"/events?round=roundAAA&since=1&boards": 200,
	} {
		in := n.open(t, path, http.Header{"Origin": {"https://example.org"}})
		if in.resp.StatusCode != want {
			t.Errorf("%s: %d, want %d", path, in.resp.StatusCode, want)
		}
		if want == 200 && in.resp.Header.Get("Access-Control-Allow-Origin") != "https://example.org" {
			t.Errorf("an allowed origin is told %v", in.resp.Header)
		}
		in.resp.Body.Close()
	}
	waitFor(t, "all have gone", func() bool { return n.hub.Stats().Connections == 0 })
	for _, path := range []string{"/events?round=roundAAA", "/feed"} {
		foreign := n.open(t, path, http.Header{"Origin": {"https://evil.test"}})
		if foreign.resp.StatusCode != 403 {
			t.Errorf("a foreign page: %d", foreign.resp.StatusCode)
		}
		head, err := n.server.Client().Head(n.server.URL + path)
		if err != nil {
			t.Fatal(err)
		}
		head.Body.Close()
		if head.StatusCode != 200 || !strings.HasPrefix(head.Header.Get("Content-Type"), "text/event-stream") && path != "/feed" {
			t.Errorf("HEAD %s: %d %v", path, head.StatusCode, head.Header)
		}
	}
	if got := n.hub.Stats(); got.RefusedOrigin != 2 || got.Connections != 0 {
		t.Errorf("%+v", got)
	}
	n.server.Client().CloseIdleConnections()
	bad := n.open(t, "/events?round=roundAAA", http.Header{"Last-Event-Id": {"x"}})
	if bad.resp.StatusCode != 400 {
		t.Errorf("an id that is none: %d", bad.resp.StatusCode)
	}
}

// TestEventsEnd: a stream tells why it ends.
func TestEventsEnd(t *testing.T) {
	s := longScript(t, 10)
	n := startNode(t, s, s.last(), nil)
	in := n.open(t, "/events?round="+string(roundA), nil)
	lines := n.open(t, "/feed", nil)
	in.event()
	go n.hub.Close()
	for {
		_, name, data := in.event()
		if name != "close" {
			continue
		}
		var c struct{ Code int }
		if err := json.Unmarshal(data, &c); err != nil || c.Code != CloseGoingAway {
			t.Errorf("%s, %v", data, err)
		}
		break
	}
	if in.in.Scan() && in.in.Text() != "" {
		t.Errorf("after the end: %q", in.in.Text())
	}
	for lines.in.Scan() {
		if strings.Contains(lines.in.Text(), `"type":"close"`) {
			return
		}
	}
	t.Error("the feed ended without a word")
}

// TestFeed reads every round's events: each once, in order, with its round, through a stop, a slow
// history and a Raft snapshot.
func TestFeed(t *testing.T) {
	s := longScript(t, 400)
	n := startNode(t, s, 9, func(c *Config) { c.StatusEvery = 20 * time.Millisecond })
	var cursor uint64
	var seen []uint64
	snapshots := map[string]int{}
	read := func(in *stream, upTo uint64) {
		t.Helper()
		for cursor < upTo {
			frames, err := decode([]byte(in.line()))
			if err != nil {
				t.Fatal(err)
			}
			for i, f := range frames {
				var where struct{ RoundID relay.RoundID }
				if err := json.Unmarshal(f.raw, &where); err != nil {
					t.Fatal(err)
				}
				switch f.Type {
				case "hello":
					continue
				case "snapshot":
					if f.Round.ID != where.RoundID || len(f.Boards) == 0 {
						t.Errorf("%s", f.raw)
					}
					snapshots[string(where.RoundID)]++
					seen = nil
				case "status":
					if f.Index == 0 {
						continue
					}
				default:
					if want := s.events[f.Index-1][0].RoundID(); where.RoundID != want {
						t.Fatalf("an event of %s is told to be of %s", want, where.RoundID)
					}
					if i == 0 {
						seen = append(seen, f.Index)
					}
				}
				if f.Index < cursor {
					t.Fatalf("from %d back to %d", cursor, f.Index)
				}
				cursor = f.Index
			}
		}
	}
	events := func(from, to uint64) (all []uint64) {
		for i := from; i < to; i++ {
			if len(s.events[i]) > 0 {
				all = append(all, i+1)
			}
		}
		return all
	}
	in := n.open(t, "/feed", nil)
	read(in, 9)
	n.apply(150)
	read(in, 150)
	if want := events(9, 150); !slices.Equal(seen, want) {
		t.Errorf("%v, want %v", seen, want)
	}
	in.resp.Body.Close()
	n.apply(250)
	in = n.open(t, "/feed?"+url.Values{"since": {fmt.Sprint(cursor)}, "cluster": {testCluster}}.Encode(), nil)
	read(in, 250)
	if want := events(9, 250); !slices.Equal(seen, want) {
		t.Errorf("come back: %v, want %v", seen, want)
	}
	if snapshots[string(roundA)] != 1 || snapshots[string(roundB)] != 1 {
		t.Errorf("snapshots: %v", snapshots)
	}
	n.jump(300)
	read(in, 300)
	n.apply(s.last())
	read(in, s.last())
	if want := events(300, s.last()); !slices.Equal(seen, want) || snapshots[string(roundA)] != 2 {
		t.Errorf("after a Raft snapshot: %v, want %v; %v", seen, want, snapshots)
	}
}

// TestFeedCombines: one index that changes two rounds is one line.
func TestFeedCombines(t *testing.T) {
	s := newScript(t)
	a, b := s.game(roundA, 1), s.game(roundB, 1)
	n := startNode(t, s, s.last(), nil)
	in := n.open(t, "/feed?since="+fmt.Sprint(s.last()), nil)
	in.line() // hello
	ga, _ := s.state.Game(a)
	gb, _ := s.state.Game(b)
	n.hub.Publish([]relay.Event{{Type: relay.EventResult, Index: 9, Game: ga}, {Type: relay.EventResult, Index: 9, Game: gb}})
	for {
		text := in.line()
		frames, err := decode([]byte(text))
		if err != nil {
			t.Fatal(err)
		}
		if frames[0].Type == "status" {
			continue
		}
		if len(frames) != 2 || !strings.Contains(text, `"roundId":"roundAAA"`) || !strings.Contains(text, `"roundId":"roundBBB"`) {
			t.Errorf("%s", text)
		}
		return
	}
}
