package relay

import (
	"bytes"
	"cmp"
	"math"
	"slices"
)

// A publicSide is what the public has of a round with a delay: the round as it stood after some of its commands, and what
// those behind them have made of it, which is held back. All of it are values that are published and immutable, so holding
// them costs no second Apply and no copy.
//
// A command is held until the delay has passed since its own time, that of the envelope, and all commands of
// the round before it are out. So what the public sees follows from the log and the time of day: a node that starts
// again, or another one, shows the same.
//
// That time is the leader's, and a clock may be wrong. So a node also measures how long it has held
// a command that was new when it came, see [State.Arrive], and the delay has to pass by that
// measure, too. What a node replays from its own log or disk, or gets in an image of the boards, it
// did not see come: there the leader's time alone counts.
//
// None of this is a part of the state: it is a view of it, and not in the hash.
//
// Invariant: round and games are those that a State has to which all of the round's commands were applied, but for those in held.
type publicSide struct {
	id    RoundID
	delay Millis  // of the round as it is, not as the public has it
	part          // the public's
	held  []held  // in the order of the log
	tiers []*tier // of the viewers who see it earlier than the public

	stored  storedSide
	changed bool // since TakeDirty
}

// held is a command that the public has not seen the effect of yet.
type held struct {
	index, term uint64
	at          Millis // of the envelope
	seen        Millis // when it came, see Arrive; 0: not known
	command     []byte
	stored      bool // a checkpoint has it

	// What it made.
	round                 *Round
	game                  *Game // nil of one that is about the round only
	rounds                *roundsTold
	events                telling
	eventAt               Millis
	renews, renewsViewers bool // see Event
}

// never is later than every time.
const never Millis = math.MaxInt64

// begin gives a round a public side: what the public has now.
func (s *State) begin(r *Round, delay int) *publicSide {
	p := s.newSide(r.ID, delay)
	p.round = r
	for g := range s.allGames(r) {
		p.games[g.ID] = g.Game
		p.stored.touch(g.ID)
	}
	p.shown = p.newest()
	s.due = 0 // it has no tiers yet
	s.touchSide(p)
	return p
}

// newSide makes an empty one.
func (s *State) newSide(id RoundID, delay int) *publicSide {
	p := &publicSide{id: id}
	// Of one that was dropped since the last checkpoint the records are still there, and become this one's.
	if i := slices.IndexFunc(s.changed.sides, func(p *publicSide) bool { return p.id == id }); i >= 0 {
		p = s.changed.sides[i]
	}
	p.delay, p.games = seconds(delay), make(map[GameID]*Game)
	for g := range s.allGames(s.rounds[id]) {
		g.side = p
	}
	if s.sides == nil {
		s.sides = make(map[RoundID]*publicSide)
	}
	s.sides[id] = p
	return p
}

func seconds(n int) Millis { return Millis(n) * 1000 }

// delay is called before a round becomes next by a command of that time. What was due by then under the old delay is out
// before the new one holds: nodes whose public has seen it do not hide it again when they replay the log. It
// returns the side that holds what the command does; nil if there is no delay, and was none.
func (s *State) delay(r, next *Round, at Millis) *publicSide {
	p := s.sides[r.ID]
	switch {
	case s.shadow:
		return nil
	case p == nil && next.Delay == 0:
		return nil
	case p == nil:
		return s.begin(r, next.Delay)
	case p.delay == seconds(next.Delay):
		return p
	}
	s.release(p, at, s.up)
	p.delay = seconds(next.Delay)
	s.due = 0 // to be found anew
	return p
}

// hold keeps what a command has made from the public. Not so of a round that has no delay any more, whose side is there
// until the next Release, so that the order of its events is kept.
func (s *State) hold(out *Outcome, at Millis, command []byte) {
	p := out.side
	p.held = append(p.held, held{
		index: out.Index, term: out.Term, at: at, seen: s.seen, command: bytes.Clone(command),
		round: s.rounds[p.id], game: out.Game, rounds: out.rounds, events: out.events, eventAt: out.at,
		renews: out.renews, renewsViewers: out.renewsViewers,
	})
	s.touchSide(p)
	if p.delay == 0 {
		s.release(p, never, never)
		s.due = 0
		return
	}
	s.due = min(s.due, p.due())
}

