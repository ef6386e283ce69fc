package relay

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"google.golang.org/protobuf/proto"

	"github.com/chessrelay/chessrelay/relay/relaypb"
)

// with changes a command before it is sent.
func with(c *relaypb.Command, change func(*relaypb.Command)) *relaypb.Command {
	change(c)
	return c
}

func manyTags(n int) []*relaypb.Tag {
	out := make([]*relaypb.Tag, n)
	for i := range out {
		out[i] = &relaypb.Tag{Name: fmt.Sprintf("Tag%d", i), Value: "v"}
	}
	return out
}

// TestRefusals has every way in which a command is refused. Each refusal must change nothing, and
// explain itself to a person.
func TestRefusals(t *testing.T) {
	long := func(n int) string { return strings.Repeat("x", n+1) }
	newTournament := func(change func(*relaypb.CreateTournament)) *relaypb.Command {
		return with(createTournament("tournam2", "new"), func(c *relaypb.Command) { change(c.GetCreateTournament()) })
	}
	newRound := func(change func(*relaypb.CreateRound)) *relaypb.Command {
		return with(createRound("round002", "new"), func(c *relaypb.Command) { change(c.GetCreateRound()) })
	}
	newGame := func(change func(*relaypb.CreateGame)) *relaypb.Command {
		return with(createGame("game0002", "new", 2), func(c *relaypb.Command) { change(c.GetCreateGame()) })
	}
	move := func(ply Ply, san string, change func(*relaypb.PlayMove)) *relaypb.Command {
		return with(playMove(ply, san), func(c *relaypb.Command) { change(c.GetPlayMove()) })
	}
	for _, tt := range []struct {
		name  string
		c     *relaypb.Command
		want  error
		words string // that the message has
	}{
		{"time before 1970", with(playMove(3, "Nf3"), func(c *relaypb.Command) { c.At = -1 }), ErrBadCommand, "at:"},
		{"time after the year 9999", with(playMove(3, "Nf3"), func(c *relaypb.Command) { c.At = 1 << 60 }), ErrBadCommand, "at:"},
		{"author is too long", with(playMove(3, "Nf3"), func(c *relaypb.Command) { c.By = long(MaxWho) }), ErrBadCommand, "by:"},
		{"request is too long", with(playMove(3, "Nf3"), func(c *relaypb.Command) { c.Request = long(MaxRequest) }), ErrBadCommand, "request:"},
		{"request with a control character", with(playMove(3, "Nf3"), func(c *relaypb.Command) { c.Request = "a\x1b[2J" }), ErrBadCommand, "U+001B"},
		{"no request", createTournament("tournam2", ""), ErrBadCommand, "request: is required"},

		{"tournament id", newTournament(func(o *relaypb.CreateTournament) { o.Id = "short" }), ErrBadCommand, "id:"},
		{"tournament id with a dash", newTournament(func(o *relaypb.CreateTournament) { o.Id = "tourn-m2" }), ErrBadCommand, "id:"},
		{"tournament id of a tournament", newTournament(func(o *relaypb.CreateTournament) { o.Id = testTournament }), ErrIDTaken, testTournament},
		{"tournament id of a game", newTournament(func(o *relaypb.CreateTournament) { o.Id = testGame }), ErrIDTaken, testGame},
		{"tournament without a name", newTournament(func(o *relaypb.CreateTournament) { o.Name = " \u00a0" }), ErrBadCommand, "name: is required"},
		{"tournament name too long", newTournament(func(o *relaypb.CreateTournament) { o.Name = long(MaxName) }), ErrBadCommand, "200"},
		{"tournament name of two lines", newTournament(func(o *relaypb.CreateTournament) { o.Name = "a\nb" }), ErrBadCommand, "name:"},
		{"tournament name with a bidi override", newTournament(func(o *relaypb.CreateTournament) { o.Name = "a\u202eb" }), ErrBadCommand, "U+202E"},
		{"description too long", newTournament(func(o *relaypb.CreateTournament) { o.Description = long(MaxDescription) }), ErrBadCommand, "description:"},
		{"location too long", newTournament(func(o *relaypb.CreateTournament) { o.Location = long(MaxName) }), ErrBadCommand, "location:"},

		{"round of no tournament", newRound(func(o *relaypb.CreateRound) { o.Tournament = "nothing1" }), ErrNotFound, `no tournament "nothing1"`},
		{"round id", newRound(func(o *relaypb.CreateRound) { o.Id = "" }), ErrBadCommand, "id:"},
		{"round id taken", newRound(func(o *relaypb.CreateRound) { o.Id = testRound }), ErrIDTaken, testRound},
		{"round without a name", newRound(func(o *relaypb.CreateRound) { o.Name = "" }), ErrBadCommand, "name:"},
		{"round with a negative start time", newRound(func(o *relaypb.CreateRound) { o.StartsAt = -5 }), ErrBadCommand, "startsAt:"},
		{"round with a negative delay", newRound(func(o *relaypb.CreateRound) { o.DelaySeconds = -1 }), ErrBadCommand, "delay:"},
		{"round with a long delay", newRound(func(o *relaypb.CreateRound) { o.DelaySeconds = 3601 }), ErrBadCommand, "from 0 to 3600"},

		{"game of no round", newGame(func(o *relaypb.CreateGame) { o.Round = "nothing1" }), ErrNotFound, `no round "nothing1"`},
		{"game id", newGame(func(o *relaypb.CreateGame) { o.Id = "123456789" }), ErrBadCommand, "id:"},
		{"game id taken", newGame(func(o *relaypb.CreateGame) { o.Id = testGame }), ErrIDTaken, testGame},
		{"board 0", newGame(func(o *relaypb.CreateGame) { o.Board = 0 }), ErrBadCommand, "board:"},
		{"board 1001", newGame(func(o *relaypb.CreateGame) { o.Board = 1001 }), ErrBadCommand, "board:"},
		{"board taken", newGame(func(o *relaypb.CreateGame) { o.Board = 1 }), ErrBoardTaken, "board 1 of this round"},
		{"nobody", newGame(func(o *relaypb.CreateGame) { o.White = nil }), ErrBadCommand, "white.name:"},
		{"player without a name", newGame(func(o *relaypb.CreateGame) { o.Black.Name = "" }), ErrBadCommand, "black.name:"},
		{"title too long", newGame(func(o *relaypb.CreateGame) { o.White.Title = long(MaxTitle) }), ErrBadCommand, "white.title:"},
		{"rating below 0", newGame(func(o *relaypb.CreateGame) { o.White.Rating = -1 }), ErrBadCommand, "white.rating:"},
		{"rating above the limit", newGame(func(o *relaypb.CreateGame) { o.Black.Rating = 4001 }), ErrBadCommand, "black.rating:"},
		{"FIDE id", newGame(func(o *relaypb.CreateGame) { o.Black.FideId = -1 }), ErrBadCommand, "black.fideId:"},
		{"federation", newGame(func(o *relaypb.CreateGame) { o.Black.Federation = long(MaxShortText) }), ErrBadCommand, "black.federation:"},
		{"team", newGame(func(o *relaypb.CreateGame) { o.Black.Team = "a\x00" }), ErrBadCommand, "black.team:"},
		{"time control", newGame(func(o *relaypb.CreateGame) { o.TimeControl = long(MaxTimeControl) }), ErrBadCommand, "timeControl:"},
		{"Chess960 without a position", newGame(func(o *relaypb.CreateGame) { o.Variant = "Chess 960" }), ErrBadCommand, "fen: is required in Chess960"},
		{"start position 960", newGame(func(o *relaypb.CreateGame) { o.Variant, o.StartPosition = "frc", new(int32(960)) }), ErrBadCommand, "startPosition:"},
		{"start position of standard chess", newGame(func(o *relaypb.CreateGame) { o.StartPosition = new(int32(518)) }), ErrBadCommand, "startPosition:"},
		{"start position and FEN", newGame(func(o *relaypb.CreateGame) { o.Variant, o.StartPosition, o.Fen = "960", new(int32(1)), StartFEN }), ErrBadCommand, "startPosition:"},
		{"castling without a rook", newGame(func(o *relaypb.CreateGame) { o.Variant, o.Fen = "960", "4k3/8/8/8/8/8/8/4K3 w K - 0 1" }), ErrBadCommand, "castling"},
		{"other variant", newGame(func(o *relaypb.CreateGame) { o.Variant = "Antichess" }), ErrVariant, "Antichess"},
		{"Chess960 by another name, without a position", newGame(func(o *relaypb.CreateGame) { o.Variant = "freestyle" }), ErrBadCommand, "Chess960"},
		{"FEN", newGame(func(o *relaypb.CreateGame) { o.Fen = "nonsense" }), ErrBadCommand, "fen:"},
		{"FEN with counters above the limit", newGame(func(o *relaypb.CreateGame) { o.Fen = "4k3/8/8/8/8/8/8/4K3 w - - 1000 1" }), ErrBadCommand, "counters"},

		{"move in no game", move(3, "Nf3", func(o *relaypb.PlayMove) { o.Game = "nothing1" }), ErrNotFound, `no game "nothing1"`},
		{"ply 0", playMove(0, "Nf3"), ErrBadCommand, "ply:"},
		{"ply below 0", playMove(-1, "Nf3"), ErrBadCommand, "ply:"},
		{"ply above the limit", playMove(MaxPlies+1, "Nf3"), ErrBadCommand, "ply:"},
		{"ply too far", playMove(4, "Nf3"), ErrPlyConflict, "the next ply of this game is 3"},
		{"another move at the ply", playMove(2, "c5"), ErrPlyConflict, "ply 2 is taken by e5"},
		{"an illegal move at a taken ply", playMove(2, "Ke4"), ErrPlyConflict, "ply 2 is taken by e5"},
		{"nonsense at a taken ply", playMove(1, "castle!"), ErrPlyConflict, "ply 1 is taken by e4"},
		{"illegal move", playMove(3, "e5"), ErrIllegalMove, "it is not legal"},
		{"no move", playMove(3, ""), ErrIllegalMove, "neither SAN"},
		{"null move", playMove(3, "--"), ErrIllegalMove, "neither SAN"},
		{"move too long", playMove(3, long(maxMoveText)), ErrBadCommand, "move:"},
		{"move with a negative time", move(3, "Nf3", func(o *relaypb.PlayMove) { o.At = -1 }), ErrBadCommand, "at:"},
		{"negative clock", move(3, "Nf3", func(o *relaypb.PlayMove) { o.WhiteMs = proto.Int64(-1) }), ErrBadCommand, "clock.white:"},
		{"clock of many days", move(3, "Nf3", func(o *relaypb.PlayMove) { o.BlackMs = proto.Int64(int64(MaxClock) + 1) }), ErrBadCommand, "clock.black:"},

		{"takeback in no game", with(takeBack(1, "x"), func(c *relaypb.Command) { c.GetTakeBack().Game = "" }), ErrNotFound, "no game"},
		{"takeback without a request", takeBack(1, ""), ErrBadCommand, "request:"},
		{"takeback to before the start", takeBack(-1, "x"), ErrBadCommand, "toPly:"},
		{"takeback to the future", takeBack(3, "x"), ErrBadCommand, "toPly:"},
		{"takeback of nothing", takeBack(2, "x"), ErrBadCommand, "nothing to take back"},
		{"takeback with a long reason", with(takeBack(1, "x"), func(c *relaypb.Command) { c.GetTakeBack().Reason = long(MaxReason) }), ErrBadCommand, "reason:"},

		{"correction in no game", with(correct("x", 1, ""), func(c *relaypb.Command) { c.GetCorrectMoves().Game = "" }), ErrNotFound, "no game"},
		{"correction without a request", correct("", 1, "", "c5"), ErrBadCommand, "request:"},
		{"correction to before the start", correct("x", -1, "", "e4"), ErrBadCommand, "toPly:"},
		{"correction after the last ply", correct("x", 3, "", "Nf3"), ErrBadCommand, "toPly:"},
		{"correction with an illegal move at its end", correct("x", 1, "1-0", "c5", "Nf3", "d6", "Ke3"), ErrIllegalMove, "ply 5"},
		{"correction with nonsense", correct("x", 1, "", "c5", "castle!"), ErrIllegalMove, "neither SAN"},
		{"correction with an unknown result", correct("x", 1, "2-0", "c5"), ErrBadCommand, "result:"},
		{"correction with a long reason", with(correct("x", 1, "", "c5"), func(c *relaypb.Command) { c.GetCorrectMoves().Reason = long(MaxReason) }), ErrBadCommand, "reason:"},
		{"correction with a long move", correct("x", 1, "", "c5", long(maxMoveText)), ErrBadCommand, "moves[1].move:"},
		{"correction with a negative clock", with(correct("x", 1, "", "c5", "Nf3"), func(c *relaypb.Command) { c.GetCorrectMoves().Moves[1].WhiteMs = proto.Int64(-1) }), ErrBadCommand, "moves[1].clock.white:"},
		{"correction with a negative time", with(correct("x", 1, "", "c5"), func(c *relaypb.Command) { c.GetCorrectMoves().Moves[0].At = -1 }), ErrBadCommand, "moves[0].at:"},
		{"correction of too many moves", correct("x", 0, "", make([]string, MaxCorrection+1)...), ErrBadCommand, "from 0 to 1000"},

		{"update of no game", with(updateGame("x", &relaypb.UpdateGame{TimeControl: new("1")}), func(c *relaypb.Command) { c.GetUpdateGame().Game = "?" }), ErrNotFound, "no game"},
		{"update of nothing", updateGame("x", &relaypb.UpdateGame{Reason: "none"}), ErrBadCommand, "names no field"},
		{"update to no name", updateGame("x", &relaypb.UpdateGame{White: &relaypb.PlayerUpdate{Name: new("")}}), ErrBadCommand, "white.name:"},
		{"update to a rating above the limit", updateGame("x", &relaypb.UpdateGame{Black: &relaypb.PlayerUpdate{Rating: new(int32(4001))}}), ErrBadCommand, "black.rating:"},
		{"update to a long time control", updateGame("x", &relaypb.UpdateGame{TimeControl: new(long(MaxTimeControl))}), ErrBadCommand, "timeControl:"},
		{"tag without a name", updateGame("x", &relaypb.UpdateGame{Tags: []*relaypb.Tag{{Value: "v"}}}), ErrBadCommand, "tags.:"},
		{"tag with a bracket", updateGame("x", &relaypb.UpdateGame{Tags: []*relaypb.Tag{{Name: "A]", Value: "v"}}}), ErrBadCommand, "tags.A]:"},
		{"tag of two lines", updateGame("x", &relaypb.UpdateGame{Tags: []*relaypb.Tag{{Name: "A", Value: "v\nw"}}}), ErrBadCommand, "tags.A:"},
		{"tag too long", updateGame("x", &relaypb.UpdateGame{Tags: []*relaypb.Tag{{Name: "A", Value: long(MaxTagValue)}}}), ErrBadCommand, "tags.A:"},
		{"tag twice", updateGame("x", &relaypb.UpdateGame{Tags: []*relaypb.Tag{{Name: "A", Value: "v"}, {Name: "A", Value: "w"}}}), ErrBadCommand, "twice"},
		{"tag that is a field", updateGame("x", &relaypb.UpdateGame{Tags: []*relaypb.Tag{{Name: "whiteElo", Value: "1"}}}), ErrBadCommand, "a field of its own"},
		{"too many tags", updateGame("x", &relaypb.UpdateGame{Tags: manyTags(MaxTags + 1)}), ErrBadCommand, "at most 64"},
		{"too many tags changed at once", updateGame("x", &relaypb.UpdateGame{Tags: manyTags(2*MaxTags + 1)}), ErrBadCommand, "at most 128 at once"},
		{"game with too many tags", newGame(func(o *relaypb.CreateGame) { o.Tags = manyTags(MaxTags + 1) }), ErrBadCommand, "at most 64"},

		{"update of no round", with(updateRound("x", &relaypb.UpdateRound{Name: new("R")}), func(c *relaypb.Command) { c.GetUpdateRound().Round = "?" }), ErrNotFound, "no round"},
		{"update of nothing in a round", updateRound("x", &relaypb.UpdateRound{}), ErrBadCommand, "names no field"},
		{"round to no name", updateRound("x", &relaypb.UpdateRound{Name: new(" ")}), ErrBadCommand, "name:"},
		{"round to a negative start time", updateRound("x", &relaypb.UpdateRound{StartsAt: new(int64(-1))}), ErrBadCommand, "startsAt:"},
		{"round to a delay above the limit", updateRound("x", &relaypb.UpdateRound{DelaySeconds: new(int32(3601))}), ErrBadCommand, "delay:"},
		{"round to an unknown status", updateRound("x", &relaypb.UpdateRound{Status: new("over")}), ErrBadCommand, "status: must be"},
		{"a round with moves to new", updateRound("x", &relaypb.UpdateRound{Status: new("new")}), ErrBadCommand, "cannot be new"},
		{"round with a long description", newRound(func(o *relaypb.CreateRound) { o.Description = long(MaxDescription) }), ErrBadCommand, "description:"},

		{"update of no tournament", with(updateTournament("x", &relaypb.UpdateTournament{Name: new("R")}), func(c *relaypb.Command) { c.GetUpdateTournament().Tournament = "?" }), ErrNotFound, "no tournament"},
		{"update of nothing in a tournament", updateTournament("x", &relaypb.UpdateTournament{}), ErrBadCommand, "names no field"},
		{"tournament to no name", updateTournament("x", &relaypb.UpdateTournament{Name: new("")}), ErrBadCommand, "name:"},

		{"clocks in no game", with(setClock(1, 5000, -1), func(c *relaypb.Command) { c.GetSetClock().Game = "?" }), ErrNotFound, "no game"},
		{"clocks without a clock", setClock(1, -1, -1), ErrBadCommand, "clock: is required"},
		{"a clock below zero", with(setClock(1, -1, 5), func(c *relaypb.Command) { c.GetSetClock().WhiteMs = new(int64(-1)) }), ErrBadCommand, "clock.white:"},
		{"a clock of more than ten days", setClock(1, 5, int64(MaxClock)+1), ErrBadCommand, "clock.black:"},
		{"clocks read before 1970", with(setClock(1, 5, 5), func(c *relaypb.Command) { c.GetSetClock().At = -1 }), ErrBadCommand, "at:"},
		{"clocks read in the future", with(setClock(1, 5, 5), func(c *relaypb.Command) { c.GetSetClock().At = testTime + 60_002 }), ErrBadCommand, "a minute ahead"},

		{"result in no game", with(setResult("1-0", "x"), func(c *relaypb.Command) { c.GetSetResult().Game = "?" }), ErrNotFound, "no game"},
		{"result without a request", setResult("1-0", ""), ErrBadCommand, "request:"},
		{"no result", setResult("", "x"), ErrBadCommand, "result:"},
		{"a forfeit without a result", with(setResult("*", "x"), func(c *relaypb.Command) { c.GetSetResult().Forfeit = true }), ErrBadCommand, "forfeit:"},
		{"correction with a forfeit of nothing", with(correct("x", 2, "*"), func(c *relaypb.Command) { c.GetCorrectMoves().Forfeit = true }), ErrBadCommand, "forfeit:"},
		{"a long result", setResult(long(1000), "x"), ErrBadCommand, "…"},
		{"result with a reason of control characters", with(setResult("1-0", "x"), func(c *relaypb.Command) { c.GetSetResult().Reason = "\x07" }), ErrBadCommand, "reason:"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			s := withGame(t, "")
			s.moves("e4", "e5")
			s.TakeDirty()
			before, game := s.Hash(), s.game()

			out := s.do(tt.c)
			if !errors.Is(out.Err, tt.want) || !strings.Contains(out.Err.Error(), tt.words) {
				t.Errorf("refused by %v, want %v with %q", out.Err, tt.want, tt.words)
			}
			if out.Index != s.index || out.Duplicate || out.AppendEvents(nil) != nil || out.Game != nil || out.Round != nil {
				t.Errorf("the outcome of a refusal: %+v", out)
			}
			s.games.get(testGame).hash = nil // so that it is computed again
			if s.Hash() != before || s.game() != game || len(boardsDirty(s.State)) != 0 {
				t.Error("something has changed")
			}
		})
	}
}

