package node_test

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/chessrelay/chessrelay/cmd/chessrelay/node/nodetest"
)

// lichessAnswers has lichess's interface answer in every way that a cluster can.
func lichessAnswers(t *testing.T, doc *contract) {
	example, form := doc.requestExample, http.Header{"Content-Type": {"application/x-www-form-urlencoded"}}
	asJSON := http.Header{"Content-Type": {"application/json"}}

	doc.header = asJSON
	doc.ids["tourId"] = idOf(doc.post(200, "/broadcast/new", example("/broadcast/new", "")), "tour")
	doc.post(400, "/broadcast/new", nodetest.Object{"name": "x"})
	doc.header = form
	doc.post(200, "/broadcast/new", "name=City+Open&info.location=Oslo&tier=5")
	doc.post(413, "/broadcast/new", "name="+strings.Repeat("x", 600<<10))
	editTour := "/broadcast/{tourId}/edit"
	doc.header = asJSON
	grouped := example(editTour, "")
	grouped["grouping"].(nodetest.Object)["info"].(nodetest.Object)["tours"] = doc.ids["tourId"]
	doc.post(200, editTour, grouped)
	doc.post(400, editTour, nodetest.Object{"visibility": "secret"})
	doc.post(413, editTour, nodetest.Object{"name": strings.Repeat("x", 600<<10)})
	doc.header = form
	newRound := "/broadcast/{tourId}/new"
	doc.post(200, newRound, "name=Round+0&status=started")
	doc.post(400, newRound, "name=Round+1&syncSource=url&syncUrl=ftp://example.com/1.pgn")
	doc.header = asJSON
	doc.post(200, newRound, nodetest.Object{"name": "Round A", "syncUrl": "http://127.0.0.1:1/get/X4PKuVsC", "onlyRound": 2, "period": 60})
	doc.post(200, newRound, nodetest.Object{"name": "Round B", "syncSource": "urls", "syncUrls": "http://127.0.0.1:1/get/X4PKuVsC/round-3\nhttp://127.0.0.1:1/2.pgn"})
	points := nodetest.Object{"win": 3, "draw": 1}
	doc.post(200, newRound, nodetest.Object{"name": "Round C", "syncUrl": "http://127.0.0.1:1/1.pgn", "slices": "1-4,7", "rated": false, "startsAfterPrevious": true,
		"customScoring": nodetest.Object{"white": points, "black": points}, "teamCustomScoring": points})
	doc.ids["roundId"] = idOf(doc.post(200, newRound, example(newRound, "")), "round")
	doc.ids["tourSlug"], doc.ids["roundSlug"], doc.ids["user"] = "-", "round-1", "chessrelay"
	round := "/api/broadcast/{tourSlug}/{roundSlug}/{roundId}"
	doc.get(200, round)

	push := "/api/broadcast/round/{roundId}/push"
	doc.header = http.Header{"Content-Type": {"text/plain"}}
	all := `[White "Carlsen, Magnus"]
[Black "Kramnik, Vladimir"]
[WhiteElo "2863"]
[WhiteTitle "GM"]
[WhiteFideId "1503014"]
[WhiteFed "NOR"]
[WhiteTeam "Oslo"]

1. e4 {[%clk 1:29:50]} d6 2. Bb5+ *

[White "A"]
[Black "B"]

1. e5 *
`
	doc.post(200, push, all)
	doc.post(200, push, all)
	doc.post(400, push, "hello")
	doc.post(413, push, strings.Repeat("[White \"A\"]\n\n1. e4 *\n\n", 10)+strings.Repeat("{"+strings.Repeat("x", 1<<10)+"}\n", 9<<10))
	doc.get(200, round+"?consistency=linearizable")
	doc.get(400, round+"?consistency=perhaps")
	edit := "/broadcast/round/{roundId}/edit"
	doc.header = asJSON
	doc.post(200, edit, example(edit, ""))
	doc.post(400, edit, nodetest.Object{"status": "over"})
	doc.header = nil
	doc.post(200, push, "[White \"Carlsen, Magnus\"]\n[Black \"Kramnik, Vladimir\"]\n\n1. e4 d6 2. Bb5+ 1-0\n")
	for _, path := range []string{
		round, "/api/broadcast/{tourId}", "/api/broadcast/my-rounds", "/api/broadcast/by/{user}", "/api/account",
		"/api/broadcast/round/{roundId}.pgn", "/api/broadcast/{tourId}.pgn",
	} {
		doc.get(200, path)
	}
	doc.ids["username"], doc.ids["groupId"], doc.ids["playerId"] = "chessrelay", doc.ids["tourId"], "1503014"
	first := doc.ids["roundId"]
	doc.header = asJSON
	doc.ids["roundId"] = idOf(doc.post(200, newRound, nodetest.Object{"name": "Round M", "customScoring": nodetest.Object{"white": points, "black": points}}), "round")
	doc.header = nil
	doc.post(200, push, matchPGN)
	doc.ids["roundId"] = first
	for _, path := range []string{
		"/api/broadcast", "/api/broadcast/top", "/api/broadcast/search?q=open", "/api/user/{username}",
		"/broadcast/{tourId}/players", "/broadcast/{tourId}/players/{playerId}", "/broadcast/{tourId}/teams/standings",
	} {
		doc.get(200, path)
	}
	for _, player := range []string{"A", "E"} {
		doc.ids["playerId"] = player
		doc.get(200, "/broadcast/{tourId}/players/{playerId}")
	}
	for _, path := range []string{
		"/api/broadcast?nb=x", "/api/broadcast/top?page=0", "/api/broadcast/search?page=x", "/api/broadcast?live=x", "/broadcast/{tourId}/players?consistency=x",
		"/broadcast/{tourId}/players/{playerId}?consistency=x", "/broadcast/{tourId}/teams/standings?consistency=x", "/api/user/{username}?consistency=x",
		"/api/stream/broadcast/tour/{tourId}.pgn?clocks=x", "/api/stream/broadcast/group/{groupId}.pgn?clocks=x",
		"/api/broadcast/my-rounds?nb=0", "/api/broadcast/by/{user}?page=x", "/api/broadcast/round/{roundId}.pgn?clocks=perhaps",
		"/api/broadcast/{tourId}.pgn?comments=2", "/api/stream/broadcast/round/{roundId}.pgn?clocks=x",
	} {
		doc.get(400, path)
	}
	// The streams have no end; TestStreamFromAnotherNode reads one.
	for stream, id := range map[string]string{
		"/api/stream/broadcast/round/{roundId}.pgn": "roundId", "/api/stream/broadcast/tour/{tourId}.pgn": "tourId",
		"/api/stream/broadcast/group/{groupId}.pgn": "groupId",
	} {
		res, err := http.Head(doc.base + strings.ReplaceAll(stream, "{"+id+"}", doc.ids[id]))
		if err != nil {
			t.Fatal(err)
		}
		res.Body.Close()
		doc.called["#/paths/"+escapePointer(stream)+"/get"] = true
		doc.fitsResponse("the stream", "#/paths/"+escapePointer(stream)+"/get/responses/200", res, nil)
	}
	reset := "/api/broadcast/round/{roundId}/reset"
	doc.post(200, reset, "")

	// A cluster without tokens asks nobody for one.
	base, token := doc.base, doc.token
	doc.base, doc.token = nodetest.NewCluster(t, 1).Nodes[0].URL, ""
	login := "/oauth?response_type=code&client_id=app&redirect_uri=http%3A%2F%2Flocalhost%3A9%2F&code_challenge_method=S256&" +
		"code_challenge=E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM" // of RFC 7636
	doc.get(303, login)
	doc.get(400, "/oauth")
	doc.post(303, login, "")
	doc.post(400, "/oauth", "")
	doc.post(400, "/api/token", "grant_type=authorization_code&code=x")
	doc.call(204, http.MethodDelete, "/api/token", nil)

	foreign := http.Header{"Origin": {"https://elsewhere.example"}}
	doc.header = http.Header{"Sec-Fetch-Site": {"cross-site"}, "Sec-Fetch-Mode": {"cors"}}
	doc.get(403, login)
	doc.header = foreign
	for _, path := range []string{"/broadcast/new", newRound, editTour, edit, reset, push} {
		doc.post(403, path, "name=Open")
	}
	doc.base, doc.token, doc.header = base, token, form
	doc.ids["roundId"], doc.ids["tourId"], doc.ids["user"] = "AAAAAAAA", "AAAAAAAA", "magnus"
	doc.ids["groupId"], doc.ids["username"] = "AAAAAAAA", "magnus"
	for _, path := range []string{round, "/api/broadcast/{tourId}", "/api/broadcast/by/{user}", "/api/broadcast/round/{roundId}.pgn",
		"/api/broadcast/{tourId}.pgn", "/api/stream/broadcast/round/{roundId}.pgn", "/api/stream/broadcast/tour/{tourId}.pgn",
		"/api/stream/broadcast/group/{groupId}.pgn", "/api/user/{username}", "/broadcast/{tourId}/players", "/broadcast/{tourId}/players/{playerId}",
		"/broadcast/{tourId}/teams/standings"} {
		doc.get(404, path)
	}
	doc.post(404, newRound, "name=Round+1")
	doc.post(404, editTour, "name=City+Open")
	doc.post(404, edit, "name=Round+1")
	doc.post(404, reset, "")
	doc.post(404, push, all)
	doc.header = nil
}

