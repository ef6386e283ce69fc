package node_test

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/chessrelay/chessrelay/cmd/chessrelay/node/nodetest"
	"github.com/chessrelay/chessrelay/cmd/chessrelay/replay"
	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"
)

// page is one tab of a real browser.
type page struct {
	t   testing.TB
	ctx context.Context

	mu     sync.Mutex
	errors []string // what the page's scripts threw or logged as errors
}

// browser is the Chromium that all pages share, each with its own profile. A test that needs other
// flags starts another one.
var browser struct {
	mu    sync.Mutex
	ctx   context.Context // of the browser's first tab, which no test uses
	close func()
}

// closeBrowser ends the shared Chromium, if a test has started it.
func closeBrowser() {
	browser.mu.Lock()
	defer browser.mu.Unlock()
	if browser.close != nil {
		browser.close()
		browser.ctx, browser.close = nil, nil
	}
}

// sharedBrowser is the context of the shared Chromium. The first caller starts it.
func sharedBrowser(t testing.TB) context.Context {
	t.Helper()
	browser.mu.Lock()
	defer browser.mu.Unlock()
	if browser.ctx == nil {
		profile, err := os.MkdirTemp("", "chromium")
		if err != nil {
			t.Fatal(err)
		}
		ctx, stop := startBrowser(t, profile)
		browser.ctx, browser.close = ctx, func() {
			stop()
			_ = os.RemoveAll(profile)
		}
	}
	return browser.ctx
}

// startBrowser starts Chromium with an empty profile in a folder.
func startBrowser(t testing.TB, profile string, more ...chromedp.ExecAllocatorOption) (ctx context.Context, stop func()) {
	t.Helper()
	var binary string
	for _, name := range []string{"chromium", "chromium-browser", "google-chrome"} {
		if path, err := exec.LookPath(name); err == nil {
			binary = path
			break
		}
	}
	if binary == "" {
		t.Fatal("no Chromium: apt-get install chromium (make test does it)")
	}
	options := append(chromedp.DefaultExecAllocatorOptions[:],
		chromedp.ExecPath(binary), chromedp.NoSandbox, chromedp.DisableGPU,
		chromedp.UserDataDir(profile), chromedp.WindowSize(1280, 900),
		chromedp.Flag("disable-quic", true), chromedp.Flag("disable-component-update", true),
		chromedp.WSURLReadTimeout(60*time.Second),
	)
	alloc, cancelAlloc := chromedp.NewExecAllocator(context.Background(), append(options, more...)...)
	ctx, cancel := chromedp.NewContext(alloc)
	stop = func() {
		_ = chromedp.Cancel(ctx)
		cancel()
		cancelAlloc()
	}
	// The first Run must have the browser's own context, or the browser ends with it.
	if _, err := chromedp.Run(ctx, chromedp.Location()); err != nil {
		stop()
		t.Fatalf("start Chromium: %v", err)
	}
	return ctx, stop
}

// newPage opens a tab with an empty profile, in the shared Chromium. With more options, it starts a
// Chromium of its own.
func newPage(t testing.TB, more ...chromedp.ExecAllocatorOption) *page {
	t.Helper()
	if len(more) > 0 {
		ctx, stop := startBrowser(t, t.TempDir(), more...)
		return newPageIn(t, ctx, stop)
	}
	ctx, cancel := chromedp.NewContext(sharedBrowser(t), chromedp.WithNewBrowserContext())
	if _, err := chromedp.Run(ctx, chromedp.EmulateViewport(1280, 900)); err != nil {
		cancel()
		t.Fatalf("open a tab: %v", err)
	}
	return newPageIn(t, ctx, cancel)
}

