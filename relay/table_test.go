package relay

import (
	"maps"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// TestGameTable compares the table with a map.
func TestGameTable(t *testing.T) {
	var table gameTable
	want := map[GameID]*liveGame{}
	random := rand.New(rand.NewPCG(1, 2))
	absent := func() {
		for _, id := range []GameID{"", "short", "muchtoolong", "\x00\x00\x00\x00\x00\x00\x00\x00", GameID(FormatID(random.Uint64()))} {
			if table.get(id) != nil {
				t.Fatalf("%q is there", id)
			}
		}
	}
	absent()
	for n := range 3000 {
		id := GameID(FormatID(random.Uint64()))
		if n%3 == 0 { // similar ids
			id = GameID(FormatID(uint64(n)))
		}
		for range 1 + n%2 { // the second replaces the first
			want[id] = &liveGame{Game: &Game{Pairing: &Pairing{ID: id}}}
			table.add(want[id])
		}
		absent()
	}
	for id, g := range want {
		if table.get(id) != g {
			t.Fatalf("%s is another one", id)
		}
	}
	all := slices.Collect(table.all)
	if table.n != len(want) || len(all) != len(want) || len(table.slots) < 2*len(want) {
		t.Errorf("%d of %d games, and %d are told of", table.n, len(want), len(all))
	}
	for _, g := range all {
		if want[g.ID] != g {
			t.Errorf("%s is told of", g.ID)
		}
	}
}

// TestFindGameOfAMove finds the game of a move, and changes nothing.
func TestFindGameOfAMove(t *testing.T) {
	a, b := newScript(t), newScript(t)
	script := longScript(t, 7, 400)
	for i, c := range script {
		command, err := DecodeCommand(c)
		if err != nil {
			continue
		}
		if id := gameOf(c); command.GetPlayMove() != nil && id != GameID(command.GetPlayMove().Game).number() {
			t.Errorf("%v is for %x", command, id)
		}
		hash, dirty := b.Hash(), len(b.changed.games)
		b.LookAhead(len(script)-i, func(j int) []byte { return script[i+j] })
		if b.Hash() != hash || len(b.changed.games) != dirty {
			t.Fatal("it has changed something")
		}
		a.bytes(c)
		b.bytes(c)
	}
	if a.Hash() != b.Hash() || !maps.EqualFunc(records(a.State), records(b.State), slices.Equal) {
		t.Error("another state")
	}
}

// TestApplyKeepsNoArguments: the caller may overwrite Apply's arguments when it returns.
func TestApplyKeepsNoArguments(t *testing.T) {
	a, b := newScript(t), newScript(t)
	errs := map[error]string{}
	for _, c := range append(longScript(t, 9, 400), playMoveBytes(t)) {
		given := slices.Clone(c)
		out, want := a.bytes(given), b.bytes(c)
		if out.Err != nil {
			errs[out.Err] = want.Err.Error()
		}
		for i := range given {
			given[i] = '!'
		}
		if out.Game != nil && want.Game != nil {
			if diff := cmp.Diff(want.Game, out.Game, wholeGames); diff != "" {
				t.Fatal(diff)
			}
		}
	}
	for err, want := range errs {
		if err.Error() != want {
			t.Errorf("%q, want %q", err, want)
		}
	}
	if a.Hash() != b.Hash() || len(errs) == 0 {
		t.Errorf("another state, or none of %d errors", len(errs))
	}
}
