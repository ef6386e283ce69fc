package relay

// EventType names what an [Event] tells; it is the "type" of the frame that
// spectators get.
type EventType string

// What can happen on a board, and to a round.
const (
	EventMove       EventType = "move"
	EventTakeback   EventType = "takeback"
	EventCorrection EventType = "correction" // moves were taken back and others played in their place, at once
	EventResult     EventType = "result"
	EventGame       EventType = "game"  // a board was opened, or its tags changed
	EventRound      EventType = "round" // the round's own fields changed, or its status, or its tournament's name
	EventClock      EventType = "clock" // the clocks were told, without a move
	// EventDeleted: a board is gone, or the whole round.
	EventDeleted EventType = "deleted"
	// EventRestored: a round that was deleted is there again. Of a board that is restored there is
	// an EventGame.
	EventRestored EventType = "restored"
	// EventTier announces a new tier of a round with a delay, and precedes all other events for it.
	// The tier starts with the public's view as of Index.
	EventTier EventType = "tier"
	// EventNone tells nothing but that a command is no longer held. Its Round says where.
	EventNone EventType = ""
)

// Event is what one command changed, as spectators are told it. Events are
// made by [State.Apply] only, so they are the same on every node, and Index,
// the log index of the command, orders them.
//
// What it tells stands in Game: of EventMove the last move, of EventTakeback the position
// gone back to, of EventCorrection the moves of [Game.Corrected], of EventResult the
// result, of EventClock the clocks, of EventGame all of it. EventRound alone is about no game, and has the Round.
type Event struct {
	Type  EventType
	Index uint64
	At    Millis
	Game  *Game  // as the command left it; nil of EventRound
	Round *Round // of EventRound, and of the deletion of a whole round: as the command left it; nil of all others
	// Tournament is that of Round, as the command left it.
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
	// Private: the round is one of a private tournament.
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

// RoundID is the round that the event is of.
func (e *Event) RoundID() RoundID {
	if e.Round != nil {
		return e.Round.ID
	}
	return e.Game.Round
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
	// one that creates or updates such, the game of all others.
	Tournament *Tournament
	Round      *Round
	Game       *Game

	rounds      *roundEvents // of tellRound
	move        *Move        // of PlayMove, if it is not the game's last one
	at          Millis       // of the events
	events      eventSet
	delayed     *delayedRound // of a round with a delay; see Held
	renews      bool          // see Event.Renews
	renewsTiers bool          // see Event.RenewsViewers
	private     bool          // see Event.Private
}

// roundEvents are the rounds that spectators are told of, each as the command left it.
type roundEvents struct {
	tournament *Tournament
	rounds     []*Round
	delayed    []bool // for each of the rounds: it has a delay; nil: none has
	renews     bool   // the tournament has become private, or is no longer
}

// A telling is which events an outcome has; they are made when somebody wants them.
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

// tell adds an event about the game that the outcome has.
func (out *Outcome) tell(what eventSet, at int64) {
	out.events |= what
	out.at = Millis(at)
}

// tellRounds adds an event for each of the rounds, which are of the tournament t. What else the outcome tells has its time.
func (out *Outcome) tellRounds(t *Tournament, rounds ...*Round) {
	if len(rounds) > 0 {
		out.events |= tellRound
		out.rounds = &roundEvents{tournament: t, rounds: rounds}
	}
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
