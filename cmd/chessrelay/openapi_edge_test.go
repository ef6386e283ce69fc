package main

import (
	"net/http"
	"strings"
	"testing"
)

// edgeAnswers lets an edge answer, and the node that it follows.
func edgeAnswers(t *testing.T, doc *contract, c *testCluster) {
	venue := c.nodes[0]
	edge := c.addEdge("edge", venue)
	defer func() {
		edge.stop()
		c.nodes = c.nodes[:len(c.nodes)-1]
	}()
	c.waitEqual()
	doc.base = edge.url
	doc.get(200, "/api/cluster")
	doc.get(200, "/healthz")
	doc.get(200, "/readyz")
	doc.get(200, "/metrics")
	doc.get(200, "/api/rounds/{rid}")
	doc.get(421, "/api/rounds/{rid}?consistency=linearizable")
	doc.post(409, "/api/games/{gid}/moves", object{"ply": 1000, "move": "e4"})
	doc.call(200, http.MethodPatch, "/api/games/{gid}", object{"timeControl": "5400"})
	doc.post(421, "/api/cluster/leader", object{"to": "recorder"})
	doc.get(409, "/feed/log?id="+edge.edge.ID())
	doc.base = venue.url
	doc.get(200, "/api/cluster")
	doc.get(200, "/feed/log?peek=1&since=1")
	doc.get(409, "/feed/log?cluster=another")
	doc.get(400, "/feed/log?since=never")
	doc.get(400, "/feed/log?sum=none")
	doc.get(400, "/feed/log?name=%1b[2J")
	doc.get(400, "/feed/log?name="+strings.Repeat("n", 300))
	venue.feed.Close()
	doc.get(503, "/feed/log")
	doc.base = edge.url
	eventually(t, "the edge to follow the other node, of which it has learnt", func() bool {
		return doc.get(200, "/api/cluster")["upstream"].(object)["upstream"] == c.nodes[1].url
	})
	doc.base = venue.url
}