// due is when the first command that somebody does not see yet is due by its own time; never if
// there is none.
func (p *publicSide) due() Millis {
	due := never
	if len(p.held) > 0 {
		due = p.held[0].at + p.delay
	}
	for _, t := range p.tiers {
		if t.taken < len(p.held) {
			due = min(due, p.held[t.taken].at+t.delay(p))
		}
	}
	return due
}

// holdRounds keeps from the public what a tournament's new name makes of its rounds that have a delay: an event, which has its place behind those
// that are held. The tournament itself has none, so the name is public at once, and who misses the event gets it with a snapshot: it is not stored.
func (s *State) holdRounds(out *Outcome, at Millis) {
	told := out.rounds
	for i, r := range told.rounds {
		p := s.sides[r.ID]
		if p == nil {
			continue
		}
		if told.inside == nil {
			told.inside = make([]bool, len(told.rounds))
		}
		told.inside[i] = true
		one := Outcome{Index: out.Index, Term: out.Term, side: p, rounds: &roundsTold{tournament: told.tournament, rounds: []*Round{r}}, events: out.events, at: out.at}
		s.hold(&one, at, nil)
	}
}

// wait is how long a command has yet to be held under the delay, by both measures.
func (h *held) wait(delay, now, up Millis) Millis {
	if now == never {
		return 0
	}
	wait := h.at + delay - now
	if h.seen != 0 {
		wait = max(wait, h.seen+delay-up)
	}
	return wait
}

// wait is how long the first command that somebody does not see yet has to be held; never if there
// is none.
func (p *publicSide) wait(now, up Millis) Millis {
	wait := never
	if len(p.held) > 0 {
		wait = p.held[0].wait(p.delay, now, up)
	}
	for _, t := range p.tiers {
		if t.taken < len(p.held) {
			wait = min(wait, p.held[t.taken].wait(t.delay(p), now, up))
		}
	}
	return wait
}

// release lets out what is due: to the tiers, and then to the public, which so has nothing that
// they do not have.
func (s *State) release(p *publicSide, now, up Millis) {
	for _, t := range p.tiers {
		for t.taken < len(p.held) && p.held[t.taken].wait(t.delay(p), now, up) <= 0 {
			h := &p.held[t.taken]
			t.take(h)
			t.taken++
			s.released = s.appendReleased(s.released, h, Viewers, t.sight)
		}
	}
	for len(p.held) > 0 && p.held[0].wait(p.delay, now, up) <= 0 {
		h := &p.held[0]
		p.take(h)
		if h.game != nil {
			p.stored.touch(h.game.ID)
		}
		if h.stored {
			p.stored.gone = append(p.stored.gone, h.index)
		}
		s.shown = max(s.shown, h.index)
		s.released = s.appendReleased(s.released, h, Outsiders, Outside)
		*h = held{} // nobody needs it any more
		p.held = p.held[1:]
		for _, t := range p.tiers {
			t.taken--
		}
		s.touchSide(p)
	}
}

// appendReleased appends the events of a command that is no longer held. The events of a deleted
// game are left out, except that it is deleted. The deletion of a whole round was told at once. If
// no event is left, there is an [EventNone].
func (s *State) appendReleased(dst []Event, h *held, to Audience, sight Sight) []Event {
	s.releases++
	out := Outcome{Index: h.index, Game: h.game, rounds: h.rounds, events: h.events, at: h.eventAt, private: s.tournaments[h.round.Tournament].Private}
	switch {
	case s.deletedRound(s.rounds[h.round.ID]) != nil, h.game == nil && h.events&(tellDeleted|tellRestored) != 0:
		out.events = 0
	case h.game != nil && s.games.get(h.game.ID).gone:
		out.events &= tellDeleted | tellRound
	}
	if out.events == 0 {
		if to == Viewers {
			return dst
		}
		return append(dst, Event{Type: EventNone, Index: h.index, At: h.eventAt, Round: h.round, To: Outsiders})
	}
	begin := len(dst)
	dst = out.appendEvents(dst, to)
	for i := range dst[begin:] {
		dst[begin+i].Sight = sight
	}
	return dst
}

