package node_test

import (
	"fmt"
	"net/http"
	"testing"
	"time"

	"github.com/chessrelay/chessrelay/cmd/chessrelay/node/nodetest"
	"github.com/chromedp/chromedp"
)

// TestPageWithAViewingLink opens a round of a private tournament by viewing links. The page shows
// the round, how late it is, and when the link has ended. Without a link the page shows nothing.
func TestPageWithAViewingLink(t *testing.T) {
	t.Parallel()
	d, _ := newPrivateRound(t, 15*time.Minute)
	n := d.Nodes[0]
	d.advanceWhileDown(16 * time.Minute)
	n.Boards.ReleaseNow()
	d.submit("/api/games/"+d.games[0]+"/moves", nodetest.Object{"ply": 1, "move": "e4"})
	says := func(text string) string {
		return fmt.Sprintf(`document.querySelector('main').textContent.includes(%q)`, text)
	}
	board := func(ply int) string {
		return fmt.Sprintf(`document.querySelector('[data-board="1"]')?.dataset.ply === '%d'`, ply)
	}

	now, _ := d.viewingLink(nodetest.Object{})
	late, lateID := d.viewingLink(nodetest.Object{"delay": 300})
	commentator, partner := newPage(t), newPage(t)
	commentator.open(now)
	commentator.wait("the move", board(1))
	commentator.wait("how late it is", says("You see this as it happens. Others see it 15 min late"))
	partner.open(late)
	partner.wait("the board without the move", board(0))
	partner.wait("how late it is", says("You see this delayed by 5 min."))
	d.advanceWhileDown(5*time.Minute + time.Second)
	n.Boards.ReleaseNow()
	partner.wait("the move, five minutes later", board(1))
	partner.looks("round")

	// The link's token goes along to the other pages of the tab.
	partner.do(chromedp.Click(`[data-board="1"] a`))
	partner.wait("the page of the board", shown(1))
	partner.wait("how late it is", says("You see this delayed by 5 min."))
	partner.looks("board")
	partner.do(chromedp.Click(`.tabs a`))
	partner.do(chromedp.Click(`.crumbs a`))
	partner.wait("the tournament", says("Secret Match"))
	partner.wait("that it is private", says("Private"))
	partner.looks("tournament")
	partner.do(chromedp.Navigate(n.URL + "/round/" + d.round))
	partner.wait("the round again, without the link", board(1))

	if status, text := nodetest.Ask(t, http.MethodDelete, n.URL+"/api/tokens/"+lateID, delayToken, nil); status != http.StatusOK {
		t.Fatalf("%d %s", status, text)
	}
	partner.wait("that the link has ended", says("This viewing link has ended"))
	partner.looks("ended")
	partner.do(chromedp.Reload())
	partner.wait("nothing after a reload", says("There is no round at this address"))
	commentator.wait("the other link still shows it", board(1))
	commentator.noErrors()
	partner.noErrors()
}
