package relay

import (
	"cmp"
	"errors"
	"fmt"
	"iter"
	"maps"
	"slices"
	"strconv"
	"strings"

	"google.golang.org/protobuf/proto"

	"github.com/chessrelay/chessrelay/relay/relaypb"
	"github.com/chessrelay/chessrelay/relay/rules"
)

// gameParts is what Load has read of a game.
type gameParts struct {
	key     string // of all of them
	head    *relaypb.GameRecord
	moves   map[int][]*relaypb.MoveRecord
	changes map[int]*relaypb.ChangeRecord
}

// Load reads one record of a checkpoint, as TakeDirty returned it. It is for a new State. The
// records come in any order, each once; [State.Loaded] must follow the last one.
func (s *State) Load(key string, value []byte) error {
	if public, ok := strings.CutPrefix(key, publicPrefix); ok && !s.isPublic {
		if s.loading.public == nil {
			s.loading.public = newPublicState()
		}
		return s.loading.public.Load(public, value)
	}
	if strings.HasPrefix(key, "a/") && !s.isPublic {
		if err := s.loadAudit(key, value); err != nil {
			return fmt.Errorf("load record %q: %w", clip(key, 64), err)
		}
		return nil
	}
	if key == sumKey && !s.isPublic {
		return s.rolling.load(value)
	}
	kind, id, of, part, err := splitKey(key)
	if err != nil {
		return err
	}
	switch {
	case s.isPublic && (kind == "t/" || kind == "h/" || kind == "k/"):
		err = errKey
	case kind == "k/":
		err = s.loadToken(id, value)
	case kind == "h/":
		err = s.loadHeld(RoundID(id), part, value)
	case kind == "t/":
		r := new(relaypb.TournamentRecord)
		if err = unmarshal(value, r, id, r.GetId); err == nil && s.idTaken(id) {
			err = errTwice
		}
		s.tournaments[TournamentID(id)] = tournamentFrom(r)
	case kind == "r/":
		r := new(relaypb.RoundRecord)
		if err = unmarshal(value, r, id, r.GetId); err == nil && s.idTaken(id) {
			err = errTwice
		}
		s.rounds[RoundID(id)] = roundFrom(r)
	default:
		err = s.loadPart(GameID(id), of, part, value)
	}
	if err != nil {
		return fmt.Errorf("load record %s: %w", key, err)
	}
	return nil
}

var (
	errTwice = errors.New("its id is in use already")
	errKey   = errors.New("not a key of this program: a newer chessrelay wrote it, or it is damaged")
)

// splitKey splits a record's key. id and of are the id and the key of what the record belongs to;
// part is the rest.
func splitKey(key string) (kind, id, of, part string, err error) {
	at := 2 // where the id begins
	if strings.HasPrefix(key, "g/") {
		if at += createdLen + 1; len(key) < at || key[at-1] != '/' {
			return "", "", "", "", fmt.Errorf("load record %q: %w", clip(key, 64), errKey)
		}
	}
	if end := at + idLen; len(key) >= end && ValidID(key[at:end]) {
		kind, id, of, part = key[:2], key[at:end], key[:end], key[end:]
		if (kind == "t/" || kind == "r/" || kind == "k/") && part == "" || kind == "g/" || kind == "h/" {
			return kind, id, of, part, nil
		}
	}
	return "", "", "", "", fmt.Errorf("load record %q: %w", clip(key, 64), errKey)
}

// unmarshal reads a record, which must have the id of its key.
func unmarshal(value []byte, r proto.Message, id string, own func() string) error {
	if err := proto.Unmarshal(value, r); err != nil {
		return err
	}
	if own() != id {
		return fmt.Errorf("it holds the record of %q", clip(own(), 32))
	}
	return nil
}

