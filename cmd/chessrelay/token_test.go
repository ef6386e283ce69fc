package main

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/chessrelay/chessrelay/relay"
)

// A tokenTest is a cluster with tokens, and two rounds of one board each in two tournaments.
type tokenTest struct {
	*testCluster
	tours, rounds, games [2]string
}

func newTokenTest(t *testing.T, nodes int) *tokenTest {
	c := &tokenTest{testCluster: newTestClusterWith(t, nodes, func(cfg *serveConfig) { cfg.Token = testToken })}
	for i := range c.tours {
		c.tours[i] = c.must(testToken, "/api/tournaments", object{"name": fmt.Sprint("Open ", i)})["id"].(string)
		c.rounds[i] = c.must(testToken, "/api/tournaments/"+c.tours[i]+"/rounds", object{"name": "Round", "delay": 3600})["id"].(string)
		c.games[i] = c.must(testToken, "/api/rounds/"+c.rounds[i]+"/games", object{"board": 1, "white": object{"name": "A"}, "black": object{"name": "B"}})["id"].(string)
	}
	return c
}

// ask sends a request to the last node, with that token.
func (c *tokenTest) ask(token, method, path string, body any) (int, object) {
	c.t.Helper()
	status, text := ask(c.t, method, c.nodes[len(c.nodes)-1].url+path, token, body)
	out := object{}
	_ = json.Unmarshal([]byte(text), &out)
	return status, out
}

func (c *tokenTest) must(token, path string, body any) object {
	c.t.Helper()
	status, out := c.ask(token, http.MethodPost, path, body)
	if status/100 != 2 {
		c.t.Fatalf("POST %s: %d %v", path, status, out)
	}
	return out
}

// make makes a token, and returns what is shown of it and its id.
func (c *tokenTest) make(role string, scope object) (token, id string) {
	c.t.Helper()
	in := object{"name": "the " + role, "role": role}
	for k, v := range scope {
		in[k] = v
	}
	out := c.must(testToken, "/api/tokens", in)
	return out["token"].(string), out["id"].(string)
}

