package nodetest

import (
	"bytes"
	"encoding/json"
	"io"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/chessrelay/chessrelay/client"
	"github.com/chessrelay/chessrelay/cmd/chessrelay/replay"
)

// Get reads JSON and returns the status code.
func Get(t testing.TB, url string, out any) int {
	t.Helper()
	res, err := http.Get(url)
	if err != nil {
		return 0
	}
	return Decode(t, res, out)
}

// Post sends a body, a string as it stands and anything else as JSON.
func Post(t testing.TB, url string, body, out any) int {
	t.Helper()
	raw, isString := body.(string)
	if !isString {
		b, err := json.Marshal(body)
		if err != nil {
			t.Fatal(err)
		}
		raw = string(b)
	}
	res, err := http.Post(url, "application/json", strings.NewReader(raw))
	if err != nil {
		t.Fatal(err)
	}
	return Decode(t, res, out)
}

// Patch sends a change as JSON.
func Patch(t testing.TB, url string, body, out any) int {
	t.Helper()
	raw, err := json.Marshal(body)
	if err != nil {
		t.Fatal(err)
	}
	req, err := http.NewRequest(http.MethodPatch, url, bytes.NewReader(raw))
	if err != nil {
		t.Fatal(err)
	}
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	return Decode(t, res, out)
}

// Decode reads the JSON of an answer into out, unless that is nil, and returns the status.
func Decode(t testing.TB, res *http.Response, out any) int {
	t.Helper()
	defer res.Body.Close()
	b, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatal(err)
	}
	if out != nil {
		if err := json.Unmarshal(b, out); err != nil {
			t.Fatalf("not JSON: %v: %s", err, b)
		}
	}
	return res.StatusCode
}

// Object is any JSON object.
type Object = map[string]any

// Must posts, and fails the test unless that succeeds.
func Must(t testing.TB, url string, body any) Object {
	t.Helper()
	var out Object
	if status := Post(t, url, body, &out); status != http.StatusCreated && status != http.StatusOK {
		t.Fatalf("POST %s: %d %v", url, status, out)
	}
	return out
}

// NewRound makes a tournament with a round and boards, and returns the ids of the
// round and the games.
func NewRound(t testing.TB, url string, boards int) (round string, games []string) {
	t.Helper()
	tid := Must(t, url+"/api/tournaments", Object{"name": "Test Open"})["id"].(string)
	round = Must(t, url+"/api/tournaments/"+tid+"/rounds", Object{"name": "Round 1"})["id"].(string)
	for b := 1; b <= boards; b++ {
		g := Must(t, url+"/api/rounds/"+round+"/games", Object{
			"board": b,
			"white": Object{"name": "White " + strconv.Itoa(b), "title": "GM", "rating": 2700},
			"black": Object{"name": "Black " + strconv.Itoa(b), "federation": "NOR"},
		})
		games = append(games, g["id"].(string))
	}
	return round, games
}

// FeedSample replays the sample round as fast as possible. The URLs are separated by commas.
func FeedSample(t testing.TB, to string) replay.Summary {
	t.Helper()
	return feedAll(t, to, replay.SampleRound)
}

// ShortRound is the sample round with the first ten moves of each side only. A test takes it unless
// it needs whole games: it is a fifth of the sample round.
var ShortRound = sync.OnceValue(func() string {
	var short strings.Builder
	for _, game := range strings.Split(replay.SampleRound, "[Event ")[1:] {
		tags, moves, _ := strings.Cut(game, "\n\n")
		result := strings.Fields(moves)
		moves, _, _ = strings.Cut(strings.ReplaceAll(moves, "\n", " "), " 11. ")
		short.WriteString("[Event " + tags + "\n\n" + moves + " " + result[len(result)-1] + "\n\n")
	}
	return short.String()
})

// FeedShort replays ShortRound as fast as possible.
func FeedShort(t testing.TB, to string) replay.Summary {
	t.Helper()
	return feedAll(t, to, ShortRound())
}

func feedAll(t testing.TB, to, text string) replay.Summary {
	t.Helper()
	s := FeedGames(t, to, text)
	if len(s.Failures) > 0 {
		t.Fatalf("the round: %v", s.Failures)
	}
	return s
}

// FeedGames replays games in PGN as fast as possible, into a round of their own.
func FeedGames(t testing.TB, to, text string) replay.Summary {
	t.Helper()
	games, broken, err := replay.Read(strings.NewReader(text))
	if err != nil || len(broken) > 0 {
		t.Fatal(err, broken)
	}
	c := client.New(strings.Split(to, ","), client.Options{Source: "feed"})
	defer c.Close()
	p := replay.New(replay.Config{Client: c, Anonymous: true, Log: Log(t), Games: games, Patience: 10 * time.Minute})
	if err := p.Prepare(t.Context(), "", ""); err != nil {
		t.Fatal(err)
	}
	p.Play(t.Context())
	return p.Summary()
}

// Ask sends a request with a token, or with none, and returns the status and the body.
func Ask(t testing.TB, method, url, token string, body any) (int, string) {
	t.Helper()
	var raw []byte
	if text, ok := body.(string); ok {
		raw = []byte(text)
	} else if body != nil {
		var err error
		if raw, err = json.Marshal(body); err != nil {
			t.Fatal(err)
		}
	}
	req, err := http.NewRequestWithContext(t.Context(), method, url, bytes.NewReader(raw))
	if err != nil {
		t.Fatal(err)
	}
	if token != "" {
		req.Header.Set("Authorization", "Bearer "+token)
	}
	req.Header.Set("X-Chessrelay-By", "Arbiter Anna")
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	b, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatal(err)
	}
	return res.StatusCode, string(b)
}

// AskAs sends a request with headers, and returns the status and the JSON of the answer.
func AskAs(t testing.TB, method, url, body string, headers map[string]string) (int, Object) {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), method, url, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	for name, value := range headers {
		r.Header.Set(name, value)
	}
	r.Host = headers["Host"]
	res, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	var out Object
	_ = json.NewDecoder(res.Body).Decode(&out) // metrics are no JSON
	return res.StatusCode, out
}

// Readiness is what a node says of itself, and of the others.
func Readiness(t testing.TB, n *Node) (status int, why string, warnings string) {
	var out struct {
		Status   string
		Warnings []string
	}
	status = Get(t, n.URL+"/readyz", &out)
	return status, out.Status, strings.Join(out.Warnings, "; ")
}
