package relay

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/chessrelay/chessrelay/relay/relaypb"
)

// This file deletes games, rounds and tournaments, and restores them.
//
// Nothing is removed from the state. A deleted thing keeps its id, its moves and its audit trail,
// and is in every checkpoint. Readers find neither it nor anything in it. A deleted round hides its
// games, and a deleted tournament hides its rounds. The hidden ones have no mark of their own, so
// restoring brings all of it back as it was.
//
// A delay does not hold a deletion back. The command is held like any other command, and the
// public's view of the round stays. But a reader shows nothing that the truth no longer has. So the
// public may have less at an index than before; [Event.Renews] says when.

// RestoreFor is how long something can be restored after its deletion.
const RestoreFor Millis = 30 * 24 * 60 * 60 * 1000

// maxDeletions is how many lines of deletions and restorations an audit trail may have beyond its
// limit. So a game that was changed as often as is allowed can still be deleted.
const maxDeletions = 100

// Deletion says who deleted something, when and why.
type Deletion struct {
	At     Millis `json:"at"`
	By     string `json:"by,omitempty"`
	Reason string `json:"reason,omitempty"`
	Index  uint64 `json:"index"`
}

// Until is the last moment at which the thing can be restored.
func (d *Deletion) Until() Millis { return d.At + RestoreFor }

// The kinds of changes that deletions and restorations leave in a game's audit trail.
const (
	ChangeDelete  ChangeKind = "delete"
	ChangeRestore ChangeKind = "restore"
)

// ErrDeleted is returned when the command is about something deleted. It is an [ErrNotFound] too.
// See [DeletedError].
var ErrDeleted = errors.New("deleted")

// DeletedError is the [ErrDeleted] that says what was deleted: the thing asked for, or its parent.
type DeletedError struct {
	What string // "tournament", "round" or "game"
	ID   string
	Deletion
	// Late: the command asked to restore it, which is no longer possible.
	Late bool
}

func (e *DeletedError) Error() string {
	text := fmt.Sprintf("the %s %q was deleted at %s", e.What, e.ID, timeText(e.At))
	if e.Late {
		text += fmt.Sprintf(" and could be restored until %s", timeText(e.Until()))
	}
	return text
}

// Unwrap makes errors.Is hold for ErrDeleted and for ErrNotFound.
func (e *DeletedError) Unwrap() []error { return []error{ErrDeleted, ErrNotFound} }

// timeText formats a time for people.
func timeText(t Millis) string {
	return time.UnixMilli(int64(t)).UTC().Format("2006-01-02 15:04:05 UTC")
}

func deletion(c *relaypb.Command, reason string, out *Outcome) *Deletion {
	return &Deletion{At: Millis(c.At), By: c.By, Reason: reason, Index: out.Index}
}

// without returns the list without v. It copies, since readers have the list.
func without[T comparable](list []T, v T) []T {
	return slices.DeleteFunc(slices.Clone(list), func(w T) bool { return w == v })
}

// delete deletes a game, a round or a tournament.
func (s *State) delete(c *relaypb.Command, op *relaypb.Delete, out *Outcome) error {
	if err := checkText("reason", op.Reason, MaxReason, true); err != nil {
		return err
	}
	switch {
	case s.games.get(GameID(op.Id)) != nil:
		return s.deleteGame(c, op, out)
	case s.rounds[RoundID(op.Id)] != nil:
		return s.deleteRound(c, op, out)
	case s.tournaments[TournamentID(op.Id)] != nil:
		return s.deleteTournament(c, op, out)
	}
	return &NotFoundError{"tournament, round or game", clip(op.Id, 32)}
}

// restore restores a deleted game, round or tournament.
func (s *State) restore(c *relaypb.Command, op *relaypb.Restore, out *Outcome) error {
	if err := checkText("reason", op.Reason, MaxReason, true); err != nil {
		return err
	}
	switch {
	case s.games.get(GameID(op.Id)) != nil:
		return s.restoreGame(c, op, out)
	case s.rounds[RoundID(op.Id)] != nil:
		return s.restoreRound(c, op, out)
	case s.tournaments[TournamentID(op.Id)] != nil:
		return s.restoreTournament(c, op, out)
	}
	return &NotFoundError{"tournament, round or game", clip(op.Id, 32)}
}

