package relay

import (
	"crypto/sha256"
	"fmt"
	"iter"
	"maps"
	"slices"

	"google.golang.org/protobuf/proto"

	"github.com/chessrelay/chessrelay/relay/relaypb"
)

// [State.TakeDirty] returns the records that have changed since the last call, by key:
//
//	t/<id>                  a tournament
//	r/<id>                  a round
//	g/<created>/<id>        the head of a game: its tags, its result, and at most 127 last moves
//	g/<created>/<id>/m0000  its first 128 moves; m0001 the next 128, and so on
//	g/<created>/<id>/c0000  the first line of its audit trail, with the moves that it took back
//	p/r/<id> …              a round with a delay, and its games, in the public's view
//	h/<round>/<index>       a held command, since the log may be cut behind it
//	k/<id>                  a token, with a salted hash of its secret
//	a/m/<block>             lines of the audit trail about moves, clocks and sources
//	a/c/<block>             its other lines
//	s/sum                   the rolling sum, see [State.Sum]
//
// <created> is the index of the command that created the game, in 16 hexadecimal digits. So games
// that are played at the same time are neighbours in the file, and of a running game only the head
// is written again. [State.Loaded] replays the games, derives the rest and checks that all belongs
// together. [State.Hash] is one number over the truth; it does not depend on how records are cut.

// The keys of records. Each tournament, round and game has one, and a game has one more for each
// movesPerRecord moves and for each change. The moves after the last complete record are in the
// game's own. So what a checkpoint writes grows with what has happened since the last one.
func tournamentKey(id TournamentID) string { return "t/" + string(id) }
func roundKey(id RoundID) string           { return "r/" + string(id) }

// recordKey orders games by their creation, so those that are played at the same time are
// neighbours in the file. Ids are random: in their order, each game would cost a page of its own.
func recordKey(g *Game) string { return fmt.Sprintf("g/%0*x/%s", createdLen, g.CreatedAtIx, g.ID) }

const createdLen = 16

// gameKey is the key of a game in [State.Hash].
func gameKey(id GameID) string { return "g/" + string(id) }

func movesKey(game string, i int) string  { return fmt.Sprintf("%s/m%04d", game, i) }
func changeKey(game string, i int) string { return fmt.Sprintf("%s/c%04d", game, i) }

// movesPerRecord is how many moves a record of moves has: some 6,400 bytes, and most games have no
// such record. One large record takes less space in a file and in memory than several small ones.
// The head, which each checkpoint rewrites, still takes only a page or two.
const movesPerRecord = 128

// storedGame counts the records that a game has on disk besides its head, once the last checkpoint
// is written.
//
// Invariant: unchanged <= moves, and unchanged is at most the number of complete records that the
// game's moves make.
type storedGame struct {
	moves     int // records of moves
	unchanged int // how many of them have the game's present moves
	changes   int // records of changes, which never change
}

// remove yields the removal of g's records.
func (st storedGame) remove(g *Game, yield func(string, []byte) bool) bool {
	key := recordKey(g)
	for i := range st.moves {
		if !yield(movesKey(key, i), nil) {
			return false
		}
	}
	for i := range st.changes {
		if !yield(changeKey(key, i), nil) {
			return false
		}
	}
	return yield(key, nil)
}

// asStored is what is on disk once the game is written.
func (g *Game) asStored() storedGame {
	complete := len(g.moves.blocks)
	return storedGame{moves: complete, unchanged: complete, changes: len(g.Changes)}
}

// takeBack notes that the moves after ply are gone.
func (st *storedGame) takeBack(ply Ply) { st.unchanged = min(st.unchanged, int(ply)/movesPerRecord) }

// changes are what differs from the last checkpoint.
type changes struct {
	tournaments []*Tournament   // new ones; no other changes in what is stored
	rounds      []*Round        // the same
	games       []*liveGame     // each once
	delayed     []*delayedRound // the same
	tokens      map[string]*Token
	forgotten   []string // the ids of tokens that are no longer stored
	sum         []byte   // the record of the rolling sum; nil: as it was
}

// touch notes that a game has changed.
func (s *State) touch(g *liveGame) {
	g.hash = nil
	if !g.changed {
		g.changed = true
		s.changed.games = append(s.changed.games, g)
	}
}

// gameChange is a game that a checkpoint has to write, and what was stored of it before.
type gameChange struct {
	game   *Game
	stored storedGame
}

// TakeDirty returns the records that have changed since the last call, by key. A nil value means
// that the record is to be removed. A checkpoint that applies this to what it had is complete,
// together with the applied index. The call costs next to nothing: the records are encoded while
// the sequence is read, which may be on another goroutine while the State goes on. The sequence may
// be read again. If it cannot be stored, the node must start again from its log.
func (s *State) TakeDirty() iter.Seq2[string, []byte] {
	taken := s.changed
	s.changed = changes{}
	if s.rolling.index != s.rolling.taken {
		s.rolling.taken, taken.sum = s.rolling.index, s.rolling.record()
	}
	games := make([]gameChange, len(taken.games))
	for i, g := range taken.games {
		games[i] = gameChange{g.Game, g.stored}
		g.stored = g.Game.asStored()
		g.changed = false
	}
	delayed, tokens := mapped(taken.delayed, (*delayedRound).takeDirty), taken.takeTokens()
	trails := []trailChange{s.played.takeDirty(), s.managed.takeDirty()}
	return taken.records(games, delayed, tokens, trails)
}

