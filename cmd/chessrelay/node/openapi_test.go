package node_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/chessrelay/chessrelay/cmd/chessrelay/node"
	"github.com/chessrelay/chessrelay/cmd/chessrelay/node/nodetest"
	"github.com/google/go-cmp/cmp"
	"github.com/gorilla/websocket"
)

// TestOpenAPI has a cluster answer in every way it can. It checks each answer, and each frame,
// against the OpenAPI document that the cluster serves.
func TestOpenAPI(t *testing.T) {
	t.Parallel()
	// The document's rounds have a delay. The token's sight is the truth.
	c := nodetest.NewClusterWith(t, 2, func(cfg *node.Config) {
		cfg.Token, cfg.MaxSpectators = nodetest.Token, 1<<30 // /readyz warns of so many spectators
		cfg.Engine = stockfish(t)
	})
	for _, n := range c.Nodes {
		nodetest.Eventually(t, "the engine", func() bool { return n.Engine.Stats().Running })
	}
	doc := newContract(t, c.Nodes[0].URL)
	doc.token = nodetest.Token
	example := doc.requestExample

	// create posts an example of the document twice.
	create := func(path string, body nodetest.Object) string {
		t.Helper()
		doc.header = http.Header{"Idempotency-Key": {path}}
		defer func() { doc.header = nil }()
		made, again := doc.post(201, path, body), doc.post(200, path, body)
		if made["id"] != again["id"] {
			t.Errorf("%s made %v and, asked again, %v", path, made["id"], again["id"])
		}
		return made["id"].(string)
	}
	doc.ids["tid"] = create("/api/tournaments", example("/api/tournaments", ""))
	doc.ids["rid"] = create("/api/tournaments/{tid}/rounds", example("/api/tournaments/{tid}/rounds", ""))
	round, tournament := doc.ids["rid"], doc.ids["tid"]

	frames := watchFrames(t, c.Nodes[1].URL, round)
	streams := readStreams(doc, "/feed", "/events?round="+round, "/events?boards=1&round="+round)
	newGame := example("/api/rounds/{rid}/games", "")
	doc.ids["gid"] = create("/api/rounds/{rid}/games", newGame)
	doc.post(409, "/api/rounds/{rid}/games", newGame)
	doc.post(400, "/api/rounds/{rid}/games", nodetest.Object{"board": 0, "white": nodetest.Object{"name": "A"}, "black": nodetest.Object{"name": "B"}})
	position := "4k3/8/8/8/8/8/4P3/4K3 b - - 0 1"
	doc.post(201, "/api/rounds/{rid}/games", nodetest.Object{"board": 2, "white": nodetest.Object{"name": "A"}, "black": nodetest.Object{"name": "B"}, "fen": position})

	// An engine finds the mate.
	doc.post(201, "/api/rounds/{rid}/games", nodetest.Object{"board": 9, "white": nodetest.Object{"name": "A"}, "black": nodetest.Object{"name": "B"}, "fen": "6k1/8/8/8/8/8/R7/1R4K1 w - - 0 1"})

	chess960 := doc.post(201, "/api/rounds/{rid}/games", nodetest.Object{"board": 3, "white": nodetest.Object{"name": "A"}, "black": nodetest.Object{"name": "B"}, "variant": "Chess960", "startPosition": 0, "timeControl": "40/5400+30:G/30d5"})
	board1 := doc.ids["gid"]
	doc.ids["gid"] = chess960["id"].(string)
	doc.get(200, "/api/games/{gid}/history") // it has a start of its own
	doc.ids["gid"] = board1

	moves, takeback, correct := "/api/games/{gid}/moves", "/api/games/{gid}/takeback", "/api/games/{gid}/correct"
	doc.post(201, moves, example(moves, "move"))
	doc.post(200, moves, example(moves, "move"))
	doc.post(409, moves, nodetest.Object{"ply": 1, "move": "d4"})
	doc.post(409, moves, nodetest.Object{"ply": 7, "move": "d4"})
	doc.post(422, moves, nodetest.Object{"ply": 2, "move": "Ke7"})
	doc.post(400, moves, nodetest.Object{"ply": 2, "move": "e5", "clok": nodetest.Object{}})
	doc.post(400, moves, nodetest.Object{"ply": 0, "move": "e5"})
	doc.post(413, moves, nodetest.Object{"ply": 2, "move": strings.Repeat("e", 600<<10)})
	doc.post(201, moves, example(moves, "batch"))
	doc.post(200, moves, example(moves, "batch"))
	doc.post(422, moves, nodetest.Object{"moves": []nodetest.Object{{"ply": 4, "move": "Nc6"}, {"ply": 5, "move": "Ke5"}, {"ply": 6, "move": "a6"}}})
	doc.post(409, moves, nodetest.Object{"moves": []nodetest.Object{{"ply": 1, "move": "d4"}, {"ply": 0, "move": "d4"}}})

	doc.post(201, takeback, nodetest.Object{"toPly": 3})
	doc.post(201, moves, example(moves, "illegal"))
	doc.post(200, moves, example(moves, "illegal"))
	readStreams(doc, "/events?boards=1&round="+round)("hello") // the first summary has the illegal move
	doc.post(409, moves, nodetest.Object{"ply": 4, "move": "Nc6"})
	doc.post(400, moves, nodetest.Object{"ply": 5, "move": "Ke5", "illegal": true})
	doc.post(400, moves, nodetest.Object{"ply": 5, "move": "Bb5", "fen": position})
	doc.get(200, "/api/rounds/{rid}")
	doc.get(200, "/api/games/{gid}/evaluations")
	illegal := example(moves, "illegal")
	delete(illegal, "ply")
	doc.post(200, correct, nodetest.Object{"toPly": 3, "moves": []nodetest.Object{illegal}})
	doc.post(201, correct, nodetest.Object{"toPly": 3, "moves": []nodetest.Object{illegal, {"move": "Nxe5"}}})
	doc.post(400, correct, nodetest.Object{"toPly": 3, "moves": []nodetest.Object{{"move": "Nd6", "illegal": true}}})
	doc.get(200, "/api/games/{gid}")
	doc.post(201, correct, nodetest.Object{"toPly": 3, "moves": []nodetest.Object{{"move": "Nc6"}}})
	patchGame := func(tags nodetest.Object) {
		doc.call(200, http.MethodPatch, "/api/games/{gid}", nodetest.Object{"tags": tags})
	}
	patchGame(nodetest.Object{"Warning": "the source stands still"})
	doc.get(200, "/api/games/{gid}")
	patchGame(nodetest.Object{"Warning": nil})

	clock := "/api/games/{gid}/clock"
	doc.post(201, clock, example(clock, ""))
	doc.post(200, clock, nodetest.Object{"black": 5_300_000, "at": 1795419368413 - 1_000_000_000_000})
	doc.post(201, clock, nodetest.Object{"white": 5_200_000, "at": time.Now().UnixMilli() + 50})
	doc.post(400, clock, nodetest.Object{"white": -1})
	doc.post(400, clock, nodetest.Object{})

	result := "/api/games/{gid}/result"
	doc.post(201, result, example(result, ""))
	doc.post(200, result, example(result, ""))
	doc.post(409, moves, nodetest.Object{"ply": 5, "move": "Bb5"})
	doc.post(400, result, nodetest.Object{"result": "2-0"})
	doc.get(200, "/api/games/{gid}")
	doc.header = http.Header{"X-Chessrelay-By": {"Arbiter Anna"}}
	doc.post(201, takeback, nodetest.Object{"toPly": 3, "reason": "the wrong board"})
	doc.header = nil
	doc.post(200, takeback, nodetest.Object{"toPly": 3, "reason": "the wrong board"})
	doc.post(400, takeback, nodetest.Object{"toPly": 90})

	gamePath := "/api/games/{gid}"
	doc.post(201, correct, example(correct, ""))
	doc.post(200, correct, example(correct, ""))
	doc.post(201, correct, nodetest.Object{"toPly": 2, "moves": []nodetest.Object{{"move": "Nf3", "clock": nodetest.Object{"white": 5_000_000}, "at": 1795419368413}}, "result": "1-0"})
	doc.post(422, correct, nodetest.Object{"toPly": 2, "moves": []nodetest.Object{{"move": "Nf3"}, {"move": "Ke4"}}})
	doc.post(400, correct, nodetest.Object{"moves": []nodetest.Object{}})
	patch := func(status int, path string, body nodetest.Object) { doc.call(status, http.MethodPatch, path, body) }
	patch(200, gamePath, example(gamePath, ""))
	patch(200, gamePath, example(gamePath, ""))
	doc.post(201, result, nodetest.Object{"result": "0-1", "forfeit": true})
	doc.post(201, correct, nodetest.Object{"toPly": 1, "moves": []nodetest.Object{{"move": "e5"}}, "result": "1-0", "forfeit": true})
	patch(200, gamePath, nodetest.Object{"black": nodetest.Object{"name": "Kramnik", "title": "GM", "fideId": 4101588, "federation": "RUS", "team": "Russia"}})
	patch(400, gamePath, nodetest.Object{"tags": nodetest.Object{"White": "Nobody"}})
	patch(400, gamePath, nodetest.Object{"board": 3})
	for _, path := range []string{"/api/rounds/{rid}", "/api/tournaments/{tid}"} {
		patch(200, path, example(path, ""))
		patch(200, path, example(path, ""))
		patch(400, path, nodetest.Object{"name": ""})
	}
	patch(400, "/api/rounds/{rid}", nodetest.Object{"status": "new"})
	doc.get(200, gamePath)
	doc.get(200, "/api/rounds/{rid}")
	doc.get(200, "/api/games/{gid}/history")
	doc.header = http.Header{"X-Chessrelay-By": {"Arbiter Anna"}}
	for _, what := range []string{"/api/rounds/{rid}", "/api/tournaments/{tid}"} {
		patch(200, what, nodetest.Object{"description": "Again.", "reason": "a test of the trail"})
		trail := doc.get(200, what+"/history")
		list := trail["history"].([]any)
		u := list[len(list)-1].(nodetest.Object)
		if len(list) != 2 || u["by"] != "admin" || u["reason"] != "a test of the trail" || u["index"] != trail["index"] ||
			u["fields"].([]any)[0].(nodetest.Object)["now"] != "Again." {
			t.Errorf("%s: %v", what, trail)
		}
	}
	doc.header = nil
	// A source cannot change what a person has set. Its own values are noted.
	patch(200, gamePath, nodetest.Object{"source": "manual", "white": nodetest.Object{"name": "Carlsen, Magnus"}})
	doc.header = http.Header{"X-Chessrelay-By": {"Arbiter Anna"}}
	doc.post(201, result, nodetest.Object{"result": "1/2-1/2"})
	doc.header = http.Header{"X-Chessrelay-Source": {"hall-sensors"}}
	doc.post(409, result, nodetest.Object{"result": "0-1"})
	doc.post(409, takeback, nodetest.Object{"toPly": 0})
	doc.post(409, correct, nodetest.Object{"toPly": 0, "moves": []nodetest.Object{}})
	patch(409, gamePath, nodetest.Object{"white": nodetest.Object{"name": "Carlson"}})
	doc.post(409, gamePath+"/unlock", nodetest.Object{"fields": []string{"result"}})
	doc.header = nil
	doc.ids["roundId"] = round
	doc.header = http.Header{"Content-Type": {"text/plain"}}
	doc.call(200, http.MethodPost, "/api/broadcast/round/{roundId}/push", "[Board \"1\"]\n[White \"Carlsen, Magnus\"]\n[Black \"Kramnik\"]\n\n1. e4 e5 2. Nf3 *\n")
	doc.header = nil
	doc.get(200, gamePath)
	doc.get(200, "/api/rounds/{rid}")
	doc.post(200, gamePath+"/accept", nodetest.Object{"fields": []string{"moves"}, "reason": "the sensors are right"})
	doc.post(200, gamePath+"/unlock", nodetest.Object{"reason": "the source is right again"})
	doc.post(400, gamePath+"/unlock", nodetest.Object{"fields": []string{"board"}})
	patch(200, gamePath, nodetest.Object{"source": ""})
	doc.header = http.Header{"X-Chessrelay-Source": {"hall-sensors"}}
	patch(200, gamePath, nodetest.Object{"tags": nodetest.Object{"Annotator": "sensors"}})
	doc.header = http.Header{"Content-Type": {"text/plain"}}
	next := "[Round \"%d\"]\n[White \"E\"]\n[Black \"F\"]\n\n*\n"
	doc.ids["roundId"] = doc.post(201, "/api/tournaments/{tid}/rounds", nodetest.Object{"name": "Round 3"})["id"].(string)
	for n := range 2 {
		doc.call(200, http.MethodPost, "/api/broadcast/round/{roundId}/push", fmt.Sprintf(next, n+1))
	}
	doc.header = nil
	doc.post(201, takeback, nodetest.Object{"toPly": 0})
	patch(200, gamePath, nodetest.Object{"fen": "", "variant": "Chess960", "startPosition": 518})
	doc.post(201, moves, nodetest.Object{"moves": []nodetest.Object{{"ply": 1, "move": "f3"}, {"ply": 2, "move": "e5"}, {"ply": 3, "move": "g4"}, {"ply": 4, "move": "Qh4#"}}})
	doc.get(200, gamePath)
	doc.get(200, "/api/rounds/{rid}")

	doc.tokens()
	// A deleted thing is a 404. A client with the token is told how to restore it.
	doc.header = http.Header{"X-Chessrelay-By": {"Arbiter Anna"}}
	deleted := doc.call(200, http.MethodDelete, gamePath, nodetest.Object{"reason": "opened by mistake"})
	doc.header = nil
	doc.call(200, http.MethodDelete, gamePath, nil)
	if deleted["type"] != "game" || deleted["restorableUntil"] == nil {
		t.Errorf("DELETE says %v", deleted)
	}
	if gone := doc.get(404, gamePath); gone["deletedAt"] == nil || gone["restorableUntil"] == nil || !strings.Contains(gone["error"].(string), "/restore brings it back") {
		t.Errorf("what is deleted is told by %v", gone)
	}
	doc.post(404, moves, nodetest.Object{"ply": 1, "move": "e4"})
	doc.get(200, "/api/deleted")
	taken := doc.post(201, "/api/rounds/{rid}/games", newGame)["id"].(string)
	doc.post(409, gamePath+"/restore", nodetest.Object{})
	first := doc.ids["gid"]
	doc.ids["gid"] = taken
	doc.call(200, http.MethodDelete, gamePath, nil)
	doc.ids["gid"] = first
	doc.post(200, gamePath+"/restore", nodetest.Object{"reason": "after all"})
	doc.post(200, gamePath+"/restore", nodetest.Object{"reason": "after all"})
	doc.post(400, gamePath+"/restore", nodetest.Object{"why": "after all"})
	doc.get(200, "/api/games/{gid}/history")
	extra := doc.ids["rid"]
	doc.ids["rid"] = doc.ids["roundId"] // Round 3
	doc.call(200, http.MethodDelete, "/api/rounds/{rid}", nodetest.Object{"reason": "no such round"})
	doc.get(404, "/api/rounds/{rid}")
	doc.post(200, "/api/rounds/{rid}/restore", nil)
	doc.ids["gid"] = doc.ids["rid"]
	doc.call(404, http.MethodDelete, gamePath, nil) // it is a round
	doc.ids["gid"], doc.ids["rid"] = first, extra
	doc.ids["tid"] = doc.post(201, "/api/tournaments", nodetest.Object{"name": "By mistake"})["id"].(string)
	doc.call(200, http.MethodDelete, "/api/tournaments/{tid}", nil)
	doc.get(404, "/api/tournaments/{tid}")
	doc.post(200, "/api/tournaments/{tid}/restore", nil)
	doc.call(200, http.MethodDelete, "/api/tournaments/{tid}", nil)
	doc.ids["tid"] = tournament

	frames(doc)
	streams("hello", "snapshot", "game", "move", "takeback", "correction", "result", "clock", "round", "status", "deleted")
	src := newPulledPage(t, "[Board \"9\"]\n[White \"A\"]\n[Black \"B\"]\n\n1. e4 e5 2. Ke3 *\n")
	patch(200, "/api/rounds/{rid}", nodetest.Object{"source": nodetest.Object{"url": src.URL + "/get/" + round, "kind": "lcc", "round": 2, "intervalSeconds": 3600}})
	patch(200, "/api/rounds/{rid}", nodetest.Object{"source": nodetest.Object{"url": src.URL}})
	doc.post(201, "/api/tournaments/{tid}/rounds", nodetest.Object{"name": "Round 2", "source": nodetest.Object{"url": src.URL}})
	patch(400, "/api/rounds/{rid}", nodetest.Object{"source": nodetest.Object{"url": "ftp://example.org/"}})
	nodetest.Eventually(t, "the source to be polled", func() bool {
		st := doc.get(200, "/api/rounds/{rid}")["sourceState"].(nodetest.Object)
		return st["lastPoll"] != nil && st["nextPoll"] != nil && st["problems"] != nil
	})
	for _, g := range doc.get(200, "/api/rounds/{rid}")["games"].([]any) {
		if g := g.(nodetest.Object); g["board"] == 9. {
			gid := doc.ids["gid"]
			doc.ids["gid"] = g["id"].(string)
			patch(200, gamePath, nodetest.Object{"white": nodetest.Object{"name": "Anand"}})
			doc.ids["gid"] = gid
		}
	}
	nodetest.Eventually(t, "the source to be told that a name is locked", func() bool {
		return doc.get(200, "/api/rounds/{rid}")["sourceState"].(nodetest.Object)["locked"] == 1.
	})
	patch(200, "/api/rounds/{rid}", nodetest.Object{"source": nodetest.Object{"url": "http://127.0.0.1:1/games.pgn"}})
	nodetest.Eventually(t, "the source to fail", func() bool {
		return doc.get(200, "/api/rounds/{rid}")["sourceState"].(nodetest.Object)["failingSince"] != nil
	})
	patch(200, "/api/rounds/{rid}", nodetest.Object{"source": nodetest.Object{"url": src.URL}})

	scoring := nodetest.Object{"white": nodetest.Object{"win": 3, "draw": 1, "loss": 0}, "black": nodetest.Object{"win": 3.5, "draw": 1.5, "loss": 0}}
	settings := nodetest.Object{
		"unlisted": true, "replacements": "Kramnik = Kramnik, Vladimir / 4101588 / GM / 2753", "teams": "Oslo; C", "tieBreaks": "DE,BH",
		"scoring": scoring, "grouping": "City\n" + tournament,
	}
	patch(200, "/api/tournaments/{tid}", settings)
	doc.get(200, "/api/tournaments/{tid}")
	counted := nodetest.Object{
		"sources":             []nodetest.Object{{"id": "hall", "url": src.URL, "onlyRound": 2, "slices": "1-4,7", "boardOffset": 100, "silentSeconds": 30}},
		"startsAfterPrevious": true, "unrated": true, "evaluations": false, "scoring": scoring, "teamScoring": nodetest.Object{"win": 3, "draw": 1, "loss": 0},
	}
	patch(200, "/api/rounds/{rid}", counted)
	doc.get(200, "/api/rounds/{rid}")
	settings["name"], counted["name"] = "Another", "Another"
	settings["private"] = true
	other := doc.post(201, "/api/tournaments", settings)["id"].(string)
	doc.ids["tid"] = other
	patch(200, "/api/tournaments/{tid}", nodetest.Object{"private": true, "description": "For the team"})
	doc.get(200, "/api/tournaments/{tid}")
	late := doc.post(201, "/api/tournaments/{tid}/rounds", nodetest.Object{"name": "Late", "delay": 60})["id"].(string)
	readStreams(doc, "/events?round="+late)("hello")
	doc.post(201, "/api/tournaments/{tid}/rounds", counted)
	doc.ids["tid"] = tournament
	patch(400, "/api/rounds/{rid}", nodetest.Object{"source": nil, "sources": []nodetest.Object{}})
	patch(200, "/api/tournaments/{tid}", nodetest.Object{"unlisted": false, "scoring": nil, "tieBreaks": ""})
	patch(200, "/api/rounds/{rid}", nodetest.Object{"source": nodetest.Object{"url": src.URL}, "scoring": nil, "teamScoring": nil, "unrated": false})

	// A match of two teams on two boards, one of which still goes on, and a player without an
	// opponent.
	standing := func(board int, white, black, whiteTeam, blackTeam, is string) {
		t.Helper()
		made := doc.post(201, "/api/rounds/{rid}/games", nodetest.Object{
			"board": board, "white": nodetest.Object{"name": white, "team": whiteTeam}, "black": nodetest.Object{"name": black, "team": blackTeam, "rating": 2400},
		})
		if is != "" {
			gid := doc.ids["gid"]
			doc.ids["gid"] = made["id"].(string)
			doc.post(201, result, nodetest.Object{"result": is})
			doc.ids["gid"] = gid
		}
	}
	standing(4, "C", "D", "Oslo", "Bergen", "1/2-1/2")
	standing(5, "E", "F", "Bergen", "Oslo", "")
	standing(6, "G", "Bye", "", "", "1-0")
	table := doc.get(200, "/api/tournaments/{tid}/standings")
	if leader := table["players"].([]any)[0].(nodetest.Object); leader["points"] != 1. || leader["player"].(nodetest.Object)["name"] != "G" {
		t.Errorf("%v leads", leader)
	}
	matches := doc.get(200, "/api/rounds/{rid}")["matches"]
	if diff := cmp.Diff([]any{nodetest.Object{
		"teams": []any{"Oslo", "Bergen"}, "score": []any{.5, .5}, "boards": []any{4., 5.}, "results": 1., "finished": false,
	}}, matches); diff != "" {
		t.Errorf("the matches, want (-), got (+):\n%s", diff)
	}

	nodetest.Eventually(t, "a round trip to be measured", func() bool {
		for _, m := range doc.get(200, "/api/cluster")["members"].([]any) {
			if m.(nodetest.Object)["rttMicros"] != nil {
				return true
			}
		}
		return false
	})
	for _, node := range c.Nodes {
		doc.base = node.URL
		for _, path := range []string{
			"/api/overview", "/api/tournaments", "/api/tournaments/{tid}", "/api/rounds/{rid}", "/api/rounds/{rid}.pgn",
			"/api/games/{gid}", "/api/games/{gid}.pgn", "/api/games/{gid}/history", "/api/rounds/{rid}/history", "/api/tournaments/{tid}/history",
		} {
			doc.get(200, path+"?consistency=linearizable")
			doc.get(400, path+"?consistency=perhaps")
		}
		doc.get(200, "/api/tournaments?limit=1")
		doc.ids["uuid"], doc.ids["n"], doc.ids["m"] = doc.ids["tid"], "1", "2"
		for _, path := range []string{
			"/api/cluster", "/api/openapi.json", "/healthz", "/readyz", "/metrics",
			"/get/{uuid}/tournament.json", "/get/{uuid}/round-{n}/index.json", "/get/{uuid}/round-{n}/game-{m}.json",
		} {
			doc.get(200, path)
		}
		token := doc.token
		doc.token, doc.header = "", http.Header{"X-Forwarded-For": {"192.0.2.1"}} // the public
		doc.get(200, "/api/cluster")
		doc.get(401, "/metrics")
		doc.token, doc.header = token, nil
	}

	edgeAnswers(t, doc, c)
	doc.base = c.Nodes[1].URL
	lichessAnswers(t, doc)
	doc.base = c.Nodes[0].URL
	doc.ids = map[string]string{"tid": "AAAAAAAA", "rid": "AAAAAAAA", "gid": "AAAAAAAA", "uuid": "AAAAAAAA", "n": "1", "m": "1"}
	for _, path := range []string{
		"/get/{uuid}/tournament.json", "/get/{uuid}/round-{n}/index.json", "/get/{uuid}/round-{n}/game-{m}.json",
		"/api/tournaments/{tid}", "/api/rounds/{rid}", "/api/rounds/{rid}.pgn", "/api/games/{gid}", "/api/games/{gid}.pgn", "/api/games/{gid}/history", "/api/rounds/{rid}/history", "/api/tournaments/{tid}/history",
	} {
		doc.get(404, path)
	}
	doc.post(404, "/api/tournaments/{tid}/rounds", nodetest.Object{"name": "Round 1"})
	doc.post(404, "/api/rounds/{rid}/games", newGame)
	doc.post(404, moves, nodetest.Object{"ply": 1, "move": "d4"})
	doc.post(404, moves, nodetest.Object{"moves": []nodetest.Object{{"ply": 1, "move": "d4"}}})
	doc.post(404, clock, nodetest.Object{"white": 1})
	doc.post(404, correct, nodetest.Object{"toPly": 0})
	patch(404, gamePath, nodetest.Object{"timeControl": "5400"})
	patch(404, "/api/rounds/{rid}", nodetest.Object{"delay": 0})
	patch(404, "/api/tournaments/{tid}", nodetest.Object{"location": ""})
	doc.get(400, "/live?round="+round)
	doc.get(404, "/events?round=AAAAAAAA")
	doc.get(400, "/events")
	doc.get(400, "/events?since=x&round="+round)
	doc.get(409, "/events?cluster=another&round="+round)
	doc.get(503, "/events?since=1000000&round=AAAAAAAA")
	doc.get(400, "/feed?since=x")
	doc.get(409, "/feed?cluster=another")
	doc.header = http.Header{"Origin": {"https://elsewhere.example"}}
	doc.post(403, "/api/tournaments", nodetest.Object{"name": "Town Open"})
	doc.header = nil

	doc.post(201, "/api/cluster/members", nodetest.Object{"uses": 2, "expiresIn": 3600})
	doc.post(400, "/api/cluster/members", nodetest.Object{"expiresIn": -1})
	doc.post(409, "/api/cluster/members", nodetest.Object{"uses": 0})
	doc.get(200, "/api/cluster/invitations")
	doc.header = http.Header{"Idempotency-Key": {"edge-1"}}
	doc.post(201, "/api/cluster/edges", example("/api/cluster/edges", ""))
	doc.post(409, "/api/cluster/edges", nodetest.Object{"name": "edge-1"})
	doc.header = nil
	doc.post(201, "/api/cluster/edges", nodetest.Object{})
	doc.post(400, "/api/cluster/edges", nodetest.Object{"expiresIn": -1})
	doc.ids["id"] = c.Leader().Raft.Invitations()[0].ID
	doc.call(200, http.MethodDelete, "/api/cluster/invitations/{id}", nil)
	doc.call(404, http.MethodDelete, "/api/cluster/invitations/{id}", nil)
	c.Leader().AdmitGhost()
	doc.get(200, "/api/cluster")
	doc.post(409, "/api/cluster/leader", nodetest.Object{"to": "ghost"})
	doc.ids["id"] = "venue-1"
	doc.post(200, "/api/cluster/members/{id}", nodetest.Object{"suffrage": "learner"})
	doc.post(200, "/api/cluster/members/{id}", nodetest.Object{"suffrage": "voter"})
	doc.post(400, "/api/cluster/members/{id}", nodetest.Object{"suffrage": "king"})
	doc.ids["id"] = "ghost"
	doc.call(200, http.MethodDelete, "/api/cluster/members/{id}", nil)
	doc.call(404, http.MethodDelete, "/api/cluster/members/{id}", nil)
	doc.ids["id"] = c.Leader().Config.Name
	doc.call(409, http.MethodDelete, "/api/cluster/members/{id}", nil)
	doc.post(404, "/api/cluster/leader", nodetest.Object{"to": "nobody"})
	doc.post(200, "/api/cluster/leader", nodetest.Object{"to": "venue-1"})
	doc.get(200, "/api/cluster") // it says why a venue leads

	// One of two voters is no majority.
	c.Nodes[0].Kill()
	streams("close")
	doc.base = c.Nodes[1].URL
	nodetest.Eventually(t, "the venue to know that there is no leader", func() bool { return c.Nodes[1].Raft.Leader() == 0 })
	doc.post(503, "/api/cluster/leader", nodetest.Object{"to": "venue-1"})
	doc.get(503, "/readyz")
	doc.get(200, "/api/cluster")

	guarded := &nodetest.Node{T: t, Config: node.Config{
		Name: "guarded", Role: node.RoleRecorder, Data: filepath.Join(t.TempDir(), "guarded"), MaxSpectators: 1,
		HTTP: "127.0.0.1:0", Peer: "127.0.0.1:0", Voters: 1, Bootstrap: true, Token: nodetest.Token,
	}}
	guarded.Start()
	defer guarded.Stop()
	doc.base, doc.token = guarded.URL, ""
	doc.post(401, "/api/tournaments", nodetest.Object{"name": "Town Open"})
	doc.header = http.Header{"Authorization": {"Bearer " + nodetest.Token}}
	nodetest.Eventually(t, "a leader", func() bool { return guarded.Raft.Leader() != 0 })
	doc.post(201, "/api/tournaments", nodetest.Object{"name": "Town Open"})

	doc.stream("/feed")
	doc.get(429, "/feed")
	doc.get(429, "/events?round=AAAAAAAA")
	guardedLogin(doc)

	// No test fills a tournament, makes a node stop by itself, or asks while boards are being sent.
	// Nor does any test make a source say less than before.
	doc.wantAllSeen("SourceState.kept", "SourceState.follow", "OneSourceState.kept", "OneSourceState.follow", "SourceState.lastError", "Health.error", "MemberStatus.snapshotFrom", "MemberStatus.snapshotBytes", "MemberStatus.snapshotError")
}

