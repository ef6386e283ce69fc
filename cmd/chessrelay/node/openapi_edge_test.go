package node_test

import (
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/chessrelay/chessrelay/cmd/chessrelay/node"
	"github.com/chessrelay/chessrelay/cmd/chessrelay/node/nodetest"
	"github.com/chessrelay/chessrelay/consensus"
)

// edgeAnswers calls an edge, and the node that it follows.
func edgeAnswers(t *testing.T, doc *contract, c *nodetest.Cluster) {
	venue, with := c.Nodes[0], c.With
	c.With = func(cfg *node.Config) {
		with(cfg)
		cfg.Voucher = venue.Raft.InviteEdge().Voucher()
	}
	edge := c.AddEdge("edge", venue)
	c.With = with
	defer func() {
		edge.Stop()
		c.Nodes = c.Nodes[:len(c.Nodes)-1]
	}()
	c.WaitEqual()
	doc.base = edge.URL
	doc.get(200, "/api/cluster")
	doc.get(200, "/healthz")
	doc.get(200, "/readyz")
	doc.get(200, "/metrics")
	doc.get(200, "/api/rounds/{rid}")
	doc.get(421, "/api/rounds/{rid}?consistency=linearizable")
	doc.post(409, "/api/games/{gid}/moves", nodetest.Object{"ply": 1000, "move": "e4"})
	doc.call(200, http.MethodPatch, "/api/games/{gid}", nodetest.Object{"timeControl": "5400"})
	doc.post(421, "/api/cluster/leader", nodetest.Object{"to": "recorder"})
	doc.get(409, "/feed/log?id="+edge.Edge.ID())
	doc.get(421, "/feed/vouch?url=x&nonce=y")
	doc.base = venue.URL
	doc.get(200, "/api/cluster")
	doc.get(200, "/feed/log?peek=1&since=1")
	doc.get(409, "/feed/log?cluster=another")
	doc.get(400, "/feed/log?since=never")
	doc.get(400, "/feed/log?sum=none")
	doc.get(400, "/feed/log?name=%1b[2J")
	doc.get(400, "/feed/log?name="+strings.Repeat("n", 300))
	nonce := "&nonce=" + strings.Repeat("0a", consensus.VouchNonceSize)
	doc.get(200, "/feed/vouch?url="+url.QueryEscape(venue.URL)+nonce)
	doc.get(404, "/feed/vouch?url="+url.QueryEscape(edge.URL)+nonce)
	doc.get(400, "/feed/vouch?nonce=0a&url="+url.QueryEscape(venue.URL))
	doc.header = http.Header{"X-Forwarded-For": {"192.0.2.1"}}
	doc.get(403, "/feed/vouch?url="+url.QueryEscape(venue.URL)+nonce)
	doc.header = nil
	venue.LogServer.Close()
	doc.get(503, "/feed/log")
	doc.base = edge.URL
	nodetest.Eventually(t, "the edge to follow the other node, of which it has learnt", func() bool {
		return doc.get(200, "/api/cluster")["upstream"].(nodetest.Object)["upstream"] == c.Nodes[1].URL
	})
	doc.base = venue.URL
}
