package node_test

import (
	"bufio"
	"net/http"
	"net/netip"
	"strconv"
	"strings"
	"testing"

	"github.com/chessrelay/chessrelay/cmd/chessrelay/node/nodetest"
	"github.com/gorilla/websocket"
)

// A visitor is how a spectator identifies himself.
type visitor struct{ origin, behind string }

// visit dials the node, and returns the status of the answer. 101 means a spectator who stays until
// the test ends.
func (v visitor) visit(t *testing.T, node, path string) (*http.Response, int) {
	t.Helper()
	header := http.Header{}
	if v.origin != "" {
		header.Set("Origin", v.origin)
	}
	if v.behind != "" {
		header.Set("X-Forwarded-For", v.behind)
	}
	if strings.HasPrefix(path, "/live") {
		conn, res, err := websocket.DefaultDialer.Dial(strings.Replace(node, "http", "ws", 1)+path, header)
		if res == nil {
			t.Fatal(err)
		}
		if err == nil {
			t.Cleanup(func() { conn.Close() })
		}
		return res, res.StatusCode
	}
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, node+path, nil)
	if err != nil {
		t.Fatal(err)
	}
	req.Header = header
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { res.Body.Close() })
	return res, res.StatusCode
}

// TestSpectatorFlags starts a node with the limits of serve's flags. The node must keep them, and
// the metrics must count.
func TestSpectatorFlags(t *testing.T) {
	c := nodetest.NewCluster(t, 1)
	n := c.Nodes[0]
	round, games := nodetest.NewRound(t, n.URL, 1)
	n.Stop()
	n.Config.MaxSpectators, n.Config.MaxPerAddress, n.Config.MaxJoins = 4, 1, 7
	n.Config.HistoryEvents = 2
	n.Config.AllowOrigins, n.Config.TrustProxies = []string{"https://club.example"}, []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}
	n.Start()
	nodetest.Eventually(t, "a leader", func() bool { return n.Raft.Leader() != 0 })
	from, _ := n.Stand()
	for ply, m := range []string{"e4", "e5", "Nf3"} {
		nodetest.Must(t, n.URL+"/api/games/"+games[0]+"/moves", nodetest.Object{"ply": ply + 1, "move": m})
	}

	live, events := "/live?round="+round, "/events?round="+round
	for _, tt := range []struct {
		visitor
		path string
		want int
	}{
		{visitor{behind: "192.0.2.1"}, live + "&since=" + strconv.FormatUint(from, 10), 101}, // three moves ago, and the history has two: a snapshot
		{visitor{behind: "192.0.2.1"}, live, 429},                                            // as many as an address may have
		{visitor{behind: "192.0.2.2"}, events, 200},                                          // another address, though the proxy is the same
		{visitor{behind: "192.0.2.3", origin: "https://club.example"}, live, 101},
		{visitor{behind: "192.0.2.4", origin: "https://other.example"}, live, 403},
		{visitor{behind: "192.0.2.4", origin: "https://club.example"}, "/feed", 200},
		{visitor{behind: "192.0.2.5"}, "/feed", 429}, // as many as the node may have
		{visitor{behind: "192.0.2.5"}, events, 429},
	} {
		res, got := tt.visit(t, n.URL, tt.path)
		if got != tt.want {
			t.Errorf("%+v at %s: %d, want %d", tt.visitor, tt.path, got, tt.want)
		}
		if got == 429 && !res.Close {
			t.Errorf("%+v at %s: refused, and may keep the connection", tt.visitor, tt.path)
		}
		if want := tt.origin; got == 200 && res.Header.Get("Access-Control-Allow-Origin") != want {
			t.Errorf("%+v at %s: allowed for the pages of %q", tt.visitor, tt.path, res.Header.Get("Access-Control-Allow-Origin"))
		}
	}

	nodetest.Eventually(t, "all to be seated", func() bool {
		s := n.Hub.Stats()
		return s.Spectators == 4 && s.SnapshotsSent == 4
	})
	figures := metricsOf(t, n.URL)
	for name, want := range map[string]float64{
		"spectators": 4, "spectator_connections": 4, "live_rounds": 1, "events_published_total": 4, // the moves, and the round's beginning
		"spectators_joined_total":  4,
		"spectators_refused_total": 4, "spectators_refused_limit_total": 3, "spectators_refused_origin_total": 1, "spectators_refused_rate_total": 0,
		"spectators_subscribed_total": 0, "spectators_bad_request_total": 0, "spectators_too_slow_total": 0, "spectators_moved_forward_total": 1,
	} {
		if got, ok := figures["chessrelay_"+name]; !ok || got != want {
			t.Errorf("the metric %s is %v, want %v", name, got, want)
		}
	}
	for _, name := range []string{"live_history_bytes", "messages_sent_total", "messages_sent_bytes_total", "snapshots_sent_total", "snapshots_encoded_total"} {
		if figures["chessrelay_"+name] == 0 {
			t.Errorf("the metric %s is 0", name)
		}
	}
	for _, name := range []string{"events_sent_total", "summaries_sent_total"} {
		if _, ok := figures["chessrelay_"+name]; !ok {
			t.Errorf("the metric %s is missing", name)
		}
	}

	// Seven may come at once, and seven more in each second. So of many, some have to come back.
	n.Stop()
	n.Config.MaxSpectators, n.Config.MaxPerAddress = -1, -1
	n.Start()
	refused := 0.
	for range 30 {
		if _, status := (visitor{}).visit(t, n.URL, events); status == 429 {
			refused++
		}
	}
	if figures := metricsOf(t, n.URL); refused == 0 || figures["chessrelay_spectators_refused_rate_total"] != refused {
		t.Errorf("of 30 who came in a moment %v were refused, and the metrics say %v", refused, figures["chessrelay_spectators_refused_rate_total"])
	}
}

// metricsOf reads a node's metrics.
func metricsOf(t *testing.T, node string) map[string]float64 {
	t.Helper()
	res, err := http.Get(node + "/metrics")
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	figures := map[string]float64{}
	for lines := bufio.NewScanner(res.Body); lines.Scan(); {
		name, value, _ := strings.Cut(lines.Text(), " ")
		if v, err := strconv.ParseFloat(value, 64); err == nil {
			figures[name] = v
		}
	}
	return figures
}
