package relay

import (
	"bytes"
	"cmp"
	"math"
	"slices"
)

// A round may have a delay of up to an hour. The State is the truth, and a delay changes none of
// the above. The State also keeps the public's view of such a round: the round after the first of
// its commands. The commands behind them are held, until the delay has passed since their own time
// and all commands before them are released. The node that leads the log stamps that time.
//
//	the round's commands   1 2 3 4 5 6 7 8 9
//	                       └public─┘ └held─┘
//	                       └── a tier ─┘
//	                       └──── truth ────┘
//
// [State.Release] is told the time, and releases what is due. So the public's view is a function of
// the log and the time, and of nothing that one node remembers. [State.Public] shows it. A round
// without a delay has the truth as its only view.
//
// A command that changes the delay first releases what is due under the old delay. So a longer
// delay hides nothing again, also when the log is replayed. The command itself is held, too. The
// public has a round and its tournament from the beginning. Events of the round are held, including
// the creation of its games.
//
// A viewer's token may have a shorter delay than the round. So there is a tier for each such delay:
// the public's view and the first held commands on top (sight.go). [State.ReaderFor] shows the view
// of a [Sight], and hides private tournaments from clients whose tokens do not cover them.
//
// The public has an index of its own, [State.Shown]: the newest index whose effect it may see. No
// held command moves it, so no index that the public is told tells what is held.

// A delayedRound is what the State keeps of a round with a delaybeside the truth: the public's
// view, the tiers, and the held commands. A view is the round after the first commands of its log.
// A held command keeps the immutable values that it led to. So holding costs no second Apply and no
// copy.
//
// A command is held until the delay has passed since its own time, and until all commands of the
// round before it are released. So the public's view follows from the log and the time of day. A
// node that restarts shows the same, and so does every other node.
//
// A command's time is the leader's clock, which may be wrong. So a node also measures how long it
// has held a command that was new when it arrived; see [State.Arrive]. The delay must pass by both
// measures. For a command from the node's own log or disk, or from an image of the boards, only the
// leader's time counts.
//
// A delayedRound is a view of the state and no part of it, so the hash leaves it out.
//
// Invariant: public is the round after all of its commands but those in held.
type delayedRound struct {
	id     RoundID
	delay  Millis // in truth, not as the public has it
	public view
	held   []held  // in the order of the log
	tiers  []*tier // ahead of the public

	stored  storedDelayed
	changed bool // since TakeDirty
}

// A held is a held command: the public has not seen its effect yet.
type held struct {
	index, term uint64
	at          Millis // its own time
	arrived     Millis // when it arrived, see Arrive; 0: not known
	command     []byte
	stored      bool // a checkpoint has it

	// Its effect.
	round               *Round
	game                *Game // nil if it is about the round only
	rounds              *roundEvents
	events              eventSet
	eventAt             Millis
	renews, renewsTiers bool // see Event
}

// never is later than every time.
const never Millis = math.MaxInt64

// beginDelay gives a round a delay. The public's view begins with the round as it is now.
func (s *State) beginDelay(r *Round, delay int) *delayedRound {
	d := s.newDelayed(r.ID, delay)
	d.public.round = r
	for g := range s.allGames(r) {
		d.public.games[g.ID] = g.Game
		d.stored.touch(g.ID)
	}
	d.public.shown = d.newest()
	s.nextRelease = 0 // it has no tiers yet
	s.touchDelayed(d)
	return d
}

// newDelayed makes a delayedRound without a view.
func (s *State) newDelayed(id RoundID, delay int) *delayedRound {
	d := &delayedRound{id: id}
	// If one was dropped since the last checkpoint, its records are still stored. They become this
	// one's.
	if i := slices.IndexFunc(s.changed.delayed, func(d *delayedRound) bool { return d.id == id }); i >= 0 {
		d = s.changed.delayed[i]
	}
	d.delay, d.public.games = seconds(delay), make(map[GameID]*Game)
	for g := range s.allGames(s.rounds[id]) {
		g.delayed = d
	}
	if s.delayed == nil {
		s.delayed = make(map[RoundID]*delayedRound)
	}
	s.delayed[id] = d
	return d
}

func seconds(n int) Millis { return Millis(n) * 1000 }

// changeDelay is called before r becomes next. at is the time of the command. It releases what is
// due under the old delay first. So a node that replays the log hides nothing that the public has
// seen. It returns the delayedRound that holds the command; nil if there is no delay and was none.
func (s *State) changeDelay(r, next *Round, at Millis) *delayedRound {
	d := s.delayed[r.ID]
	switch {
	case s.isPublic:
		return nil
	case d == nil && next.Delay == 0:
		return nil
	case d == nil:
		return s.beginDelay(r, next.Delay)
	case d.delay == seconds(next.Delay):
		return d
	}
	s.release(d, at, s.uptime)
	d.delay = seconds(next.Delay)
	s.nextRelease = 0 // to be found
	return d
}