// TestRoles holds every role to the table, within its scope and outside of it.
func TestRoles(t *testing.T) {
	c := newTokenTest(t, 2)
	const see, record, unlock, organise, administer, follow = "see", "record", "unlock", "organise", "administer", "follow"
	type try struct{ act, method, path string }
	tries := func(i int) []try {
		round, game := "/api/rounds/"+c.rounds[i], "/api/games/"+c.games[i]
		return []try{
			{record, "POST", game + "/moves"}, {record, "POST", game + "/result"}, {record, "POST", game + "/takeback"}, {record, "POST", game + "/clock"},
			{record, "POST", game + "/correct"}, {record, "PATCH", game}, {record, "POST", round + "/games"},
			{record, "POST", "/api/broadcast/round/" + c.rounds[i] + "/push"},
			{unlock, "POST", game + "/unlock"}, {unlock, "POST", game + "/accept"}, {unlock, "POST", "/api/broadcast/round/" + c.rounds[i] + "/reset"},
			{organise, "PATCH", round}, {organise, "DELETE", round}, {organise, "DELETE", game}, {organise, "POST", game + "/restore"},
			{organise, "POST", "/broadcast/round/" + c.rounds[i] + "/edit"},
		}
	}
	tour := func(i int) []try {
		return []try{
			{organise, "PATCH", "/api/tournaments/" + c.tours[i]}, {organise, "POST", "/api/tournaments/" + c.tours[i] + "/rounds"},
			{organise, "POST", "/broadcast/" + c.tours[i] + "/new"}, {organise, "POST", "/broadcast/" + c.tours[i] + "/edit"},
		}
	}
	everything := []try{
		{organise, "POST", "/api/tournaments"}, {organise, "POST", "/broadcast/new"},
		{administer, "POST", "/api/tokens"}, {administer, "GET", "/api/tokens"}, {administer, "DELETE", "/api/tokens/AAAAAAAA"}, {administer, "GET", "/api/audit"},
		{administer, "POST", "/api/cluster/members"}, {administer, "DELETE", "/api/cluster/members/nobody"}, {administer, "POST", "/api/cluster/leader"},
		{follow, "GET", "/feed/log?peek=1"},
	}
	may := map[string]string{
		"admin": "see record unlock organise administer follow", "organiser": "see record unlock organise", "arbiter": "see record unlock",
		"source": "see record", "viewer": "see", "edge": "follow",
	}
	for role, acts := range may {
		for name, scope := range map[string]object{"everything": {}, "tournament": {"tournament": c.tours[0]}, "round": {"round": c.rounds[0]}} {
			if name != "everything" && (role == "admin" || role == "edge") {
				continue
			}
			token, _ := c.make(role, scope)
			check := func(tries []try, within bool) {
				t.Helper()
				for _, try := range tries {
					want := within && strings.Contains(acts, try.act)
					// What is let in is refused for what it says, so that nothing changes.
					status, out := c.ask(token, try.method, try.path, "{")
					if got := status != http.StatusForbidden && status != http.StatusUnauthorized; got != want {
						t.Errorf("%s of %s: %s %s: %d %v", role, name, try.method, try.path, status, out)
					}
					if !want && (out["code"] != "forbidden" || !strings.Contains(out["error"].(string), "the "+role)) {
						t.Errorf("%s of %s: %s %s says %v", role, name, try.method, try.path, out)
					}
				}
			}
			check(tries(0), true)
			check(tries(1), name == "everything")
			check(tour(0), name != "round")
			check(tour(1), name == "everything")
			check(everything, name == "everything")
			for i := range c.rounds {
				sees := strings.Contains(acts, see) && (i == 0 || name == "everything")
				if status, out := c.ask(token, http.MethodGet, "/api/games/"+c.games[i], nil); (status == http.StatusOK) != sees {
					t.Errorf("%s of %s sees the held game %d: %d %v", role, name, i, status, out)
				}
			}
		}
	}
}

// TestSourceLocksNothing wants what comes with a source's token to be a source's, whatever it says.
func TestSourceLocksNothing(t *testing.T) {
	c := newTokenTest(t, 1)
	source, _ := c.make("source", object{"round": c.rounds[0]})
	arbiter, id := c.make("arbiter", object{"round": c.rounds[0]})
	game := "/api/games/" + c.games[0]
	c.must(source, game+"/moves", object{"ply": 1, "move": "e4"})
	_, g := c.ask(arbiter, http.MethodGet, game, nil)
	if g["locks"] != nil && strings.Contains(fmt.Sprint(g["locks"]), "moves") {
		t.Errorf("a source has locked %v", g["locks"])
	}
	c.must(arbiter, game+"/moves", object{"ply": 2, "move": "e5"})
	if status, out := c.ask(source, http.MethodPost, game+"/takeback", object{"toPly": 0}); status != http.StatusConflict || out["code"] != "locked" {
		t.Errorf("a source takes an arbiter's move back: %d %v", status, out)
	}
	_, g = c.ask(arbiter, http.MethodGet, game, nil)
	if !strings.Contains(fmt.Sprint(g["locks"]), "by:the arbiter") {
		t.Errorf("the locks are %v", g["locks"])
	}

	// Who did it, and from where. X-Chessrelay-By, which ask sends, is nobody's word.
	_, page := c.ask(testToken, http.MethodGet, "/api/audit?limit=2", nil)
	lines := page["entries"].([]any)
	for i, want := range []object{
		{"by": "the arbiter", "token": id, "what": "move", "ply": 2.0, "id": c.games[0], "from": "127.0.0.1"},
		{"by": "the source", "source": "the source", "what": "move", "ply": 1.0, "from": "127.0.0.1"},
	} {
		for k, v := range want {
			if lines[i].(object)[k] != v {
				t.Errorf("line %d: %s is %v, not %v", i, k, lines[i].(object)[k], v)
			}
		}
	}
	seen, before := 0, 0.0
	for range 100 {
		_, page := c.ask(testToken, http.MethodGet, fmt.Sprintf("/api/audit?limit=2&before=%.0f", before), nil)
		if seen += len(page["entries"].([]any)); page["before"] == nil {
			break
		}
		before = page["before"].(float64)
	}
	if want := 1 + 6 + 2 + 2; seen != want { // the first token, the boards, two tokens, two moves
		t.Errorf("the pages have %d lines, not %d", seen, want)
	}
}

