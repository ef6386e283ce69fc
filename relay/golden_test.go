package relay

import (
	"bufio"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/chessrelay/chessrelay/relay/relaypb"
)

var newGolden = flag.String("golden", "", "write a new golden log testdata/golden-`NAME`.log; an old one is never written again")

// TestGolden replays the logs of every version so far. Each command must do what it did when the
// log was written, and the boards must end with the same hash. A cluster whose nodes disagree on an
// old log is broken for ever, so never mend a failure with a new file. If a new version adds
// commands,
//
//	go test ./relay -run TestGolden -golden NAME
//
// writes one more log beside the old ones, from the present longScript.
func TestGolden(t *testing.T) {
	if *newGolden != "" {
		writeGolden(t, "testdata/golden-"+*newGolden+".log")
	}
	files, err := filepath.Glob("testdata/golden*.log")
	if err != nil || len(files) == 0 {
		t.Fatalf("no golden log: %v", err)
	}
	for _, name := range files {
		t.Run(filepath.Base(name), func(t *testing.T) { replayGolden(t, name) })
	}
}

func replayGolden(t *testing.T, name string) {
	f, err := os.Open(name)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	s, entries, hash := NewState(), 0, ""
	lines := bufio.NewScanner(f)
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		line := lines.Text()
		if line == "" || strings.HasPrefix(line, "#") {
			continue
		}
		if want, ok := strings.CutPrefix(line, "hash "); ok {
			if sum := s.Hash(); hex.EncodeToString(sum[:]) != want {
				t.Fatalf("the hash after %d entries is %x, and was %s", entries, sum, want)
			}
			hash = want
			continue
		}
		var index, term uint64
		var outcome, encoded string
		if _, err := fmt.Sscanf(line, "%d %d %s %s", &index, &term, &outcome, &encoded); err != nil {
			t.Fatalf("%q: %v", line, err)
		}
		command, err := base64.StdEncoding.DecodeString(strings.Trim(encoded, "."))
		if err != nil {
			t.Fatal(err)
		}
		if got := outcomeWord(s.Apply(index, term, command)); got != outcome {
			t.Fatalf("index %d: %s, and was %s", index, got, outcome)
		}
		entries++
	}
	if err := lines.Err(); err != nil {
		t.Fatal(err)
	}
	if hash == "" || entries < 100 {
		t.Fatalf("%d entries, hash %q: the file is not whole", entries, hash)
	}
}

// outcomeWord is the outcome of a command, without the wording of its message.
func outcomeWord(out Outcome) string {
	if out.Err == nil {
		if out.Duplicate {
			return "duplicate"
		}
		return fmt.Sprintf("ok/%d", len(out.AppendEvents(nil)))
	}
	for _, sentinel := range []error{
		ErrVariant, ErrBadCommand, ErrVersion, ErrNotFound, ErrIDTaken, ErrBoardTaken,
		ErrPlyConflict, ErrIllegalMove, ErrGameOver, ErrLimit, ErrToken,
	} {
		if errors.Is(out.Err, sentinel) {
			return strings.ReplaceAll(sentinel.Error(), " ", "-")
		}
	}
	return "unknown-error"
}

func writeGolden(t *testing.T, name string) {
	f, err := os.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o644) // never over an old one
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	s := newScript(t)
	fmt.Fprintln(f, "# A log that every later version must replay to the same hash. Never write it again; see TestGolden.")
	fmt.Fprintln(f, "# index term outcome command (base64; a lone dot is an empty one)")
	for _, c := range goldenCommands(t) {
		out := s.bytes(c)
		encoded := base64.StdEncoding.EncodeToString(c)
		if encoded == "" {
			encoded = "."
		}
		fmt.Fprintf(f, "%d %d %s %s\n", s.index, 1+s.index/100, outcomeWord(out), encoded)
		if s.index%100 == 0 {
			fmt.Fprintf(f, "hash %x\n", s.Hash())
		}
	}
	fmt.Fprintf(f, "hash %x\n", s.Hash())
}

