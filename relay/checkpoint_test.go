package relay

import (
	"bytes"
	"fmt"
	"iter"
	"maps"
	"math"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"google.golang.org/protobuf/proto"

	"github.com/chessrelay/chessrelay/relay/relaypb"
)

// records is a whole checkpoint.
func records(s *State) map[string][]byte { return maps.Collect(s.Records()) }

// store applies a checkpoint to the records.
func store(tb testing.TB, records map[string][]byte, changed iter.Seq2[string, []byte]) {
	tb.Helper()
	for key, value := range changed {
		if value != nil {
			records[key] = value
			continue
		}
		if records[key] == nil {
			tb.Fatalf("%s is removed, and was not there", key)
		}
		delete(records, key)
	}
}

func load(tb testing.TB, records map[string][]byte) *State {
	tb.Helper()
	s := NewState()
	for key, value := range records { // in no order
		if err := s.Load(key, value); err != nil {
			tb.Fatal(err)
		}
	}
	if err := s.Loaded(); err != nil {
		tb.Fatal(err)
	}
	return s
}

func reload(tb testing.TB, s *State) *State { return load(tb, records(s)) }

// TestCheckpoints stores the changes after every few commands, as a node does, and starts again
// from what was stored.
func TestCheckpoints(t *testing.T) {
	s := newScript(t)
	stored := map[string][]byte{}
	for i, c := range longScript(t, 1, 400) {
		s.bytes(c)
		if i%7 != 0 {
			continue
		}
		store(t, stored, s.TakeDirty())
		again := load(t, stored)
		if again.Hash() != s.Hash() {
			t.Fatalf("index %d: another hash after the checkpoint", s.index)
		}
		if len(maps.Collect(again.TakeDirty())) != 0 {
			t.Fatal("the loaded state is dirty")
		}
		if was, is := s.Shown(s.index), again.Shown(s.index); was != is {
			t.Fatalf("index %d: the public's index was %d, and is %d after a restart", s.index, was, is)
		}
		for _, diff := range []string{
			cmp.Diff(s.tournaments, again.tournaments, cmpopts.EquateEmpty()),
			cmp.Diff(s.rounds, again.rounds, cmpopts.EquateEmpty()),
			cmp.Diff(published(s.State), published(again), cmpopts.EquateEmpty(), wholeGames),
			cmp.Diff(s.Tournaments(), again.Tournaments(), cmpopts.EquateEmpty()),
		} {
			if diff != "" {
				t.Fatal("the checkpoint has lost something: ", diff)
			}
		}
		// It goes on as if nothing had happened.
		if i%49 == 0 {
			s.State = again
		}
	}
}

// published returns all games as readers see them.
func published(s *State) map[GameID]*Game {
	out := map[GameID]*Game{}
	for g := range s.games.all {
		out[g.ID] = g.Game
	}
	return out
}

// TestCheckpointsOfOneGame plays a long game with takebacks of any depth. Now and then it takes a
// checkpoint, and encodes it some commands later, as a node does. The stored records must be those
// of the game when the checkpoint was taken, byte for byte the same as in a checkpoint of
// everything.
func TestCheckpointsOfOneGame(t *testing.T) {
	for seed := range uint64(someOf(2, 5)) {
		r := rand.New(rand.NewPCG(seed, 3))
		s := withGame(t, "")
		stored := map[string][]byte{}
		most := 0
		for n := range 1000 {
			switch ply := s.game().Ply(); {
			case r.IntN(25) == 0 && ply > 0:
				s.must(takeBack(max(0, ply-Ply(r.IntN(30))-1), fmt.Sprint("t", n)))
			case ply > 0 && r.IntN(300) == 0:
				s.must(takeBack(Ply(r.IntN(int(ply))), fmt.Sprint("t", n)))
			case r.IntN(60) == 0:
				s.must(setResult("1-0", fmt.Sprint("r", n)))
				s.must(setResult("*", fmt.Sprint("o", n)))
			default: // the knights go out and come back
				s.moves(knights(int(ply)))
			}
			if r.IntN(20) > 0 {
				continue
			}
			hash, changed := s.Hash(), s.TakeDirty()
			if r.IntN(2) == 0 {
				if ply := s.game().Ply(); ply > 0 && r.IntN(6) == 0 {
					s.must(takeBack(0, fmt.Sprint("l", n)))
				} else if ply > 0 {
					s.must(takeBack(max(0, ply-Ply(r.IntN(20))-1), fmt.Sprint("l", n)))
				}
				for range 5 {
					s.moves(knights(int(s.game().Ply())))
				}
			}
			store(t, stored, changed)
			again := load(t, stored)
			if again.Hash() != hash {
				t.Fatalf("seed %d, index %d: another hash after the checkpoint", seed, s.index)
			}
			if !maps.EqualFunc(stored, records(again), bytes.Equal) {
				t.Fatalf("seed %d, index %d: other records", seed, s.index)
			}
			most = max(most, len(stored))
			if r.IntN(3) == 0 {
				s.State = again
			}
		}
		if most < 40 {
			t.Fatalf("%d records at most: too few", most)
		}
	}
}

