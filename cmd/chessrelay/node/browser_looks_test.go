package node_test

import (
	"context"
	"fmt"
	"os"
	"time"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/emulation"
	cdpnetwork "github.com/chromedp/cdproto/network"
	"github.com/chromedp/chromedp"
)

// axePath is axe-core, which finds what some readers of the page cannot use. `make ui` installs it.
const axePath = "../../../web/ui/node_modules/axe-core/axe.min.js"

// accessible fails the test for each thing on the page that axe-core objects to.
func (p *page) accessible(where string) {
	p.t.Helper()
	if !eval[bool](p, `'axe' in window`) {
		script, err := os.ReadFile(axePath)
		if err != nil {
			p.t.Fatalf("%v: make ui", err)
		}
		p.do(chromedp.Evaluate[chromedp.Void](string(script) + "; undefined"))
	}
	ctx, cancel := context.WithTimeout(p.ctx, 60*time.Second)
	defer cancel()
	found, err := chromedp.Run(ctx, chromedp.Evaluate[[]string](
		`axe.run().then(r => r.violations.flatMap(v => v.nodes.map(n => v.id + ' at ' + n.target.join(' ') + ': ' + n.failureSummary)))`,
		chromedp.EvalAwaitPromise))
	if err != nil {
		p.t.Fatalf("axe: %v", err)
	}
	for _, f := range found {
		p.t.Errorf("%s: %s", where, f)
	}
}

// looks has the page as a phone and a desktop show it, in light and dark. Nothing may be wider than
// the screen, or out of some reader's reach. It leaves the page as it was.
func (p *page) looks(name string) {
	p.t.Helper()
	scheme := func(to string) chromedp.Action[chromedp.Void] {
		return chromedp.Func(func(ctx context.Context, t *chromedp.Target) error {
			params := emulation.SetEmulatedMediaParams{Features: []*emulation.MediaFeature{{Name: "prefers-color-scheme", Value: to}}}
			_, err := cdp.Call(ctx, t, emulation.SetEmulatedMedia, params)
			return err
		})
	}
	for _, to := range []string{"light", "dark"} {
		for _, width := range []int64{390, 1280} {
			where := fmt.Sprintf("%s-%s-%d", name, to, width)
			p.do(scheme(to), chromedp.EmulateViewport(width, 844))
			p.wait("the width of "+where, fmt.Sprintf(`innerWidth === %d && matchMedia('(prefers-color-scheme: %s)').matches`, width, to))
			if got := eval[int64](p, `document.documentElement.scrollWidth`); got > width {
				p.t.Errorf("%s is %d px wide", where, got)
			}
			p.accessible(where)
			p.shoot(where)
		}
	}
	p.do(scheme(""), chromedp.EmulateReset())
}

// showToken has the browser send a token with each request, as an operators' proxy may.
func (p *page) showToken(token string) {
	p.t.Helper()
	p.do(chromedp.Func(func(ctx context.Context, t *chromedp.Target) error {
		params := cdpnetwork.SetExtraHTTPHeadersParams{Headers: cdpnetwork.Headers{"Authorization": "Bearer " + token}}
		_, err := cdp.Call(ctx, t, cdpnetwork.SetExtraHTTPHeaders, params)
		return err
	}))
}
