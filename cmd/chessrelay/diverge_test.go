package main

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
	"github.com/chessrelay/chessrelay/cmd/chessrelay/replay"
	"github.com/chessrelay/chessrelay/relay"
	"github.com/chessrelay/chessrelay/relay/relaypb"
)

// corrupt has a node's memory lose the last move of a game, as a fault of its memory could. Its
// rolling sum stays: nothing shows until the game goes on.
func corrupt(n *testNode, game string) {
	n.t.Helper()
	n.boards.Replace(func(was *relay.State) *relay.State {
		state, found := relay.NewState(), false
		for key, value := range maps.Collect(was.Records()) {
			if strings.HasSuffix(key, "/"+game) {
				r := new(relaypb.GameRecord)
				if err := proto.Unmarshal(value, r); err != nil {
					n.t.Fatal(err)
				}
				r.Moves, found = r.Moves[:len(r.Moves)-1], true
				value, _ = proto.Marshal(r)
			}
			if err := state.Load(key, value); err != nil {
				n.t.Fatal(err)
			}
		}
		if err := state.Loaded(); err != nil || !found {
			n.t.Fatal(found, err)
		}
		return state
	})
}

// readiness is what a node says of itself, and of the others.
func readiness(t testing.TB, n *testNode) (status int, why string, warnings string) {
	var out struct {
		Status   string
		Warnings []string
	}
	status = get(t, n.url+"/readyz", &out)
	return status, out.Status, strings.Join(out.Warnings, "; ")
}

// play plays the next moves of a game that goes on with knights, at a node.
func (n *testNode) play(game string, from, to int) {
	n.t.Helper()
	for ply := from; ply <= to; ply++ {
		must(n.t, n.url+"/api/games/"+game+"/moves", object{"ply": ply, "move": []string{"Ng8", "Nf3", "Nf6", "Ng1"}[ply%4]})
	}
}

// TestDivergedNode: whichever node has other boards than the rest, it is found within seconds and
// named everywhere. It shows no boards, its spectators and edges go elsewhere, and if it leads it
// does so no longer. The others go on.
func TestDivergedNode(t *testing.T) {
	t.Parallel()
	for name, place := range map[string]int{"the leader": 0, "a follower": 2} {
		t.Run(name, func(t *testing.T) {
			c := newTestCluster(t, 3)
			wrong, right := c.nodes[place], c.nodes[1]
			round, games := newRound(t, right.url, 1)
			right.play(games[0], 1, 4)
			c.waitEqual()
			edge := c.addEdge("edge", wrong, right)
			sp, _, err := websocket.DefaultDialer.Dial("ws"+strings.TrimPrefix(wrong.url, "http")+"/live?round="+round, nil)
			if err != nil {
				t.Fatal(err)
			}
			defer sp.Close()

			corrupt(wrong, games[0])
			right.play(games[0], 5, 5)
			began := time.Now()
			eventually(t, "the node to say so", func() bool {
				status, why, _ := readiness(t, wrong)
				return status == http.StatusServiceUnavailable && strings.Contains(why, "diverged")
			})
			t.Logf("noticed after %v", time.Since(began))
			var out object
			eventually(t, "it to show no boards", func() bool {
				return get(t, wrong.url+"/api/games/"+games[0], &out) == http.StatusServiceUnavailable && out["code"] == "diverged"
			})
			if status := post(t, wrong.url+"/api/games/"+games[0]+"/moves", object{"ply": 6, "move": "Nf6"}, &out); status != http.StatusServiceUnavailable {
				t.Errorf("it takes moves: %d", status)
			}
			_ = sp.SetReadDeadline(time.Now().Add(90 * time.Second))
			for err == nil {
				_, _, err = sp.ReadMessage()
			}
			if !websocket.IsCloseError(err, broadcast.CloseGoingAway) {
				t.Errorf("its spectator was sent away with %v", err)
			}
			eventually(t, "its edge to follow another one", func() bool { return edge.edge.Report().Upstream == right.url })
			eventually(t, "another one to lead", func() bool { return right.raft.Leader() != 0 && right.raft.Leader() != wrong.raft.ID() })
			eventually(t, "the others to name it", func() bool {
				_, _, warnings := readiness(t, right)
				return strings.Contains(warnings, "the boards of "+wrong.cfg.Name+" differ")
			})
			eventually(t, "the others to mark it", func() bool {
				var s client.Cluster
				if get(t, right.url+"/api/cluster", &s) != http.StatusOK || len(s.Members) != 3 {
					return false
				}
				for _, m := range s.Members {
					if m.Diverged != (string(m.Name) == wrong.cfg.Name) {
						return false
					}
				}
				return true
			})
			right.play(games[0], 6, 9)
			for _, n := range []*testNode{right, edge} {
				eventually(t, n.cfg.Name+" to be ready", func() bool { status, _, _ := readiness(t, n); return status == http.StatusOK })
				eventually(t, n.cfg.Name+" to have the moves", func() bool { get(t, n.url+"/api/games/"+games[0], &out); return out["ply"] == 9.0 })
			}
		})
	}
}

