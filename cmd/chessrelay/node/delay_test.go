package node_test

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/gorilla/websocket"

	"github.com/chessrelay/chessrelay/cmd/chessrelay/node"
	"github.com/chessrelay/chessrelay/cmd/chessrelay/node/nodetest"
	"github.com/chessrelay/chessrelay/relay"
	"github.com/chessrelay/chessrelay/relay/lcc"
)

// testClock is a clock that stands until it is moved.
type testClock struct {
	mu  sync.Mutex
	now time.Time
}

func newTestClock() *testClock { return &testClock{now: time.Unix(1_790_000_000, 0)} }

func (c *testClock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now
}

// A delayedRound is a round with a delay on a cluster whose nodes share one clock. It keeps the
// truth at each step. The public must see the same a delay later, on every node, whatever happens
// to the nodes.
type delayedRound struct {
	*nodetest.Cluster
	*testClock
	delay      time.Duration
	tour, uuid string
	round      string
	games      []string
	steps      []step
	compared   int
	indexes    map[uint64]time.Time // when the submission that was answered with the index was made
}

// step is the state after something was done.
type step struct {
	at    time.Time
	truth map[string]string // by path
}

const delayToken = nodetest.Token

func newDelayedRound(t *testing.T, delay time.Duration) *delayedRound {
	d := &delayedRound{testClock: newTestClock(), delay: delay, indexes: map[uint64]time.Time{}}
	d.Cluster = nodetest.NewClusterWith(t, 3, func(cfg *node.Config) {
		cfg.Token, cfg.Now = delayToken, d.Now
		// A node that wrote its boards shortly before it was killed has no events of what falls due
		// while it is down. It would begin with a snapshot, and the pursuer would see less.
		cfg.CheckpointAfter = time.Hour
	})
	d.tour = d.submit("/api/tournaments", nodetest.Object{"name": "Test Open"})["id"].(string)
	d.uuid = lcc.UUID(d.Nodes[0].Raft.ClusterID(), relay.TournamentID(d.tour))
	d.round = d.submit("/api/tournaments/"+d.tour+"/rounds", nodetest.Object{"name": "Round 1", "delay": int(delay / time.Second)})["id"].(string)
	for b := range 2 {
		d.open(b + 1)
	}
	d.note()
	d.advance(delay)
	return d
}

func (d *delayedRound) open(board int) {
	d.T.Helper()
	g := d.submit("/api/rounds/"+d.round+"/games", nodetest.Object{
		"board": board, "white": nodetest.Object{"name": fmt.Sprint("White ", board)}, "black": nodetest.Object{"name": fmt.Sprint("Black ", board)},
	})
	d.games = append(d.games, g["id"].(string))
}

// submit sends a submission with the token to running nodes, until one takes it.
func (d *delayedRound) submit(path string, body nodetest.Object) nodetest.Object {
	return d.ask(http.MethodPost, path, body)
}

func (d *delayedRound) ask(method, path string, body nodetest.Object) (out nodetest.Object) {
	d.T.Helper()
	data, err := json.Marshal(body)
	if err != nil {
		d.T.Fatal(err)
	}
	key := fmt.Sprint("key-", path, len(d.steps), string(data))
	if len(key) > relay.MaxRequest {
		key = key[:relay.MaxRequest]
	}
	nodetest.Eventually(d.T, path+" to be taken", func() bool {
		for _, n := range d.Nodes {
			if n.Node == nil {
				continue
			}
			req, err := http.NewRequest(method, n.URL+path, bytes.NewReader(data))
			if err != nil {
				d.T.Fatal(err)
			}
			req.Header.Set("Authorization", "Bearer "+delayToken)
			req.Header.Set("Idempotency-Key", key)
			req.Header.Set("Content-Type", "application/json")
			res, err := http.DefaultClient.Do(req)
			if err != nil {
				continue
			}
			out = nodetest.Object{}
			if status := nodetest.Decode(d.T, res, &out); status < 300 {
				if index, ok := out["index"].(float64); ok {
					d.indexes[uint64(index)] = d.Now()
				}
				return true
			} else if status < 500 {
				d.T.Fatalf("%s: %d %v", path, status, out)
			}
		}
		return false
	})
	return out
}

