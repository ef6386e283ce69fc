package main

import (
	"net/http"
	"strings"
	"testing"

	"github.com/chessrelay/chessrelay/cmd/chessrelay/node/nodetest"
	"github.com/chessrelay/chessrelay/consensus"
)

// TestTLSCluster has members and an edge call each other over TLS. They join, ask the leader,
// follow, and pass submissions on. Commands and spectators come over TLS too.
func TestTLSCluster(t *testing.T) {
	c := nodetest.NewClusterWith(t, 3, nodetest.WithTLS(t))
	e := c.AddEdge("e", c.Nodes[1])
	ca := nodetest.CA.File(t)
	for _, n := range c.Nodes {
		if !strings.HasPrefix(n.URL, "https://127.0.0.1:") {
			t.Fatalf("%s advertises %s", n.Config.Name, n.URL)
		}
	}
	out, errs, code := command(t.Context(), "feed", "--tls-ca", ca, "--to", e.URL, "--asap", "--json", SamplePath)
	if code != 0 {
		t.Fatalf("feed: exit %d\n%s%s", code, out, errs)
	}
	c.WaitEqual()
	round, games := nodetest.NewRound(t, e.URL, 1)
	c.WaitEqual()
	for _, n := range []*nodetest.Node{c.Nodes[2], e} {
		sp := nodetest.NewSpectator(t, round)
		sp.Watch(n.URL)
		sp.Until("the snapshot", func() bool { return sp.Snapshots == 1 })
		nodetest.Must(t, e.URL+"/api/games/"+games[0]+"/moves", nodetest.Object{"moves": nextMoves(t, n.URL, games[0])})
		sp.Until("the move", func() bool { return len(sp.Indexes) == 1 })
	}
	var s consensus.Status
	nodetest.Get(t, c.Nodes[2].URL+"/api/cluster", &s)
	if s.Members[0].Match == 0 {
		t.Errorf("a follower did not get the leader's view: %+v", s)
	}
	nodetest.Must(t, c.Nodes[2].URL+"/api/cluster/leader", nodetest.Object{"to": c.Nodes[1].Config.Name})
	if out, errs, code := command(t.Context(), "status", "--tls-ca", ca, c.Nodes[2].URL); code != 0 || !strings.Contains(out, "recorder") {
		t.Errorf("status: exit %d\n%s%s", code, out, errs)
	}
	if out, errs, code := command(t.Context(), "status", c.Nodes[2].URL); code == 0 || !strings.Contains(errs, "certificate") {
		t.Errorf("without --tls-ca: exit %d\n%s%s", code, out, errs)
	}

	res, err := http.Get(c.Nodes[0].URL + "/api/tournaments")
	if err != nil {
		t.Fatal(err)
	}
	res.Body.Close()
	if res.ProtoMajor != 2 || !strings.HasPrefix(res.Header.Get("Strict-Transport-Security"), "max-age=") {
		t.Errorf("%s, %v", res.Proto, res.Header)
	}
	if res, err := http.Get("http://" + c.Nodes[0].Config.HTTP + "/api/tournaments"); err == nil {
		res.Body.Close()
		if res.StatusCode != http.StatusBadRequest {
			t.Errorf("plain HTTP to the port of TLS: %s", res.Status)
		}
	}
}

// nextMoves is one legal move in a game of knights that go out and back.
func nextMoves(t testing.TB, node, game string) []nodetest.Object {
	t.Helper()
	var g struct{ Ply int }
	nodetest.Get(t, node+"/api/games/"+game, &g)
	return []nodetest.Object{{"ply": g.Ply + 1, "move": []string{"Nf3", "Nf6", "Ng1", "Ng8"}[g.Ply%4]}}
}

func TestTLSFlags(t *testing.T) {
	const member = "serve --name r --role recorder --data d "
	for line, want := range map[string]string{
		member + "--tls-cert c":                                                   "--tls-cert and --tls-key must be given together",
		member + "--tls-cert c --tls-key k --acme h":                              "cannot be used together",
		member + "--http-redirect :80":                                            "--http-redirect needs",
		member + "--admin-http 6060":                                              "--admin-http must be an address",
		member + "--acme-directory https://ca":                                    "--acme is missing",
		member + "--acme https://h":                                               "names of hosts",
		member + "--allow-host h:80":                                              "names of hosts",
		member + "--tls-cert c --tls-key k --advertise-http http://h":             "use https",
		"serve --name e --role edge --upstream http://v --acme chess.example.org": "--acme-cache is missing",
	} {
		code, _, errs := runCommand(t.Context(), t, nil, strings.Fields(line)...)
		if code != exitUsage || !strings.Contains(errs, want) {
			t.Errorf("%s: exit %d, %s", line, code, errs)
		}
	}
	code, _, errs := runCommand(t.Context(), t, nil, strings.Fields(member+"--tls-cert nowhere.pem --tls-key nowhere.key --http 127.0.0.1:0 --peer 127.0.0.1:0")...)
	if code != exitFailed || !strings.Contains(errs, "nowhere.pem") {
		t.Errorf("files that are not there: exit %d, %s", code, errs)
	}
}
