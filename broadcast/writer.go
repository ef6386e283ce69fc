package broadcast

import (
	"errors"
	"fmt"
	"time"

	"github.com/gorilla/websocket"
)

// write is the writer's loop: everything that follows the cursor, a status
// frame once that is done, a ping now and then. It returns when the spectator
// was stopped, which it does itself if a write fails.
func (s *spectator) write() {
	pings := time.NewTicker(s.hub.cfg.PingEvery)
	defer pings.Stop()
	if !s.send(s.hello) {
		return
	}
	// A status frame's index must be read before the history; see sendStatus.
	// So the notice is kept until it could be written.
	var notice *statusNotice
	for !s.stopped() {
		current, statusWake, err := s.hub.nextStatus(s.told)
		if err != nil {
			s.fail(err)
			return
		}
		if notice == nil {
			notice = current
		}
		b, wake, err := s.round.next(&s.cursor, s.hub.cfg.Boards)
		if err != nil {
			s.fail(err)
			return
		}
		idle := b.nothing(&s.cursor)
		if !idle && !s.sendBatch(b) {
			return
		}
		if notice != nil && (idle || s.cursor.index >= notice.index) {
			if !s.sendStatus(notice) {
				return
			}
			notice = nil
		}
		if !idle {
			wake = ready // look again
		}
		select {
		case <-wake:
		case <-statusWake:
		case <-pings.C:
			if !s.ping() {
				return
			}
		case <-s.quit:
		}
	}
}

// ready is a channel that is closed.
var ready = func() <-chan struct{} { c := make(chan struct{}); close(c); return c }()

func (s *spectator) sendBatch(b batch) bool {
	if b.message != nil && !s.send(b.message) {
		return false
	}
	c := &s.hub.counters
	c.bytes.Add(uint64(b.bytes))
	c.eventsSent.Add(uint64(b.events))
	if b.snapshot {
		c.snapshotsSent.Add(1)
		if !s.cursor.blank {
			c.movedForward.Add(1)
		}
	}
	if b.made {
		c.snapshotsEncoded.Add(1)
	}
	s.cursor.advance(b)
	return true
}

// sendStatus writes a notice that was fetched before the history was last read,
// and either nothing followed the cursor there or the cursor is as far as the
// notice. So everything of the round up to the notice's index was written, and
// the cursor may move up to it.
func (s *spectator) sendStatus(n *statusNotice) bool {
	message := n.with
	if n.index < s.cursor.index {
		message = n.bare
	}
	if !s.send(message) {
		return false
	}
	s.told = n.seq
	s.cursor.index = max(s.cursor.index, n.index)
	s.hub.counters.bytes.Add(uint64(n.bytes))
	return true
}

func (s *spectator) send(m *websocket.PreparedMessage) bool {
	s.conn.SetWriteDeadline(time.Now().Add(s.hub.cfg.WriteTimeout))
	if err := s.conn.WritePreparedMessage(m); err != nil {
		s.failWrite(err)
		return false
	}
	s.hub.counters.messages.Add(1)
	return true
}

func (s *spectator) ping() bool {
	err := s.conn.WriteControl(websocket.PingMessage, nil, time.Now().Add(s.hub.cfg.WriteTimeout))
	if err != nil {
		s.failWrite(err)
	}
	return err == nil
}

func (s *spectator) failWrite(err error) {
	if isTimeout(err) {
		s.stop(CloseTooSlow, fmt.Sprintf("nothing was taken for %v", s.hub.cfg.WriteTimeout))
		return
	}
	s.stop(0, err.Error())
}

// fail ends a spectator for whom there is nothing to send.
func (s *spectator) fail(err error) {
	if errors.Is(err, errNoRound) {
		s.stop(CloseNoRound, err.Error())
		return
	}
	s.hub.log.Error("a frame could not be made", "address", s.address, "err", err)
	s.stop(CloseGoingAway, "this node has a fault; try another")
}