// paths are all paths that show something of the round.
func (d *delayedRound) paths() []string {
	paths := []string{
		"/api/tournaments", "/api/tournaments/" + d.tour, "/api/tournaments/" + d.tour + "/standings",
		"/api/rounds/" + d.round, "/api/rounds/" + d.round + ".pgn",
		"/api/broadcast/-/-/" + d.round, "/api/broadcast/" + d.tour, "/api/broadcast/by/chessrelay",
		"/api/broadcast/round/" + d.round + ".pgn", "/api/broadcast/" + d.tour + ".pgn",
		"/live?round=" + d.round, "/events?round=" + d.round, "/feed", "/api/stream/broadcast/round/" + d.round + ".pgn",
		"/get/" + d.uuid + "/tournament.json", "/get/" + d.uuid + "/round-1/index.json",
	}
	for i, g := range d.games {
		paths = append(paths, "/api/games/"+g, "/api/games/"+g+".pgn", "/api/games/"+g+"/history",
			fmt.Sprintf("/get/%s/round-1/game-%d.json", d.uuid, i+1))
	}
	return paths
}

// noNews matches what is no news of the round: what a client may write, where a server is, and how
// long a player thinks.
var noNews = regexp.MustCompile(`"writeable":(true|false)|"thinkTime":\d+,?|http://127\.0\.0\.1:\d+`)

func (d *delayedRound) fetch(n *nodetest.Node, path, token string) string {
	d.T.Helper()
	if streams(path) {
		return d.begin(n, path, token)
	}
	req, err := http.NewRequest(http.MethodGet, n.URL+path, nil)
	if err != nil {
		d.T.Fatal(err)
	}
	if token != "" {
		req.Header.Set("Authorization", "Bearer "+token)
	}
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		d.T.Fatal(err)
	}
	defer res.Body.Close()
	b, err := io.ReadAll(res.Body)
	if err != nil {
		d.T.Fatal(err)
	}
	if vary := strings.Join(res.Header.Values("Vary"), ","); !strings.Contains(vary, "Authorization") {
		d.T.Errorf("%s varies with %q", path, vary)
	}
	if none, err := json.Marshal(lcc.NoGame()); res.StatusCode == http.StatusNotFound || err == nil && strings.TrimSpace(string(b)) == string(none) {
		return "not found"
	}
	return noNews.ReplaceAllString(string(b), "")
}

// streams reports whether the answer has no end.
func streams(path string) bool {
	return slices.ContainsFunc([]string{"/live", "/events", "/feed", "/api/stream"}, func(p string) bool { return strings.HasPrefix(path, p) })
}

// begin is the beginning of a stream: a snapshot, without its index, or the games.
func (d *delayedRound) begin(n *nodetest.Node, path, token string) string {
	d.T.Helper()
	ctx, cancel := context.WithTimeout(d.T.Context(), 90*time.Second)
	defer cancel()
	var read func() string
	if strings.HasPrefix(path, "/live") {
		// A browser can set no header, so the token is in the URL.
		address := "ws" + strings.TrimPrefix(n.URL, "http") + path
		if token != "" {
			address += "&" + url.Values{"access_token": {token}}.Encode()
		}
		conn, _, err := websocket.DefaultDialer.DialContext(ctx, address, nil)
		if err != nil {
			d.T.Fatal(err)
		}
		defer conn.Close()
		read = func() string {
			_, text, err := conn.ReadMessage()
			if err != nil {
				d.T.Fatal(err)
			}
			return string(text)
		}
	} else {
		req, err := http.NewRequestWithContext(ctx, http.MethodGet, n.URL+path, nil)
		if err != nil {
			d.T.Fatal(err)
		}
		if token != "" {
			req.Header.Set("Authorization", "Bearer "+token)
		}
		res, err := http.DefaultClient.Do(req)
		if err != nil {
			d.T.Fatal(err)
		}
		defer res.Body.Close()
		if strings.HasPrefix(path, "/api/stream") { // it has games already, all in one write
			buf := make([]byte, 1<<16)
			n, err := res.Body.Read(buf)
			if err != nil {
				d.T.Fatal(err)
			}
			return noNews.ReplaceAllString(string(buf[:n]), "")
		}
		in := bufio.NewScanner(res.Body)
		in.Buffer(nil, 1<<20)
		read = func() string {
			if !in.Scan() {
				d.T.Fatal(in.Err())
			}
			return in.Text()
		}
	}
	for {
		if text := read(); strings.Contains(text, `"type":"snapshot"`) {
			return anyIndex.ReplaceAllString(text, "")
		}
	}
}

var anyIndex = regexp.MustCompile(`"type":"snapshot","index":\d+`)

// A pursuer watches the round as the public does, at one node after the other. It keeps when each
// event came.
type pursuer struct {
	*nodetest.Spectator
	from uint64 // the index behind which it began

	mu   sync.Mutex
	came map[uint64]time.Time
	quit chan struct{}
	done sync.WaitGroup
	stop func() // closes quit and waits; a test that fails early does it, too
}

