package lcc

import (
	"bytes"
	"encoding/json"
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/chessrelay/chessrelay/relay"
	"github.com/chessrelay/chessrelay/relay/pgn"
)

var update = flag.Bool("update", false, "write the golden files again")

const cluster = "00b986b49d0e7cf0"

// TestUUID: UUIDs are valid and lead back to their ids, and nothing else does.
func TestUUID(t *testing.T) {
	for _, id := range []relay.TournamentID{"X4PKuVsC", "AAAAAAAA", "99999999", "AAAAAAAB", "zZ0aB9yQ"} {
		for _, c := range []string{cluster, "0000000000000000", "ffffffffffffffff", "123456789abcdef0"} {
			u := UUID(c, id)
			if len(u) != 36 || u[14] != '8' || !strings.ContainsRune("89ab", rune(u[19])) {
				t.Errorf("%s is not of version 8", u)
			}
			if got, ok := TournamentID(c, strings.ToUpper(u)); !ok || got != id {
				t.Errorf("%s leads to %q, %v, not to %s", u, got, ok, id)
			}
			if _, ok := TournamentID("00b986b49d0e7cf1", u); ok {
				t.Errorf("%s is another cluster's, and was taken", u)
			}
		}
	}
	if got := UUID(cluster, "X4PKuVsC"); got != "00b986b4-9d0e-87cf-8000-4c92714efbce" {
		t.Errorf("the UUID has changed: %s", got) // links to it stand elsewhere
	}
	if got, ok := TournamentID(cluster, "X4PKuVsC"); !ok || got != "X4PKuVsC" {
		t.Errorf("the plain id leads to %q, %v", got, ok)
	}
	for _, bad := range []string{"", "X4PKuVs", "X4PKuVsC9", "00b986b4-9d0e-87cf-8000-ffffffffffff", "00b986b4-9d0e-87cf-8000-4c92714efbcg",
		"00b986b4-9d0e-47cf-8000-4c92714efbce", "00b986b409d0e087cf080000-4c92714efbce"} {
		if id, ok := TournamentID(cluster, bad); ok {
			t.Errorf("%q was taken for %s", bad, id)
		}
	}
	if u := UUID("no cluster", "X4PKuVsC"); u != "" {
		t.Errorf("a UUID of no cluster: %s", u)
	}
}

// TestStartNumbers compares the numbers with some well-known ones of Scharnagl's, and each leads
// back.
func TestStartNumbers(t *testing.T) {
	for number, rank := range map[int]string{0: "BBQNNRKR", 518: "RNBQKBNR", 534: "RNBKQBNR", 959: "RKRNNQBB"} {
		if got := relay.StartFEN960(number)[:8]; got != strings.ToLower(rank) {
			t.Errorf("%d is %s, not %s", number, got, rank)
		}
	}
	seen := map[string]bool{}
	for n := range 960 {
		fen := relay.StartFEN960(n)
		if got, ok := StartNumber(fen); !ok || got != n || seen[fen] {
			t.Errorf("%s leads to %d, %v, not to %d", fen, got, ok, n)
		}
		seen[fen] = true
	}
	if n, ok := StartNumber(""); !ok || n != 518 {
		t.Errorf("no FEN is %d, %v", n, ok)
	}
	if n, ok := StartNumber("bbqnnrkr/pppppppp/8/8/8/8/PPPPPPPP/BBQNNRKR w HFhf - 0 1"); !ok || n != 0 {
		t.Errorf("Shredder-FEN: %d, %v", n, ok)
	}
	for _, fen := range []string{
		"rnbqkbnr/pppppppp/8/8/4P3/8/PPPP1PPP/RNBQKBNR b KQkq e3 0 1",
		"rnbqkbnr/pppppppp/8/8/8/8/PPPPPPPP/RNBQKBNR b KQkq - 0 1",
		"rnbqkbnr/pppppppp/8/8/8/8/PPPPPPPP/RNBQKBNR w KQ - 0 1",
		"RNBQKBNR/PPPPPPPP/8/8/8/8/pppppppp/rnbqkbnr w KQkq - 0 1",
		"rnbkqbnr/pppppppp/8/8/8/8/PPPPPPPP/RNBQKBNR w KQkq - 0 1",
		"4k3/8/8/8/8/8/4P3/4K3 w - - 0 1", "RNBQKBNR w KQkq - 0 1", "x",
	} {
		if n, ok := StartNumber(fen); ok {
			t.Errorf("%s is no start position, and was given %d", fen, n)
		}
	}
}

