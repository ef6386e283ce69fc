package engine

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/chessrelay/chessrelay/relay"
)

func nth(t testing.TB, n int) relay.Position {
	t.Helper()
	return position(t, fmt.Sprintf("4k3/8/8/8/8/8/%s/4K3 w - - 0 1", row(n)), false)
}

// row writes n as a row of pawns and queens.
func row(n int) string {
	out := make([]byte, 8)
	for i := range out {
		out[i] = "PQ"[n>>i&1]
	}
	return string(out)
}

// TestStoreIsBounded: beyond its size a store forgets what has not changed for longest.
func TestStoreIsBounded(t *testing.T) {
	s := NewStore(10)
	for i := range 100 {
		s.put(nth(t, i), &relay.Evaluation{CP: i, Depth: 5, PV: []string{"Kd1"}}, 1)
		s.put(nth(t, 0), &relay.Evaluation{CP: i, Depth: 5 + i, PV: []string{"Kd1"}}, 1)
	}
	if s.Len() != 10 || s.Get(nth(t, 0)) == nil || s.Get(nth(t, 99)) == nil || s.Get(nth(t, 50)) != nil {
		t.Errorf("there are %d positions: %v, %v, %v", s.Len(), s.Get(nth(t, 0)), s.Get(nth(t, 99)), s.Get(nth(t, 50)))
	}
	s.put(nth(t, 99), &relay.Evaluation{CP: 7, Depth: 4}, 0)
	if v := s.Get(nth(t, 99)); v.CP != 99 {
		t.Errorf("a shallower evaluation replaced %+v", v)
	}
}

// TestAfter sends all evaluations to another store, then only what has changed.
func TestAfter(t *testing.T) {
	from, to := NewStore(0), NewStore(0)
	const n = 3*batchSize + 7
	for i := range n {
		from.put(nth(t, i), &relay.Evaluation{CP: i, Depth: 5, PV: []string{"Kd1"}}, 0)
	}
	from.put(position(t, "4k3/8/8/8/8/8/8/1R2K1R1 w GB - 0 1", true), &relay.Evaluation{Mate: 12, Depth: 30, PV: []string{"O-O"}}, 0)
	pass := func(cursor uint64) (next uint64, messages int) {
		for {
			m, next := from.After(cursor)
			if m == nil {
				return next, messages
			}
			if err := to.Take(m); err != nil {
				t.Fatal(err)
			}
			cursor = next
			messages++
		}
	}
	cursor, messages := pass(0)
	if to.Len() != n+1 || messages != 4 {
		t.Errorf("%d of %d came, in %d messages", to.Len(), n+1, messages)
	}
	for p, at := range from.places {
		if want, got := at.Value.(*entry).evaluation, to.Get(p); !cmp.Equal(want, got) {
			t.Fatalf("%s came as %+v, want %+v", p.FEN(), got, want)
		}
	}
	for depth := 6; depth < 20; depth++ {
		from.put(nth(t, 1), &relay.Evaluation{CP: -5, Depth: depth, PV: []string{"Kd1"}}, 0)
	}
	if m, _ := from.After(cursor); strings.Count(string(m), "fen") != 1 {
		t.Errorf("after one position has changed, %s is sent", m)
	}
	if _, messages := pass(cursor); messages != 1 || to.Get(nth(t, 1)).Depth != 19 {
		t.Errorf("the change came in %d messages as %+v", messages, to.Get(nth(t, 1)))
	}
}

// TestTake refuses what no node writes.
func TestTake(t *testing.T) {
	const good = `{"fen":"4k3/8/8/8/8/8/8/4K3 w - - 0 1","cp":3,"depth":9,"pv":["Kd1"]}`
	if err := NewStore(0).Take([]byte("[" + good + "]")); err != nil {
		t.Error(err)
	}
	for _, message := range []string{
		"", "{}", "null garbage", "[" + strings.Repeat(good+",", 4*batchSize) + good + "]",
		strings.Replace("["+good+"]", "4k3", "5k3", 1), strings.Replace("["+good+"]", "9", "0", 1), strings.Replace("["+good+"]", `"cp":3`, `"cp":300000`, 1),
		strings.Replace("["+good+"]", "Kd1", "<script>", 1), strings.Replace("["+good+"]", `"Kd1"`, strings.Repeat(`"Kd1",`, 8)+`"Kd1"`, 1),
	} {
		s := NewStore(0)
		if err := s.Take([]byte(message)); err == nil {
			t.Errorf("%.60s was taken", message)
		}
	}
}

// TestParseInfo reads what engines write.
func TestParseInfo(t *testing.T) {
	white, black := position(t, start1, false), position(t, "rnbqkbnr/pppppppp/8/8/4P3/8/PPPP1PPP/RNBQKBNR b KQkq - 0 1", false)
	for _, tc := range []struct {
		line string
		of   relay.Position
		want *relay.Evaluation
	}{
		{"info depth 12 seldepth 17 multipv 1 score cp 31 nodes 48262 nps 804366 hashfull 20 tbhits 0 time 60 pv e2e4 e7e5 g1f3", white, &relay.Evaluation{CP: 31, Depth: 12, PV: []string{"e4", "e5", "Nf3"}}},
		{"info depth 12 score cp 31 pv e7e5", black, &relay.Evaluation{CP: -31, Depth: 12, PV: []string{"e5"}}},
		{"info depth 12 score mate -4 pv e7e5", black, &relay.Evaluation{Mate: 4, Depth: 12, PV: []string{"e5"}}},
		{"info depth 12 score cp 31 lowerbound pv e2e4", white, nil},
		{"info depth 12 multipv 2 score cp 31 pv e2e4", white, nil},
		{"info string score cp 31 depth 5 pv e2e4", white, nil},
		{"info depth 12 score cp 31 pv e7e5", white, nil},
		{"info depth 12 score cp 99999999999999999999 pv e2e4", white, nil},
		{"info depth 12 score cp 9999999 pv e2e4", white, nil},
		{"info depth 1000 score cp 1 pv e2e4", white, nil},
		{"info depth 12 score mate 0", white, nil},
		{"info depth 12 score cp", white, nil},
		{"info depth", white, nil},
		{"", white, nil},
	} {
		if got := parseInfo(tc.line, tc.of); !cmp.Equal(got, tc.want) {
			t.Errorf("%s\nis read as %+v, want %+v", tc.line, got, tc.want)
		}
	}
}

// FuzzParseInfo: no line panics, and an evaluation is one that may be sent.
func FuzzParseInfo(f *testing.F) {
	f.Add("info depth 12 seldepth 17 multipv 1 score cp 31 nodes 48262 pv e2e4 e7e5 g1f3")
	f.Add("info depth 12 score mate -3 pv g2g4 e7e5")
	p := position(f, start1, false)
	f.Fuzz(func(t *testing.T, line string) {
		if e := parseInfo(line, p); e != nil && (!sane(e) || len(e.PV) == 0 || len(e.PV) > relay.MaxPV) {
			t.Errorf("%q is read as %+v", line, e)
		}
	})
}
