package broadcast

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/gorilla/websocket"
)

// TestCloseCodes: the close frame says what is wrong with a request, so that a page can read it.
func TestCloseCodes(t *testing.T) {
	s := longScript(t, 10)
	n := startNode(t, s, s.last(), nil)
	many := strings.Repeat("1,", maxBoards) // repeated numbers count once
	for i := range maxBoards {
		many += fmt.Sprint(i+2, ",")
	}
	for query, want := range map[string]int{
		"":                           CloseBadRequest,
		"round=":                     CloseBadRequest,
		"round=%zz":                  CloseBadRequest,
		"round=roundAAA&since=x":     CloseBadRequest,
		"round=roundAAA&since=-1":    CloseBadRequest,
		"round=roundAAA&boards=0":    CloseBadRequest,
		"round=roundAAA&boards=1,,2": CloseBadRequest,
		"round=roundAAA&boards=1,x":  CloseBadRequest,
		"round=roundAAA&boards=" + many[:len(many)-1]: CloseBadRequest,
		"round=nowhere1":                       CloseNoRound,
		"round=nowhere1&since=1":               CloseNoRound,
		"round=nowhere1&since=9999":            CloseGoingAway, // the node cannot know yet
		"round=roundAAA&cluster=other":         CloseOtherCluster,
		"round=nowhere1&cluster=other":         CloseOtherCluster,
		"round=roundAAA&cluster=other&since=3": CloseOtherCluster,
	} {
		w := newWatcher(t, roundA)
		var err error
		if w.conn, _, err = n.dial(query, nil); err != nil {
			t.Errorf("%q: %v", query, err)
			continue
		}
		if code, reason := w.closed(); code != want || reason == "" || w.hello != nil {
			t.Errorf("%q: code %d, reason %q, hello %v; want %d", query, code, reason, w.hello, want)
		}
		w.conn.Close()
	}
	waitFor(t, "all have gone", func() bool { return n.hub.Stats().Connections == 0 })
	if got := n.hub.Stats(); got.ClosedBad != 14 || got.Joined != 0 || got.Rounds != 0 {
		t.Errorf("%+v", got)
	}
}

func TestHello(t *testing.T) {
	s := longScript(t, 10)
	n := startNode(t, s, s.last(), nil)
	before := time.Now().UnixMilli()
	w := newWatcher(t, roundA).join(n).until(s.last())
	h := w.hello
	if h.Cluster != testCluster || h.Node != "n1" || h.Index != s.last() || h.Now < before || h.Now > time.Now().UnixMilli() {
		t.Errorf("%s", h.raw)
	}
}

func refusal(t *testing.T, resp *http.Response, err error) (status int, code string) {
	t.Helper()
	if err == nil {
		t.Fatal("let in")
	}
	if resp == nil {
		t.Fatal(err)
	}
	var body struct{ Error, Code string }
	if err := json.NewDecoder(resp.Body).Decode(&body); err != nil || body.Error == "" {
		t.Errorf("the body is no error object: %+v, %v", body, err)
	}
	return resp.StatusCode, body.Code
}

func TestLimits(t *testing.T) {
	s := longScript(t, 10)
	n := startNode(t, s, s.last(), func(c *Config) {
		c.MaxSpectators, c.MaxPerAddress = 3, 2
		c.Proxies = []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}
	})
	from := func(address string) http.Header { return http.Header{"X-Forwarded-For": {address}} }
	enter := func(address string) *websocket.Conn {
		conn, _, err := n.dial("round=roundAAA", from(address))
		if err != nil {
			t.Fatalf("%s: %v", address, err)
		}
		t.Cleanup(func() { conn.Close() })
		return conn
	}
	refused := func(address string) {
		t.Helper()
		_, resp, err := n.dial("round=roundAAA", from(address))
		if status, code := refusal(t, resp, err); status != 429 || code != "too_many" || resp.Header.Get("Retry-After") == "" {
			t.Errorf("%s: %d %s, Retry-After %q", address, status, code, resp.Header.Get("Retry-After"))
		}
	}
	first := enter("192.0.2.1")
	enter("192.0.2.1")
	refused("192.0.2.1") // two from one address
	enter("192.0.2.2")
	refused("192.0.2.3") // three in all
	if got := n.hub.Stats(); got.RefusedLimit != 2 || got.Connections != 3 {
		t.Errorf("%+v", got)
	}
	first.Close()
	waitFor(t, "a place is free", func() bool { return n.hub.Stats().Connections == 2 })
	enter("192.0.2.1")
}

