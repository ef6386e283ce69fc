package node_test

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"testing"

	"github.com/chessrelay/chessrelay/client"
	"github.com/chessrelay/chessrelay/cmd/chessrelay/node/nodetest"
	"github.com/chessrelay/chessrelay/relay"
)

// pulledPage is a source: a PGN that changes, and how often it was asked for.
type pulledPage struct {
	*httptest.Server
	mu    sync.Mutex
	body  string
	polls int
}

func newPulledPage(t testing.TB, body string) *pulledPage {
	p := &pulledPage{body: body}
	p.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		p.mu.Lock()
		defer p.mu.Unlock()
		p.polls++
		etag := fmt.Sprintf("%q", fmt.Sprint(len(p.body)))
		w.Header().Set("ETag", etag)
		if r.Header.Get("If-None-Match") == etag {
			w.WriteHeader(http.StatusNotModified)
			return
		}
		_, _ = w.Write([]byte(p.body))
	}))
	t.Cleanup(p.Close)
	return p
}

func (p *pulledPage) set(body string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.body = body
}

// pulledRound is what the API says of a round with a source.
type pulledRound struct {
	ID          string
	Source      *relay.Source
	SourceState *struct {
		PolledBy, URL, LastError string
		Polls                    uint64
		Games                    int
	}
	Games []struct {
		Board int
		Ply   int
	}
}

// TestPull gives a round a source while three nodes run. The boards must follow it on all of them.
// One node polls, and another one does when leadership moves.
func TestPull(t *testing.T) {
	t.Parallel()
	c := nodetest.NewCluster(t, 3)
	src := newPulledPage(t, "[White \"A\"]\n[Black \"B\"]\n[Board \"1\"]\n\n1. e4 e5 *\n\n")
	var tour, round pulledRound
	nodetest.Post(t, c.Nodes[1].URL+"/api/tournaments", nodetest.Object{"name": "Open"}, &tour)
	if code := nodetest.Post(t, c.Nodes[1].URL+"/api/tournaments/"+tour.ID+"/rounds", nodetest.Object{
		"name": "Round 1", "source": nodetest.Object{"url": src.URL + "/games.pgn", "intervalSeconds": 1},
	}, &round); code != http.StatusCreated || round.Source == nil || round.Source.Kind != relay.SourcePGN {
		t.Fatalf("%d: %+v", code, round)
	}
	path := "/api/rounds/" + round.ID
	look := func(n *nodetest.Node) (r pulledRound) {
		t.Helper()
		if code := nodetest.Get(t, n.URL+path, &r); code != http.StatusOK {
			t.Fatalf("%s: %d", n.Config.Name, code)
		}
		return r
	}
	follows := func(ply int) func() bool {
		return func() bool {
			for _, n := range c.Nodes {
				var r pulledRound // a node may not have applied the round's creation yet
				if code := nodetest.Get(t, n.URL+path, &r); code != http.StatusOK || len(r.Games) != 1 || r.Games[0].Ply != ply {
					return false
				}
			}
			return true
		}
	}
	nodetest.Eventually(t, "all nodes to show the source", follows(2))
	lead := c.Leader()
	// A poll counts once it is over. By then its moves were applied.
	nodetest.Eventually(t, "the poll to be counted", func() bool { st := look(lead).SourceState; return st != nil && st.Polls > 0 })
	for _, n := range c.Nodes {
		st := look(n).SourceState
		if st == nil || st.PolledBy != lead.Config.Name || (n == lead) != (st.Polls > 0) || (n == lead) != (st.URL == "") {
			t.Errorf("%s says of the source: %+v", n.Config.Name, st)
		}
	}
	res, err := http.Get(lead.URL + "/metrics")
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	raw, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatal(err)
	}
	if text := string(raw); !strings.Contains(text, "chessrelay_pull_sources 1\n") || strings.Contains(text, "chessrelay_pull_polls_total 0\n") {
		t.Errorf("the metrics say nothing of it:\n%s", text)
	}

	// Another node leads, and it alone goes on.
	if code := nodetest.Post(t, lead.URL+"/api/cluster/leader", nodetest.Object{"to": "venue-2"}, nil); code != http.StatusOK {
		t.Fatal(code)
	}
	src.set("[White \"A\"]\n[Black \"B\"]\n[Board \"1\"]\n\n1. e4 e5 2. Nf3 *\n\n")
	nodetest.Eventually(t, "the new leader to poll", follows(3))
	nodetest.Eventually(t, "the old one to stop", func() bool { return lead.Pull.Stats().Sources == 0 })
	if s := c.Nodes[2].Pull.Stats(); s.Sources != 1 || s.Polls == 0 || c.Nodes[1].Pull.Stats().Polls != 0 {
		t.Errorf("the new leader: %+v", s)
	}

	// It dies.
	c.Nodes[2].Kill()
	c.Nodes = c.Nodes[:2]
	src.set("[White \"A\"]\n[Black \"B\"]\n[Board \"1\"]\n\n1. e4 e5 2. Nf3 Nc6 1-0\n\n")
	nodetest.Eventually(t, "another one to poll", follows(4))

	// The node says that it may not fetch this URL. null removes the source.
	var out pulledRound
	patch := func(source any) int {
		t.Helper()
		return nodetest.Patch(t, c.Nodes[0].URL+path, nodetest.Object{"source": source}, &out)
	}
	if code := patch(nodetest.Object{"url": "http://169.254.169.254/latest"}); code != http.StatusOK {
		t.Fatal(code)
	}
	nodetest.Eventually(t, "the refusal to be shown", func() bool {
		st := look(c.Leader()).SourceState
		return st != nil && strings.Contains(st.LastError, "local or reserved")
	})
	for _, n := range c.Nodes { // they say what the leader says
		var s client.Cluster
		nodetest.Get(t, n.URL+"/api/cluster", &s)
		if len(s.Sources) != 1 || s.Sources[0].URL != "http://169.254.169.254/latest" || s.Sources[0].LastError == "" {
			t.Errorf("%s: %+v", n.Config.Name, s.Sources)
		}
	}
	for _, bad := range []any{
		nodetest.Object{"url": "file:///etc/passwd"}, nodetest.Object{"url": "http://user:word@example.org/"}, nodetest.Object{"url": src.URL, "kind": "lcc"},
		nodetest.Object{"url": src.URL, "intervalSeconds": -1}, nodetest.Object{"url": src.URL, "every": 1}, nodetest.Object{}, "http://example.org",
	} {
		if code := patch(bad); code != http.StatusBadRequest {
			t.Errorf("%v: %d", bad, code)
		}
	}
	if code := patch(nil); code != http.StatusOK || look(c.Nodes[0]).Source != nil {
		t.Errorf("%d, %+v", code, look(c.Nodes[0]))
	}
	nodetest.Eventually(t, "the source to be let go", func() bool { return c.Leader().Pull.Stats().Sources == 0 })
}