// loadPart reads one record of a game.
func (s *State) loadPart(id GameID, key, part string, value []byte) error {
	g := s.parts[id]
	if g == nil {
		if s.idTaken(string(id)) {
			return errTwice
		}
		g = &gameParts{key: key, moves: map[int][]*relaypb.MoveRecord{}, changes: map[int]*relaypb.ChangeRecord{}}
		s.parts[id] = g
	}
	if g.key != key {
		return fmt.Errorf("the game has records under %s, too", g.key)
	}
	if part == "" {
		if g.head != nil {
			return errTwice
		}
		g.head = new(relaypb.GameRecord)
		return unmarshal(value, g.head, string(id), g.head.GetId)
	}
	i, err := strconv.Atoi(part[min(2, len(part)):])
	switch {
	case err == nil && part == movesKey("", i):
		r := new(relaypb.MovesRecord)
		if err := proto.Unmarshal(value, r); err != nil {
			return err
		}
		if len(r.Moves) != movesPerRecord {
			return fmt.Errorf("it has %d moves, and should have %d", len(r.Moves), movesPerRecord)
		}
		g.moves[i] = r.Moves
		return nil
	case err == nil && part == changeKey("", i):
		r := new(relaypb.ChangeRecord)
		if err := proto.Unmarshal(value, r); err != nil {
			return err
		}
		g.changes[i] = r
		return nil
	}
	return errKey
}

// join makes the game of its records, which must be complete.
func (p *gameParts) join() (*liveGame, error) {
	if p.head == nil {
		return nil, errors.New("it is missing, but other records of the game are not")
	}
	var moves []*relaypb.MoveRecord
	for i := range len(p.moves) {
		m, ok := p.moves[i]
		if !ok {
			return nil, fmt.Errorf("its record of moves %d is missing", i)
		}
		moves = append(moves, m...)
	}
	var trail []*relaypb.ChangeRecord
	for i := range len(p.changes) {
		c, ok := p.changes[i]
		if !ok {
			return nil, fmt.Errorf("its record of changes %d is missing", i)
		}
		trail = append(trail, c)
	}
	if p.head.MovesRecords != uint32(len(p.moves)) || p.head.ChangeRecords != uint32(len(p.changes)) {
		return nil, fmt.Errorf("it has %d records of moves and %d of changes, and should have %d and %d",
			len(p.moves), len(p.changes), p.head.MovesRecords, p.head.ChangeRecords)
	}
	p.head.Changes = append(trail, p.head.Changes...)
	g := &liveGame{Game: gameFrom(p.head), stored: storedGame{moves: len(p.moves), unchanged: len(p.moves), changes: len(p.changes)}}
	if p.key != recordKey(g.Game) {
		return nil, fmt.Errorf("it is not the game of the key %s", p.key)
	}
	return g, g.replay(append(moves, p.head.Moves...))
}

// replay plays the stored moves of a game. It derives what is not stored: the SAN of a move and the
// position after it.
func (g *liveGame) replay(records []*relaypb.MoveRecord) error {
	if err := g.setStartPosition(); err != nil {
		return fmt.Errorf("its start position: %w", err)
	}
	for i, r := range records {
		pos := &g.moves.after
		m, reason := moveFrom(r, Ply(i)+1), ""
		if r.Illegal {
			if illegal, err := illegalMove(pos, r.San, r.Fen); err != nil {
				return fmt.Errorf("its illegal move %q at ply %d: %w", clip(r.San, 32), i+1, err)
			} else if illegal.SAN != r.San || illegal.UCI != r.Uci || illegal.FEN != r.Fen {
				return fmt.Errorf("its illegal move %q at ply %d is not in its normal form", clip(r.San, 32), i+1)
			}
			g.moves.add(&m, rules.Move{})
			continue
		}
		played, err := pos.Find(r.Uci)
		if err != nil {
			reason = pos.Explain(err)
		} else if string(pos.appendUCI(nil, played)) != r.Uci {
			reason = "it is not UCI"
		}
		if reason != "" {
			return fmt.Errorf("its move %q at ply %d: %s", clip(r.Uci, 32), i+1, reason)
		}
		g.moves.add(&m, played)
	}
	return nil
}

