package lcc

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/chessrelay/chessrelay/relay"
)

// FuzzRead reads documents that may be anything, and plays what comes of them.
func FuzzRead(f *testing.F) {
	for _, name := range []string{"game-1.json", "game-5.json", "game-6.json"} {
		game, err := os.ReadFile(filepath.Join("testdata", name))
		if err != nil {
			f.Fatal(err)
		}
		index, err := os.ReadFile(filepath.Join("testdata", "index.json"))
		if err != nil {
			f.Fatal(err)
		}
		f.Add(index, game)
	}
	f.Add([]byte(`{"pairings":[{"white":{},"result":"1-0"},{"white":null,"black":{"lname":"\u0000"}}]}`), []byte(`{"chess960":959,"moves":["","O-O 1+","e4 +"],"clock":{"white":1e9,"time":9e18}}`))
	f.Fuzz(func(t *testing.T, index, game []byte) {
		list, err := ReadIndex(index)
		if err != nil {
			return
		}
		g, err := ReadGame(game)
		if err != nil {
			g = nil
		}
		for i, p := range list.Pairings {
			out := PGN(1, i+1, p, g)
			line, _ := out.Play()
			if g != nil && len(line.Moves) > len(g.Moves) {
				t.Errorf("%d moves of %d", len(line.Moves), len(g.Moves))
			}
			for _, m := range out.Moves {
				if m.Clock != relay.NoTime && (m.Clock < 0 || m.Clock > relay.MaxClock) {
					t.Errorf("the clock %d", m.Clock)
				}
			}
		}
	})
}

// FuzzUUID: only what UUID makes is taken for a UUID.
func FuzzUUID(f *testing.F) {
	f.Add(UUID(cluster, "X4PKuVsC"))
	f.Add("X4PKuVsC")
	f.Fuzz(func(t *testing.T, s string) {
		if id, ok := TournamentID(cluster, s); ok && (!relay.ValidID(string(id)) || string(id) != s && len(s) != 36) {
			t.Errorf("%q leads to %q", s, id)
		}
	})
}
