package node_test

import (
	"maps"
	"net/http"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/gorilla/websocket"
	"google.golang.org/protobuf/proto"

	"github.com/chessrelay/chessrelay/broadcast"
	"github.com/chessrelay/chessrelay/client"
	"github.com/chessrelay/chessrelay/cmd/chessrelay/node/nodetest"
	"github.com/chessrelay/chessrelay/cmd/chessrelay/replay"
	"github.com/chessrelay/chessrelay/relay"
	"github.com/chessrelay/chessrelay/relay/relaypb"
)

// corrupt has a node's memory lose the last move of a game, as a memory fault could. The rolling
// sum stays, so nothing shows until the game goes on.
func corrupt(n *nodetest.Node, game string) {
	n.T.Helper()
	n.Boards.Replace(func(was *relay.State) *relay.State {
		state, found := relay.NewState(), false
		for key, value := range maps.Collect(was.Records()) {
			if strings.HasSuffix(key, "/"+game) {
				r := new(relaypb.GameRecord)
				if err := proto.Unmarshal(value, r); err != nil {
					n.T.Fatal(err)
				}
				r.Moves, found = r.Moves[:len(r.Moves)-1], true
				value, _ = proto.Marshal(r)
			}
			if err := state.Load(key, value); err != nil {
				n.T.Fatal(err)
			}
		}
		if err := state.Loaded(); err != nil || !found {
			n.T.Fatal(found, err)
		}
		return state
	})
}

// TestDivergedNode: if a node's boards differ from the others', it is found within seconds and
// named everywhere, whichever node it is. It shows no boards, its spectators and edges go
// elsewhere, and it no longer leads. The others go on.
func TestDivergedNode(t *testing.T) {
	t.Parallel()
	for name, place := range map[string]int{"the leader": 0, "a follower": 2} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := nodetest.NewCluster(t, 3)
			wrong, right := c.Nodes[place], c.Nodes[1]
			round, games := nodetest.NewRound(t, right.URL, 1)
			right.Play(games[0], 1, 4)
			c.WaitEqual()
			edge := c.AddEdge("edge", wrong, right)
			sp, _, err := websocket.DefaultDialer.Dial("ws"+strings.TrimPrefix(wrong.URL, "http")+"/live?round="+round, nil)
			if err != nil {
				t.Fatal(err)
			}
			defer sp.Close()

			corrupt(wrong, games[0])
			right.Play(games[0], 5, 5)
			began := time.Now()
			nodetest.Eventually(t, "the node to say so", func() bool {
				status, why, _ := nodetest.Readiness(t, wrong)
				return status == http.StatusServiceUnavailable && strings.Contains(why, "diverged")
			})
			t.Logf("noticed after %v", time.Since(began))
			var out nodetest.Object
			nodetest.Eventually(t, "it to show no boards", func() bool {
				return nodetest.Get(t, wrong.URL+"/api/games/"+games[0], &out) == http.StatusServiceUnavailable && out["code"] == "diverged"
			})
			if status := nodetest.Post(t, wrong.URL+"/api/games/"+games[0]+"/moves", nodetest.Object{"ply": 6, "move": "Nf6"}, &out); status != http.StatusServiceUnavailable {
				t.Errorf("it takes moves: %d", status)
			}
			_ = sp.SetReadDeadline(time.Now().Add(90 * time.Second))
			for err == nil {
				_, _, err = sp.ReadMessage()
			}
			if !websocket.IsCloseError(err, broadcast.CloseGoingAway) {
				t.Errorf("its spectator was sent away with %v", err)
			}
			nodetest.Eventually(t, "its edge to follow another one", func() bool { return edge.Edge.Report().Upstream == right.URL })
			nodetest.Eventually(t, "another one to lead", func() bool { return right.Raft.Leader() != 0 && right.Raft.Leader() != wrong.Raft.ID() })
			nodetest.Eventually(t, "the others to name it", func() bool {
				_, _, warnings := nodetest.Readiness(t, right)
				return strings.Contains(warnings, "the boards of "+wrong.Config.Name+" differ")
			})
			nodetest.Eventually(t, "the others to mark it", func() bool {
				var s client.Cluster
				if nodetest.Get(t, right.URL+"/api/cluster", &s) != http.StatusOK || len(s.Members) != 3 {
					return false
				}
				for _, m := range s.Members {
					if m.Diverged != (string(m.Name) == wrong.Config.Name) {
						return false
					}
				}
				return true
			})
			right.Play(games[0], 6, 9)
			for _, n := range []*nodetest.Node{right, edge} {
				nodetest.Eventually(t, n.Config.Name+" to be ready", func() bool { status, _, _ := nodetest.Readiness(t, n); return status == http.StatusOK })
				nodetest.Eventually(t, n.Config.Name+" to have the moves", func() bool { nodetest.Get(t, n.URL+"/api/games/"+games[0], &out); return out["ply"] == 9.0 })
			}
		})
	}
}

