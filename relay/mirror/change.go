package mirror

import (
	"cmp"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"strings"

	"github.com/chessrelay/chessrelay/relay"
	"github.com/chessrelay/chessrelay/relay/relaypb"
)

// ErrStart is the Err of a [Change] whose game began from another position in the log.
var ErrStart = errors.New("the game stands here with another position at the start, which cannot be changed: remove the FEN, or push it as another game")

// create opens a board for the game and plays what it has.
func create(round relay.RoundID, s *Game, board int, key string) Change {
	id := newID(round, key)
	c := Change{Game: id, Board: board, Warning: s.Warning}
	op := &relaypb.CreateGame{
		Id: string(id), Round: string(round), Board: int32(board), White: player(s.White), Black: player(s.Black),
		Fen: s.StartFEN, Variant: s.Variant, TimeControl: text(s.TimeControl, relay.MaxShortText),
	}
	op.Tags = otherTags(nil, s)
	if s.Variant == relay.Chess960 {
		op.Fen = cmp.Or(s.StartFEN, relay.StartFEN) // which is one of its positions, and must be told
	}
	c.add(key, &relaypb.Command{Op: &relaypb.Command_CreateGame{CreateGame: op}})
	ask := asker{key, 0}
	c.play(&ask, s.Moves, 0)
	if s.Result != "" && s.Result != relay.Ongoing {
		c.result(&ask, score{s.Result, s.Forfeit})
	}
	return c
}

// update brings the game to where the source has it.
func update(g *seat, s *Game, shorten bool) Change {
	c := Change{Game: g.ID, Board: g.Board, Warning: s.Warning}
	// What is asked for follows from the game as it stands, so the same request
	// is not made of another state: each new intent has a new one.
	ask := asker{fmt.Sprintf("mirror/%d", g.Index), 0}
	if !sameStart(g, s) {
		c.Err = ErrStart
		return c
	}
	if common(g, s) == len(s.Moves) {
		s.goOn(g.moves)
		c.Warning = s.Warning
	}
	c.tags(&ask, g, s)
	stands := score{g.Result, g.Forfeit}
	wanted := stands
	if s.Result != "" {
		wanted = score{s.Result, s.Forfeit}
	}
	same := common(g, s)
	switch {
	case same == len(s.Moves) && same < len(g.moves) && (s.Broken || !shorten || g.moves[same].Illegal):
		// The source has less. Nor can it know then that a game which was over goes on. One that stands still before an illegal
		// move can do no other, and the arbiter knows better.
		c.Kept = len(g.moves) - same
		if wanted != stands && wanted.result != relay.Ongoing {
			c.result(&ask, wanted)
		}
	case same < len(g.moves) || same < len(s.Moves) && g.Over() || otherClocks(g, s, same) < same:
		c.correct(&ask, g, s, otherClocks(g, s, same), same, wanted)
	default:
		c.play(&ask, s.Moves, same)
		if wanted != stands {
			c.result(&ask, wanted)
		}
	}
	return c
}

// score is a result as it is set.
type score struct {
	result  relay.Result
	forfeit bool
}

// A game's audit trail has a limit. A source that changes a clock or a name with each look must
// not use it up, or no move could be corrected any more.
const enoughChanges = relay.MaxChanges / 2

// otherClocks is the number of plies that have the clocks that the source says, of the
// first ones that are the same; all of them if that is no longer worth a correction.
func otherClocks(g *seat, s *Game, same int) int {
	if len(g.Changes) >= enoughChanges {
		return same
	}
	for i := range same {
		told, stands := s.Moves[i].Clock, g.moves[i].Clock
		if told.White >= 0 && told.White != stands.White || told.Black >= 0 && told.Black != stands.Black {
			return i
		}
	}
	return same
}

// sameStart compares the men and who moves; the rest is written by different customs.
func sameStart(g *seat, s *Game) bool {
	return men(g.StartFEN) == men(s.StartFEN)
}

func men(fen string) string {
	fields := strings.Fields(cmp.Or(fen, relay.StartFEN))
	return strings.Join(fields[:min(2, len(fields))], " ")
}

func (c *Change) add(request string, command *relaypb.Command) {
	command.Request = request
	c.Commands = append(c.Commands, command)
}

// play adds the moves behind the first plies.
func (c *Change) play(ask *asker, moves []Move, from int) {
	for i := from; i < len(moves); i++ {
		m := &moves[i]
		c.add(ask.next(), &relaypb.Command{Op: &relaypb.Command_PlayMove{PlayMove: &relaypb.PlayMove{
			Game: string(c.Game), Ply: int32(i + 1), Move: m.UCI, At: int64(m.At), Fen: m.FEN, Illegal: m.FEN != "",
			WhiteMs: known(m.Clock.White), BlackMs: known(m.Clock.Black),
		}}})
	}
}

