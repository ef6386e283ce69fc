package node_test

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/chessrelay/chessrelay/cmd/chessrelay/node"
	"github.com/chessrelay/chessrelay/cmd/chessrelay/node/nodetest"
)

// app is lichess's broadcaster app as it talks to a server: its headers, its log-in and its calls.
type app struct {
	t      testing.TB
	base   string
	origin string // "null" on Linux and macOS; elsewhere it depends on the build
	token  string
}

// appOrigins are the Origin headers that builds of the app send. Some builds send none.
var appOrigins = []string{"null", "tauri://localhost", "https://tauri.localhost", "http://tauri.localhost", ""}

const appAgent = "Lichess Broadcaster/0.33.2 os:linux as:chessrelay"

// do sends a request as the app does, and decodes an answer of success.
func (a *app) do(method, path, kind, body string, out any) int {
	a.t.Helper()
	req, err := http.NewRequest(method, a.base+path, strings.NewReader(body))
	if err != nil {
		a.t.Fatal(err)
	}
	req.Header.Set("User-Agent", appAgent)
	if a.origin != "" {
		req.Header.Set("Origin", a.origin)
	}
	if a.token != "" {
		req.Header.Set("Authorization", "Bearer "+a.token)
	}
	if kind != "" {
		req.Header.Set("Content-Type", kind)
	}
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		a.t.Fatal(err)
	}
	defer res.Body.Close()
	text, err := io.ReadAll(res.Body)
	if err != nil {
		a.t.Fatal(err)
	}
	if out != nil && res.StatusCode == http.StatusOK {
		if err := json.Unmarshal(text, out); err != nil {
			a.t.Fatalf("%s %s: %v: %s", method, path, err, text)
		}
	}
	return res.StatusCode
}

const appVerifier = "a-verifier-of-43-characters-or-more-as-RFC-7636-has-it"

// logIn opens the log-in in a browser. If the page asks for a token, the browser sends nodeToken.
// Then the app redeems the code at the node at redeemAt.
func (a *app) logIn(nodeToken, redeemAt string) {
	a.t.Helper()
	sum := sha256.Sum256([]byte(appVerifier))
	at := a.base + "/oauth?" + url.Values{
		"response_type": {"code"}, "client_id": {"org.lichess.broadcaster"}, "redirect_uri": {"http://localhost:8000"},
		"code_challenge_method": {"S256"}, "code_challenge": {base64.RawURLEncoding.EncodeToString(sum[:])}, "scope": {"study:read study:write"},
	}.Encode()
	req, err := http.NewRequest(http.MethodGet, at, nil)
	if err != nil {
		a.t.Fatal(err)
	}
	if nodeToken != "" {
		req, err = http.NewRequest(http.MethodPost, at, strings.NewReader(url.Values{"token": {nodeToken}}.Encode()))
		if err != nil {
			a.t.Fatal(err)
		}
		req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		req.Header.Set("Origin", a.base)
	}
	req.Header.Set("Sec-Fetch-Mode", "navigate")
	req.Header.Set("Sec-Fetch-Dest", "document")
	res, err := notRedirected.Do(req)
	if err != nil {
		a.t.Fatal(err)
	}
	res.Body.Close()
	to, err := res.Location()
	if err != nil || to.Host != "localhost:8000" {
		a.t.Fatalf("the log-in is answered %s, %v", res.Status, err)
	}
	var granted struct {
		TokenType   string `json:"token_type"`
		AccessToken string `json:"access_token"`
		ExpiresIn   int64  `json:"expires_in"`
	}
	redeeming := *a
	redeeming.base, redeeming.token = redeemAt, ""
	status := redeeming.do(http.MethodPost, "/api/token", "application/x-www-form-urlencoded", url.Values{
		"grant_type": {"authorization_code"}, "code": {to.Query().Get("code")}, "code_verifier": {appVerifier},
		"redirect_uri": {"http://localhost:8000"}, "client_id": {"org.lichess.broadcaster"},
	}.Encode(), &granted)
	// With less than eleven months left, the app thinks that it is logged out.
	if status != http.StatusOK || granted.TokenType != "Bearer" || granted.AccessToken == "" || granted.ExpiresIn < int64(335*24*time.Hour/time.Second) {
		a.t.Fatalf("the code is answered %d, %+v", status, granted)
	}
	a.token = granted.AccessToken
}

// writeable is the flag by which the app either offers a folder to watch, or says that it may not
// push.
func (a *app) writeable(round string) bool {
	a.t.Helper()
	var r struct{ Study struct{ Writeable bool } }
	if status := a.do(http.MethodGet, "/api/broadcast/-/-/"+round, "", "", &r); status != http.StatusOK {
		a.t.Fatalf("the round is answered %d", status)
	}
	return r.Study.Writeable
}

func (a *app) push(round, pgn string) (out pushed, status int) {
	a.t.Helper()
	status = a.do(http.MethodPost, "/api/broadcast/round/"+round+"/push", "text/plain", pgn, &out)
	return out, status
}