// TestPullFromAnotherCluster polls a round of a second cluster, which serves it as LiveChess Cloud
// does.
func TestPullFromAnotherCluster(t *testing.T) {
	t.Parallel()
	from, to := nodetest.NewCluster(t, 1), nodetest.NewCluster(t, 1)
	s := nodetest.FeedSample(t, from.Nodes[0].URL)
	var tid relay.TournamentID
	from.Nodes[0].Boards.Read(func(_ uint64, b *relay.State) {
		r, _ := b.Round(s.Round)
		tid = r.Tournament
	})
	var tour, round pulledRound
	nodetest.Post(t, to.Nodes[0].URL+"/api/tournaments", nodetest.Object{"name": "Copy"}, &tour)
	nodetest.Post(t, to.Nodes[0].URL+"/api/tournaments/"+tour.ID+"/rounds", nodetest.Object{
		"name": "Round", "source": nodetest.Object{"url": from.Nodes[0].URL + "/get/" + string(tid) + "/round-1", "intervalSeconds": 1},
	}, &round)
	lines := func(c *nodetest.Cluster, id relay.RoundID) (out []string) {
		c.Nodes[0].Boards.Read(func(_ uint64, b *relay.State) {
			r, _ := b.Round(id)
			for _, gid := range r.Games {
				g, _ := b.Game(gid)
				line := fmt.Sprint(g.Board, g.White.Name, g.Black.Name, g.Result, g.Clock())
				for _, m := range g.Moves() {
					line += " " + m.SAN
				}
				out = append(out, line)
			}
		})
		return out
	}
	want := strings.Join(lines(from, s.Round), "\n")
	nodetest.Eventually(t, "the copy to be like the original", func() bool {
		return strings.Join(lines(to, relay.RoundID(round.ID)), "\n") == want
	})
}

