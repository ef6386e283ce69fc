package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"google.golang.org/protobuf/proto"

	"github.com/chessrelay/chessrelay/consensus"
	"github.com/chessrelay/chessrelay/relay"
	"github.com/chessrelay/chessrelay/relay/relaypb"
	"github.com/chessrelay/chessrelay/web/edge"
)

// addEdge starts an edge that follows these, the first one rather than the others.
func (c *testCluster) addEdge(name string, upstreams ...*testNode) *testNode {
	c.t.Helper()
	n := &testNode{t: c.t, cfg: serveConfig{
		Name: name, Role: roleEdge, HTTP: keptAddress(c.t), Voters: 1,
		pace: edge.LogClientConfig{Patience: time.Second, Probation: 500 * time.Millisecond, ProbeEvery: 100 * time.Millisecond},
	}}
	for _, u := range upstreams {
		scheme := "http://"
		if u.cfg.tls() {
			scheme = "https://"
		}
		n.cfg.Upstreams = append(n.cfg.Upstreams, scheme+u.cfg.HTTP)
	}
	if c.with != nil {
		c.with(&n.cfg)
	}
	c.nodes = append(c.nodes, n)
	n.start()
	return n
}

// leafSpectator watches at one of some leaves and, when that fails, at the next, with since.
type leafSpectator struct {
	*spectator
	leaves []*testNode
	at     int
}

// watchUntil reads until the spectator has seen index, wherever it has to go for that.
func (s *leafSpectator) watchUntil(ctx context.Context, done func() bool) error {
	for !done() {
		if ctx.Err() != nil {
			return ctx.Err()
		}
		if s.conn != nil {
			if _, err := s.read(); err == nil {
				continue
			}
		}
		s.at++
		if s.dial("http://"+s.leaves[s.at%len(s.leaves)].cfg.HTTP) != nil {
			<-time.After(20 * time.Millisecond)
		}
	}
	return nil
}

