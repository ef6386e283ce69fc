package broadcast

import (
	"errors"
	"fmt"

	"github.com/gorilla/websocket"

	"github.com/chessrelay/chessrelay/relay"
)

// pingFrame is a control frame without a body (RFC 6455, 5.5).
var pingFrame = []byte{finalFrame | websocket.PingMessage, 0}

// turn writes what s still has to get, until it has all or its socket takes no more. Then the
// poller's word starts it again.
func (w *worker) turn(s *spectator) {
	for s.state == watching && s.rest == nil {
		b, err := w.gather(s)
		switch {
		case err != nil:
			w.fail(s, err)
			return
		case len(w.out) > 0:
			s.head, s.hello = nil, nil
			w.write(s, w.out)
			clear(w.out)
		}
		if !b.more {
			return
		}
	}
}

// batch describes what one turn has for one spectator.
type batch struct {
	more   bool // there is more for another turn
	events int
}

// gather puts what s gets next into w.out, and moves the cursor.
//
// A client may resume from a status frame's index, so everything of the round up to it must have
// been written before. So gather fetches the notice, with its index, before it reads the history.
// It writes the notice only if nothing more follows, or if the cursor has reached the index. A
// round with a delay gets a notice without an index: one that came only while nothing is held would
// show when something is.
func (w *worker) gather(s *spectator) (b batch, err error) {
	w.out = w.out[:0]
	if s.head != nil {
		w.out = append(w.out, s.head)
	}
	if s.hello != nil {
		w.put(s, s.hello)
	}
	var notice *statusNotice
	if s.due&dueStatus != 0 {
		if notice, err = w.hub.notice(); err != nil {
			return b, err
		}
	}
	v := s.topic.history.newest.Load()
	if s.needsSnapshot(v) {
		if err := w.putSnapshot(s, v.epoch); err != nil {
			return b, err
		}
		if v = s.topic.history.newest.Load(); s.needsSnapshot(v) {
			// Either the boards are behind what s has seen, and s waits for them. Or the history
			// has moved on while the snapshot was made.
			b.more = !s.snapshotFirst
			return b, nil
		}
	}
	frames := v.after(s.cursor)
	for _, f := range frames {
		if m, events := f.forBoards(s.only); m != nil {
			w.put(s, m)
			b.events += events
		}
		s.cursor = f.index
	}
	w.counted.eventsSent.Add(uint64(b.events))
	b.more = s.cursor < v.last
	if notice != nil {
		w.putStatus(s, notice, b.more)
	}
	if s.due&dueSummary != 0 && !b.more {
		s.due &^= dueSummary
		if err := w.putSummary(s); err != nil {
			return b, err
		}
	}
	if !b.more {
		b.more = w.putEvaluations(s)
	}
	if s.due&duePing != 0 {
		w.out = append(w.out, pingFrame)
	}
	s.due &^= duePing
	return b, nil
}

// putStatus puts the notice into w.out, unless more must come before it.
func (w *worker) putStatus(s *spectator, n *statusNotice, more bool) {
	m := n.forTopic(s.topic)
	at := s.topic.cursorAt(m.index)
	if more && s.cursor < at {
		return
	}
	s.due &^= dueStatus
	if m.index < s.topic.indexAt(s.cursor) || s.topic.delayed.Load() {
		w.put(s, n.bare)
		return
	}
	w.put(s, m)
	// In the public's feed, frames that are released follow newer indexes.
	if s.topic.feed == nil || s.topic.sight == relay.Truth {
		s.cursor = max(s.cursor, at)
	}
}

func (w *worker) put(s *spectator, m *message) {
	w.out = append(w.out, m.inForm(s.form))
	w.counted.messages.Add(1)
	w.counted.bytes.Add(uint64(m.length()))
}

// needsSnapshot reports whether the frames of v do not continue what s has.
func (s *spectator) needsSnapshot(v *moment) bool {
	return s.snapshotFirst || s.cursor < v.floor || s.epoch != v.epoch
}

