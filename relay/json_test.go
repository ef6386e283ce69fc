package relay

import (
	"encoding/json"
	"testing"

	"github.com/google/go-cmp/cmp"
	"google.golang.org/protobuf/proto"
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
	want := `{"id":"game0001","round":"round001","board":1,` + players + `,"fen":"` + StartFEN + `","ply":0,"moves":[],` +
		`"result":"*","index":3,"clock":{},"createdAt":1700000000000}`
	if diff := cmp.Diff(want, string(empty)); diff != "" {
		t.Error(diff)
	}
	c := playMove(1, "e4")
	c.GetPlayMove().BlackMs = proto.Int64(0)
	s.must(c)
	s.must(setResult("0-1", "r1"))
	full, err := json.Marshal(s.game())
	if err != nil {
		t.Fatal(err)
	}
	const fen = "rnbqkbnr/pppppppp/8/8/4P3/8/PPPP1PPP/RNBQKBNR b KQkq e3 0 1"
	want = `{"id":"game0001","round":"round001","board":1,` + players + `,"fen":"` + fen + `","ply":1,` +
		`"moves":[{"ply":1,"san":"e4","uci":"e2e4","fen":"` + fen + `","clock":{"black":0},"at":1700000000000,"index":4}],` +
		`"result":"0-1","index":5,"clock":{"black":0},"createdAt":1700000000000,` +
		`"changes":[{"kind":"result","index":5,"at":1700000000000,"by":"arbiter","fromPly":1,"toPly":1,"result":"0-1","was":"*"}]}`
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
	if back.Clock() != (Clock{NoTime, 0}) || back.FEN() != fen {
		t.Errorf("%+v", back)
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