// TestTreeOfEdges is a recorder and two venues, and three levels of edges below them. A round is
// fed while a node of each level is killed in turn and comes back. Every spectator of a leaf sees
// every event of the log, once and in order, by way of whatever nodes.
func TestTreeOfEdges(t *testing.T) {
	t.Parallel()
	c := newTestCluster(t, 3)
	recorder, v1, v2 := c.nodes[0], c.nodes[1], c.nodes[2]
	a1, a2 := c.addEdge("a1", v1, v2), c.addEdge("a2", v2, v1)
	b1, b2 := c.addEdge("b1", a1, a2), c.addEdge("b2", a2, a1)
	leaf1, leaf2 := c.addEdge("leaf1", b1, b2), c.addEdge("leaf2", b2, b1)
	if d := leaf1.edge.Report(); d.Depth != 3 || d.Path[0].Name != v1.cfg.Name || d.Path[2].Name != "b1" {
		t.Fatalf("leaf1 is at depth %d: %+v", d.Depth, d.Path)
	}
	const boards = 6
	round, games := newRound(t, recorder.url, boards)
	c.waitEqual()
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	defer cancel()

	// The witness watches where nothing is killed, so that what it sees is the log.
	witness := newSpectator(t, round)
	witness.watch(recorder.url)
	witness.until("the snapshot", func() bool { return witness.snaps == 1 })
	var spectators []*leafSpectator
	for i := range 6 {
		s := &leafSpectator{spectator: newSpectator(t, round), leaves: []*testNode{leaf1, leaf2}, at: i}
		s.watch(s.leaves[i%2].url)
		s.until("the snapshot", func() bool { return s.snaps == 1 })
		spectators = append(spectators, s)
	}

	playing, stop := context.WithCancel(ctx)
	var feed, watch sync.WaitGroup
	var last struct {
		sync.Mutex
		index uint64
		moves int
		ended bool
	}
	feed.Go(func() {
		shuffle := []string{"Nf3", "Nf6", "Ng1", "Ng8"}
		for ply := 1; playing.Err() == nil; ply++ {
			for _, g := range games {
				o := must(t, recorder.url+"/api/games/"+g+"/moves", object{"ply": ply, "move": shuffle[(ply-1)%4]})
				last.Lock()
				last.index = uint64(o["index"].(float64))
				last.moves++
				last.Unlock()
				<-time.After(2 * time.Millisecond)
			}
		}
		last.Lock()
		last.ended = true
		last.Unlock()
	})
	seen := func(s *spectator) func() bool {
		return func() bool {
			last.Lock()
			defer last.Unlock()
			return last.ended && s.since >= last.index
		}
	}
	for _, s := range spectators {
		watch.Go(func() {
			if err := s.watchUntil(ctx, seen(s.spectator)); err != nil {
				t.Errorf("a spectator has seen %d events, up to %d: %v", len(s.indexes), s.since, err)
			}
		})
	}
	moves := func() int {
		last.Lock()
		defer last.Unlock()
		return last.moves
	}
	some := func() {
		from := moves()
		eventually(t, "some moves", func() bool { return moves() > from+30 })
	}
	reaches := func(n *testNode) {
		t.Helper()
		last.Lock()
		to := last.index
		last.Unlock()
		eventually(t, n.cfg.Name+" to go on", func() bool { return n.edge.Applied() >= to })
	}
	for _, victim := range []*testNode{v1, a1, b1, v2, leaf1} {
		some()
		victim.kill()
		some()
		for _, leaf := range []*testNode{leaf1, leaf2} {
			if leaf != victim {
				reaches(leaf)
			}
		}
		victim.start()
	}
	eventually(t, "all to be where they began", func() bool {
		for n, up := range map[*testNode]*testNode{a1: v1, a2: v2, b1: a1, b2: a2, leaf1: b1, leaf2: b2} {
			if n.edge.Report().Upstream != up.url {
				return false
			}
		}
		return leaf1.edge.Status().Depth() == 3
	})
	some()
	stop()
	feed.Wait()
	witness.until("the last move", seen(witness))
	watch.Wait()
	if t.Failed() {
		return
	}
	if witness.snaps != 1 || len(witness.indexes) != last.moves {
		t.Fatalf("the witness has seen %d events of %d, and %d snapshots", len(witness.indexes), last.moves, witness.snaps)
	}
	for i, s := range spectators {
		if s.snaps != 1 || !slices.Equal(s.indexes, witness.indexes) {
			t.Errorf("spectator %d has seen %d events and %d snapshots, and there were %d events", i, len(s.indexes), s.snaps, len(witness.indexes))
		}
		for _, g := range games {
			if s.fens[g] != witness.fens[g] {
				t.Errorf("spectator %d shows %s, and it is %s", i, s.fens[g], witness.fens[g])
			}
		}
	}
	c.waitEqual()
	t.Logf("%d moves, %d spectators at the leaves", last.moves, len(spectators))
}

// TestSampleRoundAtTheLeaf feeds the sample round, and reads at the third level what a venue shows.
func TestSampleRoundAtTheLeaf(t *testing.T) {
	t.Parallel()
	c := newTestCluster(t, 1)
	half := c.addEdge("a", c.nodes[0])
	half = c.addEdge("b", half)
	s := feedSample(t, c.nodes[0].url)
	leaf := c.addEdge("leaf", half) // with an image in the place of most entries
	c.waitEqual()
	for _, path := range []string{"/api/rounds/%s", "/api/rounds/%s.pgn", "/api/broadcast/-/-/%s"} {
		at := func(n *testNode) string {
			res, err := http.Get(n.url + fmt.Sprintf(path, s.Round))
			if err != nil {
				t.Fatal(err)
			}
			var b strings.Builder
			defer res.Body.Close()
			fmt.Fprint(&b, res.StatusCode, " at ", res.Header.Get("X-Chessrelay-Index"), ": ")
			if _, err := io.Copy(&b, res.Body); err != nil || res.StatusCode != http.StatusOK {
				t.Fatalf("%s%s: %s, %v", n.url, path, res.Status, err)
			}
			return strings.ReplaceAll(b.String(), n.url, "")
		}
		if want, got := at(c.nodes[0]), at(leaf); got != want {
			t.Errorf("%s: the leaf shows %.200s, and the venue %.200s", path, got, want)
		}
	}
}