// TestSourceSetThroughLichess sets the source of a round as clients of lichess do, reads it back,
// and removes it.
func TestSourceSetThroughLichess(t *testing.T) {
	t.Parallel()
	c := nodetest.NewCluster(t, 1)
	base := c.Nodes[0].URL
	src := newPulledPage(t, "[White \"A\"]\n[Black \"B\"]\n[Board \"1\"]\n\n1. e4 e5 *\n\n")
	form := func(path string, fields url.Values) (status int, body string) {
		t.Helper()
		res, err := http.PostForm(base+path, fields)
		if err != nil {
			t.Fatal(err)
		}
		return res.StatusCode, bodyOf(t, res)
	}
	_, tour := form("/broadcast/new", url.Values{"name": {"City Open"}})
	tid := idIn(tour, "tour")
	status, made := form("/broadcast/"+tid+"/new", url.Values{
		"name": {"Round 1"}, "syncSource": {"url"}, "syncUrl": {src.URL + "/games.pgn"}, "period": {"1"},
	})
	if want := `"sync":{"ongoing":true,"url":"` + src.URL + `/games.pgn","period":1}`; status != http.StatusOK || !strings.Contains(made, want) {
		t.Fatalf("%d, without %s: %s", status, want, made)
	}
	rid := idIn(made, "round")
	var r pulledRound
	nodetest.Eventually(t, "the source to be shown", func() bool {
		nodetest.Get(t, base+"/api/rounds/"+rid, &r)
		return len(r.Games) == 1 && r.Games[0].Ply == 2
	})

	edit := "/broadcast/round/" + rid + "/edit"
	source := func() *relay.Source {
		r = pulledRound{}
		nodetest.Get(t, base+"/api/rounds/"+rid, &r)
		return r.Source
	}
	if status, body := form(edit, url.Values{"name": {"Round One"}}); status != http.StatusOK || source() == nil {
		t.Errorf("an edit that says nothing of the source: %d %s, and the source is %v", status, body, source())
	}
	if status, body := form(edit, url.Values{"syncSource": {"push"}, "syncUrl": {src.URL}}); status != http.StatusOK || source() != nil {
		t.Errorf("push: %d %s, and the source is %v", status, body, source())
	}
	if body := readOf(t, base+"/api/broadcast/-/-/"+rid); strings.Contains(body, `"sync"`) {
		t.Errorf("a round without a source shows one: %s", body)
	}
	cloud := "https://view.livechesscloud.com/#00b986b4-9d0e-87cf-8000-4c92714efbce/5"
	if status, body := form(edit, url.Values{"syncSource": {"urls"}, "syncUrls": {"\n " + cloud + "\r\n" + cloud}}); status != http.StatusOK ||
		source().Kind != relay.SourceLCC || source().URL != cloud || source().Round != 5 {
		t.Errorf("urls: %d %s, and the source is %+v", status, body, source())
	}
	for _, bad := range []url.Values{
		{"syncSource": {"url"}}, {"syncSource": {"urls"}, "syncUrls": {" \n"}}, {"syncSource": {"ids"}}, {"syncSource": {"lcc"}},
		{"syncUrl": {"file:///etc/passwd"}}, {"syncUrl": {"http://user:word@example.org/"}},
		{"syncUrl": {src.URL}, "period": {"often"}}, {"syncUrl": {src.URL}, "period": {"4000"}},
	} {
		if status, body := form(edit, bad); status != http.StatusBadRequest || source().URL != cloud {
			t.Errorf("%v: %d %s, and the source is %+v", bad, status, body, source())
		}
	}
}

func readOf(t *testing.T, address string) string {
	t.Helper()
	res, err := http.Get(address)
	if err != nil {
		t.Fatal(err)
	}
	return bodyOf(t, res)
}
