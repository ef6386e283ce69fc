package node_test

import (
	"testing"

	"github.com/chromedp/chromedp"

	"github.com/chessrelay/chessrelay/cmd/chessrelay/node"
	"github.com/chessrelay/chessrelay/cmd/chessrelay/node/nodetest"
)

// TestPageShowsEvaluations wants a page to show what an engine thinks of the position on show, and
// nothing of it once the arbiter has switched it off.
func TestPageShowsEvaluations(t *testing.T) {
	t.Parallel()
	n := nodetest.NewClusterWith(t, 1, func(cfg *node.Config) { cfg.Engine = stockfish(t) }).Nodes[0]
	round, games := nodetest.NewRound(t, n.URL, 1)
	p := newPage(t)
	p.open(n.URL + "/round/" + round + "/1")
	// Black loses the queen.
	for i, san := range []string{"e4", "e5", "Nf3", "Qg5", "Nxg5"} {
		nodetest.Must(t, n.URL+"/api/games/"+games[0]+"/moves", nodetest.Object{"ply": i + 1, "move": san})
	}
	score := `parseFloat(document.querySelector('.evaluation .score')?.innerText ?? '0')`
	p.wait("White's advantage", score+` > 3`)
	p.wait("a bar that shows it", `parseFloat(document.querySelector('.evaluation .bar span').style.width) > 70`)
	p.do(chromedp.Click(`.evaluation summary`))
	p.wait("the best line", `document.querySelector('.evaluation .line').innerText.includes('depth')`)
	p.looks("evaluation")
	if code := nodetest.Patch(t, n.URL+"/api/rounds/"+round, nodetest.Object{"evaluations": false}, nil); code != 200 {
		t.Fatal(code)
	}
	p.wait("no evaluation", `document.querySelector('.evaluation') === null`)
	p.noErrors()
}
