package relay

import (
	"fmt"
	"slices"
	"strings"

	"github.com/chessrelay/chessrelay/relay/relaypb"
)

// A diff collects what an update changes.
type diff []FieldChange

// set sets a field to its new value, if there is one and it differs.
func set[T comparable](d *diff, name string, field *T, to *T) {
	if to == nil || *to == *field {
		return
	}
	d.note(name, fmt.Sprint(*field), fmt.Sprint(*to))
	*field = *to
}

func (d *diff) note(name, was, now string) {
	const enough = 2 * MaxName
	*d = append(*d, FieldChange{name, clip(was, enough), clip(now, enough)})
}

// updateGame changes the players and the tags of a game. The round and the board never change. The
// start position may change as long as no move is recorded. A field that a person sets is locked.
// From a source, locked fields are ignored.
func (s *State) updateGame(c *relaypb.Command, op *relaypb.UpdateGame, out *Outcome) error {
	g, err := s.gameToChange(op.Game, c.Request, out)
	if g == nil {
		return err
	}
	if op.White == nil && op.Black == nil && op.TimeControl == nil && len(op.Tags) == 0 && op.Source == nil &&
		op.Fen == nil && op.Variant == nil && op.StartPosition == nil {
		return bad("update", "names no field to change")
	}
	var d diff
	pairing, locks := *g.Pairing, g.Locks()
	if byPerson(c) {
		locks = g.lock(c, UpdatedFields(op)...)
	} else if err := g.refuseManual(c); err != nil {
		return err
	} else if whole := op; len(g.Locks()) > 0 {
		if op = g.withoutLocked(op); len(UpdatedFields(op)) == 0 && g.wouldChange(whole) {
			return g.mayChange(c, firstLocked(g.Game, whole))
		}
	}
	white, black := playerRecord(g.White), playerRecord(g.Black)
	d.player("white", white, op.White)
	d.player("black", black, op.Black)
	set(&d, "timeControl", &pairing.TimeControl, op.TimeControl)
	set(&d, "source", &pairing.Source, op.Source)
	tags, err := d.tags(g.Tags, op.Tags)
	start, startErr := d.start(g.Game, &pairing, op)
	if err := firstError(
		err, startErr, checkText("source", pairing.Source, MaxTagName, false),
		checkText("reason", op.Reason, MaxReason, true),
		checkPlayer("white", white),
		checkPlayer("black", black),
		checkText("timeControl", pairing.TimeControl, MaxTimeControl, false),
	); err != nil {
		return err
	}
	if len(d) == 0 && slices.Equal(locks, g.Locks()) {
		out.duplicateOfChange(g.lastTags())
		return nil
	}
	if err := g.roomForChange(0); err != nil {
		return err
	}
	pairing.White, pairing.Black, pairing.Tags = playerFrom(white), playerFrom(black), tags
	next := *g.Game
	next.setLocks(locks)
	if len(d) > 0 {
		next.Pairing = &pairing
	}
	if start != nil {
		next.moves = moveList{after: *start}
	}
	if len(d) > 0 { // otherwise a person has locked the present values
		next.Changes = append(next.Changes, Change{
			Index: out.Index, Term: out.Term, At: Millis(c.At), By: c.By, Reason: op.Reason,
			Kind: ChangeTags, FromPly: g.Ply(), ToPly: g.Ply(), Fields: d, Request: c.Request, Source: c.Source,
		})
	}
	s.putGame(g, &next, out)
	out.tell(tellGame, c.At)
	return nil
}

// wouldChange reports whether an update would change the players, the time control, the tags or the
// start.
func (g *Game) wouldChange(op *relaypb.UpdateGame) bool {
	var d diff
	d.player("white", playerRecord(g.White), op.White)
	d.player("black", playerRecord(g.Black), op.Black)
	pairing := *g.Pairing
	set(&d, "timeControl", &pairing.TimeControl, op.TimeControl)
	_, tags := d.tags(g.Tags, op.Tags)
	_, start := d.start(g, &pairing, op)
	return len(d) > 0 || tags != nil || start != nil
}

