package relay

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"google.golang.org/protobuf/proto"

	"github.com/chessrelay/chessrelay/relay/relaypb"
)

// TestGameJSON is the form that the HTTP API promises.
func TestGameJSON(t *testing.T) {
	s := withGame(t, "")
	empty, err := json.Marshal(s.game())
	if err != nil {
		t.Fatal(err)
	}
	const players = `"white":{"name":"Carlsen, Magnus","title":"GM","rating":2877,"fideId":1503014,"federation":"NOR"},` +
		`"black":{"name":"Caruana, Fabiano"}`
	lock := func(field, more string) string {
		return `,{"field":"` + field + `","by":"arbiter","since":1700000000000` + more + `}`
	}
	white := lock("white.federation", "") + lock("white.fideId", "") + lock("white.name", "") + lock("white.rating", "") + lock("white.title", "")
	locks := lock("black.name", "") + white
	want := `{"id":"game0001","round":"round001","board":1,` + players + `,"fen":"` + StartFEN + `","ply":0,"moves":[],` +
		`"result":"*","index":3,"clock":{},"createdAt":1700000000000,"locks":[` + strings.TrimPrefix(locks, ",") + `]}`
	if diff := cmp.Diff(want, string(empty)); diff != "" {
		t.Error(diff)
	}
	c := playMove(1, "e4")
	c.GetPlayMove().BlackMs = proto.Int64(0)
	s.must(c)
	s.must(with(playMove(2, "e5"), func(c *relaypb.Command) { c.GetPlayMove().WhiteMs, c.GetPlayMove().BlackMs = nil, nil }))
	s.must(setResult("0-1", "r1"))
	full, err := json.Marshal(s.game())
	if err != nil {
		t.Fatal(err)
	}
	const fen, fen2 = "rnbqkbnr/pppppppp/8/8/4P3/8/PPPP1PPP/RNBQKBNR b KQkq e3 0 1", "rnbqkbnr/pppp1ppp/8/4p3/4P3/8/PPPP1PPP/RNBQKBNR w KQkq e6 0 2"
	want = `{"id":"game0001","round":"round001","board":1,` + players + `,"fen":"` + fen2 + `","ply":2,` +
		`"moves":[{"ply":1,"san":"e4","uci":"e2e4","fen":"` + fen + `","clock":{"black":0},"at":1700000000000,"index":4},` +
		`{"ply":2,"san":"e5","uci":"e7e5","fen":"` + fen2 + `","clock":{"black":0},"at":1700000000000,"index":5,"carried":["black"]}],` +
		`"result":"0-1","index":6,"clock":{"black":0},"createdAt":1700000000000,` +
		`"changes":[{"kind":"result","index":6,"at":1700000000000,"by":"arbiter","fromPly":2,"toPly":2,"result":"0-1","was":"*"}],` +
		`"locks":[` + strings.TrimPrefix(lock("black.name", ""), ",") + lock("moves", `,"toPly":2`) + lock("result", "") + white + `]}`
	if diff := cmp.Diff(want, string(full)); diff != "" {
		t.Error(diff)
	}
	var back Game
	if err := json.Unmarshal(full, &back); err != nil {
		t.Fatal(err)
	}
	if again, _ := json.Marshal(&back); string(again) != string(full) {
		t.Errorf("read and written again: %s", again)
	}
	if back.Clock() != (Clock{NoTime, 0}) || back.FEN() != fen2 || back.MoveAt(2).Carried != BlackSide {
		t.Errorf("%+v", back)
	}
}

func TestSidesJSON(t *testing.T) {
	for in, want := range map[string]Sides{`["white"]`: WhiteSide, `["black"]`: BlackSide, `["white","black"]`: WhiteSide | BlackSide, `[]`: 0} {
		s := Sides(7)
		if err := json.Unmarshal([]byte(in), &s); err != nil || s != want {
			t.Errorf("%s: %d, %v", in, s, err)
		}
		if out, err := json.Marshal(s); err != nil || string(out) != in {
			t.Errorf("%s comes out as %s, %v", in, out, err)
		}
	}
	for _, in := range []string{`["grey"]`, `"white"`, `3`} {
		if json.Unmarshal([]byte(in), new(Sides)) == nil {
			t.Errorf("%s was read", in)
		}
	}
}

func TestClockJSON(t *testing.T) {
	for in, want := range map[string]Clock{
		`{"white":1,"black":2}`: {1, 2}, `{"white":0}`: {0, NoTime}, `{}`: NoClock(), `null`: NoClock(), `{"black":null}`: NoClock(),
	} {
		c := Clock{7, 7}
		if err := json.Unmarshal([]byte(in), &c); err != nil || c != want {
			t.Errorf("%s: %+v, %v", in, c, err)
		}
	}
	for _, in := range []string{`{"white":-1}`, `{"white":"x"}`, `[]`, `{"white":1.5}`} {
		if err := json.Unmarshal([]byte(in), new(Clock)); err == nil {
			t.Errorf("%s was read", in)
		}
	}
	if (Clock{NoTime, 0}).Known() != true || NoClock().Known() {
		t.Error("Known")
	}
}
