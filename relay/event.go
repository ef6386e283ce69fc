package relay

// EventType names what an [Event] tells; it is the "type" of the frame that
// spectators get.
type EventType string

// What can happen on a board.
const (
	EventMove     EventType = "move"
	EventTakeback EventType = "takeback"
	EventResult   EventType = "result"
	EventGame     EventType = "game" // a board was opened, or its tags changed
)

// Event is what one command changed, as spectators are told it. Events are
// made by [State.Apply] only, so they are the same on every node, and Index,
// the log index of the command, orders them.
//
// What it tells stands in Game: of EventMove the last move, of EventTakeback the position
// gone back to, of EventResult the result, of EventGame all of it.
type Event struct {
	Type  EventType
	Index uint64
	At    Millis
	Game  *Game // as the command left it; never nil
}

// Outcome is what [State.Apply] answers for one command.
type Outcome struct {
	// Index and Term of the log entry that made the change. For a duplicate
	// they are those of the entry that made it first.
	Index uint64
	Term  uint64
	// Duplicate: the change stands there already, by this request or an
	// equal one; nothing was changed and no event was made.
	Duplicate bool
	// Err is the domain's refusal (see errors.go); nothing was changed.
	Err error

	// What the command was about, as it stands after it: the tournament or the round of
	// one that creates such, the game of all others.
	Tournament *Tournament
	Round      *Round
	Game       *Game

	move   *Move  // of PlayMove, if it is not the game's last one
	at     Millis // of the events
	events telling
}

// A telling is which events an outcome has; they are made when somebody wants them.
type telling uint8

const (
	tellMove telling = 1 << iota
	tellTakeback
	tellResult
	tellGame
)

// tell adds an event about the game that the outcome has.
func (out *Outcome) tell(what telling, at int64) {
	out.events |= what
	out.at = Millis(at)
}

// Move is the move of PlayMove, be it new or one that was made before.
func (out *Outcome) Move() Move {
	if out.move != nil {
		return *out.move
	}
	m, _ := out.Game.LastMove()
	return m
}

// AppendEvents appends the events to publish to dst, all of them with Index: none if nothing changed for spectators.
func (out *Outcome) AppendEvents(dst []Event) []Event {
	for i, typ := range [...]EventType{EventMove, EventTakeback, EventResult, EventGame} {
		if out.events&(1<<i) != 0 {
			dst = append(dst, Event{Type: typ, Index: out.Index, At: out.at, Game: out.Game})
		}
	}
	return dst
}

// Changed reports whether there are events to publish.
func (out *Outcome) Changed() bool { return out.events != 0 }