func (d *delayedRound) pursue() *pursuer {
	p := &pursuer{Spectator: nodetest.NewSpectator(d.T, d.round), came: map[uint64]time.Time{}, quit: make(chan struct{})}
	var nodes []string
	for _, n := range d.Nodes {
		nodes = append(nodes, n.URL)
	}
	for index := range d.indexes {
		p.from = max(p.from, index)
	}
	p.stop = sync.OnceFunc(func() { close(p.quit); p.done.Wait() })
	d.T.Cleanup(p.stop)
	p.done.Go(func() {
		for i := 0; ; i++ {
			for err := p.Dial(nodes[i%len(nodes)]); err == nil; {
				var frames []nodetest.Frame
				frames, err = p.Read()
				p.mu.Lock()
				for _, f := range frames {
					if f.Index > 0 && f.Game != "" {
						p.came[f.Index] = d.Now()
					}
				}
				p.mu.Unlock()
				select {
				case <-p.quit:
					return
				default:
				}
			}
			select {
			case <-p.quit:
				return
			case <-time.After(20 * time.Millisecond):
			}
		}
	})
	return p
}

// end waits until the pursuer has seen the last submission, and checks when each event came.
func (d *delayedRound) end(p *pursuer) {
	d.T.Helper()
	nodetest.Eventually(d.T, "the pursuer to have seen all", func() bool {
		p.mu.Lock()
		defer p.mu.Unlock()
		for index := range d.indexes {
			if _, ok := p.came[index]; !ok && index > p.from {
				return false
			}
		}
		return true
	})
	p.stop()
	if p.Snapshots != 1 || len(p.came) < 12 {
		d.T.Errorf("the pursuer has seen %d events and %d snapshots", len(p.came), p.Snapshots)
	}
	for index, came := range p.came {
		if at, ok := d.indexes[index]; ok && came.Before(at.Add(d.delay)) {
			d.T.Errorf("index %d, submitted at %v, was seen at %v", index, at, came)
		}
	}
}

// note ends a step: it waits for all running nodes, and keeps the truth.
func (d *delayedRound) note() {
	d.T.Helper()
	d.WaitEqual()
	s := step{at: d.Now(), truth: map[string]string{}}
	for i, n := range d.Nodes {
		if n.Node == nil {
			continue
		}
		for _, path := range d.paths() {
			if streams(path) && s.truth[path] != "" && len(d.steps)%len(d.Nodes) != i {
				continue
			}
			body := d.fetch(n, path, delayToken)
			if before, ok := s.truth[path]; ok && before != body {
				d.T.Fatalf("%s is, in truth, on one node\n%s\nand on %s\n%s", path, before, n.Config.Name, body)
			}
			s.truth[path] = body
		}
	}
	d.steps = append(d.steps, s)
}

// advance moves the clock, and checks that the public sees on each node what is due then.
func (d *delayedRound) advance(by time.Duration) {
	d.T.Helper()
	d.mu.Lock()
	d.now = d.now.Add(by)
	d.mu.Unlock()
	for _, n := range d.Nodes {
		if n.Node != nil {
			n.Boards.ReleaseNow()
		}
	}
	d.compare()
}

// compare checks that the public sees the truth of a delay ago, and nothing later, not even for a
// moment.
func (d *delayedRound) compare() {
	d.T.Helper()
	due := 0
	for i, s := range d.steps {
		if !s.at.Add(d.delay).After(d.Now()) {
			due = i
		}
	}
	d.compared++
	for i, n := range d.Nodes {
		if n.Node == nil {
			continue
		}
		for _, path := range d.paths() {
			if streams(path) && d.compared%len(d.Nodes) != i { // these take long
				continue
			}
			nodetest.Eventually(d.T, fmt.Sprintf("%s to show step %d of %d on %s", path, due, len(d.steps)-1, n.Config.Name), func() bool {
				body := d.fetch(n, path, "")
				if body == d.steps[due].truth[path] || body == "not found" && d.steps[due].truth[path] == "" {
					return true
				}
				early := slices.ContainsFunc(d.steps[due+1:], func(s step) bool { return s.truth[path] == body }) || strings.Contains(body, "error")
				if early && !slices.ContainsFunc(d.steps[:due], func(s step) bool { return s.truth[path] == body }) {
					d.T.Fatalf("step %d: %s shows on %s what is to come:\n%s\nand not\n%s", due, path, n.Config.Name, body, d.steps[due].truth[path])
				}
				return false
			})
		}
	}
}

// do is one step: it submits something, and lets some seconds pass.
func (d *delayedRound) do(method, path string, body nodetest.Object) {
	d.T.Helper()
	d.ask(method, path, body)
	d.note()
	d.compare()
	d.advance(10 * time.Second)
}

