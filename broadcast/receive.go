package broadcast

import (
	"bytes"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"time"

	"github.com/gorilla/websocket"
	"github.com/klauspost/compress/flate"
)

// A client's errors; each closes with [CloseBadRequest].
var (
	errNotText     = errors.New("only text frames are accepted")
	errTooLong     = errors.New("the frame is too long")
	errNotObject   = errors.New("a frame must be a JSON object")
	errTooMany     = errors.New("too many frames")
	errProtocol    = errors.New("this is not a client's WebSocket frame (RFC 6455, 5)")
	errDeflate     = errors.New("the frame cannot be decompressed")
	errEvaluations = errors.New("evaluations must be true or false")
	errBoards      = fmt.Errorf("boards must be a list of board numbers, at most %d of them; without it all are sent", maxBoards)
)

// inbound is what was read of an incomplete message.
type inbound struct {
	raw        []byte // of a frame
	kind       byte   // of a message in fragments; 0: none
	compressed bool
	message    []byte
}

// maxReads is how often one spectator's socket is read before others have their turn.
const maxReads = 16

// read reads what has come. Only a WebSocket's client has anything to say.
func (w *worker) read(s *spectator) {
	for turns := 0; s.state != gone; turns++ {
		if turns == maxReads {
			w.postReady([]readiness{{slot: s.slot, readable: true}})
			return
		}
		n, err := s.sock.read(w.buf)
		switch {
		case err != nil:
			w.drop(s)
			return
		case n == 0:
			return
		case s.state == ending || !s.form.webSocket():
			continue // ignored, until the peer has closed
		}
		s.heard = w.now
		data := w.buf[:n]
		if s.in != nil {
			data = append(s.in.raw, data...)
			s.in.raw = nil
		}
		rest, err := w.frames(s, data)
		if err != nil {
			w.stop(s, CloseBadRequest, err.Error())
			continue
		}
		if s.state != watching {
			continue
		}
		switch {
		case len(rest) > 0:
			if s.in == nil {
				s.in = &inbound{}
			}
			s.in.raw = slices.Clone(rest)
		case s.in != nil && s.in.kind == 0:
			s.in = nil
		}
	}
}

// frames processes the whole frames of data, and returns what is left.
func (w *worker) frames(s *spectator, data []byte) (rest []byte, err error) {
	for s.state == watching {
		f, n, err := parseFrame(data, w.hub.cfg.MaxClientFrame, s.form == formDeflate)
		if err != nil || n == 0 {
			return data, err
		}
		data = data[n:]
		if err := s.meter.count(w.now, w.hub.cfg.MaxClientFrames); err != nil {
			return nil, err
		}
		switch f.kind {
		case websocket.PingMessage:
			w.pong(s, f.body)
		case websocket.PongMessage:
		case websocket.CloseMessage:
			// The client's code is echoed; then the client closes the connection.
			code := websocket.CloseNormalClosure
			if len(f.body) >= 2 {
				code = int(binary.BigEndian.Uint16(f.body))
			}
			w.stop(s, code, "")
			if s.state == ending && len(s.rest.bufs) == 0 {
				w.drop(s)
			}
			return nil, nil
		default:
			if err := w.fragment(s, f); err != nil {
				return nil, err
			}
		}
	}
	return nil, nil
}

// pong answers a ping with its body. If the socket is full, there is no pong: more than that is on
// its way.
func (w *worker) pong(s *spectator, body []byte) {
	if s.rest == nil {
		w.write(s, [][]byte{append([]byte{finalFrame | websocket.PongMessage, byte(len(body))}, body...)})
	}
}

// fragment processes a frame of a message, nearly always all of it.
func (w *worker) fragment(s *spectator, f clientFrame) error {
	if s.in != nil && s.in.kind != 0 {
		if f.kind != continuation || f.compressed {
			return errProtocol
		}
		if len(s.in.message)+len(f.body) > w.hub.cfg.MaxClientFrame {
			return errTooLong
		}
		s.in.message = append(s.in.message, f.body...)
		if !f.final {
			return nil
		}
		f.kind, f.body, f.compressed = s.in.kind, s.in.message, s.in.compressed
		s.in = nil
	} else if f.kind == continuation {
		return errProtocol
	} else if !f.final {
		s.in = &inbound{kind: f.kind, compressed: f.compressed, message: slices.Clone(f.body)}
		return nil
	}
	if f.compressed {
		var err error
		if f.body, err = inflate(f.body, w.hub.cfg.MaxClientFrame); err != nil {
			return err
		}
	}
	order, err := parseSubscription(int(f.kind), f.body)
	if err != nil {
		return err
	}
	if order != nil {
		w.subscribe(s, order)
	}
	return nil
}

// continuation is the opcode of a message's later frames.
const continuation = 0

