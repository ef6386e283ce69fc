package mirror

import (
	"cmp"
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"strconv"
	"strings"

	"github.com/chessrelay/chessrelay/relay"
	"github.com/chessrelay/chessrelay/relay/relaypb"
)

// create opens a board for the game and plays its moves.
func create(round relay.RoundID, s *Game, board int, key string) Change {
	id := newID(round, key)
	c := Change{Game: id, Board: board, New: true, Warning: s.Warning}
	op := &relaypb.CreateGame{
		Id: string(id), Round: string(round), Board: int32(board), White: playerProto(s.White), Black: playerProto(s.Black),
		Fen: s.StartFEN, Variant: s.Variant, TimeControl: cleanText(s.TimeControl, relay.MaxTimeControl),
	}
	op.Tags = changedTags(nil, s)
	if s.Variant == relay.Chess960 {
		op.Fen = cmp.Or(s.StartFEN, relay.StartFEN) // the command must have one
	}
	c.add(key, &relaypb.Command{Op: &relaypb.Command_CreateGame{CreateGame: op}})
	requests := requestIDs{key, 0}
	c.playMoves(&requests, s.Moves, 0)
	if s.Result != "" && s.Result != relay.Ongoing {
		c.setResult(&requests, gameResult{s.Result, s.Forfeit})
	}
	if s.Clock.Known() {
		c.setClock(&requests, s, 0)
	}
	return c
}

// update brings the game to the state that the source shows, except for what a person has set.
func update(b *boardGame, s *Game, source string, shorten bool) Change {
	c := Change{Game: b.ID, Board: b.Board, Warning: s.Warning}
	// The commands follow from the game's state. So each state has its own request ids.
	requests := requestIDs{fmt.Sprintf("mirror/%d", b.Index), 0}
	n := &note{source: source, fields: map[string]string{}}
	if b.Source == relay.ManualSource {
		if commonPlies(b, s) == len(s.Moves) {
			s.readAfterIllegal(b)
		}
		c.noteEverything(b, s, n)
		c.noteSource(&requests, b, n)
		return c
	}
	if !sameStart(b, s) {
		c.setStart(&requests, b, s, n)
	}
	if commonPlies(b, s) == len(s.Moves) {
		s.readAfterIllegal(b)
		c.Warning = s.Warning
	}
	c.updateTags(&requests, b, s, n)
	if sameStart(b, s) || len(b.moves) == 0 && len(n.fields[relay.LockStart]) == 0 {
		c.updateMoves(&requests, b, s, n, shorten)
	}
	c.noteSource(&requests, b, n)
	return c
}

// updateMoves brings the moves, the result and the clocks to the state that the source shows.
func (c *Change) updateMoves(requests *requestIDs, b *boardGame, s *Game, n *note, shorten bool) {
	unlocked, showsTakenBack := c.keepLockedMoves(requests, b, s, n)
	recorded := gameResult{b.Result, b.Forfeit}
	wanted := recorded
	if s.Result != "" {
		wanted = gameResult{s.Result, s.Forfeit}
	}
	if b.Automatic && s.Result == relay.Ongoing {
		wanted = recorded // a mate is over, even if nobody has yet written the result in the source
	}
	if _, locked := b.Lock(relay.LockResult); (locked || showsTakenBack) && wanted != recorded {
		c.noteLocked(n, relay.LockResult, resultText(wanted))
		wanted = recorded
	}
	same := commonPlies(b, s)
	clocks := commonClocks(b, s, same, unlocked)
	switch {
	case same == len(s.Moves) && same < len(b.moves) && (s.Broken || !shorten || same == 0 || same < int(b.LockedPly()) && !unlocked || b.moves[same].Illegal):
		// The source has less, so it cannot know that a game which was over goes on. A source that
		// stops before an illegal move has no choice, and the arbiter knows better.
		c.Kept = len(b.moves) - same
		if wanted != recorded && wanted.result != relay.Ongoing {
			c.setResult(requests, wanted)
		}
	case same < len(b.moves) || same < len(s.Moves) && b.Over() || clocks < same:
		c.correctMoves(requests, b, s, clocks, same, wanted)
	default:
		c.playMoves(requests, s.Moves, same)
		if wanted != recorded || b.Automatic && s.Result == b.Result {
			// the second: somebody has now written the result that the position gave
			c.setResult(requests, wanted)
		}
	}
	now := s.Clock
	if l, ok := b.Lock(relay.LockClock); ok && 0 < l.ToPly && int(l.ToPly) <= same && !clocksAgree(s.Moves[l.ToPly-1].Clock, b.ClockAt(l.ToPly)) {
		c.noteLocked(n, relay.LockClock, relay.ClockText(s.Moves[l.ToPly-1].Clock))
	} else if after := c.clockAfter(b, s, clocks, same); clocksAgree(now, after) {
		return
	} else if clockLocked(b, s) {
		c.noteLocked(n, relay.LockClock, relay.ClockText(now))
	} else {
		c.setClock(requests, s, b.ClockTime())
	}
}

