package engine

import (
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/chessrelay/chessrelay/relay"
)

// patience is how long a test waits for what must happen.
const patience = 90 * time.Second

func open(t *testing.T, cfg Config) (*Engine, *Store) {
	t.Helper()
	cfg.Store = NewStore(0)
	e, err := Open(cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := e.Close(); err != nil {
			t.Error(err)
		}
	})
	return e, cfg.Store
}

func position(t testing.TB, fen string, chess960 bool) relay.Position {
	t.Helper()
	p, err := relay.ParsePosition(fen, chess960)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// await waits until the store has what ok wants of the position.
func await(t *testing.T, s *Store, p relay.Position, what string, ok func(*relay.Evaluation) bool) *relay.Evaluation {
	t.Helper()
	limit := time.NewTimer(patience)
	defer limit.Stop()
	for {
		changed := s.Changed()
		v := s.Get(p)
		if v != nil && ok(v) {
			return v
		}
		select {
		case <-changed:
		case <-limit.C:
			t.Fatalf("%s: there is %+v", what, v)
		}
	}
}

func anything(*relay.Evaluation) bool { return true }

var (
	start1    = "rnbqkbnr/pppppppp/8/8/8/8/PPPPPPPP/RNBQKBNR w KQkq - 0 1"
	blackMate = "6k1/8/8/8/8/5q2/7r/6K1 b - - 0 1" // Qg2, Qf2 or Rh1
)

// TestStockfish: scores are White's, moves are SAN, and a quiet position is searched deeper.
func TestStockfish(t *testing.T) {
	e, s := open(t, Config{Path: stockfish(t)})
	quiet, mate := position(t, start1, false), position(t, blackMate, false)
	castles := position(t, "4k3/8/8/8/8/8/8/1R2K1R1 w GB - 0 1", true)
	over := position(t, "7k/5Q2/6K1/8/8/8/8/8 b - - 0 1", false)
	e.Want([]relay.Position{over, mate, castles, quiet})
	if v := await(t, s, mate, "a mate of Black", func(v *relay.Evaluation) bool { return v.Mate == -1 }); len(v.PV) != 1 || v.CP != 0 {
		t.Errorf("the mate is %+v", v)
	}
	if v := await(t, s, castles, "Chess960", anything); v.Mate <= 0 && v.CP < 500 {
		t.Errorf("White has two rooks more, and the evaluation is %+v", v)
	}
	first := await(t, s, quiet, "the start position", anything)
	if max(first.CP, -first.CP) > 150 || len(first.PV) == 0 || len(first.PV) > relay.MaxPV {
		t.Errorf("the start position is %+v", first)
	}
	if line := quiet.Line(first.PV, relay.MaxPV); !cmp.Equal(line, first.PV) {
		t.Errorf("the line %v is read as %v", first.PV, line)
	}
	e.Want([]relay.Position{quiet})
	await(t, s, quiet, "a deeper evaluation", func(v *relay.Evaluation) bool { return v.Depth >= first.Depth+2 })
	if s.Get(over) != nil {
		t.Error("a position without moves was evaluated")
	}
	if st := e.Stats(); !st.Running || st.Name == "" || st.Restarts != 0 || st.Evaluations == 0 || st.Queue != 0 {
		t.Errorf("the figures are %+v", st)
	}
}

// TestNewestFirst: a new position interrupts a long search, and comes before older ones.
func TestNewestFirst(t *testing.T) {
	defer func(was []time.Duration) { stages = was }(stages)
	stages = []time.Duration{shortest, patience * 10}
	e, s := open(t, Config{Path: stockfish(t)})
	g, err := relay.NewGame(relay.Pairing{}, relay.Ongoing, []relay.Move{{SAN: "e4"}, {SAN: "e5"}, {SAN: "Nf3"}, {SAN: "Nc6"}, {SAN: "Bb5"}, {SAN: "a6"}})
	if err != nil {
		t.Fatal(err)
	}
	all := g.Positions()
	e.Want(all[:1])
	deep := await(t, s, all[0], "the long search", func(v *relay.Evaluation) bool { return v.Depth > 12 })
	wanted := []relay.Position{all[6], all[5], all[4], all[3], all[0]}
	e.Want(wanted)
	for _, p := range wanted[:4] {
		await(t, s, p, "a new position", anything)
	}
	for i, p := range wanted[:3] {
		if s.seqOf(p) > s.seqOf(wanted[i+1]) {
			t.Errorf("position %d was evaluated after position %d", i, i+1)
		}
	}
	if v := s.Get(all[0]); v == nil || v.Depth < deep.Depth {
		t.Errorf("the interrupted search left %+v, and had %+v", v, deep)
	}
}

// seqOf returns when the evaluation of the position last changed.
func (s *Store) seqOf(p relay.Position) uint64 {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.places[p].Value.(*entry).seq
}

// bad opens an engine with a fault.
func bad(t *testing.T, fault string) (*Engine, *Store) {
	t.Helper()
	t.Setenv(badEngine, fault)
	t.Setenv(badEngine+"_STARTS", filepath.Join(t.TempDir(), "starts"))
	t.Setenv(badEngine+"_REAL", stockfish(t))
	t.Setenv("CHESSRELAY_TOKEN", "secret")
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	return open(t, Config{Path: self, Backoff: 10 * time.Millisecond, Patience: 300 * time.Millisecond})
}

// TestRestarts: an engine with a fault is started again until it has none.
func TestRestarts(t *testing.T) {
	for _, fault := range []string{"dies", "hangs", "chatters", "long line"} {
		t.Run(fault, func(t *testing.T) {
			e, s := bad(t, fault)
			// Two positions: one that was searched at two faults is left out.
			first, second := position(t, start1, false), position(t, blackMate, false)
			e.Want([]relay.Position{first, second})
			await(t, s, second, "an evaluation after two restarts", anything)
			if n := e.Stats().Restarts; n != 2 {
				t.Errorf("there were %d restarts, want 2", n)
			}
		})
	}
}

// TestPoison: a position that kills the engine twice is left out, and the others are evaluated.
func TestPoison(t *testing.T) {
	e, s := bad(t, "poison")
	poison, good := position(t, blackMate, false), position(t, start1, false)
	e.Want([]relay.Position{poison, good})
	await(t, s, good, "the other position", anything)
	if n := e.Stats().Restarts; n != maxFaults || s.Get(poison) != nil {
		t.Errorf("there were %d restarts, and the position is %+v", n, s.Get(poison))
	}
	if name := e.Stats().Name; name != "Bad[31m Engine" {
		t.Errorf("the engine's name is %q", name)
	}
}

// TestNoProgram: a path that cannot be run is told at once.
func TestNoProgram(t *testing.T) {
	if _, err := Open(Config{Path: filepath.Join(t.TempDir(), "none"), Store: NewStore(0)}); err == nil {
		t.Error("an engine that is not there was opened")
	}
}

// TestClose: an engine that is closed is not available; goleak finds what it leaves.
func TestClose(t *testing.T) {
	e, s := open(t, Config{Path: stockfish(t)})
	e.Want([]relay.Position{position(t, start1, false)})
	await(t, s, position(t, start1, false), "an evaluation", anything)
	if err := e.Close(); err != nil {
		t.Fatal(err)
	}
	if s.Available() {
		t.Error("a closed engine counts as available")
	}
}