// TestRevoked wants a token that is revoked at one node to be nobody's at every other one, at once.
func TestRevoked(t *testing.T) {
	c := newTokenTest(t, 2)
	e := c.addEdge("e", c.nodes[1])
	arbiter, id := c.make("arbiter", object{"tournament": c.tours[0]})
	move := func(n *testNode, ply int) (int, string) {
		return ask(t, http.MethodPost, n.url+"/api/games/"+c.games[0]+"/moves", arbiter, object{"ply": ply, "move": []string{"", "e4", "e5", "d4"}[ply]})
	}
	for i, n := range []*testNode{c.nodes[0], c.nodes[1], e} { // at once, wherever it was made
		if status, text := move(n, i+1); status != http.StatusCreated {
			t.Fatalf("at %s: %d %s", n.cfg.Name, status, text)
		}
	}
	if status, text := ask(t, http.MethodDelete, c.nodes[0].url+"/api/tokens/"+id, testToken, nil); status != http.StatusOK {
		t.Fatalf("%d %s", status, text)
	}
	for _, n := range []*testNode{c.nodes[0], c.nodes[1], e} {
		if status, text := move(n, 3); status != http.StatusUnauthorized {
			t.Errorf("revoked, at %s: %d %s", n.cfg.Name, status, text)
		}
	}
	c.waitEqual()
	for _, n := range c.nodes {
		n.kill()
	}
	for _, n := range c.nodes {
		n.start()
	}
	eventually(t, "the nodes to be ready", func() bool { return get(t, c.nodes[1].url+"/readyz", nil) == http.StatusOK })
	if status, text := move(c.nodes[1], 3); status != http.StatusUnauthorized {
		t.Errorf("after a restart: %d %s", status, text)
	}
	expired := c.must(testToken, "/api/tokens", object{"name": "for a moment", "role": "arbiter", "expiresAt": time.Now().Add(400 * time.Millisecond).UnixMilli()})["token"].(string)
	eventually(t, "the token to expire", func() bool {
		status, _ := c.ask(expired, http.MethodGet, "/api/account", nil)
		return status == http.StatusUnauthorized
	})
}