// TestNoFalseAlarm has nodes be killed and started again, one join by a snapshot, and leadership
// change, while a round is fed: no node is taken for wrong. Then one really is. It stays so when
// it starts again, until it joins with an empty directory.
func TestNoFalseAlarm(t *testing.T) {
	c := newTestCluster(t, 3)
	agree := func(when string) {
		t.Helper()
		for _, n := range c.nodes {
			if said := n.raft.Differences(); len(said) > 0 || n.raft.Diverged() != "" {
				t.Fatalf("%s, %s says: %v", when, n.cfg.Name, said)
			}
		}
	}
	done := make(chan replay.Summary, 1)
	go func() {
		defer close(done)
		done <- feedSample(t, c.urls())
	}()
	more := func() {
		t.Helper()
		from := c.nodes[0].raft.Applied()
		eventually(t, "some moves", func() bool { return c.nodes[0].raft.Applied() > from+100 })
	}
	more()
	for range 2 {
		c.nodes[2].kill()
		more()
		c.nodes[2].start()
		more()
		agree("after a restart")
	}
	c.add()
	agree("after one joined")
	c.nodes[0].kill()
	c.nodes[0].start()
	if s, ok := <-done; !ok || len(s.Failures) > 0 {
		t.Fatalf("the feed: %+v", s)
	}
	c.waitEqual()
	agree("after the leader was killed")
	must(t, c.nodes[1].url+"/api/cluster/leader", object{"to": c.nodes[1].cfg.Name})
	_, games := newRound(t, c.nodes[1].url, 1)
	c.nodes[1].play(games[0], 1, 4)
	c.waitEqual()
	agree("after a venue was chosen to lead")

	wrong := c.nodes[2]
	diverged := func() bool {
		status, why, _ := readiness(t, wrong)
		return status == http.StatusServiceUnavailable && strings.Contains(why, "has diverged")
	}
	corrupt(wrong, games[0])
	c.nodes[1].play(games[0], 5, 5)
	eventually(t, "the wrong node to say so", diverged)
	wrong.stop()
	wrong.start()
	eventually(t, "it to say so after a restart", diverged)
	c.nodes[1].removeMember(wrong.cfg.Name)
	wrong.stop()
	if err := os.RemoveAll(wrong.cfg.Data); err != nil {
		t.Fatal(err)
	}
	wrong.start()
	eventually(t, "it to be ready with new boards", func() bool { status, _, _ := readiness(t, wrong); return status == http.StatusOK })
	var out object
	if get(t, wrong.url+"/api/games/"+games[0], &out); out["ply"] != 5.0 {
		t.Errorf("its game stands at %v", out["ply"])
	}
}

// TestDivergedOfTwo: of two nodes nobody can tell which is right, so the leader's boards are shown,
// and both say so. An edge that is wrong itself shows nothing.
func TestDivergedOfTwo(t *testing.T) {
	t.Parallel()
	c := newTestCluster(t, 2)
	lead, venue := c.leader(), c.nodes[1]
	if lead == venue {
		t.Fatal("the venue leads")
	}
	_, games := newRound(t, lead.url, 1)
	lead.play(games[0], 1, 4)
	c.waitEqual()
	edge := c.addEdge("edge", lead)
	corrupt(lead, games[0])
	corrupt(edge, games[0])
	must(t, lead.url+"/api/games/"+games[0]+"/takeback", object{"toPly": 2})
	eventually(t, "the venue to step back", func() bool {
		status, why, _ := readiness(t, venue)
		return status == 503 && strings.Contains(why, "diverged")
	})
	eventually(t, "the leader to say so", func() bool {
		status, _, warnings := readiness(t, lead)
		return status == http.StatusOK && strings.Contains(warnings, "nobody can tell which are right")
	})
	corrupt(edge, games[0]) // once more than the leader
	lead.play(games[0], 3, 3)
	eventually(t, "the edge to say so", func() bool {
		status, why, _ := readiness(t, edge)
		return status == http.StatusServiceUnavailable && strings.Contains(why, "restart this edge")
	})
	eventually(t, "the edge to show the game no longer", func() bool {
		return get(t, edge.url+"/api/games/"+games[0], nil) == http.StatusServiceUnavailable
	})
	edge.stop()
	edge.start()
	eventually(t, "the edge to be ready again", func() bool { status, _, _ := readiness(t, edge); return status == http.StatusOK })
}
