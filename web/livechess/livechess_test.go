package livechess

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/go-chi/chi/v5"

	"github.com/chessrelay/chessrelay/relay"
	"github.com/chessrelay/chessrelay/relay/lcc"
	"github.com/chessrelay/chessrelay/relay/relaypb"
)

const cluster = "0123456789abcdef"

// testState has a tournament with one round and one game, on board 2, after 1. e4.
func testState(t *testing.T) *relay.State {
	t.Helper()
	state := relay.NewState()
	for i, c := range []*relaypb.Command{
		{Op: &relaypb.Command_CreateTournament{CreateTournament: &relaypb.CreateTournament{Id: "CityOpen", Name: "City Open"}}},
		{Op: &relaypb.Command_CreateRound{CreateRound: &relaypb.CreateRound{Id: "RoundOne", Tournament: "CityOpen", Name: "Round 1"}}},
		{Op: &relaypb.Command_CreateGame{CreateGame: &relaypb.CreateGame{
			Id: "BoardTwo", Round: "RoundOne", Board: 2, White: &relaypb.Player{Name: "Carlsen, Magnus"}, Black: &relaypb.Player{Name: "Caruana, Fabiano"},
		}}},
		{Op: &relaypb.Command_PlayMove{PlayMove: &relaypb.PlayMove{Game: "BoardTwo", Ply: 1, Move: "e4"}}},
	} {
		c.At, c.Request = 1_700_000_000_000, fmt.Sprint("request ", i)
		entry, err := relay.EncodeCommand(c)
		if err != nil {
			t.Fatal(err)
		}
		if out := state.Apply(uint64(i+1), 1, entry); out.Err != nil {
			t.Fatal(out.Err)
		}
	}
	return state
}

// TestPaths asks for what there is, and for what there is not. A board without a game is a game
// without moves.
func TestPaths(t *testing.T) {
	state := testState(t)
	s := &Server{
		ClusterID: func() string { return cluster },
		Read:      func(_ *http.Request, f func(relay.Reader)) { f(state) },
		Polled: func(document func(*http.Request) (any, error)) http.HandlerFunc {
			return func(w http.ResponseWriter, r *http.Request) {
				doc, err := document(r)
				if errors.Is(err, relay.ErrNotFound) {
					http.Error(w, err.Error(), http.StatusNotFound)
					return
				}
				if err != nil {
					t.Errorf("%s: %v", r.URL.Path, err)
				}
				_ = json.NewEncoder(w).Encode(doc)
			}
		},
	}
	r := chi.NewRouter()
	r.Route("/get/{uuid}", s.Routes)
	uuid := lcc.UUID(cluster, "CityOpen")
	for path, want := range map[string]string{
		"/get/" + uuid + "/tournament.json":                    `"name":"City Open"`,
		"/get/CityOpen/tournament.json":                        `"name":"City Open"`,
		"/get/" + uuid + "/round-1/index.json":                 `"lname":"Carlsen"`,
		"/get/" + uuid + "/round-1/game-2.json":                `"e4"`,
		"/get/" + uuid + "/round-1/game-1.json":                `"moves":[]`,
		"/get/" + uuid + "/round-1/game-1000.json":             `"moves":[]`,
		"/get/" + uuid + "/round-1/game-02.json":               "404 there is no board 02",
		"/get/" + uuid + "/round-1/game-0.json":                "404 there is no board 0",
		"/get/" + uuid + "/round-0/index.json":                 "404 there is no round 0",
		"/get/" + uuid + "/round-2/game-1.json":                "404 there is no round 2",
		"/get/" + uuid + "/round-one/index.json":               "404 there is no round one",
		"/get/nothing1/tournament.json":                        `404 there is no tournament "nothing1"`,
		"/get/" + strings.Repeat("0", 36) + "/tournament.json": "404 there is no tournament",
	} {
		w := httptest.NewRecorder()
		r.ServeHTTP(w, httptest.NewRequest(http.MethodGet, path, nil))
		got := w.Body.String()
		if w.Code != http.StatusOK {
			got = fmt.Sprint(w.Code, " ", got)
		}
		if !strings.Contains(got, want) || (w.Code == http.StatusOK) != !strings.HasPrefix(want, "404") {
			t.Errorf("%s: %s, want %s", path, got, want)
		}
	}
}
