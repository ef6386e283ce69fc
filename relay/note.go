package relay

import (
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	"google.golang.org/protobuf/proto"

	"github.com/chessrelay/chessrelay/relay/relaypb"
)

// A SourceNote is what a source has of a game and the game does not: a person has set it otherwise,
// or plays the board by hand. Package mirror writes it, the arbiter reads it, and AcceptSource
// takes it over. Immutable.
type SourceNote struct {
	Source string            // which source
	Fields map[string]string // the source's values by [Lock.Field]; numbers in digits
	// HasMoves: after ToPly, the source has Moves, or no move if Moves is empty.
	HasMoves bool
	ToPly    Ply
	Moves    []NotedMove
}

// NotedMove is a move of a source, in UCI.
type NotedMove struct {
	UCI   string
	Clock Clock
	At    Millis
}

// setSourceNote stores what a source has. It leaves no line in the audit trail.
func (s *State) setSourceNote(c *relaypb.Command, op *relaypb.NoteSource, out *Outcome) error {
	g := s.games.get(GameID(op.Game))
	if g == nil {
		return &NotFoundError{"game", clip(op.Game, 32)}
	}
	out.Game = g.Game
	if byPerson(c) {
		return bad("source", "is required: only a source has a note of what it shows")
	}
	if err := checkNote(op.Note); err != nil {
		return err
	}
	note := noteFrom(op.Note)
	if proto.Equal(note.record(), g.Note().record()) {
		out.duplicateOfChange(Change{Index: g.Index, Term: out.Term})
		return nil
	}
	next := *g.Game
	next.setNote(note)
	s.putGame(g, &next, out)
	out.tell(tellGame, c.At)
	return nil
}

// checkNote checks that the values of a note could be set.
func checkNote(n *relaypb.SourceNote) error {
	if n == nil {
		return nil
	}
	if err := firstError(
		checkText("note.source", n.Source, MaxTagName, false),
		checkRange("note.toPly", int64(n.ToPly), 0, MaxPlies),
		checkRange("note.moves", int64(len(n.Moves)), 0, MaxCorrection),
		checkRange("note.fields", int64(len(n.Fields)), 0, maxLocks),
	); err != nil {
		return err
	}
	for _, f := range n.Fields {
		if !lockable(f.GetName()) {
			return bad("note.fields", "has the unknown field %q", clip(f.GetName(), 32))
		}
		if err := checkText("note."+f.Name, f.Value, MaxTagValue, false); err != nil {
			return err
		}
	}
	for i, m := range n.Moves {
		_, err := readClock(m.WhiteMs, m.BlackMs)
		if err := firstError(err, checkTime("at", m.At), checkText("move", m.Move, maxMoveText, false)); err != nil {
			return inMove(i, err)
		}
	}
	return nil
}

// acceptSource sets what the note says, for a person, and unlocks it.
func (s *State) acceptSource(c *relaypb.Command, op *relaypb.AcceptSource, out *Outcome) error {
	g, err := s.gameToChange(op.Game, c.Request, out)
	if g == nil {
		return err
	}
	if done, ok := g.findChange(c.Request + acceptedTags); ok {
		out.duplicateOfChange(done)
		return nil
	}
	if !byPerson(c) {
		return bad("source", "must be empty: only a person accepts what a source has")
	}
	for _, f := range op.Fields {
		if !lockable(f) {
			return bad("fields", "has the unknown field %q", clip(f, 32))
		}
	}
	index, term, n := out.Index, out.Term, g.Note()
	asked := func(field string) bool { return len(op.Fields) == 0 || slices.Contains(op.Fields, field) }
	update := n.update(op.Game, asked)
	moves := n.correction(g.Game, asked)
	clock := n.clock(op.Game, asked)
	if update == nil && moves == nil && clock == nil {
		return bad("fields", "there is nothing to accept: the source agrees with the game, or has changed since")
	}
	if len(g.Changes)+2 > MaxChanges {
		return g.roomForChange(MaxRemoved)
	}
	reason := op.Reason
	if reason == "" {
		reason = "accepted from the source " + n.Source
	}
	if moves != nil {
		moves.Reason = reason
		if err := s.correctMoves(c, moves, out); err != nil {
			return err
		}
	}
	if update != nil {
		update.Reason = reason
		tags := &relaypb.Command{At: c.At, By: c.By, Request: c.Request + acceptedTags}
		if err := s.updateGame(tags, update, out); err != nil && moves == nil {
			return err
		}
	}
	if clock != nil {
		told := &relaypb.Command{At: c.At, By: c.By, Request: c.Request + acceptedClock}
		if err := s.setClock(told, clock, out); err != nil && moves == nil && update == nil {
			return err
		}
	}
	out.Index, out.Term, out.Duplicate = index, term, false
	next := *g.Game
	next.unlockFields(n.accepted(asked))
	next.setNote(n.without(asked))
	s.putGame(g, &next, out)
	out.tell(tellGame, c.At)
	return nil
}