// TestFirstToken starts nodes as if other machines reached them.
func TestFirstToken(t *testing.T) {
	var out logText
	dir := t.TempDir()
	exposed := func(cfg *serveConfig) {
		if cfg.exposed = true; cfg.Bootstrap {
			cfg.stdout = &out
		}
	}
	c := newTestClusterWith(t, 1, exposed)
	eventually(t, "the first token", func() bool { return strings.Contains(out.String(), "cr_") })
	line := strings.TrimSpace(out.String())
	token := line[strings.LastIndex(line, " ")+1:]
	if status, text := ask(t, http.MethodPost, c.nodes[0].url+"/api/tournaments", token, object{"name": "Open"}); status != http.StatusCreated {
		t.Errorf("with %q: %d %s", token, status, text)
	}
	if status, _ := ask(t, http.MethodPost, c.nodes[0].url+"/api/tournaments", "", object{"name": "Open"}); status != http.StatusUnauthorized {
		t.Errorf("without a token: %d", status)
	}
	// The same line makes no other one, and nothing is left in the folder.
	c.nodes[0].stop()
	c.nodes[0].start()
	eventually(t, "the node to be ready", func() bool { return get(t, c.nodes[0].url+"/readyz", nil) == http.StatusOK })
	c.nodes[0].stop()
	if again := strings.TrimSpace(out.String()); again != line {
		t.Errorf("it was told twice:\n%s", again)
	}
	if _, err := os.Stat(filepath.Join(c.nodes[0].cfg.Data, FirstTokenFile)); !os.IsNotExist(err) {
		t.Errorf("the token is kept: %v", err)
	}

	// A token of a file, which is made.
	cfg := serveConfig{Bootstrap: true, TokenFile: filepath.Join(dir, "token")}
	if err := cfg.readToken(); err != nil || !cfg.tokenMade {
		t.Fatalf("%v, %q", err, cfg.Token)
	}
	var told logText
	file := newTestClusterWith(t, 1, func(other *serveConfig) {
		other.exposed, other.Token, other.TokenFile, other.tokenMade, other.stdout = true, cfg.Token, cfg.TokenFile, true, &told
	})
	if status, text := ask(t, http.MethodPost, file.nodes[0].url+"/api/tournaments", cfg.Token, object{"name": "Open"}); status != http.StatusCreated {
		t.Errorf("with the token of the file: %d %s", status, text)
	}
	eventually(t, "the token to be told", func() bool { return strings.Contains(told.String(), cfg.Token) })
	again := serveConfig{TokenFile: cfg.TokenFile}
	if err := again.readToken(); err != nil || again.Token != cfg.Token {
		t.Errorf("the file has %q, %v", again.Token, err)
	}
	if info, err := os.Stat(cfg.TokenFile); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("the file is %v, %v", info.Mode(), err)
	}
	if err := os.WriteFile(cfg.TokenFile, []byte("secret\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := again.readToken(); err == nil || !strings.Contains(err.Error(), "token generate") {
		t.Errorf("a bad file: %v", err)
	}
}

// TestNoTokens: a node that others reach does not serve a cluster without tokens, unless that is
// meant.
func TestNoTokens(t *testing.T) {
	for _, tc := range []struct {
		c    serveConfig
		at   string
		open bool
	}{
		{serveConfig{}, "127.0.0.1", true}, {serveConfig{}, "::1", true}, {serveConfig{}, "0.0.0.0", false}, {serveConfig{}, "::", false},
		{serveConfig{}, "192.0.2.1", false}, {serveConfig{Open: true}, "0.0.0.0", true}, {serveConfig{Token: testToken}, "127.0.0.1", true},
		{serveConfig{Token: testToken, Bootstrap: true}, "127.0.0.1", false}, {serveConfig{Token: testToken, Bootstrap: true, Open: true}, "::", false},
	} {
		if got := tc.c.open(&net.TCPAddr{IP: net.ParseIP(tc.at)}); got != tc.open {
			t.Errorf("%+v at %s is open: %v", tc.c, tc.at, got)
		}
	}
	c := newTestClusterWith(t, 1, func(cfg *serveConfig) { cfg.Voters = 1 })
	join := func(change func(*serveConfig)) *testNode {
		n := &testNode{t: t, cfg: serveConfig{
			Name: "venue", Role: roleVenue, Data: filepath.Join(t.TempDir(), "venue"), Join: c.nodes[0].url, HTTP: "127.0.0.1:0", Peer: "127.0.0.1:0", Voters: 1,
		}}
		change(&n.cfg)
		n.start()
		t.Cleanup(n.stop)
		return n
	}
	exposed := serveConfig{
		Name: "venue", Role: roleVenue, Data: filepath.Join(t.TempDir(), "venue"), Join: c.nodes[0].url, HTTP: "127.0.0.1:0", Peer: "127.0.0.1:0", Voters: 1, exposed: true,
	}
	n, err := openNode(t.Context(), exposed, testLog(t), testTick)
	if err == nil || !strings.Contains(err.Error(), "--open") || !strings.Contains(err.Error(), "token create") {
		t.Errorf("it stops with %v", err)
		_ = n.Close()
	}
	if members := c.nodes[0].raft.Members(); len(members) != 1 {
		t.Errorf("it was admitted: %+v", members)
	}
	open := join(func(cfg *serveConfig) { cfg.Name, cfg.exposed, cfg.Open = "open", true, true })
	must(t, open.url+"/api/tournaments", object{"name": "Open"})

	edge := serveConfig{Name: "e", Role: roleEdge, HTTP: "127.0.0.1:0", Voters: 1, Upstreams: []string{c.nodes[0].url}, exposed: true}
	if n, err := openNode(t.Context(), edge, testLog(t), testTick); err == nil || !strings.Contains(err.Error(), "--open") {
		n.Close()
		t.Errorf("an edge of a cluster without tokens: %v", err)
	}
	args := []string{"serve", "--name", "n", "--role", "recorder", "--data", t.TempDir(), "--bootstrap", "--token", "secret"}
	if code, _, stderr := runCommand(t.Context(), t, nil, args...); code != exitUsage || !strings.Contains(stderr, "--token") {
		t.Errorf("%v: exit %d\n%s", args, code, stderr)
	}
	// The token of the environment must not keep a node from its own file.
	both := serveConfig{Token: testToken, TokenFile: filepath.Join(t.TempDir(), "token"), Bootstrap: true}
	if err := both.readToken(); err != nil || both.Token == testToken || !both.tokenMade {
		t.Errorf("with both, the token is %s, %v", both.Token, err)
	}
}