// putSnapshot gives s a new snapshot, unless s is so far ahead of this node that the snapshot would
// be older. The epoch must have begun before the boards are read here.
func (w *worker) putSnapshot(s *spectator, epoch uint32) error {
	cursor, m, encoded, err := w.snapshot(s)
	if err != nil {
		return err
	}
	if encoded {
		w.counted.snapshotsEncoded.Add(1)
	}
	if s.epoch != epoch {
		s.epoch = epoch
		s.summarized = 0 // it needs the other boards again, too
		if s.only != nil {
			s.due |= dueSummary
		}
	}
	if cursor < s.cursor {
		return nil
	}
	w.put(s, m)
	w.counted.snapshotsSent.Add(1)
	if !s.snapshotFirst {
		w.counted.movedForward.Add(1)
	}
	s.cursor, s.snapshotFirst, s.evaluated = cursor, false, 0
	return nil
}

// snapshot returns the snapshot for s, and the cursor that it leads to.
func (w *worker) snapshot(s *spectator) (cursor uint64, m *message, encoded bool, err error) {
	if s.topic.feed != nil {
		return s.topic.feed.snapshotAll(w.hub.cfg.Boards)
	}
	snap, encoded, err := s.topic.snapshot(w.hub.cfg.Boards)
	if err != nil {
		return 0, nil, false, err
	}
	m, err = snap.forBoards(s.only)
	return snap.index, m, encoded, err
}

// write sends bufs, and keeps what the socket does not take.
func (w *worker) write(s *spectator, bufs [][]byte) {
	n, err := s.sock.write(bufs)
	if err != nil {
		w.drop(s)
		return
	}
	left := dropBytes(bufs, n)
	if len(left) == 0 {
		return
	}
	// The buffers are shared and must not change; the list of them is the worker's own.
	s.rest = &rest{bufs: append([][]byte(nil), left...), since: w.now}
	if !s.inStalled {
		s.inStalled = true
		w.stalled = append(w.stalled, s)
	}
}

// dropBytes returns bufs without the first n bytes.
func dropBytes(bufs [][]byte, n int) [][]byte {
	for len(bufs) > 0 && n >= len(bufs[0]) {
		n -= len(bufs[0])
		bufs = bufs[1:]
	}
	if n > 0 {
		bufs[0] = bufs[0][n:]
	}
	return bufs
}

// onReady writes the rest, and reads what has come.
func (w *worker) onReady(s *spectator, e readiness) {
	if e.writable && s.rest != nil {
		w.writeRest(s)
	}
	if e.readable && s.state != gone {
		w.read(s)
	}
}

func (w *worker) writeRest(s *spectator) {
	for s.rest != nil && len(s.rest.bufs) > 0 {
		n, err := s.sock.write(s.rest.bufs)
		if err != nil {
			w.drop(s)
			return
		}
		if n == 0 {
			return
		}
		s.rest.bufs = dropBytes(s.rest.bufs, n)
		if s.state == watching {
			s.rest.since = w.now
		}
	}
	if s.state == watching {
		s.rest = nil
		w.turn(s)
	}
}

// addArrival adds a spectator, or refuses it.
func (w *worker) addArrival(a arrival) {
	s := a.spectator
	if n := len(w.free); n > 0 {
		s.slot, w.free = w.free[n-1], w.free[:n-1]
	} else {
		s.slot = int32(len(w.slots))
		w.slots = append(w.slots, nil)
	}
	s.heard = w.now
	w.slots[s.slot] = s
	if a.code == 0 {
		w.enter(s)
	}
	switch err := w.poll.watch(s.sock, s.slot); {
	case err != nil:
		w.hub.log.Error("a spectator's connection cannot be polled", "err", err)
		w.drop(s)
	case a.code != 0:
		w.stop(s, a.code, a.reason)
	case w.closing:
		w.stop(s, CloseGoingAway, errClosed.Error())
	default:
		w.turn(s)
	}
}

// enter adds s to its topic.
func (w *worker) enter(s *spectator) {
	g := w.groups[s.topic]
	if g == nil {
		g = &group{topic: s.topic}
		w.groups[s.topic] = g
		s.topic.workers.Or(w.bit) // before its history is read
	}
	g.add(s)
	s.due |= dueStatus
	if s.only != nil {
		s.due |= dueSummary
	}
	if s.evaluations {
		w.hub.evaluator.signal()
	}
	w.counted.joined.Add(1)
	w.counted.spectators.Add(1)
}