// acceptedTags ends the request of an acceptance in the audit line about its tags.
const acceptedTags = "/tags"

// acceptedClock ends the request of an acceptance that sets the clocks.
const acceptedClock = "/clock"

// clock returns the clocks that the note asks for; nil if it asks for none.
func (n *SourceNote) clock(game string, asked func(string) bool) *relaypb.SetClock {
	if n == nil || n.Fields[LockClock] == "" || !asked(LockClock) {
		return nil
	}
	white, black, _ := strings.Cut(n.Fields[LockClock], "/")
	op := &relaypb.SetClock{Game: game}
	for _, side := range []struct {
		text string
		to   **int64
	}{{white, &op.WhiteMs}, {black, &op.BlackMs}} {
		if ms, err := strconv.ParseInt(side.text, 10, 64); err == nil {
			*side.to = &ms
		}
	}
	return op
}

// ClockText is a clock as a note has it: the milliseconds left of White and of Black, "?" if
// unknown, such as "2031000/5034000".
func ClockText(c Clock) string {
	side := func(t Millis) string {
		if t < 0 {
			return "?"
		}
		return strconv.FormatInt(int64(t), 10)
	}
	return side(c.White) + "/" + side(c.Black)
}

// update returns the update of the tags that the note asks for; nil if it asks for none.
func (n *SourceNote) update(game string, asked func(string) bool) *relaypb.UpdateGame {
	if n == nil {
		return nil
	}
	op, some := &relaypb.UpdateGame{Game: game}, false
	for _, field := range sortedKeys(n.Fields) {
		if value := n.Fields[field]; asked(field) && field != LockResult && setField(op, field, value) {
			some = true
		}
	}
	if !some {
		return nil
	}
	return op
}

// setField sets a field in the update. It returns false if the value does not fit the field.
func setField(op *relaypb.UpdateGame, field, value string) bool {
	side, of, _ := strings.Cut(field, ".")
	var p **relaypb.PlayerUpdate
	switch side {
	case "white":
		p = &op.White
	case "black":
		p = &op.Black
	case "tags":
		op.Tags = append(op.Tags, &relaypb.Tag{Name: of, Value: value})
		return true
	case "timeControl":
		op.TimeControl = &value
		return true
	case LockStart:
		op.Fen = &value
		return true
	default:
		return false
	}
	if *p == nil {
		*p = &relaypb.PlayerUpdate{}
	}
	switch of {
	case "name":
		(*p).Name = &value
	case "title":
		(*p).Title = &value
	case "federation":
		(*p).Federation = &value
	case "team":
		(*p).Team = &value
	case "rating":
		n, err := strconv.ParseInt(value, 10, 32)
		(*p).Rating = new(int32(n))
		return err == nil
	case "fideId":
		n, err := strconv.ParseInt(value, 10, 64)
		(*p).FideId = new(n)
		return err == nil
	}
	return true
}

// correction returns the correction of the moves and the result that the note asks for; nil if it
// asks for none.
func (n *SourceNote) correction(g *Game, asked func(string) bool) *relaypb.CorrectMoves {
	if n == nil {
		return nil
	}
	result, hasResult := n.Fields[LockResult]
	hasResult = hasResult && asked(LockResult)
	hasMoves := n.HasMoves && asked(LockMoves)
	if !hasMoves && !hasResult {
		return nil
	}
	op := &relaypb.CorrectMoves{Game: string(g.ID), ToPly: int32(g.Ply())}
	if hasResult {
		op.Result = result
	}
	if hasMoves {
		op.ToPly, op.Moves = int32(n.ToPly), n.moveRecords()
	}
	return op
}

func (n *SourceNote) accepted(asked func(string) bool) (fields []string) {
	for field := range n.Fields {
		if asked(field) {
			fields = append(fields, field)
		}
	}
	if n.HasMoves && asked(LockMoves) {
		fields = append(fields, LockMoves)
	}
	return fields
}

// without returns the note without what was accepted; nil if nothing is left.
func (n *SourceNote) without(asked func(string) bool) *SourceNote {
	left := &SourceNote{Source: n.Source, Fields: map[string]string{}}
	for field, value := range n.Fields {
		if !asked(field) {
			left.Fields[field] = value
		}
	}
	if n.HasMoves && !asked(LockMoves) {
		left.HasMoves, left.ToPly, left.Moves = true, n.ToPly, n.Moves
	}
	if len(left.Fields) == 0 && !left.HasMoves {
		return nil
	}
	return left
}

