package node_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"strings"
	"testing"

	"github.com/chessrelay/chessrelay/cmd/chessrelay/node"
	"github.com/chessrelay/chessrelay/cmd/chessrelay/node/nodetest"
	"github.com/santhosh-tekuri/jsonschema/v6"
)

// lichessClient sends requests as a client of lichess does, and checks the answers against
// lichess's published schemas.
type lichessClient struct {
	t       *testing.T
	base    string
	token   string
	schemas *jsonschema.Compiler
	seen    map[string]bool // schemas that an answer was checked against
}

func newLichessClient(t *testing.T, base, token string) *lichessClient {
	t.Helper()
	data, err := os.ReadFile("testdata/lichess-schemas.json")
	if err != nil {
		t.Fatal(err)
	}
	doc, err := jsonschema.UnmarshalJSON(bytes.NewReader(data))
	if err != nil {
		t.Fatal(err)
	}
	c := &lichessClient{t: t, base: base, token: token, schemas: jsonschema.NewCompiler(), seen: map[string]bool{}}
	c.schemas.DefaultDraft(jsonschema.Draft2020)
	c.schemas.AssertFormat()
	if err := c.schemas.AddResource("lichess.json", doc); err != nil {
		t.Fatal(err)
	}
	return c
}

// ask wants the status, and an answer that fits the schema. In an answer of lines, each line must
// fit.
func (c *lichessClient) ask(status int, schema, method, path, kind, body string) any {
	c.t.Helper()
	req, err := http.NewRequest(method, c.base+path, strings.NewReader(body))
	if err != nil {
		c.t.Fatal(err)
	}
	if c.token != "" {
		req.Header.Set("Authorization", "Bearer "+c.token)
	}
	if kind != "" {
		req.Header.Set("Content-Type", kind)
	}
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		c.t.Fatal(err)
	}
	defer res.Body.Close()
	raw, err := io.ReadAll(res.Body)
	if err != nil {
		c.t.Fatal(err)
	}
	if res.StatusCode != status || res.Header.Get("Access-Control-Allow-Origin") != "*" {
		c.t.Fatalf("%s %s: %s %s %s", method, path, res.Status, res.Header.Get("Access-Control-Allow-Origin"), raw)
	}
	lines := [][]byte{raw}
	if strings.HasPrefix(res.Header.Get("Content-Type"), "application/x-ndjson") {
		lines = bytes.Split(bytes.TrimSpace(raw), []byte("\n"))
	}
	s, err := c.schemas.Compile("lichess.json#/$defs/" + schema)
	if err != nil {
		c.t.Fatal(err)
	}
	var last any
	for _, line := range lines {
		v, err := jsonschema.UnmarshalJSON(bytes.NewReader(line))
		if err == nil {
			c.seen[schema] = true
			err = s.Validate(v)
		}
		if err != nil {
			c.t.Errorf("%s %s is no %s: %v\n%s", method, path, schema, err, line)
		}
		if err := json.Unmarshal(line, &last); err != nil {
			c.t.Fatal(err)
		}
	}
	return last
}

func (c *lichessClient) get(schema, path string) any {
	c.t.Helper()
	return c.ask(http.StatusOK, schema, http.MethodGet, path, "", "")
}

func (c *lichessClient) post(schema, path string, form url.Values) any {
	c.t.Helper()
	return c.ask(http.StatusOK, schema, http.MethodPost, path, "application/x-www-form-urlencoded", form.Encode())
}

// at is the value behind some keys and indexes.
func at(v any, keys ...any) any {
	for _, k := range keys {
		switch k := k.(type) {
		case string:
			o, _ := v.(nodetest.Object)
			v = o[k]
		case int:
			list, _ := v.([]any)
			if k >= len(list) {
				return nil
			}
			v = list[k]
		}
	}
	return v
}