// TestEdgeAnswers: what an edge says of itself, what it refuses, and what a venue says of its
// edges.
func TestEdgeAnswers(t *testing.T) {
	t.Parallel()
	c := newTestCluster(t, 1)
	venue := c.nodes[0]
	round, games := newRound(t, venue.url, 1)
	e := c.addEdge("e", venue)
	c.waitEqual()
	for _, call := range []struct{ method, path string }{
		{"POST", "/api/cluster/members"}, {"POST", "/api/cluster/members/venue"}, {"DELETE", "/api/cluster/members/venue"}, {"POST", "/api/cluster/leader"},
		{"GET", "/api/rounds/" + round + "?consistency=linearizable"},
	} {
		r, err := http.NewRequest(call.method, e.url+call.path, strings.NewReader("{}"))
		if err != nil {
			t.Fatal(err)
		}
		res, err := http.DefaultClient.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		var out object
		if status := decode(t, res, &out); status != http.StatusMisdirectedRequest || out["code"] != "edge" || out["node"] != venue.url {
			t.Errorf("%s %s: %d %v", call.method, call.path, status, out)
		}
	}
	must(t, venue.url+"/api/games/"+games[0]+"/moves", object{"ply": 1, "move": "e4"})
	c.waitEqual()
	var s struct {
		Role, Node, Leader string
		Applied, Commit    uint64
		Upstream           edge.Report
		Edges              []edge.SessionStatus
	}
	if get(t, e.url+"/api/cluster", &s); s.Role != "edge" || s.Node != "e" || s.Leader != "recorder" || s.Upstream.Upstream != venue.url || s.Upstream.Depth != 1 || s.Upstream.Stale {
		t.Errorf("the edge says %+v", s)
	}
	eventually(t, "the venue to count what it has sent", func() bool { // the edge may have it a moment before
		get(t, venue.url+"/api/cluster", &s)
		return len(s.Edges) == 1 && s.Edges[0].Lag == 0
	})
	if s.Edges[0].Name != "e" || s.Edges[0].HTTP != e.url {
		t.Errorf("the venue's edges are %+v", s.Edges)
	}
	for _, path := range []string{"/readyz", "/healthz"} {
		if status := get(t, e.url+path, nil); status != http.StatusOK {
			t.Errorf("%s: %d", path, status)
		}
	}
	for _, n := range []*testNode{e, venue} {
		out, errs, code := command(t.Context(), "status", n.url)
		if code != 0 || !strings.Contains(out, "e ") || !strings.Contains(out, "recorder") {
			t.Errorf("status: exit %d\n%s%s", code, out, errs)
		}
		t.Log(out)
	}
	// A feed may go to the edge, which passes it on.
	feedSample(t, e.url)
	c.waitEqual()

	venue.kill()
	eventually(t, "the edge to say that it is stale", func() bool {
		var out object
		return get(t, e.url+"/readyz", &out) == http.StatusServiceUnavailable
	})
	if status := get(t, e.url+"/api/rounds/"+round, nil); status != http.StatusOK {
		t.Errorf("the stale edge serves %d", status)
	}
	venue.start()
	eventually(t, "the edge to be ready", func() bool { return get(t, e.url+"/readyz", nil) == http.StatusOK })
}

