package node_test

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"io"
	"maps"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/gorilla/websocket"

	"github.com/chessrelay/chessrelay/cmd/chessrelay/node"
	"github.com/chessrelay/chessrelay/cmd/chessrelay/node/nodetest"
	"github.com/chessrelay/chessrelay/relay"
	"github.com/chessrelay/chessrelay/relay/lcc"
	"github.com/chessrelay/chessrelay/web"
)

// A publicClient asks a node for everything that the public may read, and compares the answers.
type publicClient struct {
	*delayedRound
	open  string // a round without a delay
	since uint64 // about where the log stood when the test began
}

// notCompared are the patterns of answers that are not public.
var notCompared = map[string]string{
	"/metrics":     "figures of the node, which belong to its administrator",
	"/api/cluster": "the log's figures, which belong to the administrator",
	"/feed/log":    "needs the token",
	"/api/deleted": "needs the token",
}

// timeOfDay matches what may differ. Answers have the time of day, streams have it in their frames,
// and refusals have a random Retry-After. The spectators are those of the test, which leave in
// their own time. A slow machine makes the node say that it is stale. The age of the boards grows
// between two looks. The length of an answer follows from these and from the rest, which is
// compared.
var timeOfDay = regexp.MustCompile(`"now":\d+|Date: [^\n]*\n|Retry-After: [^\n]*\n|"spectators":\d+|"stale":(true|false)|"(age|ageMs)":\d+|Content-Length: \d+\n`)

// answers asks for everything, by the routes that the node has.
func (o *publicClient) answers(n *nodetest.Node) map[string]string {
	o.T.Helper()
	known := map[string]string{
		"tid": o.tour, "tourId": o.tour, "groupId": o.tour, "rid": o.round, "roundId": o.round, "gid": o.games[0],
		"uuid": o.uuid, "n": "1", "m": "1", "tourSlug": "-", "roundSlug": "-", "user": "chessrelay", "username": "chessrelay",
		"playerId": "White%201", "board": "1",
	}
	out := map[string]string{}
	parameter := regexp.MustCompile(`\{(\w+)\}`)
	err := n.Handler().(*web.Server).Walk(func(method, pattern string) error {
		if method != http.MethodGet || notCompared[pattern] != "" || strings.HasSuffix(pattern, "/*") {
			return nil
		}
		path := parameter.ReplaceAllStringFunc(pattern, func(p string) string {
			v, ok := known[p[1:len(p)-1]]
			if !ok {
				o.T.Fatalf("%s: say in this test what %s is, so that it is known to tell nothing that is held", pattern, p)
			}
			return v
		})
		switch path {
		case "/live", "/events":
			for _, round := range []string{o.round, o.open} {
				for _, since := range []uint64{0, 1, hubIndex(n)} {
					o.add(out, n, fmt.Sprintf("%s?round=%s&since=%d", path, round, since))
				}
			}
			// Only the index tells a round that this node does not know yet from an unknown one.
			for since := o.since - 10; since < o.since+40; since++ {
				o.add(out, n, fmt.Sprintf("/events?round=nosuchid&since=%d", since))
			}
		case "/feed":
			o.add(out, n, path)
			o.add(out, n, fmt.Sprintf("%s?since=%d", path, hubIndex(n)))
		default:
			o.add(out, n, path)
		}
		return nil
	})
	if err != nil {
		o.T.Fatal(err)
	}
	for _, g := range o.games[1:] {
		o.add(out, n, "/api/games/"+g)
	}
	o.add(out, n, "/api/rounds/"+o.open)
	// An edge asks with this header. Others can, too.
	req, _ := http.NewRequest(http.MethodPost, n.URL+"/api/games/"+o.games[0]+"/moves", strings.NewReader(`{"ply":1,"move":"a3"}`))
	req.Header.Set("X-Chessrelay-Hops", "1")
	out["POST without the token"] = o.text(req)
	return out
}

func (o *publicClient) add(to map[string]string, n *nodetest.Node, path string) {
	o.T.Helper()
	ctx, cancel := context.WithTimeout(o.T.Context(), 30*time.Second)
	defer cancel()
	switch {
	case strings.HasPrefix(path, "/live"):
		conn, _, err := websocket.DefaultDialer.DialContext(ctx, "ws"+strings.TrimPrefix(n.URL, "http")+path, nil)
		if err != nil {
			o.T.Fatal(err)
		}
		defer conn.Close()
		_ = conn.SetReadDeadline(time.Now().Add(30 * time.Second))
		to[path] = untilStatus(func() (string, bool) {
			_, text, err := conn.ReadMessage()
			if err != nil {
				return err.Error(), false
			}
			return string(text), true
		})
		return
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, n.URL+path, nil)
	if err != nil {
		o.T.Fatal(err)
	}
	to[path] = o.text(req)
}