// setStart gives a game without moves the source's start position. A game with moves would be
// another game.
func (c *Change) setStart(requests *requestIDs, b *boardGame, s *Game, n *note) {
	fen := s.StartFEN
	if s.Variant == relay.Chess960 {
		fen = cmp.Or(fen, relay.StartFEN)
	}
	if _, locked := b.Lock(relay.LockStart); locked {
		c.noteLocked(n, relay.LockStart, cmp.Or(fen, relay.StartFEN))
		return
	}
	if len(b.moves) > 0 {
		return
	}
	c.add(requests.next(), &relaypb.Command{Op: &relaypb.Command_UpdateGame{UpdateGame: &relaypb.UpdateGame{
		Game: string(b.ID), Fen: &fen, Variant: &s.Variant, Reason: "as the source says",
	}}})
}

// gameResult is a result with its forfeit flag.
type gameResult struct {
	result  relay.Result
	forfeit bool
}

// maxSourceChanges bounds how much of a game's audit trail a source may use. A source that changes
// a clock or a name at each poll must not use it up, otherwise no move could be corrected.
const maxSourceChanges = relay.MaxChanges / 2

// commonClocks is the number of common plies whose clocks agree with the source. It is all of them
// if another correction would use up the audit trail. Clocks of moves that a person has fixed
// agree, and so do clocks that a person has set.
func commonClocks(b *boardGame, s *Game, same int, unlocked bool) int {
	if len(b.Changes) >= maxSourceChanges {
		return same
	}
	locked := 0
	if !unlocked {
		locked = max(int(b.LockedPly()), 0)
	}
	if l, ok := b.Lock(relay.LockClock); ok {
		locked = max(locked, int(l.ToPly))
	}
	for i := locked; i < same; i++ {
		shown, recorded := s.Moves[i].Clock, b.moves[i].Clock
		if shown.White >= 0 && shown.White != recorded.White || shown.Black >= 0 && shown.Black != recorded.Black {
			return i
		}
	}
	return same
}

func (c *Change) add(request string, command *relaypb.Command) {
	command.Request = request
	c.Commands = append(c.Commands, command)
}

// playMoves adds the moves after the first ones.
func (c *Change) playMoves(requests *requestIDs, moves []Move, from int) {
	for i := from; i < len(moves); i++ {
		m := &moves[i]
		c.add(requests.next(), &relaypb.Command{Op: &relaypb.Command_PlayMove{PlayMove: &relaypb.PlayMove{
			Game: string(c.Game), Ply: int32(i + 1), Move: m.UCI, At: int64(m.At), Fen: m.FEN, Illegal: m.FEN != "",
			WhiteMs: clockProto(m.Clock.White), BlackMs: clockProto(m.Clock.Black),
		}}})
	}
}

// correctMoves goes back to the ply and plays the source's moves after it, in one command. Moves of
// which only the clocks differ keep their time.
func (c *Change) correctMoves(requests *requestIDs, b *boardGame, s *Game, to, same int, wanted gameResult) {
	op := &relaypb.CorrectMoves{Game: string(c.Game), ToPly: int32(to), Reason: "as the source says"}
	if wanted != (gameResult{b.Result, b.Forfeit}) {
		op.Result, op.Forfeit = string(wanted.result), wanted.forfeit
	}
	for i := to; i < len(s.Moves); i++ {
		m := &s.Moves[i]
		at := m.At
		if i < same && at == 0 {
			at = b.moves[i].At
		}
		op.Moves = append(op.Moves, &relaypb.CorrectedMove{
			Move: m.UCI, At: int64(at), WhiteMs: clockProto(m.Clock.White), BlackMs: clockProto(m.Clock.Black), Fen: m.FEN, Illegal: m.FEN != "",
		})
	}
	c.add(requests.next(), &relaypb.Command{Op: &relaypb.Command_CorrectMoves{CorrectMoves: op}})
}

func (c *Change) setResult(requests *requestIDs, r gameResult) {
	c.add(requests.next(), &relaypb.Command{Op: &relaypb.Command_SetResult{SetResult: &relaypb.SetResult{
		Game: string(c.Game), Result: string(r.result), Forfeit: r.forfeit, Reason: "as the source says",
	}}})
}

