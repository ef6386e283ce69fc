package broadcast

import (
	"strings"
	"testing"
	"time"

	"github.com/gorilla/websocket"
)

func TestClientFrames(t *testing.T) {
	s := longScript(t, 10)
	n := startNode(t, s, s.last(), func(c *Config) {
		c.MaxClientFrame, c.MaxClientFrames = 100, 20
		c.CloseTimeout = 100 * time.Millisecond
	})
	for name, c := range map[string]struct {
		kind int
		data string
		n    int
		ok   bool
	}{
		"an object":     {websocket.TextMessage, `{"type":"later"}`, 1, true},
		"many":          {websocket.TextMessage, `{}`, 30, false},
		"as many":       {websocket.TextMessage, `{}`, 15, true},
		"binary":        {websocket.BinaryMessage, `{}`, 1, false},
		"too long":      {websocket.TextMessage, `{"a":"` + strings.Repeat("x", 200) + `"}`, 1, false},
		"much too long": {websocket.TextMessage, strings.Repeat("x", 1<<20), 1, false},
		"garbage":       {websocket.TextMessage, `hello`, 1, false},
		"an array":      {websocket.TextMessage, `[]`, 1, false},
		"pings":         {websocket.PingMessage, "", 30, false},
		"some pings":    {websocket.PingMessage, "", 10, true},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWatcher(t, roundA).join(n).until(s.last())
			for range c.n {
				// The server may have closed already; then the rest fails.
				if w.conn.WriteMessage(c.kind, []byte(c.data)) != nil {
					break
				}
			}
			if c.ok {
				// It is still connected, and gets what everyone gets.
				n.hub.SetStale(true, time.Now())
				n.hub.SetStale(false, time.Now())
				for had := len(w.statuses); len(w.statuses) < had+1; {
					if _, err := w.read(); err != nil {
						t.Fatal(err)
					}
				}
				w.leave()
				return
			}
			if code, reason := w.closed(); code != CloseBadRequest || reason == "" {
				t.Errorf("code %d, reason %q", code, reason)
			}
		})
	}
}

func TestMeter(t *testing.T) {
	var m meter
	for i, want := range []error{nil, nil, errTooMany, errTooMany} {
		if err := m.count(100+int64(i), 2); err != want {
			t.Errorf("frame %d: %v", i, err)
		}
	}
	if err := m.count(100+meterWindow, 2); err != nil {
		t.Error("after the window:", err)
	}
}

func FuzzClientFrame(f *testing.F) {
	f.Add(websocket.TextMessage, []byte(`{"type":"subscribe","boards":[1,2]}`))
	f.Add(websocket.TextMessage, []byte(`null`))
	f.Add(websocket.TextMessage, []byte("{\"\xff\":1}"))
	f.Add(websocket.BinaryMessage, []byte{0})
	f.Fuzz(func(t *testing.T, kind int, data []byte) {
		order, err := parseSubscription(kind, data)
		if err == nil && (kind != websocket.TextMessage || !strings.Contains(string(data), "{")) {
			t.Errorf("kind %d, %q passed", kind, data)
		}
		if order != nil && order.boards != nil && (len(*order.boards) == 0 || len(*order.boards) > maxBoards || (*order.boards)[0] < 1) {
			t.Errorf("%q asks for %v", data, *order.boards)
		}
	})
}

func FuzzLiveQuery(f *testing.F) {
	f.Add("round=abcdefgh&boards=1,2&since=7&cluster=c")
	f.Add("round=a&boards=,")
	f.Fuzz(func(t *testing.T, query string) {
		q, err := parseLive(query)
		if err != nil {
			return
		}
		if q.round == "" || q.boards != nil && len(*q.boards) > maxBoards || q.boards != nil && (*q.boards)[0] < 1 {
			t.Errorf("%q gives %+v", query, q)
		}
	})
}
