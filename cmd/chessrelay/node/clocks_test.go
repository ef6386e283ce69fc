package node_test

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/chessrelay/chessrelay/cmd/chessrelay/node"
	"github.com/chessrelay/chessrelay/cmd/chessrelay/node/nodetest"
	"github.com/chessrelay/chessrelay/consensus"
)

// skewed is a cluster in which the node at this place has a wrong clock.
func skewed(t *testing.T, wrong int, by time.Duration) *nodetest.Cluster {
	i := -1
	return nodetest.NewClusterWith(t, 3, func(cfg *node.Config) {
		cfg.Token = delayToken
		if i++; i == wrong {
			cfg.Now = func() time.Time { return time.Now().Add(by) }
		}
	})
}

// submit sends a submission to a node, with the token.
func submit(t *testing.T, n *nodetest.Node, path string, body string) (out nodetest.Object) {
	t.Helper()
	req, err := http.NewRequest(http.MethodPost, n.URL+path, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Authorization", "Bearer "+delayToken)
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	if status := nodetest.Decode(t, res, &out); status >= 300 {
		t.Fatalf("%s: %d %v", path, status, out)
	}
	return out
}

// waitCurrent waits until all nodes have applied what was acknowledged.
func waitCurrent(t *testing.T, c *nodetest.Cluster) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 90*time.Second)
	defer cancel()
	for _, n := range c.Nodes {
		if err := n.Raft.ReadIndex(ctx); err != nil {
			t.Fatalf("%s to have what was acknowledged: %v", n.Config.Name, err)
		}
	}
}

// delayedGame opens a round with a delay of that many seconds, and a game in it. The game is
// public, as the round gets its delay last.
func delayedGame(t *testing.T, n *nodetest.Node, delay int) string {
	t.Helper()
	tour := submit(t, n, "/api/tournaments", `{"name":"Test Open"}`)["id"].(string)
	round := submit(t, n, "/api/tournaments/"+tour+"/rounds", `{"name":"Round 1"}`)["id"].(string)
	game := submit(t, n, "/api/rounds/"+round+"/games", `{"board":1,"white":{"name":"A"},"black":{"name":"B"}}`)["id"].(string)
	req, _ := http.NewRequest(http.MethodPatch, n.URL+"/api/rounds/"+round, strings.NewReader(fmt.Sprintf(`{"delay":%d}`, delay)))
	req.Header.Set("Authorization", "Bearer "+delayToken)
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	if status := nodetest.Decode(t, res, nil); status != http.StatusOK {
		t.Fatalf("set the delay: %d", status)
	}
	return game
}

// publicPly is what the public sees of a game on a node.
func publicPly(t *testing.T, n *nodetest.Node, game string) float64 {
	t.Helper()
	var out nodetest.Object
	if status := nodetest.Get(t, n.URL+"/api/games/"+game, &out); status != http.StatusOK {
		t.Fatalf("the game on %s: %d %v", n.Config.Name, status, out)
	}
	return out["ply"].(float64)
}

// TestWrongClockKeepsTheDelay has the clock of one node be an hour wrong. In a round with a delay,
// every node holds a move, wherever it is submitted. So does a node that starts again.
func TestWrongClockKeepsTheDelay(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		wrong int
		by    time.Duration
	}{
		"the leader is behind": {0, -time.Hour},
		"the leader is ahead":  {0, time.Hour},
		"a venue is behind":    {1, -time.Hour},
		"a venue is ahead":     {1, time.Hour},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			nodes := skewed(t, c.wrong, c.by)
			game := delayedGame(t, nodes.Nodes[0], 3000)
			held := func(ply int) {
				t.Helper()
				waitCurrent(t, nodes)
				for _, n := range nodes.Nodes {
					if got := publicPly(t, n, game); got != 0 {
						t.Errorf("after move %d, %s shows the public move %v", ply, n.Config.Name, got)
					}
				}
			}
			for i, move := range []string{"e4", "e5", "Nf3"} {
				out := submit(t, nodes.Nodes[i], "/api/games/"+game+"/moves", fmt.Sprintf(`{"ply":%d,"move":%q}`, i+1, move))
				if out["ply"] != float64(i+1) {
					t.Fatalf("the move: %v", out)
				}
				held(i + 1)
			}
			for _, n := range []*nodetest.Node{nodes.Nodes[c.wrong], nodes.Nodes[2]} {
				n.Stop()
				n.Start()
				nodetest.Eventually(t, "the node to be ready", func() bool { return nodetest.Get(t, n.URL+"/readyz", nil) == http.StatusOK })
				nodetest.Eventually(t, "the clocks to be compared", func() bool { _, ok := n.Raft.ReleaseTime(); return ok })
				held(3)
			}
			now := time.Now().UnixMilli()
			var truth struct{ Moves []struct{ At int64 } }
			req, _ := http.NewRequest(http.MethodGet, nodes.Nodes[2].URL+"/api/games/"+game, nil)
			req.Header.Set("Authorization", "Bearer "+delayToken)
			res, err := http.DefaultClient.Do(req)
			if err != nil {
				t.Fatal(err)
			}
			nodetest.Decode(t, res, &truth)
			for i, m := range truth.Moves {
				if off := time.Duration(now-m.At) * time.Millisecond; off.Abs() > 5*time.Minute {
					t.Errorf("move %d was made %v ago, by its time", i+1, off)
				}
			}
		})
	}
}

