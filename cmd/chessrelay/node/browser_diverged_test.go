package node_test

import (
	"net/http"
	"os"
	"strings"
	"testing"

	"github.com/chessrelay/chessrelay/cmd/chessrelay/node/nodetest"
	"github.com/chromedp/chromedp"
)

// says is an expression that checks that the page's status is stale, for that reason.
func says(text string) string {
	return `(document.querySelector('.root[data-status="stale"] .condition')?.textContent ?? '').includes('` + text + `')`
}

// TestPageOfADivergedNode has a page open while its node's boards diverge. The page goes on at
// another node. Pages that are opened then know no other node, and say what is wrong.
func TestPageOfADivergedNode(t *testing.T) {
	t.Parallel()
	c := nodetest.NewCluster(t, 3)
	wrong, right := c.Nodes[2], c.Nodes[1]
	round, games := nodetest.NewRound(t, right.URL, 2)
	right.Play(games[0], 1, 3)
	c.WaitEqual()
	p := newPage(t)
	p.open(wrong.URL + "/round/" + round + "/1")
	p.wait("the moves", shown(3))

	corrupt(wrong, games[0])
	right.Play(games[0], 4, 4)
	banner := says("This server’s boards have diverged; trying again")
	p.wait("the next move, from another node", shown(4)+` && document.querySelector('[data-status="live"]') !== null`)

	late := newPage(t)
	for name, path := range map[string]string{"round": "/round/" + round, "board": "/round/" + round + "/1"} {
		late.do(chromedp.Navigate(wrong.URL + path))
		late.wait("the "+name+" that is opened now to say so", banner+` && document.querySelector('main h1')?.textContent === 'No boards here'`)
	}
	late.looks("late")
	var tournament struct{ Tournament string }
	nodetest.Get(t, right.URL+"/api/rounds/"+round, &tournament)
	for name, path := range map[string]string{"tournament": "/tournament/" + tournament.Tournament, "tournaments": "/"} {
		late.do(chromedp.Navigate(wrong.URL + path))
		late.wait("the list to say so", `document.querySelector('.notice')?.textContent.includes('boards have diverged')`)
		if text := eval[string](late, `document.body.textContent`); strings.Contains(text, wrong.Config.Name) || strings.Contains(text, "data directory") {
			t.Errorf("%s: the public is told what is for operators: %s", name, text)
		}
		late.looks(name)
	}
	late.do(chromedp.Navigate(wrong.URL + "/cluster"))
	lane := `document.querySelector('[data-member="` + wrong.Config.Name + `"] .words')?.textContent`
	late.wait("the operator's picture", says("This node’s boards have diverged")+` && `+lane+`.includes('boards have diverged')`)
	if words := eval[string](late, lane); strings.Contains(words, "Up to date") {
		t.Errorf("a node with wrong boards is said to be: %s", words)
	}
	late.looks("operator")

	right.RemoveMember(wrong.Config.Name)
	wrong.Stop()
	if err := os.RemoveAll(wrong.Config.Data); err != nil {
		t.Fatal(err)
	}
	wrong.Start()
	nodetest.Eventually(t, "the node to be ready", func() bool { return nodetest.Get(t, wrong.URL+"/readyz", nil) == http.StatusOK })
	p.wait("the page to be live again", `document.querySelector('[data-status="live"]') !== null && `+shown(4))
	p.wait("the pieces to arrive", `document.querySelector('g[data-piece="bn"][data-square="g8"]') !== null`)
	p.noErrors()
	late.noErrors()
}
