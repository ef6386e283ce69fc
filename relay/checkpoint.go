package relay

import (
	"cmp"
	"crypto/sha256"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"google.golang.org/protobuf/proto"

	"github.com/chessrelay/chessrelay/relay/relaypb"
)

// The keys of records: one for each tournament, round and game.
func tournamentKey(id TournamentID) string { return "t/" + string(id) }
func roundKey(id RoundID) string           { return "r/" + string(id) }
func gameKey(id GameID) string             { return "g/" + string(id) }

// touch notes that the record under key is no longer what it was.
func (s *State) touch(key string) {
	s.dirty[key] = struct{}{}
	delete(s.sums, key)
}

// encode makes the bytes of the record under key, which must exist.
func (s *State) encode(key string) []byte {
	var m proto.Message
	switch kind, id := key[:2], key[2:]; kind {
	case "t/":
		m = tournamentRecord(s.tournaments[TournamentID(id)])
	case "r/":
		m = roundRecord(s.rounds[RoundID(id)])
	default:
		m = gameRecord(s.games[GameID(id)])
	}
	// It fails on invalid UTF-8 only, and no command can have brought that in:
	// it would not have been decoded.
	data, _ := deterministic.Marshal(m)
	return data
}

// TakeDirty returns the records that have changed since the last call, by key.
// A checkpoint that stores them on top of what it had, together with the index
// applied last, is complete. Nothing is ever removed. The caller must not lose
// them: if they cannot be stored, the node can only start again from its log.
func (s *State) TakeDirty() map[string][]byte {
	out := make(map[string][]byte, len(s.dirty))
	for key := range s.dirty {
		out[key] = s.encode(key)
	}
	clear(s.dirty)
	return out
}

// Hash is the SHA-256 over all records in the order of their keys: for each one the key
// (11 bytes with its end, a zero byte) and the SHA-256 of the bytes that a checkpoint
// stores. So it covers every stored field of every tournament, round and game, with
// their moves and audit trails; the applied index itself is not in it. It is the
// same on all nodes that have applied the same entries, with or without a
// checkpoint between. The cost is that of the records changed since the last call.
func (s *State) Hash() [32]byte {
	keys := make([]string, 0, len(s.tournaments)+len(s.rounds)+len(s.games))
	for id := range s.tournaments {
		keys = append(keys, tournamentKey(id))
	}
	for id := range s.rounds {
		keys = append(keys, roundKey(id))
	}
	for id := range s.games {
		keys = append(keys, gameKey(id))
	}
	slices.Sort(keys)
	h := sha256.New()
	for _, key := range keys {
		sum, ok := s.sums[key]
		if !ok {
			sum = sha256.Sum256(s.encode(key))
			s.sums[key] = sum
		}
		h.Write([]byte(key + "\x00"))
		h.Write(sum[:])
	}
	return [32]byte(h.Sum(nil))
}

// Load takes in one record of a checkpoint, as TakeDirty gave it, under its key.
// It is for a new State; the records come in any order, and [State.Loaded] follows the last one.
func (s *State) Load(key string, value []byte) error {
	if len(key) != 2+idLen || !ValidID(key[2:]) {
		return fmt.Errorf("load record %q: not a key of this program", clip(key, 32))
	}
	if s.taken(key[2:]) {
		return fmt.Errorf("load record %s: its id is there already", key)
	}
	var id string
	var err error
	switch key[:2] {
	case "t/":
		r := new(relaypb.TournamentRecord)
		err = proto.Unmarshal(value, r)
		id = r.Id
		s.tournaments[TournamentID(key[2:])] = tournamentFrom(r)
	case "r/":
		r := new(relaypb.RoundRecord)
		err = proto.Unmarshal(value, r)
		id = r.Id
		s.rounds[RoundID(key[2:])] = roundFrom(r)
	case "g/":
		r := new(relaypb.GameRecord)
		err = proto.Unmarshal(value, r)
		id = r.Id
		s.games[GameID(key[2:])] = gameFrom(r)
	default:
		return fmt.Errorf("load record %q: not a key of this program", key)
	}
	if err != nil {
		return fmt.Errorf("load record %s: %w", key, err)
	}
	if id != key[2:] {
		return fmt.Errorf("load record %s: it holds the record of %q", key, clip(id, 32))
	}
	return nil
}

// Loaded ends a series of [State.Load]: it derives what is not stored and checks that
// the records belong together. After an error the State is not to be used.
func (s *State) Loaded() error {
	if len(s.newest) > 0 || len(s.dirty) > 0 {
		return errors.New("load records: the state was in use already")
	}
	var errs []error
	for _, t := range sortedByIndex(s.tournaments, func(t *Tournament) uint64 { return t.Index }) {
		if _, twice := s.asked[creationKey{"", t.Request}]; twice {
			errs = append(errs, fmt.Errorf("record %s: its request has created another tournament", tournamentKey(t.ID)))
		}
		s.putTournament(t)
	}
	for _, r := range sortedByIndex(s.rounds, func(r *Round) uint64 { return r.Index }) {
		if err := s.loadedRound(r); err != nil {
			errs = append(errs, fmt.Errorf("record %s: %w", roundKey(r.ID), err))
		}
	}
	for _, g := range sortedByIndex(s.games, func(g *Game) uint64 { return g.CreatedAtIx }) {
		if err := s.loadedGame(g); err != nil {
			errs = append(errs, fmt.Errorf("record %s: %w", gameKey(g.ID), err))
		}
	}
	if len(errs) > 10 {
		errs = append(errs[:10], fmt.Errorf("and %d more", len(errs)-10))
	}
	return errors.Join(errs...)
}

func (s *State) loadedRound(r *Round) error {
	if _, ok := s.tournaments[r.Tournament]; !ok {
		return fmt.Errorf("its tournament %q is missing", clip(string(r.Tournament), 32))
	}
	if _, twice := s.asked[creationKey{string(r.Tournament), r.Request}]; twice {
		return errors.New("its request has created another round")
	}
	s.addRound(r)
	return nil
}

func (s *State) loadedGame(g *Game) error {
	if _, ok := s.rounds[g.Round]; !ok {
		return fmt.Errorf("its round %q is missing", clip(string(g.Round), 32))
	}
	if other, ok := s.boards[boardKey{g.Round, g.Board}]; ok {
		return fmt.Errorf("its board %d is that of game %s too", g.Board, other)
	}
	if _, twice := s.asked[creationKey{string(g.Round), g.Request}]; twice {
		return errors.New("its request has created another game")
	}
	pos, err := parsePosition(g.FEN())
	if err != nil {
		return fmt.Errorf("its position at ply %d: %w", g.Ply(), err)
	}
	if result, err := ParseResult(string(g.Result)); err != nil || result != g.Result {
		return fmt.Errorf("its result is %q", clip(string(g.Result), 32))
	}
	g.pos = pos
	s.addGame(g)
	return nil
}

// sortedByIndex returns the values in the order in which they were created.
func sortedByIndex[K ~string, V any](m map[K]V, index func(V) uint64) []V {
	keys := slices.Collect(maps.Keys(m))
	slices.SortFunc(keys, func(a, b K) int {
		return cmp.Or(cmp.Compare(index(m[a]), index(m[b])), strings.Compare(string(a), string(b)))
	})
	out := make([]V, len(keys))
	for i, k := range keys {
		out[i] = m[k]
	}
	return out
}
