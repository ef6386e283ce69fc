package relay

import (
	"bufio"
	"encoding/base64"
	"fmt"
	"maps"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/chessrelay/chessrelay/relay/relaypb"
)

// TestSumsAgree applies the same log on two nodes, one of which now and then restarts from a
// checkpoint or from all records. Their sums are the same after each command.
func TestSumsAgree(t *testing.T) {
	a, b, disk := NewState(), NewState(), map[string][]byte{}
	r := rand.New(rand.NewPCG(1, 2))
	for i, c := range longScript(t, 11, someOf(1200, 3000)) {
		index := uint64(2*i + 1)
		a.Apply(index, 1, c)
		b.Apply(index, 1, c)
		at, sum := a.Sum()
		if n, other := b.Sum(); other != sum || n != at || at != index {
			t.Fatalf("after entry %d: %x at %d and %x at %d", index, sum, at, other, n)
		}
		switch r.IntN(100) {
		case 0:
			store(t, disk, b.TakeDirty())
			b = load(t, disk)
		case 1:
			b = load(t, records(b))
			disk = records(b)
		case 2:
			store(t, disk, b.TakeDirty())
		}
	}
}

// TestSumsDiffer: another log, or another judgement of the same log, shows at once and for ever.
func TestSumsDiffer(t *testing.T) {
	start := func() *script {
		s := withGame(t, "")
		s.moves("e4", "e5")
		return s
	}
	sum := func(s *script) uint64 { _, sum := s.Sum(); return sum }
	for name, other := range map[string]func(*script){
		"another move":          func(s *script) { s.moves("Nc3") },
		"another clock":         func(s *script) { c := playMove(3, "Nf3"); c.GetPlayMove().WhiteMs = new(int64(1)); s.must(c) },
		"another author":        func(s *script) { c := playMove(3, "Nf3"); c.By = "x"; s.must(c) },
		"a gap in the log":      func(s *script) { s.index++; s.moves("Nf3") },
		"one command more":      func(s *script) { s.do(takeBack(9, "none")); s.moves("Nf3") },
		"a board that differs":  func(s *script) { tamper(s); s.moves("Nf3") },
		"a move refused":        func(s *script) { s.games.get(testGame).Game.Result = Draw; s.do(playMove(3, "Nf3")) },
		"a move accepted twice": func(s *script) { s.games.get(testGame).moves.n--; s.do(playMove(2, "e5")) },
	} {
		t.Run(name, func(t *testing.T) {
			a, b := start(), start()
			if sum(a) != sum(b) {
				t.Fatal("they differ before")
			}
			a.moves("Nf3")
			if name == "a move accepted twice" {
				a = start()
				a.do(playMove(2, "e5"))
			}
			other(b)
			if sum(a) == sum(b) {
				t.Fatal("they do not differ")
			}
			b.index = a.index
			for _, s := range []*script{a, b} {
				s.must(createTournament("tournam2", "req-2"))
			}
			if sum(a) == sum(b) {
				t.Error("they no longer differ")
			}
		})
	}
}

// tamper changes the number of the next move, which decides nothing.
func tamper(s *script) {
	g := s.games.get(testGame)
	fen := strings.TrimSuffix(g.FEN(), "2") + "40"
	pos, err := parsePosition(fen, "")
	if err != nil {
		s.Fatal(err)
	}
	g.moves.after = pos
}

// TestSumOfRecords: the sum also covers fields that the command does not name.
func TestSumOfRecords(t *testing.T) {
	for name, c := range map[string]*relaypb.Command{
		"tournament": updateTournament("u", &relaypb.UpdateTournament{Description: new("d")}),
		"round":      updateRound("u", &relaypb.UpdateRound{Shorten: new(true)}),
		"game":       updateGame("u", &relaypb.UpdateGame{Black: &relaypb.PlayerUpdate{Title: new("GM")}}),
	} {
		a, b := withGame(t, ""), withGame(t, "")
		tour, round, pairing := *b.tournaments[testTournament], *b.rounds[testRound], *b.game().Pairing
		tour.Location, round.StartsAt, pairing.White.Name = "elsewhere", 1, "Another"
		b.tournaments[testTournament], b.rounds[testRound], b.games.get(testGame).Pairing = &tour, &round, &pairing
		a.must(c)
		b.must(c)
		_, x := a.Sum()
		if _, y := b.Sum(); x == y {
			t.Errorf("a %s that differs does not show", name)
		}
	}
}

// TestGoldenSums: each version must make the same sum of a golden log. Otherwise nodes of two
// versions would take each other for diverged during an upgrade.
func TestGoldenSums(t *testing.T) {
	want := map[string]string{}
	f, err := os.Open("testdata/golden-sums.txt")
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	for lines := bufio.NewScanner(f); lines.Scan(); {
		if name, sum, ok := strings.Cut(lines.Text(), " "); ok && name != "#" {
			want[name] = sum
		}
	}
	files, err := filepath.Glob("testdata/golden*.log")
	if err != nil || len(files) == 0 {
		t.Fatalf("no golden log: %v", err)
	}
	for _, path := range files {
		data, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		s := NewState()
		for line := range strings.Lines(string(data)) {
			var index, term uint64
			var outcome, encoded string
			if n, _ := fmt.Sscanf(line, "%d %d %s %s", &index, &term, &outcome, &encoded); n < 4 {
				continue // a comment, or a hash
			}
			command, err := base64.StdEncoding.DecodeString(strings.Trim(encoded, "."))
			if err != nil {
				t.Fatal(err)
			}
			s.Apply(index, term, command)
		}
		index, sum := s.Sum()
		if got, name := fmt.Sprintf("%d %016x", index, sum), filepath.Base(path); got != want[name] {
			t.Errorf("%s %s\n, and it was %q", name, got, want[name])
		}
	}
}

// boardsDirty takes the records that have changed, without the sum, which each command changes.
func boardsDirty(s *State) map[string][]byte {
	all := maps.Collect(s.TakeDirty())
	delete(all, sumKey)
	return all
}