// A clientFrame is one unmasked frame.
type clientFrame struct {
	kind       byte
	final      bool
	compressed bool // compressed
	body       []byte
}

// parseFrame reads the first frame of data. n is its length; 0 if it is not complete. It unmasks
// the body in place.
func parseFrame(data []byte, longest int, mayDeflate bool) (f clientFrame, n int, err error) {
	if len(data) < 2 {
		return f, 0, nil
	}
	f.kind, f.final, f.compressed = data[0]&0x0f, data[0]&finalFrame != 0, data[0]&deflated != 0
	control := f.kind >= websocket.CloseMessage
	if data[0]&0x30 != 0 || f.compressed && (control || !mayDeflate) || data[1]&0x80 == 0 || control && !f.final ||
		f.kind > websocket.BinaryMessage && !control || f.kind > websocket.PongMessage {
		return f, 0, errProtocol
	}
	length, head := uint64(data[1]&0x7f), 2
	switch length {
	case 126:
		if len(data) < 4 {
			return f, 0, nil
		}
		length, head = uint64(binary.BigEndian.Uint16(data[2:])), 4
	case 127:
		if len(data) < 10 {
			return f, 0, nil
		}
		length, head = binary.BigEndian.Uint64(data[2:]), 10
	}
	if length > uint64(longest) || control && length > 125 {
		return f, 0, errTooLong
	}
	n = head + 4 + int(length)
	if len(data) < n {
		return f, 0, nil
	}
	mask := data[head : head+4]
	f.body = data[head+4 : n]
	for i := range f.body {
		f.body[i] ^= mask[i&3]
	}
	return f, n, nil
}

// deflateEnd is the end of a block, which a sender leaves out, and an empty last block.
var deflateEnd = []byte{0, 0, 0xff, 0xff, 1, 0, 0, 0xff, 0xff}

// inflate follows RFC 7692, 7.2.2.
func inflate(body []byte, longest int) ([]byte, error) {
	r := flate.NewReader(io.MultiReader(bytes.NewReader(body), bytes.NewReader(deflateEnd)))
	defer r.Close()
	out, err := io.ReadAll(io.LimitReader(r, int64(longest)+1))
	switch {
	case err != nil:
		return nil, errDeflate
	case len(out) > longest:
		return nil, errTooLong
	}
	return out, nil
}

// A subscription is what a client may ask for: other boards or all of them, and evaluations.
type subscription struct {
	boards      *boardSet
	evaluations *bool // nil: as before
}

// parseSubscription reads a client's message. It returns nil for an unknown type, so that clients
// of a later version work.
func parseSubscription(kind int, data []byte) (*subscription, error) {
	if kind != websocket.TextMessage {
		return nil, errNotText
	}
	var object map[string]json.RawMessage
	if err := json.Unmarshal(data, &object); err != nil || object == nil {
		return nil, errNotObject
	}
	if string(object["type"]) != `"subscribe"` {
		return nil, nil
	}
	order := &subscription{}
	if wants, ok := object["evaluations"]; ok {
		if err := json.Unmarshal(wants, &order.evaluations); err != nil {
			return nil, errEvaluations
		}
	}
	given, ok := object["boards"]
	if !ok || string(given) == "null" {
		return order, nil
	}
	var boards []int32
	if err := json.Unmarshal(given, &boards); err != nil {
		return nil, errBoards
	}
	var err error
	order.boards, err = newBoardSet(boards)
	return order, err
}

// newBoardSet sorts the boards.
func newBoardSet(boards []int32) (*boardSet, error) {
	slices.Sort(boards)
	set := boardSet(slices.Clip(slices.Compact(boards)))
	if len(set) == 0 || len(set) > maxBoards || set[0] < 1 {
		return nil, errBoards
	}
	return &set, nil
}

// subscribe lets s watch other boards from now on. It starts with a snapshot of them.
func (w *worker) subscribe(s *spectator, order *subscription) {
	g := w.groups[s.topic]
	g.watchEvaluations(s, -1)
	if s.only != nil {
		g.partial--
	}
	if order.evaluations != nil {
		s.evaluations = *order.evaluations && w.hub.evaluator != nil
	}
	s.only, s.snapshotFirst, s.summarized = order.boards, true, 0
	if s.only != nil {
		g.partial++
		s.due |= dueSummary
	}
	g.watchEvaluations(s, 1)
	w.hub.evaluator.signal()
	w.counted.subscribed.Add(1)
	w.turn(s)
}

// meter limits how many frames come in a window of time.
type meter struct {
	start int64
	n     int32
}

// meterWindow is the window of Config.MaxClientFrames.
const meterWindow = int64(10 * time.Second)

func (m *meter) count(now int64, most int) error {
	if m.n == 0 || now-m.start >= meterWindow {
		m.start, m.n = now, 0
	}
	if m.n++; int(m.n) > most {
		return errTooMany
	}
	return nil
}
