package node_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"testing"

	"github.com/chessrelay/chessrelay/cmd/chessrelay/node/nodetest"
	"github.com/chromedp/chromedp"
)

// TestPageSwitchesToAnotherBoard shows one board, with small ones of the others beside it. It goes
// from board to board over one connection.
func TestPageSwitchesToAnotherBoard(t *testing.T) {
	t.Parallel()
	c := nodetest.NewCluster(t, 1)
	n := c.Nodes[0]
	round, games := nodetest.NewRound(t, n.URL, 12)
	p := newPage(t)
	p.open(n.URL + "/round/" + round + "/1")
	other := func(board int, state string) string {
		return fmt.Sprintf(`document.querySelector('.others li[data-board="%d"] .state')?.textContent === '%s'`, board, state)
	}
	p.wait("the list of all boards", `document.querySelectorAll('.others li').length === 12`)
	play := func(board, ply int, move string) {
		t.Helper()
		nodetest.Must(t, n.URL+"/api/games/"+games[board-1]+"/moves", nodetest.Object{"ply": ply, "move": move})
	}
	play(1, 1, "e4")
	play(2, 1, "d4")
	play(12, 1, "Nf3")
	nodetest.Must(t, n.URL+"/api/games/"+games[6]+"/result", nodetest.Object{"result": "1/2-1/2"})
	p.wait("its own move", shown(1))
	p.wait("its own move among the others", other(1, "e4"))
	p.wait("a move elsewhere", other(12, "Nf3"))
	p.wait("a result elsewhere", other(7, "½-½"))
	nodetest.Must(t, n.URL+"/api/rounds/"+round+"/games", nodetest.Object{"board": 13, "white": nodetest.Object{"name": "Late"}, "black": nodetest.Object{"name": "Later"}})
	p.wait("a board that was opened meanwhile", other(13, ""))
	p.shoot("others")
	p.do(chromedp.EmulateViewport(390, 844, chromedp.EmulateMobile))
	p.wait("a page for phones", `document.documentElement.scrollWidth <= innerWidth`)
	p.shoot("others-phone")

	began := n.Hub.Stats()
	eval[bool](p, `document.querySelector('.others li[data-board="12"] a').click(), true`)
	p.wait("board 12", fmt.Sprintf(`location.pathname === '/round/%s/12' && document.querySelector('.others a[aria-current]').parentElement.dataset.board === '12'`, round))
	p.wait("its position", shown(1))
	play(12, 2, "d5")
	p.wait("its next move", shown(2))
	p.wait("its moves", `document.querySelectorAll('.moves li[data-ply]').length === 2`)
	play(1, 2, "e5")
	p.wait("the board before, as one of the others now", other(1, "e5"))
	eval[bool](p, `history.back(), true`)
	p.wait("board 1 again", fmt.Sprintf(`location.pathname === '/round/%s/1' && %s`, round, shown(2)))
	if got, want := p.squares(".board"), "rnbqkbnr/pppp1ppp/8/4p3/4P3/8/PPPP1PPP/RNBQKBNR"; got != want {
		t.Errorf("board 1 shows %s, not %s", got, want)
	}
	if s := n.Hub.Stats(); s.Joined != began.Joined || s.Subscribed != began.Subscribed+2 {
		t.Errorf("to turn twice took %d connections and %d messages", s.Joined-began.Joined, s.Subscribed-began.Subscribed)
	}
	p.noErrors()
}

// TestPageWithoutWebSockets watches through a proxy that blocks WebSockets. The moves come as
// Server-Sent Events.
func TestPageWithoutWebSockets(t *testing.T) {
	t.Parallel()
	c := nodetest.NewCluster(t, 1)
	n := c.Nodes[0]
	round, games := nodetest.NewRound(t, n.URL, 2)
	to, err := url.Parse(n.URL)
	if err != nil {
		t.Fatal(err)
	}
	forward := &httputil.ReverseProxy{FlushInterval: -1, Rewrite: func(r *httputil.ProxyRequest) { r.SetURL(to) }}
	proxy := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/live" {
			w.WriteHeader(http.StatusBadGateway)
			return
		}
		forward.ServeHTTP(w, r)
	}))
	t.Cleanup(proxy.Close) // after the browser
	p := newPage(t)
	p.open(proxy.URL + "/round/" + round + "/1")
	nodetest.Must(t, n.URL+"/api/games/"+games[0]+"/moves", nodetest.Object{"ply": 1, "move": "e4"})
	p.wait("the move", shown(1))
	eval[bool](p, fmt.Sprintf(`document.querySelector('.neighbours a[href="/round/%s/2"]').click(), true`, round))
	nodetest.Must(t, n.URL+"/api/games/"+games[1]+"/moves", nodetest.Object{"ply": 1, "move": "d4"})
	p.wait("the move on the other board", shown(1)+` && document.querySelector('[data-piece="wp"][data-square="d4"]') !== null`)
	p.noErrors()
}
