package web

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/chessrelay/chessrelay/broadcast"
	"github.com/chessrelay/chessrelay/consensus"
	"github.com/chessrelay/chessrelay/relay"
	"github.com/chessrelay/chessrelay/relay/relaypb"
	"github.com/chessrelay/chessrelay/web/base"
)

// stateView is a view of a state that nobody changes.
type stateView struct{ state *relay.State }

func (v stateView) Read(f func(uint64, *relay.State)) { f(1, v.state) }

// TestStandingsLimit fills a tournament until no table is made of it.
func TestStandingsLimit(t *testing.T) {
	state, index := relay.NewState(), uint64(0)
	apply := func(c *relaypb.Command) {
		t.Helper()
		index++
		c.Request = fmt.Sprint(index)
		data, err := relay.EncodeCommand(c)
		if err != nil {
			t.Fatal(err)
		}
		if out := state.Apply(index, 1, data); out.Err != nil {
			t.Fatal(out.Err)
		}
	}
	apply(&relaypb.Command{Op: &relaypb.Command_CreateTournament{CreateTournament: &relaypb.CreateTournament{Id: "AAAAAAAA", Name: "Open"}}})
	round := ""
	open := func(games int) {
		t.Helper()
		for range games {
			board := int(index) % relay.MaxBoard
			if board == 1 {
				round = fmt.Sprintf("R%07d", index)
				apply(&relaypb.Command{Op: &relaypb.Command_CreateRound{CreateRound: &relaypb.CreateRound{Id: round, Tournament: "AAAAAAAA", Name: round}}})
				board++
			}
			apply(&relaypb.Command{Op: &relaypb.Command_CreateGame{CreateGame: &relaypb.CreateGame{
				Id: fmt.Sprintf("G%07d", index), Round: round, Board: int32(board + 1),
				White: &relaypb.Player{Name: fmt.Sprint("W", index)}, Black: &relaypb.Player{Name: fmt.Sprint("B", index)},
			}}})
		}
	}
	s, err := New(Config{Config: base.Config{Node: new(consensus.Node), Boards: stateView{state}}, Hub: new(broadcast.Hub)})
	if err != nil {
		t.Fatal(err)
	}
	get := func() *httptest.ResponseRecorder {
		w := httptest.NewRecorder()
		s.ServeHTTP(w, httptest.NewRequest(http.MethodGet, "/api/tournaments/AAAAAAAA/standings", nil))
		return w
	}
	open(base.MaxTableGames)
	if w := get(); w.Code != http.StatusOK || w.Body.Len() > 8<<20 {
		t.Errorf("%d games: %d, %d bytes", base.MaxTableGames, w.Code, w.Body.Len())
	}
	open(1)
	if w := get(); w.Code != http.StatusUnprocessableEntity || !strings.Contains(w.Body.String(), "limit_reached") {
		t.Errorf("%d games: %d %.200s", base.MaxTableGames+1, w.Code, w.Body)
	}
}
