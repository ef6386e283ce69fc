package node_test

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"io"
	"maps"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/chessrelay/chessrelay/cmd/chessrelay/node/nodetest"
	"github.com/chessrelay/chessrelay/relay"
)

const (
	loginVerifier = "a-verifier-of-43-characters-or-more-as-RFC-7636-has-it"
	loginRedirect = "http://localhost:8123/"
	loginClient   = "org.lichess.broadcaster"
)

// loginQuery is the query with which a client of lichess opens the log-in.
func loginQuery() string {
	sum := sha256.Sum256([]byte(loginVerifier))
	return "/oauth?" + url.Values{
		"response_type": {"code"}, "client_id": {loginClient}, "redirect_uri": {loginRedirect},
		"code_challenge": {base64.RawURLEncoding.EncodeToString(sum[:])}, "code_challenge_method": {"S256"},
		"scope": {"study:read study:write"}, "state": {"xyz"},
	}.Encode()
}

// sendForm sends a form, and returns the answer and its body.
func sendForm(t testing.TB, at string, form url.Values, header http.Header) (*http.Response, string) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, at, strings.NewReader(form.Encode()))
	if err != nil {
		t.Fatal(err)
	}
	maps.Copy(req.Header, header)
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	res, err := notRedirected.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	b, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatal(err)
	}
	return res, string(b)
}

// loginCode logs in at the page, and returns the form that redeems the code.
func loginCode(t testing.TB, base, token string) url.Values {
	t.Helper()
	res, _ := sendForm(t, base+loginQuery(), url.Values{"token": {token}}, nil)
	to, err := url.Parse(res.Header.Get("Location"))
	if err != nil || res.StatusCode != http.StatusSeeOther || to.Host != "localhost:8123" || to.Query().Get("state") != "xyz" {
		t.Fatalf("the log-in is %s to %s", res.Status, to)
	}
	return url.Values{
		"grant_type": {"authorization_code"}, "code": {to.Query().Get("code")}, "code_verifier": {loginVerifier},
		"redirect_uri": {loginRedirect}, "client_id": {loginClient},
	}
}

// redeem gets the access token for a code.
func redeem(t testing.TB, base string, form url.Values) string {
	t.Helper()
	res, body := sendForm(t, base+"/api/token", form, nil)
	var granted struct {
		Type  string `json:"token_type"`
		Token string `json:"access_token"`
	}
	if err := json.Unmarshal([]byte(body), &granted); err != nil || res.StatusCode != http.StatusOK || granted.Type != "Bearer" {
		t.Fatalf("the token is %s %s", res.Status, body)
	}
	return granted.Token
}

// TestLogin does everything that the broadcaster app does: the page, the token, the code at one
// node, the access token at another.
func TestLogin(t *testing.T) {
	t.Parallel()
	c := nodetest.NewTokenCluster(t, 2)
	one, other := c.Nodes[0].URL, c.Nodes[1].URL
	arbiter, _ := c.MakeToken("arbiter", nodetest.Object{"round": c.Rounds[0]})
	res, err := http.Get(one + loginQuery())
	if err != nil {
		t.Fatal(err)
	}
	res.Body.Close()
	if csp := res.Header.Get("Content-Security-Policy"); res.StatusCode != 200 || !strings.Contains(csp, "form-action 'self' http://localhost:8123") {
		t.Errorf("the page is %s with %q", res.Status, csp)
	}
	for _, wrong := range []string{"wrong", nodetest.Token + "A", ""} {
		if res, _ := sendForm(t, one+loginQuery(), url.Values{"token": {wrong}}, nil); res.StatusCode != http.StatusForbidden {
			t.Errorf("the token %q is answered %s", wrong, res.Status)
		}
	}
	foreign := http.Header{"Origin": {"https://elsewhere.example"}}
	if res, _ := sendForm(t, one+loginQuery(), url.Values{"token": {arbiter}}, foreign); res.StatusCode != http.StatusForbidden {
		t.Errorf("the form of another site's page is answered %s", res.Status)
	}
	form := loginCode(t, one, arbiter)
	for name, value := range map[string]string{
		"grant_type": "password", "code": "AAAA", "code_verifier": loginVerifier + "x", "redirect_uri": "http://localhost:1/", "client_id": "another",
	} {
		bad := maps.Clone(form)
		bad[name] = []string{value}
		if res, _ := sendForm(t, other+"/api/token", bad, nil); res.StatusCode != http.StatusBadRequest {
			t.Errorf("with another %s the token is answered %s", name, res.Status)
		}
	}
	granted := redeem(t, other, form)
	for _, spelling := range []string{"", "\n"} {
		again := maps.Clone(form)
		again.Set("code", form.Get("code")+spelling)
		if res, body := sendForm(t, other+"/api/token", again, nil); res.StatusCode != http.StatusBadRequest || !strings.Contains(body, "redeemed") {
			t.Errorf("the code redeemed once more is answered %s", res.Status)
		}
	}
	if _, _, ok := relay.SplitToken(granted); !ok || granted == arbiter {
		t.Errorf("the client is granted %q", granted)
	}
	for token, want := range map[string]int{granted: 200, arbiter: 200, "wrong": 401, granted[:len(granted)-1]: 401} {
		if status, _ := nodetest.Ask(t, http.MethodGet, one+"/api/account", token, nil); status != want {
			t.Errorf("with the token %s the account is %d", token, status)
		}
	}
}

