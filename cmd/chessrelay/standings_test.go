package main

import (
	"fmt"
	"io"
	"net/http"
	"testing"
)

// TestStandingsTag wants the table's tag to be another one when the table is, the same for as long
// as it is not, and the same on every node.
func TestStandingsTag(t *testing.T) {
	c := newTestCluster(t, 2)
	doc := newContract(t, c.nodes[0].url)
	doc.ids["tid"] = doc.post(201, "/api/tournaments", object{"name": "Town Open"})["id"].(string)
	path := "/api/tournaments/{tid}/standings"
	tag := ""
	unchanged := func() {
		t.Helper()
		for _, node := range c.nodes {
			doc.base, doc.header = node.url, http.Header{"If-None-Match": {`"other", W/` + tag}}
			doc.call(304, http.MethodGet, path+"?consistency=linearizable", nil)
		}
		doc.base, doc.header = c.nodes[0].url, nil
	}
	changed := func(why string) {
		t.Helper()
		res, err := http.Get(c.nodes[0].url + "/api/tournaments/" + doc.ids["tid"] + "/standings")
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
	doc.ids["rid"] = doc.post(201, "/api/tournaments/{tid}/rounds", object{"name": "Round 1"})["id"].(string)
	changed("a round was made")
	doc.ids["gid"] = doc.post(201, "/api/rounds/{rid}/games", object{"board": 1, "white": object{"name": "A"}, "black": object{"name": "B"}})["id"].(string)
	changed("a board was opened")
	doc.post(201, "/api/games/{gid}/moves", object{"ply": 1, "move": "e4"})
	unchanged()
	for _, result := range []string{"1-0", "0-1", "*", "1-0"} {
		doc.post(201, "/api/games/{gid}/result", object{"result": result})
		changed(fmt.Sprintf("the result is %s", result))
	}
	doc.post(201, "/api/games/{gid}/takeback", object{"toPly": 0})
	changed("the result was taken back")

	for _, what := range []string{"/api/games/{gid}", "/api/rounds/{rid}", "/api/tournaments/{tid}"} {
		body := doc.requestExample(what, "")
		delete(body, "delay") // the table would be another one only when that has passed
		doc.call(200, http.MethodPatch, what, body)
		changed(what + " was updated")
	}

	doc.get(400, path+"?consistency=perhaps")
	doc.ids["tid"] = "AAAAAAAA"
	doc.get(404, path)
}