// TestBadTokens are counted, logged and limited, and a good one is taken nevertheless.
func TestBadTokens(t *testing.T) {
	c := newTokenTest(t, 1)
	n := c.nodes[0]
	n.stop()
	var log logText
	access := filepath.Join(t.TempDir(), "access.log")
	n.cfg.AccessLog = access
	node, err := openNode(t.Context(), n.cfg, slog.New(slog.NewJSONHandler(&log, nil)), testTick)
	if err != nil {
		t.Fatal(err)
	}
	n.node = node
	eventually(t, "the node to be ready", func() bool { return get(t, n.url+"/readyz", nil) == http.StatusOK })
	counts := map[int]int{}
	const bad = "cr_nobody01_SECRETSECRETSECRETSECRETSE"
	for range 100 {
		status, _ := c.ask(bad, http.MethodPost, "/api/tournaments", object{"name": "Open"})
		counts[status]++
	}
	if counts[401] < 60 || counts[429] == 0 || counts[401]+counts[429] != 100 {
		t.Errorf("100 bad tokens are answered %v", counts)
	}
	c.must(testToken, "/api/tournaments", object{"name": "Open"})
	if status, _ := c.ask(bad, http.MethodGet, "/api/tournaments?access_token="+testToken, nil); status != http.StatusOK {
		t.Errorf("what everybody may read is answered %d", status)
	}
	_, metrics := ask(t, http.MethodGet, n.url+"/metrics", "", nil)
	if !strings.Contains(metrics, "chessrelay_tokens_refused_total 101") || !strings.Contains(metrics, fmt.Sprint("chessrelay_tokens_limited_total ", counts[429]+1)) {
		t.Errorf("counted is\n%s", metrics[:min(len(metrics), 4000)])
	}
	if lines := strings.Count(log.String(), "a token was refused"); lines < 10 || lines > 90 || !strings.Contains(log.String(), `"address":"127.0.0.1"`) {
		t.Errorf("%d lines in the log", lines)
	}
	n.stop()
	f, err := os.Open(access)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	var last struct {
		From, Method, URI, Token string
		Status, Bytes            int
	}
	made := 0
	for lines := bufio.NewScanner(f); lines.Scan(); {
		if err := json.Unmarshal(lines.Bytes(), &last); err != nil {
			t.Fatalf("%s: %v", lines.Text(), err)
		}
		if strings.Contains(lines.Text(), "SECRET") || strings.Contains(lines.Text(), "ABCDEFGHIJ") {
			t.Errorf("the access log has a secret: %s", lines.Text())
		}
		if last.Status == http.StatusCreated {
			if made++; last.From != "127.0.0.1" || last.Method != "POST" || last.URI != "/api/tournaments" || last.Token != "testtok1" || last.Bytes == 0 {
				t.Errorf("the line is %+v", last)
			}
		}
	}
	if made != 1 {
		t.Errorf("%d creations in the access log", made)
	}
}