// TestWrongClockIsReported: all nodes say whose clock is wrong, and the others show what the public
// may see.
func TestWrongClockIsReported(t *testing.T) {
	c := skewed(t, 2, 10*time.Minute)
	game := delayedGame(t, c.Nodes[0], 1)
	began := time.Now()
	submit(t, c.Nodes[2], "/api/games/"+game+"/moves", `{"ply":1,"move":"e4"}`)
	for _, n := range c.Nodes {
		nodetest.Eventually(t, n.Config.Name+" to show the move", func() bool { return publicPly(t, n, game) == 1 })
		if took := time.Since(began); took < time.Second {
			t.Errorf("%s shows it after %v", n.Config.Name, took)
		}
	}
	for _, n := range c.Nodes {
		var ready struct{ Warnings []string }
		nodetest.Eventually(t, n.Config.Name+" to warn", func() bool {
			ready.Warnings = nil
			return nodetest.Get(t, n.URL+"/readyz", &ready) == http.StatusOK && len(ready.Warnings) > 0
		})
		if len(ready.Warnings) != 1 || !strings.Contains(ready.Warnings[0], "venue-2 is 10m0s ahead") {
			t.Errorf("%s warns %q", n.Config.Name, ready.Warnings)
		}
		var s consensus.Status
		nodetest.Get(t, n.URL+"/api/cluster", &s)
		for _, m := range s.Members {
			want := int64(0)
			if m.Name == "venue-2" {
				want = 600_000
			}
			if off := m.SkewMs - want; off < -1000 || off > 1000 {
				t.Errorf("%s says that the clock of %s is %d ms ahead", n.Config.Name, m.Name, m.SkewMs)
			}
		}
	}
	res, err := http.Get(c.Nodes[2].URL + "/metrics")
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	if b, _ := io.ReadAll(res.Body); !strings.Contains(string(b), "chessrelay_clock_skew_seconds 6") && !strings.Contains(string(b), "chessrelay_clock_skew_seconds 5") {
		t.Error("the metric does not say it")
	}
}

// TestEdgeWithAWrongClock: an edge whose clock is ahead releases nothing early, and says so.
func TestEdgeWithAWrongClock(t *testing.T) {
	t.Parallel()
	c := nodetest.NewClusterWith(t, 1, func(cfg *node.Config) { cfg.Token = delayToken })
	game := delayedGame(t, c.Nodes[0], 3000)
	submit(t, c.Nodes[0], "/api/games/"+game+"/moves", `{"ply":1,"move":"e4"}`)
	edge := &nodetest.Node{T: t, Config: node.Config{
		Name: "edge", Role: node.RoleEdge, HTTP: nodetest.KeptAddress(t), Peer: "127.0.0.1:0", Upstreams: []string{c.Nodes[0].URL}, Token: delayToken,
		Voters: 3, Now: func() time.Time { return time.Now().Add(time.Hour) },
	}}
	t.Cleanup(edge.Stop)
	edge.Start()
	nodetest.Eventually(t, "the clocks to be compared", func() bool { _, ok := edge.Edge.ReleaseTime(); return ok })
	nodetest.Eventually(t, "the edge to warn", func() bool { return len(edge.Edge.ClockWarnings()) == 1 })
	if ply := publicPly(t, edge, game); ply != 0 {
		t.Error("the edge shows what is held in the image that it got")
	}
	submit(t, c.Nodes[0], "/api/games/"+game+"/moves", `{"ply":2,"move":"e5"}`)
	nodetest.Eventually(t, "the edge to have the move", func() bool { i, _ := edge.Stand(); at, _ := c.Nodes[0].Stand(); return i >= at })
	if ply := publicPly(t, edge, game); ply != 0 {
		t.Error("the edge shows what came now")
	}
	if _, _, warnings := nodetest.Readiness(t, edge); !strings.Contains(warnings, "the clock of edge is 1h0m0s ahead of") {
		t.Errorf("it warns of %s", warnings)
	}
}