// sample is a round with a live game, a finished one, an empty board, a game from another position,
// and one of Chess960.
func sample(t testing.TB) (*relay.Tournament, *relay.Round, []*relay.Game) {
	const start = 1_795_419_368_331
	at := func(board int, white, black string, fen, tc string) relay.Pairing {
		return relay.Pairing{
			Board: board, White: relay.Player{Name: white}, Black: relay.Player{Name: black}, StartFEN: fen, TimeControl: tc,
		}
	}
	clocks := func(p relay.Pairing, moves string, shown ...relay.Millis) *relay.Game {
		c := relay.NoClock()
		var list []relay.Move
		for i, san := range strings.Fields(moves) {
			ply := relay.Ply(i + 1)
			if i < len(shown) && shown[i] != relay.NoTime {
				if (&relay.Game{Pairing: &p}).WhitePlays(ply) {
					c.White = shown[i] * 1000
				} else {
					c.Black = shown[i]*1000 + 999
				}
			}
			list = append(list, relay.Move{Ply: ply, SAN: san, Clock: c, At: relay.Millis(start + 1000*i)})
		}
		g, err := relay.NewGame(p, relay.Ongoing, list)
		if err != nil {
			t.Fatal(err)
		}
		return g
	}
	one := clocks(at(1, "Carlsen, Magnus", "Kramnik, Vladimir", "", "5400+30"), "e4 c5 Nf3 d6 Bb5+", 5400, 5405, 5421, relay.NoTime, 5300)
	one.White.Title, one.White.FideID, one.White.Federation, one.White.Rating = "GM", 1503014, "NOR", 2863
	two := clocks(at(2, "Vera Menchik", "Euwe, Max", "", "40/7200:3600"), "d4 d5", 7190, 7180)
	two.Result = relay.Draw
	five := clocks(at(5, "A", "B", "4k3/8/8/8/8/8/4P3/4K3 b - - 0 1", ""), "Kd7 Kf2", 61)
	// The boards do not play Chess960 yet.
	six := &relay.Game{Pairing: new(at(6, "C", "D", relay.StartFEN960(0), "300")), Result: relay.Ongoing}
	seven := clocks(at(7, "E", "F", "", ""), "")
	seven.Result = relay.BothLose
	return &relay.Tournament{ID: "X4PKuVsC", Name: "City \"Open\" <1>", Location: "Oslo"},
		&relay.Round{StartsAt: start, CreatedAt: 5}, []*relay.Game{one, two, five, six, seven}
}

// TestGolden compares the written documents with testdata. Readers elsewhere depend on them.
func TestGolden(t *testing.T) {
	tournament, round, games := sample(t)
	docs := map[string]any{
		"tournament.json": NewTournament(cluster, tournament, [][]*relay.Game{games, nil}),
		"index.json":      NewIndex(round, games),
	}
	for _, g := range games {
		docs["game-"+string(rune('0'+g.Board))+".json"] = NewGame(g)
	}
	docs["no-game.json"] = NoGame()
	for name, doc := range docs {
		got, err := json.MarshalIndent(doc, "", " ")
		if err != nil {
			t.Fatal(err)
		}
		got = append(got, '\n')
		path := filepath.Join("testdata", name)
		if *update {
			if err := os.WriteFile(path, got, 0o644); err != nil {
				t.Fatal(err)
			}
		}
		want, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(got, want) {
			t.Errorf("%s (-want +got):\n%s", name, cmp.Diff(string(want), string(got)))
		}
	}
}

// TestRoundTrip writes the sample and reads it: the games must be the same.
func TestRoundTrip(t *testing.T) {
	_, round, games := sample(t)
	pairings := NewIndex(round, games).Pairings
	for _, g := range games {
		doc := NewGame(g)
		got := PGN(3, g.Board, pairings[g.Board-1], &doc)
		if got.Result != g.Result || got.Board() != g.Board || got.Player("White").Name != g.White.Name || got.Player("White").FideID != g.White.FideID {
			t.Errorf("board %d: %+v", g.Board, got)
		}
		if fen := got.Tag("FEN"); fen != g.StartFEN {
			t.Errorf("board %d begins at %q, not %q", g.Board, fen, g.StartFEN)
		}
		if len(got.Moves) != int(g.Ply()) {
			t.Fatalf("board %d: %d moves of %d", g.Board, len(got.Moves), g.Ply())
		}
		for i, m := range g.Moves() {
			want := m.Clock.Black
			if g.WhitePlays(m.Ply) {
				want = m.Clock.White
			}
			if want != relay.NoTime {
				want -= want % 1000
			}
			if got.Moves[i].SAN != m.SAN || got.Moves[i].Clock != want {
				t.Errorf("board %d, ply %d: %+v of %+v", g.Board, m.Ply, got.Moves[i], m)
			}
		}
	}
}