// matchPGN is a match of two teams on two boards. An earlier push did not have its players.
const matchPGN = `[White "E"]
[Black "F"]
[WhiteTeam "Oslo"]
[BlackTeam "Bergen"]
[WhiteElo "2400"]
[WhiteFed "NOR"]
[BlackElo "2300"]

1. e4 1-0

[White "G"]
[Black "H"]
[WhiteTeam "Bergen"]
[BlackTeam "Oslo"]

1. e4 1/2-1/2
`

// guardedLogin logs in at a node that needs a token. The contract shows it in its header.
func guardedLogin(doc *contract) {
	token := doc.header
	doc.header = nil
	login := "/oauth?client_id=app&redirect_uri=http%3A%2F%2Flocalhost%3A9%2F&code_challenge_method=S256&" +
		"code_challenge=E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM"
	for _, path := range []string{"/broadcast/new", "/broadcast/{tourId}/new", "/broadcast/{tourId}/edit", "/broadcast/round/{roundId}/edit",
		"/api/broadcast/round/{roundId}/reset", "/api/broadcast/round/{roundId}/push"} {
		doc.post(401, path, "name=Open")
	}
	doc.get(401, "/api/account")
	doc.get(401, "/api/broadcast/my-rounds")
	doc.get(200, login)
	doc.header = http.Header{"Content-Type": {"application/x-www-form-urlencoded"}}
	doc.post(403, login, "token=wrong")
	doc.post(303, login, "token="+nodetest.Token)
	location := doc.last.Get("Location")
	_, code, _ := strings.Cut(location, "code=")
	doc.post(200, "/api/token", "grant_type=authorization_code&client_id=app&redirect_uri=http%3A%2F%2Flocalhost%3A9%2F&code="+code+
		"&code_verifier=dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk")
	doc.header = token
	doc.get(200, "/api/tokens")
}