// newPageIn is the page of a context that has run. The page ends with the test.
func newPageIn(t testing.TB, ctx context.Context, stop func()) *page {
	t.Helper()
	p := &page{t: t, ctx: ctx}
	messages := chromedp.Console(ctx)
	var listening sync.WaitGroup
	listening.Go(func() {
		for m, err := range messages {
			if err != nil {
				return
			}
			// The browser itself logs that a node does not answer.
			if m.IsException() || m.Type == "error" && m.Source != "network" {
				p.mu.Lock()
				p.errors = append(p.errors, m.String())
				p.mu.Unlock()
			}
		}
	})
	t.Cleanup(func() {
		stop()
		listening.Wait()
	})
	return p
}

func (p *page) do(actions ...chromedp.Action[chromedp.Void]) {
	p.t.Helper()
	ctx, cancel := context.WithTimeout(p.ctx, 60*time.Second)
	defer cancel()
	if err := chromedp.Do(ctx, actions...); err != nil {
		p.shoot("failed")
		p.t.Fatal(err)
	}
}

// open goes to a page of a node, and waits until it is live.
func (p *page) open(url string) {
	p.t.Helper()
	p.do(chromedp.Navigate(url))
	if eval[bool](p, `document.body.textContent.includes('built without the pages')`) {
		p.t.Fatal("web/dist holds no pages: make ui")
	}
	p.wait("the page to be live", `document.querySelector('[data-status="live"]') !== null`)
}

// wait waits until an expression of JavaScript is true.
func (p *page) wait(what, expression string) {
	p.t.Helper()
	ctx, cancel := context.WithTimeout(p.ctx, 60*time.Second)
	defer cancel()
	_, err := chromedp.Run(ctx, chromedp.Poll[chromedp.Void](expression, chromedp.WithPollingInterval(20*time.Millisecond), chromedp.WithPollingTimeout(0)))
	if err != nil {
		p.shoot("waiting")
		p.t.Fatalf("waiting for %s (%s): %v", what, expression, err)
	}
}

// eval returns the value of an expression of JavaScript.
func eval[T any](p *page, expression string) T {
	p.t.Helper()
	ctx, cancel := context.WithTimeout(p.ctx, 60*time.Second)
	defer cancel()
	v, err := chromedp.Run(ctx, chromedp.Evaluate[T](expression))
	if err != nil {
		p.t.Fatalf("%s: %v", expression, err)
	}
	return v
}

// shoot saves a picture if CHESSRELAY_TEST_SHOTS names a folder for them.
func (p *page) shoot(name string) {
	dir := os.Getenv("CHESSRELAY_TEST_SHOTS")
	if dir == "" {
		return
	}
	ctx, cancel := context.WithTimeout(p.ctx, 20*time.Second)
	defer cancel()
	png, err := chromedp.Run(ctx, chromedp.FullScreenshot(100))
	if err != nil {
		p.t.Logf("no picture: %v", err)
		return
	}
	_ = os.MkdirAll(dir, 0o755)
	if err := os.WriteFile(filepath.Join(dir, p.t.Name()+"-"+name+".png"), png, 0o644); err != nil {
		p.t.Log(err)
	}
}

// squares reads the pieces from the board's drawing, and returns them as the first field of a FEN.
func (p *page) squares(board string) string {
	p.t.Helper()
	pieces := eval[map[string]string](p, fmt.Sprintf(`Object.fromEntries([...document.querySelectorAll('%s g[data-piece][data-square]')].map(e => [e.dataset.square, e.dataset.piece]))`, board))
	var ranks []string
	for rank := 8; rank >= 1; rank-- {
		var line strings.Builder
		empty := 0
		for file := 'a'; file <= 'h'; file++ {
			piece := pieces[fmt.Sprintf("%c%d", file, rank)]
			if piece == "" {
				empty++
				continue
			}
			if empty > 0 {
				fmt.Fprint(&line, empty)
				empty = 0
			}
			if letter := piece[1:]; piece[0] == 'w' { // "wn" is a white knight
				line.WriteString(strings.ToUpper(letter))
			} else {
				line.WriteString(letter)
			}
		}
		if empty > 0 {
			fmt.Fprint(&line, empty)
		}
		ranks = append(ranks, line.String())
	}
	return strings.Join(ranks, "/")
}

