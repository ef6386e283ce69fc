package relay_test

import (
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"

	"github.com/notnil/chess"

	"github.com/chessrelay/chessrelay/relay"
	"github.com/chessrelay/chessrelay/relay/internal/samples"
	"github.com/chessrelay/chessrelay/relay/pgn"
	"github.com/chessrelay/chessrelay/relay/relaypb"
)

// TestRealGames plays every sample game of standard chess through Apply, by SAN and again by UCI.
// It compares each position with the library's.
func TestRealGames(t *testing.T) {
	p := newPlayer(t)
	games, moves := 0, 0
	for _, file := range samples.All(t) {
		for r := pgn.NewReader(strings.NewReader(file.Text)); ; {
			g, err := r.Next()
			if errors.Is(err, io.EOF) {
				break
			}
			if err != nil {
				t.Fatalf("%s: %v", file.Name, err)
			}
			if v := g.Tag("Variant"); v != "" && v != "Standard" {
				continue
			}
			p.play(file.Name, g)
			if file.Carried {
				games++
				moves += len(g.Moves)
			}
		}
	}
	if games != 438 || moves != 35807 {
		t.Errorf("%d games with %d moves", games, moves)
	}
}

type player struct {
	testing.TB
	*relay.State
	index uint64
}

func newPlayer(tb testing.TB) *player {
	p := &player{TB: tb, State: relay.NewState()}
	p.do(&relaypb.Command{Request: "t", Op: &relaypb.Command_CreateTournament{
		CreateTournament: &relaypb.CreateTournament{Id: "tournam1", Name: "T"}}})
	p.do(&relaypb.Command{Request: "r", Op: &relaypb.Command_CreateRound{
		CreateRound: &relaypb.CreateRound{Id: "round001", Tournament: "tournam1", Name: "R"}}})
	return p
}

func (p *player) do(c *relaypb.Command) relay.Outcome {
	p.Helper()
	data, err := relay.EncodeCommand(c)
	if err != nil {
		p.Fatal(err)
	}
	p.index++
	return p.Apply(p.index, 1, data)
}

func (p *player) play(name string, g *pgn.Game) {
	p.Helper()
	bySAN, byUCI := p.openRound()
	pos := chess.StartingPosition()
	first := p.index
	for i, m := range g.Moves {
		where := fmt.Sprintf("%s, game at line %d, ply %d", name, g.Line, i+1)
		out := p.move(bySAN, i+1, m.SAN)
		if out.Err != nil {
			p.Fatalf("%s: %v", where, out.Err)
		}
		// The library reads the file's SAN slowly, so it does for some games. For the others it
		// gets our move.
		own, err := chess.UCINotation{}.Decode(pos, out.Move().UCI)
		if first%8 == 0 {
			own, err = chess.AlgebraicNotation{}.Decode(pos, strings.TrimRight(m.SAN, "+#"))
		}
		if err != nil {
			p.Fatalf("%s: %v", where, err)
		}
		pos = pos.Update(own)
		if out.Move().FEN != pos.String() || out.Move().UCI != own.String() {
			p.Fatalf("%s: %s, %s, want %s, %s", where, out.Move().UCI, out.Move().FEN, own, pos)
		}
		again := p.move(byUCI, i+1, out.Move().UCI)
		if again.Err != nil || again.Move().SAN != out.Move().SAN || again.Move().FEN != out.Move().FEN {
			p.Fatalf("%s by UCI: %+v", where, again)
		}
	}
}

// openRound makes a round of two boards, and returns their games.
func (p *player) openRound() (first, second string) {
	p.Helper()
	round := fmt.Sprintf("R%07d", p.index)
	p.do(&relaypb.Command{Request: round, Op: &relaypb.Command_CreateRound{
		CreateRound: &relaypb.CreateRound{Id: round, Tournament: "tournam1", Name: "R"}}})
	games := []string{"S" + round[1:], "U" + round[1:]}
	for i, id := range games {
		out := p.do(&relaypb.Command{Request: id, Op: &relaypb.Command_CreateGame{CreateGame: &relaypb.CreateGame{
			Id: id, Round: round, Board: int32(i + 1), White: &relaypb.Player{Name: "A"}, Black: &relaypb.Player{Name: "B"}}}})
		if out.Err != nil {
			p.Fatal(out.Err)
		}
	}
	return games[0], games[1]
}

func (p *player) move(game string, ply int, text string) relay.Outcome {
	return p.do(&relaypb.Command{Op: &relaypb.Command_PlayMove{PlayMove: &relaypb.PlayMove{Game: game, Ply: int32(ply), Move: text}}})
}
