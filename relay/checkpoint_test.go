package relay

import (
	"maps"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"google.golang.org/protobuf/proto"

	"github.com/chessrelay/chessrelay/relay/relaypb"
)

// records is a whole checkpoint.
func records(s *State) map[string][]byte {
	for id := range s.tournaments {
		s.touch(tournamentKey(id))
	}
	for id := range s.rounds {
		s.touch(roundKey(id))
	}
	for id := range s.games {
		s.touch(gameKey(id))
	}
	return s.TakeDirty()
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

// TestCheckpoints stores what is dirty after every few commands, as a node
// does, and starts again from what was stored.
func TestCheckpoints(t *testing.T) {
	s := newScript(t)
	stored := map[string][]byte{}
	for i, c := range longScript(t, 1, 400) {
		s.bytes(c)
		if i%7 != 0 {
			continue
		}
		maps.Copy(stored, s.TakeDirty())
		again := load(t, stored)
		if again.Hash() != s.Hash() {
			t.Fatalf("index %d: another hash after the checkpoint", s.index)
		}
		if len(again.TakeDirty()) != 0 {
			t.Fatal("what was loaded is dirty")
		}
		for _, diff := range []string{
			cmp.Diff(s.tournaments, again.tournaments, cmpopts.EquateEmpty()),
			cmp.Diff(s.rounds, again.rounds, cmpopts.EquateEmpty()),
			cmp.Diff(s.games, again.games, cmpopts.EquateEmpty(), ignorePos),
			cmp.Diff(s.Tournaments(), again.Tournaments(), cmpopts.EquateEmpty()),
		} {
			if diff != "" {
				t.Fatal("the checkpoint has lost something: ", diff)
			}
		}
		// It goes on from there as it would have.
		if i%49 == 0 {
			s.State = again
		}
	}
}

// TestDeterminism: two states that were given the same are the same, at every index.
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
	clear(a.sums)
	if a.Hash() != b.Hash() {
		t.Error("the hash depends on when it was asked for")
	}
}

// TestHashCovers changes one thing at a time, each of which must show.
func TestHashCovers(t *testing.T) {
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

// TestLoadDamaged: what does not belong together is found, and named.
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
	g1, g2 := "g/"+testGame, "g/game0002"
	for _, tt := range []struct {
		name, key string
		value     []byte // nil: the record is missing
		words     string
	}{
		{"unknown key", "x/abcdefgh", []byte{}, "x/abcdefgh"},
		{"no key", "", []byte{}, "not a key"},
		{"key of no id", "g/abc", []byte{}, "not a key"},
		{"noise", g1, []byte{0xff}, g1},
		{"record of another", g1, good[g2], `holds the record of "game0002"`},
		{"no tournament", "t/" + testTournament, nil, "its tournament"},
		{"no round", "r/" + testRound, nil, "its round"},
		{"board twice", g2, game(g2, func(r *relaypb.GameRecord) { r.Board = 1 }), "board 1 is that of game"},
		{"request twice", g2, game(g2, func(r *relaypb.GameRecord) { r.Request = "req-g" }), "its request"},
		{"position", g1, game(g1, func(r *relaypb.GameRecord) { r.Moves[1].Fen = "8/8/8/8/8/8/8/8 w - - 0 1" }), "position at ply 2"},
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
