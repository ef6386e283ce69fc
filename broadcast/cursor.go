package broadcast

import (
	"github.com/gorilla/websocket"
)

// boardSet is the boards that a spectator asked for, by number; nil is all.
type boardSet map[int]struct{}

func (s boardSet) has(board int) bool {
	if s == nil {
		return true
	}
	_, ok := s[board]
	return ok
}

// cursor is what one spectator has. It holds no memory of what it has yet to
// get: that is everything in the round's history behind it.
//
// Invariant: everything of the round with index <= index, as far as boards go,
// was sent or is part of a snapshot that was; nothing beyond it was.
type cursor struct {
	index  uint64
	blank  bool // nothing was sent and nothing can be assumed: a snapshot first
	boards boardSet
}

// batch is the next thing to send to one spectator.
type batch struct {
	upTo     uint64 // the cursor's index once this is written
	snapshot bool
	made     bool // the snapshot was encoded for this one

	message *websocket.PreparedMessage // nil: nothing that this spectator watches
	bytes   int
	events  int
}

// nothing reports whether there is nothing in b that c has not got: not even
// events that it does not watch.
func (b *batch) nothing(c *cursor) bool { return b.upTo == c.index && !b.snapshot }

// advance is called once b was written.
func (c *cursor) advance(b batch) {
	c.index = b.upTo
	c.blank = false
}

// next tells what c gets now. If nothing, then c has all there is, and more
// may come once wake is closed. It fails with errNoRound if the round is not, or
// no longer, on the boards.
func (r *round) next(c *cursor, boards View) (b batch, wake <-chan struct{}, err error) {
	var room [8]*frame
	frames, behind, wake := r.history.after(c.index, room[:0])
	if c.blank || behind {
		b, err = r.nextSnapshot(c, boards)
		return b, wake, err
	}
	b.upTo = c.index
	if len(frames) == 0 {
		return b, wake, nil
	}
	b.upTo = frames[len(frames)-1].index
	err = b.fill(frames, c.boards)
	return b, wake, err
}

func (r *round) nextSnapshot(c *cursor, boards View) (b batch, err error) {
	floor, _ := r.history.bounds()
	snap, made, err := r.snapshots.take(boards, r.id, floor)
	if err != nil {
		return b, err
	}
	b.upTo, b.snapshot, b.made = snap.index, true, made
	b.message, b.bytes, err = snap.message(c.boards)
	return b, err
}

// fill makes one message of what set holds of frames. What everybody gets, a
// single frame, is shared; several at once are a rarer case, and joining them
// costs less than as many writes.
func (b *batch) fill(frames []*frame, set boardSet) (err error) {
	if len(frames) == 1 && frames[0].within(set) {
		f := frames[0]
		b.events, b.bytes = len(f.parts), f.length()
		b.message, err = f.prepared()
		return err
	}
	var parts [][]byte
	for _, f := range frames {
		for _, p := range f.parts {
			if p.within(set) {
				parts = append(parts, p.data)
			}
		}
	}
	if len(parts) == 0 {
		return nil
	}
	data := join(parts)
	b.events, b.bytes = len(parts), len(data)
	b.message, err = prepare(data)
	return err
}