// firstLocked returns the first field of an update that is locked.
func firstLocked(g *Game, op *relaypb.UpdateGame) string {
	for _, field := range UpdatedFields(op) {
		if _, locked := g.Lock(field); locked {
			return field
		}
	}
	return ""
}

// start gives a game without moves another start position, and returns it; nil if it stays.
func (d *diff) start(g *Game, p *Pairing, op *relaypb.UpdateGame) (*position, error) {
	if op.Fen == nil && op.Variant == nil && op.StartPosition == nil {
		return nil, nil
	}
	variant, err := p.Variant, error(nil)
	if op.Variant != nil {
		if variant, err = ParseVariant(*op.Variant); err != nil {
			return nil, err
		}
	}
	from := &relaypb.CreateGame{Fen: p.StartFEN, StartPosition: op.StartPosition}
	if op.Fen != nil || op.StartPosition != nil || variant != p.Variant {
		from.Fen = ""
		if op.Fen != nil {
			from.Fen = *op.Fen
		}
	}
	fen, err := startFEN(from, variant)
	if err != nil {
		return nil, err
	}
	fen, pos, err := startPosition(fen, variant)
	if err != nil {
		return nil, err
	}
	if fen == p.StartFEN && variant == p.Variant {
		return nil, nil
	}
	if g.Ply() > 0 {
		return nil, bad("fen", "cannot change once a move is recorded: take the moves back first, or open another board")
	}
	set(d, "fen", &p.StartFEN, &fen)
	set(d, "variant", &p.Variant, &variant)
	return &pos, nil
}

// lastTags returns the change that set the game's tags, which may be its creation.
func (g *Game) lastTags() Change {
	for i := len(g.Changes) - 1; i >= 0; i-- {
		if g.Changes[i].Kind == ChangeTags {
			return g.Changes[i]
		}
	}
	return Change{Index: g.CreatedAtIx, Term: g.CreatedTerm}
}

func (d *diff) player(side string, p *relaypb.Player, to *relaypb.PlayerUpdate) {
	if to == nil {
		return
	}
	set(d, side+".name", &p.Name, to.Name)
	set(d, side+".title", &p.Title, to.Title)
	set(d, side+".rating", &p.Rating, to.Rating)
	set(d, side+".fideId", &p.FideId, to.FideId)
	set(d, side+".federation", &p.Federation, to.Federation)
	set(d, side+".team", &p.Team, to.Team)
}

// tags returns the tags, with those of the update set or removed, by name.
func (d *diff) tags(old []Tag, to []*relaypb.Tag) ([]Tag, error) {
	if len(to) == 0 {
		return old, nil
	}
	if len(to) > 2*MaxTags {
		return nil, bad("tags", "must be at most %d at once, not %d", 2*MaxTags, len(to))
	}
	tags, seen := slices.Clone(old), make(map[string]bool, len(to))
	for _, t := range to {
		field := "tags." + clip(t.GetName(), MaxTagName)
		if err := checkTag(field, t); err != nil {
			return nil, err
		}
		if seen[t.Name] {
			return nil, bad(field, "is given twice")
		}
		seen[t.Name] = true
		at, found := slices.BinarySearchFunc(tags, t.Name, func(t Tag, name string) int { return strings.Compare(t.Name, name) })
		was := ""
		if found {
			was = tags[at].Value
		}
		switch {
		case was == t.Value:
			continue
		case t.Value == "":
			tags = slices.Delete(tags, at, at+1)
		case found:
			tags[at].Value = t.Value
		default:
			tags = slices.Insert(tags, at, Tag{t.Name, t.Value})
		}
		d.note(field, was, t.Value)
	}
	if len(tags) > MaxTags {
		return nil, bad("tags", "must be at most %d, not %d", MaxTags, len(tags))
	}
	return slices.Clip(tags), nil
}

func checkTag(field string, t *relaypb.Tag) error {
	name := t.GetName()
	if name == "" || len(name) > MaxTagName || strings.Trim(name, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_") != "" {
		return bad(field, "must have a name of letters, digits and _, of at most %d", MaxTagName)
	}
	if OwnTag(name) {
		return bad(field, "has a field of its own, and cannot be a tag")
	}
	return checkText(field, t.GetValue(), MaxTagValue, false)
}