// goldenCommands has all kinds of commands, with second copies and with refused ones.
func goldenCommands(t *testing.T) [][]byte {
	story := longScript(t, 7, 420)
	out := [][]byte{nil, {0xff}}
	for i, c := range story {
		out = append(out, c)
		if i%5 == 0 {
			out = append(out, story[i*7/10])
		}
	}
	special := withGame(t, "") // its commands are refused here, since their ids are taken
	for i, g := range []struct{ fen, moves string }{
		{"4k3/8/8/3pP3/8/8/8/4K3 w - d6 0 2", "exd6 Kd7"},
		{"r3k2r/8/8/8/8/8/8/R3K2R b KQkq - 3 20", "0-0 O-O-O Rf2"},
		{"1n5k/P1P5/8/8/8/8/8/K7 w - - 0 1", "cxb8=N Kg7 a7a8q"},
		{"8/8/8/8", "e4"},
		{"", "e4 d5 exd5 Qxd5 Nc3 Qe5+ Ke3 Be2 x9"},
	} {
		id := FormatID(1e9 + uint64(i))
		c := createGame(id, "fen "+g.fen, int32(100+i))
		c.GetCreateGame().Fen = g.fen
		special.do(c)
		ply := Ply(1)
		for _, move := range strings.Fields(g.moves) {
			c := playMove(ply, move)
			c.GetPlayMove().Game = id
			if special.do(c).Err == nil {
				ply++
			}
		}
	}
	for i, variant := range []string{"Chess960", "Antichess"} {
		c := createGame(FormatID(960+uint64(i)), variant, 960+int32(i))
		c.GetCreateGame().Variant, c.GetCreateGame().StartPosition = variant, new(int32(959))
		special.do(c)
	}
	for i, move := range []string{"e4", "e5", "Bb5", "O-O", "Nf3"} {
		c := playMove(Ply(i+1), move)
		c.GetPlayMove().Game = FormatID(960)
		special.do(c)
	}
	for _, c := range []*relaypb.Command{
		setResult("+/-", "s1"), setResult("0-0", "s2"), correct("s3", 0, "1/2-0", "e4", "c5"), correct("s4", 1, "", "c5", "Ke4"),
		updateRound("s5", &relaypb.UpdateRound{Description: new("d"), Shorten: new(true), Status: new("finished"), StartsAt: new(int64(testTime))}),
		updateTournament("s6", &relaypb.UpdateTournament{Name: new("Olympiad 2026")}), updateGame("s7", &relaypb.UpdateGame{Tags: manyTags(3)}),
	} {
		special.do(c)
		special.do(c)
	}
	for _, c := range sourceCommands() {
		special.do(c)
		special.do(c)
	}
	for _, c := range tokenCommands() {
		special.do(c)
		special.do(c)
	}
	return append(out, special.log...)
}

// tokenCommands create tokens, revoke them, and come with valid tokens and others.
func tokenCommands() []*relaypb.Command {
	with := func(token string, c *relaypb.Command) *relaypb.Command {
		c.Token, c.From, c.By = token, "192.0.2.7", "the desk"
		return c
	}
	return []*relaypb.Command{
		createToken("tokenAA0", "k0", RoleArbiter, nil), createToken("tokenAA1", "k1", RoleAdmin, nil),
		createToken("tokenAA2", "k2", RoleArbiter, func(op *relaypb.CreateToken) { op.Round = testRound }),
		createToken("tokenAA3", "k3", RoleSource, func(op *relaypb.CreateToken) { op.Tournament, op.ExpiresAt = "nowhere1", 1 }),
		createToken("tokenAA4", "k4", "", func(op *relaypb.CreateToken) { op.Parent, op.Client = "tokenAA2", "app" }),
		with("tokenAA2", updateRound("k5", &relaypb.UpdateRound{Description: new("by a token")})),
		with("tokenAA4", updateRound("k6", &relaypb.UpdateRound{Description: new("by a grant")})),
		revokeToken("tokenAA2", "k7"), revokeToken("tokenAA1", "k8"), revokeToken("tokenAA9", "k9"),
		with("tokenAA4", updateRound("k10", &relaypb.UpdateRound{Description: new("too late")})),
	}
}

// sourceCommands set, change and remove the sources of rounds, and set more fields of a tournament.
func sourceCommands() []*relaypb.Command {
	pgn, cloud := &relaypb.Source{Kind: "pgn", Url: "https://club.example/1.pgn"}, &relaypb.Source{Kind: "lcc", Url: "https://cloud.example/get/X4PKuVsC", Round: 3, IntervalSeconds: 10}
	of := func(round string, s *relaypb.Source, request string) *relaypb.Command {
		c := updateRound(request, &relaypb.UpdateRound{Settings: sourceSettings(s)})
		c.GetUpdateRound().Round = round
		return c
	}
	first, second := createRound("source01", "q1"), createRound("source02", "q2")
	first.GetCreateRound().Settings = sourceSettings(pgn)
	second.GetCreateRound().Settings = sourceSettings(&relaypb.Source{Kind: "ftp", Url: "x"})
	tour := createTournament("tournam2", "q3")
	tour.GetCreateTournament().Info = &relaypb.TournamentInfo{Format: new("Swiss"), Website: new("https://club.example")}
	return []*relaypb.Command{
		first, second, createRound("source02", "q2"),
		of("source01", cloud, "q4"), of("source02", pgn, "q5"), of("source02", pgn, "q6"), of("source02", &relaypb.Source{Kind: "pgn"}, "q7"),
		of("source01", new(relaypb.Source), "q8"), of("source01", new(relaypb.Source), "q9"), of("source01", cloud, "q10"),
		tour,
		updateTournament("q11", &relaypb.UpdateTournament{Info: &relaypb.TournamentInfo{TimeZone: new("Europe/Oslo"), Players: new("")}}),
		updateTournament("q12", &relaypb.UpdateTournament{Info: &relaypb.TournamentInfo{Website: new("javascript:alert(1)")}}),
		updateTournament("q13", &relaypb.UpdateTournament{Info: &relaypb.TournamentInfo{TimeControl: new("90+30"), TimeZone: new("")}, Name: new("Olympiad")}),
	}
}