// TestRecords: Records returns all records as of the call, however late they are read, and
// checkpoints do not notice.
func TestRecords(t *testing.T) {
	s, disk := NewState(), map[string][]byte{}
	commands := longScript(t, 7, someOf(1500, 3000))
	for i, c := range commands {
		s.Apply(uint64(i+1), 1, c)
		if i%500 != 499 || i+1 == len(commands) {
			continue
		}
		hash, all := s.Hash(), s.Records()
		for j := range 100 {
			s.Apply(uint64(i+2+j), 1, commands[(i+1+j)%len(commands)])
		}
		if load(t, maps.Collect(all)).Hash() != hash {
			t.Fatalf("the records of entry %d make another state", i+1)
		}
		store(t, disk, s.TakeDirty())
		if all := records(s); !maps.EqualFunc(disk, all, bytes.Equal) {
			t.Fatalf("checkpoints (-) and all records (+) differ after entry %d:\n%s", i+1, cmp.Diff(disk, all))
		}
	}
}

// TestCheckpointGrowsWithMoves: a checkpoint of a long game writes only what is new.
func TestCheckpointGrowsWithMoves(t *testing.T) {
	s := withGame(t, "")
	for ply := range 1000 {
		s.moves(knights(ply))
	}
	for i := range 50 {
		s.must(setResult([]string{"1-0", "0-1"}[i%2], fmt.Sprint("r", i)))
	}
	s.must(setResult("*", "r"))
	if whole := size(s.TakeDirty()); whole < 20_000 {
		t.Fatalf("the whole game takes %d bytes", whole)
	}
	for ply := range 160 {
		s.moves(knights(ply))
		if n := size(s.TakeDirty()); n > 5_000 {
			t.Fatalf("one move more takes %d bytes", n)
		}
	}
	s.State = reload(t, s.State)
	s.moves("Nf3")
	if n := size(s.TakeDirty()); n > 5_000 {
		t.Fatalf("after a restart, one move more takes %d bytes", n)
	}
	s.must(takeBack(1150, "t"))
	if n := size(s.TakeDirty()); n > 5_000 {
		t.Fatalf("a takeback takes %d bytes", n)
	}
}

func size(changed iter.Seq2[string, []byte]) (n int) {
	for key, value := range changed {
		n += len(key) + len(value)
	}
	return n
}

// TestLoadWhole: a record with all moves and changes of its game is valid, too. It is split when
// the game goes on.
func TestLoadWhole(t *testing.T) {
	s := newScript(t)
	for _, c := range longScript(t, 9, 400) {
		s.bytes(c)
	}
	whole := map[string][]byte{}
	for key, value := range records(s.State) {
		if strings.Count(key, "/") == 1 || strings.HasPrefix(key, "a/") {
			whole[key] = value
		}
	}
	for g := range s.games.all {
		whole[recordKey(g.Game)] = marshal(gameRecord(g.Game))
	}
	again := load(t, whole)
	if again.Hash() != s.Hash() {
		t.Fatal("another hash")
	}
	for g := range again.games.all {
		again.touch(g)
	}
	store(t, whole, again.TakeDirty())
	if !maps.EqualFunc(records(s.State), whole, bytes.Equal) {
		t.Error("other records")
	}
}

// TestMoveRecords: the records of moves are what protobuf would write, and are read as they were
// written.
func TestMoveRecords(t *testing.T) {
	s := newScript(t)
	for _, c := range longScript(t, 11, 400) {
		s.bytes(c)
	}
	lists := [][]Move{{{UCI: "g1f3", Clock: NoClock()}}, {
		{UCI: "e2e4", Index: 1, Term: 1, At: 1},
		{SAN: "e5", Clock: Clock{0, NoTime}, Carried: WhiteSide, At: -1, Index: 1 << 63, Term: 1 << 40, Request: strings.Repeat("é", 100)},
		{UCI: "g1f3", Clock: Clock{math.MaxInt64, math.MaxInt64}, At: math.MinInt64, Index: math.MaxUint64, Term: math.MaxUint64, Request: strings.Repeat("é", 1000)},
	}}
	for g := range s.games.all {
		if g.StartFEN == "" {
			lists = append(lists, g.Moves())
		}
	}
	for _, list := range lists {
		g, err := NewGame(Pairing{}, Ongoing, list)
		if err != nil {
			t.Fatal(err)
		}
		var got []byte
		for _, b := range g.moves.blocks {
			got = append(got, b.records...)
		}
		got = append(got, g.moves.tail...)
		moves := g.Moves()
		records := moveRecords(moves)
		for _, r := range records {
			if !r.Illegal {
				r.San, r.Fen = "", ""
			}
		}
		if want := marshal(&relaypb.MovesRecord{Moves: records}); !bytes.Equal(got, want) {
			t.Errorf("got\n%x, want\n%x", got, want)
		}
		for i, m := range list {
			m.Ply, m.SAN, m.UCI, m.FEN = Ply(i)+1, moves[i].SAN, moves[i].UCI, moves[i].FEN
			if diff := cmp.Diff(m, moves[i]); diff != "" {
				t.Error(diff)
			}
		}
	}
}

