package node_test

import (
	"io"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"testing"

	"github.com/chessrelay/chessrelay/cmd/chessrelay/node"
	"github.com/chessrelay/chessrelay/cmd/chessrelay/node/nodetest"
)

const browserAccept = "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"

// browse sends a request as a browser without scripts does. It follows no redirect, so the test
// sees them.
func browse(t *testing.T, method, at string, form url.Values, origin string) (res *http.Response, text string) {
	t.Helper()
	req, err := http.NewRequest(method, at, strings.NewReader(form.Encode()))
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Accept", browserAccept)
	if method == http.MethodPost {
		req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		req.Header.Set("Origin", origin)
	}
	res, err = notRedirected.Do(req)
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

// TestLichessPages follows a person for whom the broadcaster app has opened a page: a new
// tournament, a new round, and the round. It does so at a member and at an edge, with a token and
// without one.
func TestLichessPages(t *testing.T) {
	t.Parallel()
	for _, token := range []string{"", nodetest.Token} {
		c := nodetest.NewClusterWith(t, 1, func(cfg *node.Config) { cfg.Token = token })
		edge := c.AddEdge("edge", c.Nodes[0])
		for _, n := range []*nodetest.Node{c.Nodes[0], edge} {
			t.Run(n.Config.Name+" token "+token, func(t *testing.T) {
				page := func(path string) string {
					t.Helper()
					res, text := browse(t, http.MethodGet, n.URL+path, nil, "")
					if res.StatusCode != http.StatusOK || !strings.HasPrefix(res.Header.Get("Content-Type"), "text/html") {
						t.Fatalf("%s is %s %s", path, res.Status, res.Header.Get("Content-Type"))
					}
					return text
				}
				fill := func(path, origin string, status int, form url.Values) (location, text string) {
					t.Helper()
					res, text := browse(t, http.MethodPost, n.URL+path, form, origin)
					if res.StatusCode != status {
						t.Fatalf("the form of %s is answered %s\n%s", path, res.Status, text)
					}
					return res.Header.Get("Location"), text
				}
				form := page("/broadcast/new")
				if asks := strings.Contains(form, `name="token"`); asks != (token != "") {
					t.Errorf("the form asks for the token: %v", asks)
				}
				values := url.Values{"name": {"City <Open>"}, "info.location": {"Oslo"}, "visibility": {"unlisted"}, "token": {token}}
				if token == "" {
					values.Del("token")
				}
				_, text := fill("/broadcast/new", n.URL, http.StatusBadRequest, url.Values{"name": {"<b>"}, "token": {token}, "info.website": {"javascript:alert(1)"}})
				if !strings.Contains(text, `role="alert"`) || strings.Contains(text, "<b>\"") || !strings.Contains(text, "&lt;b&gt;") {
					t.Errorf("what is wrong is told so:\n%s", text)
				}
				if token != "" {
					wrong := url.Values{"name": {"City Open"}, "token": {"wrong"}}
					if _, text := fill("/broadcast/new", n.URL, http.StatusUnauthorized, wrong); !strings.Contains(text, "The token is not known") || strings.Contains(text, "wrong") {
						t.Errorf("a wrong token is told so:\n%s", text)
					}
				} else {
					fill("/broadcast/new", "https://elsewhere.example", http.StatusForbidden, values)
				}
				location, _ := fill("/broadcast/new", n.URL, http.StatusSeeOther, values)
				tid := regexp.MustCompile(`^/broadcast/(\w{8})/new$`).FindStringSubmatch(location)
				if tid == nil {
					t.Fatalf("it goes on to %q", location)
				}
				if form := page(location); !strings.Contains(form, "City &lt;Open&gt;") || !strings.Contains(form, `value="Round 1"`) {
					t.Errorf("the form of a round is\n%s", form)
				}
				location, _ = fill(location, n.URL, http.StatusSeeOther, url.Values{"name": {"Round 1"}, "startsAt": {"2026-11-24T15:30"}, "delay": {""}, "onlyRound": {""}, "syncUrl": {""}, "token": {token}})
				rid := regexp.MustCompile(`^/broadcast/city-open/round-1/(\w{8})$`).FindStringSubmatch(location)
				if rid == nil {
					t.Fatalf("it goes on to %q", location)
				}
				page(location)
				page("/broadcast")
				page("/broadcast/by/chessrelay")
				page("/broadcast/city-open/" + tid[1])
				page("/broadcast/-/-/" + rid[1])
				res, _ := browse(t, http.MethodGet, n.URL+"/broadcast/"+tid[1], nil, "")
				if res.StatusCode != http.StatusSeeOther || res.Header.Get("Location") != "/broadcast/city-open/"+tid[1] {
					t.Errorf("the tournament without a slug is %s to %q", res.Status, res.Header.Get("Location"))
				}
				// A program gets the JSON, with the values from the form.
				client := newLichessClient(t, n.URL, "")
				round := client.get("roundFull", "/broadcast/-/-/"+rid[1])
				if at(round, "round", "startsAt") != 1795534200000.0 || at(round, "tour", "info", "location") != "Oslo" {
					t.Errorf("the round is %v", round)
				}
				if at(round, "round", "url") != n.URL+location {
					t.Errorf("its address is %v", at(round, "round", "url"))
				}
				for _, path := range []string{"/broadcast/AAAAAAAA/new", "/broadcast/AAAAAAAA"} {
					if res, _ := browse(t, http.MethodGet, n.URL+path, nil, ""); res.StatusCode != http.StatusNotFound {
						t.Errorf("%s is %s", path, res.Status)
					}
				}
			})
		}
	}
}
