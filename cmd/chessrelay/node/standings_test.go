package node_test

import (
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/chessrelay/chessrelay/cmd/chessrelay/node/nodetest"
)

// TestStandingsETag checks that the table's tag changes when the table does, and only then. It is
// the same on every node.
func TestStandingsETag(t *testing.T) {
	t.Parallel()
	c := nodetest.NewCluster(t, 2)
	doc := newContract(t, c.Nodes[0].URL)
	doc.ids["tid"] = doc.post(201, "/api/tournaments", nodetest.Object{"name": "Town Open"})["id"].(string)
	path := "/api/tournaments/{tid}/standings"
	tag := ""
	unchanged := func() {
		t.Helper()
		for _, node := range c.Nodes {
			doc.base, doc.header = node.URL, http.Header{"If-None-Match": {`"other", ` + strings.TrimPrefix(tag, "W/")}}
			doc.call(304, http.MethodGet, path+"?consistency=linearizable", nil)
		}
		doc.base, doc.header = c.Nodes[0].URL, nil
	}
	changed := func(why string) {
		t.Helper()
		res, err := http.Get(c.Nodes[0].URL + "/api/tournaments/" + doc.ids["tid"] + "/standings")
		if err != nil {
			t.Fatal(err)
		}
		defer res.Body.Close()
		if _, err := io.Copy(io.Discard, res.Body); err != nil {
			t.Fatal(err)
		}
		if now := res.Header.Get("ETag"); res.StatusCode != 200 || now == tag || now == "" {
			t.Errorf("%s: %d, the tag is %s and was %s", why, res.StatusCode, now, tag)
		} else {
			tag = now
		}
		unchanged()
	}
	changed("nothing was asked before")
	doc.ids["rid"] = doc.post(201, "/api/tournaments/{tid}/rounds", nodetest.Object{"name": "Round 1"})["id"].(string)
	changed("a round was made")
	doc.ids["gid"] = doc.post(201, "/api/rounds/{rid}/games", nodetest.Object{"board": 1, "white": nodetest.Object{"name": "A"}, "black": nodetest.Object{"name": "B"}})["id"].(string)
	changed("a board was opened")
	doc.post(201, "/api/games/{gid}/moves", nodetest.Object{"ply": 1, "move": "e4"})
	unchanged()
	for _, result := range []string{"1-0", "0-1", "*", "1-0"} {
		doc.post(201, "/api/games/{gid}/result", nodetest.Object{"result": result})
		changed(fmt.Sprintf("the result is %s", result))
	}
	doc.post(201, "/api/games/{gid}/takeback", nodetest.Object{"toPly": 0})
	changed("the result was taken back")

	for _, what := range []string{"/api/games/{gid}", "/api/rounds/{rid}", "/api/tournaments/{tid}"} {
		body := doc.requestExample(what, "")
		delete(body, "delay") // with it, the table would change only when the delay has passed
		doc.call(200, http.MethodPatch, what, body)
		changed(what + " was updated")
	}

	doc.get(400, path+"?consistency=perhaps")
	doc.ids["tid"] = "AAAAAAAA"
	doc.get(404, path)
}

// TestTieBreaksOfATournament has four players with three points each. The direct encounter
// separates them when it is applied again. The same tournament is also tried with its own
// tie-breaks and points.
func TestTieBreaksOfATournament(t *testing.T) {
	t.Parallel()
	c := nodetest.NewCluster(t, 1)
	doc := newContract(t, c.Nodes[0].URL)
	doc.ids["tid"] = doc.post(201, "/api/tournaments", nodetest.Object{"name": "Town Open"})["id"].(string)
	for i, games := range [][]string{
		{"Zorn-Adam 1-0", "Yule-Bird 1-0", "E-F 1/2-1/2"},
		{"Zorn-Yule 1-0", "E-Adam 1-0", "Bird-F 1-0"},
		{"Bird-Zorn 1-0", "Adam-F 1-0", "Yule-E 1-0"},
		{"Adam-Yule 1-0", "Zorn-E 1-0", "Bird-E 1-0"},
		{"Adam-Bird 1-0", "F-Zorn 1-0", "Yule-F 1-0"},
	} {
		doc.ids["rid"] = doc.post(201, "/api/tournaments/{tid}/rounds", nodetest.Object{"name": fmt.Sprint("Round ", i+1)})["id"].(string)
		for b, text := range games {
			pairing, result, _ := strings.Cut(text, " ")
			white, black, _ := strings.Cut(pairing, "-")
			doc.ids["gid"] = doc.post(201, "/api/rounds/{rid}/games", nodetest.Object{
				"board": b + 1, "white": nodetest.Object{"name": white}, "black": nodetest.Object{"name": black},
			})["id"].(string)
			doc.post(201, "/api/games/{gid}/result", nodetest.Object{"result": result})
		}
	}
	table := func(codes, want string) {
		t.Helper()
		answer := doc.get(200, "/api/tournaments/{tid}/standings")
		var got, columns []string
		for _, p := range answer["players"].([]any) {
			l := p.(nodetest.Object)
			got = append(got, fmt.Sprintf("%v %v %v %v", l["rank"], l["player"].(nodetest.Object)["name"], l["points"], l["values"]))
		}
		for _, b := range answer["tieBreaks"].([]any) {
			columns = append(columns, b.(nodetest.Object)["code"].(string))
		}
		if got := strings.Join(got[:4], ", "); got != want || strings.Join(columns, ",") != codes {
			t.Errorf("by %v: %s, want by %s: %s", columns, got, codes, want)
		}
	}
	table("DE,BHC1,BH,SB,WIN,ARO",
		"1 Zorn 3 [2 11 12.5 8 3 0], 2 Adam 3 [2 11 12.5 7.5 3 0], 3 Yule 3 [1 11 12.5 6.5 3 0], 4 Bird 3 [1 11 12.5 6.5 3 0]")
	set := nodetest.Object{"tieBreaks": "bwg, de", "scoring": nodetest.Object{"white": nodetest.Object{"win": 1}, "black": nodetest.Object{"win": 1.33}}}
	if got := doc.call(200, http.MethodPatch, "/api/tournaments/{tid}", set)["tieBreaks"]; got != "BWG,DE" {
		t.Errorf("the tie-breaks are kept as %v", got)
	}
	table("BWG,DE", "1 Zorn 3 [0 2], 2 Adam 3 [0 2], 3 Yule 3 [0 1], 4 Bird 3 [0 1]")
	if got := doc.call(400, http.MethodPatch, "/api/tournaments/{tid}", nodetest.Object{"tieBreaks": "DE,XYZ"})["error"]; !strings.Contains(fmt.Sprint(got), `"XYZ"; the codes are DE, BH,`) {
		t.Errorf("a code that there is not is refused with %v", got)
	}
	doc.call(400, http.MethodPatch, "/api/tournaments/{tid}", nodetest.Object{"tieBreaks": 7})
	table("BWG,DE", "1 Zorn 3 [0 2], 2 Adam 3 [0 2], 3 Yule 3 [0 1], 4 Bird 3 [0 1]")
}
