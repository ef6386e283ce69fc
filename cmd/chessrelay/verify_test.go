package main

import (
	"encoding/json"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/chessrelay/chessrelay/cmd/chessrelay/node"
	"github.com/chessrelay/chessrelay/cmd/chessrelay/node/nodetest"
	"github.com/google/go-cmp/cmp"
)

// TestVerify: all nodes return the same hashes. An export that was tampered with is found, and so
// is a history that no longer has a kept head.
func TestVerify(t *testing.T) {
	c := nodetest.NewCluster(t, 3)
	round, games := nodetest.NewRound(t, c.Nodes[0].URL, 2)
	var r struct{ Tournament string }
	nodetest.Get(t, c.Nodes[0].URL+"/api/rounds/"+round, &r)
	tournament := "/api/tournaments/" + r.Tournament + "/history"
	history := func(n *nodetest.Node, path string) (out nodetest.Object) {
		t.Helper()
		if status := nodetest.Get(t, n.URL+path, &out); status != http.StatusOK {
			t.Fatalf("%s: %d %v", path, status, out)
		}
		return out
	}
	c.Nodes[1].Play(games[0], 1, 4)
	kept := history(c.Nodes[0], "/api/games/"+games[0]+"/history")["head"].(string)
	before := history(c.Nodes[0], tournament)["seal"].(string)
	nodetest.Must(t, c.Nodes[1].URL+"/api/games/"+games[0]+"/takeback", nodetest.Object{"toPly": 2, "reason": "wrong board"})
	nodetest.Must(t, c.Nodes[2].URL+"/api/games/"+games[0]+"/result", nodetest.Object{"result": "1-0"})
	c.WaitEqual()
	c.Nodes[2].Stop()
	c.Nodes[2].Start()
	for _, path := range []string{tournament, "/api/rounds/" + round + "/history", "/api/games/" + games[0] + "/history"} {
		want := history(c.Nodes[0], path)
		for _, n := range c.Nodes[1:] {
			if diff := cmp.Diff(want, history(n, path)); diff != "" {
				t.Errorf("%s at %s (+):\n%s", path, n.Config.Name, diff)
			}
		}
	}
	if history(c.Nodes[0], tournament)["seal"] == before {
		t.Error("the seal of the tournament says nothing of a game's result")
	}

	verify := func(args ...string) (out string, code int) {
		t.Helper()
		out, errs, code := command(t.Context(), append([]string{"verify"}, args...)...)
		return out + errs, code
	}
	if out, code := verify(c.Nodes[1].URL+tournament, "--head", kept); code != 0 || strings.Count(out, "intact") != 4 {
		t.Errorf("exit %d:\n%s", code, out)
	}
	if out, code := verify(c.Nodes[1].URL+tournament, "--head", before); code == 0 || !strings.Contains(out, "is in none of them") {
		t.Errorf("a seal of before: exit %d:\n%s", code, out)
	}

	dir := t.TempDir()
	save := func(name string, doc nodetest.Object) string {
		t.Helper()
		data, err := json.MarshalIndent(doc, "", "\t")
		if err != nil {
			t.Fatal(err)
		}
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, data, 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	game, whole := history(c.Nodes[0], "/api/games/"+games[0]+"/history"), save("round.json", history(c.Nodes[0], "/api/rounds/"+round+"/history"))
	if out, code := verify(save("game.json", game), whole, "--head", kept); code != 0 {
		t.Errorf("the files as they were saved: exit %d:\n%s", code, out)
	}
	game["history"].([]any)[1].(nodetest.Object)["result"] = "0-1"
	if out, code := verify(save("changed.json", game)); code != 1 || !strings.Contains(out, "history[1] (result at index") {
		t.Errorf("a changed result: exit %d:\n%s", code, out)
	}
	other := history(c.Nodes[0], "/api/games/"+games[1]+"/history")
	other["seal"] = before
	if out, code := verify(save("other.json", other), whole); code != 1 || !strings.Contains(out, "is not the one that was sealed") {
		t.Errorf("another game: exit %d:\n%s", code, out)
	}
	if out, code := verify(filepath.Join(dir, "none.json")); code != 1 || !strings.Contains(out, "none.json: no such file") {
		t.Errorf("no file: exit %d:\n%s", code, out)
	}
}

// TestChainOfADelayedRound: the chain that the public gets ends before the held commands. Its head
// is one of those of the whole chain.
func TestChainOfADelayedRound(t *testing.T) {
	c := nodetest.NewClusterWith(t, 1, func(cfg *node.Config) { cfg.Token = nodetest.Token })
	n := c.Nodes[0]
	submit := func(method, path string, body nodetest.Object) (out nodetest.Object) {
		t.Helper()
		status, text := nodetest.Ask(t, method, n.URL+path, nodetest.Token, body)
		if err := json.Unmarshal([]byte(text), &out); err != nil || status/100 != 2 {
			t.Fatalf("%s: %d %s", path, status, text)
		}
		return out
	}
	round := submit(http.MethodPost, "/api/tournaments/"+submit(http.MethodPost, "/api/tournaments", nodetest.Object{"name": "Open"})["id"].(string)+"/rounds", nodetest.Object{"name": "Round 1"})["id"].(string)
	game := submit(http.MethodPost, "/api/rounds/"+round+"/games", nodetest.Object{"board": 1, "white": nodetest.Object{"name": "A"}, "black": nodetest.Object{"name": "B"}})["id"].(string)
	submit(http.MethodPatch, "/api/rounds/"+round, nodetest.Object{"delay": 3000}) // the game is public by then
	path := "/api/games/" + game + "/history"
	var before, public nodetest.Object
	nodetest.Get(t, n.URL+path, &before)
	submit(http.MethodPost, "/api/games/"+game+"/moves", nodetest.Object{"ply": 1, "move": "e4"})
	submit(http.MethodPost, "/api/games/"+game+"/result", nodetest.Object{"result": "1-0"})
	nodetest.Get(t, n.URL+path, &public)
	if diff := cmp.Diff(before, public); diff != "" {
		t.Errorf("the public's history has changed:\n%s", diff)
	}
	if len(public["moves"].([]any)) != 0 {
		t.Errorf("the public has the moves %v", public["moves"])
	}
	out, errs, code := command(t.Context(), "verify", n.URL+path, "--token", nodetest.Token, "--head", public["head"].(string))
	if code != 0 || !strings.Contains(out, "2 entries, intact") {
		t.Errorf("exit %d:\n%s%s", code, out, errs)
	}
}