// TestGrantEnds checks that a grant has the role and the scope of the token. It ends with the
// token, and when the client logs out.
func TestGrantEnds(t *testing.T) {
	t.Parallel()
	c := nodetest.NewTokenCluster(t, 2)
	e := c.AddEdge("e", c.Nodes[1])
	arbiter, id := c.MakeToken("arbiter", nodetest.Object{"round": c.Rounds[0]})
	game := func(i int) string { return "/api/games/" + c.Games[i] + "/clock" }
	clock := nodetest.Object{"white": 1000}
	first := redeem(t, e.URL, loginCode(t, e.URL, arbiter)) // an edge passes it on
	if status, text := nodetest.Ask(t, http.MethodPost, e.URL+game(0), first, clock); status != http.StatusCreated {
		t.Fatalf("with the grant: %d %s", status, text)
	}
	if status, _ := nodetest.Ask(t, http.MethodPost, c.Nodes[0].URL+game(1), first, clock); status != http.StatusForbidden {
		t.Errorf("beyond the scope: %d", status)
	}
	if res, body := sendForm(t, e.URL+loginQuery(), url.Values{"token": {first}}, nil); res.StatusCode != http.StatusForbidden || !strings.Contains(body, "has logged in") {
		t.Errorf("a grant logs in: %s", res.Status)
	}
	second := redeem(t, c.Nodes[0].URL, loginCode(t, c.Nodes[1].URL, arbiter))
	for _, token := range []string{first, arbiter} { // the client may not end the latter
		if status, text := nodetest.Ask(t, http.MethodDelete, e.URL+"/api/token", token, nil); status != http.StatusNoContent {
			t.Errorf("logging out: %d %s", status, text)
		}
	}
	c.WaitEqual() // for reads, a node goes by what it has applied
	for token, want := range map[string]int{first: 401, second: 200, arbiter: 200} {
		for _, n := range []*nodetest.Node{c.Nodes[0], c.Nodes[1], e} {
			if status, _ := nodetest.Ask(t, http.MethodGet, n.URL+"/api/account", token, nil); status != want {
				t.Errorf("after one log-out, at %s: %d, want %d", n.Config.Name, status, want)
			}
		}
	}
	code := loginCode(t, c.Nodes[0].URL, arbiter)
	if status, _ := c.Ask(nodetest.Token, http.MethodDelete, "/api/tokens/"+id, nil); status != http.StatusOK {
		t.Fatal(status)
	}
	if status, _ := c.Ask(second, http.MethodGet, "/api/account", nil); status != http.StatusUnauthorized {
		t.Errorf("the grant outlives its token: %d", status)
	}
	if res, _ := sendForm(t, c.Nodes[0].URL+"/api/token", code, nil); res.StatusCode != http.StatusBadRequest {
		t.Errorf("a code of a revoked token is answered %s", res.Status)
	}
}