// TestEdgeRefused: an edge without the token, of another cluster, and of itself.
func TestEdgeRefused(t *testing.T) {
	t.Parallel()
	c := newTestCluster(t, 1)
	venue := c.nodes[0]
	venue.stop()
	venue.cfg.Token = testToken
	venue.start()
	open := func(cfg serveConfig) error {
		cfg.Name, cfg.Role, cfg.HTTP, cfg.Voters = "e", roleEdge, "127.0.0.1:0", 1
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		n, err := openNode(ctx, cfg, testLog(t), testTick)
		if err == nil {
			n.Close()
		}
		return err
	}
	if err := open(serveConfig{Upstreams: []string{venue.url}}); err == nil || !strings.Contains(err.Error(), "token") {
		t.Errorf("without the token: %v", err)
	}
	eventually(t, "the venue to be ready", func() bool { return get(t, venue.url+"/readyz", nil) == http.StatusOK })
	if err := open(serveConfig{Upstreams: []string{venue.url}, Token: testToken}); err != nil {
		t.Errorf("with the token: %v", err)
	}
	self := keptAddress(t)
	ctx, cancel := context.WithTimeout(t.Context(), time.Second)
	defer cancel()
	if n, err := openNode(ctx, serveConfig{Name: "e", Role: roleEdge, HTTP: self, Upstreams: []string{"http://" + self}}, testLog(t), testTick); err == nil {
		n.Close()
		t.Error("an edge follows itself")
	}

	// An edge whose venue becomes one of another cluster under the same address.
	first, second := newTestCluster(t, 1), newTestCluster(t, 1)
	round, _ := newRound(t, first.nodes[0].url, 1)
	newRound(t, second.nodes[0].url, 1)
	e := first.addEdge("e", first.nodes[0], second.nodes[0])
	first.waitEqual()
	first.nodes[0].kill()
	eventually(t, "the other cluster to be refused", func() bool {
		b, _ := json.Marshal(e.edge.Report())
		return strings.Contains(string(b), edge.ErrOtherCluster.Error())
	})
	e.boards.Read(func(_ uint64, s *relay.State) {
		if _, ok := s.Round(relay.RoundID(round)); !ok || len(s.Tournaments()) != 1 {
			t.Error("the edge lost its boards")
		}
	})
}

// TestTailBeginsWithTheBoards: what the boards were replaced by is in no tail, so one that has less
// must get the boards.
func TestTailBeginsWithTheBoards(t *testing.T) {
	b := newBoards(nil)
	defer b.Close()
	b.Apply([]consensus.Command{{Index: 3, Term: 1}})
	if err := b.Restore(100, func(func(string, []byte) error) error { return nil }); err != nil {
		t.Fatal(err)
	}
	if last := b.Tail().Last(); last != 100 {
		t.Errorf("the boards stand at 100, and the tail at %d", last)
	}
}

// TestEdgeIsOutdated: an edge ends rather than to pass over what a newer program has written.
func TestEdgeIsOutdated(t *testing.T) {
	c := newTestCluster(t, 1)
	newRound(t, c.nodes[0].url, 1)
	e := c.addEdge("e", c.nodes[0])
	ended := make(chan error, 1)
	go func(n *node) { ended <- n.run(t.Context()) }(e.node)
	of, err := proto.Marshal(&relaypb.Command{Version: relay.CommandVersion + 1, Request: "r"})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := c.nodes[0].raft.Propose(t.Context(), of); err != nil {
		t.Fatal(err)
	}
	if err := <-ended; err == nil || !strings.Contains(err.Error(), "upgrade this edge") {
		t.Errorf("it ended with %v", err)
	}
}

// TestEdgeFlags: which flags belong together.
func TestEdgeFlags(t *testing.T) {
	for line, want := range map[string]string{
		"serve --name e --role edge":                                     "--upstream is missing",
		"serve --name e --role edge --upstream http://v --data d":        "--data is for members",
		"serve --name e --role edge --upstream http://v --join http://v": "--join is for members",
		"serve --name e --role edge --join cri1_abc":                     "run `chessrelay edge invite URL`",
		"serve --name e --role edge --join cre1_abc":                     "the invitation is cut off",
		"serve --name e --role edge --join nowhere":                      "or a file that holds one",
		"serve --name v --role venue --data d --join cre1_abc":           "this invitation is for --role edge",
		"edge":               "what to do is missing",
		"edge join http://v": "what can be done is invite",
		"edge invite http://v --expires tomorrow":                                           "--expires is a time",
		"serve --name e --role edge --upstream http://v --bootstrap":                        "--bootstrap is for members",
		"serve --name e --role edge --upstream ftp://v":                                     "is not the URL of a node",
		"serve --name v --role venue --data d --join http://v --upstream http://v":          "--upstream is for --role edge",
		"serve --name v --role venue --join http://v":                                       "--data is missing",
		"serve --name e --role edge --upstream http://v,http://w --peer 127.0.0.1:0":        "--peer is for members",
		"serve --name e --role edge --upstream http://v --upstream http://w --http nowhere": "--http is an address",
	} {
		code, _, errs := runCommand(t.Context(), t, nil, strings.Fields(line)...)
		if code != exitUsage || !strings.Contains(errs, want) {
			t.Errorf("%s: exit %d, %s", line, code, errs)
		}
	}
}