// untilStatus is the text of a stream until its first status, or until its end.
func untilStatus(read func() (string, bool)) (text string) {
	for {
		line, ok := read()
		text += line + "\n"
		if !ok || strings.Contains(line, `"type":"status"`) {
			return timeOfDay.ReplaceAllString(text, "")
		}
	}
}

func (o *publicClient) text(req *http.Request) string {
	o.T.Helper()
	client := &http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	res, err := client.Do(req)
	if err != nil {
		o.T.Fatal(err)
	}
	defer res.Body.Close()
	var head bytes.Buffer
	fmt.Fprintln(&head, res.Status)
	if err := res.Header.Write(&head); err != nil {
		o.T.Fatal(err)
	}
	text := timeOfDay.ReplaceAllString(strings.ReplaceAll(head.String(), "\r", ""), "")
	path := req.URL.Path
	switch {
	case res.StatusCode == http.StatusOK && (path == "/events" || path == "/feed"):
		lines := bufio.NewScanner(res.Body)
		lines.Buffer(nil, 1<<20)
		return text + untilStatus(func() (string, bool) { ok := lines.Scan(); return lines.Text(), ok })
	case res.StatusCode == http.StatusOK && strings.HasPrefix(path, "/api/stream/"): // all games at once
		games := len(o.games)
		if strings.Contains(path, "/tour/") && o.open != o.round { // in no order
			games++
		}
		var got string
		for buf := make([]byte, 1<<16); strings.Count(got, "[Event ") < games; {
			n, err := res.Body.Read(buf)
			got += string(buf[:n])
			if err != nil {
				o.T.Fatalf("%s has ended: %v\n%s", path, err, got)
			}
		}
		parts := strings.Split(got, "[Event ")
		slices.Sort(parts)
		return text + strings.Join(parts, "[Event ")
	}
	body, err := io.ReadAll(res.Body)
	if err != nil {
		o.T.Fatal(err)
	}
	if path == "/api/openapi.json" { // it is large, and has no time of day
		return text + string(body)
	}
	return text + timeOfDay.ReplaceAllString(string(body), "")
}

func hubIndex(n *nodetest.Node) (index uint64) {
	n.Boards.Read(func(applied uint64, s *relay.State) { index = s.Public(applied).Index() })
	return index
}

