package replay

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/chessrelay/chessrelay/client"
	"github.com/chessrelay/chessrelay/relay"
)

// inPlace is an http.RoundTripper that calls a handler. So time can be synctest's.
type inPlace struct{ http.Handler }

func (h inPlace) RoundTrip(r *http.Request) (*http.Response, error) {
	rec := httptest.NewRecorder()
	h.ServeHTTP(rec, r)
	return rec.Result(), r.Context().Err()
}

// A ledger is a node's API, as far as a replay needs it. It keeps what it is told, in order. It
// knows one rule only: a move with "!!" in it is illegal.
type ledger struct {
	mux http.ServeMux

	mu      sync.Mutex
	games   []*client.Game
	clocks  map[string]*relay.Clock // by game and ply
	arrived map[string]time.Time    // by game and ply
	refuse  func(client.NewGame) bool
}

func newLedger() *ledger {
	l := &ledger{clocks: map[string]*relay.Clock{}, arrived: map[string]time.Time{}}
	l.mux.HandleFunc("POST /api/tournaments", l.answer(func(*http.Request) (int, any) {
		return 201, map[string]string{"id": "T"}
	}))
	l.mux.HandleFunc("POST /api/tournaments/T/rounds", l.answer(func(*http.Request) (int, any) {
		return 201, map[string]string{"id": "R"}
	}))
	l.mux.HandleFunc("GET /api/rounds/R", l.answer(func(*http.Request) (int, any) {
		return 200, map[string]any{"id": "R", "games": l.games}
	}))
	l.mux.HandleFunc("POST /api/rounds/R/games", l.answer(l.open))
	l.mux.HandleFunc("GET /api/games/{id}", l.answer(func(r *http.Request) (int, any) { return 200, l.game(r) }))
	l.mux.HandleFunc("POST /api/games/{id}/moves", l.answer(l.move))
	l.mux.HandleFunc("POST /api/games/{id}/result", l.answer(func(r *http.Request) (int, any) {
		var in struct{ Result relay.Result }
		_ = json.NewDecoder(r.Body).Decode(&in)
		l.game(r).Result = in.Result
		return 201, map[string]any{}
	}))
	return l
}

func (l *ledger) answer(f func(*http.Request) (int, any)) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		l.mu.Lock()
		defer l.mu.Unlock()
		status, body := f(r)
		w.WriteHeader(status)
		_ = json.NewEncoder(w).Encode(body)
	}
}

func (l *ledger) game(r *http.Request) *client.Game {
	i := slices.IndexFunc(l.games, func(g *client.Game) bool { return string(g.ID) == r.PathValue("id") })
	return l.games[i]
}

func (l *ledger) open(r *http.Request) (int, any) {
	var in client.NewGame
	_ = json.NewDecoder(r.Body).Decode(&in)
	if l.refuse != nil && l.refuse(in) {
		return 400, map[string]string{"error": "variant: not played here", "code": "bad_request"}
	}
	g := &client.Game{ID: relay.GameID(fmt.Sprint("G", in.Board)), Board: in.Board, White: in.White, Black: in.Black, Result: relay.Ongoing}
	l.games = append(l.games, g)
	return 201, g
}

func (l *ledger) move(r *http.Request) (int, any) {
	var in client.NewMove
	_ = json.NewDecoder(r.Body).Decode(&in)
	g := l.game(r)
	switch next := relay.Ply(len(g.Moves) + 1); {
	case in.Ply < next && g.Moves[in.Ply-1].SAN == in.Move:
		return 200, client.Accepted{Ply: in.Ply, SAN: in.Move, Duplicate: true}
	case in.Ply != next:
		return 409, map[string]any{"error": "that ply is taken", "code": "ply_conflict", "expected": next}
	case strings.HasSuffix(in.Move, "!!"):
		return 422, map[string]string{"error": "no such move here", "code": "illegal_move"}
	}
	g.Moves = append(g.Moves, client.Move{Ply: in.Ply, SAN: in.Move})
	key := fmt.Sprint(g.ID, "/", in.Ply)
	l.clocks[key], l.arrived[key] = in.Clock, time.Now()
	return 201, client.Accepted{Ply: in.Ply, SAN: in.Move}
}

