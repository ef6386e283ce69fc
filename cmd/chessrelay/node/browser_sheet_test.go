package node_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/chessrelay/chessrelay/cmd/chessrelay/node/nodetest"
	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"
)

// TestSheetOfAGame looks at one game: what was taken back and why, the clocks, what is known of the
// game, an address with a ply, and results that the viewer hides.
func TestSheetOfAGame(t *testing.T) {
	t.Parallel()
	c := nodetest.NewCluster(t, 1)
	url := c.Nodes[0].URL
	round, _ := nodetest.NewRound(t, url, 0)
	open := func(board int) string {
		return nodetest.Must(t, url+"/api/rounds/"+round+"/games", nodetest.Object{
			"board": board, "timeControl": "90+30",
			"white": nodetest.Object{"name": "Berg, Anna", "fideId": 1234}, "black": nodetest.Object{"name": "Dahl, Erik"},
		})["id"].(string)
	}
	// The numbers have a gap.
	game := open(3)
	open(7)
	p := newPage(t)
	p.open(fmt.Sprintf("%s/round/%s/3", url, round))
	clocks := `[...document.querySelectorAll('.stage .clock')].map((e) => e.innerText).join()`
	p.wait("the clocks of the time control, before the first move", clocks+` === '1:30:00,1:30:00'`)
	p.wait("a number and a place that differ", `document.querySelector('.neighbours')?.innerText.includes('Board 3') && document.querySelector('.neighbours').innerText.includes('1 of 2')`)
	for i, san := range []string{"e4", "e5", "Nf3", "Nc6"} {
		nodetest.Must(t, url+"/api/games/"+game+"/moves", nodetest.Object{
			"ply": i + 1, "move": san, "clock": nodetest.Object{"white": 5400_000 - 60_000*i, "black": 5400_000 - 30_000*i},
		})
	}
	p.wait("the moves", `document.querySelectorAll('.moves li[data-ply]').length === 4`)
	nodetest.Must(t, url+"/api/games/"+game+"/takeback", nodetest.Object{"toPly": 2, "reason": "sensor fault on e7"})
	note := `(document.querySelector('.moves .note[data-change="takeback"]')?.innerText ?? '')`
	p.wait("the takeback and its reason", note+`.startsWith('2. to 2… taken back: sensor fault on e7 · ')`)
	p.do(chromedp.Reload())
	p.wait("the same from the node, later", note+`.includes('sensor fault on e7')`)
	p.looks("sheet-moves")
	p.do(chromedp.Click(`[data-sheet="clocks"]`))
	p.wait("the graph", `document.querySelector('.clock-graph path.white') !== null`)
	p.looks("sheet-clocks")
	p.do(chromedp.Click(`[data-sheet="info"]`))
	p.wait("the time control and the player's page", `document.querySelector('.game-info')?.innerText.includes('90+30') && document.querySelector('.game-info a').href.endsWith('/1234')`)
	p.looks("sheet-info")

	p.open(fmt.Sprintf("%s/round/%s/3?ply=1", url, round))
	p.wait("the ply of the address", `document.querySelector('.moves [aria-current]')?.dataset.ply === '1'`)
	p.do(chromedp.Click(`[aria-haspopup="dialog"][aria-label="Share"]`))
	p.wait("the address to share", fmt.Sprintf(`document.querySelector('.share-line input')?.value === '%s/round/%s/3?ply=1'`, url, round))
	p.looks("sheet-share")
	p.do(chromedp.KeyEvent(kb.Escape))
	p.wait("the dialog to be gone", `document.querySelector('dialog') === null`)
	p.do(chromedp.KeyEvent(kb.ArrowDown))
	p.wait("the next board", fmt.Sprintf(`location.pathname === '/round/%s/7'`, round))
	p.do(chromedp.KeyEvent(kb.ArrowUp))
	p.wait("the board before", fmt.Sprintf(`location.pathname === '/round/%s/3'`, round))

	p.do(chromedp.KeyEvent("?"))
	p.wait("the keys", `document.querySelector('dialog .keys') !== null`)
	p.looks("sheet-settings")
	p.do(chromedp.Click(`dialog input[name="hideResults"]`), chromedp.KeyEvent(kb.Escape))
	nodetest.Must(t, url+"/api/games/"+game+"/result", nodetest.Object{"result": "1-0"})
	p.wait("the end of the round", `document.querySelector('.this-round')?.innerText.includes('live') ?? false`)
	p.open(url + "/round/" + round)
	p.wait("a board that is over", `document.querySelector('.tile[data-board="3"] .ribbon')?.innerText === 'Over'`)
	if text := eval[string](p, `document.body.innerText + document.title`); strings.Contains(text, "1-0") || strings.Contains(text, "1 : 0") {
		t.Errorf("a hidden result is on the page: %s", text)
	}
	p.noErrors()
}
