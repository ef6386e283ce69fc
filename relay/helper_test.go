package relay

import (
	"flag"
	"fmt"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/chessrelay/chessrelay/relay/relaypb"
)

var long = flag.Bool("long", false, "run the property tests in full, as make test-long does")

// someOf returns how much a property test does: some, or all with -long.
func someOf(some, all int) int {
	if *long {
		return all
	}
	return some
}

// A script applies commands to a state, one log entry after the other, and keeps the log.
type script struct {
	testing.TB
	*State
	index uint64
	log   [][]byte
}

func newScript(tb testing.TB) *script { return &script{TB: tb, State: NewState()} }

// bytes applies one log entry.
func (s *script) bytes(command []byte) Outcome {
	s.index++
	s.log = append(s.log, command)
	return s.Apply(s.index, 1+s.index/100, command)
}

// do applies one command, whatever the outcome.
func (s *script) do(c *relaypb.Command) Outcome {
	s.Helper()
	data, err := EncodeCommand(c)
	if err != nil {
		s.Fatal(err)
	}
	return s.bytes(data)
}

// must applies a command that must not be refused.
func (s *script) must(c *relaypb.Command) Outcome {
	s.Helper()
	out := s.do(c)
	if out.Err != nil {
		s.Fatalf("index %d: %v", s.index, out.Err)
	}
	return out
}

const (
	testTournament = "tournam1"
	testRound      = "round001"
	testGame       = "game0001"
	testTime       = 1_700_000_000_000
)

// withGame returns a script with a tournament, a round and, at board 1, a game from the position.
func withGame(tb testing.TB, fen string) *script {
	tb.Helper()
	s := newScript(tb)
	s.must(createTournament(testTournament, "req-t"))
	s.must(createRound(testRound, "req-r"))
	c := createGame(testGame, "req-g", 1)
	c.GetCreateGame().Fen = fen
	s.must(c)
	return s
}

func (s *script) game() *Game {
	s.Helper()
	g, ok := s.Game(testGame)
	if !ok {
		s.Fatal("the game is gone")
	}
	return g
}

// moves plays moves from the game's present position.
func (s *script) moves(texts ...string) {
	s.Helper()
	for _, text := range texts {
		s.must(playMove(s.game().Ply()+1, text))
	}
}

// wholeGames has cmp compare games with their moves.
var wholeGames = cmp.Transformer("whole", func(g Game) any {
	return struct {
		*Pairing
		Result  Result
		Forfeit bool
		Changes []Change
		Index   uint64
		Moves   []Move
		Clock   LiveClock
		ClockAt Millis
		Start   Clock
	}{g.Pairing, g.Result, g.Forfeit, g.Changes, g.Index, g.Moves(), g.LiveClock(), g.ClockTime(), g.ClockAt(0)}
})

// A played is a legal move and its effect.
type played struct {
	san, uci, fen string
	after         position
}

// play finds the legal move that the text means. The reason is empty if there is exactly one.
func (pos *position) play(text string) (_ played, reason string) {
	found, err := pos.Find(text)
	if err != nil {
		return played{}, pos.Explain(err)
	}
	var m Move
	after := m.describe(pos, found)
	return played{m.SAN, string(pos.appendUCI(nil, found)), m.FEN, after}, ""
}

// normalizeFEN returns the one spelling of a position that a game can start from.
func normalizeFEN(fen string, chess960 bool) (string, error) {
	b, err := readFEN(fen)
	if err == nil {
		err = firstError(b.check(chess960), b.checkNoCheck())
	}
	if err != nil {
		return "", err
	}
	return b.String(), nil
}

func envelope(request string) *relaypb.Command {
	return &relaypb.Command{At: testTime, By: "arbiter", Request: request}
}

func createTournament(id, request string) *relaypb.Command {
	c := envelope(request)
	c.Op = &relaypb.Command_CreateTournament{CreateTournament: &relaypb.CreateTournament{Id: id, Name: "Olympiad"}}
	return c
}

