package node_test

import (
	"net/http"
	"strings"
	"testing"

	"github.com/chessrelay/chessrelay/cmd/chessrelay/node/nodetest"
	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"
)

// text is what a person reads in an element; empty if there is none.
func (p *page) text(selector string) string {
	p.t.Helper()
	return eval[string](p, `document.querySelector('`+selector+`')?.innerText ?? ''`)
}

// TestPageMarksIllegalMovesAndWarnings checks how the pages of a board and of the round show an
// illegal move, a forfeit and a warning. It also checks what they say to a screen reader.
func TestPageMarksIllegalMovesAndWarnings(t *testing.T) {
	t.Parallel()
	c := nodetest.NewCluster(t, 1)
	base := c.Nodes[0].URL
	round, games := nodetest.NewRound(t, base, 2)
	for i, m := range []string{"e4", "e5", "Nf3", "Nc6"} {
		nodetest.Must(t, base+"/api/games/"+games[0]+"/moves", nodetest.Object{"ply": i + 1, "move": m})
	}
	p := newPage(t)
	p.open(base + "/round/" + round + "/1")
	p.wait("the last legal move", shown(4))
	if text := p.text(".mark"); text != "" {
		t.Errorf("a game without faults is marked %q", text)
	}
	nodetest.Must(t, base+"/api/games/"+games[0]+"/moves", nodetest.Object{"ply": 5, "move": "Bc3", "illegal": true, "fen": afterIllegal})
	p.wait("the illegal move", shown(5))
	p.wait("the mark in the list", `document.querySelector('li[data-ply="5"] .illegal') !== null`)
	p.wait("the pieces to arrive", `document.querySelector('g[data-piece="wb"][data-square="c3"]') !== null`)
	if got, _, _ := strings.Cut(afterIllegal, " "); p.squares(boardSelector) != got {
		t.Errorf("the page shows %s, not %s", p.squares(boardSelector), got)
	}
	if text := p.text(".mark.illegal"); !strings.HasPrefix(text, "Illegal move Bc3 was played all the same") {
		t.Errorf("at the board it says %q", text)
	}
	p.wait("it to be said", `[...document.querySelectorAll('[aria-live]')].some(e => e.textContent.includes('White: bishop c3, an illegal move'))`)
	if n := eval[int](p, `document.querySelectorAll('.moves .illegal').length`); n != 1 {
		t.Errorf("%d moves are marked", n)
	}
	p.shoot("illegal")
	nodetest.Must(t, base+"/api/games/"+games[0]+"/moves", nodetest.Object{"ply": 6, "move": "Nf6"})
	p.wait("the next move", shown(6))
	if text := p.text(".mark"); text != "" {
		t.Errorf("the move after it is marked %q", text)
	}
	p.do(chromedp.KeyEvent(kb.ArrowLeft))
	p.wait("the way back to it", shown(5))
	if p.text(".mark.illegal") == "" {
		t.Error("who goes back to it does not see the mark")
	}

	warning := "the source could not be read past ply 7, Zz9: it is neither SAN nor UCI"
	if code := nodetest.Patch(t, base+"/api/games/"+games[0], nodetest.Object{"tags": nodetest.Object{"Warning": warning}}, nil); code != http.StatusOK {
		t.Fatal(code)
	}
	p.wait("the warning", `document.querySelector('.mark.warning')?.textContent.includes('Zz9') ?? false`)
	p.shoot("warning")
	nodetest.Must(t, base+"/api/games/"+games[0]+"/result", nodetest.Object{"result": "1-0", "forfeit": true})
	p.do(chromedp.KeyEvent(kb.End))
	p.wait("the forfeit in the list", `document.querySelector('.moves .end')?.innerText === '1-0 by forfeit'`)
	p.wait("what the players have", `document.querySelector('.player.white .points')?.innerText !== undefined`)
	if white, black := p.text(".player.white .points"), p.text(".player.black .points"); white != "+" || black != "−" {
		t.Errorf("the players have %s and %s", white, black)
	}
	if title := eval[string](p, `document.title`); !strings.HasPrefix(title, "1-0 by forfeit ") {
		t.Errorf("the title is %q", title)
	}
	p.shoot("forfeit")

	nodetest.Must(t, base+"/api/games/"+games[1]+"/moves", nodetest.Object{"ply": 1, "move": "Ke3", "illegal": true, "fen": "rnbqkbnr/pppppppp/8/8/8/4K3/PPPPPPPP/RNBQ1BNR b kq - 1 1"})
	p.open(base + "/round/" + round)
	p.wait("the tiles", `document.querySelectorAll('.tile .mark').length === 2`)
	for selector, want := range map[string]string{
		`[data-board="1"] .mark.warning`:    "Warning",
		`[data-board="1"] .black .points`:   "−",
		`[data-board="2"] .mark.illegal`:    "Illegal move Ke3",
		`[data-board="2"] .player .points`:  "",
		`[data-board="1"] .player .points `: "−",
	} {
		if got := p.text(selector); got != want {
			t.Errorf("%s says %q", selector, got)
		}
	}
	for board, want := range map[string]string{
		"1": "Board 1: White 1 – Black 1, 1-0 by forfeit; warning: " + warning,
		"2": "Board 2: White 2 – Black 2, last move Ke3, illegal",
	} {
		if got := eval[string](p, `document.querySelector('[data-board="`+board+`"] a > .hidden').textContent`); got != want {
			t.Errorf("it is labelled %q", got)
		}
	}
	p.shoot("round")
	p.noErrors()
}
