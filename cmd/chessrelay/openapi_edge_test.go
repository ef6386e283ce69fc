package main

import (
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/chessrelay/chessrelay/consensus"
)

// edgeAnswers lets an edge answer, and the node that it follows.
func edgeAnswers(t *testing.T, doc *contract, c *testCluster) {
	venue, with := c.nodes[0], c.with
	c.with = func(cfg *serveConfig) {
		with(cfg)
		cfg.voucher = venue.raft.InviteEdge().Voucher()
	}
	edge := c.addEdge("edge", venue)
	c.with = with
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
	doc.get(421, "/feed/vouch?url=x&nonce=y")
	doc.base = venue.url
	doc.get(200, "/api/cluster")
	doc.get(200, "/feed/log?peek=1&since=1")
	doc.get(409, "/feed/log?cluster=another")
	doc.get(400, "/feed/log?since=never")
	doc.get(400, "/feed/log?sum=none")
	doc.get(400, "/feed/log?name=%1b[2J")
	doc.get(400, "/feed/log?name="+strings.Repeat("n", 300))
	nonce := "&nonce=" + strings.Repeat("0a", consensus.VouchNonceSize)
	doc.get(200, "/feed/vouch?url="+url.QueryEscape(venue.url)+nonce)
	doc.get(404, "/feed/vouch?url="+url.QueryEscape(edge.url)+nonce)
	doc.get(400, "/feed/vouch?nonce=0a&url="+url.QueryEscape(venue.url))
	doc.header = http.Header{"X-Forwarded-For": {"192.0.2.1"}}
	doc.get(403, "/feed/vouch?url="+url.QueryEscape(venue.url)+nonce)
	doc.header = nil
	venue.logServer.Close()
	doc.get(503, "/feed/log")
	doc.base = edge.url
	eventually(t, "the edge to follow the other node, of which it has learnt", func() bool {
		return doc.get(200, "/api/cluster")["upstream"].(object)["upstream"] == c.nodes[1].url
	})
	doc.base = venue.url
}