// hold withholds a command's effect from the public. After a round has lost its delay, its
// delayedRound stays until the next Release, to keep the order of its events.
func (s *State) hold(out *Outcome, at Millis, command []byte) {
	d := out.delayed
	d.held = append(d.held, held{
		index: out.Index, term: out.Term, at: at, arrived: s.arrived, command: bytes.Clone(command),
		round: s.rounds[d.id], game: out.Game, rounds: out.rounds, events: out.events, eventAt: out.at,
		renews: out.renews, renewsTiers: out.renewsTiers,
	})
	s.touchDelayed(d)
	if d.delay == 0 {
		s.release(d, never, never)
		s.nextRelease = 0
		return
	}
	s.nextRelease = min(s.nextRelease, d.due())
}

// due returns when the first command that some viewer has not seen is due by its own time; never if
// there is none.
func (d *delayedRound) due() Millis {
	due := never
	if len(d.held) > 0 {
		due = d.held[0].at + d.delay
	}
	for _, t := range d.tiers {
		if t.heldSeen < len(d.held) {
			due = min(due, d.held[t.heldSeen].at+t.delay(d))
		}
	}
	return due
}

// holdRounds holds the events that a tournament's new name makes in its rounds with a delay: they
// must come after those that are held. The name itself is public at once. The events are not
// stored: a client that misses one gets the name with a snapshot.
func (s *State) holdRounds(out *Outcome, at Millis) {
	told := out.rounds
	for i, r := range told.rounds {
		d := s.delayed[r.ID]
		if d == nil {
			continue
		}
		if told.delayed == nil {
			told.delayed = make([]bool, len(told.rounds))
		}
		told.delayed[i] = true
		one := Outcome{Index: out.Index, Term: out.Term, delayed: d, rounds: &roundEvents{tournament: told.tournament, rounds: []*Round{r}}, events: out.events, at: out.at}
		s.hold(&one, at, nil)
	}
}

// wait returns how long the command must still be held under the delay, by both measures.
func (h *held) wait(delay, now, uptime Millis) Millis {
	if now == never {
		return 0
	}
	wait := h.at + delay - now
	if h.arrived != 0 {
		wait = max(wait, h.arrived+delay-uptime)
	}
	return wait
}

// wait returns how long the first command that some viewer has not seen must still be held; never
// if there is none.
func (d *delayedRound) wait(now, uptime Millis) Millis {
	wait := never
	if len(d.held) > 0 {
		wait = d.held[0].wait(d.delay, now, uptime)
	}
	for _, t := range d.tiers {
		if t.heldSeen < len(d.held) {
			wait = min(wait, d.held[t.heldSeen].wait(t.delay(d), now, uptime))
		}
	}
	return wait
}

// release makes public what is due. The tiers come first, so the public never has more than a tier.
func (s *State) release(d *delayedRound, now, uptime Millis) {
	for _, t := range d.tiers {
		for t.heldSeen < len(d.held) && d.held[t.heldSeen].wait(t.delay(d), now, uptime) <= 0 {
			h := &d.held[t.heldSeen]
			t.take(h)
			t.heldSeen++
			s.releasedEvents = s.appendReleased(s.releasedEvents, h, ToTier, t.sight)
		}
	}
	for len(d.held) > 0 && d.held[0].wait(d.delay, now, uptime) <= 0 {
		h := &d.held[0]
		d.public.take(h)
		if h.game != nil {
			d.stored.touch(h.game.ID)
		}
		if h.stored {
			d.stored.released = append(d.stored.released, h.index)
		}
		s.shown = max(s.shown, h.index)
		s.releasedEvents = s.appendReleased(s.releasedEvents, h, ToPublic, Public)
		*h = held{} // for the garbage collector
		d.held = d.held[1:]
		for _, t := range d.tiers {
			t.heldSeen--
		}
		s.touchDelayed(d)
	}
}

