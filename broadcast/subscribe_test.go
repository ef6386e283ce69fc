package broadcast

import (
	"compress/flate"
	"context"
	"crypto/tls"
	"encoding/binary"
	"fmt"
	"io"
	"net"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/gorilla/websocket"
)

// TestSubscribe changes a spectator's boards without a reconnect. It gets those boards and all
// their events, and of the others only a summary.
func TestSubscribe(t *testing.T) {
	s := longScript(t, 400)
	n := startNode(t, s, 9, func(c *Config) { c.SummaryEvery = 5 * time.Millisecond })
	w := newWatcher(t, roundA, 2).join(n).until(9)
	upTo := uint64(9)
	for i, boards := range [][]int{{1, 3}, {4}, nil, {2, 77}, {1, 2, 3, 4}} {
		w.subscribe(boards...)
		from := w.cursor
		if want := w.differs(s, from); want != "" {
			t.Fatalf("the snapshot of boards %v (-want +got):\n%s", boards, want)
		}
		upTo += 60
		n.apply(upTo)
		var want []uint64
		for _, index := range s.indexes(roundA, from, upTo) {
			if g := s.events[index-1][0].Game; g == nil || len(boards) == 0 || contains(boards, g.Board) {
				want = append(want, index)
			}
		}
		for len(w.seen) < len(want) {
			if _, err := w.read(); err != nil {
				t.Fatal(err)
			}
		}
		if !slices.Equal(w.seen, want) {
			t.Errorf("step %d: %v, want %v", i, w.seen, want)
		}
		w.check(s, w.cursor)
	}
	if got := n.hub.Stats().Subscribed; got != 5 {
		t.Errorf("%d subscriptions are counted", got)
	}
}

// TestSummary: a spectator of one board of four learns how the others are, soon and not at every
// move.
func TestSummary(t *testing.T) {
	s := longScript(t, 600)
	n := startNode(t, s, 9, func(c *Config) { c.SummaryEvery = 20 * time.Millisecond })
	w := newWatcher(t, roundA, 2).join(n)
	all := newWatcher(t, roundA).join(n)
	summaries := 0
	told := func(index uint64) {
		t.Helper()
		for {
			missing := 0
			for board, g := range s.boardsAt(roundA, index) {
				o := w.others[board]
				san := ""
				if m, ok := g.LastMove(); ok {
					san = m.SAN
				}
				if o.Game != g.ID || o.Ply != g.Ply() || o.Result != g.Result || o.SAN != san {
					missing++
				}
			}
			if missing == 0 {
				return
			}
			frames, err := w.read()
			if err != nil {
				t.Fatal(err)
			}
			for _, f := range frames {
				if f.Type == "summary" {
					summaries++
				}
			}
		}
	}
	told(9)
	for _, index := range []uint64{40, 300, s.last()} {
		n.apply(index)
		told(index)
	}
	if summaries > 60 {
		t.Errorf("%d summaries of 600 events", summaries)
	}
	all.until(last(s.indexes(roundA, 0, s.last())))
	if len(all.others) != 0 {
		t.Error("a spectator of all boards is sent summaries")
	}
	if got := n.hub.Stats().Summaries; got < 4 {
		t.Errorf("%d summaries are counted", got)
	}
}

// TestSubscribeRefusesNonsense: a client that asks for nonsense is closed.
func TestSubscribeRefusesNonsense(t *testing.T) {
	s := longScript(t, 10)
	n := startNode(t, s, s.last(), nil)
	many := strings.Repeat("1,", maxBoards)
	for i := range maxBoards {
		many += fmt.Sprint(i+2, ",")
	}
	for _, boards := range []string{`[0]`, `[-1]`, `[1.5]`, `["1"]`, `{}`, `"1"`, `[]`, `[99999999999]`, `[` + many + `7]`} {
		w := newWatcher(t, roundA).join(n)
		if err := w.conn.WriteMessage(websocket.TextMessage, []byte(`{"type":"subscribe","boards":`+boards+`}`)); err != nil {
			t.Fatal(err)
		}
		if code, reason := w.closed(); code != CloseBadRequest || reason == "" {
			t.Errorf("%.40s: code %d, reason %q", boards, code, reason)
		}
	}
}