// setClock sets the live clocks. The boards ignore a time before that of their own clocks, so such
// a time is left out.
func (c *Change) setClock(requests *requestIDs, s *Game, recordedAt relay.Millis) {
	at := s.ClockAt
	if at <= recordedAt {
		at = 0
	}
	c.add(requests.next(), &relaypb.Command{Op: &relaypb.Command_SetClock{SetClock: &relaypb.SetClock{
		Game: string(c.Game), WhiteMs: clockProto(s.Clock.White), BlackMs: clockProto(s.Clock.Black), At: int64(at),
	}}})
}

// clockAfter are the clocks once the moves are corrected from ply clocks on. The first same plies
// are the same moves.
func (c *Change) clockAfter(b *boardGame, s *Game, clocks, same int) relay.Clock {
	if c.Kept > 0 || clocks == len(s.Moves) {
		return b.Clock()
	}
	clock := b.ClockAt(relay.Ply(clocks))
	for i := clocks; i < len(s.Moves); i++ {
		shown := s.Moves[i].Clock
		if i < same && clocksAgree(shown, b.moves[i].Clock) {
			clock = b.moves[i].Clock
			continue
		}
		if shown.White >= 0 {
			clock.White = shown.White
		}
		if shown.Black >= 0 {
			clock.Black = shown.Black
		}
	}
	return clock
}

// validClock removes times that are impossible.
func validClock(c relay.Clock) relay.Clock {
	for _, t := range []*relay.Millis{&c.White, &c.Black} {
		if *t < 0 || *t > relay.MaxClock {
			*t = relay.NoTime
		}
	}
	return c
}

// clocksAgree reports whether all times that the source shows are the recorded ones.
func clocksAgree(shown, recorded relay.Clock) bool {
	return (shown.White < 0 || shown.White == recorded.White) && (shown.Black < 0 || shown.Black == recorded.Black)
}

// clockLocked reports whether a person has set the clocks at the source's last ply or later.
func clockLocked(b *boardGame, s *Game) bool {
	l, ok := b.Lock(relay.LockClock)
	return ok && max(len(b.moves), len(s.Moves)) <= int(l.ToPly)
}

// updateTags updates the players and the tags that the source shows.
func (c *Change) updateTags(requests *requestIDs, b *boardGame, s *Game, n *note) {
	op := &relaypb.UpdateGame{Game: string(b.ID), Reason: "as the source says"}
	op.White = c.updatePlayer(b, n, "white", &b.White, &b.Black, s.White)
	op.Black = c.updatePlayer(b, n, "black", &b.Black, &b.White, s.Black)
	if control := cleanText(s.TimeControl, relay.MaxTimeControl); control != "" && control != b.TimeControl {
		if _, locked := b.Lock("timeControl"); locked {
			c.noteLocked(n, "timeControl", control)
		} else {
			op.TimeControl = &control
		}
	}
	for _, t := range changedTags(b.Tags, s) {
		if _, locked := b.Lock("tags." + t.Name); locked {
			c.noteLocked(n, "tags."+t.Name, t.Value)
			continue
		}
		op.Tags = append(op.Tags, t)
	}
	if len(b.Changes) >= maxSourceChanges {
		return
	}
	if op.White != nil || op.Black != nil || op.TimeControl != nil || len(op.Tags) > 0 {
		c.add(requests.next(), &relaypb.Command{Op: &relaypb.Command_UpdateGame{UpdateGame: op}})
	}
}

// updatePlayer returns the change of a player; nil if there is none. Title, rating, FIDE id,
// federation and team belong to the player. So a new player starts without them, or brings them
// along from the other side of the board.
func (c *Change) updatePlayer(b *boardGame, n *note, side string, recordedPlayer, oppositePlayer *relay.Player, sourcePlayer relay.Player) *relaypb.PlayerUpdate {
	now, was := playerProto(sourcePlayer), playerProto(*recordedPlayer)
	if now.Name == was.Name {
		sourcePlayer.Name = "" // nothing new, as with nearly all games
	}
	if sourcePlayer.Name == "" || relay.Nobody(sourcePlayer.Name) && !relay.Nobody(recordedPlayer.Name) {
		sourcePlayer.Name, now.Name = "", recordedPlayer.Name // the source does not know the name
	}
	if sourcePlayer.Name == "" {
		return c.playerUpdate(b, n, side, was, filledFrom(now, was))
	}
	shown, recorded, acrossTheBoard := playerOf(now), playerOf(was), playerOf(playerProto(*oppositePlayer))
	_, nameLocked := b.Lock(side + ".name")
	switch {
	case shown.likenessTo(&recorded) >= unknownPlayer:
	case nameLocked && b.hasPlayer(side, &shown):
	case nameLocked: // the source has another player there
		c.noteLocked(n, side+".name", now.Name)
		return nil
	default:
		base := &relaypb.Player{}
		if shown.likenessTo(&acrossTheBoard) >= similarPlayer {
			base = playerProto(*oppositePlayer)
		}
		return c.playerUpdate(b, n, side, was, filledFrom(now, base))
	}
	return c.playerUpdate(b, n, side, was, filledFrom(now, was))
}