// sans are the moves on a board.
func (l *ledger) sans(board int) string {
	for _, g := range l.games {
		if g.Board == board {
			var out []string
			for _, m := range g.Moves {
				out = append(out, m.SAN)
			}
			return strings.Join(append(out, string(g.Result)), " ")
		}
	}
	return "no such board"
}

// testGame is a game that takes ten seconds a ply.
func testGame(number int, white, black, moves string, result relay.Result) *Game {
	g := &Game{
		NewGame: client.NewGame{White: relay.Player{Name: white}, Black: relay.Player{Name: black}},
		number:  number, moves: strings.Fields(moves), result: result,
		clocks: clockedGame{start: [2]time.Duration{unknownClock, unknownClock}},
	}
	for range g.moves {
		g.clocks.after = append(g.clocks.after, unknownClock)
	}
	g.at = g.clocks.playedAt()
	return g
}

func newTestPlayer(l *ledger, speed float64, games ...*Game) *Player {
	return New(Config{
		Client: client.New([]string{"http://a"}, client.Options{Transport: inPlace{&l.mux}}),
		Log:    slog.New(slog.DiscardHandler), Games: games, Speed: speed,
	})
}

func TestReplayKeepsThePaceOfEachBoard(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newLedger()
		quick := testGame(1, "A", "B", "e4 e5 Nf3", relay.WhiteWins)
		slow := testGame(2, "C", "D", "d4 d5", relay.Ongoing)
		slow.clocks = clockedGame{start: [2]time.Duration(seconds(100, 100)), after: seconds(70, 40)}
		slow.at = slow.clocks.playedAt()
		p := newTestPlayer(l, 10, quick, slow)
		if err := p.Prepare(t.Context(), "", ""); err != nil {
			t.Fatal(err)
		}
		began := time.Now()
		p.Play(t.Context())

		arrived := map[string]time.Duration{}
		for key, at := range l.arrived {
			arrived[key] = at.Sub(began)
		}
		want := map[string]time.Duration{
			"G1/1": time.Second, "G1/2": 2 * time.Second, "G1/3": 3 * time.Second,
			"G2/1": 3 * time.Second, "G2/2": 9 * time.Second,
		}
		if diff := cmp.Diff(want, arrived); diff != "" {
			t.Error(diff)
		}
		wantClocks := map[string]*relay.Clock{
			"G1/1": nil, "G1/2": nil, "G1/3": nil,
			"G2/1": {White: 70_000, Black: 100_000}, "G2/2": {White: 70_000, Black: 40_000},
		}
		if diff := cmp.Diff(wantClocks, l.clocks); diff != "" {
			t.Error(diff)
		}
		if l.sans(1) != "e4 e5 Nf3 1-0" || l.sans(2) != "d4 d5 *" {
			t.Errorf("boards: %s; %s", l.sans(1), l.sans(2))
		}
	})
}

func TestReplayLeavesOtherGamesAloneWhenOneStops(t *testing.T) {
	l := newLedger()
	l.refuse = func(g client.NewGame) bool { return g.Variant != "" }
	odd := testGame(4, "G", "H", "e4", relay.Draw)
	odd.Variant = "Antichess"
	p := newTestPlayer(l, 0,
		testGame(1, "A", "B", "e4 e5!! Nf3", relay.WhiteWins),
		testGame(2, "C", "D", "d4 d5 c4", relay.Draw),
		testGame(3, "E", "F", "c4 c5", relay.BlackWins),
		odd,
	)
	if err := p.Prepare(t.Context(), "", "Cup"); err != nil {
		t.Fatal(err)
	}
	p.Play(t.Context())
	s := p.Summary()
	want := []Failure{
		{Game: 1, Board: 1, Players: "A – B", Ply: 2, Move: "e5!!", Error: "no such move here (illegal_move)"},
		{Game: 4, Board: 4, Players: "G – H", Error: "variant: not played here (bad_request)"},
	}
	if diff := cmp.Diff(want, s.Failures); diff != "" {
		t.Error(diff)
	}
	if got, want := want[0].String(), "game 1, board 1, A – B, ply 2, e5!!: no such move here (illegal_move)"; got != want {
		t.Errorf("a failure reads %q; want %q", got, want)
	}
	if s.Games != 4 || s.Complete != 2 || s.Moves != 9 || s.Accepted != 6 || s.Skipped != 0 {
		t.Errorf("summary = %+v", s)
	}
	if l.sans(1) != "e4 *" || l.sans(2) != "d4 d5 c4 1/2-1/2" || l.sans(3) != "c4 c5 0-1" {
		t.Errorf("boards: %s; %s; %s", l.sans(1), l.sans(2), l.sans(3))
	}
}