// leave removes s from its topic.
func (w *worker) leave(s *spectator) {
	if s.topic == nil {
		return // it was never let in
	}
	g := w.groups[s.topic]
	g.remove(s)
	if len(g.members) == 0 {
		delete(w.groups, s.topic)
		s.topic.workers.And(^w.bit)
	}
	w.counted.spectators.Add(-1)
	w.hub.leaveTopic(s.topic)
}

// stop closes a spectator. It waits a little until the peer has read the close frame: closing a
// socket with unread data would reset the connection, and the peer might never see the frame.
func (w *worker) stop(s *spectator, code int, reason string) {
	if s.state != watching {
		return
	}
	switch code {
	case CloseTooSlow:
		w.counted.closedSlow.Add(1)
	case CloseBadRequest, CloseForbidden, CloseNoRound, CloseOtherCluster:
		w.counted.closedBad.Add(1)
	}
	w.hub.log.Debug("spectator is sent away", "address", s.address, "code", code, "reason", reason)
	w.leave(s)
	s.state = ending
	until := w.now + int64(w.hub.cfg.CloseTimeout)
	bufs := [][]byte{closeMessage(s.form, code, reason)}
	if s.head != nil { // nothing was sent yet
		bufs = [][]byte{s.head, bufs[0]}
	}
	if s.rest != nil {
		// Part of a frame is in the kernel's buffer, which is full. Make room for the rest of it:
		// the peer cannot read a close frame in the middle of another frame.
		bufs = append(s.rest.bufs, bufs...)
		s.sock.setSendBuffer(w.hub.cfg.SendBuffer + totalLength(bufs) + overshoot)
	}
	s.rest = &rest{bufs: bufs, since: until}
	w.ended = append(w.ended, s)
	w.writeRest(s)
	if s.state == ending && len(s.rest.bufs) == 0 && !s.form.webSocket() {
		s.sock.finish()
	}
}

// overshoot is how far the kernel may exceed its send buffer: it counts its own bookkeeping, and
// takes a whole segment if one byte is free.
const overshoot = 256 << 10

func totalLength(bufs [][]byte) (n int) {
	for _, b := range bufs {
		n += len(b)
	}
	return n
}

// closeMessage tells the peer that the connection ends, and why.
func closeMessage(f form, code int, reason string) []byte {
	switch f {
	case formEvents:
		return fmt.Appendf(nil, "event: close\ndata: {\"code\":%d,\"reason\":%q}\n\n", code, reason)
	case formLines:
		return fmt.Appendf(nil, "{\"type\":\"close\",\"code\":%d,\"reason\":%q}\n", code, reason)
	}
	const longest = 123 // RFC 6455, 5.5: 125 with the code
	if len(reason) > longest {
		reason = reason[:longest]
	}
	body := websocket.FormatCloseMessage(code, reason)
	return append([]byte{finalFrame | websocket.CloseMessage, byte(len(body))}, body...)
}

// drop closes the socket and forgets s.
func (w *worker) drop(s *spectator) {
	if s.state == gone {
		return
	}
	if s.state == watching {
		w.leave(s)
	}
	s.state = gone
	s.sock.close()
	w.slots[s.slot] = nil
	w.free = append(w.free, s.slot)
	s.rest, s.in = nil, nil
	w.hub.gate.leave(s.address)
}

// fail closes a spectator for which no frame can be made.
func (w *worker) fail(s *spectator, err error) {
	if errors.Is(err, errNoRound) { // it was there when s joined
		why := errRoundDeleted
		w.hub.cfg.Boards.Read(func(_ uint64, b *relay.State) {
			if b.Private(string(s.topic.id)) {
				why = errNoRound
			}
		})
		w.stop(s, CloseNoRound, why.Error())
		return
	}
	w.hub.log.Error("a frame could not be made", "address", s.address, "err", err)
	w.stop(s, CloseGoingAway, "this node has a fault; try another")
}

// stopAll closes all spectators.
func (w *worker) stopAll() {
	w.closing = true
	w.sendAway(errClosed.Error())
}

func (w *worker) sendAway(reason string) {
	for _, s := range w.slots {
		if s != nil {
			w.stop(s, CloseGoingAway, reason)
		}
	}
}