// Loaded ends a series of [State.Load]. It derives what is not stored and checks that the records
// belong together. After an error the State must not be used.
func (s *State) Loaded() error {
	if len(s.newestFirst) > 0 {
		return errors.New("load records: the state was in use already")
	}
	var errs []error
	for id, p := range s.parts {
		g, err := p.join()
		if err == nil && s.idTaken(string(id)) {
			err = errTwice
		}
		if err != nil {
			errs = append(errs, fmt.Errorf("record %s: %w", p.key, err))
			continue
		}
		s.games.add(g)
	}
	s.parts = nil
	for _, t := range sortedByIndex(maps.Values(s.tournaments), func(t *Tournament) (uint64, string) { return t.Index, string(t.ID) }) {
		if _, twice := s.creations[creationKey{"", t.Request}]; twice {
			errs = append(errs, fmt.Errorf("record %s: its request has created another tournament", tournamentKey(t.ID)))
		}
		s.putTournament(t)
	}
	for _, r := range sortedByIndex(maps.Values(s.rounds), func(r *Round) (uint64, string) { return r.Index, string(r.ID) }) {
		if err := s.loadedRound(r); err != nil {
			errs = append(errs, fmt.Errorf("record %s: %w", roundKey(r.ID), err))
		}
	}
	for _, g := range sortedByIndex(s.games.all, func(g *liveGame) (uint64, string) { return g.CreatedAtIx, string(g.ID) }) {
		if err := s.loadedGame(g); err != nil {
			errs = append(errs, fmt.Errorf("record %s: %w", gameKey(g.ID), err))
		}
	}
	for id, r := range s.rounds {
		s.updateStatus(id, new(Outcome))
		if len(errs) == 0 {
			s.markGames(r)
		}
	}
	for _, t := range []*trail{&s.played, &s.managed} {
		if err := t.loadedAudit(); err != nil {
			errs = append(errs, fmt.Errorf("records a/%s: %w", t.key, err))
		}
	}
	if len(errs) > 10 {
		errs = append(errs[:10], fmt.Errorf("and %d more", len(errs)-10))
	}
	if len(errs) == 0 && !s.isPublic {
		errs = append(errs, s.loadedDelayed())
	}
	return errors.Join(errs...)
}

func (s *State) loadedRound(r *Round) error {
	if _, ok := s.tournaments[r.Tournament]; !ok {
		return fmt.Errorf("its tournament %q is missing", clip(string(r.Tournament), 32))
	}
	if r.StatusSet != "" && r.StatusSet != RoundStarted && r.StatusSet != RoundFinished {
		return fmt.Errorf("its status is %q", clip(string(r.StatusSet), 32))
	}
	if _, twice := s.creations[creationKey{string(r.Tournament), r.Request}]; twice {
		return errors.New("its request has created another round")
	}
	s.addRound(r)
	return nil
}

func (s *State) loadedGame(g *liveGame) error {
	r, ok := s.rounds[g.Round]
	if !ok {
		return fmt.Errorf("its round %q is missing", clip(string(g.Round), 32))
	}
	if at, taken := s.findBoard(r, g.Board); taken && g.Deleted == nil {
		return fmt.Errorf("its board %d is that of game %s too", g.Board, r.Games[at])
	}
	if _, twice := s.creations[creationKey{string(g.Round), g.Request}]; twice {
		return errors.New("its request has created another game")
	}
	if result, forfeit, err := ParseScore(string(g.Result)); err != nil || forfeit || result != g.Result || g.Forfeit && !g.Over() {
		return fmt.Errorf("its result is %q", clip(string(g.Result), 32))
	}
	if g.Variant != "" && g.Variant != Chess960 {
		return fmt.Errorf("its variant is %q", clip(g.Variant, 32))
	}
	s.addGame(g)
	return nil
}

// sortedByIndex returns the values in the order of their creation.
func sortedByIndex[V any](values iter.Seq[V], key func(V) (index uint64, id string)) []V {
	return slices.SortedFunc(values, func(a, b V) int {
		i, x := key(a)
		j, y := key(b)
		return cmp.Or(cmp.Compare(i, j), strings.Compare(x, y))
	})
}
