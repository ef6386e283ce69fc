package node_test

import (
	"fmt"
	"net/http"
	"testing"

	"github.com/chessrelay/chessrelay/cmd/chessrelay/node/nodetest"
	"github.com/chromedp/chromedp"
)

// TestPageRemovesDeletedBoards: open pages lose a deleted board, and a deleted round, at once, and
// say so.
func TestPageRemovesDeletedBoards(t *testing.T) {
	t.Parallel()
	c := nodetest.NewCluster(t, 1)
	n := c.Nodes[0]
	round, games := nodetest.NewRound(t, n.URL, 4)
	remove := func(path string) {
		t.Helper()
		if status, body := nodetest.Ask(t, http.MethodDelete, n.URL+path, "", nil); status != http.StatusOK {
			t.Fatalf("DELETE %s: %d %s", path, status, body)
		}
	}
	says := func(text string) string {
		return fmt.Sprintf(`document.querySelector('.message')?.textContent.includes(%q)`, text)
	}
	boards := func(want int) string {
		return fmt.Sprintf(`document.querySelectorAll('.tile a[href^="/round/%s/"]').length === %d`, round, want)
	}
	whole, one, other := newPage(t), newPage(t), newPage(t)
	whole.open(n.URL + "/round/" + round)
	one.open(n.URL + "/round/" + round + "/2")
	other.open(n.URL + "/round/" + round + "/1")
	whole.wait("all boards", boards(4))
	other.wait("the list of all boards", `document.querySelectorAll('.others li').length === 4`)
	one.wait("its board", `document.querySelector('.board') !== null`)
	remove("/api/games/" + games[1])
	whole.wait("the board to be gone", boards(3))
	other.wait("the board to be gone from the list", `document.querySelectorAll('.others li').length === 3`)
	one.wait("the page of the board to say so", says("This board was deleted."))
	remove("/api/rounds/" + round)
	whole.wait("the page of the round to say so", says("This round was deleted."))
	other.wait("the page of another board to say so", says("This round was deleted."))
	one.do(chromedp.Navigate(n.URL + "/round/" + round))
	one.wait("a page that is opened then to say so", says("This round was deleted."))
	whole.noErrors()
	other.noErrors()
}
