package node_test

import (
	"bytes"
	"encoding/json"
	"net/http"
	"sync"
	"testing"

	"github.com/chessrelay/chessrelay/cmd/chessrelay/node/nodetest"
)

// postKey posts with an Idempotency-Key until a node answers, as a submitter would: after a 503 it
// sends the request again.
func postKey(t *testing.T, url, key string, body nodetest.Object) (status int, out nodetest.Object) {
	t.Helper()
	data, err := json.Marshal(body)
	if err != nil {
		t.Error(err)
		return 0, nil
	}
	nodetest.Eventually(t, "an answer of "+url, func() bool {
		r, err := http.NewRequest(http.MethodPost, url, bytes.NewReader(data))
		if err != nil {
			t.Error(err)
			return true
		}
		r.Header.Set("Idempotency-Key", key)
		res, err := http.DefaultClient.Do(r)
		if err != nil {
			return false // the node is being killed
		}
		out = nil
		status = nodetest.Decode(t, res, &out)
		return status != http.StatusServiceUnavailable
	})
	return status, out
}

// TestSameKeyOnAnyNode sends a creation to all nodes at once, and again after the leader has died.
// It is one creation. The same is true of a correction, and of clocks.
func TestSameKeyOnAnyNode(t *testing.T) {
	t.Parallel()
	c := nodetest.NewCluster(t, 3)
	everywhere := func(path, key string, body nodetest.Object) (id string, index float64) {
		t.Helper()
		answers := make([]nodetest.Object, 3*len(c.Nodes))
		statuses := make([]int, len(answers))
		var wg sync.WaitGroup
		for i := range answers {
			wg.Go(func() { statuses[i], answers[i] = postKey(t, c.Nodes[i%len(c.Nodes)].URL+path, key, body) })
		}
		wg.Wait()
		created := 0
		for i, a := range answers {
			if statuses[i] == http.StatusCreated {
				created++
			}
			if a["id"] != answers[0]["id"] || a["index"] != answers[0]["index"] || statuses[i]/100 != 2 {
				t.Errorf("%s: %d %v, and another node says %v", path, statuses[i], a, answers[0])
			}
		}
		if created != 1 {
			t.Errorf("%s was created %d times", path, created)
		}
		id, _ = answers[0]["id"].(string)
		index, _ = answers[0]["index"].(float64)
		return id, index
	}
	tournament := nodetest.Object{"name": "Town Open"}
	tid, _ := everywhere("/api/tournaments", "key-t", tournament)
	roundPath, newRound := "/api/tournaments/"+tid+"/rounds", nodetest.Object{"name": "Round 1"}
	rid, _ := everywhere(roundPath, "key-r", newRound)
	gamePath, newGame := "/api/rounds/"+rid+"/games", nodetest.Object{"board": 1, "white": nodetest.Object{"name": "A"}, "black": nodetest.Object{"name": "B"}}
	gid, _ := everywhere(gamePath, "key-g", newGame)
	correctPath, correction := "/api/games/"+gid+"/correct", nodetest.Object{"toPly": 0, "moves": []nodetest.Object{{"move": "e4"}, {"move": "e5"}}}
	_, at := everywhere(correctPath, "key-c", correction)
	clockPath, clock := "/api/games/"+gid+"/clock", nodetest.Object{"white": 5_390_000}
	_, clockAt := everywhere(clockPath, "key-k", clock)

	dead := c.Leader()
	dead.Kill()
	for _, n := range c.Nodes {
		if n == dead {
			continue
		}
		for _, again := range []struct {
			path, key, id string
			body          nodetest.Object
		}{{"/api/tournaments", "key-t", tid, tournament}, {roundPath, "key-r", rid, newRound}, {gamePath, "key-g", gid, newGame}} {
			if status, out := postKey(t, n.URL+again.path, again.key, again.body); status != http.StatusOK || out["id"] != again.id {
				t.Errorf("%s, after the failover: %d %v, and it was %s", again.path, status, out, again.id)
			}
		}
		if status, out := postKey(t, n.URL+correctPath, "key-c", correction); status != http.StatusOK || out["index"] != at {
			t.Errorf("the correction, after the failover: %d %v, and it was at %v", status, out, at)
		}
		if status, out := postKey(t, n.URL+clockPath, "key-k", clock); status != http.StatusOK || out["index"] != clockAt {
			t.Errorf("the clocks, after the failover: %d %v, and they were at %v", status, out, clockAt)
		}
	}
}
