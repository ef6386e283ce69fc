package node_test

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

	"github.com/chessrelay/chessrelay/cmd/chessrelay/node"
	"github.com/chessrelay/chessrelay/cmd/chessrelay/node/nodetest"
	"github.com/chessrelay/chessrelay/consensus"
	"github.com/chessrelay/chessrelay/relay"
	"github.com/chessrelay/chessrelay/relay/relaypb"
	"github.com/chessrelay/chessrelay/web/edge"
)

// leafSpectator watches at one of several leaves. When that fails, it goes on at the next, with
// since.
type leafSpectator struct {
	*nodetest.Spectator
	leaves []*nodetest.Node
	at     int
}

// watchUntil reads until done holds, at any leaf.
func (s *leafSpectator) watchUntil(ctx context.Context, done func() bool) error {
	for !done() {
		if ctx.Err() != nil {
			return ctx.Err()
		}
		if s.Conn != nil {
			if _, err := s.Read(); err == nil {
				continue
			}
		}
		s.at++
		if s.Dial("http://"+s.leaves[s.at%len(s.leaves)].Config.HTTP) != nil {
			<-time.After(20 * time.Millisecond)
		}
	}
	return nil
}

// TestTreeOfEdges is a recorder and two venues, and three levels of edges below them. While a round
// is fed, a node of each level is killed in turn and comes back. Every spectator of a leaf sees
// every event of the log, once and in order, through any nodes.
func TestTreeOfEdges(t *testing.T) {
	t.Parallel()
	c := nodetest.NewCluster(t, 3)
	recorder, v1, v2 := c.Nodes[0], c.Nodes[1], c.Nodes[2]
	a1, a2 := c.AddEdge("a1", v1, v2), c.AddEdge("a2", v2, v1)
	b1, b2 := c.AddEdge("b1", a1, a2), c.AddEdge("b2", a2, a1)
	leaf1, leaf2 := c.AddEdge("leaf1", b1, b2), c.AddEdge("leaf2", b2, b1)
	if d := leaf1.Edge.Report(); d.Depth != 3 || d.Path[0].Name != v1.Config.Name || d.Path[2].Name != "b1" {
		t.Fatalf("leaf1 is at depth %d: %+v", d.Depth, d.Path)
	}
	const boards = 6
	round, games := nodetest.NewRound(t, recorder.URL, boards)
	c.WaitEqual()
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	defer cancel()

	// The witness watches where nothing is killed, so that what it sees is the log.
	witness := nodetest.NewSpectator(t, round)
	witness.Watch(recorder.URL)
	witness.Until("the snapshot", func() bool { return witness.Snapshots == 1 })
	var spectators []*leafSpectator
	for i := range 6 {
		s := &leafSpectator{Spectator: nodetest.NewSpectator(t, round), leaves: []*nodetest.Node{leaf1, leaf2}, at: i}
		s.Watch(s.leaves[i%2].URL)
		s.Until("the snapshot", func() bool { return s.Snapshots == 1 })
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
				o := nodetest.Must(t, recorder.URL+"/api/games/"+g+"/moves", nodetest.Object{"ply": ply, "move": shuffle[(ply-1)%4]})
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
	seen := func(s *nodetest.Spectator) func() bool {
		return func() bool {
			last.Lock()
			defer last.Unlock()
			return last.ended && s.Since >= last.index
		}
	}
	for _, s := range spectators {
		watch.Go(func() {
			if err := s.watchUntil(ctx, seen(s.Spectator)); err != nil {
				t.Errorf("a spectator has seen %d events, up to %d: %v", len(s.Indexes), s.Since, err)
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
		nodetest.Eventually(t, "some moves", func() bool { return moves() > from+30 })
	}
	reaches := func(n *nodetest.Node) {
		t.Helper()
		last.Lock()
		to := last.index
		last.Unlock()
		nodetest.Eventually(t, n.Config.Name+" to go on", func() bool { return n.Edge.Applied() >= to })
	}
	for _, victim := range []*nodetest.Node{v1, a1, b1, v2, leaf1} {
		some()
		victim.Kill()
		some()
		for _, leaf := range []*nodetest.Node{leaf1, leaf2} {
			if leaf != victim {
				reaches(leaf)
			}
		}
		victim.Start()
	}
	nodetest.Eventually(t, "all to be where they began", func() bool {
		for n, up := range map[*nodetest.Node]*nodetest.Node{a1: v1, a2: v2, b1: a1, b2: a2, leaf1: b1, leaf2: b2} {
			if n.Edge.Report().Upstream != up.URL {
				return false
			}
		}
		return leaf1.Edge.Status().Depth() == 3
	})
	some()
	stop()
	feed.Wait()
	witness.Until("the last move", seen(witness))
	watch.Wait()
	if t.Failed() {
		return
	}
	if witness.Snapshots != 1 || len(witness.Indexes) != last.moves {
		t.Fatalf("the witness has seen %d events of %d, and %d snapshots", len(witness.Indexes), last.moves, witness.Snapshots)
	}
	for i, s := range spectators {
		if s.Snapshots != 1 || !slices.Equal(s.Indexes, witness.Indexes) {
			t.Errorf("spectator %d has seen %d events and %d snapshots, and there were %d events", i, len(s.Indexes), s.Snapshots, len(witness.Indexes))
		}
		for _, g := range games {
			if s.FENs[g] != witness.FENs[g] {
				t.Errorf("spectator %d shows %s, and it is %s", i, s.FENs[g], witness.FENs[g])
			}
		}
	}
	c.WaitEqual()
	t.Logf("%d moves, %d spectators at the leaves", last.moves, len(spectators))
}

// TestRoundAtTheLeaf feeds a round. It compares what an edge of the third level shows with a venue.
func TestRoundAtTheLeaf(t *testing.T) {
	t.Parallel()
	c := nodetest.NewCluster(t, 1)
	half := c.AddEdge("a", c.Nodes[0])
	half = c.AddEdge("b", half)
	s := nodetest.FeedShort(t, c.Nodes[0].URL)
	leaf := c.AddEdge("leaf", half) // it gets an image in the place of most entries
	c.WaitEqual()
	for _, path := range []string{"/api/rounds/%s", "/api/rounds/%s.pgn", "/api/broadcast/-/-/%s"} {
		at := func(n *nodetest.Node) string {
			res, err := http.Get(n.URL + fmt.Sprintf(path, s.Round))
			if err != nil {
				t.Fatal(err)
			}
			var b strings.Builder
			defer res.Body.Close()
			fmt.Fprint(&b, res.StatusCode, " at ", res.Header.Get("X-Chessrelay-Index"), ": ")
			if _, err := io.Copy(&b, res.Body); err != nil || res.StatusCode != http.StatusOK {
				t.Fatalf("%s%s: %s, %v", n.URL, path, res.Status, err)
			}
			return strings.ReplaceAll(b.String(), n.URL, "")
		}
		if want, got := at(c.Nodes[0]), at(leaf); got != want {
			t.Errorf("%s: the leaf shows %.200s, and the venue %.200s", path, got, want)
		}
	}
}

// TestEdgeRefused: an edge cannot follow without the token, follow another cluster, or follow
// itself.
func TestEdgeRefused(t *testing.T) {
	t.Parallel()
	c := nodetest.NewCluster(t, 1)
	venue := c.Nodes[0]
	venue.Stop()
	venue.Config.Token = nodetest.Token
	venue.Start()
	open := func(cfg node.Config) error {
		cfg.Name, cfg.Role, cfg.HTTP, cfg.Voters = "e", node.RoleEdge, "127.0.0.1:0", 1
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		n, err := node.Open(ctx, cfg, nodetest.Log(t), nodetest.Tick)
		if err == nil {
			n.Close()
		}
		return err
	}
	if err := open(node.Config{Upstreams: []string{venue.URL}}); err == nil || !strings.Contains(err.Error(), "token") {
		t.Errorf("without the token: %v", err)
	}
	nodetest.Eventually(t, "the venue to be ready", func() bool { return nodetest.Get(t, venue.URL+"/readyz", nil) == http.StatusOK })
	if err := open(node.Config{Upstreams: []string{venue.URL}, Token: nodetest.Token}); err != nil {
		t.Errorf("with the token: %v", err)
	}
	self := nodetest.KeptAddress(t)
	ctx, cancel := context.WithTimeout(t.Context(), time.Second)
	defer cancel()
	if n, err := node.Open(ctx, node.Config{Name: "e", Role: node.RoleEdge, HTTP: self, Upstreams: []string{"http://" + self}}, nodetest.Log(t), nodetest.Tick); err == nil {
		n.Close()
		t.Error("an edge follows itself")
	}

	// An edge's venue becomes one of another cluster at the same address.
	first, second := nodetest.NewCluster(t, 1), nodetest.NewCluster(t, 1)
	round, _ := nodetest.NewRound(t, first.Nodes[0].URL, 1)
	nodetest.NewRound(t, second.Nodes[0].URL, 1)
	e := first.AddEdge("e", first.Nodes[0], second.Nodes[0])
	first.WaitEqual()
	first.Nodes[0].Kill()
	nodetest.Eventually(t, "the other cluster to be refused", func() bool {
		b, _ := json.Marshal(e.Edge.Report())
		return strings.Contains(string(b), edge.ErrOtherCluster.Error())
	})
	e.Boards.Read(func(_ uint64, s *relay.State) {
		if _, ok := s.Round(relay.RoundID(round)); !ok || len(s.Tournaments()) != 1 {
			t.Error("the edge lost its boards")
		}
	})
}

// TestTailBeginsWithTheBoards: after all boards were replaced, the tail has none of the commands in
// them. So an edge that lacks these must get the boards.
func TestTailBeginsWithTheBoards(t *testing.T) {
	b := node.NewBoards(nil)
	defer b.Close()
	b.Apply([]consensus.Command{{Index: 3, Term: 1}})
	if err := b.Restore(100, func(func(string, []byte) error) error { return nil }); err != nil {
		t.Fatal(err)
	}
	if last := b.Tail().Last(); last != 100 {
		t.Errorf("the boards stand at 100, and the tail at %d", last)
	}
}

// TestEdgeIsOutdated: an edge ends instead of skipping what a newer program has written.
func TestEdgeIsOutdated(t *testing.T) {
	t.Parallel()
	c := nodetest.NewCluster(t, 1)
	nodetest.NewRound(t, c.Nodes[0].URL, 1)
	e := c.AddEdge("e", c.Nodes[0])
	ended := make(chan error, 1)
	go func(n *node.Node) { ended <- n.Run(t.Context()) }(e.Node)
	of, err := proto.Marshal(&relaypb.Command{Version: relay.CommandVersion + 1, Request: "r"})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := c.Nodes[0].Raft.Propose(t.Context(), of); err != nil {
		t.Fatal(err)
	}
	if err := <-ended; err == nil || !strings.Contains(err.Error(), "upgrade this edge") {
		t.Errorf("it ended with %v", err)
	}
}
