package node_test

import (
	"fmt"
	"testing"

	"github.com/chessrelay/chessrelay/cmd/chessrelay/node/nodetest"
	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"
)

// TestOverviewOfManyBoards finds boards in a round of two hundred: the list, the search, the chips,
// the sizes, the spotlight, and the way back to the same place.
func TestOverviewOfManyBoards(t *testing.T) {
	t.Parallel()
	c := nodetest.NewCluster(t, 1)
	url := c.Nodes[0].URL
	round, games := nodetest.NewRound(t, url, 200)
	move := func(board, ply int, san string) {
		t.Helper()
		nodetest.Must(t, url+"/api/games/"+games[board-1]+"/moves", nodetest.Object{"ply": ply, "move": san})
	}
	nodetest.Must(t, url+"/api/games/"+games[149]+"/result", nodetest.Object{"result": "1-0"})
	p := newPage(t)
	p.open(url + "/round/" + round)
	tiles := `document.querySelectorAll('.tile[data-board]').length`
	p.wait("the list", `document.querySelector('.boards-list.list .tile[data-board="1"]') !== null`)
	if n := eval[int](p, tiles); n > 80 {
		t.Errorf("%d of 200 boards are drawn", n)
	}
	if n := eval[int](p, `document.querySelectorAll('*').length`); n > 3000 {
		t.Errorf("the page has %d elements", n)
	}
	height := eval[float64](p, `document.querySelector('.list-row').getBoundingClientRect().height`)
	if height != 32 {
		t.Errorf("a line is %v px high, not 32", height)
	}
	move(7, 1, "e4")
	p.wait("the spotlight on the board of the move", `document.querySelector('.spotlight')?.dataset.spot === '7'`)
	p.looks("overview-list")

	// Not a KeyEvent: that types the character even after a page has taken the key.
	p.do(chromedp.Evaluate[chromedp.Void](`void document.body.dispatchEvent(new KeyboardEvent('keydown', {key: '/', bubbles: true, cancelable: true}))`))
	p.wait("the field to be in focus", `document.activeElement?.type === 'search'`)
	p.do(chromedp.KeyEvent("150"))
	p.wait("the one board with that number", tiles+` === 1 && document.querySelector('.tile').dataset.board === '150'`)
	p.do(chromedp.KeyEvent(kb.Escape))
	p.wait("all boards", tiles+` > 20`)
	p.do(chromedp.Click(`[data-chip="finished"]`))
	p.wait("the finished one", tiles+` === 1 && document.querySelector('.tile').dataset.result === '1-0'`)
	p.do(chromedp.Click(`[data-chip="all"]`))
	p.do(chromedp.Click(`[data-size="small"]`))
	p.wait("small boards", `document.querySelector('.boards-list.small .tile svg.miniboard') !== null`)
	if n := eval[int](p, tiles); n >= 200 {
		t.Errorf("all %d boards are drawn", n)
	}

	// Far down, to a board and back.
	p.do(chromedp.Evaluate[chromedp.Void](`scrollTo(0, document.documentElement.scrollHeight)`))
	p.wait("the last board", `document.querySelector('.tile[data-board="200"]') !== null`)
	at := eval[float64](p, `scrollY`)
	p.do(chromedp.Evaluate[chromedp.Void](`document.querySelector('.tile[data-board="200"] a').click()`))
	p.wait("the board's page", fmt.Sprintf(`location.pathname === '/round/%s/200'`, round))
	p.do(chromedp.Evaluate[chromedp.Void](`history.back()`))
	p.wait("the same place", fmt.Sprintf(`Math.abs(scrollY - %v) < 2 && document.querySelector('.tile[data-board="200"]') !== null`, at))

	// A move far off the screen changes its board, which is drawn when one goes there.
	move(3, 1, "d4")
	p.do(chromedp.Evaluate[chromedp.Void](`scrollTo(0, 0)`))
	p.wait("the move on the third board", `document.querySelector('.tile[data-board="3"]')?.dataset.ply === '1'`)
	p.looks("overview-small")
	p.noErrors()
}

// TestBarOfAnEvent goes through the rounds of an event and the views of a round by the bar that
// stays on top. Its words about the round say nothing about the connection.
func TestBarOfAnEvent(t *testing.T) {
	t.Parallel()
	c := nodetest.NewCluster(t, 1)
	url := c.Nodes[0].URL
	tid := nodetest.Must(t, url+"/api/tournaments", nodetest.Object{"name": "City Open", "location": "Oslo"})["id"].(string)
	var rounds []string
	for n := range 3 {
		rounds = append(rounds, nodetest.Must(t, url+"/api/tournaments/"+tid+"/rounds", nodetest.Object{"name": fmt.Sprint("Round ", n+1)})["id"].(string))
	}
	open := func(round string) string {
		return nodetest.Must(t, url+"/api/rounds/"+round+"/games", nodetest.Object{
			"board": 1, "white": nodetest.Object{"name": "Berg, Anna"}, "black": nodetest.Object{"name": "Dahl, Erik"},
		})["id"].(string)
	}
	nodetest.Must(t, url+"/api/games/"+open(rounds[0])+"/result", nodetest.Object{"result": "1-0"})
	second := open(rounds[1])
	nodetest.Must(t, url+"/api/games/"+second+"/moves", nodetest.Object{"ply": 1, "move": "e4"})

	p := newPage(t)
	sign := `(document.querySelector('.this-round')?.innerText ?? '')`
	p.open(url + "/round/" + rounds[0])
	p.wait("a finished round that does not call itself live", sign+`.includes('finished') && document.querySelector('.condition').innerText === 'Connected'`)
	p.wait("the next round, which is live", `document.querySelector('.step.next')?.innerText.includes('live') ?? false`)
	p.do(chromedp.Click(`.step.next`))
	p.wait("the second round", fmt.Sprintf(`location.pathname === '/round/%s' && (%s).includes('live')`, rounds[1], sign))
	p.wait("both neighbours", `document.querySelector('.step.previous') !== null && document.querySelector('.step.next') !== null`)

	p.do(chromedp.Click(`.tabs a[href$="/standings"]`))
	p.wait("the table", `document.querySelectorAll('.standings tr[data-place]').length === 2`)
	p.looks("bar-standings")
	p.do(chromedp.Click(`.tabs a[href$="/moves"]`))
	p.wait("the move", `document.querySelector('.happenings .what')?.innerText === '1. e4'`)
	nodetest.Must(t, url+"/api/games/"+second+"/takeback", nodetest.Object{"toPly": 0, "reason": "sensor fault"})
	p.wait("the takeback", `document.querySelector('.happenings [data-kind="takeback"]') !== null`)
	p.looks("bar-moves")
	p.do(chromedp.Click(`.tabs a[href$="/info"]`))
	p.wait("the place", `document.querySelector('.info-card')?.innerText.includes('Oslo') ?? false`)
	p.looks("bar-info")
	nodetest.Must(t, url+"/api/games/"+second+"/result", nodetest.Object{"result": "1/2-1/2"})
	p.wait("the end of the round", sign+`.includes('finished')`)
	p.noErrors()
}
