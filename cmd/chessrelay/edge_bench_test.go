package main

import (
	"fmt"
	"testing"
	"time"
)

// BenchmarkLevels plays one move after the other at a recorder, and tells how much later than there
// each was on the boards of the edges below it, by level.
func BenchmarkLevels(b *testing.B) {
	c := newTestCluster(b, 1)
	up := c.nodes[0]
	var edges []*testNode
	for level := range 3 {
		up = c.addEdge(fmt.Sprint("level-", level+1), up)
		edges = append(edges, up)
	}
	_, games := newRound(b, c.nodes[0].url, 1)
	c.waitEqual()
	shuffle := []string{"Nf3", "Nf6", "Ng1", "Ng8"}
	late := make([]time.Duration, len(edges))
	ply := 0
	for b.Loop() {
		if ply++; ply > 1000 {
			_, games = newRound(b, c.nodes[0].url, 1)
			ply = 1
		}
		o := must(b, c.nodes[0].url+"/api/games/"+games[0]+"/moves", object{"ply": ply, "move": shuffle[(ply-1)%4]})
		at := time.Now()
		for i, e := range edges {
			for e.edge.Applied() < uint64(o["index"].(float64)) {
				<-time.After(10 * time.Microsecond)
			}
			late[i] += time.Since(at)
		}
	}
	for i, d := range late {
		b.ReportMetric(float64(d.Microseconds())/float64(b.N), fmt.Sprint("µs-level-", i+1))
	}
}