// wantRefused checks that the app's pushes are refused, and that the app could know that
// beforehand.
func (a *app) wantRefused(what, round string, want int) {
	a.t.Helper()
	if a.writeable(round) {
		a.t.Errorf("%s, from %q: the round is writeable", what, a.origin)
	}
	if _, status := a.push(round, "[White \"X\"]\n[Black \"Y\"]\n\n1. e4 *\n"); status != want {
		a.t.Errorf("%s, from %q: a push is answered %d, want %d", what, a.origin, status, want)
	}
}

// TestApp has the app broadcast from every system it runs on, to clusters with and without a token.
// It logs in at one node, and pushes to each. Without the token that the log-in granted, or with a
// token from elsewhere, it is refused, and the round is not writeable.
func TestApp(t *testing.T) {
	t.Parallel()
	for _, nodeToken := range []string{"", nodetest.Token} {
		name := "without a token"
		if nodeToken != "" {
			name = "with a token"
		}
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := nodetest.NewClusterWith(t, 2, func(cfg *node.Config) { cfg.Token = nodeToken })
			other := nodetest.NewCluster(t, 1)
			stranger := &app{t: t, base: other.Nodes[0].URL, origin: "null"}
			stranger.logIn("", stranger.base)
			owner := &app{t: t, base: c.Nodes[0].URL}
			owner.logIn(nodeToken, c.Nodes[1].URL)
			var made struct {
				Tour  struct{ ID string }
				Round struct{ ID string }
			}
			owner.do(http.MethodPost, "/broadcast/new", "application/x-www-form-urlencoded", "name=City+Open", &made)
			if status := owner.do(http.MethodPost, "/broadcast/"+made.Tour.ID+"/new", "application/x-www-form-urlencoded", "name=Round+1", &made); status != http.StatusOK {
				t.Fatalf("a new round is answered %d", status)
			}
			round := made.Round.ID
			c.WaitEqual()
			for i, origin := range appOrigins {
				a := &app{t: t, base: c.Nodes[i%2].URL, origin: origin}
				if origin != "" || nodeToken != "" {
					want := http.StatusForbidden
					if nodeToken != "" {
						want = http.StatusUnauthorized
					}
					a.wantRefused("before the log-in", round, want)
					for what, token := range map[string]string{
						"another cluster's token": stranger.token, "a made-up token": "no-token-needed", "half a token": owner.token[:len(owner.token)/2],
					} {
						a.token = token
						a.wantRefused(what, round, http.StatusUnauthorized)
						if status := a.do(http.MethodGet, "/api/account", "", "", nil); status != http.StatusUnauthorized {
							t.Errorf("%s: the account is answered %d, and the app stays logged in", what, status)
						}
					}
				}
				a.logIn(nodeToken, c.Nodes[(i+1)%2].URL)
				var account struct{ Username string }
				a.do(http.MethodGet, "/api/account", "", "", &account)
				if account.Username != "chessrelay" {
					t.Errorf("the account is %+v", account)
				}
				text := "[White \"A\"]\n[Black \"B\"]\n\n" + strings.Join(strings.Fields("1. e4 e5 2. Nf3 Nc6 3. Bb5 a6")[:i+2], " ") + " *\n"
				for _, n := range c.Nodes {
					a.base = n.URL
					if !a.writeable(round) {
						t.Errorf("from %q: the round is not writeable at %s", origin, n.Config.Name)
					}
					out, status := a.push(round, text)
					if status != http.StatusOK || len(out.Games) != 1 || out.Games[0].Error != "" || *out.Games[0].Moves == 0 {
						t.Errorf("from %q: a push to %s is answered %d, %+v", origin, n.Config.Name, status, out)
					}
				}
			}
			// A grant from before a restart is valid after it.
			c.Nodes[1].Kill()
			c.Nodes[1].Start()
			owner.base, owner.origin = c.Nodes[1].URL, "null"
			nodetest.Eventually(t, "a push after the restart", func() bool {
				_, status := owner.push(round, "[White \"A\"]\n[Black \"B\"]\n\n1. e4 e5 2. Nf3 Nc6 *\n")
				return status == http.StatusOK
			})
		})
	}
}

// TestAppPushesTooManyGames pushes more games than a push may have, as the app does. The app
// ignores an answer that is not 2xx. So the first games must be taken, and the answer must name the
// others.
func TestAppPushesTooManyGames(t *testing.T) {
	t.Parallel()
	c := nodetest.NewCluster(t, 1)
	a := &app{t: t, base: c.Nodes[0].URL, origin: "null"}
	a.logIn("", a.base)
	round, _ := nodetest.NewRound(t, a.base, 0)
	games := make([]string, 1002)
	for i := range games {
		games[i] = fmt.Sprintf("[White \"W%d\"]\n[Black \"B%d\"]\n[Round \"1.%d\"]\n\n1. e4 e5 2. Nf3 *", i+1, i+1, i+1)
	}
	out, status := a.push(round, strings.Join(games, "\n\n"))
	if status != http.StatusOK || len(out.Games) != len(games) {
		t.Fatalf("%d, %d answers", status, len(out.Games))
	}
	for i, g := range out.Games {
		taken := g.Error == "" && g.Moves != nil && *g.Moves == 3
		refused := g.Moves == nil && strings.Contains(g.Error, "more than 1000")
		if taken != (i < 1000) || refused == taken || g.Tags["White"] != fmt.Sprintf("W%d", i+1) {
			t.Errorf("game %d is answered %+v", i+1, g)
		}
	}
}