// TestHeldMovesChangeNoPublicAnswer records much in a round with a delay, and asks for everything
// before and after. For the public, the answers are the same, byte for byte.
func TestHeldMovesChangeNoPublicAnswer(t *testing.T) {
	t.Parallel()
	d := &delayedRound{testClock: newTestClock(), delay: time.Hour, indexes: map[uint64]time.Time{}}
	d.Cluster = nodetest.NewClusterWith(t, 1, func(cfg *node.Config) { cfg.Token, cfg.Now = delayToken, d.Now })
	d.tour = d.submit("/api/tournaments", nodetest.Object{"name": "Test Open"})["id"].(string)
	d.uuid = lcc.UUID(d.Nodes[0].Raft.ClusterID(), relay.TournamentID(d.tour))
	rounds := "/api/tournaments/" + d.tour + "/rounds"
	d.round = d.submit(rounds, nodetest.Object{"name": "Round 1", "delay": 3600})["id"].(string)
	o := &publicClient{delayedRound: d, open: d.submit(rounds, nodetest.Object{"name": "Round 2"})["id"].(string)}
	d.open(1)
	d.open(2)
	moves := func(game, from int, sans ...string) {
		for i, san := range sans {
			d.submit("/api/games/"+d.games[game]+"/moves", nodetest.Object{"ply": from + i, "move": san})
		}
	}
	moves(0, 1, "e4", "e5")
	d.wait(2 * time.Hour)
	d.AddEdge("edge", d.Nodes[0])
	shown := d.submit("/api/rounds/"+o.open+"/games", nodetest.Object{"board": 1, "white": nodetest.Object{"name": "A"}, "black": nodetest.Object{"name": "B"}})
	d.submit("/api/games/"+shown["id"].(string)+"/moves", nodetest.Object{"ply": 1, "move": "d4"})

	compare := func(what string, before []map[string]string) {
		t.Helper()
		for i, n := range d.Nodes {
			after := o.answers(n)
			for _, path := range slices.Sorted(maps.Keys(before[i])) {
				if diff := cmp.Diff(before[i][path], after[path]); diff != "" {
					t.Errorf("%s: %s tells the public of %s that it was recorded (-before +after):\n%s", n.Config.Name, path, what, diff)
				}
			}
		}
	}
	o.since, _ = d.Nodes[0].Stand()
	before := o.all()

	moves(0, 3, "Nf3", "Nc6")
	d.settle()
	compare("moves", before)

	game := "/api/games/" + d.games[0]
	d.submit(game+"/takeback", nodetest.Object{"toPly": 3, "reason": "sensor"})
	d.submit(game+"/correct", nodetest.Object{"toPly": 2, "moves": []nodetest.Object{{"move": "Nc3"}, {"move": "Nc6"}}})
	d.submit(game+"/clock", nodetest.Object{"white": 1000})
	d.submit("/api/games/"+d.games[1]+"/result", nodetest.Object{"result": "1-0"})
	d.submit(game+"/result", nodetest.Object{"result": "1-0"}) // and the round is over
	d.ask(http.MethodPatch, game, nodetest.Object{"white": nodetest.Object{"name": "Another", "rating": 2500}})
	d.ask(http.MethodPatch, "/api/rounds/"+d.round, nodetest.Object{"description": "held"})
	extra := d.submit("/api/rounds/"+d.round+"/games", nodetest.Object{"board": 9, "white": nodetest.Object{"name": "X"}, "black": nodetest.Object{"name": "Y"}})
	d.settle()
	compare("corrections, results and a board", before)

	// The public has not seen the board, so it does not see the deletion either.
	board := "/api/games/" + extra["id"].(string)
	d.ask(http.MethodDelete, board, nodetest.Object{})
	d.submit(board+"/restore", nodetest.Object{})
	d.ask(http.MethodDelete, board, nodetest.Object{"reason": "again"})
	d.settle()
	compare("a board that was deleted", before)

	// A public move changes the answers. Nothing that is held before or after it does.
	d.submit("/api/games/"+shown["id"].(string)+"/moves", nodetest.Object{"ply": 2, "move": "d5"})
	before = o.all()
	d.ask(http.MethodPatch, "/api/rounds/"+d.round, nodetest.Object{"description": "held, too"})
	d.settle()
	compare("a description", before)

	// A node that starts again knows what the public had, but not all events.
	for _, answers := range before {
		maps.DeleteFunc(answers, func(path, _ string) bool { return streams(path) })
	}
	d.Nodes[0].Stop()
	d.Nodes[0].Start()
	d.settle()
	nodetest.Eventually(t, "the edge to follow again", func() bool { return d.Nodes[1].Edge.Report().Upstream != "" })
	compare("a restart", before)
}

// all asks all nodes for everything, until they answer the same twice. For half a second, a status
// may be older than the last event.
func (o *publicClient) all() (answers []map[string]string) {
	o.T.Helper()
	o.settle()
	for _, n := range o.Nodes {
		first := o.answers(n)
		nodetest.Eventually(o.T, n.Config.Name+" to answer the same twice", func() bool {
			was := first
			first = o.answers(n)
			var shown uint64
			n.Boards.Read(func(applied uint64, b *relay.State) { shown = b.Shown(applied) })
			return maps.Equal(was, first) && regexp.MustCompile(fmt.Sprintf(`"type":"status"[^\n]*"index":%d}`, shown)).MatchString(first["/feed"])
		})
		answers = append(answers, first)
	}
	return answers
}

// wait moves the clock, and waits until the public has what is due.
func (d *delayedRound) wait(by time.Duration) {
	d.T.Helper()
	d.settle() // anything later is held from then on
	d.advanceWhileDown(by)
	for _, n := range d.Nodes {
		n.Boards.ReleaseNow()
		nodetest.Eventually(d.T, "what is due to be public", func() (none bool) {
			n.Boards.Read(func(_ uint64, s *relay.State) {
				none = true
				for _, r := range s.Delays().Rounds {
					none = none && r.Held == 0
				}
			})
			return none
		})
	}
}

// settle waits until all nodes have everything.
func (d *delayedRound) settle() {
	d.T.Helper()
	nodetest.Eventually(d.T, "all nodes to have everything", func() bool {
		for _, n := range d.Nodes {
			a, _ := d.Nodes[0].Stand()
			if b, _ := n.Stand(); a != b {
				return false
			}
		}
		return true
	})
}