// OwnTag reports whether a PGN tag, in any case, has a field of its own in a game. Examples are the
// players, the result and the position.
func OwnTag(name string) bool {
	switch strings.ToLower(name) {
	case "white", "black", "result", "whiteelo", "blackelo", "whitetitle", "blacktitle", "whiteteam", "blackteam",
		"whitefideid", "blackfideid", "whitefed", "blackfed", "timecontrol", "variant", "fen", "setup", "board":
		return true
	}
	return false
}

// findUpdate returns the update that the request has made.
func findUpdate(updates []Update, request string) (Update, bool) {
	i := slices.IndexFunc(updates, func(u Update) bool { return u.Request == request })
	if i < 0 {
		return Update{}, false
	}
	return updates[i], true
}

// duplicateOfUpdate answers an update that asks for what is so already. The answer is the last of
// the updates or, if there is none, the creation at index and term.
func (out *Outcome) duplicateOfUpdate(updates []Update, index, term uint64) {
	out.Index, out.Term, out.Duplicate = index, term, true
	if n := len(updates); n > 0 {
		out.Index, out.Term = updates[n-1].Index, updates[n-1].Term
	}
}

// withUpdate returns the list with one more update.
func withUpdate(updates []Update, c *relaypb.Command, reason string, d diff, out *Outcome) ([]Update, error) {
	if len(updates) >= MaxUpdates {
		return nil, refuse(ErrLimit, "it has been changed %d times, which is the limit", len(updates))
	}
	return append(updates, Update{
		Index: out.Index, Term: out.Term, At: Millis(c.At), By: c.By, Reason: reason, Fields: d, Request: c.Request,
	}), nil
}

func (s *State) updateTournament(c *relaypb.Command, op *relaypb.UpdateTournament, out *Outcome) error {
	t, ok := s.tournaments[TournamentID(op.Tournament)]
	if !ok {
		return &NotFoundError{"tournament", clip(op.Tournament, 32)}
	}
	out.Tournament = t
	if done, ok := findUpdate(t.Updates, c.Request); ok {
		out.duplicateOfUpdate([]Update{done}, 0, 0)
		return nil
	}
	info := op.Info
	if info == nil {
		info = new(relaypb.TournamentInfo)
	}
	if op.Name == nil && op.Description == nil && op.Location == nil && emptyInfo(info) && op.Settings == nil {
		return bad("update", "names no field to change")
	}
	var d diff
	next := *t
	set(&d, "name", &next.Name, op.Name)
	set(&d, "description", &next.Description, op.Description)
	set(&d, "location", &next.Location, op.Location)
	set(&d, "format", &next.Format, info.Format)
	set(&d, "timeControl", &next.TimeControl, info.TimeControl)
	set(&d, "timeZone", &next.TimeZone, info.TimeZone)
	set(&d, "players", &next.Players, info.Players)
	set(&d, "website", &next.Website, info.Website)
	if err := firstError(
		checkName("name", next.Name),
		checkText("description", next.Description, MaxDescription, true),
		checkText("location", next.Location, MaxName, false),
		checkInfo(next.TournamentInfo),
		d.tournament(&next.TournamentSettings, op.Settings),
		checkText("reason", op.Reason, MaxReason, true),
	); err != nil {
		return err
	}
	if len(d) == 0 {
		out.duplicateOfUpdate(t.Updates, t.Index, t.Term)
		return nil
	}
	var err error
	if next.Updates, err = withUpdate(t.Updates, c, op.Reason, d, out); err != nil {
		return err
	}
	s.putTournament(&next)
	s.changed.tournaments = append(s.changed.tournaments, &next)
	out.Tournament, out.at = &next, Millis(c.At)
	if next.Name != t.Name || next.Private != t.Private {
		out.tellRounds(&next, s.roundsOf(&next)...)
	}
	if next.Private != t.Private && out.rounds != nil {
		out.rounds.renews = true
		for _, r := range out.rounds.rounds {
			s.markGames(r)
		}
	}
	return nil
}

