package main

import (
	"net"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/gorilla/websocket"
)

// onIPv6 puts a node on the IPv6 loopback address, on the ports that it has.
func onIPv6(cfg *serveConfig) {
	cfg.HTTP = strings.Replace(cfg.HTTP, "127.0.0.1", "[::1]", 1)
	cfg.Peer = strings.Replace(cfg.Peer, "127.0.0.1", "[::1]", 1)
}

// TestIPv6Cluster has a whole cluster and an edge that know no IPv4 address: it is fed, watched,
// asked, and one of its nodes is killed and started again.
func TestIPv6Cluster(t *testing.T) {
	t.Parallel()
	c := newTestClusterWith(t, 3, onIPv6)
	for _, n := range c.nodes {
		if !strings.HasPrefix(n.url, "http://[::1]:") || !strings.HasPrefix(n.raft.PeerAddr(), "[::1]:") {
			t.Errorf("%s is at %s and %s", n.cfg.Name, n.url, n.raft.PeerAddr())
		}
	}
	edge := &testNode{t: t, cfg: serveConfig{Name: "edge", Role: roleEdge, HTTP: "[::1]:0", Upstreams: []string{c.nodes[1].url}}}
	edge.start()
	t.Cleanup(edge.stop)

	s := feedSample(t, c.urls())
	c.nodes[2].kill()
	c.nodes[2].start()
	c.waitEqual()
	for _, n := range append(slices.Clone(c.nodes), edge) {
		sp := newSpectator(t, string(s.Round))
		sp.watch(n.url)
		sp.until("the snapshot", func() bool { return sp.snaps == 1 && len(sp.fens) == 12 })
		out, errs, code := command(t.Context(), "status", n.url)
		if code != exitDone || !strings.Contains(out, "[::1]:") {
			t.Errorf("status of %s: exit %d\n%s%s", n.cfg.Name, code, out, errs)
		}
		for origin, want := range map[string]int{n.url: http.StatusSwitchingProtocols, "http://[::2]:80": http.StatusForbidden} {
			conn, res, err := websocket.DefaultDialer.DialContext(t.Context(),
				"ws"+strings.TrimPrefix(n.url, "http")+"/live?round="+string(s.Round), http.Header{"Origin": {origin}})
			if err == nil {
				conn.Close()
			}
			if res == nil || res.StatusCode != want {
				t.Errorf("a page of %s at %s: %v", origin, n.url, err)
			}
		}
	}
	if status := post(t, edge.url+"/api/tournaments", object{"name": "At the edge"}, nil); status != http.StatusCreated {
		t.Errorf("what the edge passes on is answered with %d", status)
	}
}

// TestZonedURL reaches a node at an address with a zone, as link-local addresses have one.
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
	c := newTestClusterWith(t, 1, onIPv6)
	round, _ := newRound(t, c.nodes[0].url, 1)
	_, port, err := net.SplitHostPort(c.nodes[0].cfg.HTTP)
	if err != nil {
		t.Fatal(err)
	}
	at := "http://[::1%25" + zone + "]:" + port
	if out, errs, code := command(t.Context(), "status", at+"/"); code != exitDone {
		t.Errorf("status %s: exit %d\n%s%s", at, code, out, errs)
	}
	if s := feedSample(t, at); len(s.Failures) > 0 {
		t.Errorf("feed %s: %+v", at, s)
	}
	sp := newSpectator(t, round)
	sp.watch(at)
	sp.until("the snapshot", func() bool { return sp.snaps == 1 })
	venue := &testNode{t: t, cfg: serveConfig{
		Name: "venue", Role: roleVenue, Data: t.TempDir(), HTTP: "[::1]:0", Peer: "[::1]:0", Voters: 1, Join: at,
	}}
	if err := validate(&venue.cfg); err != nil {
		t.Fatal(err)
	}
	venue.start()
	t.Cleanup(venue.stop)
	eventually(t, "the venue to be ready", func() bool { return get(t, venue.url+"/readyz", nil) == http.StatusOK })
}
