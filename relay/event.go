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
	Move       *Move // of PlayMove; immutable

	// Events to publish, all of them with Index. Empty if nothing changed for spectators.
	Events []Event
}