func (s *State) updateRound(c *relaypb.Command, op *relaypb.UpdateRound, out *Outcome) error {
	r, ok := s.rounds[RoundID(op.Round)]
	if !ok {
		return &NotFoundError{"round", clip(op.Round, 32)}
	}
	out.Round = r
	if done, ok := findUpdate(r.Updates, c.Request); ok {
		out.duplicateOfUpdate([]Update{done}, 0, 0)
		return nil
	}
	if op.Name == nil && op.StartsAt == nil && op.DelaySeconds == nil && op.Description == nil && op.Status == nil && op.Shorten == nil &&
		op.Settings == nil {
		return bad("update", "names no field to change")
	}
	var d diff
	next := *r
	set(&d, "name", &next.Name, op.Name)
	set(&d, "startsAt", &next.StartsAt, (*Millis)(op.StartsAt))
	if op.DelaySeconds != nil {
		set(&d, "delay", &next.Delay, new(int(*op.DelaySeconds)))
	}
	set(&d, "description", &next.Description, op.Description)
	set(&d, "shorten", &next.Shorten, op.Shorten)
	if err := firstError(
		checkName("name", next.Name),
		checkTime("startsAt", int64(next.StartsAt)),
		checkRange("delay", int64(next.Delay), 0, MaxDelay),
		checkText("description", next.Description, MaxDescription, true),
		checkText("reason", op.Reason, MaxReason, true),
		d.round(s, r, &next.RoundSettings, op.Settings),
		s.setStatus(&d, &next, op.Status, out.Index),
	); err != nil {
		return err
	}
	if len(d) == 0 {
		out.duplicateOfUpdate(r.Updates, r.Index, r.Term)
		return nil
	}
	var err error
	if next.Updates, err = withUpdate(r.Updates, c, op.Reason, d, out); err != nil {
		return err
	}
	out.delayed = s.changeDelay(r, &next, Millis(c.At))
	s.rounds[r.ID] = &next
	s.indexSources(&next)
	s.changed.rounds = append(s.changed.rounds, &next)
	out.Round, out.at = &next, Millis(c.At)
	out.tellRounds(s.tournaments[r.Tournament], &next)
	return nil
}

// setStatus sets the status of a round. It stays until the games say more; see statusOf.
func (s *State) setStatus(d *diff, r *Round, to *string, index uint64) error {
	if to == nil || RoundStatus(*to) == r.Status {
		return nil
	}
	was := r.Status
	switch RoundStatus(*to) {
	case RoundStarted, RoundFinished:
		r.StatusSet, r.StatusSetAt = RoundStatus(*to), index
	case RoundNew:
		r.StatusSet, r.StatusSetAt = "", 0
	default:
		return bad("status", "must be new, started or finished, not %q", clip(*to, 32))
	}
	if r.Status = s.statusOf(r); r.Status != RoundStatus(*to) {
		return bad("status", "cannot be new: a game of the round has a move or a result")
	}
	d.note("status", string(was), string(r.Status))
	return nil
}

// statusOf returns how far a round is. A move or a result starts it. It is finished when all of its
// games have a result. A person may set it to finished before that, and open it again until the
// next result.
func (s *State) statusOf(r *Round) RoundStatus {
	begun, over, last := false, len(r.Games) > 0, uint64(0)
	for _, id := range r.Games {
		g := s.games.get(id)
		switch {
		case !g.Over():
			begun, over = begun || g.Ply() > 0, false
		case r.StatusSetAt > 0:
			begun, last = true, max(last, g.lastResult().Index)
		default:
			begun = true
		}
		if begun && !over { // the other games cannot change this
			break
		}
	}
	switch {
	case r.StatusSet == RoundFinished, over && last >= r.StatusSetAt:
		return RoundFinished
	case r.StatusSet == RoundStarted, begun:
		return RoundStarted
	}
	return RoundNew
}

// updateStatus publishes a new version of the round if its status has changed, and tells of it.
func (s *State) updateStatus(id RoundID, out *Outcome) {
	r := s.rounds[id]
	if status := s.statusOf(r); status != r.Status {
		next := *r
		next.Status = status
		s.rounds[id] = &next
		out.tellRounds(s.tournaments[r.Tournament], &next)
	}
}

// roundsOf returns the rounds of a tournament, in order of creation.
func (s *State) roundsOf(t *Tournament) []*Round {
	return mapped(t.Rounds, func(id RoundID) *Round { return s.rounds[id] })
}