func TestOrigin(t *testing.T) {
	s := longScript(t, 10)
	for _, c := range []struct {
		allowed []string
		origin  string // SELF: the server's own
		in      bool
	}{
		{nil, "", true},
		{nil, "SELF", true},
		{nil, "https://example.org", false},
		{[]string{"https://example.org"}, "https://example.org", true},
		{[]string{"https://example.org/"}, "https://EXAMPLE.org", true},
		{[]string{"https://example.org"}, "http://example.org", false},
		{[]string{"https://example.org"}, "https://example.org.evil.test", false},
		{[]string{"https://example.org"}, "SELF", true},
		{[]string{"*"}, "https://anything.test", true},
		{nil, "null", false},
	} {
		n := startNode(t, s, s.last(), func(cfg *Config) { cfg.AllowedOrigins = c.allowed })
		header := http.Header{}
		if c.origin != "" {
			header.Set("Origin", strings.Replace(c.origin, "SELF", n.server.URL, 1))
		}
		conn, resp, err := n.dial("round=roundAAA", header)
		if c.in {
			if err != nil {
				t.Errorf("%v, %q: %v", c.allowed, c.origin, err)
				continue
			}
			conn.Close()
			continue
		}
		if status, code := refusal(t, resp, err); status != 403 || code != "forbidden" || n.hub.Stats().RefusedOrigin != 1 {
			t.Errorf("%v, %q: %d %s", c.allowed, c.origin, status, code)
		}
	}
}

func TestNoWebSocket(t *testing.T) {
	n := startNode(t, newScript(t), 3, nil)
	resp, err := n.server.Client().Get(n.server.URL + "/live?round=roundAAA")
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	defer n.server.Client().CloseIdleConnections()
	if resp.StatusCode != 400 || n.hub.Stats().Connections != 0 {
		t.Errorf("status %d, %+v", resp.StatusCode, n.hub.Stats())
	}
}

func TestClose(t *testing.T) {
	s := longScript(t, 10)
	n := startNode(t, s, s.last()-1, nil)
	var all []*watcher
	for range 20 {
		all = append(all, newWatcher(t, roundA).join(n).until(s.last()-1))
	}
	closed := make(chan error)
	go func() { closed <- n.hub.Close() }()
	for _, w := range all {
		if code, reason := w.closed(); code != CloseGoingAway || reason == "" {
			t.Errorf("code %d, reason %q", code, reason)
		}
	}
	if err := <-closed; err != nil {
		t.Error(err)
	}
	if got := n.hub.Stats(); got.Connections != 0 || got.Spectators != 0 {
		t.Errorf("%+v", got)
	}
	n.apply(s.last()) // reaches nobody
	n.hub.Reset(s.last(), nil)
	n.hub.SetStale(true, time.Now())
	_, resp, err := n.dial("round=roundAAA", nil)
	if status, code := refusal(t, resp, err); status != 503 || code != "going_away" {
		t.Errorf("after Close: %d %s", status, code)
	}
	if err := n.hub.Close(); err != nil {
		t.Error("closed twice:", err)
	}
}

func TestConfig(t *testing.T) {
	ok := Config{Cluster: "c", Boards: &boards{}}
	for name, change := range map[string]func(*Config){
		"no cluster":       func(c *Config) { c.Cluster = "" },
		"no boards":        func(c *Config) { c.Boards = nil },
		"negative history": func(c *Config) { c.HistoryEvents = -1 },
		"negative timeout": func(c *Config) { c.WriteTimeout = -1 },
		"rare status":      func(c *Config) { c.StatusEvery = time.Minute },
		"total too small":  func(c *Config) { c.HistoryTotal, c.HistoryBytes = 1000, 2000 },
	} {
		c := ok
		change(&c)
		if h, err := Open(c); err == nil {
			h.Close()
			t.Errorf("%s: no error", name)
		}
	}
}
