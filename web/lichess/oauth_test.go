package lichess

import (
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/chessrelay/chessrelay/broadcast"
	"github.com/chessrelay/chessrelay/web/base"
)

// loginServer is a node of a cluster without tokens, as far as logging in needs one.
func loginServer(t *testing.T) *httptest.Server {
	t.Helper()
	_, s := serve(t, base.Config{Boards: noBoards{}}, Config{Hub: new(broadcast.Hub)})
	server := httptest.NewServer(s)
	server.Client().CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	t.Cleanup(server.Close)
	return server
}

const verifier = "a-verifier-of-43-characters-or-more-as-RFC-7636-has-it"

func loginQuery() url.Values {
	sum := sha256.Sum256([]byte(verifier))
	return url.Values{
		"response_type": {"code"}, "client_id": {"org.lichess.broadcaster"}, "redirect_uri": {"http://localhost:8123/"},
		"code_challenge": {base64.RawURLEncoding.EncodeToString(sum[:])}, "code_challenge_method": {"S256"},
		"scope": {"study:read study:write"}, "state": {"xyz"},
	}
}

// TestLoginWithoutToken wants a node that needs no token to grant at once.
func TestLoginWithoutToken(t *testing.T) {
	s := loginServer(t)
	res := do(t, s, http.MethodGet, s.URL+"/oauth?"+loginQuery().Encode(), nil, nil)
	to, err := url.Parse(res.Header.Get("Location"))
	if err != nil || res.StatusCode != http.StatusSeeOther {
		t.Fatalf("%s, %v", res.Status, err)
	}
	res = do(t, s, http.MethodPost, s.URL+"/api/token", url.Values{
		"grant_type": {"authorization_code"}, "code": {to.Query().Get("code")}, "code_verifier": {verifier},
		"redirect_uri": {"http://localhost:8123/"}, "client_id": {"org.lichess.broadcaster"},
	}, nil)
	if b := body(t, res); res.StatusCode != 200 || !strings.Contains(b, `"access_token":"chessrelay_`) {
		t.Errorf("the token is %s %s", res.Status, b)
	}
	// A script of another site could read the redirect, and with it the code.
	for _, tc := range []struct {
		site, mode, dest string
		want             int
	}{
		{"", "", "", 303},     // a program
		{"", "cors", "", 303}, // Node's fetch, which sends this by itself
		{"none", "navigate", "document", 303},
		{"cross-site", "navigate", "document", 303}, // a link
		{"cross-site", "cors", "empty", 403}, {"cross-site", "no-cors", "image", 403}, {"same-site", "cors", "empty", 403},
		{"cross-site", "navigate", "iframe", 403},
	} {
		h := http.Header{"Origin": {"https://elsewhere.example"}}
		for name, value := range map[string]string{"Sec-Fetch-Site": tc.site, "Sec-Fetch-Mode": tc.mode, "Sec-Fetch-Dest": tc.dest} {
			if value != "" {
				h.Set(name, value)
			}
		}
		res := do(t, s, http.MethodGet, s.URL+"/oauth?"+loginQuery().Encode(), nil, h)
		if res.StatusCode != tc.want || res.Header.Get("Access-Control-Allow-Origin") != "" {
			t.Errorf("%+v: the log-in is answered %s, %v", tc, res.Status, res.Header)
		}
	}
}

// TestLoginRefuses asks for what must not be granted.
func TestLoginRefuses(t *testing.T) {
	s := loginServer(t)
	for name, values := range map[string][]string{
		"redirect_uri": {"", "https://evil.example/", "http://evil.example/", "http://localhost.evil.example/", "http://user@localhost/", "http://localhost/#x",
			"javascript:alert(1)", "http://10.0.0.1/"},
		"code_challenge": {"", "short"}, "code_challenge_method": {"", "plain"}, "client_id": {""}, "response_type": {"token"},
		"state": {strings.Repeat("x", 5000)},
	} {
		for _, v := range values {
			q := loginQuery()
			q.Set(name, v)
			if res := do(t, s, http.MethodGet, s.URL+"/oauth?"+q.Encode(), nil, nil); res.StatusCode != http.StatusBadRequest {
				t.Errorf("%s=%q is answered %s", name, v, res.Status)
			}
		}
	}
}

// TestCodeExpires wants a code to be valid for two minutes, and not at another cluster.
func TestCodeExpires(t *testing.T) {
	s, other := &Server{Server: &base.Server{Key: "a"}}, &Server{Server: &base.Server{Key: "b"}}
	o, err := readOAuthRequest(loginQuery())
	if err != nil {
		t.Fatal(err)
	}
	made := time.UnixMilli(1795419368331)
	form := url.Values{"code": {s.newCode(o, "", made)}, "code_verifier": {verifier}, "redirect_uri": {o.redirect}, "client_id": {o.client}}
	for after, want := range map[time.Duration]bool{0: true, 119 * time.Second: true, 2 * time.Minute: false, -time.Minute: true, -time.Hour: false} {
		if _, got := s.checkCode(form, made.Add(after)); got != want {
			t.Errorf("after %v the code holds: %v", after, got)
		}
	}
	if _, ok := other.checkCode(form, made); ok {
		t.Error("a code holds at another cluster")
	}
}

// TestRedeemedCodes wants a code to be redeemed once, and remembered only while it is valid.
func TestRedeemedCodes(t *testing.T) {
	var c redeemedCodes
	code := func(text string) string { return base64.RawURLEncoding.EncodeToString([]byte(text)) }
	now := time.UnixMilli(1795419368331)
	for i := range maxCodes {
		if err := c.redeem(code(fmt.Sprint(i)), now); err != nil {
			t.Fatal(err)
		}
	}
	if err := c.redeem(code("7"), now.Add(2*codeLifetime)); !errors.Is(err, errRedeemed) {
		t.Errorf("a code once more: %v", err)
	}
	if err := c.redeem(code("another"), now); base.Describe(err).Status != http.StatusTooManyRequests {
		t.Errorf("one too many: %v", err)
	}
	if err := c.redeem(code("another"), now.Add(2*codeLifetime+1)); err != nil || len(c.until) != 1 {
		t.Errorf("later: %v, and %d are remembered", err, len(c.until))
	}
}

// TestPreflight asks as a browser does before another site's page may push.
func TestPreflight(t *testing.T) {
	s := loginServer(t)
	ask := http.Header{"Access-Control-Request-Method": {"POST"}, "Origin": {"https://elsewhere.example"}}
	res := do(t, s, http.MethodOptions, s.URL+"/api/broadcast/round/roundAAA/push", nil, ask)
	if res.StatusCode != http.StatusNoContent || res.Header.Get("Access-Control-Allow-Origin") != "*" ||
		!strings.Contains(res.Header.Get("Access-Control-Allow-Headers"), "Authorization") {
		t.Errorf("the answer is %s with %v", res.Status, res.Header)
	}
	if res := do(t, s, http.MethodOptions, s.URL+"/api/tournaments", nil, ask); res.StatusCode == http.StatusNoContent {
		t.Error("pages of other sites may submit to the API of our own")
	}
}

func do(t *testing.T, s *httptest.Server, method, at string, form url.Values, header http.Header) *http.Response {
	t.Helper()
	req, err := http.NewRequest(method, at, strings.NewReader(form.Encode()))
	if err != nil {
		t.Fatal(err)
	}
	for k, v := range header {
		req.Header[k] = v
	}
	if form != nil {
		req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	res, err := s.Client().Do(req)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { res.Body.Close() })
	return res
}

func body(t *testing.T, res *http.Response) string {
	t.Helper()
	b, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}