// TestNoFalseDivergence kills and restarts nodes, has one join by a snapshot, and moves leadership,
// while a round is fed. No node is found diverged. Then one really diverges. It stays diverged when
// it starts again, until it joins with an empty directory.
func TestNoFalseDivergence(t *testing.T) {
	t.Parallel()
	c := nodetest.NewCluster(t, 3)
	agree := func(when string) {
		t.Helper()
		for _, n := range c.Nodes {
			if said := n.Raft.Differences(); len(said) > 0 || n.Raft.Diverged() != "" {
				t.Fatalf("%s, %s says: %v", when, n.Config.Name, said)
			}
		}
	}
	done := make(chan replay.Summary, 1)
	go func() {
		defer close(done)
		done <- nodetest.FeedSample(t, c.URLs())
	}()
	more := func() {
		t.Helper()
		from := c.Nodes[0].Raft.Applied()
		nodetest.Eventually(t, "some moves", func() bool { return c.Nodes[0].Raft.Applied() > from+100 })
	}
	more()
	for range 2 {
		c.Nodes[2].Kill()
		more()
		c.Nodes[2].Start()
		more()
		agree("after a restart")
	}
	c.Add()
	agree("after one joined")
	c.Nodes[0].Kill()
	c.Nodes[0].Start()
	if s, ok := <-done; !ok || len(s.Failures) > 0 {
		t.Fatalf("the feed: %+v", s)
	}
	c.WaitEqual()
	agree("after the leader was killed")
	nodetest.Must(t, c.Nodes[1].URL+"/api/cluster/leader", nodetest.Object{"to": c.Nodes[1].Config.Name})
	_, games := nodetest.NewRound(t, c.Nodes[1].URL, 1)
	c.Nodes[1].Play(games[0], 1, 4)
	c.WaitEqual()
	agree("after a venue was chosen to lead")

	wrong := c.Nodes[2]
	diverged := func() bool {
		status, why, _ := nodetest.Readiness(t, wrong)
		return status == http.StatusServiceUnavailable && strings.Contains(why, "has diverged")
	}
	corrupt(wrong, games[0])
	c.Nodes[1].Play(games[0], 5, 5)
	nodetest.Eventually(t, "the wrong node to say so", diverged)
	wrong.Stop()
	wrong.Start()
	nodetest.Eventually(t, "it to say so after a restart", diverged)
	lead := c.Nodes[1]
	nodetest.Eventually(t, "another member to lead", func() bool {
		nodetest.Ask(t, http.MethodPost, lead.URL+"/api/cluster/leader", "", nodetest.Object{"to": lead.Config.Name})
		return lead.Raft.Leader() == lead.Raft.ID()
	})
	c.Nodes[1].RemoveMember(wrong.Config.Name)
	wrong.Stop()
	if err := os.RemoveAll(wrong.Config.Data); err != nil {
		t.Fatal(err)
	}
	wrong.Start()
	nodetest.Eventually(t, "it to be ready with new boards", func() bool { status, _, _ := nodetest.Readiness(t, wrong); return status == http.StatusOK })
	var out nodetest.Object
	nodetest.Get(t, wrong.URL+"/api/games/"+games[0], &out)
	if out["ply"] != 5.0 {
		t.Errorf("its game stands at %v", out["ply"])
	}
}

// TestDivergenceOfTwoNodes: of two nodes nobody can tell which is right. So the leader's boards are
// shown, and both say so. An edge that is wrong itself shows nothing.
func TestDivergenceOfTwoNodes(t *testing.T) {
	t.Parallel()
	c := nodetest.NewCluster(t, 2)
	lead, venue := c.Leader(), c.Nodes[1]
	if lead == venue {
		t.Fatal("the venue leads")
	}
	_, games := nodetest.NewRound(t, lead.URL, 1)
	lead.Play(games[0], 1, 4)
	c.WaitEqual()
	edge := c.AddEdge("edge", lead)
	corrupt(lead, games[0])
	corrupt(edge, games[0])
	nodetest.Must(t, lead.URL+"/api/games/"+games[0]+"/takeback", nodetest.Object{"toPly": 2})
	nodetest.Eventually(t, "the venue to step back", func() bool {
		status, why, _ := nodetest.Readiness(t, venue)
		return status == 503 && strings.Contains(why, "diverged")
	})
	nodetest.Eventually(t, "the leader to say so", func() bool {
		status, _, warnings := nodetest.Readiness(t, lead)
		return status == http.StatusOK && strings.Contains(warnings, "nobody can tell which are right")
	})
	corrupt(edge, games[0]) // once more than the leader
	lead.Play(games[0], 3, 3)
	nodetest.Eventually(t, "the edge to say so", func() bool {
		status, why, _ := nodetest.Readiness(t, edge)
		return status == http.StatusServiceUnavailable && strings.Contains(why, "restart this edge")
	})
	nodetest.Eventually(t, "the edge to show the game no longer", func() bool {
		return nodetest.Get(t, edge.URL+"/api/games/"+games[0], nil) == http.StatusServiceUnavailable
	})
	edge.Stop()
	edge.Start()
	nodetest.Eventually(t, "the edge to be ready again", func() bool { status, _, _ := nodetest.Readiness(t, edge); return status == http.StatusOK })
}
