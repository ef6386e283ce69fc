package broadcast

import (
	"errors"

	"github.com/chessrelay/chessrelay/relay"
)

// spectator is one connection, from the moment a worker has it. It belongs to that worker.
//
// There are tens of thousands of them, so it is small. Its next frames are in the topic's history
// behind its cursor. rest has the bytes for which the kernel has no room.
type spectator struct {
	// Static.
	sock    socket
	topic   *topic
	address string
	hello   *message // nil once it is written
	head    []byte   // the head of an HTTP response; nil once it is written
	form    form
	viewer  Viewer // nil: the public's sight

	state state
	due   due
	epoch uint32 // of the history that the cursor belongs to
	slot  int32  // in worker.slots
	place int32  // in group.members

	// cursor: everything of the round with index <= cursor, of the boards that it watches, was sent
	// or is part of a snapshot that was sent. Nothing beyond it was. Sent means written, or in
	// rest.
	cursor uint64
	// snapshotFirst: nothing is known of what the client has, so a snapshot comes first.
	snapshotFirst bool
	// inStalled: it is in worker.stalled, which may be for a tick longer than it is stalled.
	inStalled bool
	only      *boardSet
	// summarized is the index up to which summaries have told it the boards that it does not watch.
	summarized uint64
	// evaluations: it wants evaluations, and has everything up to evaluated of its topic's list.
	evaluations bool
	evaluated   uint64

	heard int64 // when it last sent something, in ns of the worker's clock
	meter meter
	rest  *rest    // nil: everything was written
	in    *inbound // nil: no frame is half read
}

// mayStay reports whether the client still has the sight with which it was let in.
func (s *spectator) mayStay() bool {
	if s.topic.feed != nil && s.topic.sight == relay.Public {
		return true // it needs no token
	}
	return s.viewer(s.topic.id) == s.topic.sight
}

type state uint8

const (
	watching state = iota
	ending         // it gets the last bytes, until rest.since at most
	gone           // closed
)

// due is what is to be written besides events.
type due uint8

const (
	dueStatus due = 1 << iota
	duePing
	dueSummary
)

// rest is what the kernel had no room for.
type rest struct {
	bufs  [][]byte
	since int64 // when it last took something; if it is ending, when it is closed
}

// An arrival is a connection on its way to a worker. With a code it is only told that, and closed.
type arrival struct {
	*spectator
	code   int
	reason string
}

// errGone is returned when the peer has closed its side.
var errGone = errors.New("the peer has closed the connection")

// A readiness is what the poller says about a socket. It may be late, and about the slot's former
// spectator: an unnecessary look does no harm.
type readiness struct {
	slot               int32
	readable, writable bool
}
