package node_test

import (
	"net/http"
	"testing"

	"github.com/chessrelay/chessrelay/cmd/chessrelay/node/nodetest"
	"github.com/chromedp/chromedp"
)

// TestPageOverTLS has a browser watch a round over TLS. Pages come by HTTP/2. Moves come by a
// WebSocket or, where there is none, by Server-Sent Events. On the cluster's page the public gets
// names and roles.
func TestPageOverTLS(t *testing.T) {
	t.Parallel()
	secure := nodetest.WithTLS(t)
	c := nodetest.NewClusterWith(t, 2, secure)
	round, games := nodetest.NewRound(t, c.Nodes[0].URL, 1)
	c.WaitEqual()
	moves := c.Nodes[0].URL + "/api/games/" + games[0] + "/moves"
	p := newPage(t, chromedp.Flag("ignore-certificate-errors", true))
	p.open(c.Nodes[1].URL + "/round/" + round + "/1")
	nodetest.Must(t, moves, nodetest.Object{"ply": 1, "move": "e4"})
	p.wait("the move by WebSocket", shown(1))
	if got := eval[string](p, `performance.getEntriesByType('navigation')[0].nextHopProtocol`); got != "h2" {
		t.Errorf("the page came by %s", got)
	}
	p.do(chromedp.Evaluate[chromedp.Void](`void (window.seen = 0, window.source = new EventSource('/events?round=` + round + `'), source.onmessage = () => seen++)`))
	p.wait("Server-Sent Events", `window.seen > 1`)
	nodetest.Must(t, moves, nodetest.Object{"ply": 2, "move": "e5"})
	p.wait("the move", shown(2)+` && window.seen > 2`)
	p.open(c.Nodes[1].URL + "/cluster")
	p.wait("the operator's picture", `document.querySelectorAll('tr[data-member][data-state]').length === 2`)
	p.noErrors()

	n := c.Nodes[1]
	n.Stop()
	n.Config.AdminHTTP = "127.0.0.1:0" // so this machine is the public
	n.Start()
	nodetest.Eventually(t, "the node to be ready", func() bool { return nodetest.Get(t, n.URL+"/readyz", nil) == http.StatusOK })
	p.open(n.URL + "/cluster")
	p.wait("the public's picture", `document.querySelectorAll('[data-public] tr[data-member]').length === 2 && document.body.textContent.includes('Up to date.')`)
	p.noErrors()
}
