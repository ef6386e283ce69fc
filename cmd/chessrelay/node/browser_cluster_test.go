package node_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/chessrelay/chessrelay/cmd/chessrelay/node"
	"github.com/chessrelay/chessrelay/cmd/chessrelay/node/nodetest"
	"github.com/chromedp/chromedp"
)

// TestPublicClusterPage looks at /cluster without a token. The page shows names, roles,
// and whose boards are stale, but nothing of the machines. With an admin's token it shows the rest.
func TestPublicClusterPage(t *testing.T) {
	t.Parallel()
	c := nodetest.NewClusterWith(t, 3, func(cfg *node.Config) {
		cfg.Token = nodetest.Token
		if !cfg.Bootstrap {
			cfg.AdminHTTP = "127.0.0.1:0" // so this machine is the public
		}
	})
	lead := c.Nodes[0]
	nodetest.Eventually(t, "the recorder to lead", func() bool { return c.Leader() == lead })
	here, lost := c.Nodes[1], c.Nodes[2]
	boards := func(n *nodetest.Node, words string) string {
		return fmt.Sprintf(`document.querySelector('[data-public] tr[data-member="%s"] .words')?.textContent === '%s'`, n.Config.Name, words)
	}
	p := newPage(t)
	p.open(here.URL + "/cluster")
	for _, n := range c.Nodes {
		p.wait(n.Config.Name, boards(n, "Up to date."))
		if kind := eval[string](p, fmt.Sprintf(`document.querySelector('tr[data-member="%s"] .kind').textContent`, n.Config.Name)); kind != n.Config.Role {
			t.Errorf("%s is shown as %s, not %s", n.Config.Name, kind, n.Config.Role)
		}
	}
	summary := `document.querySelector('.cluster > p').`
	p.wait("who leads", summary+`textContent === 'recorder leads. venue-1 is up to date.'`)
	if eval[bool](p, `document.querySelector('.notice') !== null`) {
		t.Error("good news looks like a warning")
	}
	noAddress := func() {
		t.Helper()
		page := eval[string](p, `document.querySelector('main').outerHTML`)
		for _, n := range c.Nodes {
			for _, address := range []string{n.Config.HTTP, n.Config.Peer} {
				if address != "" && strings.Contains(page, address) {
					t.Errorf("the public is shown the address %s of %s", address, n.Config.Name)
				}
			}
		}
		if strings.Contains(page, "127.0.0.1") || eval[int](p, `document.querySelectorAll('.lane a, [data-match], [data-term], [data-commit]').length`) != 0 {
			t.Errorf("the public is shown more than names: %s", page)
		}
	}
	noAddress()
	p.looks("public")

	lost.Kill()
	p.wait("the lost venue to be stale", boards(lost, "Out of date."))
	p.wait("the others not to be", boards(here, "Up to date.")+" && "+boards(lead, "Up to date."))
	colour := func(n *nodetest.Node) string {
		return eval[string](p, fmt.Sprintf(`getComputedStyle(document.querySelector('tr[data-member="%s"] .words')).color`, n.Config.Name))
	}
	if colour(lost) == colour(here) {
		t.Error("what is out of date looks like what is not")
	}
	noAddress()
	p.looks("lost")

	lead.Kill() // of three voters one is left
	p.wait("the page to say so", `document.querySelector('.root[data-status="stale"]') !== null && document.querySelector('.notice')?.textContent.startsWith('Nobody leads')`)
	p.wait("that only a leader knows", boards(lost, "Only the leader knows."))
	p.wait("its own boards to be stale", boards(here, "Out of date."))
	noAddress()
	p.looks("alone")
	lead.Start()
	lost.Start()
	p.wait("all to be well again", `document.querySelector('[data-status="live"]') !== null && document.querySelector('.notice') === null && `+boards(lost, "Up to date."))

	p.showToken(nodetest.Token)
	p.wait("the operator's picture", `document.querySelectorAll('.cluster:not([data-public]) tr[data-member][data-match]').length === 3`)
	for _, n := range c.Nodes {
		if eval[int](p, fmt.Sprintf(`document.querySelectorAll('.lane a[href="%s"]').length`, n.URL)) != 1 {
			t.Errorf("an operator gets no link to %s", n.URL)
		}
	}
	p.looks("operator")

	e := c.AddEdge("edge", here)
	e.Stop()
	e.Config.AdminHTTP = "127.0.0.1:0"
	e.Start()
	p.noErrors()
	p = newPage(t)
	p.do(chromedp.Navigate(e.URL + "/cluster"))
	p.wait("the edge's picture", `document.querySelector('[data-public] > p')?.textContent === 'recorder leads. edge, an edge, is up to date.'`)
	noAddress()
	p.looks("edge")
	p.noErrors()
}
