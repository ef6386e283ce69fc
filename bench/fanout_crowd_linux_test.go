package main

import (
	"slices"
	"testing"
)

// TestCrowdChecks: the crowd notices a spectator that misses a move, or gets one twice.
func TestCrowdChecks(t *testing.T) {
	message := func(kind string, index string) []byte {
		return []byte(`{"type":"` + kind + `","index":` + index + `,"game":"x"}`)
	}
	c := &crowd{fans: []fan{{stage: fanJoining}}, onTheWay: 1, from: 4, events: make([]record, 10)}
	for _, m := range [][]byte{
		[]byte(`[{"type":"hello","index":99},` + string(message("snapshot", "3")) + `]`),
		message("move", "4"),
		[]byte(`{"push":{"channel":"live","pub":{"data":` + string(message("move", "5")) + "}}}\n" + string(message("takeback", "6"))),
		[]byte(`{"type":"status","stale":false,"index":6}`),
		message("move", "6"),     // twice
		message("move", "8"),     // 7 never
		message("snapshot", "9"), // stands for 9
		message("move", "10"),
	} {
		c.message(0, m)
	}
	s := c.state
	if s.Here != 1 || s.Events != 6 || s.Again != 1 || s.Gaps != 1 || s.Forward != 1 || c.fans[0].next != 11 {
		t.Errorf("%+v, next %d", s, c.fans[0].next)
	}
	var seen []int
	for _, e := range c.events {
		seen = append(seen, len(e.later))
	}
	if want := []int{1, 1, 1, 0, 1, 0, 1, 0, 0, 0}; !slices.Equal(seen, want) {
		t.Errorf("seen %v, want %v", seen, want)
	}
}

// TestCrowdFrames: the crowd reads frames that come in pieces, and messages of several frames.
func TestCrowdFrames(t *testing.T) {
	c := &crowd{fans: []fan{{stage: fanJoining}}, onTheWay: 1}
	long := []byte(`{"type":"snapshot","index":3,"boards":"`)
	for len(long) < 70_000 {
		long = append(long, 'x')
	}
	wire := appendFrame(nil, append(long, `"}`...))
	wire = append(wire, 0x01, 9)
	wire = append(wire, `{"type":"`...) // this frame is not the last of its message
	wire = append(wire, 0x80, 15)
	wire = append(wire, `move","index":4`...)
	wire = appendFrame(wire, []byte(`{"type":"move","index":5}`))
	var rest []byte
	for len(wire) > 0 {
		n := min(1000, len(wire))
		rest = slices.Clone(c.frames(0, append(rest, wire[:n]...)))
		wire = wire[n:]
	}
	if s := c.state; len(rest) != 0 || s.Here != 1 || s.Events != 2 || s.Messages != 3 || s.Gaps+s.Again != 0 {
		t.Errorf("%+v, rest %q", s, rest)
	}
}

func TestCrowdHints(t *testing.T) {
	for head, want := range map[string]int{"HTTP/1.1 429 Too Many Requests\r\nretry-after: 7\r\nX: y\r\n": 7, "HTTP/1.1 503 No\r\n": 0} {
		if got := headerSeconds(head); got != want {
			t.Errorf("%q: %d", head, got)
		}
	}
	for reason, want := range map[string]int{"come back in 5 s": 5, "come back in 12 seconds": 12, "this node is shutting down": 0, "": 0} {
		if got := reasonSeconds(reason); got != want {
			t.Errorf("%q: %d", reason, got)
		}
	}
}