// correct goes back to the ply and plays the moves behind it, at once. Those that are the same, and
// of which the clocks alone were others, keep their time.
func (c *Change) correct(ask *asker, g *seat, s *Game, to, same int, wanted score) {
	op := &relaypb.CorrectMoves{Game: string(c.Game), ToPly: int32(to), Reason: "as the source says"}
	op.Result, op.Forfeit = string(wanted.result), wanted.forfeit
	for i := to; i < len(s.Moves); i++ {
		m := &s.Moves[i]
		at := m.At
		if i < same && at == 0 {
			at = g.moves[i].At
		}
		op.Moves = append(op.Moves, &relaypb.CorrectedMove{
			Move: m.UCI, At: int64(at), WhiteMs: known(m.Clock.White), BlackMs: known(m.Clock.Black), Fen: m.FEN, Illegal: m.FEN != "",
		})
	}
	c.add(ask.next(), &relaypb.Command{Op: &relaypb.Command_CorrectMoves{CorrectMoves: op}})
}

func (c *Change) result(ask *asker, s score) {
	c.add(ask.next(), &relaypb.Command{Op: &relaypb.Command_SetResult{SetResult: &relaypb.SetResult{
		Game: string(c.Game), Result: string(s.result), Forfeit: s.forfeit, Reason: "as the source says",
	}}})
}

// tags updates what the source says of the players and the game, as far as it says something.
func (c *Change) tags(ask *asker, g *seat, s *Game) {
	if len(g.Changes) >= enoughChanges {
		return
	}
	op := &relaypb.UpdateGame{Game: string(g.ID), Reason: "as the source says"}
	any := false
	for _, side := range []struct {
		was  relay.Player
		now  *relaypb.Player
		to   **relaypb.PlayerUpdate
		says bool
	}{
		{g.White, player(s.White), &op.White, s.White.Name != ""},
		{g.Black, player(s.Black), &op.Black, s.Black.Name != ""},
	} {
		u := &relaypb.PlayerUpdate{}
		p := side.now
		some := false
		if side.says {
			some = change(&u.Name, side.was.Name, p.Name) || some
		}
		some = change(&u.Title, side.was.Title, p.Title) || some
		some = change(&u.Rating, int32(side.was.Rating), p.Rating) || some
		some = change(&u.FideId, side.was.FideID, p.FideId) || some
		some = change(&u.Federation, side.was.Federation, p.Federation) || some
		some = change(&u.Team, side.was.Team, p.Team) || some
		if some {
			*side.to, any = u, true
		}
	}
	any = change(&op.TimeControl, g.TimeControl, text(s.TimeControl, relay.MaxShortText)) || any
	if op.Tags = otherTags(g.Tags, s); any || len(op.Tags) > 0 {
		c.add(ask.next(), &relaypb.Command{Op: &relaypb.Command_UpdateGame{UpdateGame: op}})
	}
}

// otherTags are those that the source has and were others before, and the warning, also if there is none any more.
func otherTags(was []relay.Tag, s *Game) []*relaypb.Tag {
	var out []*relaypb.Tag
	for _, t := range append([]relay.Tag{{Name: idTag, Value: s.ID}}, s.Tags...) {
		if value := text(t.Value, relay.MaxTagValue); value != "" && value != valueOf(was, t.Name) {
			out = append(out, &relaypb.Tag{Name: t.Name, Value: value})
		}
	}
	if warning := text(s.Warning, relay.MaxTagValue); warning != valueOf(was, relay.WarningTag) {
		out = append(out, &relaypb.Tag{Name: relay.WarningTag, Value: warning}) // an empty one removes it
	}
	return out
}

// change has the field set, if the source says something else than what was.
func change[T comparable](field **T, was, now T) bool {
	var nothing T
	if now == nothing || now == was {
		return false
	}
	*field = &now
	return true
}

// asker makes the request ids of one game's commands.
type asker struct {
	base string
	n    int
}

func (a *asker) next() string {
	a.n++
	return fmt.Sprintf("%s/%d", a.base, a.n)
}

// newID is the id of a game that is created: that of the round and of what it is known by,
// so that it can be played in before the creation is answered.
func newID(round relay.RoundID, key string) relay.GameID {
	h := sha256.Sum256([]byte(string(round) + "/" + key))
	return relay.GameID(relay.FormatID(binary.BigEndian.Uint64(h[:])))
}

func known(t relay.Millis) *int64 {
	if t < 0 || t > relay.MaxClock {
		return nil
	}
	return new(int64(t))
}

// player is what of p the boards take: a rating that cannot be is no reason to refuse a game.
func player(p relay.Player) *relaypb.Player {
	out := &relaypb.Player{
		Name: cmp.Or(text(p.Name, relay.MaxName), "?"), Title: text(p.Title, relay.MaxTitle),
		Federation: text(p.Federation, relay.MaxShortText), Team: text(p.Team, relay.MaxName),
	}
	if p.Rating > 0 && p.Rating <= relay.MaxRating {
		out.Rating = int32(p.Rating)
	}
	if p.FideID > 0 && p.FideID <= relay.MaxFideID {
		out.FideId = p.FideID
	}
	return out
}

// text is s without what the boards refuse in a text: signs that cannot be seen, and more than limit bytes.
func text(s string, limit int) string {
	s = strings.TrimSpace(strings.Map(func(r rune) rune {
		switch {
		case r < 0x20 || r >= 0x7f && r <= 0x9f, r == 0x2028, r == 0x2029:
			return ' '
		case r >= 0x202a && r <= 0x202e, r >= 0x2066 && r <= 0x2069:
			return -1
		}
		return r
	}, strings.ToValidUTF8(s, "?")))
	if len(s) > limit {
		s = strings.TrimSpace(strings.ToValidUTF8(s[:limit], ""))
	}
	return s
}