// filledFrom fills in the fields that p does not know.
func filledFrom(p, base *relaypb.Player) *relaypb.Player {
	p.Title, p.Rating, p.FideId = cmp.Or(p.Title, base.Title), cmp.Or(p.Rating, base.Rating), cmp.Or(p.FideId, base.FideId)
	p.Federation, p.Team = cmp.Or(p.Federation, base.Federation), cmp.Or(p.Team, base.Team)
	return p
}

func playerOf(p *relaypb.Player) player {
	out := player{fideID: p.FideId}
	out.addName(p.Name)
	return out
}

// playerUpdate is the update that turns was into now, except for locked fields; nil if they are the
// same.
func (c *Change) playerUpdate(b *boardGame, n *note, side string, was, now *relaypb.Player) *relaypb.PlayerUpdate {
	update, changed := &relaypb.PlayerUpdate{}, false
	mayChange := func(field, value string) bool {
		if _, locked := b.Lock(side + "." + field); locked {
			c.noteLocked(n, side+"."+field, value)
			return false
		}
		changed = true
		return true
	}
	if now.Name != was.Name && mayChange("name", now.Name) {
		update.Name = &now.Name
	}
	if now.Title != was.Title && mayChange("title", now.Title) {
		update.Title = &now.Title
	}
	if now.Rating != was.Rating && mayChange("rating", strconv.Itoa(int(now.Rating))) {
		update.Rating = &now.Rating
	}
	if now.FideId != was.FideId && mayChange("fideId", strconv.FormatInt(now.FideId, 10)) {
		update.FideId = &now.FideId
	}
	if now.Federation != was.Federation && mayChange("federation", now.Federation) {
		update.Federation = &now.Federation
	}
	if now.Team != was.Team && mayChange("team", now.Team) {
		update.Team = &now.Team
	}
	if !changed {
		return nil
	}
	return update
}

// changedTags are the tags whose values differ from was. An empty warning removes the tag.
func changedTags(was []relay.Tag, s *Game) []*relaypb.Tag {
	var out []*relaypb.Tag
	for _, t := range append([]relay.Tag{{Name: idTag, Value: s.ID}}, s.Tags...) {
		if value := cleanText(t.Value, relay.MaxTagValue); value != "" && value != valueOf(was, t.Name) {
			out = append(out, &relaypb.Tag{Name: t.Name, Value: value})
		}
	}
	if warning := cleanText(s.Warning, relay.MaxTagValue); warning != valueOf(was, relay.WarningTag) {
		out = append(out, &relaypb.Tag{Name: relay.WarningTag, Value: warning})
	}
	return out
}

// requestIDs makes the request ids of one game's commands.
type requestIDs struct {
	base string
	n    int
}

func (a *requestIDs) next() string {
	a.n++
	return fmt.Sprintf("%s/%d", a.base, a.n)
}

// newID derives the id of a new game from the round and the creation request. So moves can follow
// before the creation is answered.
func newID(round relay.RoundID, key string) relay.GameID {
	h := sha256.Sum256([]byte(string(round) + "/" + key))
	return relay.GameID(relay.FormatID(binary.BigEndian.Uint64(h[:])))
}

func clockProto(t relay.Millis) *int64 {
	if t < 0 || t > relay.MaxClock {
		return nil
	}
	return new(int64(t))
}

// playerProto is the player as the boards take him. An impossible rating or id is left out: it must
// not make the boards refuse the game.
func playerProto(p relay.Player) *relaypb.Player {
	out := &relaypb.Player{
		Name: cmp.Or(cleanText(p.Name, relay.MaxName), "?"), Title: cleanText(p.Title, relay.MaxTitle),
		Federation: cleanText(p.Federation, relay.MaxShortText), Team: cleanText(p.Team, relay.MaxName),
	}
	if p.Rating > 0 && p.Rating <= relay.MaxRating {
		out.Rating = int32(p.Rating)
	}
	if p.FideID > 0 && p.FideID <= relay.MaxFideID {
		out.FideId = p.FideID
	}
	return out
}

// cleanText removes what the boards refuse: invisible characters, and bytes beyond the limit.
func cleanText(s string, limit int) string {
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