func (n *SourceNote) moveRecords() []*relaypb.CorrectedMove {
	return mapped(n.Moves, func(m NotedMove) *relaypb.CorrectedMove {
		return &relaypb.CorrectedMove{Move: m.UCI, WhiteMs: optionalTime(m.Clock.White), BlackMs: optionalTime(m.Clock.Black), At: int64(m.At)}
	})
}

// record returns nil for nil, and for a note that says nothing.
func (n *SourceNote) record() *relaypb.SourceNote {
	if n == nil || len(n.Fields) == 0 && !n.HasMoves {
		return nil
	}
	r := &relaypb.SourceNote{Source: n.Source, HasMoves: n.HasMoves, ToPly: int32(n.ToPly), Moves: n.moveRecords()}
	for _, name := range sortedKeys(n.Fields) {
		r.Fields = append(r.Fields, &relaypb.FieldNote{Name: name, Value: n.Fields[name]})
	}
	return r
}

// noteFrom returns nil for a note that says nothing.
func noteFrom(r *relaypb.SourceNote) *SourceNote {
	if len(r.GetFields()) == 0 && !r.GetHasMoves() {
		return nil
	}
	n := &SourceNote{Source: r.Source, HasMoves: r.HasMoves, Fields: make(map[string]string, len(r.Fields))}
	for _, f := range r.Fields {
		n.Fields[f.GetName()] = f.GetValue()
	}
	if r.HasMoves {
		n.ToPly = Ply(r.ToPly)
		n.Moves = mapped(r.Moves, func(m *relaypb.CorrectedMove) NotedMove {
			return NotedMove{UCI: m.Move, Clock: Clock{timeFrom(m.WhiteMs), timeFrom(m.BlackMs)}, At: Millis(m.At)}
		})
	}
	return n
}

// Differences is what a source has and the game does not, for the HTTP API.
type Differences struct {
	Source string            `json:"source"`
	Fields map[string]string `json:"fields,omitempty"`
	ToPly  *Ply              `json:"toPly,omitempty"` // of Moves: they follow this ply
	Moves  []string          `json:"moves,omitempty"` // SAN as far as they can be played, then UCI
	Text   string            `json:"text"`            // for a person
}

// Differences returns what the source has instead; nil if it agrees.
func (g *Game) Differences() *Differences {
	n := g.Note()
	if n == nil {
		return nil
	}
	out := &Differences{Source: n.Source, Fields: n.Fields}
	var parts []string
	for _, f := range sortedKeys(n.Fields) {
		parts = append(parts, f+" "+strconv.Quote(n.Fields[f]))
	}
	if n.HasMoves {
		out.ToPly = &n.ToPly
		sans, text := g.notedMoves()
		out.Moves = sans
		parts = append(parts, text)
	}
	out.Text = "the source has " + strings.Join(parts, ", ")
	return out
}

// notedMoves returns the moves of the note, and the first few of them as a person writes them:
// 14…Qe7 15.Rd1.
func (g *Game) notedMoves() (sans []string, text string) {
	n := g.Note()
	if len(n.Moves) == 0 {
		return nil, "no move after ply " + strconv.Itoa(int(n.ToPly))
	}
	playable := n.ToPly <= g.Ply()
	var pos position
	if playable {
		pos = *g.position(n.ToPly)
	}
	const enough = 4
	var b strings.Builder
	for i, m := range n.Moves {
		san := m.UCI
		if playable {
			played, err := pos.Find(m.UCI)
			if playable = err == nil; playable {
				san = string(pos.AppendSAN(nil, played))
			}
			if i < enough {
				number := pos.FullMoves()
				switch {
				case g.WhitePlays(n.ToPly + Ply(i) + 1):
					fmt.Fprintf(&b, " %d.%s", number, san)
				case i == 0:
					fmt.Fprintf(&b, " %d…%s", number, san)
				default:
					b.WriteString(" " + san)
				}
			}
			if playable {
				pos = pos.afterMove(played)
			}
		}
		sans = append(sans, san)
	}
	if b.Len() == 0 {
		b.WriteString(" " + sans[0])
	}
	if len(sans) > enough {
		fmt.Fprintf(&b, " and %d more", len(sans)-enough)
	}
	return sans, b.String()[1:]
}

func sortedKeys(m map[string]string) []string { return slices.Sorted(maps.Keys(m)) }