// refuseLateRestore refuses to restore a thing that was deleted too long ago, by the command's
// time.
func refuseLateRestore(c *relaypb.Command, what, id string, d *Deletion) error {
	if Millis(c.At) > d.Until() {
		return &DeletedError{What: what, ID: id, Deletion: *d, Late: true}
	}
	return nil
}

func (s *State) deleteGame(c *relaypb.Command, op *relaypb.Delete, out *Outcome) error {
	g, err := s.gameToChange(op.Id, c.Request, out)
	if g == nil {
		return err
	}
	if g.Deleted != nil {
		out.duplicateOfChange(g.lastOf(ChangeDelete))
		return nil
	}
	if err := s.deletedRound(s.rounds[g.Round]); err != nil {
		return err
	}
	if err := g.putDeleted(c, op.Reason, deletion(c, op.Reason, out), s, out); err != nil {
		return err
	}
	r := *s.rounds[g.Round]
	r.Games = without(r.Games, g.ID)
	s.rounds[r.ID] = &r
	s.deleted[r.ID] = append(s.deleted[r.ID], g.ID)
	g.hidden = true
	s.updateStatus(r.ID, out)
	out.tell(tellDeleted, c.At)
	out.renews = true
	return nil
}

func (s *State) restoreGame(c *relaypb.Command, op *relaypb.Restore, out *Outcome) error {
	g, err := s.gameToChange(op.Id, c.Request, out)
	if g == nil {
		return err
	}
	r := s.rounds[g.Round]
	if err := s.deletedRound(r); err != nil {
		return err
	}
	if g.Deleted == nil {
		out.duplicateOfChange(g.lastOf(ChangeRestore))
		return nil
	}
	if err := refuseLateRestore(c, "game", op.Id, g.Deleted); err != nil {
		return err
	}
	if at, taken := s.findBoard(r, g.Board); taken {
		return refuse(ErrBoardTaken, "board %d of this round is taken by game %s now; delete that one first", g.Board, r.Games[at])
	}
	if err := g.putDeleted(c, op.Reason, nil, s, out); err != nil {
		return err
	}
	s.deleted[r.ID] = without(s.deleted[r.ID], g.ID)
	if len(s.deleted[r.ID]) == 0 {
		delete(s.deleted, r.ID)
	}
	s.placeOnBoard(g)
	g.hidden = false
	s.updateStatus(r.ID, out)
	out.tell(tellGame, c.At)
	out.renews = true
	return nil
}

// putDeleted publishes a version of the game that is deleted, or is no longer.
func (g *liveGame) putDeleted(c *relaypb.Command, reason string, d *Deletion, s *State, out *Outcome) error {
	if len(g.Changes) >= MaxChanges+maxDeletions {
		return refuse(ErrLimit, "the game has been changed %d times, which is the limit", len(g.Changes))
	}
	kind := ChangeRestore
	if d != nil {
		kind = ChangeDelete
	}
	pairing, next := *g.Pairing, *g.Game
	pairing.Deleted = d
	next.Pairing = &pairing
	next.Changes = append(next.Changes, Change{
		Index: out.Index, Term: out.Term, At: Millis(c.At), By: c.By, Reason: reason,
		Kind: kind, FromPly: g.Ply(), ToPly: g.Ply(), Request: c.Request,
	})
	s.putGame(g, &next, out)
	return nil
}

// lastOf returns the last change of the kind, or the game's creation if there is none.
func (g *Game) lastOf(kind ChangeKind) Change {
	for i := len(g.Changes) - 1; i >= 0; i-- {
		if g.Changes[i].Kind == kind {
			return g.Changes[i]
		}
	}
	return Change{Index: g.CreatedAtIx, Term: g.CreatedTerm}
}