// A slowLine is a TCP proxy to a node. While it is slow, a connection that has carried something
// large carries 200 bytes a second from then on. Heartbeats come through.
type slowLine struct {
	net.Listener
	slow atomic.Bool
	wg   sync.WaitGroup
}

func newSlowLine(t *testing.T, to string) *slowLine {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	l := &slowLine{Listener: ln}
	ctx, cancel := context.WithCancel(context.Background())
	l.wg.Go(func() {
		for {
			near, err := ln.Accept()
			if err != nil {
				return
			}
			far, err := net.Dial("tcp", to)
			if err != nil {
				near.Close()
				continue
			}
			context.AfterFunc(ctx, func() { near.Close(); far.Close() })
			l.wg.Go(func() { defer near.Close(); defer far.Close(); _, _ = io.Copy(near, far) })
			l.wg.Go(func() { defer near.Close(); defer far.Close(); l.carry(ctx, far, near) })
		}
	})
	t.Cleanup(func() { cancel(); ln.Close(); l.wg.Wait() })
	return l
}

func (l *slowLine) carry(ctx context.Context, to io.Writer, from io.Reader) {
	const large, chunk, pause = 1500, 100, 500 * time.Millisecond
	buf := make([]byte, 16<<10)
	for wasLarge := false; ; {
		n, err := from.Read(buf)
		if err != nil {
			return
		}
		wasLarge = wasLarge || n >= large && l.slow.Load()
		for rest := buf[:n]; len(rest) > 0; {
			part := rest
			if wasLarge && l.slow.Load() {
				part = rest[:min(chunk, len(rest))]
				select {
				case <-time.After(pause):
				case <-ctx.Done():
					return
				}
			}
			if _, err := to.Write(part); err != nil {
				return
			}
			rest = rest[len(part):]
		}
	}
}

// TestVenueBehindReportsItsAge has a venue on a line on which appends take long, but heartbeats
// come through. The venue is not ready, and tells its spectators how old the boards are.
func TestVenueBehindReportsItsAge(t *testing.T) {
	t.Parallel()
	c := nodetest.NewCluster(t, 3)
	peer := nodetest.KeptAddress(t)
	line := newSlowLine(t, peer)
	c.With = func(cfg *node.Config) { cfg.Peer, cfg.AdvertisePeer = peer, line.Addr().String() }
	venue := c.Add()
	waitCurrent(t, c)
	round, _ := nodetest.NewRound(t, c.Nodes[0].URL, 1)
	waitCurrent(t, c)
	sp := nodetest.NewSpectator(t, round)
	sp.Watch(venue.URL)
	sp.Until("the snapshot", func() bool { return sp.Snapshots == 1 })
	ready := func() (out nodetest.Object, status int) {
		status = nodetest.Get(t, venue.URL+"/readyz", &out)
		return out, status
	}
	if out, status := ready(); status != http.StatusOK || out["ageMs"].(float64) > 3000 || sp.Status.Stale {
		t.Fatalf("an idle venue: %d %v", status, out)
	}
	line.slow.Store(true)
	nodetest.Must(t, c.Nodes[0].URL+"/api/tournaments", nodetest.Object{"name": "Test Open", "description": strings.Repeat("A long story. ", 1000)})
	sp.Until("the news that the boards are old", func() bool { return sp.Status.Stale })
	var out nodetest.Object
	nodetest.Eventually(t, "the venue not to be ready", func() bool {
		var status int
		out, status = ready()
		return status == http.StatusServiceUnavailable
	})
	if why := fmt.Sprint(out["error"]); !strings.Contains(why, "behind") || out["newest"].(float64) <= out["applied"].(float64) {
		t.Errorf("it says %v", out)
	}
	var s nodetest.Object
	nodetest.Get(t, venue.URL+"/api/cluster", &s)
	if s["ageMs"].(float64) < 1000 || s["newest"].(float64) <= s["applied"].(float64) {
		t.Errorf("the cluster's state: age %v, newest %v, applied %v", s["ageMs"], s["newest"], s["applied"])
	}
	line.slow.Store(false)
	waitCurrent(t, c)
	nodetest.Eventually(t, "the venue to be ready", func() bool { _, status := ready(); return status == http.StatusOK })
	sp.Until("the news that it is live again", func() bool { return !sp.Status.Stale })
}