// TestDeflate sends compressed snapshots to clients that can read them, and reads their compressed
// messages. A move's frame is not compressed.
func TestDeflate(t *testing.T) {
	s := longScript(t, 100)
	n := startNode(t, s, 50, nil)
	var plain, squeezed int
	for _, enable := range []bool{false, true} {
		w := newWatcher(t, roundA)
		counter := map[bool]*int{false: &plain, true: &squeezed}[enable]
		d := websocket.Dialer{EnableCompression: enable, NetDial: func(network, addr string) (net.Conn, error) {
			c, err := net.Dial(network, addr)
			return &countingConn{Conn: c, in: counter}, err
		}, NetDialTLSContext: func(_ context.Context, network, addr string) (net.Conn, error) {
			c, err := tls.Dial(network, addr, trusting())
			return &countingConn{Conn: c, in: counter}, err
		}}
		var err error
		if w.conn, _, err = d.Dial("ws"+strings.TrimPrefix(n.server.URL, "http")+"/live?"+w.query(), nil); err != nil {
			t.Fatal(err)
		}
		w.until(48)
		w.check(s, 50)
		w.subscribe(1, 2, 3) // long enough for the client to compress it
		w.subscribe()
		w.check(s, 50)
		w.leave()
	}
	if squeezed > plain/2 {
		t.Errorf("%d bytes compressed, %d as they are", squeezed, plain)
	}
}

type countingConn struct {
	net.Conn
	in *int
}

func (c *countingConn) Read(p []byte) (int, error) {
	n, err := c.Conn.Read(p)
	*c.in += n
	return n, err
}

// TestFragments sends a message in pieces, with a ping between them, byte by byte.
func TestFragments(t *testing.T) {
	s := longScript(t, 60)
	n := startNode(t, s, s.last(), func(c *Config) { c.MaxClientFrame = 100 })
	w := newWatcher(t, roundA).join(n)
	pongs := make(chan string, 1)
	w.conn.SetPongHandler(func(data string) error { pongs <- data; return nil })
	w.until(s.last() - 3)
	frame := func(first byte, body string) []byte {
		mask := [4]byte{1, 2, 3, 4}
		b := append([]byte{first, 0x80 | byte(len(body))}, mask[:]...)
		for i := range len(body) {
			b = append(b, body[i]^mask[i&3])
		}
		return b
	}
	var all []byte
	all = append(all, frame(websocket.TextMessage, `{"type":"subs`)...)
	all = append(all, frame(finalFrame|websocket.PingMessage, `are you there?`)...)
	all = append(all, frame(continuation, `cribe","boards":`)...)
	all = append(all, frame(finalFrame|continuation, `[3]}`)...)
	for _, b := range all {
		if _, err := w.conn.NetConn().Write([]byte{b}); err != nil {
			t.Fatal(err)
		}
	}
	for w.only, w.asked = []int{3}, true; w.asked; {
		if _, err := w.read(); err != nil {
			t.Fatal(err)
		}
	}
	if len(w.boards) != 1 || w.boards[3].Game == "" {
		t.Errorf("boards %v", w.boards)
	}
	select {
	case data := <-pongs:
		if data != "are you there?" {
			t.Errorf("a pong says %q", data)
		}
	default:
		t.Error("no pong came before the answer")
	}
	// A message that is too long in pieces is refused, too.
	for range 3 {
		_, _ = w.conn.NetConn().Write(frame(continuation, ""))
		break
	}
	if code, _ := w.closed(); code != CloseBadRequest {
		t.Errorf("a continuation of nothing: code %d", code)
	}
	for name, pieces := range map[string][][]byte{
		"too long in pieces":  {frame(websocket.TextMessage, strings.Repeat("a", 90)), frame(continuation, strings.Repeat("a", 90))},
		"two at once":         {frame(websocket.TextMessage, "{"), frame(websocket.TextMessage, "{")},
		"not masked":          {{finalFrame | websocket.TextMessage, 2, '{', '}'}},
		"an unknown opcode":   {frame(finalFrame|3, "{}")},
		"a reserved bit":      {frame(finalFrame|0x20|websocket.TextMessage, "{}")},
		"compressed, unasked": {frame(finalFrame|deflated|websocket.TextMessage, "{}")},
		"a ping in pieces":    {frame(websocket.PingMessage, "")},
		"a huge length":       {binary.BigEndian.AppendUint64([]byte{finalFrame | websocket.TextMessage, 0x80 | 127}, 1<<63)},
	} {
		w := newWatcher(t, roundA).join(n)
		for _, p := range pieces {
			_, _ = w.conn.NetConn().Write(p) // the hub may have ended the connection
		}
		if code, reason := w.closed(); code != CloseBadRequest || reason == "" {
			t.Errorf("%s: code %d, reason %q", name, code, reason)
		}
	}
}