// withDeletion returns the audit trail with one more line: a deletion, or a restoration if d is
// nil.
func withDeletion(updates []Update, c *relaypb.Command, reason string, d *Deletion, out *Outcome) ([]Update, error) {
	if len(updates) >= MaxUpdates+maxDeletions {
		return nil, refuse(ErrLimit, "it has been changed %d times, which is the limit", len(updates))
	}
	was, now := "true", ""
	if d != nil {
		was, now = now, was
	}
	return append(updates, Update{
		Index: out.Index, Term: out.Term, At: Millis(c.At), By: c.By, Reason: reason,
		Fields: []FieldChange{{deletedField, was, now}}, Request: c.Request,
	}), nil
}

// deletedField is the field of an [Update] that tells a deletion or a restoration.
const deletedField = "deleted"

// duplicateOfDeletion answers a command that asks for what is so already. The answer is the update
// that last deleted or restored the thing, or its creation.
func (out *Outcome) duplicateOfDeletion(updates []Update, index, term uint64) {
	for i := len(updates) - 1; i >= 0; i-- {
		if u := updates[i]; len(u.Fields) == 1 && u.Fields[0].Name == deletedField {
			index, term = u.Index, u.Term
			break
		}
	}
	out.Index, out.Term, out.Duplicate = index, term, true
}

func (s *State) deleteRound(c *relaypb.Command, op *relaypb.Delete, out *Outcome) error {
	r := s.rounds[RoundID(op.Id)]
	out.Round = r
	if done, ok := findUpdate(r.Updates, c.Request); ok {
		out.duplicateOfUpdate([]Update{done}, 0, 0)
		return nil
	}
	if r.Deleted != nil {
		out.duplicateOfDeletion(r.Updates, r.Index, r.Term)
		return nil
	}
	t := s.tournaments[r.Tournament]
	if err := s.deletedTournament(t); err != nil {
		return err
	}
	next := *t
	next.Rounds = without(t.Rounds, r.ID)
	return s.putRound(c, op.Reason, r, deletion(c, op.Reason, out), &next, out)
}

func (s *State) restoreRound(c *relaypb.Command, op *relaypb.Restore, out *Outcome) error {
	r := s.rounds[RoundID(op.Id)]
	out.Round = r
	if done, ok := findUpdate(r.Updates, c.Request); ok {
		out.duplicateOfUpdate([]Update{done}, 0, 0)
		return nil
	}
	t := s.tournaments[r.Tournament]
	if err := s.deletedTournament(t); err != nil {
		return err
	}
	if r.Deleted == nil {
		out.duplicateOfDeletion(r.Updates, r.Index, r.Term)
		return nil
	}
	if err := refuseLateRestore(c, "round", op.Id, r.Deleted); err != nil {
		return err
	}
	if len(t.Rounds) >= MaxRounds {
		return refuse(ErrLimit, "the tournament has %d rounds, which is the limit", len(t.Rounds))
	}
	if len(r.Sources) > 0 && len(s.sources) >= MaxSources {
		return refuse(ErrLimit, "%d rounds have a source, which is the limit; remove the source of a round that is over", len(s.sources))
	}
	next := *t
	at, _ := slices.BinarySearchFunc(t.Rounds, r.Index, func(id RoundID, index uint64) int { return cmp.Compare(s.rounds[id].Index, index) })
	next.Rounds = slices.Insert(slices.Clone(t.Rounds), at, r.ID)
	return s.putRound(c, op.Reason, r, nil, &next, out)
}

// putRound publishes a version of a round that is deleted, or is no longer, and its tournament with
// it.
func (s *State) putRound(c *relaypb.Command, reason string, r *Round, d *Deletion, t *Tournament, out *Outcome) error {
	next := *r
	var err error
	if next.Updates, err = withDeletion(r.Updates, c, reason, d, out); err != nil {
		return err
	}
	next.Deleted = d
	s.rounds[r.ID] = &next
	s.changed.rounds = append(s.changed.rounds, &next)
	s.putTournament(t)
	s.indexSources(&next)
	s.markGames(&next)
	out.Round, out.delayed, out.at, out.renews = &next, s.delayed[r.ID], Millis(c.At), true
	out.tellDeleted(d != nil, t, &next)
	return nil
}

