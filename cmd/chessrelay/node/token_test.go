package node_test

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/chessrelay/chessrelay/cmd/chessrelay/node"
	"github.com/chessrelay/chessrelay/cmd/chessrelay/node/nodetest"
)

// TestRoles checks every role against the table, within its scope and outside of it.
func TestRoles(t *testing.T) {
	t.Parallel()
	c := nodetest.NewTokenCluster(t, 2)
	const see, record, unlock, organise, administer, follow = "see", "record", "unlock", "organise", "administer", "follow"
	type try struct{ act, method, path string }
	tries := func(i int) []try {
		round, game := "/api/rounds/"+c.Rounds[i], "/api/games/"+c.Games[i]
		return []try{
			{record, "POST", game + "/moves"}, {record, "POST", game + "/result"}, {record, "POST", game + "/takeback"}, {record, "POST", game + "/clock"},
			{record, "POST", game + "/correct"}, {record, "PATCH", game}, {record, "POST", round + "/games"},
			{record, "POST", "/api/broadcast/round/" + c.Rounds[i] + "/push"},
			{unlock, "POST", game + "/unlock"}, {unlock, "POST", game + "/accept"}, {unlock, "POST", "/api/broadcast/round/" + c.Rounds[i] + "/reset"},
			{organise, "PATCH", round}, {organise, "DELETE", round}, {organise, "DELETE", game}, {organise, "POST", game + "/restore"},
			{organise, "POST", "/broadcast/round/" + c.Rounds[i] + "/edit"},
		}
	}
	tour := func(i int) []try {
		return []try{
			{organise, "PATCH", "/api/tournaments/" + c.Tournaments[i]}, {organise, "POST", "/api/tournaments/" + c.Tournaments[i] + "/rounds"},
			{organise, "POST", "/broadcast/" + c.Tournaments[i] + "/new"}, {organise, "POST", "/broadcast/" + c.Tournaments[i] + "/edit"},
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
		for name, scope := range map[string]nodetest.Object{"everything": {}, "tournament": {"tournament": c.Tournaments[0]}, "round": {"round": c.Rounds[0]}} {
			if name != "everything" && (role == "admin" || role == "edge") {
				continue
			}
			token, _ := c.MakeToken(role, scope)
			check := func(tries []try, within bool) {
				t.Helper()
				for _, try := range tries {
					want := within && strings.Contains(acts, try.act)
					// A request that is let in is refused for its body. So nothing changes.
					status, out := c.Ask(token, try.method, try.path, "{")
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
			for i := range c.Rounds {
				sees := strings.Contains(acts, see) && (i == 0 || name == "everything")
				if status, out := c.Ask(token, http.MethodGet, "/api/games/"+c.Games[i], nil); (status == http.StatusOK) != sees {
					t.Errorf("%s of %s sees the held game %d: %d %v", role, name, i, status, out)
				}
			}
		}
	}
}

// TestSourceTokenLocksNothing checks that a submission with a source's token counts as the
// source's, whatever it says.
func TestSourceTokenLocksNothing(t *testing.T) {
	t.Parallel()
	c := nodetest.NewTokenCluster(t, 1)
	source, _ := c.MakeToken("source", nodetest.Object{"round": c.Rounds[0]})
	arbiter, id := c.MakeToken("arbiter", nodetest.Object{"round": c.Rounds[0]})
	game := "/api/games/" + c.Games[0]
	c.Must(source, game+"/moves", nodetest.Object{"ply": 1, "move": "e4"})
	_, g := c.Ask(arbiter, http.MethodGet, game, nil)
	if g["locks"] != nil && strings.Contains(fmt.Sprint(g["locks"]), "moves") {
		t.Errorf("a source has locked %v", g["locks"])
	}
	c.Must(arbiter, game+"/moves", nodetest.Object{"ply": 2, "move": "e5"})
	if status, out := c.Ask(source, http.MethodPost, game+"/takeback", nodetest.Object{"toPly": 0}); status != http.StatusConflict || out["code"] != "locked" {
		t.Errorf("a source takes an arbiter's move back: %d %v", status, out)
	}
	_, g = c.Ask(arbiter, http.MethodGet, game, nil)
	if !strings.Contains(fmt.Sprint(g["locks"]), "by:the arbiter") {
		t.Errorf("the locks are %v", g["locks"])
	}

	// The audit trail says who did it, and from where. X-Chessrelay-By, which Ask sends, proves
	// nothing.
	_, page := c.Ask(nodetest.Token, http.MethodGet, "/api/audit?limit=2", nil)
	lines := page["entries"].([]any)
	for i, want := range []nodetest.Object{
		{"by": "the arbiter", "token": id, "what": "move", "ply": 2.0, "id": c.Games[0], "from": "127.0.0.1"},
		{"by": "the source", "source": "the source", "what": "move", "ply": 1.0, "from": "127.0.0.1"},
	} {
		for k, v := range want {
			if lines[i].(nodetest.Object)[k] != v {
				t.Errorf("line %d: %s is %v, not %v", i, k, lines[i].(nodetest.Object)[k], v)
			}
		}
	}
	seen, before := 0, 0.0
	for range 100 {
		_, page := c.Ask(nodetest.Token, http.MethodGet, fmt.Sprintf("/api/audit?limit=2&before=%.0f", before), nil)
		seen += len(page["entries"].([]any))
		if page["before"] == nil {
			break
		}
		before = page["before"].(float64)
	}
	if want := 1 + 6 + 2 + 2; seen != want { // the first token, the boards, two tokens, two moves
		t.Errorf("the pages have %d lines, not %d", seen, want)
	}
}

// TestRevokedToken checks that a token that is revoked at one node is invalid at every other one,
// at once.
func TestRevokedToken(t *testing.T) {
	t.Parallel()
	c := nodetest.NewTokenCluster(t, 2)
	e := c.AddEdge("e", c.Nodes[1])
	arbiter, id := c.MakeToken("arbiter", nodetest.Object{"tournament": c.Tournaments[0]})
	move := func(n *nodetest.Node, ply int) (int, string) {
		return nodetest.Ask(t, http.MethodPost, n.URL+"/api/games/"+c.Games[0]+"/moves", arbiter, nodetest.Object{"ply": ply, "move": []string{"", "e4", "e5", "d4"}[ply]})
	}
	for i, n := range []*nodetest.Node{c.Nodes[0], c.Nodes[1], e} { // at once, wherever it was made
		if status, text := move(n, i+1); status != http.StatusCreated {
			t.Fatalf("at %s: %d %s", n.Config.Name, status, text)
		}
	}
	if status, text := nodetest.Ask(t, http.MethodDelete, c.Nodes[0].URL+"/api/tokens/"+id, nodetest.Token, nil); status != http.StatusOK {
		t.Fatalf("%d %s", status, text)
	}
	for _, n := range []*nodetest.Node{c.Nodes[0], c.Nodes[1], e} {
		if status, text := move(n, 3); status != http.StatusUnauthorized {
			t.Errorf("revoked, at %s: %d %s", n.Config.Name, status, text)
		}
	}
	c.WaitEqual()
	for _, n := range c.Nodes {
		n.Kill()
	}
	for _, n := range c.Nodes {
		n.Start()
	}
	nodetest.Eventually(t, "the nodes to be ready", func() bool { return nodetest.Get(t, c.Nodes[1].URL+"/readyz", nil) == http.StatusOK })
	if status, text := move(c.Nodes[1], 3); status != http.StatusUnauthorized {
		t.Errorf("after a restart: %d %s", status, text)
	}
	expired := c.Must(nodetest.Token, "/api/tokens", nodetest.Object{"name": "for a moment", "role": "arbiter", "expiresAt": time.Now().Add(400 * time.Millisecond).UnixMilli()})["token"].(string)
	nodetest.Eventually(t, "the token to expire", func() bool {
		status, _ := c.Ask(expired, http.MethodGet, "/api/account", nil)
		return status == http.StatusUnauthorized
	})
}

// TestFirstToken starts nodes as if other machines reached them.
func TestFirstToken(t *testing.T) {
	t.Parallel()
	var out logText
	dir := t.TempDir()
	exposed := func(cfg *node.Config) {
		cfg.Exposed = true
		if cfg.Bootstrap {
			cfg.Stdout = &out
		}
	}
	c := nodetest.NewClusterWith(t, 1, exposed)
	nodetest.Eventually(t, "the first token", func() bool { return strings.Contains(out.String(), "cr_") })
	line := strings.TrimSpace(out.String())
	token := line[strings.LastIndex(line, " ")+1:]
	if status, text := nodetest.Ask(t, http.MethodPost, c.Nodes[0].URL+"/api/tournaments", token, nodetest.Object{"name": "Open"}); status != http.StatusCreated {
		t.Errorf("with %q: %d %s", token, status, text)
	}
	if status, _ := nodetest.Ask(t, http.MethodPost, c.Nodes[0].URL+"/api/tournaments", "", nodetest.Object{"name": "Open"}); status != http.StatusUnauthorized {
		t.Errorf("without a token: %d", status)
	}
	// With the same command line, the node makes no other token, and nothing is left in the folder.
	c.Nodes[0].Stop()
	c.Nodes[0].Start()
	nodetest.Eventually(t, "the node to be ready", func() bool { return nodetest.Get(t, c.Nodes[0].URL+"/readyz", nil) == http.StatusOK })
	c.Nodes[0].Stop()
	if again := strings.TrimSpace(out.String()); again != line {
		t.Errorf("it was told twice:\n%s", again)
	}
	if _, err := os.Stat(filepath.Join(c.Nodes[0].Config.Data, node.FirstTokenFile)); !os.IsNotExist(err) {
		t.Errorf("the token is kept: %v", err)
	}

	// The node creates the token file.
	cfg := node.Config{Bootstrap: true, TokenFile: filepath.Join(dir, "token")}
	if err := cfg.ReadToken(); err != nil || !cfg.TokenMade {
		t.Fatalf("%v, %q", err, cfg.Token)
	}
	var told logText
	file := nodetest.NewClusterWith(t, 1, func(other *node.Config) {
		other.Exposed, other.Token, other.TokenFile, other.TokenMade, other.Stdout = true, cfg.Token, cfg.TokenFile, true, &told
	})
	if status, text := nodetest.Ask(t, http.MethodPost, file.Nodes[0].URL+"/api/tournaments", cfg.Token, nodetest.Object{"name": "Open"}); status != http.StatusCreated {
		t.Errorf("with the token of the file: %d %s", status, text)
	}
	nodetest.Eventually(t, "the token to be told", func() bool { return strings.Contains(told.String(), cfg.Token) })
	again := node.Config{TokenFile: cfg.TokenFile}
	if err := again.ReadToken(); err != nil || again.Token != cfg.Token {
		t.Errorf("the file has %q, %v", again.Token, err)
	}
	if info, err := os.Stat(cfg.TokenFile); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("the file is %v, %v", info.Mode(), err)
	}
	if err := os.WriteFile(cfg.TokenFile, []byte("secret\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := again.ReadToken(); err == nil || !strings.Contains(err.Error(), "token generate") {
		t.Errorf("a bad file: %v", err)
	}
}

// TestBadTokens: bad tokens are counted, logged and limited. A good one is taken nevertheless.
func TestBadTokens(t *testing.T) {
	c := nodetest.NewTokenCluster(t, 1)
	n := c.Nodes[0]
	n.Stop()
	var log logText
	access := filepath.Join(t.TempDir(), "access.log")
	n.Config.AccessLog = access
	node, err := node.Open(t.Context(), n.Config, slog.New(slog.NewJSONHandler(&log, nil)), nodetest.Tick)
	if err != nil {
		t.Fatal(err)
	}
	n.Node = node
	nodetest.Eventually(t, "the node to be ready", func() bool { return nodetest.Get(t, n.URL+"/readyz", nil) == http.StatusOK })
	counts := map[int]int{}
	const bad = "cr_nobody01_SECRETSECRETSECRETSECRETSE"
	for range 100 {
		status, _ := c.Ask(bad, http.MethodPost, "/api/tournaments", nodetest.Object{"name": "Open"})
		counts[status]++
	}
	if counts[401] < 60 || counts[429] == 0 || counts[401]+counts[429] != 100 {
		t.Errorf("100 bad tokens are answered %v", counts)
	}
	c.Must(nodetest.Token, "/api/tournaments", nodetest.Object{"name": "Open"})
	if status, _ := c.Ask(bad, http.MethodGet, "/api/tournaments?access_token="+nodetest.Token, nil); status != http.StatusOK {
		t.Errorf("what everybody may read is answered %d", status)
	}
	_, metrics := nodetest.Ask(t, http.MethodGet, n.URL+"/metrics", "", nil)
	if !strings.Contains(metrics, "chessrelay_tokens_refused_total 101") || !strings.Contains(metrics, fmt.Sprint("chessrelay_tokens_limited_total ", counts[429]+1)) {
		t.Errorf("counted is\n%s", metrics[:min(len(metrics), 4000)])
	}
	if lines := strings.Count(log.String(), "a token was refused"); lines < 10 || lines > 90 || !strings.Contains(log.String(), `"address":"127.0.0.1"`) {
		t.Errorf("%d lines in the log", lines)
	}
	n.Stop()
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
			made++
			if last.From != "127.0.0.1" || last.Method != "POST" || last.URI != "/api/tournaments" || last.Token != "testtok1" || last.Bytes == 0 {
				t.Errorf("the line is %+v", last)
			}
		}
	}
	if made != 1 {
		t.Errorf("%d creations in the access log", made)
	}
}

// TestEdgeToken has an edge follow with its own token, until that is revoked.
func TestEdgeToken(t *testing.T) {
	t.Parallel()
	c := nodetest.NewTokenCluster(t, 1)
	viewer, _ := c.MakeToken("viewer", nil)
	token, id := c.MakeToken("edge", nil)
	open := func(token string, patience time.Duration) (*node.Node, error) {
		ctx, cancel := context.WithTimeout(t.Context(), patience)
		defer cancel()
		return node.Open(ctx, node.Config{
			Name: "e", Role: node.RoleEdge, HTTP: "127.0.0.1:0", Voters: 1, Upstreams: []string{c.Nodes[0].URL}, Token: token,
		}, nodetest.Log(t), nodetest.Tick)
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
	game := "/api/games/" + c.Games[0]
	if status, _ := nodetest.Ask(t, http.MethodGet, e.URL+game, viewer, nil); status != http.StatusOK {
		t.Errorf("the edge shows a viewer %d", status)
	}
	if status, _ := nodetest.Ask(t, http.MethodGet, e.URL+game, "", nil); status != http.StatusNotFound {
		t.Errorf("the edge shows the public %d", status)
	}
	if status, _ := c.Ask(nodetest.Token, http.MethodDelete, "/api/tokens/"+id, nil); status != http.StatusOK {
		t.Fatal(status)
	}
	nodetest.Eventually(t, "the edge to be cut", func() bool {
		b, _ := json.Marshal(e.Edge.Report())
		return strings.Contains(string(b), "not known to this cluster")
	})
}