// TestMovesOfEveryVersion: moves and positions are the same wherever they are read, in the game and
// in each earlier version of it, after any takebacks.
func TestMovesOfEveryVersion(t *testing.T) {
	s := withGame(t, "")
	type version struct {
		game  *Game
		moves []Move
	}
	var versions []version
	random := rand.New(rand.NewPCG(3, 5))
	for range 400 {
		g := s.game()
		switch {
		case g.Ply() > 0 && random.IntN(12) == 0:
			s.must(takeBack(Ply(random.IntN(int(g.Ply()))), fmt.Sprint("t", s.index)))
		default:
			_, legal := legalMoves(t, *g.position(g.Ply()))
			if len(legal) == 0 {
				s.must(takeBack(0, fmt.Sprint("t", s.index)))
				break
			}
			c := playMove(g.Ply()+1, legal[random.IntN(len(legal))].String())
			c.Request = fmt.Sprint("r", s.index)
			out := s.must(c)
			if diff := cmp.Diff(out.Move(), out.Game.Moves()[g.Ply()]); diff != "" {
				t.Fatal(diff)
			}
		}
		versions = append(versions, version{s.game(), s.game().Moves()})
	}
	for _, v := range versions {
		pos := mustPosition(t, StartFEN)
		for i, m := range v.game.Moves() {
			next, reason := pos.play(m.SAN)
			pos = next.after
			if reason != "" || next.uci != m.UCI || next.fen != m.FEN {
				t.Fatalf("ply %d: %+v, %s", i+1, m, reason)
			}
		}
		if diff := cmp.Diff(v.moves, v.game.Moves()); diff != "" {
			t.Fatal("a version has changed: ", diff)
		}
		for i, m := range v.moves {
			if diff := cmp.Diff(m, v.game.MoveAt(Ply(i)+1)); diff != "" || v.game.FENAt(Ply(i)+1) != m.FEN || v.game.ClockAt(Ply(i)+1) != m.Clock {
				t.Fatal("apart: ", diff)
			}
		}
		last, ok := v.game.LastMove()
		if n := len(v.moves); ok != (n > 0) || ok && last != v.moves[n-1] {
			t.Fatalf("the last move is %+v", last)
		}
	}
}

// TestDeterminism: two states with the same commands are the same at every index.
func TestDeterminism(t *testing.T) {
	a, b := newScript(t), newScript(t)
	for _, c := range longScript(t, 2, 400) {
		x, y := a.bytes(c), b.bytes(c)
		if a.Hash() != b.Hash() || x.Duplicate != y.Duplicate || (x.Err == nil) != (y.Err == nil) {
			t.Fatalf("index %d: they differ", a.index)
		}
		if x.Err != nil && x.Err.Error() != y.Err.Error() {
			t.Fatalf("index %d: %q and %q", a.index, x.Err, y.Err)
		}
	}
	for g := range a.games.all {
		g.hash = nil
	}
	if a.Hash() != b.Hash() {
		t.Error("the hash depends on when it was asked for")
	}
}

// TestHashCoversEveryField: each single change changes the hash.
func TestHashCoversEveryField(t *testing.T) {
	s := withGame(t, "")
	seen := map[[32]byte]string{s.Hash(): "start"}
	for name, c := range map[string]*relaypb.Command{
		"a tournament": createTournament("tournam2", "t2"),
		"a round":      createRound("round002", "r2"),
		"a game":       createGame("game0002", "g2", 2),
	} {
		s.must(c)
		if was, ok := seen[s.Hash()]; ok {
			t.Errorf("%s: the hash is that of %s", name, was)
		}
		seen[s.Hash()] = name
	}
	for _, c := range []*relaypb.Command{playMove(1, "e4"), setResult("1-0", "a"), setResult("*", "b"), takeBack(0, "c")} {
		s.must(c)
		if was, ok := seen[s.Hash()]; ok {
			t.Errorf("%v: the hash is that of %s", c, was)
		}
		seen[s.Hash()] = c.String()
	}
}

