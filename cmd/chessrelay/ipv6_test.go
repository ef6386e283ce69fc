package main

import (
	"net"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/chessrelay/chessrelay/cmd/chessrelay/node"
	"github.com/chessrelay/chessrelay/cmd/chessrelay/node/nodetest"
	"github.com/gorilla/websocket"
)

// onIPv6 moves a node to the IPv6 loopback address, on the same ports.
func onIPv6(cfg *node.Config) {
	cfg.HTTP = strings.Replace(cfg.HTTP, "127.0.0.1", "[::1]", 1)
	cfg.Peer = strings.Replace(cfg.Peer, "127.0.0.1", "[::1]", 1)
}

// TestIPv6Cluster runs a whole cluster and an edge that know no IPv4 address. It is fed, watched
// and asked, and one of its nodes is killed and started again.
func TestIPv6Cluster(t *testing.T) {
	t.Parallel()
	c := nodetest.NewClusterWith(t, 3, onIPv6)
	for _, n := range c.Nodes {
		if !strings.HasPrefix(n.URL, "http://[::1]:") || !strings.HasPrefix(n.Raft.PeerAddr(), "[::1]:") {
			t.Errorf("%s is at %s and %s", n.Config.Name, n.URL, n.Raft.PeerAddr())
		}
	}
	edge := &nodetest.Node{T: t, Config: node.Config{Name: "edge", Role: node.RoleEdge, HTTP: "[::1]:0", Upstreams: []string{c.Nodes[1].URL}}}
	edge.Start()
	t.Cleanup(edge.Stop)

	s := nodetest.FeedSample(t, c.URLs())
	c.Nodes[2].Kill()
	c.Nodes[2].Start()
	c.WaitEqual()
	for _, n := range append(slices.Clone(c.Nodes), edge) {
		sp := nodetest.NewSpectator(t, string(s.Round))
		sp.Watch(n.URL)
		sp.Until("the snapshot", func() bool { return sp.Snapshots == 1 && len(sp.FENs) == 12 })
		out, errs, code := command(t.Context(), "status", n.URL)
		if code != exitDone || !strings.Contains(out, "[::1]:") {
			t.Errorf("status of %s: exit %d\n%s%s", n.Config.Name, code, out, errs)
		}
		for origin, want := range map[string]int{n.URL: http.StatusSwitchingProtocols, "http://[::2]:80": http.StatusForbidden} {
			conn, res, err := websocket.DefaultDialer.DialContext(t.Context(),
				"ws"+strings.TrimPrefix(n.URL, "http")+"/live?round="+string(s.Round), http.Header{"Origin": {origin}})
			if err == nil {
				conn.Close()
			}
			if res == nil || res.StatusCode != want {
				t.Errorf("a page of %s at %s: %v", origin, n.URL, err)
			}
		}
	}
	if status := nodetest.Post(t, edge.URL+"/api/tournaments", nodetest.Object{"name": "At the edge"}, nil); status != http.StatusCreated {
		t.Errorf("a request that the edge forwards is answered with %d", status)
	}
}

// TestZonedURL reaches a node at an address with a zone, as a link-local address has.
func TestZonedURL(t *testing.T) {
	t.Parallel()
	zone := ""
	interfaces, err := net.Interfaces()
	if err != nil {
		t.Fatal(err)
	}
	for _, i := range interfaces {
		if i.Flags&net.FlagLoopback != 0 {
			zone = i.Name
		}
	}
	c := nodetest.NewClusterWith(t, 1, onIPv6)
	round, _ := nodetest.NewRound(t, c.Nodes[0].URL, 1)
	_, port, err := net.SplitHostPort(c.Nodes[0].Config.HTTP)
	if err != nil {
		t.Fatal(err)
	}
	at := "http://[::1%25" + zone + "]:" + port
	if out, errs, code := command(t.Context(), "status", at+"/"); code != exitDone {
		t.Errorf("status %s: exit %d\n%s%s", at, code, out, errs)
	}
	if s := nodetest.FeedSample(t, at); len(s.Failures) > 0 {
		t.Errorf("feed %s: %+v", at, s)
	}
	sp := nodetest.NewSpectator(t, round)
	sp.Watch(at)
	sp.Until("the snapshot", func() bool { return sp.Snapshots == 1 })
	venue := &nodetest.Node{T: t, Config: node.Config{
		Name: "venue", Role: node.RoleVenue, Data: t.TempDir(), HTTP: "[::1]:0", Peer: "[::1]:0", Voters: 1, Join: at,
	}}
	if err := validate(&venue.Config); err != nil {
		t.Fatal(err)
	}
	venue.Start()
	t.Cleanup(venue.Stop)
	nodetest.Eventually(t, "the venue to be ready", func() bool { return nodetest.Get(t, venue.URL+"/readyz", nil) == http.StatusOK })
}