// TestRead reads what the cloud sends, and what it might.
func TestRead(t *testing.T) {
	index, err := ReadIndex([]byte(`{"date":3,"pairings":[{"white":{"fname":"Magnus","mname":null,"lname":"Carlsen","title":"GM","federation":"NOR","gender":1,
		"fideid":"1503014"}, "black":{"fname":null,"mname":null,"lname":"Bye","title":null,"federation":null,"gender":null,"fideid":null},
		"result":"*","live":true,"more":1},{"white":null,"black":null,"result":"*","live":false}]}`))
	if err != nil || len(index.Pairings) != 2 || index.Pairings[1].White != nil {
		t.Fatal(err, index)
	}
	p := index.Pairings[0]
	g, err := ReadGame([]byte(`{"live":false,"serialNr":45539,"firstMove":"1702888257332","chess960":518,"result":"BLACKWIN","comment":[],"clock":{"run":"W"},
		"moves":["e4 4903+556","c5 5453","Nc3 +11","Nc6","  d4 x+y","","Qxd4 99999999999+1"]}`))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := ReadGame([]byte(`{"moves":"e4"}`)); err == nil {
		t.Error("moves that are none were read")
	}
	got := PGN(2, 7, p, g)
	want := &pgn.Game{
		Number: 7,
		Tags: []pgn.Tag{
			{Name: "Round", Value: "2.7"}, {Name: "Board", Value: "7"}, {Name: "White", Value: "Carlsen, Magnus"}, {Name: "WhiteTitle", Value: "GM"},
			{Name: "WhiteFed", Value: "NOR"}, {Name: "WhiteFideId", Value: "1503014"}, {Name: "Black", Value: "Bye"}, {Name: "Result", Value: "0-1"},
		},
		Moves: []pgn.Move{
			{SAN: "e4", Clock: 4903_000, Comment: "[%clk 1:21:43] [%emt 0:09:16]"},
			{SAN: "c5", Clock: 5453_000, Comment: "[%clk 1:30:53]"},
			{SAN: "Nc3", Clock: relay.NoTime, Comment: "[%emt 0:00:11]"},
			{SAN: "Nc6", Clock: relay.NoTime}, {SAN: "d4", Clock: relay.NoTime},
			{SAN: "Qxd4", Clock: relay.NoTime, Comment: "[%emt 0:00:01]"},
		},
		Result: relay.BlackWins, ResultText: "0-1",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if got := PGN(1, 1, Pairing{Result: "0-0"}, &Game{}); got.Result != relay.BothLose {
		t.Errorf("both have lost: %+v", got)
	}
	if got := PGN(1, 1, Pairing{Result: "1/2-1/2"}, nil); got.Result != relay.Draw || len(got.Moves) != 0 {
		t.Errorf("a pairing without a game: %+v", got)
	}
}

// TestLiveClock reads live clocks in all their forms.
func TestLiveClock(t *testing.T) {
	for _, tt := range []struct {
		clock string
		want  string // the tags
	}{
		{`{"white":5436,"black":61,"run":true,"time":1795419404390}`, "1:30:36, 0:01:01, W/2026-11-23T07:36:44.390Z"},
		{`{"white":5436,"black":61,"run":false,"time":1795419404000}`, "1:30:36, 0:01:01, B/2026-11-23T07:36:44.000Z"},
		{`{"white":5436,"black":61,"run":null,"time":1795419404390}`, "1:30:36, 0:01:01, 2026-11-23T07:36:44.390Z"},
		{`{"white":5436,"black":null,"run":true,"time":null}`, "1:30:36, , "},
		{`{"white":"5436","black":0.9,"run":"W","time":"1795419404390"}`, "1:30:36, 0:00:00, 2026-11-23T07:36:44.390Z"},
		{`{"white":-1,"black":99999999999}`, ", , "},
		{`{"run":true,"time":1795419404390}`, ", , "},
		{`null`, ", , "},
		{`[]`, ", , "},
		{`"5436"`, ", , "},
	} {
		g, err := ReadGame([]byte(`{"live":true,"moves":["e4 5436"],"clock":` + tt.clock + `}`))
		if err != nil {
			t.Errorf("%s: %v", tt.clock, err)
			continue
		}
		out := PGN(1, 1, Pairing{Result: "*"}, g)
		got := out.Tag("WhiteClock") + ", " + out.Tag("BlackClock") + ", " + out.Tag("ReferenceTime")
		if got != tt.want {
			t.Errorf("%s: %s, want %s", tt.clock, got, tt.want)
		}
	}
}

// TestRefusesForeignJSON refuses the JSON of other programs. Taken for a document, it would have
// lost all its games or moves.
func TestRefusesForeignJSON(t *testing.T) {
	for _, body := range []string{`[{"id":1,"error":"not found"}]`, `{"error":"not found"}`, `{}`, `null`, `"x"`, `3`, `[]`, `<html>`, ``} {
		if got, err := ReadIndex([]byte(body)); err == nil {
			t.Errorf("%s is an index: %+v", body, got)
		}
		if got, err := ReadGame([]byte(body)); err == nil {
			t.Errorf("%s is a game: %+v", body, got)
		}
	}
	for _, body := range []string{`{"pairings":[]}`, `{"pairings":null}`} {
		if got, err := ReadIndex([]byte(body)); err != nil || len(got.Pairings) != 0 {
			t.Errorf("%s: %+v, %v", body, got, err)
		}
	}
}

// TestEmptySeats: an empty player object is nobody.
func TestEmptySeats(t *testing.T) {
	got, err := ReadIndex([]byte(`{"pairings":[
		{"white":{},"black":{"fname":null,"lname":" ","title":"GM","fideid":null},"result":"*"},
		{"white":{"lname":"A"},"black":{"fideid":"12"},"result":"*"}]}`))
	if err != nil || len(got.Pairings) != 2 {
		t.Fatal(err, got)
	}
	if p := got.Pairings[0]; p.White != nil || p.Black != nil {
		t.Errorf("empty seats: %+v", p)
	}
	if p := got.Pairings[1]; p.White == nil || p.Black == nil {
		t.Errorf("players are gone: %+v", p)
	}
}

// TestTournamentInfo: a tournament's website and time control are written; a game's own time
// control comes first.
func TestTournamentInfo(t *testing.T) {
	tour := &relay.Tournament{ID: "X4PKuVsC", Name: "City Open"}
	tour.Website, tour.TimeControl = "https://open.example", "90 min"
	if got := NewTournament("c", tour, nil); got.Website == nil || *got.Website != tour.Website || got.TimeControl != "90 min" {
		t.Errorf("%+v", got)
	}
	g := &relay.Game{Pairing: &relay.Pairing{Board: 1, TimeControl: "5400+30"}}
	if got := NewTournament("c", tour, [][]*relay.Game{{g}}); got.TimeControl != "5400+30" {
		t.Errorf("%+v", got)
	}
}

// TestCarriedClocks: a move without a clock has no seconds, and the next one has no time spent.
func TestCarriedClocks(t *testing.T) {
	var list []relay.Move
	for i, m := range []struct {
		san          string
		white, black relay.Millis
		carried      relay.Sides
	}{
		{"e4", 5400, relay.NoTime, 0}, {"c5", 5400, 5410, relay.WhiteSide},
		{"Nf3", 5400, 5410, relay.WhiteSide | relay.BlackSide}, {"d6", 5400, 5400, relay.WhiteSide},
		{"Bb5+", 5300, 5400, relay.BlackSide}, {"Bd7", 5300, 5390, relay.WhiteSide}, {"O-O", 5290, 5390, relay.BlackSide},
	} {
		clock := relay.Clock{White: m.white * 1000, Black: relay.NoTime}
		if m.black != relay.NoTime {
			clock.Black = m.black * 1000
		}
		list = append(list, relay.Move{Ply: relay.Ply(i + 1), SAN: m.san, Clock: clock, Carried: m.carried})
	}
	g, err := relay.NewGame(relay.Pairing{Board: 1, TimeControl: "5400+30"}, relay.Ongoing, list)
	if err != nil {
		t.Fatal(err)
	}
	want := []string{"e4 5400", "c5 5410+20", "Nf3", "d6 5400+40", "Bb5+ 5300", "Bd7 5390+40", "O-O 5290+40"}
	if diff := cmp.Diff(want, NewGame(g).Moves); diff != "" {
		t.Error(diff)
	}
}

// TestIllegal: the moves end where readers can no longer play them, and the comment says why.
func TestIllegal(t *testing.T) {
	const fen = "rnbqkbnr/pppp1ppp/8/8/4p3/8/PPPP1PPP/RNBQKBNR w KQkq - 0 2"
	g, err := relay.NewGame(relay.Pairing{Board: 1}, relay.Ongoing, []relay.Move{
		{SAN: "e4", Clock: relay.NoClock(), At: 7}, {SAN: "e5", FEN: fen, Illegal: true, Clock: relay.NoClock()}, {SAN: "d3", Clock: relay.NoClock()},
	})
	if err != nil {
		t.Fatal(err)
	}
	out := NewGame(g)
	if len(out.Moves) != 1 || out.Moves[0] != "e4" || *out.FirstMove != 7 || !out.Live ||
		out.Comment == nil || *out.Comment != "Illegal move was played: e5, ply 2; position "+fen {
		t.Errorf("it is %+v", out)
	}
}