func make16() []*relaypb.MoveRecord {
	out := make([]*relaypb.MoveRecord, movesPerRecord)
	for i := range out {
		out[i] = &relaypb.MoveRecord{Uci: "e2e4"}
	}
	return out
}

// TestLoadDamaged: records that do not belong together are found, and named.
func TestLoadDamaged(t *testing.T) {
	s := withGame(t, "")
	s.moves("e4", "e5")
	s.must(createGame("game0002", "g2", 2))
	good := records(s.State)
	game := func(key string, change func(*relaypb.GameRecord)) []byte {
		r := new(relaypb.GameRecord)
		if err := proto.Unmarshal(good[key], r); err != nil {
			t.Fatal(err)
		}
		change(r)
		data, _ := proto.Marshal(r)
		return data
	}
	keyOf := func(id GameID) string { g, _ := s.Game(id); return recordKey(g) }
	g1, g2 := keyOf(testGame), keyOf("game0002")
	other := fmt.Sprintf("g/%0*x/%s", createdLen, 9, testGame)
	for _, tt := range []struct {
		name, key string
		value     []byte // nil: the record is missing
		words     string
	}{
		{"unknown key", "x/abcdefgh", []byte{}, "x/abcdefgh"},
		{"no key", "", []byte{}, "not a key"},
		{"key of no id", "g/0000000000000009/abc", []byte{}, "not a key"},
		{"noise", g1, []byte{0xff}, g1},
		{"record of another", g1, good[g2], `holds the record of "game0002"`},
		{"no tournament", "t/" + testTournament, nil, "its tournament"},
		{"no round", "r/" + testRound, nil, "its round"},
		{"board twice", g2, game(g2, func(r *relaypb.GameRecord) { r.Board = 1 }), "board 1 is that of game"},
		{"request twice", g2, game(g2, func(r *relaypb.GameRecord) { r.Request = "req-g" }), "its request"},
		{"position", g1, game(g1, func(r *relaypb.GameRecord) { r.StartFen = "8/8/8/8/8/8/8/8 w - - 0 1" }), "its start position"},
		{"illegal move", g1, game(g1, func(r *relaypb.GameRecord) { r.Moves[1].Uci = "e7e4" }), `its move "e7e4" at ply 2: it is not legal`},
		{"move that is not UCI", g1, game(g1, func(r *relaypb.GameRecord) { r.Moves[1].Uci = "e5" }), `its move "e5" at ply 2: it is not UCI`},
		{"a record of moves too many", g1 + "/m0000", marshal(&relaypb.MovesRecord{Moves: make16()}), "has 1 records of moves and 0 of changes"},
		{"half a record of moves", g1 + "/m0000", marshal(&relaypb.MovesRecord{Moves: make16()[:8]}), "has 8 moves"},
		{"a gap in the moves", g1 + "/m0001", marshal(&relaypb.MovesRecord{Moves: make16()}), "record of moves 0 is missing"},
		{"a gap in the changes", g1 + "/c0001", []byte{}, "record of changes 0 is missing"},
		{"no head", "g/0000000000000009/game0009/c0000", []byte{}, "it is missing"},
		{"a key of another time", "g/0000000000000009/" + testGame, good[g1], testGame},
		{"another time", g1, game(g1, func(r *relaypb.GameRecord) { r.CreatedIndex++ }), "it is not the game of the key"},
		{"a part under another key", other + "/c0000", []byte{}, "has records under"},
		{"a game twice", other, good[g1], testGame},
		{"a key without the creation", "g/" + testGame, good[g1], "not a key"},
		{"noise in a part", g1 + "/c0000", []byte{0xff}, "/c0000"},
		{"another spelling of a key", g1 + "/m0", []byte{}, "not a key"},
		{"a key of no part", g1 + "/x0000", []byte{}, "not a key"},
		{"an id twice", "t/" + testGame, []byte("\n\x08" + testGame), "in use already"},
		{"result", g1, game(g1, func(r *relaypb.GameRecord) { r.Result = "won" }), `"won"`},
	} {
		t.Run(tt.name, func(t *testing.T) {
			s := NewState()
			records := maps.Clone(good)
			delete(records, tt.key)
			if tt.value != nil {
				records[tt.key] = tt.value
			}
			var err error
			for key, value := range records {
				if err = s.Load(key, value); err != nil {
					break
				}
			}
			if err == nil {
				err = s.Loaded()
			}
			if err == nil || !strings.Contains(err.Error(), tt.words) {
				t.Errorf("got %v, want %q", err, tt.words)
			}
		})
	}
	s = withGame(t, "")
	if err := s.Loaded(); err == nil {
		t.Error("a state in use was loaded into")
	}
}
