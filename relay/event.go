package relay

// EventType is what an [Event] tells, and the "type" of its frame.
type EventType string

// The types of events on a board and of a round.
const (
	EventMove       EventType = "move"
	EventTakeback   EventType = "takeback"
	EventCorrection EventType = "correction" // moves were replaced at once
	EventResult     EventType = "result"
	EventGame       EventType = "game"  // a board was opened, or its tags changed
	EventRound      EventType = "round" // its fields, its status or its tournament's name changed
	EventClock      EventType = "clock" // the clocks were told, without a move
	// EventDeleted: a board or a whole round is gone.
	EventDeleted EventType = "deleted"
	// EventRestored: a deleted round is there again. A restored board is told by an EventGame.
	EventRestored EventType = "restored"
	// EventTier announces a new tier of a round with a delay, and precedes all other events for it.
	// The tier starts with the public's view as of Index.
	EventTier EventType = "tier"
	// EventNone tells nothing but that a command is no longer held. Its Round says where.
	EventNone EventType = ""
)

// Event is what one command changed, for spectators. [State.Apply] and [State.Release] make the
// events, so they are the same on every node. Index, the log index of the command, orders them.
//
// Most events are about a Game, and say what of it is news: EventMove its last move, EventTakeback
// the position, EventResult the result, EventClock the clocks, EventGame all of it. EventCorrection
// is about [Game.Corrected]. EventRound is about no game, and has a Round.
type Event struct {
	Type  EventType
	Index uint64
	At    Millis
	Game  *Game  // as the command left it; nil of EventRound
	Round *Round // as the command left it, of events about a whole round; otherwise nil
	// Tournament is Round's, as the command left it.
	Tournament *Tournament
	To         Recipients
	// Renews: the public may no longer see what it has of the round, whatever is held. It must
	// begin with a new snapshot. Only events for ToTruth and events about a whole round have it.
	Renews bool
	// RenewsTiers is the same for the tiers that have seen more than the public. Renews implies it.
	RenewsTiers bool
	// Held, of an event about a whole round: the command is held, too. An EventNone follows when it
	// is released.
	Held bool
	// Sight is the tier that an event for ToTier is for.
	Sight Sight
	// Private: the round's tournament is private.
	Private bool
}

// Recipients says which sights an [Event] is for.
type Recipients uint8

// The recipients. A command in a round with a delay is told twice: to clients that see the truth at
// once, and to all others when the delay has passed. Other events are for everyone, at once.
const (
	ToEveryone Recipients = iota
	ToTruth               // clients that see the truth; an event of [State.Apply]
	ToPublic              // clients with the public's sight; an event of [State.Release]
	ToTier                // the clients of one tier; an event of [State.Release]
)

// RoundID returns the round that the event is about.
func (e *Event) RoundID() RoundID {
	if e.Round != nil {
		return e.Round.ID
	}
	return e.Game.Round
}

// Outcome is the answer of [State.Apply] to one command.
type Outcome struct {
	// Index and Term are those of the log entry that made the change; for a duplicate, of the first
	// such entry.
	Index uint64
	Term  uint64
	// Duplicate: this request or an equal one has made the change before. Nothing has changed, and
	// there is no event.
	Duplicate bool
	// Err is the refusal (see errors.go); nothing has changed.
	Err error

	// The subject of the command, as the command left it: the tournament or the round of a command
	// that creates or updates one, and the game of all others.
	Tournament *Tournament
	Round      *Round
	Game       *Game

	rounds      *roundEvents // of tellRound
	move        *Move        // of PlayMove, if it is not the game's last one
	at          Millis       // of the events
	events      eventSet
	delayed     *delayedRound // of a round with a delay; see Outcome.Held
	renews      bool          // see Event.Renews
	renewsTiers bool          // see Event.RenewsTiers
	private     bool          // see Event.Private
}

// roundEvents are the rounds that have an event, each as the command left it.
type roundEvents struct {
	tournament *Tournament
	rounds     []*Round
	delayed    []bool // for each of the rounds: it has a delay; nil: none has
	renews     bool   // the tournament has become private, or is no longer
}

// An eventSet says which events an outcome has. They are made when AppendEvents is called.
type eventSet uint16

const (
	tellMove eventSet = 1 << iota
	tellTakeback
	tellCorrection
	tellResult
	tellGame
	tellRound
	tellClock
	tellDeleted
	tellRestored
)

// tell adds an event about the outcome's game.
func (out *Outcome) tell(what eventSet, at int64) {
	out.events |= what
	out.at = Millis(at)
}

// tellRounds adds an event for each of the rounds, which are t's. It leaves the time of the events
// as it is.
func (out *Outcome) tellRounds(t *Tournament, rounds ...*Round) {
	if len(rounds) > 0 {
		out.events |= tellRound
		out.rounds = &roundEvents{tournament: t, rounds: rounds}
	}
}

// Move returns the move of PlayMove, new or made before.
func (out *Outcome) Move() Move {
	if out.move != nil {
		return *out.move
	}
	m, _ := out.Game.LastMove()
	return m
}

// AppendEvents appends the events to publish to dst. Each has the outcome's Index.
func (out *Outcome) AppendEvents(dst []Event) []Event {
	to := ToEveryone
	if out.delayed != nil {
		to = ToTruth
	}
	return out.appendEvents(dst, to)
}

func (out *Outcome) appendEvents(dst []Event, to Recipients) []Event {
	for i, typ := range [...]EventType{EventMove, EventTakeback, EventCorrection, EventResult, EventGame, EventRound, EventClock, EventDeleted, EventRestored} {
		switch {
		case out.events&(1<<i) == 0:
		case out.Game == nil && (typ == EventDeleted || typ == EventRestored):
			for _, r := range out.rounds.rounds {
				dst = append(dst, Event{
					Type: typ, Index: out.Index, At: out.at, Round: r, Tournament: out.rounds.tournament,
					To: ToEveryone, Renews: true, Held: out.delayed != nil, Private: out.rounds.tournament.Private,
				})
			}
		case typ == EventRound:
			for j, r := range out.rounds.rounds {
				e := Event{
					Type: typ, Index: out.Index, At: out.at, Round: r, Tournament: out.rounds.tournament, To: to,
					Renews:      out.renews && to == ToTruth || out.rounds.renews && to == ToEveryone,
					RenewsTiers: out.renewsTiers && to == ToTruth, Private: out.rounds.tournament.Private,
				}
				if out.rounds.delayed != nil && out.rounds.delayed[j] {
					e.To = ToTruth
				}
				dst = append(dst, e)
			}
		default:
			dst = append(dst, Event{
				Type: typ, Index: out.Index, At: out.at, Game: out.Game, To: to, Renews: out.renews && to == ToTruth,
				RenewsTiers: out.renewsTiers && to == ToTruth, Private: out.private,
			})
		}
	}
	return dst
}

// Changed reports whether there are events to publish.
func (out *Outcome) Changed() bool { return out.events != 0 }
