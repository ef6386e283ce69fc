package node_test

import (
	"fmt"
	"net/http"
	"net/url"
	"testing"
	"time"

	"github.com/chessrelay/chessrelay/cmd/chessrelay/node/nodetest"
	"github.com/chromedp/chromedp"
)

// TestFirstPage wants the first page to say what goes on, what comes and what is over, and to find
// events by their names, players and years.
func TestFirstPage(t *testing.T) {
	t.Parallel()
	c := nodetest.NewCluster(t, 1)
	node := c.Nodes[0].URL
	event := func(name string) string {
		return nodetest.Must(t, node+"/api/tournaments", nodetest.Object{"name": name})["id"].(string)
	}
	round := func(tid string, more nodetest.Object) string {
		more["name"] = "Round 1"
		return nodetest.Must(t, node+"/api/tournaments/"+tid+"/rounds", more)["id"].(string)
	}
	game := func(rid string, board, rating int, white string) string {
		return nodetest.Must(t, node+"/api/rounds/"+rid+"/games", nodetest.Object{
			"board": board, "white": nodetest.Object{"name": white, "rating": rating}, "black": nodetest.Object{"name": "Nobody"},
		})["id"].(string)
	}
	over := event("Winter Cup")
	nodetest.Must(t, node+"/api/games/"+game(round(over, nodetest.Object{}), 1, 0, "Müller, Jörg")+"/result", nodetest.Object{"result": "1-0"})
	soon := round(event("Summer Cup"), nodetest.Object{"startsAt": time.Now().Add(2 * time.Hour).UnixMilli()})
	live := round(event("City Open"), nodetest.Object{})
	weak, best := game(live, 1, 1900, "Berg, Anna"), game(live, 2, 2700, "Dahl, Erik")
	nodetest.Must(t, node+"/api/games/"+game(live, 3, 2800, "Over, Already")+"/result", nodetest.Object{"result": "0-1"})
	for _, g := range []string{weak, best} {
		nodetest.Must(t, node+"/api/games/"+g+"/moves", nodetest.Object{"ply": 1, "move": "e4"})
	}

	p := newPage(t)
	p.do(chromedp.Navigate(node + "/"))
	card := fmt.Sprintf(`document.querySelector('.live-round[data-round="%s"]')`, live)
	p.wait("the live round", card+` !== null`)
	p.wait("how many play", card+`.innerText.includes('2 of 3 playing')`)
	p.wait("the leading board among those that play", card+`.innerText.includes('Dahl, Erik')`)
	p.wait("the round that comes", fmt.Sprintf(`document.querySelector('.lines [data-round="%s"]')?.innerText.includes('in 2 h')`, soon))
	p.wait("the event that is over", fmt.Sprintf(`document.querySelector('.lines [data-tournament="%s"]')?.innerText.includes('Winter Cup')`, over))
	p.looks("first-page")
	p.do(chromedp.SendKeys(`.find input`, "jorg MULLER"))
	p.wait("the event of a player", `document.querySelectorAll('.results .card').length === 1 && document.querySelector('.results').innerText.includes('Winter Cup')`)
	p.looks("first-page-found")
	p.noErrors()

	for query, want := range map[string]int{
		"cup": 2, "open": 1, "CUP winter": 1, "berg": 1, "nobody": 2, fmt.Sprint(time.Now().UTC().Year()): 3, "xyz": 0, "cup open": 0,
	} {
		var got struct{ Tournaments []nodetest.Object }
		if status := nodetest.Get(t, node+"/api/tournaments?q="+url.QueryEscape(query), &got); status != http.StatusOK || len(got.Tournaments) != want {
			t.Errorf("%q finds %d, not %d (%d)", query, len(got.Tournaments), want, status)
		}
	}
	// Page by page, nothing twice.
	seen := map[any]bool{}
	for next := "/api/tournaments?limit=1&q=u"; next != ""; {
		var got struct {
			Tournaments []nodetest.Object
			Next        string
		}
		if status := nodetest.Get(t, node+next, &got); status != http.StatusOK || len(got.Tournaments) > 1 {
			t.Fatalf("%s: %d, %d tournaments", next, status, len(got.Tournaments))
		}
		for _, found := range got.Tournaments {
			if seen[found["id"]] {
				t.Errorf("%v is found twice", found["name"])
			}
			seen[found["id"]] = true
		}
		next = got.Next
	}
	if len(seen) != 2 {
		t.Errorf("%d tournaments have a u", len(seen))
	}
}