// appendReleased appends the events of a released command. Of a deleted game only its deletion is
// told. The deletion of a whole round was told at once. If no event is left for the public, there
// is an [EventNone].
func (s *State) appendReleased(dst []Event, h *held, to Recipients, sight Sight) []Event {
	s.releaseCount++
	out := Outcome{Index: h.index, Game: h.game, rounds: h.rounds, events: h.events, at: h.eventAt, private: s.tournaments[h.round.Tournament].Private}
	switch {
	case s.deletedRound(s.rounds[h.round.ID]) != nil, h.game == nil && h.events&(tellDeleted|tellRestored) != 0:
		out.events = 0
	case h.game != nil && s.games.get(h.game.ID).hidden:
		out.events &= tellDeleted | tellRound
	}
	if out.events == 0 {
		if to == ToTier {
			return dst
		}
		return append(dst, Event{Type: EventNone, Index: h.index, At: h.eventAt, Round: h.round, To: ToPublic})
	}
	begin := len(dst)
	dst = out.appendEvents(dst, to)
	for i := range dst[begin:] {
		dst[begin+i].Sight = sight
	}
	return dst
}

// Release makes public what is due now in the rounds with a delay, and returns its events, each
// round's in the order of the log. They include events that a change of the delay has released
// since the last call. next is when the next command is due, 0 if none is held. Release changes
// only what [State.Public] and [State.ReaderFor] show. A clock that goes back hides nothing again.
//
// up is the clock of [State.Arrive]. Call Release after Apply, and then at next. Without a round
// with a delay it costs nothing.
func (s *State) Release(now, uptime Millis) (events []Event, next Millis) {
	if now >= s.nextRelease {
		s.nextRelease = never
		ids := make([]RoundID, 0, len(s.delayed))
		for id := range s.delayed {
			ids = append(ids, id)
		}
		slices.SortFunc(ids, func(a, b RoundID) int { return cmp.Compare(s.rounds[a].Index, s.rounds[b].Index) })
		for _, id := range ids {
			d := s.delayed[id]
			if d.delay == 0 {
				s.release(d, never, never)
				s.drop(d)
				continue
			}
			s.findTiers(d)
			s.release(d, now, uptime)
			if len(d.held) > 0 {
				s.nextRelease = min(s.nextRelease, d.due())
				if wait := d.wait(now, uptime); wait != never {
					next = min(cmp.Or(next, never), now+wait)
				}
			}
		}
	}
	events, s.releasedEvents = s.releasedEvents, nil
	if s.nextRelease == never {
		return events, 0
	}
	return events, cmp.Or(next, s.nextRelease)
}

// MayRelease reports whether Release may have something to do.
func (s *State) MayRelease() bool { return len(s.delayed) > 0 || len(s.releasedEvents) > 0 }

// Arrive tells when the commands of the next Apply came to this node. seen is the earliest time at
// which they can have been made, 0 if the node does not know it; up is now. Both are milliseconds
// of one clock that nobody sets.
func (s *State) Arrive(arrived, uptime Millis) { s.arrived, s.uptime = arrived, uptime }

// drop removes a delayedRound that holds nothing.
func (s *State) drop(d *delayedRound) {
	for g := range s.allGames(s.rounds[d.id]) {
		g.delayed = nil
	}
	delete(s.delayed, d.id)
	d.public.round, d.public.games, d.tiers = nil, nil, nil
	s.touchDelayed(d)
}

// Delays describes the public's view of a state in which rounds have a delay.
type Delays struct {
	Shown  uint64 // see State.Shown
	Rounds []Delayed
}

// Delayed describes a round with a delay.
type Delayed struct {
	Round RoundID
	Shown uint64 // the newest log index of the round whose effect the public has
	Held  int    // how many commands are held
	Tiers []DelayedTier
}

// DelayedTier describes one tier of a round with a delay.
type DelayedTier struct {
	Sight Sight
	Shown uint64 // the newest log index of the round whose effect is in it
}

// Delays returns the rounds with a delay, by id; nil if there is none.
func (s *State) Delays() *Delays {
	if len(s.delayed) == 0 {
		return nil
	}
	out := &Delays{Shown: s.shown}
	for id, round := range s.delayed {
		d := Delayed{Round: id, Shown: round.public.shown, Held: len(round.held)}
		for _, t := range round.tiers {
			d.Tiers = append(d.Tiers, DelayedTier{t.sight, t.shown})
		}
		out.Rounds = append(out.Rounds, d)
	}
	slices.SortFunc(out.Rounds, func(a, b Delayed) int { return cmp.Compare(a.Round, b.Round) })
	return out
}

// HasDelay reports whether the round has a delay, or still has held commands.
func (s *State) HasDelay(id RoundID) bool { return s.delayed[id] != nil }

// Held reports whether the command is held. Then its events are for clients that see the truth, and
// [State.Release] returns them again for all others.
func (out *Outcome) Held() bool { return out.delayed != nil && out.events != 0 }