func createRound(id, request string) *relaypb.Command {
	c := envelope(request)
	c.Op = &relaypb.Command_CreateRound{CreateRound: &relaypb.CreateRound{
		Id: id, Tournament: testTournament, Name: "Round 11",
	}}
	return c
}

func createGame(id, request string, board int32) *relaypb.Command {
	c := envelope(request)
	c.Op = &relaypb.Command_CreateGame{CreateGame: &relaypb.CreateGame{
		Id: id, Round: testRound, Board: board,
		White: &relaypb.Player{Name: "Carlsen, Magnus", Title: "GM", Rating: 2877, FideId: 1503014, Federation: "NOR"},
		Black: &relaypb.Player{Name: "Caruana, Fabiano"},
	}}
	return c
}

func playMove(ply Ply, move string) *relaypb.Command {
	c := envelope("")
	c.Op = &relaypb.Command_PlayMove{PlayMove: &relaypb.PlayMove{Game: testGame, Ply: int32(ply), Move: move}}
	return c
}

// playIllegal records an illegal move and the position after it.
func playIllegal(ply Ply, move, fen string) *relaypb.Command {
	c := playMove(ply, move)
	c.GetPlayMove().Illegal, c.GetPlayMove().Fen = true, fen
	return c
}

// correctTo is correct with moves that may be illegal.
func correctTo(request string, to Ply, moves ...*relaypb.CorrectedMove) *relaypb.Command {
	c := correct(request, to, "")
	c.GetCorrectMoves().Moves = moves
	return c
}

func illegalTo(move, fen string) *relaypb.CorrectedMove {
	return &relaypb.CorrectedMove{Move: move, Fen: fen, Illegal: true}
}

func takeBack(to Ply, request string) *relaypb.Command {
	c := envelope(request)
	c.Op = &relaypb.Command_TakeBack{TakeBack: &relaypb.TakeBack{Game: testGame, ToPly: int32(to), Reason: "sensor"}}
	return c
}

func setResult(result, request string) *relaypb.Command {
	c := envelope(request)
	c.Op = &relaypb.Command_SetResult{SetResult: &relaypb.SetResult{Game: testGame, Result: result}}
	return c
}

// correct makes a correction back to ply to, with the moves, and the result if it is not empty.
func correct(request string, to Ply, result string, moves ...string) *relaypb.Command {
	c := envelope(request)
	op := &relaypb.CorrectMoves{Game: testGame, ToPly: int32(to), Result: result, Reason: "the score sheet"}
	for _, m := range moves {
		op.Moves = append(op.Moves, &relaypb.CorrectedMove{Move: m})
	}
	c.Op = &relaypb.Command_CorrectMoves{CorrectMoves: op}
	return c
}

// setClock tells the clocks that were read so many milliseconds after testTime. A negative clock is
// left out.
func setClock(after, white, black int64) *relaypb.Command {
	c := envelope(fmt.Sprintf("clock-%d", after))
	c.At += after
	c.Op = &relaypb.Command_SetClock{SetClock: &relaypb.SetClock{Game: testGame, WhiteMs: optionalTime(Millis(white)), BlackMs: optionalTime(Millis(black))}}
	return c
}

func updateGame(request string, op *relaypb.UpdateGame) *relaypb.Command {
	c := envelope(request)
	op.Game = testGame
	c.Op = &relaypb.Command_UpdateGame{UpdateGame: op}
	return c
}

func updateRound(request string, op *relaypb.UpdateRound) *relaypb.Command {
	c := envelope(request)
	op.Round = testRound
	c.Op = &relaypb.Command_UpdateRound{UpdateRound: op}
	return c
}

func updateTournament(request string, op *relaypb.UpdateTournament) *relaypb.Command {
	c := envelope(request)
	op.Tournament = testTournament
	c.Op = &relaypb.Command_UpdateTournament{UpdateTournament: op}
	return c
}

// gameEvents returns the events of an outcome but those about rounds.
func gameEvents(out Outcome) []Event {
	return slices.DeleteFunc(out.AppendEvents(nil), func(e Event) bool { return e.Type == EventRound })
}
