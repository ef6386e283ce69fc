package node_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"sync"
	"testing"
	"time"

	"github.com/chessrelay/chessrelay/cmd/chessrelay/node/nodetest"
)

// TestOverloadIsReported fills a node that has no leader with as many moves as may wait. The next
// ones are refused at once, with that reason. Once there is a majority again, moves are taken. The
// refused ones were never recorded.
func TestOverloadIsReported(t *testing.T) {
	c := nodetest.NewCluster(t, 3)
	n := c.Nodes[0]
	_, games := nodetest.NewRound(t, n.URL, 1)
	c.WaitEqual()
	moves := n.URL + "/api/games/" + games[0] + "/moves"
	for _, other := range c.Nodes[1:] {
		other.Kill()
	}
	nodetest.Eventually(t, "the leader to be lost", func() bool { return n.Raft.Leader() == 0 })

	const batch, batches = 1000, 65 // of 65,536 that may wait
	var shuffle []nodetest.Object
	for ply := range batch {
		shuffle = append(shuffle, nodetest.Object{"ply": ply + 1, "move": []string{"Nf3", "Nf6", "Ng1", "Ng8"}[ply%4]})
	}
	body, err := json.Marshal(nodetest.Object{"moves": shuffle})
	if err != nil {
		t.Fatal(err)
	}
	ctx, giveUp := context.WithCancel(t.Context())
	defer giveUp()
	var wg sync.WaitGroup
	defer wg.Wait()
	refused := make(chan time.Duration, 2*batches)
	send := func() {
		req, err := http.NewRequestWithContext(ctx, http.MethodPost, moves, bytes.NewReader(body))
		if err != nil {
			t.Error(err)
			return
		}
		began := time.Now()
		res, err := http.DefaultClient.Do(req)
		if err != nil {
			if !errors.Is(err, context.Canceled) {
				t.Error(err)
			}
			return
		}
		var out nodetest.Object
		status := nodetest.Decode(t, res, &out)
		took := time.Since(began)
		if status != http.StatusServiceUnavailable || out["code"] != "overloaded" || res.Header.Get("Retry-After") == "" {
			t.Errorf("%d %v, Retry-After %q after %v", status, out, res.Header.Get("Retry-After"), took)
		}
		refused <- took
	}
	for range batches + 10 {
		wg.Go(send)
	}
	for i := range 10 { // long before a submission times out
		select {
		case took := <-refused:
			t.Logf("refused after %v", took)
		case <-time.After(5 * time.Second):
			t.Fatalf("%d were refused", i)
		}
	}
	var one nodetest.Object
	began := time.Now()
	if status := nodetest.Post(t, moves, string(body), &one); status != http.StatusServiceUnavailable || one["code"] != "overloaded" {
		t.Errorf("%d %v", status, one)
	} else if took := time.Since(began); took > time.Second {
		t.Errorf("refused after %v, not at once", took)
	}
	if status := nodetest.Get(t, n.URL+"/api/games/"+games[0], nil); status != http.StatusOK {
		t.Errorf("a reader gets %d", status)
	}

	giveUp()
	wg.Wait()
	for _, other := range c.Nodes[1:] {
		other.Start()
	}
	nodetest.Must(t, moves, nodetest.Object{"ply": 1, "move": "e4"})
	c.WaitEqual()
	var g struct{ Moves []struct{ SAN string } }
	nodetest.Get(t, c.Nodes[2].URL+"/api/games/"+games[0], &g)
	if len(g.Moves) != 1 || g.Moves[0].SAN != "e4" {
		t.Errorf("the game stands as %+v", g)
	}
}