func idOf(answer nodetest.Object, of string) string {
	return answer[of].(nodetest.Object)["id"].(string)
}

// TestStreamFromAnotherNode pushes to one node and reads the PGN stream of another.
func TestStreamFromAnotherNode(t *testing.T) {
	t.Parallel()
	c := nodetest.NewCluster(t, 2)
	round, _ := nodetest.NewRound(t, c.Nodes[0].URL, 0)
	c.WaitEqual()
	res, err := http.Get(c.Nodes[1].URL + "/api/stream/broadcast/round/" + round + ".pgn")
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	mustPush(t, c.Nodes[0].URL, round, "[White \"A\"]\n[Black \"B\"]\n\n1. e4 e5 *\n")
	seen := make([]byte, 0, 1<<16)
	guard := time.AfterFunc(20*time.Second, func() { res.Body.Close() })
	defer guard.Stop()
	for !strings.Contains(string(seen), "1. e4 e5 *") {
		buf := make([]byte, 4096)
		n, err := res.Body.Read(buf)
		seen = append(seen, buf[:n]...)
		if err != nil {
			t.Fatalf("%v after\n%s", err, seen)
		}
	}
	c.Nodes[1].Stop()
	for err == nil {
		_, err = res.Body.Read(make([]byte, 4096))
	}
}
