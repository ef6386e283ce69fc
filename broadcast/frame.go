package broadcast

import (
	"bytes"
	"sync"

	"github.com/gorilla/websocket"

	"github.com/chessrelay/chessrelay/relay"
)

// frame is all that one log index changed in one round, encoded. Immutable but
// for message, so that any number of spectators can share it.
type frame struct {
	index uint64
	parts []part // one an event, at least one

	// message is the whole frame as it goes over the wire, made by the first
	// writer that needs it: a node without spectators spends nothing on it.
	once    sync.Once
	message *websocket.PreparedMessage
	err     error
}

// part is one event of a frame, apart from the others so that a spectator who
// watches some boards can be sent only theirs.
type part struct {
	board int // 0: what every spectator of the round gets
	data  []byte
}

func (p *part) within(set boardSet) bool { return p.board == 0 || set.has(p.board) }

// encodeFrame makes the frame of events, which have one index and one round.
func encodeFrame(events []relay.Event) (*frame, error) {
	f := &frame{index: events[0].Index, parts: make([]part, len(events))}
	for i := range events {
		data, err := encodeEvent(&events[i])
		if err != nil {
			return nil, err
		}
		f.parts[i] = part{data: data}
		if g := events[i].Game; g != nil {
			f.parts[i].board = g.Board
		}
	}
	return f, nil
}

// cost is what a frame takes in memory, roughly: its text twice, as JSON and
// prepared, and what surrounds it.
func (f *frame) cost() int {
	const overhead = 400
	n := overhead
	for _, p := range f.parts {
		n += 2 * len(p.data)
	}
	return n
}

// length is that of the whole frame's text.
func (f *frame) length() int {
	n := 0
	for _, p := range f.parts {
		n += len(p.data)
	}
	if len(f.parts) > 1 {
		n += len(f.parts) + 1
	}
	return n
}

// within reports whether set holds every board of the frame.
func (f *frame) within(set boardSet) bool {
	for _, p := range f.parts {
		if !p.within(set) {
			return false
		}
	}
	return true
}

// prepared is the message with all parts.
func (f *frame) prepared() (*websocket.PreparedMessage, error) {
	f.once.Do(func() {
		parts := make([][]byte, len(f.parts))
		for i, p := range f.parts {
			parts[i] = p.data
		}
		f.message, f.err = prepare(join(parts))
	})
	return f.message, f.err
}

// join makes one message of several objects: the object itself if it is one,
// an array otherwise.
func join(parts [][]byte) []byte {
	if len(parts) == 1 {
		return parts[0]
	}
	n := 1
	for _, p := range parts {
		n += len(p) + 1
	}
	var b bytes.Buffer
	b.Grow(n)
	b.WriteByte('[')
	for i, p := range parts {
		if i > 0 {
			b.WriteByte(',')
		}
		b.Write(p)
	}
	b.WriteByte(']')
	return b.Bytes()
}

func prepare(data []byte) (*websocket.PreparedMessage, error) {
	return websocket.NewPreparedMessage(websocket.TextMessage, data)
}
