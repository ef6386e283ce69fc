package mirror

import (
	"slices"
	"strconv"

	"google.golang.org/protobuf/proto"

	"github.com/chessrelay/chessrelay/relay"
	"github.com/chessrelay/chessrelay/relay/relaypb"
	"github.com/chessrelay/chessrelay/relay/rules"
)

// This file has what becomes of a source that differs from what a person has set: the person's word
// stands, and what the source has is noted beside the game.

// note is what the source has of a game and the game does not, as it is found.
type note struct {
	source string
	fields map[string]string
	toPly  int
	moves  []Move
	differ bool // the moves do
}

// lock notes a field that a person has set otherwise.
func (c *Change) lock(n *note, field, value string) {
	c.Locked = append(c.Locked, field)
	n.fields[field] = text(value, relay.MaxTagValue)
}

// spell is a result as a note and [relay.ParseScore] have it.
func spell(s score) string {
	if s.forfeit {
		return string(s.result) + "F"
	}
	return string(s.result)
}

// hasPlayer reports whether the person is the one whom a person at the desk has called
// otherwise.
func (b *boardGame) hasPlayer(side string, p *player) bool {
	i := 0
	if side == "black" {
		i = 1
	}
	return p.likenessTo(&b.players[i]) >= similarPlayer
}

// locks has the moves that a person has fixed stand: what the source has instead is noted, and what
// it has behind them goes on from there as far as it is legal. If the source agrees, the lock is
// given up: released. If the source still shows a move that was taken back, it is held: its result
// belongs to that move, and is not taken either.
func (c *Change) locks(ask *asker, b *boardGame, s *Game, n *note) (released, held bool) {
	locked := int(b.LockedPly())
	if locked < 0 {
		return false, false
	}
	same := commonPlies(b, s)
	if back, ok := b.TakenBack(); ok && same == locked && len(b.moves) == locked && len(s.Moves) > locked && s.Moves[locked].UCI == back.UCI {
		// It has not seen the takeback yet.
		c.moveNote(n, locked, s.Moves[locked:])
		s.Moves, s.Broken = s.Moves[:locked], true
		return false, true
	}
	switch {
	case len(s.Moves) < locked && same == len(s.Moves):
		return false, false // it is not there yet
	case same >= locked:
		c.add(ask.next(), &relaypb.Command{Op: &relaypb.Command_Unlock{Unlock: &relaypb.Unlock{
			Game: string(b.ID), Fields: []string{relay.LockMoves},
		}}})
		return true, false
	}
	c.moveNote(n, same, s.Moves[same:])
	line := make([]Move, 0, max(len(s.Moves), locked))
	for i := range b.moves[:locked] {
		m := Move{UCI: b.moves[i].UCI(), Clock: relay.NoClock()}
		if b.moves[i].Illegal {
			stands := b.MoveAt(relay.Ply(i) + 1)
			m.UCI, m.FEN = stands.SAN, stands.FEN
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
	s.Moves, s.Broken = line, true // so that nothing is taken back for what it lacks
	return false, false
}

// moveNote notes the moves that the source has behind the ply.
func (c *Change) moveNote(n *note, ply int, moves []Move) {
	c.Locked = append(c.Locked, relay.LockMoves)
	n.toPly, n.moves, n.differ = ply, moves, true
}

// byHand notes all that the source has of a board which a person plays.
func (c *Change) byHand(b *boardGame, s *Game, n *note) {
	if same := commonPlies(b, s); sameStart(b, s) && same < len(s.Moves) {
		n.toPly, n.moves, n.differ = same, s.Moves[same:], true
	}
	if wanted := (score{s.Result, s.Forfeit}); s.Result != "" && wanted != (score{b.Result, b.Forfeit}) && !(b.Over() && s.Result == relay.Ongoing) {
		n.fields[relay.LockResult] = spell(wanted)
	}
	for _, p := range []struct {
		side         string
		told, stands relay.Player
	}{{"white", s.White, b.White}, {"black", s.Black, b.Black}} {
		now, was := playerProto(p.told), playerProto(p.stands)
		if p.told.Name != "" && now.Name != was.Name {
			n.fields[p.side+".name"] = now.Name
		}
		if now.Title != "" && now.Title != was.Title {
			n.fields[p.side+".title"] = now.Title
		}
		if now.Rating != 0 && now.Rating != was.Rating {
			n.fields[p.side+".rating"] = strconv.Itoa(int(now.Rating))
		}
	}
	if len(n.fields) > 0 || n.differ {
		c.Locked = []string{"source"}
	}
}

// note writes down what the source has, if it is another thing than what is noted already.
func (c *Change) note(ask *asker, b *boardGame, n *note) {
	record := n.record()
	if proto.Equal(record, recordOf(b.Note())) {
		return
	}
	c.add(ask.next(), &relaypb.Command{Op: &relaypb.Command_NoteSource{NoteSource: &relaypb.NoteSource{Game: string(b.ID), Note: record}}})
}

// record is nil if the source agrees.
func (n *note) record() *relaypb.SourceNote {
	if len(n.fields) == 0 && !n.differ {
		return nil
	}
	r := &relaypb.SourceNote{Source: n.source, HasMoves: n.differ, ToPly: int32(n.toPly)}
	for _, name := range sortedKeys(n.fields) {
		r.Fields = append(r.Fields, &relaypb.FieldNote{Name: name, Value: n.fields[name]})
	}
	for _, m := range n.moves[:min(len(n.moves), relay.MaxCorrection)] {
		r.Moves = append(r.Moves, &relaypb.CorrectedMove{Move: m.UCI, WhiteMs: known(m.Clock.White), BlackMs: known(m.Clock.Black), At: int64(m.At)})
	}
	return r
}

func recordOf(n *relay.SourceNote) *relaypb.SourceNote {
	if n == nil {
		return nil
	}
	again := note{source: n.Source, fields: n.Fields, toPly: int(n.ToPly), differ: n.HasMoves}
	for _, m := range n.Moves {
		again.moves = append(again.moves, Move{UCI: m.UCI, Clock: m.Clock, At: m.At})
	}
	return again.record()
}

func sortedKeys(m map[string]string) []string {
	keys := make([]string, 0, len(m))
	for k := range m {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	return keys
}
