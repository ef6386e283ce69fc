package broadcast

import (
	"sync"
	"time"

	"github.com/gorilla/websocket"
)

// spectator is one connection, from the upgrade to its end.
type spectator struct {
	// Static.
	hub     *Hub
	conn    *websocket.Conn
	socket  *socket
	address string
	round   *round // nil if it is refused
	hello   *websocket.PreparedMessage

	// Owned by the writer.
	cursor cursor
	told   uint64 // seq of the last status frame written

	// Owned by the reader.
	meter meter

	// Set once, by stop.
	once   sync.Once
	quit   chan struct{} // closed by stop
	code   int           // 0: the peer is gone, there is nobody to tell
	reason string
}

// stop has the connection closed with code and reason; the first call decides.
// It does not wait. Anyone may call it.
func (s *spectator) stop(code int, reason string) {
	s.once.Do(func() {
		s.code, s.reason = code, reason
		s.socket.cutShort(time.Now().Add(s.hub.cfg.CloseTimeout))
		close(s.quit)
		switch code {
		case CloseTooSlow:
			s.hub.counters.closedSlow.Add(1)
		case CloseBadRequest, CloseNoRound, CloseOtherCluster:
			s.hub.counters.closedBad.Add(1)
		}
	})
}

func (s *spectator) stopped() bool {
	select {
	case <-s.quit:
		return true
	default:
		return false
	}
}

// run is the connection's life, and the writer's goroutine. It ends when both
// goroutines are done and the socket is closed.
func (s *spectator) run() {
	var reader sync.WaitGroup
	reader.Go(s.read)
	if s.round != nil {
		s.hub.counters.joined.Add(1)
		s.hub.counters.spectators.Add(1)
		s.write()
		s.hub.counters.spectators.Add(-1)
		s.hub.leaveRound(s.round)
	}
	<-s.quit
	if s.code != 0 {
		s.sayGoodbye()
	}
	// The reader goes on until the peer has answered, or the deadline that
	// stop set. Closing with unread data in the socket would reset the
	// connection, and the peer might never see the close frame.
	reader.Wait()
	s.conn.Close()
	s.hub.log.Debug("spectator left", "address", s.address, "code", s.code, "reason", s.reason)
}

func (s *spectator) sayGoodbye() {
	reason := s.reason
	const longest = 123 // RFC 6455, 5.5: 125 with the code
	if len(reason) > longest {
		reason = reason[:longest]
	}
	body := websocket.FormatCloseMessage(s.code, reason)
	err := s.conn.WriteControl(websocket.CloseMessage, body, time.Now().Add(s.hub.cfg.CloseTimeout))
	if err != nil && s.socket.interrupted() {
		s.socket.farewell(s.code, reason)
	}
}

func (h *Hub) leaveRound(r *round) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.table.leave(r)
}
