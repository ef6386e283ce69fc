package broadcast

import (
	"testing"
)

// TestOverTLS has a WebSocket, Server-Sent Events and the feed over TLS; the latter two are streams
// of HTTP/2, as in a browser. All get what they get over TCP, and are told when the hub ends.
func TestOverTLS(t *testing.T) {
	defer func(was bool) { *overTLS = was }(*overTLS)
	*overTLS = true
	s := longScript(t, 100)
	n := startNode(t, s, 9, nil)
	w := newWatcher(t, roundA).join(n)
	events := n.open(t, "/events?round="+string(roundA), nil)
	feed := n.open(t, "/feed", nil)
	for _, in := range []*stream{events, feed} {
		if in.resp.StatusCode != 200 || in.resp.ProtoMajor != 2 {
			t.Fatalf("%s %s", in.resp.Proto, in.resp.Status)
		}
	}
	waitFor(t, "all to be there", func() bool { return n.hub.Stats().Spectators == 3 })
	gone := n.open(t, "/events?round="+string(roundA), nil)
	gone.event()
	gone.resp.Body.Close()
	n.apply(s.last())
	w.until(last(s.indexes(roundA, 0, s.last()))).check(s, s.last())
	other := newWatcher(t, roundA)
	for other.cursor < w.cursor {
		if _, _, data := events.event(); data != nil {
			if err := other.takeMessage(data); err != nil {
				t.Fatal(err)
			}
		}
	}
	other.check(s, s.last())
	waitFor(t, "the one that left to be forgotten", func() bool { return n.hub.Stats().Connections == 3 })
	n.hub.Close()
	if code, _ := w.closed(); code != CloseGoingAway {
		t.Errorf("code %d", code)
	}
	for _, name, _ := events.event(); name != "close"; _, name, _ = events.event() {
	}
	lines := 0
	for feed.in.Scan() {
		lines++
	}
	if err := feed.in.Err(); err != nil || lines == 0 {
		t.Errorf("the feed ended with %v after %d lines", err, lines)
	}
}