// TestUnreadable gives bytes that are no command of this version.
func TestUnreadable(t *testing.T) {
	newer, err := EncodeCommand(with(playMove(1, "e4"), func(c *relaypb.Command) { c.Version = CommandVersion + 1 }))
	if err != nil {
		t.Fatal(err)
	}
	unknownOp, err := proto.Marshal(&relaypb.Command{Version: CommandVersion, Request: "x"})
	if err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		name string
		data []byte
		want error
	}{
		{"nothing", nil, ErrVersion},
		{"noise", []byte{0xff, 0xff, 0xff}, ErrBadCommand},
		{"invalid UTF-8", []byte{0x1a, 0x01, 0xff}, ErrBadCommand},
		{"a newer version", newer, ErrVersion},
		{"an unknown operation", unknownOp, ErrVersion},
	} {
		s := withGame(t, "")
		before := s.Hash()
		if out := s.bytes(tt.data); !errors.Is(out.Err, tt.want) || s.Hash() != before {
			t.Errorf("%s: %v", tt.name, out.Err)
		}
	}
}

// TestGameOver: no move is played in a game with a result, and its moves are still answered as
// duplicates.
func TestGameOver(t *testing.T) {
	s := withGame(t, "")
	s.moves("e4", "e5")
	s.must(setResult("1-0", "r"))
	if out := s.do(playMove(3, "Nf3")); !errors.Is(out.Err, ErrGameOver) {
		t.Errorf("a move after the end: %v", out.Err)
	}
	if out := s.must(playMove(2, "e7e5")); !out.Duplicate {
		t.Error("the last move again is not a duplicate")
	}
	s.must(setResult("*", "r2"))
	s.moves("Nf3")
}

