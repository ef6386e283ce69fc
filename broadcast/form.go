package broadcast

import (
	"bytes"
	"encoding/binary"
	"strconv"
	"sync"
	"sync/atomic"

	"github.com/gorilla/websocket"
	"github.com/klauspost/compress/flate"

	"github.com/chessrelay/chessrelay/relay"
)

// A form is how a message is encoded for a spectator's connection.
type form uint8

// The forms. Each message is encoded in each form at most once, by the first that needs it.
const (
	formText    form = iota // a WebSocket text frame (RFC 6455, 5.2)
	formDeflate             // the same, long ones compressed (RFC 7692, without context takeover)
	formEvents              // Server-Sent Events (the HTML standard, 9.2): the index is the id
	formLines               // a line of the feed: JSON, with the round's id
	formCount
)

// webSocket reports whether the connection is a WebSocket, with pings and close frames.
func (f form) webSocket() bool { return f == formText || f == formDeflate }

// A message is what a spectator is told at once: JSON objects, nearly always one. Immutable but for
// its forms, so that any number of spectators can share it.
type message struct {
	index   uint64        // 0: it has no index for a client to resume from
	round   relay.RoundID // for the feed only
	objects [][]byte

	mu    sync.Mutex // held while a form is encoded
	forms [formCount]atomic.Pointer[[]byte]
}

// inForm returns the message as it is sent.
func (m *message) inForm(f form) []byte {
	if b := m.forms[f].Load(); b != nil {
		return *b
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	if b := m.forms[f].Load(); b != nil {
		return *b
	}
	var b []byte
	switch f {
	case formText:
		b = textFrame(m.text())
	case formDeflate:
		b = deflatedFrame(m.text())
	case formEvents:
		b = m.serverSentEvent()
	case formLines:
		b = m.line()
	}
	m.forms[f].Store(&b)
	return b
}

// text returns the objects as JSON: the object itself if there is one, an array otherwise.
func (m *message) text() []byte { return join(m.objects) }

// length is the length of text.
func (m *message) length() int {
	n := 0
	for _, o := range m.objects {
		n += len(o)
	}
	if len(m.objects) > 1 {
		n += len(m.objects) + 1
	}
	return n
}

func join(objects [][]byte) []byte {
	if len(objects) == 1 {
		return objects[0]
	}
	var b bytes.Buffer
	b.WriteByte('[')
	for i, o := range objects {
		if i > 0 {
			b.WriteByte(',')
		}
		b.Write(o)
	}
	b.WriteByte(']')
	return b.Bytes()
}

const (
	finalFrame = 0x80 // FIN: the message ends with this frame
	deflated   = 0x40 // RSV1
)

// appendHeader appends the header of a server's frame: two bytes, and a longer length if needed.
func appendHeader(dst []byte, first byte, length int) []byte {
	switch {
	case length < 126:
		return append(dst, first, byte(length))
	case length < 1<<16:
		return binary.BigEndian.AppendUint16(append(dst, first, 126), uint16(length))
	}
	return binary.BigEndian.AppendUint64(append(dst, first, 127), uint64(length))
}

func textFrame(text []byte) []byte {
	b := make([]byte, 0, len(text)+10)
	return append(appendHeader(b, finalFrame|websocket.TextMessage, len(text)), text...)
}

// deflateFrom is the length from which a text is compressed. A move's frame would get some 50 bytes
// shorter and still be one packet; a snapshot shrinks to a sixth (BenchmarkDeflate).
const deflateFrom = 1024

var deflaters = sync.Pool{New: func() any {
	w, err := flate.NewWriter(nil, flate.DefaultCompression)
	if err != nil {
		panic(err) // the level is a constant
	}
	return w
}}

// deflatedFrame returns the frame for clients that can read a compressed one.
func deflatedFrame(text []byte) []byte {
	if len(text) < deflateFrom {
		return textFrame(text)
	}
	return deflateFrame(text)
}

// deflateFrame follows RFC 7692, 7.2.1: the deflated text without the four bytes that end a block.
func deflateFrame(text []byte) []byte {
	w := deflaters.Get().(*flate.Writer)
	defer deflaters.Put(w)
	var body bytes.Buffer
	w.Reset(&body)
	_, _ = w.Write(text) // a Buffer takes everything
	_ = w.Flush()
	short := bytes.TrimSuffix(body.Bytes(), []byte{0, 0, 0xff, 0xff})
	b := make([]byte, 0, len(short)+10)
	return append(appendHeader(b, finalFrame|deflated|websocket.TextMessage, len(short)), short...)
}

// serverSentEvent has the JSON in one line: JSON has no line breaks of its own.
func (m *message) serverSentEvent() []byte {
	var b bytes.Buffer
	if m.index > 0 {
		b.WriteString("id: ")
		b.WriteString(strconv.FormatUint(m.index, 10))
		b.WriteByte('\n')
	}
	b.WriteString("data: ")
	b.Write(m.text())
	b.WriteString("\n\n")
	return b.Bytes()
}

// line returns the text with the round's id in each object, for readers of many rounds.
func (m *message) line() []byte { return append(bytes.Clone(join(m.withRoundID())), '\n') }

// withRoundID returns the objects with the round's id.
func (m *message) withRoundID() [][]byte {
	if m.round == "" {
		return m.objects
	}
	objects := make([][]byte, len(m.objects))
	for i, o := range m.objects {
		objects[i] = append([]byte(`{"roundId":"`+string(m.round)+`",`), o[1:]...)
	}
	return objects
}