// TestLichessSchemas makes tournaments with every field that lichess has, and checks every answer
// against its schemas.
func TestLichessSchemas(t *testing.T) {
	t.Parallel()
	for _, token := range []string{"", nodetest.Token} {
		t.Run(fmt.Sprintf("token %q", token), func(t *testing.T) {
			n := nodetest.NewClusterWith(t, 1, func(cfg *node.Config) { cfg.Token = token })
			c := newLichessClient(t, n.Nodes[0].URL, token)
			is := func(what string, got, want any) {
				t.Helper()
				if fmt.Sprint(got) != fmt.Sprint(want) {
					t.Errorf("%s: %v, want %v", what, got, want)
				}
			}
			other := at(c.post("withRounds", "/broadcast/new", url.Values{"name": {"City Open | Women"}}), "tour", "id").(string)
			made := c.post("withRounds", "/broadcast/new", url.Values{
				"name": {"City Open | Open"}, "info.format": {strings.Repeat("9-round Swiss ", 10)}, "info.tc": {"90 min + 30 sec"}, "info.location": {"Oslo"},
				"info.players": {strings.Repeat("Carlsen, ", 20)}, "info.website": {"https://open.example"}, "info.timeZone": {"Europe/Oslo"},
				"markdown": {"**Nine** rounds\r\n\r\nand <b>more</b>"}, "visibility": {"public"}, "tier": {"5"}, "showScores": {"true"},
				"players": {"Nobody Knows / 1503014 / GM\nLouis L / 1890 / / Louis Litt"}, "teams": {"Cats; Kramnik, Vladimir\nDogs; Ding"},
				"tiebreaks[0]": {"BH-C1"}, "tiebreaks[1]": {"DE"}, "tiebreaks[2]": {"WON"},
			})
			tid := at(made, "tour", "id").(string)
			is("edit", at(c.post("ok", "/broadcast/"+tid+"/edit", url.Values{
				"grouping.info.name": {"City Open"}, "grouping.info.tours": {tid + "\n" + other}, "info.format": {"9-round Swiss"},
			}), "ok"), true)
			r1 := c.post("roundNew", "/broadcast/"+tid+"/new", url.Values{
				"name": {"Round 1"}, "startsAt": {"1795422600000"}, "delay": {"0"}, "rated": {"false"}, "syncSource": {"push"},
				"customScoring.white.win": {"3"}, "customScoring.white.draw": {"1"}, "customScoring.black.win": {"3"}, "customScoring.black.draw": {"1.5"},
				"teamCustomScoring.win": {"3"}, "teamCustomScoring.draw": {"1"},
			})
			rid := at(r1, "round", "id").(string)
			is("rated", at(r1, "round", "rated"), false)
			is("customScoring", at(r1, "round", "customScoring"), nodetest.Object{"black": nodetest.Object{"draw": 1.5, "win": 3}, "white": nodetest.Object{"draw": 1, "win": 3}})
			is("teamCustomScoring", at(r1, "round", "teamCustomScoring"), nodetest.Object{"draw": 1, "win": 3})
			r2 := c.ask(200, "roundNew", "POST", "/broadcast/"+tid+"/new", "text/plain", `{"name":"Round 2","startsAfterPrevious":true,"startsAt":1795509000000}`)
			is("startsAfterPrevious", at(r2, "round", "startsAfterPrevious"), true)
			rid2 := at(r2, "round", "id").(string)
			c.ask(200, "push", "POST", "/api/broadcast/round/"+rid+"/push", "text/plain", `[White "Nobody Knows"]
[Black "Kramnik, Vladimir"]
[WhiteElo "2863"]
[BlackTitle "AGM"]
[Result "1-0"]

1. e4 {[%clk 1:29:50]} e5 2. Qh5 Nc6 3. Bc4 Nf6 4. Qxf7# 1-0

[White "Ding"]
[Black "Kasparov, Garry"]
[BlackTitle "GM"]
[BlackFideId "4100018"]
[WhiteElo "2780"]

1. d4 d5 2. Bf4 1/2-1/2

[White "A"]
[Black "B"]

1. d4 d5 *

[White "C"]
[Black "D"]

1. d4 d5 *
`)
			c.ask(400, "error", "POST", "/api/broadcast/round/"+rid+"/push", "text/plain", "nothing")
			third := at(c.get("roundFull", "/api/broadcast/-/-/"+rid), "games", 2, "id").(string)
			send(t, "POST", c.base+"/api/games/"+third+"/result", nodetest.Object{"result": "0-0"}, http.Header{"Authorization": {"Bearer " + token}})
			full := c.get("roundFull", "/api/broadcast/-/-/"+rid)
			is("group", at(full, "group", "tours", 1, "name"), "Women")
			is("dates", at(full, "tour", "dates"), []any{1795422600000.0, 1795509000000.0})
			is("replaced", at(full, "games", 0, "players", 0, "fideId"), 1503014.0)
			is("a title that lichess does not have", at(full, "games", 0, "players", 1, "title"), nil)
			is("a result that it does not have", at(full, "games", 2, "status"), nil)
			is("checkmate", at(full, "games", 0, "check"), "#")
			is("writeable", at(full, "study", "writeable"), true)
			c.get("roundFull", "/broadcast/-/-/"+rid)
			is("description", at(c.get("withRoundsAndFullGroup", "/api/broadcast/"+tid), "tour", "description"), "**Nine** rounds\n\nand <b>more</b>")
			c.get("withRoundsAndFullGroup", "/broadcast/-/"+tid)
			c.get("myRound", "/api/broadcast/my-rounds?nb=1")
			is("html", at(c.get("byUser", "/api/broadcast/by/chessrelay?html=1"), "currentPageResults", 0, "tour", "description"),
				"<p>**Nine** rounds</p>\n<p>and &lt;b&gt;more&lt;/b&gt;</p>\n")
			c.get("byUser", "/api/broadcast/by/broadcaster")
			c.get("byUser", "/broadcast/by/chessrelay")
			is("official", at(c.get("withRounds", "/api/broadcast?nb=1"), "group"), "City Open")
			c.get("withRounds", "/api/broadcast?live=true")
			is("top", at(c.get("top", "/api/broadcast/top"), "active", 0, "round", "id"), rid)
			c.get("top", "/broadcast")
			c.get("top", "/api/broadcast/top?page=2")
			is("found", len(at(c.get("search", "/api/broadcast/search?q=oSLO+open"), "currentPageResults").([]any)), 1)
			is("not found", len(at(c.get("search", "/api/broadcast/search?q=oslo+closed"), "currentPageResults").([]any)), 0)
			c.get("user", "/api/user/Chessrelay")
			c.get("account", "/api/account")
			c.ask(404, "error", "GET", "/api/user/magnus", "", "")
			c.ask(404, "error", "GET", "/api/broadcast/AAAAAAAA", "", "")

			players := c.get("players", "/broadcast/"+tid+"/players")
			is("the leader", at(players, 0, "name"), "Nobody Knows")
			is("by custom points", at(players, 0, "score"), 3)
			is("tie-breaks", at(players, 0, "tiebreaks", 0, "extendedCode"), "BH-C1")
			one := c.get("playerWithGames", "/broadcast/"+tid+"/players/4100018")
			is("points", at(one, "games", 0, "points"), "1/2")
			is("custom points", at(one, "games", 0, "customPoints"), 1.5)
			is("time control", at(one, "games", 0, "fideTC"), "standard")
			c.get("playerWithGames", "/broadcast/"+tid+"/players/"+url.PathEscape("Kasparov, Garry"))
			is("ongoing", at(c.get("playerWithGames", "/broadcast/"+tid+"/players/C"), "games", 0, "ongoing"), true)
			c.ask(404, "error", "GET", "/broadcast/"+tid+"/players/Nobody", "", "")
			is("no teams", c.get("teams", "/broadcast/"+other+"/teams/standings"), []any{})
			c.ask(404, "error", "GET", "/broadcast/AAAAAAAA/teams/standings", "", "")

			// A match of teams.
			pgn := ""
			for i, result := range []string{"1-0", "0-1", "0-1", "1/2-1/2"} {
				teams := []string{"Oslo", "Bergen"}
				pgn += fmt.Sprintf("[White \"P%d\"]\n[Black \"Q%d\"]\n[WhiteTeam \"%s\"]\n[BlackTeam \"%s\"]\n[WhiteElo \"2400\"]\n\n1. e4 %s\n\n", i, i, teams[i%2], teams[1-i%2], result)
			}
			c.ask(200, "push", "POST", "/api/broadcast/round/"+rid2+"/push", "text/plain", pgn)
			teams := c.get("teams", "/broadcast/"+tid+"/teams/standings")
			is("the first team", fmt.Sprint(at(teams, 0, "name"), at(teams, 0, "mp"), at(teams, 0, "gp")), "Oslo2 2.5")
			is("its match", at(teams, 0, "matches", 0, "points"), "1")
			is("its rating", at(teams, 0, "averageRating"), 2400)

			// The round is finished by hand, though a game goes on.
			edited := c.post("roundFull", "/broadcast/round/"+rid+"/edit?patch=1", url.Values{"status": {"finished"}, "rated": {"true"}})
			is("finished", at(edited, "round", "finished"), true)
			if at(edited, "round", "finishedAt") == nil {
				t.Error("a round that was finished by hand does not say when")
			}
			is("what was not said", at(edited, "round", "customScoring", "white", "win"), 3)
			edited = c.ask(200, "roundFull", "POST", "/broadcast/round/"+rid+"/edit", "", `{"customScoring":null,"startsAt":null}`)
			is("what was emptied", []any{at(edited, "round", "customScoring"), at(edited, "round", "startsAt")}, []any{nil, nil})
			edited = c.post("roundFull", "/broadcast/round/"+rid2+"/edit", url.Values{
				"syncUrl": {"http://127.0.0.1:1/x.pgn"}, "onlyRound": {"3"}, "slices": {"1-4,7"}, "period": {"60"},
			})
			is("sync", at(edited, "sync"), nodetest.Object{"ongoing": true, "url": "http://127.0.0.1:1/x.pgn", "filter": 3, "slices": "1-4,7", "period": 60})
			edited = c.post("roundFull", "/broadcast/round/"+rid2+"/edit", url.Values{"onlyRound": {""}, "slices": {"2"}})
			is("sync, narrowed", at(edited, "sync"), nodetest.Object{"ongoing": true, "url": "http://127.0.0.1:1/x.pgn", "slices": "2", "period": 60})
			edited = c.post("roundFull", "/broadcast/round/"+rid2+"/edit", url.Values{"syncUrls": {"http://127.0.0.1:1/x.pgn\r\nhttp://127.0.0.1:1/y.pgn"}})
			is("two sources", at(edited, "sync", "urls"), []any{"http://127.0.0.1:1/x.pgn", "http://127.0.0.1:1/y.pgn"})
			edited = c.post("roundFull", "/broadcast/round/"+rid2+"/edit", url.Values{"syncSource": {"push"}})
			is("no source", at(edited, "sync"), nil)
			c.post("ok", "/api/broadcast/round/"+rid2+"/reset", nil)

			// An unlisted tournament is found by its address, and by its owner.
			c.post("ok", "/broadcast/"+tid+"/edit", url.Values{"visibility": {"unlisted"}})
			c.get("withRoundsAndFullGroup", "/api/broadcast/"+tid)
			listed := func(c *lichessClient) (out [4]float64) {
				out[0], _ = at(c.get("byUser", "/api/broadcast/by/chessrelay"), "nbResults").(float64)
				out[1] = float64(len(at(c.get("search", "/api/broadcast/search?q=city"), "currentPageResults").([]any)))
				out[2] = float64(len(at(c.get("top", "/api/broadcast/top"), "active").([]any)))
				out[3] = float64(len(at(c.get("top", "/api/broadcast/top"), "past", "currentPageResults").([]any)))
				return out
			}
			owner := *c
			if token == "" {
				a := &app{t: t, base: c.base}
				a.logIn("", c.base)
				owner.token = a.token
			}
			public := *c
			public.token = ""
			is("listed for everybody", listed(&public), [4]float64{1, 1, 1, 0})
			is("listed for the owner", listed(&owner), [4]float64{2, 2, 2, 0})

			for _, tc := range []struct{ path, body, why string }{
				{"/broadcast/new", "name=x", "name is required"},
				{"/broadcast/new", "name=City+Open&visibility=secret", "visibility"},
				{"/broadcast/new", "name=City+Open&tiebreaks[]=NONSENSE", "tiebreaks"},
				{"/broadcast/new", `{"name":"City Open","tiebreaks":["NONSENSE"]}`, "tiebreaks"},
				{"/broadcast/new", "name=City+Open&grouping.info.name=X&grouping.info.tours=nonsense!", "grouping"},
				{"/broadcast/new", "name=City+Open&grouping.info.tours=AAAAAAAA", "grouping.info.name"},
				{"/broadcast/new", `{"name":`, "not JSON"},
				{"/broadcast/" + tid + "/new", "name=Round+3&delay=3601", "delay"},
				{"/broadcast/" + tid + "/new", "name=Round+3&customScoring.white.win=11", "customScoring.white.win"},
				{"/broadcast/" + tid + "/new", "name=Round+3&rated=perhaps", "rated"},
				{"/broadcast/" + tid + "/new", "name=Round+3&syncSource=ids&syncIds=AAAAAAAA", "syncSource"},
				{"/broadcast/" + tid + "/new", "name=Round+3&syncUsers=anna", "cannot be fetched"},
				{"/broadcast/" + tid + "/new", "name=Round+3&syncSource=url", "syncUrl is required"},
				{"/broadcast/" + tid + "/new", "name=Round+3&syncUrl=ftp://x/", "syncUrl"},
				{"/broadcast/" + tid + "/new", "name=Round+3&syncUrl=http://x.example/1.pgn&slices=4-1", "slices"},
				{"/broadcast/" + tid + "/new", "name=Round+3&syncUrls=http://x.example/1.pgn%0Ahttp://x.example/2.pgn&slices=4", "slices"},
				{"/broadcast/" + tid + "/new", "name=Round+3&syncUrl=http://x.example/1.pgn&onlyRound=-1", "onlyRound"},
				{"/broadcast/round/" + rid + "/edit", "status=over", "status"},
			} {
				refused := c.ask(400, "error", "POST", tc.path, "", tc.body)
				if text := fmt.Sprint(at(refused, "error")); !strings.Contains(text, tc.why) {
					t.Errorf("%s %s is refused by %q", tc.path, tc.body, text)
				}
			}
		})
	}
}