// FuzzFrames gives a client's bytes to the parser, whole and cut in two. It must read the same from
// both, and no more than it may.
func FuzzFrames(f *testing.F) {
	f.Add([]byte{0x81, 0x82, 0, 0, 0, 0, '{', '}'}, 3, false)
	f.Add([]byte{0x89, 0x80, 1, 2, 3, 4, 0x8a, 0x80, 1, 2, 3, 4}, 7, false)
	f.Add([]byte{0xc1, 0x87, 0, 0, 0, 0, 0xaa, 0x56, 0x2a, 0xa9, 0x2c, 0x48, 0x55}, 1, true)
	f.Add([]byte{0x81, 0xfe, 0, 4, 0, 0, 0, 0, 'n', 'u', 'l', 'l'}, 4, false)
	f.Fuzz(func(t *testing.T, data []byte, cut int, deflate bool) {
		const longest = 64
		parse := func(data []byte) (kinds []byte, left int, err error) {
			data = slices.Clone(data)
			for {
				fr, n, err := parseFrame(data, longest, deflate)
				if err != nil || n == 0 {
					return kinds, len(data), err
				}
				if len(fr.body) > longest || n > len(data) {
					t.Fatalf("a body of %d", len(fr.body))
				}
				if fr.compressed {
					if out, err := inflate(fr.body, longest); err == nil && len(out) > longest {
						t.Fatalf("inflated to %d", len(out))
					}
				}
				kinds, data = append(kinds, fr.kind), data[n:]
			}
		}
		whole, left, err := parse(data)
		if cut < 0 || cut > len(data) {
			return
		}
		first, rest, errFirst := parse(data[:cut])
		if errFirst != nil {
			if err == nil {
				t.Fatalf("the beginning alone fails: %v", errFirst)
			}
			return
		}
		second, leftSecond, errSecond := parse(data[cut-rest:])
		if !slices.Equal(append(first, second...), whole) || leftSecond != left || (errSecond == nil) != (err == nil) {
			t.Errorf("cut at %d: %v and %v, want %v", cut, first, second, whole)
		}
	})
}

// TestDeflatedFrame reads the frame with another implementation.
func TestDeflatedFrame(t *testing.T) {
	text := []byte(strings.Repeat(`{"a":"bcdefg"}`, 500))
	b := deflatedFrame(text)
	if b[0] != finalFrame|deflated|websocket.TextMessage {
		t.Fatalf("the header is %x", b[:4])
	}
	out, err := io.ReadAll(flate.NewReader(io.MultiReader(strings.NewReader(string(payload(b))), strings.NewReader("\x00\x00\xff\xff\x01\x00\x00\xff\xff"))))
	if err != nil || string(out) != string(text) {
		t.Errorf("%v, %d bytes", err, len(out))
	}
	if short := deflatedFrame([]byte(`{}`)); short[0] != finalFrame|websocket.TextMessage {
		t.Error("a short text is compressed")
	}
}