func (p *page) noErrors() {
	p.t.Helper()
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, e := range p.errors {
		p.t.Errorf("the page's script: %s", e)
	}
}

const boardSelector = `[data-fen][data-ply]`

func shown(ply int) string {
	return fmt.Sprintf(`document.querySelector('%s')?.dataset.ply === '%d'`, boardSelector, ply)
}

// TestPageShowsASubmittedMove submits moves at the recorder and sees them on a venue's page. The
// page steps back while the game goes on, and returns to live.
func TestPageShowsASubmittedMove(t *testing.T) {
	t.Parallel()
	c := nodetest.NewCluster(t, 3)
	round, games := nodetest.NewRound(t, c.Nodes[0].URL, 2)
	c.WaitEqual()
	moves := c.Nodes[0].URL + "/api/games/" + games[0] + "/moves"
	p := newPage(t)
	p.open(c.Nodes[1].URL + "/round/" + round + "/1")
	for i, m := range []string{"e4", "e5", "Nf3", "Nc6"} {
		nodetest.Must(t, moves, nodetest.Object{"ply": i + 1, "move": m, "clock": nodetest.Object{"white": 5400_000, "black": 5400_000}})
		p.wait("the move "+m, shown(i+1))
	}
	p.wait("the pieces to arrive", `document.querySelector('g[data-piece="bn"][data-square="c6"]') !== null`)
	if got, want := p.squares(boardSelector), "r1bqkbnr/pppp1ppp/2n5/4p3/4P3/5N2/PPPP1PPP/RNBQKB1R"; got != want {
		t.Errorf("the page shows %s, not %s", got, want)
	}
	p.do(chromedp.KeyEvent(kb.ArrowLeft))
	p.wait("the move before", shown(3))
	nodetest.Must(t, moves, nodetest.Object{"ply": 5, "move": "Bb5"})
	p.wait("the new move in the list", `document.querySelector('li[data-ply="5"], [data-ply="5"]') !== null`)
	if ply := eval[string](p, `document.querySelector('`+boardSelector+`').dataset.ply`); ply != "3" {
		t.Errorf("a new move took the viewer from ply 3 to %s", ply)
	}
	p.do(chromedp.KeyEvent(kb.End))
	p.wait("live again", shown(5))
	p.shoot("live")
	p.noErrors()
}

// TestPageShowsTheReplayedRound compares the final positions square by square: on the board's own
// page and, for all twelve, on the round's.
func TestPageShowsTheReplayedRound(t *testing.T) {
	t.Parallel()
	c := nodetest.NewCluster(t, 1)
	s := nodetest.FeedSample(t, c.Nodes[0].URL)
	_, finals := movesOf(t, replay.SampleRound)
	var r struct {
		Games []struct {
			Board int
			Ply   int
			White struct{ Name string }
		}
	}
	nodetest.Get(t, c.Nodes[0].URL+"/api/rounds/"+string(s.Round), &r)
	p := newPage(t)
	round := c.Nodes[0].URL + "/round/" + string(s.Round)
	p.open(round)
	for _, g := range r.Games {
		tile := fmt.Sprintf(`[data-board="%d"]`, g.Board)
		want := strings.Fields(finals[g.White.Name])[0]
		p.wait("board "+tile, fmt.Sprintf(`document.querySelectorAll('%s g[data-piece][data-square]').length === %d`, tile, countPieces(want)))
		if got := p.squares(tile); got != want {
			t.Errorf("board %d of the round is shown as %s, not %s", g.Board, got, want)
		}
	}
	p.shoot("round")
	for _, g := range r.Games[:3] {
		p.open(fmt.Sprintf("%s/%d", round, g.Board))
		p.wait("the last ply", shown(g.Ply))
		want := strings.Fields(finals[g.White.Name])[0]
		p.wait("the pieces", fmt.Sprintf(`document.querySelectorAll('%s g[data-piece][data-square]').length === %d`, boardSelector, countPieces(want)))
		if got := p.squares(boardSelector); got != want {
			t.Errorf("board %d is shown as %s, not %s", g.Board, got, want)
		}
	}
	p.shoot("board")
	// On a phone nothing is wider than the screen.
	p.do(chromedp.EmulateViewport(390, 844, chromedp.EmulateMobile))
	p.open(round + "/1")
	if width := eval[int](p, `document.documentElement.scrollWidth`); width > 390 {
		t.Errorf("on a phone of 390 px the page is %d px wide", width)
	}
	p.shoot("phone")
	p.noErrors()
}