// readStreams opens streams of the document at once. It returns a function that reads each of them
// until a frame of every given type has come, or a "close" has ended it.
func readStreams(doc *contract, paths ...string) func(types ...string) {
	var next []func() (string, []byte)
	for _, path := range paths {
		next = append(next, doc.stream(path))
	}
	return func(types ...string) {
		doc.t.Helper()
		for i, path := range paths {
			missing := map[string]bool{}
			for _, name := range types {
				missing[name] = true
			}
			if strings.Contains(path, "boards") && !missing["close"] {
				missing["summary"] = true
			}
			for len(missing) > 0 {
				name, message := next[i]()
				if message == nil {
					doc.t.Fatalf("%s has ended, and still no %v", path, missing)
				}
				delete(missing, name)
				for _, raw := range frames(doc.t, message) {
					var f struct{ Type string }
					if err := json.Unmarshal(raw, &f); err != nil {
						doc.t.Fatal(err)
					}
					delete(missing, f.Type)
				}
			}
		}
	}
}

// watchFrames watches a round. It returns a function that checks the frames against the document,
// until one of every type has come.
func watchFrames(t *testing.T, node, round string) func(*contract) {
	admin := http.Header{"Authorization": {"Bearer " + nodetest.Token}}
	conn, res, err := websocket.DefaultDialer.Dial("ws"+strings.TrimPrefix(node, "http")+"/live?evaluations=1&round="+round, admin)
	if err != nil {
		t.Fatal(err)
	}
	res.Body.Close()
	t.Cleanup(func() { conn.Close() })
	return func(doc *contract) {
		t.Helper()
		missing := map[string]bool{
			"hello": true, "snapshot": true, "game": true, "move": true, "takeback": true, "correction": true, "result": true, "clock": true,
			"round": true, "status": true, "summary": true, "deleted": true, "evaluations": true, "evaluation": true, "cp": true, "mate": true,
		}
		// From now on it watches three boards, and gets summaries of the others. The engine finds a
		// mate on one of them, soon or late.
		order := []byte(`{"type":"subscribe","boards":[1,3,9],"evaluations":true}`)
		doc.fits("subscribe", "#/paths/~1live/get/x-websocket/fromClient/schema", order)
		if err := conn.WriteMessage(websocket.TextMessage, order); err != nil {
			t.Fatal(err)
		}
		_ = conn.SetReadDeadline(time.Now().Add(90 * time.Second)) // only a hang reaches it
		for len(missing) > 0 {
			_, message, err := conn.ReadMessage()
			if err != nil {
				t.Fatalf("%v, and still no frame of %v", err, missing)
			}
			doc.fitsMessage(message)
			var several []nodetest.Object
			if err := json.Unmarshal(message, &several); err != nil {
				several = make([]nodetest.Object, 1)
				if err := json.Unmarshal(message, &several[0]); err != nil {
					t.Fatal(err)
				}
			}
			for _, f := range several {
				for _, kind := range []string{"cp", "mate"} {
					if f[kind] != nil {
						delete(missing, kind)
					}
				}
				// The last frame of this type says that the tournament was renamed.
				if r, ok := f["round"].(nodetest.Object); f["type"] != "round" || ok && r["tournamentName"] == "City Open 2026" {
					delete(missing, f["type"].(string))
				}
			}
		}
	}
}