// TestMate: mate and stalemate end a game, until another result is set.
func TestMate(t *testing.T) {
	s := withGame(t, "")
	s.moves("f3", "e5", "g4")
	wants := func(what string, result Result, automatic bool) {
		t.Helper()
		if g := s.game(); g.Result != result || g.Automatic != automatic {
			t.Errorf("%s: the result is %s, automatic %v", what, g.Result, g.Automatic)
		}
		if reload(t, s.State).Hash() != s.Hash() {
			t.Errorf("%s: the checkpoint has lost something", what)
		}
	}
	out := s.must(playMove(4, "Qh4#"))
	wants("mate", BlackWins, true)
	if n := len(gameEvents(out)); n != 2 {
		t.Errorf("%d events", n)
	}
	if r, _ := s.Round(testRound); r.Status != RoundFinished {
		t.Errorf("the round is %s", r.Status)
	}
	if out := s.do(playMove(5, "a3")); !errors.Is(out.Err, ErrGameOver) {
		t.Error(out.Err)
	}
	s.must(takeBack(3, "t"))
	wants("taken back", Ongoing, false)
	s.must(correct("c", 3, "", "Qh4#"))
	wants("corrected", BlackWins, true)
	s.must(correct("c2", 3, "", "Qg5"))
	wants("corrected to another move", Ongoing, false)
	s.must(correct("c3", 3, "", "Qh4#"))
	s.must(setResult("0-1", "r0"))
	wants("confirmed", BlackWins, false)
	s.must(setResult("*", "r"))
	wants("the arbiter lets it go on", Ongoing, false)
	if out := s.do(playMove(5, "a3")); !errors.Is(out.Err, ErrIllegalMove) || !strings.Contains(out.Err.Error(), "mate") {
		t.Error(out.Err)
	}
	s = withGame(t, "7k/8/8/6Q1/8/8/8/K7 w - - 0 1")
	s.moves("Qg6")
	wants("stalemate", Draw, true)
	s.must(with(setResult("1-0", "source"), func(c *relaypb.Command) { c.Source = "push" }))
	wants("a source says otherwise", WhiteWins, false)
}

// TestLimits fills a game to its limits.
func TestLimits(t *testing.T) {
	s := withGame(t, "4k2r/8/8/8/8/8/8/4K2R w - - 0 1")
	shuffle := []string{"Rh2", "Rh7", "Rh1", "Rh8"}
	for i := range MaxPlies {
		s.moves(shuffle[i%4])
	}
	if out := s.do(playMove(MaxPlies+1, "Rh2")); !errors.Is(out.Err, ErrBadCommand) {
		t.Error(out.Err)
	}
	// A checkpoint can bring back the longest game.
	if got := reload(t, s.State).Hash(); got != s.Hash() {
		t.Error("another hash after the checkpoint")
	}
	for i := 0; ; i++ {
		out := s.do(takeBack(0, string(rune('a'+i))))
		if i*MaxPlies+MaxPlies > MaxRemoved {
			if !errors.Is(out.Err, ErrLimit) {
				t.Error(out.Err)
			}
			break
		}
		if out.Err != nil {
			t.Fatal(out.Err)
		}
		for i := range MaxPlies {
			s.moves(shuffle[i%4])
		}
	}
}