func countPieces(placement string) (n int) {
	for _, r := range placement {
		if r >= 'A' {
			n++
		}
	}
	return n
}

// TestPageRecoversWhenItsVenueRestarts kills the venue that a page is on. The
// page says so, and shows what was missed when the venue is back.
func TestPageRecoversWhenItsVenueRestarts(t *testing.T) {
	t.Parallel()
	c := nodetest.NewCluster(t, 3)
	round, games := nodetest.NewRound(t, c.Nodes[0].URL, 1)
	moves := c.Nodes[0].URL + "/api/games/" + games[0] + "/moves"
	nodetest.Must(t, moves, nodetest.Object{"ply": 1, "move": "d4"})
	p := newPage(t)
	venue := c.Nodes[2]
	p.open(venue.URL + "/round/" + round + "/1")
	p.wait("the first move", shown(1))
	venue.Kill()
	p.wait("the page to say so", `document.querySelector('[data-status="reconnecting"]') !== null`)
	nodetest.Must(t, moves, nodetest.Object{"ply": 2, "move": "d5"})
	nodetest.Must(t, moves, nodetest.Object{"ply": 3, "move": "c4"})
	venue.Start()
	p.wait("the page to be live again", `document.querySelector('[data-status="live"]') !== null`)
	p.wait("the moves that were missed", shown(3))
	nodetest.Must(t, moves, nodetest.Object{"ply": 4, "move": "e6"})
	p.wait("the next move", shown(4))
	p.wait("the pieces to arrive", `document.querySelector('g[data-piece="bp"][data-square="e6"]') !== null`)
	if got, want := p.squares(boardSelector), "rnbqkbnr/ppp2ppp/4p3/3p4/2PP4/8/PP2PPPP/RNBQKBNR"; got != want {
		t.Errorf("the page shows %s, not %s", got, want)
	}
}

