package broadcast

import (
	"bufio"
	"errors"
	"net"
	"net/http"
	"os"
	"sync"
	"time"

	"github.com/gorilla/websocket"
)

// socket is the TCP connection below a WebSocket. It adds two things: all
// deadlines can be cut short at once, so that Close does not wait for a write
// that is under way; and a spectator that was too slow can still be told so.
//
// The latter needs care. After a write that timed out, part of a frame is in
// the kernel's buffer and that buffer is full; the peer could make nothing of a
// close frame in the middle of another. So the socket keeps what is missing of
// the frame, and farewell makes room for it. The kernel then delivers
// both when, and if, the spectator reads again.
type socket struct {
	net.Conn
	sendBuffer int

	mu      sync.Mutex
	cut     time.Time // no deadline may be later, if set
	missing []byte    // of the frame whose write timed out
}

// SetReadDeadline sets the deadline, or the one of cutShort if that is earlier.
func (s *socket) SetReadDeadline(t time.Time) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.Conn.SetReadDeadline(s.capped(t))
}

// SetWriteDeadline is as SetReadDeadline.
func (s *socket) SetWriteDeadline(t time.Time) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.Conn.SetWriteDeadline(s.capped(t))
}

func (s *socket) capped(t time.Time) time.Time {
	if !s.cut.IsZero() && (t.IsZero() || t.After(s.cut)) {
		return s.cut
	}
	return t
}

// cutShort ends every read and write by t, those under way as well as later ones.
func (s *socket) cutShort(t time.Time) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.cut = t
	s.Conn.SetDeadline(t)
}

// Write keeps what a timeout left unwritten. All writes of a WebSocket are
// whole frames, and after a failed one it writes no more.
func (s *socket) Write(p []byte) (int, error) {
	n, err := s.Conn.Write(p)
	if errors.Is(err, os.ErrDeadlineExceeded) {
		s.mu.Lock()
		s.missing = append([]byte(nil), p[n:]...)
		s.mu.Unlock()
	}
	return n, err
}

// interrupted reports whether a write was left unfinished.
func (s *socket) interrupted() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.missing) > 0
}

// farewellWait is for a write that should find room in the kernel's buffer. It
// is not a wait for the peer.
const farewellWait = 50 * time.Millisecond

// overshoot is how far beyond its send buffer the kernel may have gone: it counts
// its own bookkeeping, and takes in a whole segment where a byte is free.
const overshoot = 256 << 10

// farewell completes the frame whose write timed out, and adds a close frame.
// It does its best: over TLS, for one, nothing can follow such a write.
func (s *socket) farewell(code int, reason string) {
	s.mu.Lock()
	missing := s.missing
	s.missing = nil
	s.mu.Unlock()
	body := websocket.FormatCloseMessage(code, reason)
	const finalClose = 0x80 | websocket.CloseMessage
	out := append(missing, finalClose, byte(len(body)))
	out = append(out, body...)
	setSendBuffer(s.Conn, s.sendBuffer+len(out)+overshoot)
	s.Conn.SetWriteDeadline(time.Now().Add(farewellWait))
	s.Conn.Write(out)
}

// hijacker hands the WebSocket library a socket for the connection.
type hijacker struct {
	http.ResponseWriter
	sendBuffer int
	socket     *socket
}

// Hijack implements [http.Hijacker].
func (h *hijacker) Hijack() (net.Conn, *bufio.ReadWriter, error) {
	conn, rw, err := http.NewResponseController(h.ResponseWriter).Hijack()
	if err != nil {
		return nil, nil, err
	}
	setSendBuffer(conn, h.sendBuffer)
	h.socket = &socket{Conn: conn, sendBuffer: h.sendBuffer}
	return h.socket, rw, nil
}

// setSendBuffer asks the kernel for a send buffer of so many bytes. If it
// refuses, its own choice will do.
func setSendBuffer(conn net.Conn, bytes int) {
	if c, ok := conn.(interface{ NetConn() net.Conn }); ok { // TLS
		conn = c.NetConn()
	}
	if c, ok := conn.(interface{ SetWriteBuffer(int) error }); ok {
		c.SetWriteBuffer(bytes)
	}
}
