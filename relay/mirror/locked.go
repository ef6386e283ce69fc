package mirror

import (
	"slices"
	"strconv"

	"google.golang.org/protobuf/proto"

	"github.com/chessrelay/chessrelay/relay"
	"github.com/chessrelay/chessrelay/relay/relaypb"
	"github.com/chessrelay/chessrelay/relay/rules"
)

// This file handles a source that differs from what a person has set. The person's value stays, and
// the source's value is noted beside the game.

// note collects what the source has and the game does not.
type note struct {
	source      string
	fields      map[string]string
	toPly       int
	moves       []Move
	movesDiffer bool
}

// noteLocked notes the source's value of a field that a person has set.
func (c *Change) noteLocked(n *note, field, value string) {
	c.Locked = append(c.Locked, field)
	n.fields[field] = cleanText(value, relay.MaxTagValue)
}

// resultText is a result as notes and [relay.ParseScore] write it.
func resultText(r gameResult) string {
	if r.forfeit {
		return string(r.result) + "F"
	}
	return string(r.result)
}

// hasPlayer reports whether the source's player is the one at that side, perhaps under a name that
// somebody has since replaced.
func (b *boardGame) hasPlayer(side string, p *player) bool {
	i := 0
	if side == "black" {
		i = 1
	}
	return p.likenessTo(&b.players[i]) >= similarPlayer
}

// keepLockedMoves keeps the moves that a person has fixed. It notes the source's other moves, and
// changes s to the fixed moves followed by the source's later moves, as far as these are legal.
//
// unlocked says that the source agrees and the lock ends. showsTakenBack says that the source still
// shows a move that was taken back. Then its result belongs to that move, and is not taken either.
func (c *Change) keepLockedMoves(requests *requestIDs, b *boardGame, s *Game, n *note) (unlocked, showsTakenBack bool) {
	locked := int(b.LockedPly())
	if locked < 0 {
		return false, false
	}
	same := commonPlies(b, s)
	if back, ok := b.TakenBack(); ok && same == locked && len(b.moves) == locked && len(s.Moves) > locked && s.Moves[locked].UCI == back.UCI {
		// The source has not seen the takeback yet.
		c.noteMoves(n, locked, s.Moves[locked:])
		s.Moves, s.Broken = s.Moves[:locked], true
		return false, true
	}
	switch {
	case len(s.Moves) < locked && same == len(s.Moves):
		return false, false // the source has not come to the locked moves yet
	case same >= locked:
		c.add(requests.next(), &relaypb.Command{Op: &relaypb.Command_Unlock{Unlock: &relaypb.Unlock{
			Game: string(b.ID), Fields: []string{relay.LockMoves},
		}}})
		return true, false
	}
	c.noteMoves(n, same, s.Moves[same:])
	line := make([]Move, 0, max(len(s.Moves), locked))
	for i := range b.moves[:locked] {
		m := Move{UCI: b.moves[i].UCI(), Clock: relay.NoClock()}
		if b.moves[i].Illegal {
			recorded := b.MoveAt(relay.Ply(i) + 1)
			m.UCI, m.FEN = recorded.SAN, recorded.FEN
		}
		line = append(line, m)
	}
	pos, err := rules.ParseFENAfterIllegal(b.FENAt(relay.Ply(locked)))
	for _, m := range s.Moves[min(locked, len(s.Moves)):] {
		if err != nil || m.FEN != "" || b.decided() {
			break
		}
		var played rules.Move
		if played, err = pos.Find(m.UCI); err != nil {
			break
		}
		pos = pos.After(played)
		line = append(line, m)
	}
	s.Moves, s.Broken = line, true // Broken: moves that the source lacks stay
	return false, false
}

// noteMoves notes the source's moves after the ply.
func (c *Change) noteMoves(n *note, ply int, moves []Move) {
	c.Locked = append(c.Locked, relay.LockMoves)
	n.toPly, n.moves, n.movesDiffer = ply, moves, true
}

// noteEverything notes everything in which the source differs from a board that a person plays by
// hand.
func (c *Change) noteEverything(b *boardGame, s *Game, n *note) {
	if same := commonPlies(b, s); sameStart(b, s) && same < len(s.Moves) {
		n.toPly, n.moves, n.movesDiffer = same, s.Moves[same:], true
	}
	if wanted := (gameResult{s.Result, s.Forfeit}); s.Result != "" && wanted != (gameResult{b.Result, b.Forfeit}) && !(b.Over() && s.Result == relay.Ongoing) {
		n.fields[relay.LockResult] = resultText(wanted)
	}
	for _, p := range []struct {
		side             string
		source, recorded relay.Player
	}{{"white", s.White, b.White}, {"black", s.Black, b.Black}} {
		now, was := playerProto(p.source), playerProto(p.recorded)
		if p.source.Name != "" && now.Name != was.Name {
			n.fields[p.side+".name"] = now.Name
		}
		if now.Title != "" && now.Title != was.Title {
			n.fields[p.side+".title"] = now.Title
		}
		if now.Rating != 0 && now.Rating != was.Rating {
			n.fields[p.side+".rating"] = strconv.Itoa(int(now.Rating))
		}
	}
	if len(n.fields) > 0 || n.movesDiffer {
		c.Locked = []string{"source"}
	}
}

// noteSource adds the command for the note, if it changes the recorded one.
func (c *Change) noteSource(requests *requestIDs, b *boardGame, n *note) {
	note := n.proto()
	if proto.Equal(note, noteProto(b.Note())) {
		return
	}
	c.add(requests.next(), &relaypb.Command{Op: &relaypb.Command_NoteSource{NoteSource: &relaypb.NoteSource{Game: string(b.ID), Note: note}}})
}

// proto is nil if the source agrees.
func (n *note) proto() *relaypb.SourceNote {
	if len(n.fields) == 0 && !n.movesDiffer {
		return nil
	}
	r := &relaypb.SourceNote{Source: n.source, HasMoves: n.movesDiffer, ToPly: int32(n.toPly)}
	for _, name := range sortedKeys(n.fields) {
		r.Fields = append(r.Fields, &relaypb.FieldNote{Name: name, Value: n.fields[name]})
	}
	for _, m := range n.moves[:min(len(n.moves), relay.MaxCorrection)] {
		r.Moves = append(r.Moves, &relaypb.CorrectedMove{Move: m.UCI, WhiteMs: clockProto(m.Clock.White), BlackMs: clockProto(m.Clock.Black), At: int64(m.At)})
	}
	return r
}

func noteProto(n *relay.SourceNote) *relaypb.SourceNote {
	if n == nil {
		return nil
	}
	same := note{source: n.Source, fields: n.Fields, toPly: int(n.ToPly), movesDiffer: n.HasMoves}
	for _, m := range n.Moves {
		same.moves = append(same.moves, Move{UCI: m.UCI, Clock: m.Clock, At: m.At})
	}
	return same.proto()
}

func sortedKeys(m map[string]string) []string {
	keys := make([]string, 0, len(m))
	for k := range m {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	return keys
}