// Release makes public, in the rounds that have a delay, what is due now, and returns its events: for each round in
// the order of the log, and among them those that became due since the last call because a delay was changed. Next is when the next command is due,
// 0 if none is held. It changes nothing but what [State.Public] shows. A clock that goes backwards takes nothing back.
//
// Up is the clock of [State.Arrive]. It is to be called after Apply, and then at the time next.
// Where there is no delay it costs nothing.
func (s *State) Release(now, up Millis) (events []Event, next Millis) {
	if now >= s.due {
		s.due = never
		ids := make([]RoundID, 0, len(s.sides))
		for id := range s.sides {
			ids = append(ids, id)
		}
		slices.SortFunc(ids, func(a, b RoundID) int { return cmp.Compare(s.rounds[a].Index, s.rounds[b].Index) })
		for _, id := range ids {
			p := s.sides[id]
			if p.delay == 0 {
				s.release(p, never, never)
				s.drop(p)
				continue
			}
			s.findTiers(p)
			if s.release(p, now, up); len(p.held) > 0 {
				s.due = min(s.due, p.due())
				if wait := p.wait(now, up); wait != never {
					next = min(cmp.Or(next, never), now+wait)
				}
			}
		}
	}
	events, s.released = s.released, nil
	if s.due == never {
		return events, 0
	}
	return events, cmp.Or(next, s.due)
}

// Holds reports whether Release may have something to do.
func (s *State) Holds() bool { return len(s.sides) > 0 || len(s.released) > 0 }

// Arrive is called before Apply with when the commands that follow came to this node, as it
// measures it: seen is when they can have been made at the earliest, 0 if the node does not know,
// and up the present. Both are of one clock that nobody sets, in milliseconds.
func (s *State) Arrive(seen, up Millis) { s.seen, s.up = seen, up }

// drop ends a side that has nothing left to hold.
func (s *State) drop(p *publicSide) {
	for g := range s.allGames(s.rounds[p.id]) {
		g.side = nil
	}
	delete(s.sides, p.id)
	p.round, p.games, p.tiers = nil, nil, nil
	s.touchSide(p)
}

// Delays is what the public has of a state in which rounds have a delay.
type Delays struct {
	Shown  uint64 // see State.Shown
	Rounds []Delayed
}

// Delayed is a round with a delay.
type Delayed struct {
	Round RoundID
	Shown uint64 // the newest log index of the round whose effect the public has
	Held  int    // how many commands are held back
	Tiers []DelayedTier
}

// DelayedTier is a round with a delay as some viewers see it.
type DelayedTier struct {
	Sight Sight
	Shown uint64 // the newest log index of the round whose effect they have
}

// Delays returns the rounds with a delay, by id; nil if there is none.
func (s *State) Delays() *Delays {
	if len(s.sides) == 0 {
		return nil
	}
	out := &Delays{Shown: s.shown}
	for id, p := range s.sides {
		d := Delayed{Round: id, Shown: p.shown, Held: len(p.held)}
		for _, t := range p.tiers {
			d.Tiers = append(d.Tiers, DelayedTier{t.sight, t.shown})
		}
		out.Rounds = append(out.Rounds, d)
	}
	slices.SortFunc(out.Rounds, func(a, b Delayed) int { return cmp.Compare(a.Round, b.Round) })
	return out
}

// HasDelay reports whether the round has a delay, or something of it is still held back.
func (s *State) HasDelay(id RoundID) bool { return s.sides[id] != nil }

// Held reports whether the outcome is held back from the public: its events are for who sees the truth, and come again
// from [State.Release] for all others.
func (out *Outcome) Held() bool { return out.side != nil && out.events != 0 }
