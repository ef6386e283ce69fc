package node_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/chessrelay/chessrelay/cmd/chessrelay/node/nodetest"
)

// BenchmarkLevels plays moves one after another at a recorder. For each level of edges below it, it
// reports how much later a move was on their boards.
func BenchmarkLevels(b *testing.B) {
	c := nodetest.NewCluster(b, 1)
	up := c.Nodes[0]
	var edges []*nodetest.Node
	for level := range 3 {
		up = c.AddEdge(fmt.Sprint("level-", level+1), up)
		edges = append(edges, up)
	}
	_, games := nodetest.NewRound(b, c.Nodes[0].URL, 1)
	c.WaitEqual()
	shuffle := []string{"Nf3", "Nf6", "Ng1", "Ng8"}
	late := make([]time.Duration, len(edges))
	ply := 0
	for b.Loop() {
		if ply++; ply > 1000 {
			_, games = nodetest.NewRound(b, c.Nodes[0].URL, 1)
			ply = 1
		}
		o := nodetest.Must(b, c.Nodes[0].URL+"/api/games/"+games[0]+"/moves", nodetest.Object{"ply": ply, "move": shuffle[(ply-1)%4]})
		at := time.Now()
		for i, e := range edges {
			for e.Edge.Applied() < uint64(o["index"].(float64)) {
				<-time.After(10 * time.Microsecond)
			}
			late[i] += time.Since(at)
		}
	}
	for i, d := range late {
		b.ReportMetric(float64(d.Microseconds())/float64(b.N), fmt.Sprint("µs-level-", i+1))
	}
}
