package broadcast

import "github.com/chessrelay/chessrelay/relay"

// frame is all that one log index changed in one round. Immutable, and shared by all spectators.
type frame struct {
	index uint64
	parts []eventPart // one for each event, at least one
	whole *message    // all of them
}

// eventPart is one event of a frame, kept apart for spectators of some boards.
type eventPart struct {
	board int // 0: every spectator of the round gets it
	// changesGame: the board has another game than before, or none.
	changesGame bool
	// moved is the board whose position the event has changed; 0: none.
	moved int
	*message
}

func (p *eventPart) within(set *boardSet) bool { return p.board == 0 || set.has(p.board) }

// encodeFrame encodes events of one index and one round as a frame.
func encodeFrame(events []relay.Event) (*frame, error) {
	f := &frame{index: events[0].Index, parts: make([]eventPart, len(events))}
	var all [][]byte
	for i := range events {
		data, err := encodeEvent(&events[i])
		if err != nil {
			return nil, err
		}
		m := &message{index: f.index, round: events[0].RoundID(), objects: [][]byte{data}}
		f.parts[i] = eventPart{message: m}
		switch g := events[i].Game; {
		case g != nil && events[i].Type == relay.EventDeleted:
			f.parts[i].changesGame = true // also for spectators that do not watch the board
		case g != nil:
			f.parts[i].board, f.parts[i].changesGame = g.Board, events[i].Type == relay.EventGame
		}
		if g := events[i].Game; g != nil && changesPosition(events[i].Type) {
			f.parts[i].moved = g.Board
		}
		f.whole = m
		all = append(all, data)
	}
	if len(all) > 1 {
		f.whole = &message{index: f.index, round: events[0].RoundID(), objects: all}
	}
	return f, nil
}

// cost is how much memory a frame takes, roughly: its text twice, as JSON and in a form, and an
// overhead.
func (f *frame) cost() int {
	const overhead = 400
	return overhead + 2*f.whole.length()
}

// forBoards returns the message for a spectator of the boards of set, and its number of events; nil
// if there are none.
func (f *frame) forBoards(set *boardSet) (m *message, events int) {
	if len(f.parts) == 1 {
		if f.parts[0].within(set) {
			return f.whole, 1
		}
		return nil, 0
	}
	var mine []*message
	for i := range f.parts {
		if f.parts[i].within(set) {
			mine = append(mine, f.parts[i].message)
		}
	}
	switch {
	case len(mine) == len(f.parts):
		return f.whole, len(mine)
	case len(mine) <= 1: // more are rare: one command that changes several boards
		if len(mine) == 0 {
			return nil, 0
		}
		return mine[0], 1
	}
	m = &message{index: f.index, round: mine[0].round}
	for _, p := range mine {
		m.objects = append(m.objects, p.objects...)
	}
	return m, len(mine)
}

// boardSet is the boards that a spectator asked for, ascending; nil means all.
type boardSet []int32

func (s *boardSet) has(board int) bool {
	if s == nil {
		return true
	}
	for _, b := range *s { // they are few
		if int(b) >= board {
			return int(b) == board
		}
	}
	return false
}
