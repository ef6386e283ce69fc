package node_test

import (
	"fmt"
	"testing"

	"github.com/chessrelay/chessrelay/cmd/chessrelay/node/nodetest"
)

// TestPageMovesToAnotherNode kills the node of a page. The page goes on at another one, with its
// index and without a reload, and goes back once its own node answers.
func TestPageMovesToAnotherNode(t *testing.T) {
	t.Parallel()
	c := nodetest.NewCluster(t, 3)
	round, games := nodetest.NewRound(t, c.Nodes[0].URL, 2)
	c.WaitEqual()
	lost := c.Nodes[2]
	home := lost.URL
	p, board := newPage(t), newPage(t)
	p.open(lost.URL + "/round/" + round)
	board.open(lost.URL + "/round/" + round + "/1")
	shown := func(ply int) string {
		return fmt.Sprintf(`document.querySelector('.tile[data-board="1"]')?.dataset.ply === '%d'`, ply)
	}
	p.wait("the boards", shown(0))
	lost.Kill()
	url := c.Nodes[0].URL
	for ply, san := range []string{"e4", "e5", "Nf3"} {
		nodetest.Must(t, url+"/api/games/"+games[0]+"/moves", nodetest.Object{"ply": ply + 1, "move": san})
	}
	p.wait("the moves from another node", shown(3)+` && document.querySelector('[data-status="live"]') !== null`)
	board.wait("the moves on the page of the board", `document.querySelectorAll('.moves li[data-ply]').length === 3`)
	if at := eval[string](p, `location.origin`); at != home {
		t.Errorf("the page has gone to %s", at)
	}
	lost.Start()
	nodetest.Eventually(t, "the pages to be back at their node", func() bool { return lost.Hub != nil && lost.Hub.Stats().Spectators == 2 })
	nodetest.Must(t, url+"/api/games/"+games[0]+"/moves", nodetest.Object{"ply": 4, "move": "Nc6"})
	p.wait("the next move", shown(4))
}