// TestStreamsShowNoHeldMoves watches while moves are held. No stream says anything until something
// is released.
func TestStreamsShowNoHeldMoves(t *testing.T) {
	t.Parallel()
	d := newDelayedRound(t, time.Hour)
	n := d.Nodes[0]
	open := d.submit("/api/tournaments/"+d.tour+"/rounds", nodetest.Object{"name": "Round 2"})["id"].(string)
	g := d.submit("/api/rounds/"+open+"/games", nodetest.Object{"board": 1, "white": nodetest.Object{"name": "A"}, "black": nodetest.Object{"name": "B"}})["id"].(string)
	ctx, cancel := context.WithTimeout(t.Context(), 90*time.Second)
	defer cancel()
	type stream struct {
		name string
		read func() (string, bool)
		end  string // its last text
	}
	var streams []stream
	for _, path := range []string{"/feed", "/events?round=" + d.round, "/events?round=" + open} {
		req, _ := http.NewRequestWithContext(ctx, http.MethodGet, n.URL+path, nil)
		res, err := http.DefaultClient.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		defer res.Body.Close()
		lines := bufio.NewScanner(res.Body)
		lines.Buffer(nil, 1<<20)
		s := stream{path, func() (string, bool) { ok := lines.Scan(); return lines.Text(), ok }, `"stale":true`}
		untilStatus(s.read)
		streams = append(streams, s)
	}
	d.submit("/api/games/"+d.games[0]+"/moves", nodetest.Object{"ply": 1, "move": "e4"})
	d.submit("/api/games/"+d.games[0]+"/result", nodetest.Object{"result": "1-0"})
	d.submit("/api/games/"+g+"/moves", nodetest.Object{"ply": 1, "move": "c4"})
	d.submit("/api/games/"+d.games[1]+"/moves", nodetest.Object{"ply": 1, "move": "d4"})
	d.settle()
	truth := n.Raft.Applied()
	n.Hub.SetStale(true, time.Now())
	for _, s := range streams {
		for text := ""; !strings.Contains(text, s.end); {
			line, ok := s.read()
			text += line
			if !ok {
				t.Fatalf("%s has ended: %s", s.name, text)
			}
			public := strings.Contains(line, g) || strings.Contains(line, `"status"`) && strings.Contains(line, open)
			if strings.Contains(line, `"type":"status"`) || strings.HasPrefix(line, "event:") || strings.HasPrefix(line, "id:") {
				public = true
			}
			if strings.Contains(line, `"type":"round"`) { // it has begun
				public = strings.Contains(line, open)
			}
			if line != "" && !public || strings.Contains(line, fmt.Sprint(`"index":`, truth)) {
				t.Errorf("%s says %s", s.name, line)
			}
		}
	}
}

// TestSourceOfADelayedRound sets, changes and removes the source of a round with a delay. The
// public finds it nowhere. In the truth, the audit trail has it.
func TestSourceOfADelayedRound(t *testing.T) {
	t.Parallel()
	d := newDelayedRound(t, time.Minute)
	d.ask(http.MethodPatch, "/api/rounds/"+d.round, nodetest.Object{"source": nodetest.Object{"url": "http://127.0.0.1:9/unheard-of.pgn"}})
	d.ask(http.MethodPatch, "/api/rounds/"+d.round, nodetest.Object{"source": nil, "description": "known"})
	d.ask(http.MethodPatch, "/api/rounds/"+d.round, nodetest.Object{"source": nodetest.Object{"url": "http://127.0.0.1:9/unheard-of-too.pgn"}})
	d.submit("/api/games/"+d.games[0]+"/moves", nodetest.Object{"ply": 1, "move": "e4"}) // otherwise the streams say nothing
	d.wait(time.Hour)
	o := &publicClient{delayedRound: d, open: d.round, since: 10}
	n := d.Nodes[0]
	for path, text := range o.answers(n) {
		if strings.Contains(text, "unheard-of") {
			t.Errorf("%s tells the public where the round comes from:\n%s", path, text)
		}
	}
	history := "/api/rounds/" + d.round + "/history"
	if text := d.fetch(n, history, ""); !strings.Contains(text, "known") {
		t.Errorf("the public is not told the rest: %s", text)
	}
	if text := d.fetch(n, history, delayToken); strings.Count(text, "unheard-of-too") != 1 {
		t.Errorf("the truth has %s", text)
	}
}
