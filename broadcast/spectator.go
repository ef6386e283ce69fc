package broadcast

import (
	"errors"

	"github.com/chessrelay/chessrelay/relay"
)

// spectator is one connection, from the moment a worker has it. All of it belongs to that worker.
//
// There are tens of thousands of them, so it is small: what it has yet to get is the round's history behind its
// cursor, and what it has not read of a frame is in rest only while the kernel has no room for it.
type spectator struct {
	// Static.
	sock    socket
	round   *round
	address string
	hello   *message // until it is written
	head    []byte   // before it: what an HTTP response begins with
	form    form
	viewer  Viewer // nil: the public's sight

	state state
	due   due
	epoch uint32 // of the history that the cursor belongs to
	slot  int32  // in worker.slots
	place int32  // in group.members

	// cursor: everything of the round with index <= cursor, as far as boards go, was sent or is part of a
	// snapshot that was; nothing beyond it was. Sent is what was written, or is in rest.
	cursor uint64
	// snapshotFirst: nothing was sent and nothing can be assumed, so a snapshot comes first.
	snapshotFirst bool
	// inStalled: it is in worker.stalled, which may be for a tick longer than it is stalled.
	inStalled bool
	boards    *boardSet
	// summarized is up to which index it knows the boards that it does not watch, by summaries.
	summarized uint64

	heard int64 // when something came from it, in ns of the worker's clock
	meter meter
	rest  *rest    // nil: everything was written
	in    *inbound // nil: no frame is half read
}

// mayStay reports whether the client still has the sight with which it was let in.
func (s *spectator) mayStay() bool {
	if s.round.feed != nil && s.round.sight == relay.Public {
		return true // it needs no token
	}
	return s.viewer(s.round.id) == s.round.sight
}

type state uint8

const (
	watching state = iota
	ending         // it was said goodbye, and may take until its rest.since to be read
	gone           // closed
)

// due is what is to be written besides the events.
type due uint8

const (
	dueStatus due = 1 << iota
	duePing
	dueSummary
)

// rest is what the kernel had no room for.
type rest struct {
	bufs  [][]byte
	since int64 // when something was last taken; of one that is ending, when it is closed
}

// An arrival is a connection on its way to a worker. One with a code is only told that and closed.
type arrival struct {
	*spectator
	code   int
	reason string
}

// errGone is returned when the peer has closed its side.
var errGone = errors.New("the peer has closed the connection")

// A readiness is what the poller says about a socket. It may be late, and be about one who had the slot before: nobody
// is harmed by being asked in vain.
type readiness struct {
	slot               int32
	readable, writable bool
}