func (s *State) deleteTournament(c *relaypb.Command, op *relaypb.Delete, out *Outcome) error {
	t := s.tournaments[TournamentID(op.Id)]
	out.Tournament = t
	if done, ok := findUpdate(t.Updates, c.Request); ok {
		out.duplicateOfUpdate([]Update{done}, 0, 0)
		return nil
	}
	if t.Deleted != nil {
		out.duplicateOfDeletion(t.Updates, t.Index, t.Term)
		return nil
	}
	return s.putDeletedTournament(c, op.Reason, t, deletion(c, op.Reason, out), out)
}

func (s *State) restoreTournament(c *relaypb.Command, op *relaypb.Restore, out *Outcome) error {
	t := s.tournaments[TournamentID(op.Id)]
	out.Tournament = t
	if done, ok := findUpdate(t.Updates, c.Request); ok {
		out.duplicateOfUpdate([]Update{done}, 0, 0)
		return nil
	}
	if t.Deleted == nil {
		out.duplicateOfDeletion(t.Updates, t.Index, t.Term)
		return nil
	}
	if err := refuseLateRestore(c, "tournament", op.Id, t.Deleted); err != nil {
		return err
	}
	sources := len(s.sources)
	for _, r := range s.roundsOf(t) {
		if len(r.Sources) > 0 {
			sources++
		}
	}
	if sources > MaxSources {
		return refuse(ErrLimit, "%d rounds would then have a source, and the limit is %d; remove the source of a round that is over", sources, MaxSources)
	}
	return s.putDeletedTournament(c, op.Reason, t, nil, out)
}

// putDeletedTournament publishes a version of a tournament that is deleted, or is no longer.
func (s *State) putDeletedTournament(c *relaypb.Command, reason string, t *Tournament, d *Deletion, out *Outcome) error {
	next := *t
	var err error
	if next.Updates, err = withDeletion(t.Updates, c, reason, d, out); err != nil {
		return err
	}
	next.Deleted = d
	s.putTournament(&next)
	s.changed.tournaments = append(s.changed.tournaments, &next)
	for _, r := range s.roundsOf(&next) {
		s.indexSources(r)
		s.markGames(r)
	}
	out.Tournament, out.at, out.renews = &next, Millis(c.At), true
	out.tellDeleted(d != nil, &next, s.roundsOf(&next)...)
	return nil
}

// tellDeleted adds an event for each of the rounds: it is deleted, or restored.
func (out *Outcome) tellDeleted(gone bool, t *Tournament, rounds ...*Round) {
	if len(rounds) == 0 {
		return
	}
	out.rounds = &roundEvents{tournament: t, rounds: rounds}
	if gone {
		out.events |= tellDeleted
	} else {
		out.events |= tellRestored
	}
}

// Renews reports whether a deletion or restoration is held in a round with a delay. The public has
// seen its effect already, at an older index. So two clients with the same index may have different
// boards, and a client that comes back must begin with a snapshot.
func (s *State) Renews(id RoundID, sight Sight) bool {
	d := s.delayed[id]
	if d == nil {
		return false
	}
	for i := range d.held { // by index: a checkpoint may be writing its field stored
		if d.held[i].renews || d.held[i].renewsTiers && sight != Public {
			return true
		}
	}
	return false
}

func deletedRecord(d *Deletion) *relaypb.DeletedRecord {
	if d == nil {
		return nil
	}
	return &relaypb.DeletedRecord{At: int64(d.At), By: d.By, Reason: d.Reason, Index: d.Index}
}

func deletedFrom(r *relaypb.DeletedRecord) *Deletion {
	if r == nil {
		return nil
	}
	return &Deletion{At: Millis(r.At), By: r.By, Reason: r.Reason, Index: r.Index}
}