// tokens makes and revokes tokens, and checks what was done with them.
func (c *contract) tokens() {
	c.t.Helper()
	round, tournament := c.ids["rid"], c.ids["tid"]
	c.header = http.Header{"Idempotency-Key": {"token-1"}}
	made := c.post(201, "/api/tokens", nodetest.Object{"name": "Anna", "role": "arbiter", "round": round, "expiresAt": time.Now().Add(time.Hour).UnixMilli()})
	c.post(409, "/api/tokens", nodetest.Object{"name": "Anna", "role": "arbiter"})
	c.header = nil
	tour := c.post(201, "/api/tokens", nodetest.Object{"name": "Tom", "role": "organiser", "tournament": tournament})
	c.post(400, "/api/tokens", nodetest.Object{"name": "Anna", "role": "king"})
	c.post(404, "/api/tokens", nodetest.Object{"name": "Anna", "role": "arbiter", "round": "AAAAAAAA"})
	admin := c.token
	c.token = made["token"].(string)
	c.post(403, "/api/tokens", nodetest.Object{"name": "Anna", "role": "admin"})
	c.get(403, "/api/audit")
	c.token = admin
	c.get(200, "/api/audit?limit=2")
	c.get(200, "/api/audit")
	c.get(400, "/api/audit?limit=0")
	list := c.get(200, "/api/tokens")["tokens"].([]any)
	if last := list[len(list)-2].(nodetest.Object); last["id"] != made["id"] || last["createdBy"] != "admin" {
		c.t.Errorf("the tokens are %v", list)
	}
	viewer := c.post(201, "/api/tokens", nodetest.Object{"name": "Partner", "role": "viewer", "round": round, "delay": 300})
	c.get(200, "/api/tokens")
	member := c.ids["id"]
	for id, status := range map[string]int{made["id"].(string): 200, tour["id"].(string): 200, viewer["id"].(string): 200, "AAAAAAAA": 404, "testtok1": 422} {
		c.ids["id"] = id
		c.call(status, http.MethodDelete, "/api/tokens/{id}", nil)
	}
	c.ids["id"] = member
}