func TestReplayResumesWhereTheRoundStands(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newLedger()
		l.games = []*client.Game{
			{ID: "ahead", Board: 7, White: relay.Player{Name: "Carlsen, Magnus"}, Black: relay.Player{Name: "Nepo"}, Result: relay.Ongoing,
				Moves: []client.Move{{SAN: "e4"}, {SAN: "e5"}, {SAN: "Nf3"}}},
			{ID: "left", Board: 1, White: relay.Player{Name: "C"}, Black: relay.Player{Name: "D"}, Result: relay.Ongoing},
			{ID: "other", Board: 2, White: relay.Player{Name: "X"}, Black: relay.Player{Name: "Y"}, Result: relay.Ongoing,
				Moves: []client.Move{{SAN: "a3"}}},
		}
		p := newTestPlayer(l, 1,
			testGame(1, "Magnus Carlsen", "NEPO", "e4 e5 Nf3+ Nc6", relay.Ongoing),
			testGame(2, "C", "D", "d4 d5 c4 e6", relay.Ongoing),
			testGame(3, "E", "F", "c4", relay.Ongoing),
		)
		if err := p.Prepare(t.Context(), "R", ""); err != nil {
			t.Fatal(err)
		}
		began := time.Now()
		p.Play(t.Context())
		// The board that was left behind catches up at once with the furthest one. Then both go on
		// together.
		if took := time.Since(began); took != 10*time.Second {
			t.Errorf("took %v", took)
		}
		if at := l.arrived["left/3"].Sub(began); at != 0 {
			t.Errorf("the third ply came after %v", at)
		}
		if l.sans(7) != "e4 e5 Nf3 Nc6 *" || l.sans(1) != "d4 d5 c4 e6 *" || l.sans(2) != "a3 *" || l.sans(3) != "c4 *" {
			t.Errorf("boards: %s; %s; %s; %s", l.sans(7), l.sans(1), l.sans(2), l.sans(3))
		}
		if s := p.Summary(); s.Skipped != 3 || s.Accepted != 6 {
			t.Errorf("summary = %+v", s)
		}
	})
}

func TestReplayIsInterrupted(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newLedger()
		p := newTestPlayer(l, 1, testGame(1, "A", "B", "e4 e5 Nf3", relay.Draw))
		if err := p.Prepare(t.Context(), "", ""); err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithTimeout(t.Context(), 15*time.Second)
		defer cancel()
		p.Play(ctx)
		s := p.Summary()
		if !s.Interrupted || s.Accepted != 1 || len(s.Failures) != 0 {
			t.Errorf("summary = %+v", s)
		}
	})
}

func TestNumberBoards(t *testing.T) {
	for name, tt := range map[string]struct {
		says  []int
		taken []int
		want  []int
	}{
		"the order of the file":   {[]int{0, 0, 0}, nil, []int{1, 2, 3}},
		"what the file says":      {[]int{5, 3, 9}, nil, []int{5, 3, 9}},
		"not all are said":        {[]int{5, 0, 9}, nil, []int{1, 2, 3}},
		"one is said twice":       {[]int{5, 5, 9}, nil, []int{1, 2, 3}},
		"some are taken":          {[]int{0, 0}, []int{1, 3}, []int{2, 4}},
		"what is said is taken":   {[]int{3, 4}, []int{3}, []int{1, 2}},
		"others than said, taken": {[]int{3, 4}, []int{1}, []int{3, 4}},
	} {
		t.Run(name, func(t *testing.T) {
			var games []*Game
			for i, n := range tt.says {
				games = append(games, &Game{number: i + 1, saysBoard: n})
			}
			taken := map[int]bool{}
			for _, n := range tt.taken {
				taken[n] = true
			}
			numberBoards(games, taken)
			got := make([]int, len(games))
			for _, g := range games {
				got[g.number-1] = g.Board
			}
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Error(diff)
			}
		})
	}
}