// TestPageShowsTheCluster looks at /cluster of a venue while another venue is
// killed and comes back.
func TestPageShowsTheCluster(t *testing.T) {
	t.Parallel()
	c := nodetest.NewCluster(t, 3)
	round, games := nodetest.NewRound(t, c.Nodes[0].URL, 1)
	// A venue that had to lead for a moment gives leadership back.
	lead := c.Nodes[0]
	nodetest.Eventually(t, "the recorder to lead", func() bool { return c.Leader() == lead })
	var venues []*nodetest.Node
	for _, n := range c.Nodes {
		if n != lead {
			venues = append(venues, n)
		}
	}
	here, lost := venues[0], venues[1]
	state := func(n *nodetest.Node, state string) string {
		return fmt.Sprintf(`document.querySelector('.lane[data-member="%s"]')?.dataset.state === '%s'`, n.Config.Name, state)
	}
	p := newPage(t)
	p.open(here.URL + "/cluster")
	p.wait("all members", `document.querySelectorAll('.lane[data-match]').length === 3`)
	p.wait("the leader", state(lead, "leader"))
	for _, n := range venues {
		p.wait(n.Config.Name+" to replicate", state(n, "replicate"))
	}
	if first := eval[string](p, `document.querySelector('.lane').dataset.member`); first != lead.Config.Name {
		t.Errorf("the first lane is the one of %s, and %s leads", first, lead.Config.Name)
	}
	for _, n := range c.Nodes {
		if eval[int](p, fmt.Sprintf(`document.querySelectorAll('.lane a[href="%s"]').length`, n.URL)) != 1 {
			t.Errorf("no link to %s", n.URL)
		}
	}
	p.shoot("three")
	if tops := eval[int](p, `new Set([...document.querySelectorAll('.facts-row > *')].map(f => f.getBoundingClientRect().top)).size`); tops != 1 {
		t.Errorf("the facts about the cluster stand at %d heights", tops)
	}

	lost.Kill()
	p.wait("the kill to show", state(lost, "unreachable"))
	nodetest.Must(t, c.Nodes[0].URL+"/api/games/"+games[0]+"/moves", nodetest.Object{"ply": 1, "move": "e4"})
	index := fmt.Sprint(lead.Raft.Applied())
	p.wait("the move on the other disks", fmt.Sprintf(`[...document.querySelectorAll('.lane')].filter(l => Number(l.dataset.match) >= %s).length === 2`, index))
	p.shoot("unreachable")
	lost.Start()
	p.wait("its return", state(lost, "replicate"))
	p.wait("the move on its disk too", fmt.Sprintf(`Number(document.querySelector('.lane[data-member="%s"]').dataset.match) >= %s`, lost.Config.Name, index))

	// The last picture stays when the node of the page itself is gone.
	here.Kill()
	p.wait("the page to say so", `document.querySelector('[data-status="reconnecting"]') !== null`)
	if lanes := eval[int](p, `document.querySelectorAll('.lane').length`); lanes != 3 {
		t.Errorf("%d lanes are left of the last picture", lanes)
	}
	here.Start()
	p.wait("the page to be live again", `document.querySelector('[data-status="live"]') !== null`)

	p.do(chromedp.EmulateViewport(360, 780, chromedp.EmulateMobile))
	for _, path := range []string{"/cluster", "/round/" + round, "/round/" + round + "/1", "/"} {
		p.do(chromedp.Navigate(here.URL + path))
		p.wait(path, `document.querySelector('.lane, .tile, .board, .card, .live-round') !== null`)
		if width := eval[int](p, `document.documentElement.scrollWidth`); width > 360 {
			t.Errorf("on a phone of 360 px %s is %d px wide", path, width)
		}
	}
	p.noErrors()
}

// TestPageCountsAsOneSpectator visits several pages in one tab, and goes back. The node counts one
// spectator, not one for each page that the browser keeps.
func TestPageCountsAsOneSpectator(t *testing.T) {
	t.Parallel()
	c := nodetest.NewCluster(t, 1)
	n := c.Nodes[0]
	round, _ := nodetest.NewRound(t, n.URL, 3)
	p := newPage(t)
	for _, path := range []string{"", "/1", "/2", "/3"} {
		p.open(n.URL + "/round/" + round + path)
	}
	one := func() bool { return n.Hub.Stats().Spectators == 1 }
	nodetest.Eventually(t, "the node to count one spectator", one)
	// Not NavigateBack, which waits for a load: the browser does not load a kept page again.
	p.do(chromedp.Evaluate[chromedp.Void](`setTimeout(() => history.back())`))
	nodetest.Eventually(t, "the page before", func() bool {
		ctx, cancel := context.WithTimeout(p.ctx, 10*time.Second)
		defer cancel()
		live, err := chromedp.Run(ctx, chromedp.Evaluate[bool](`location.pathname.endsWith('/2') && document.querySelector('[data-status="live"]') !== null`))
		return live && err == nil // it fails while one page takes the other's place
	})
	nodetest.Eventually(t, "the node to count one spectator again", one)
	p.noErrors()
}