// TestTokenCommand does by the command line what an admin does.
func TestTokenCommand(t *testing.T) {
	c := newTokenTest(t, 1)
	url := c.nodes[0].url
	run := func(want int, args ...string) (stdout, stderr string) {
		t.Helper()
		code, stdout, stderr := runCommand(t.Context(), t, map[string]string{"CHESSRELAY_TOKEN": testToken}, append([]string{"token"}, args...)...)
		if code != want {
			t.Fatalf("%v: exit %d\n%s%s", args, code, stdout, stderr)
		}
		return stdout, stderr
	}
	out, _ := run(exitDone, "create", url, "--name", "Arbiter Anna", "--role", "arbiter", "--round", c.rounds[0], "--expires", "30d")
	token := strings.TrimSpace(out)
	id, _, ok := relay.SplitToken(token)
	if !ok {
		t.Fatalf("%q is no token", out)
	}
	c.must(token, "/api/games/"+c.games[0]+"/moves", object{"ply": 1, "move": "e4"})
	out, _ = run(exitDone, "list", url)
	for _, word := range []string{id, "Arbiter Anna", "arbiter", "round " + c.rounds[0], "everything", "never"} {
		if !strings.Contains(out, word) {
			t.Errorf("%q is missing in\n%s", word, out)
		}
	}
	if strings.Contains(out, token) {
		t.Error("the list has the token")
	}
	run(exitDone, "revoke", url, id)
	if status, _ := c.ask(token, http.MethodPost, "/api/games/"+c.games[0]+"/moves", object{"ply": 2, "move": "e5"}); status != http.StatusUnauthorized {
		t.Errorf("revoked: %d", status)
	}
	if _, stderr := run(exitFailed, "revoke", url, "testtok1"); !strings.Contains(stderr, "last token") {
		t.Errorf("the last admin's: %s", stderr)
	}
	run(exitUsage, "create", url, "--name", "x", "--role", "arbiter", "--expires", "soon")
	run(exitUsage, "create", url, "--role", "arbiter")
	if out, _ := run(exitDone, "generate"); len(strings.TrimSpace(out)) < 37 {
		t.Errorf("generated is %q", out)
	}
}

// TestEdgeToken has an edge follow with a token of its own, until that is revoked.
func TestEdgeToken(t *testing.T) {
	c := newTokenTest(t, 1)
	viewer, _ := c.make("viewer", nil)
	token, id := c.make("edge", nil)
	open := func(token string, patience time.Duration) (*node, error) {
		ctx, cancel := context.WithTimeout(t.Context(), patience)
		defer cancel()
		return openNode(ctx, serveConfig{
			Name: "e", Role: roleEdge, HTTP: "127.0.0.1:0", Voters: 1, Upstreams: []string{c.nodes[0].url}, Token: token,
		}, testLog(t), testTick)
	}
	if n, err := open(viewer, time.Second); err == nil || !strings.Contains(err.Error(), "viewer") {
		n.Close()
		t.Errorf("an edge with a viewer's token: %v", err)
	}
	e, err := open(token, time.Minute)
	if err != nil {
		t.Fatal(err)
	}
	defer e.Close()
	game := "/api/games/" + c.games[0]
	if status, _ := ask(t, http.MethodGet, e.url+game, viewer, nil); status != http.StatusOK {
		t.Errorf("the edge shows a viewer %d", status)
	}
	if status, _ := ask(t, http.MethodGet, e.url+game, "", nil); status != http.StatusNotFound {
		t.Errorf("the edge shows the public %d", status)
	}
	if status, _ := c.ask(testToken, http.MethodDelete, "/api/tokens/"+id, nil); status != http.StatusOK {
		t.Fatal(status)
	}
	eventually(t, "the edge to be cut", func() bool {
		b, _ := json.Marshal(e.edge.Report())
		return strings.Contains(string(b), "not known to this cluster")
	})
}