// Records returns all records of the state, by key. [State.Load] makes the same state of them
// elsewhere. As with TakeDirty, the call only copies pointers, and any goroutine may read the
// sequence. It does not affect what TakeDirty returns.
func (s *State) Records() iter.Seq2[string, []byte] {
	all := changes{tournaments: slices.Collect(maps.Values(s.tournaments)), rounds: slices.Collect(maps.Values(s.rounds))}
	if s.rolling.index > 0 {
		all.sum = s.rolling.record()
	}
	games := make([]gameChange, 0, s.games.n)
	for g := range s.games.all {
		games = append(games, gameChange{game: g.Game})
	}
	delayed := mapped(slices.Collect(maps.Values(s.delayed)), (*delayedRound).whole)
	tokens := mapped(slices.Collect(maps.Values(s.tokens)), tokenRecord)
	return all.records(games, delayed, tokens, []trailChange{s.played.whole(), s.managed.whole()})
}

// records yields the records of what has changed, with these games, rounds with a delay, tokens and
// audit trails.
func (c *changes) records(games []gameChange, delayed []delayedChange, tokens []*relaypb.TokenRecord, trails []trailChange) iter.Seq2[string, []byte] {
	return func(yield func(string, []byte) bool) {
		if !encodeTokens(tokens, c.forgotten, yield) {
			return
		}
		for _, t := range trails {
			if !t.encode(yield) {
				return
			}
		}
		if c.sum != nil && !yield(sumKey, c.sum) {
			return
		}
		for _, t := range c.tournaments {
			if !yield(tournamentKey(t.ID), marshal(tournamentRecord(t))) {
				return
			}
		}
		for _, r := range c.rounds {
			if !yield(roundKey(r.ID), marshal(roundRecord(r))) {
				return
			}
		}
		for _, g := range games {
			if !g.encode(yield) {
				return
			}
		}
		for _, c := range delayed {
			if !c.encode(yield) {
				return
			}
		}
	}
}

// encode yields the records of a game that have changed.
func (c gameChange) encode(yield func(string, []byte) bool) bool {
	g, stored := c.game, c.stored
	key := recordKey(g)
	complete := len(g.moves.blocks)
	for i := stored.unchanged; i < complete; i++ {
		if !yield(movesKey(key, i), g.moves.blocks[i].records) {
			return false
		}
	}
	for i := complete; i < stored.moves; i++ {
		if !yield(movesKey(key, i), nil) {
			return false
		}
	}
	for i := stored.changes; i < len(g.Changes); i++ {
		if !yield(changeKey(key, i), marshal(changeRecord(g.Changes[i]))) {
			return false
		}
	}
	head := headRecord(g)
	head.MovesRecords, head.ChangeRecords = uint32(complete), uint32(len(g.Changes))
	// Like marshal, this cannot fail.
	value, _ := deterministic.MarshalAppend(make([]byte, 0, 256+len(g.moves.tail)), head)
	tail := len(value)
	value = append(value, g.moves.tail...)
	for rest := value[tail:]; len(rest) > 0; _, rest = nextRecord(rest) {
		rest[0] = 9<<3 | bytesType // GameRecord.moves, and not MovesRecord.moves
	}
	return yield(key, value)
}

// marshal encodes a record of this package. It could fail on invalid UTF-8 only, and no command can
// have brought that in: it would not have been decoded.
func marshal(m proto.Message) []byte {
	data, _ := deterministic.Marshal(m)
	return data
}

// Hash is the SHA-256 over all tournaments, rounds, games and tokens in the order of their keys.
// For each one it covers the key (11 bytes with its end, a zero byte) and the SHA-256 of its whole
// record. A game's whole record has all its moves and its audit trail, however a checkpoint stores
// them. The applied index is not in it, nor is the administrators' audit trail. It is the same on
// all nodes that have applied the same entries, with or without a checkpoint between. It costs as
// much as the games that have changed since the last call, and all tournaments and rounds.
func (s *State) Hash() [32]byte {
	keys := make([]string, 0, len(s.tournaments)+len(s.rounds)+s.games.n+len(s.tokens))
	for id := range s.tokens {
		keys = append(keys, tokenKey(id))
	}
	for id := range s.tournaments {
		keys = append(keys, tournamentKey(id))
	}
	for id := range s.rounds {
		keys = append(keys, roundKey(id))
	}
	for g := range s.games.all {
		keys = append(keys, gameKey(g.ID))
	}
	slices.Sort(keys)
	h := sha256.New()
	for _, key := range keys {
		sum := s.hashOf(key)
		h.Write([]byte(key + "\x00"))
		h.Write(sum[:])
	}
	return [32]byte(h.Sum(nil))
}

func (s *State) hashOf(key string) [32]byte {
	switch kind, id := key[:2], key[2:]; kind {
	case "t/":
		return sha256.Sum256(marshal(tournamentRecord(s.tournaments[TournamentID(id)])))
	case "k/":
		return sha256.Sum256(marshal(tokenRecord(s.tokens[id])))
	case "r/":
		return sha256.Sum256(marshal(roundRecord(s.rounds[RoundID(id)])))
	default:
		g := s.games.get(GameID(id))
		if g.hash == nil {
			g.hash = new(sha256.Sum256(marshal(gameRecord(g.Game))))
		}
		return *g.hash
	}
}
