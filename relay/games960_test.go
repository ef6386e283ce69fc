package relay_test

import (
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"

	"github.com/chessrelay/chessrelay/relay"
	"github.com/chessrelay/chessrelay/relay/internal/samples"
	"github.com/chessrelay/chessrelay/relay/pgn"
	"github.com/chessrelay/chessrelay/relay/relaypb"
)

// TestGames960 plays real games of Chess960 through Apply by the file's SAN, and again by the UCI
// of that. Both must end in the same position.
func TestGames960(t *testing.T) {
	s, index := relay.NewState(), uint64(0)
	do := func(request string, c *relaypb.Command) relay.Outcome {
		t.Helper()
		c.At, c.Request = 1_700_000_000_000, request
		data, err := relay.EncodeCommand(c)
		if err != nil {
			t.Fatal(err)
		}
		index++
		out := s.Apply(index, 1, data)
		if out.Err != nil {
			t.Fatalf("%s: %v", request, out.Err)
		}
		return out
	}
	do("t", &relaypb.Command{Op: &relaypb.Command_CreateTournament{CreateTournament: &relaypb.CreateTournament{Id: "tournam1", Name: "Mainz"}}})
	do("r", &relaypb.Command{Op: &relaypb.Command_CreateRound{CreateRound: &relaypb.CreateRound{Id: "round001", Tournament: "tournam1", Name: "1"}}})
	games, castlings := 0, 0
	for r := pgn.NewReader(strings.NewReader(samples.Read(t, "chess960-2006.pgn"))); ; games++ {
		g, err := r.Next()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		var ids [2]string
		for i := range ids {
			ids[i] = fmt.Sprintf("game%02d%02d", games, i)
			do(ids[i], &relaypb.Command{Op: &relaypb.Command_CreateGame{CreateGame: &relaypb.CreateGame{
				Id: ids[i], Round: "round001", Board: int32(2*games + i + 1), Variant: g.Tag("Variant"), Fen: g.Tag("FEN"),
				White: &relaypb.Player{Name: g.Tag("White")}, Black: &relaypb.Player{Name: g.Tag("Black")},
			}}})
		}
		for i, m := range g.Moves {
			play := func(game, move string) relay.Move {
				out := do("", &relaypb.Command{Op: &relaypb.Command_PlayMove{PlayMove: &relaypb.PlayMove{Game: game, Ply: int32(i + 1), Move: move}}})
				return out.Move()
			}
			bySAN := play(ids[0], m.SAN)
			if byUCI := play(ids[1], bySAN.UCI); byUCI.FEN != bySAN.FEN || byUCI.SAN != bySAN.SAN {
				t.Fatalf("%s, ply %d: %+v and %+v", g.Tag("White"), i+1, bySAN, byUCI)
			}
			if strings.HasPrefix(bySAN.SAN, "O-O") {
				castlings++
			}
		}
	}
	if games != 8 || castlings < 8 {
		t.Errorf("%d games with %d castlings", games, castlings)
	}
}
