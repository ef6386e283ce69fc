package node_test

import (
	"fmt"
	"net/http"
	"testing"

	"github.com/chessrelay/chessrelay/cmd/chessrelay/node/nodetest"
	"github.com/chromedp/chromedp"
)

// TestPageShowsTheStandings plays a round of two matches. The round's page follows their scores as
// results come. After that, the tournament's page has the tables, on phones too.
func TestPageShowsTheStandings(t *testing.T) {
	t.Parallel()
	c := nodetest.NewCluster(t, 1)
	url := c.Nodes[0].URL
	tid := nodetest.Must(t, url+"/api/tournaments", nodetest.Object{
		"name": "Town League", "location": "Oslo", "format": "Scheveningen", "timeControl": "90 min + 30 sec / move", "timeZone": "Europe/Oslo",
		"players": "Four of each club", "website": "https://league.example/",
	})["id"].(string)
	round := nodetest.Must(t, url+"/api/tournaments/"+tid+"/rounds", nodetest.Object{"name": "Round 1"})["id"].(string)
	var games []string
	for b := 1; b <= 8; b++ {
		teams := [][2]string{{"Oslo", "Bergen"}, {"Tromsø", "Trondheim-Nidaros Chess Club"}}[(b-1)/4]
		player := func(side string, team int) nodetest.Object {
			return nodetest.Object{"name": fmt.Sprintf("%s of %s %d", side, teams[team], b), "team": teams[team], "rating": 2000 + b, "title": "IM"}
		}
		game := nodetest.Object{"board": b, "white": player("White", 0), "black": player("Black", 1)}
		games = append(games, nodetest.Must(t, url+"/api/rounds/"+round+"/games", game)["id"].(string))
	}
	result := func(board int, result string) {
		t.Helper()
		nodetest.Must(t, url+"/api/games/"+games[board-1]+"/result", nodetest.Object{"result": result})
	}
	p := newPage(t)
	p.open(url + "/round/" + round)
	match := func(teams, score string, finished bool) string {
		return fmt.Sprintf(`document.querySelector('.match[data-match="%s"][data-score="%s"][data-finished="%v"]') !== null`, teams, score, finished)
	}
	p.wait("a match without a score", match("Oslo – Bergen", "0 0", false))
	for b, r := range []string{"1-0", "1/2-1/2", "0-1"} {
		result(b+1, r)
	}
	p.wait("the score as results come", match("Oslo – Bergen", "1.5 1.5", false))
	result(4, "1-0")
	p.wait("the end of a match", match("Oslo – Bergen", "2.5 1.5", true))
	result(5, "0-1")
	p.wait("the other match", match("Tromsø – Trondheim-Nidaros Chess Club", "0 1", false))
	meta := `document.querySelector('.head .meta').textContent`
	p.wait("how many games are over", meta+`.includes('3 of 8 playing')`)
	for b := 6; b <= 8; b++ {
		result(b, "1-0")
	}
	p.wait("the end of the round", meta+`.includes('8 boards, finished')`)
	for b := 6; b <= 8; b++ {
		result(b, "*")
	}
	p.wait("that it goes on", meta+`.includes('3 of 8 playing')`)
	if code := nodetest.Patch(t, url+"/api/tournaments/"+tid, nodetest.Object{"name": "City League"}, nil); code != http.StatusOK {
		t.Fatal(code)
	}
	p.wait("the tournament's new name", `document.querySelector('.crumbs a').textContent === 'City League' && document.title.includes('City League')`)
	p.shoot("round")

	p.do(chromedp.Evaluate[chromedp.Void](`document.querySelector('.crumbs a').click()`))
	p.wait("the tournament's page", fmt.Sprintf(`location.pathname === '/tournament/%s'`, tid))
	p.wait("the teams", `document.querySelector('tr[data-team="Oslo"][data-points="2"] a.game b')?.textContent === '2½'`)
	said := `document.querySelector('.head .meta').textContent + '|' + document.querySelector('.head .meta a').href`
	if got, want := eval[string](p, said), "OsloScheveningen90 min + 30 sec / moveTime zone: Europe/OsloWebsite|https://league.example/"; got != want {
		t.Errorf("the page says %q, not %q", got, want)
	}
	first := `[...document.querySelectorAll('.standings tr[data-place="1"] .name')].map((e) => e.textContent).join()`
	if got, want := eval[string](p, first), "IMBlack of Trondheim-Nidaros Chess Club 5"; got != want {
		t.Errorf("%q leads, not %q", got, want)
	}
	if got := eval[int](p, `document.querySelectorAll('.standings tr[data-place]').length`); got != 16 {
		t.Errorf("the table has %d players, not 16", got)
	}
	p.shoot("tournament")

	// The columns of a table are the tie-breaks that the tournament has chosen.
	columns := `[...document.querySelectorAll('.standings%s thead abbr')].map((e) => e.textContent).join()`
	for _, c := range []struct{ codes, players, teams string }{
		{"", "#,Games,DE,BHC1,BH,SB,WIN,ARO,Perf", "#,Points,Matches,GP,EMGSB,EMMSB"},
		{"WON,DE", "#,Games,WON,DE,Perf", "#,Points,Matches,GP,EMGSB,EMMSB"},
		{"GP,MP,TPR", "#,Games,TPR", "#,Points,Matches,MP"},
	} {
		if code := nodetest.Patch(t, url+"/api/tournaments/"+tid, nodetest.Object{"tieBreaks": c.codes}, nil); code != http.StatusOK {
			t.Fatal(code)
		}
		p.do(chromedp.Navigate(url + "/tournament/" + tid))
		p.wait("the columns of the players by "+c.codes, fmt.Sprintf(columns, ":not(.teams)")+fmt.Sprintf(` === '%s'`, c.players))
		p.wait("the columns of the teams by "+c.codes, fmt.Sprintf(columns, ".teams")+fmt.Sprintf(` === '%s'`, c.teams))
	}

	p.do(chromedp.EmulateViewport(390, 844, chromedp.EmulateMobile))
	for _, path := range []string{"/tournament/" + tid, "/round/" + round} {
		p.do(chromedp.Navigate(url + path))
		p.wait(path, `document.querySelector('.standings, .match') !== null`)
		if width := eval[int](p, `document.documentElement.scrollWidth`); width > 390 {
			t.Errorf("on a phone of 390 px %s is %d px wide", path, width)
		}
		p.shoot("phone-" + path[1:4])
	}
	p.do(chromedp.Navigate(url + "/tournament/AAAAAAAA"))
	p.wait("that there is none", `document.title.startsWith('No such tournament')`)
}
