package node_test

import (
	"bytes"
	"compress/gzip"
	"io"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/chessrelay/chessrelay/cmd/chessrelay/node/nodetest"
)

// asSent asks without the help of a client that decompresses.
func asSent(t *testing.T, method, url string, header http.Header) (*http.Response, []byte) {
	t.Helper()
	req, err := http.NewRequest(method, url, nil)
	if err != nil {
		t.Fatal(err)
	}
	for name, values := range header {
		req.Header[name] = values
	}
	res, err := plainTransport.RoundTrip(req)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	body, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatal(err)
	}
	return res, body
}

var plainTransport = &http.Transport{DisableCompression: true, DisableKeepAlives: true}

// TestCompression asks for answers compressed and as they are. The two say the same, a tag of one
// is good for the other, and caches are told that they differ.
func TestCompression(t *testing.T) {
	c := nodetest.NewCluster(t, 1)
	n := c.Nodes[0]
	s := nodetest.FeedSample(t, n.URL)
	var round struct {
		Tournament string
		Games      []struct{ ID string }
	}
	nodetest.Get(t, n.URL+"/api/rounds/"+string(s.Round), &round)
	gzipped := http.Header{"Accept-Encoding": {"gzip, deflate, br"}}
	for _, path := range []string{
		"/api/rounds/" + string(s.Round), "/api/rounds/" + string(s.Round) + ".pgn", "/api/games/" + round.Games[0].ID,
		"/api/games/" + round.Games[0].ID + "/history", "/api/tournaments/" + round.Tournament + "/standings", "/api/openapi.json",
		"/api/broadcast/-/-/" + string(s.Round), "/api/broadcast/round/" + string(s.Round) + ".pgn", "/broadcast/" + round.Tournament + "/players",
	} {
		plain, text := asSent(t, http.MethodGet, n.URL+path, nil)
		if plain.StatusCode != 200 || plain.Header.Get("Content-Encoding") != "" {
			t.Fatalf("%s: %d %v", path, plain.StatusCode, plain.Header)
		}
		res, body := asSent(t, http.MethodGet, n.URL+path, gzipped)
		if res.Header.Get("Content-Encoding") != "gzip" || len(body) >= len(text)*2/3 {
			t.Errorf("%s: %d bytes of %d, %v", path, len(body), len(text), res.Header)
		} else if got := gunzip(t, body); !bytes.Equal(got, text) && !strings.Contains(path, "/api/broadcast/-") { // that one has an age
			t.Errorf("%s is another text when it is compressed", path)
		}
		if size := res.Header.Get("Content-Length"); size != "" && size != strconv.Itoa(len(body)) {
			t.Errorf("%s: %d bytes, and it says %s", path, len(body), size)
		}
		for _, answer := range []*http.Response{plain, res} {
			if !slices.Contains(answer.Header.Values("Vary"), "Accept-Encoding") {
				t.Errorf("%s varies by %q", path, answer.Header.Values("Vary"))
			}
		}
		head, none := asSent(t, http.MethodHead, n.URL+path, gzipped)
		// A HEAD may leave out what only making the body would tell (RFC 9110, 9.3.2).
		size := head.Header.Get("Content-Length")
		if len(none) > 0 || size != "" && (size != res.Header.Get("Content-Length") || head.Header.Get("Content-Encoding") != "gzip") {
			t.Errorf("HEAD %s: %v, and GET %v", path, head.Header, res.Header)
		}
		tag := plain.Header.Get("ETag")
		if tag != res.Header.Get("ETag") || tag != head.Header.Get("ETag") || tag != "" && !strings.HasPrefix(tag, "W/") {
			t.Errorf("%s has the tags %s, %s and %s", path, tag, res.Header.Get("ETag"), head.Header.Get("ETag"))
		}
		if tag == "" {
			continue
		}
		for _, accepts := range []http.Header{{}, gzipped.Clone()} {
			accepts.Set("If-None-Match", `"other", `+strings.TrimPrefix(tag, "W/"))
			res, body := asSent(t, http.MethodGet, n.URL+path, accepts)
			if res.StatusCode != 304 || len(body) > 0 || res.Header.Get("ETag") != tag || res.Header.Get("Content-Encoding") != "" {
				t.Errorf("%s again: %d with %d bytes, %v", path, res.StatusCode, len(body), res.Header)
			}
		}
	}
}

func gunzip(t *testing.T, body []byte) []byte {
	t.Helper()
	r, err := gzip.NewReader(bytes.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	text, err := io.ReadAll(r)
	if err != nil {
		t.Fatal(err)
	}
	return text
}

// TestNotCompressed asks for what must not be compressed: streams, short answers and secrets.
func TestNotCompressed(t *testing.T) {
	c := nodetest.NewTokenCluster(t, 1)
	n := c.Nodes[0]
	for range 20 { // a long list
		c.Must(nodetest.Token, "/api/tokens", nodetest.Object{"role": "viewer", "name": strings.Repeat("n", 60)})
	}
	tournament := c.Must(nodetest.Token, "/api/tournaments", nodetest.Object{"name": "Open"})["id"].(string)
	round := c.Must(nodetest.Token, "/api/tournaments/"+tournament+"/rounds", nodetest.Object{"name": "Round 1"})["id"].(string)
	for board := range 12 {
		player := nodetest.Object{"name": strings.Repeat("p", 40)}
		c.Must(nodetest.Token, "/api/rounds/"+round+"/games", nodetest.Object{"board": board + 1, "white": player, "black": player})
	}
	for path, least := range map[string]int64{
		"/api/tokens": 3000, "/api/audit": 3000, "/oauth": 0, "/healthz": 0, "/events?round=" + round: 0, "/feed": 0,
		"/api/stream/broadcast/round/" + round + ".pgn": 0, "/api/rounds/nowhere": 0, "/api/tournaments/" + tournament: 0,
	} {
		req, err := http.NewRequest(http.MethodGet, n.URL+path, nil)
		if err != nil {
			t.Fatal(err)
		}
		req.Header.Set("Accept-Encoding", "gzip")
		req.Header.Set("Authorization", "Bearer "+nodetest.Token)
		res, err := plainTransport.RoundTrip(req)
		if err != nil {
			t.Fatal(err)
		}
		// A stream never ends, so its body is not read.
		if coding := res.Header.Get("Content-Encoding"); coding != "" {
			t.Errorf("%s is sent as %s", path, coding)
		}
		if least > 0 {
			if n, err := io.Copy(io.Discard, res.Body); n < least || err != nil {
				t.Errorf("%s has only %d bytes, %v", path, n, err)
			}
		}
		res.Body.Close()
	}
}
