package node_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/chromedp/chromedp"

	"github.com/chessrelay/chessrelay/cmd/chessrelay/node/nodetest"
)

// TestBoardsOnAnotherSite shows a board and a round on a page of another site, by one tag each. No
// other page may be framed there.
func TestBoardsOnAnotherSite(t *testing.T) {
	t.Parallel()
	n := nodetest.NewCluster(t, 1).Nodes[0]
	round, games := nodetest.NewRound(t, n.URL, 2)
	site := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		fmt.Fprintf(w, `<!doctype html><html lang="en"><title>A club</title><script src="%s/embed.js" async></script>
<main><chessrelay-board round="%s" board="2" squares="brown"></chessrelay-board><chessrelay-round round="%s"></chessrelay-round></main>`, n.URL, round, round)
	}))
	defer site.Close()
	p := newPage(t)
	p.do(chromedp.Navigate(site.URL))
	p.wait("two frames", fmt.Sprintf(`[...document.querySelectorAll('iframe')].map((f) => f.src).join() === '%[1]s/embed/round/%[2]s/2?squares=brown,%[1]s/embed/round/%[2]s'`, n.URL, round))
	nodetest.Eventually(t, "both to be live", func() bool { return n.Hub.Stats().Spectators == 2 })
	p.do(chromedp.Evaluate[chromedp.Void](`document.querySelector('chessrelay-board').setAttribute('board', '1')`))
	p.wait("the other board", `document.querySelector('iframe').src.includes('/1?')`)

	p.open(fmt.Sprintf("%s/embed/round/%s/1?squares=brown", n.URL, round))
	nodetest.Must(t, n.URL+"/api/games/"+games[0]+"/moves", nodetest.Object{"ply": 1, "move": "e4"})
	p.wait("the move", `document.querySelector('.board')?.dataset.ply === '1'`)
	p.wait("its colours", `document.getElementById('app').dataset.squares === 'brown'`)
	if eval[bool](p, `[...document.querySelectorAll('.foot, .brand, .tabs')].some((e) => e.offsetParent !== null)`) {
		t.Error("the bar or the footer shows in a frame")
	}
	p.looks("embedded-board")
	p.noErrors()

	for path, framed := range map[string]bool{
		"/embed/round/" + round: true, "/embed/round/" + round + "/1": true, "/round/" + round: false, "/": false, "/cluster": false,
	} {
		res, err := http.Get(n.URL + path)
		if err != nil {
			t.Fatal(err)
		}
		res.Body.Close()
		if got := strings.Contains(res.Header.Get("Content-Security-Policy"), "frame-ancestors *"); got != framed {
			t.Errorf("%s may be framed: %v", path, got)
		}
	}
}