func (d *delayedRound) move(game, ply int, san string) {
	d.T.Helper()
	d.do(http.MethodPost, "/api/games/"+d.games[game]+"/moves", nodetest.Object{"ply": ply, "move": san, "clock": nodetest.Object{"white": 5_400_000 - 1000*ply}})
}

// TestDelay plays, corrects and resets a round with a delay, while nodes are killed and started
// again. At each moment, on each node, wherever a round is shown, the public sees the truth of a
// delay ago.
func TestDelay(t *testing.T) {
	t.Parallel()
	d := newDelayedRound(t, time.Minute)
	d.compare()
	p := d.pursue()
	game := "/api/games/" + d.games[0]
	d.move(0, 1, "e4")
	d.move(0, 2, "e5")
	d.move(1, 1, "d4")
	d.do(http.MethodPost, game+"/takeback", nodetest.Object{"toPly": 1, "reason": "sensor"})
	d.move(0, 2, "c5")

	// Two venues start again. The first missed moves while it was down, the second missed none.
	d.Nodes[2].Kill()
	d.move(0, 3, "Nf3")
	d.Nodes[2].Start()
	d.WaitEqual()
	d.compare()
	d.Nodes[1].Kill()
	d.Nodes[1].Start()
	d.WaitEqual()
	d.compare()

	d.Nodes[2].Stop() // this leaves a checkpoint and nothing to replay
	d.advance(10 * time.Second)
	d.Nodes[2].Start()
	d.compare()

	// The leader dies. Another one leads, and shows neither more nor less.
	lead := d.Leader()
	lead.Kill()
	d.compare()
	d.do(http.MethodPost, game+"/correct", nodetest.Object{"toPly": 2, "moves": []nodetest.Object{{"move": "Nc3"}, {"move": "Nc6"}}, "reason": "the score sheet"})
	d.move(0, 5, "g3")
	lead.Start()
	d.WaitEqual()
	d.compare()

	d.open(3)
	d.note()
	d.advance(5 * time.Second)
	d.do(http.MethodPost, "/api/games/"+d.games[1]+"/result", nodetest.Object{"result": "1-0"})
	d.do(http.MethodPatch, game, nodetest.Object{"white": nodetest.Object{"rating": 2500}})

	// All of it is reset while much of it is held.
	d.do(http.MethodPost, "/api/broadcast/round/"+d.round+"/reset", nodetest.Object{})
	d.move(0, 1, "b3")
	for _, n := range d.Nodes {
		n.Kill()
	}
	d.advanceWhileDown(15 * time.Second)
	for _, n := range d.Nodes {
		n.Start()
	}
	d.WaitEqual()
	for range 9 {
		d.compare()
		d.advance(10 * time.Second)
	}
	if last := len(d.steps) - 1; d.fetch(d.Nodes[0], game, "") != d.steps[last].truth[game] {
		t.Error("something is lost")
	}
	d.end(p)
	if fen := regexp.MustCompile(`"fen":"([^"]*)"`).FindStringSubmatch(d.fetch(d.Nodes[0], game, "")); fen == nil || p.FENs[d.games[0]] != fen[1] {
		t.Errorf("the pursuer has %s, and the game stands at %v", p.FENs[d.games[0]], fen)
	}
}

func (d *delayedRound) advanceWhileDown(by time.Duration) {
	d.mu.Lock()
	d.now = d.now.Add(by)
	d.mu.Unlock()
}

// TestDelayWithoutToken: without tokens nobody can be told from the public, so there is no delay.
func TestDelayWithoutToken(t *testing.T) {
	t.Parallel()
	c := nodetest.NewCluster(t, 1)
	url := c.Nodes[0].URL
	tour := nodetest.Must(t, url+"/api/tournaments", nodetest.Object{"name": "Test Open"})["id"].(string)
	round := nodetest.Must(t, url+"/api/tournaments/"+tour+"/rounds", nodetest.Object{"name": "Round 1"})["id"].(string)
	for _, tc := range []struct{ method, path string }{
		{http.MethodPost, "/api/tournaments/" + tour + "/rounds"}, {http.MethodPatch, "/api/rounds/" + round},
	} {
		var out nodetest.Object
		status, text := nodetest.Ask(t, tc.method, url+tc.path, "", nodetest.Object{"name": "Round 2", "delay": 60})
		if err := json.Unmarshal([]byte(text), &out); err != nil || status != http.StatusUnprocessableEntity || out["code"] != "needs_tokens" {
			t.Errorf("%s %s: %d %s", tc.method, tc.path, status, text)
		}
	}
	if status, text := nodetest.Ask(t, http.MethodPatch, url+"/api/rounds/"+round, "", nodetest.Object{"delay": 0}); status != http.StatusOK && status != http.StatusCreated {
		t.Errorf("no delay: %d %s", status, text)
	}
}
