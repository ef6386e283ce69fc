package web

import (
	"html"
	"net/http"
	"strings"
	"sync/atomic"

	"github.com/chessrelay/chessrelay/web/base"
	"github.com/chessrelay/chessrelay/web/conns"
)

// Starting answers in place of a [Server] while a node has no boards yet: it waits for its cluster,
// or an edge for its upstream. /healthz says that the node runs, /readyz says why it is not ready,
// and pages say that it joins. All other requests are refused as not_ready.
type Starting struct {
	name    string
	reason  atomic.Pointer[string]
	handler http.Handler
}

// NewStarting returns the answers of the node with that name. Say changes the reason.
func NewStarting(name, reason string) *Starting {
	s := &Starting{name: name}
	s.Say(reason)
	mux := http.NewServeMux()
	mux.HandleFunc("GET /healthz", func(w http.ResponseWriter, _ *http.Request) {
		base.WriteJSON(w, http.StatusOK, map[string]any{"status": "ok"})
	})
	mux.HandleFunc("GET /readyz", s.readyz)
	for _, page := range []string{"/{$}", "/tournament/", "/round/", "/cluster", "/broadcast", "/broadcast/", "/oauth"} {
		mux.HandleFunc("GET "+page, s.page)
	}
	mux.HandleFunc("/", s.refuse)
	s.handler = conns.Kept(securityHeaders(crossOriginReads(mux)))
	return s
}

// Say changes the reason why the node is not ready.
func (s *Starting) Say(reason string) { s.reason.Store(&reason) }

// ServeHTTP implements http.Handler.
func (s *Starting) ServeHTTP(w http.ResponseWriter, r *http.Request) { s.handler.ServeHTTP(w, r) }

func (s *Starting) readyz(w http.ResponseWriter, _ *http.Request) {
	reason := *s.reason.Load()
	base.WriteJSON(w, http.StatusServiceUnavailable, map[string]any{
		"node": s.name, "applied": 0, "commit": 0, "status": reason, "error": reason, "code": "not_ready",
	})
}

// retryStarting is after how many seconds a client should ask again. The page does so by itself.
const retryStarting = "2"

func (s *Starting) refuse(w http.ResponseWriter, r *http.Request) {
	if base.IsPush(r) && base.IsBroadcaster(r) {
		panic(http.ErrAbortHandler) // see lichess.Server.push
	}
	w.Header().Set("Retry-After", retryStarting)
	switch r.URL.Path {
	case "/live", "/events", "/feed":
		w.Header().Set("Connection", "close")
	}
	base.WriteJSON(w, http.StatusServiceUnavailable, map[string]any{"error": *s.reason.Load(), "code": "not_ready"})
}

// startingPage reloads until the node's own page is there.
const startingPage = `<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<meta http-equiv="refresh" content="` + retryStarting + `">
<title>Joining – chessrelay</title>
<style>
:root { color-scheme: light dark; --page: #f6f5f2; --text: #24292e; --quiet: #5f6368 }
@media (prefers-color-scheme: dark) { :root { --page: #16191d; --text: #e6e4df; --quiet: #a3a8ad } }
body { margin: 0; min-height: 100vh; display: grid; place-content: center; padding: 1rem; box-sizing: border-box;
  background: var(--page); color: var(--text); font: 1rem/1.5 system-ui, sans-serif; text-align: center }
h1 { font-size: 1.25rem; margin: 0 }
p { margin: .5rem 0 0; color: var(--quiet); max-width: 32rem }
</style>
<main role="status">
<h1>This node is joining</h1>
<p>It has no boards yet: REASON.</p>
<p>The page appears by itself.</p>
</main>
</html>
`

func (s *Starting) page(w http.ResponseWriter, _ *http.Request) {
	h := w.Header()
	h.Set("Content-Type", "text/html; charset=utf-8")
	h.Set("Cache-Control", "no-store")
	h.Set("Retry-After", retryStarting)
	w.WriteHeader(http.StatusServiceUnavailable)
	_, _ = w.Write([]byte(strings.Replace(startingPage, "REASON", html.EscapeString(*s.reason.Load()), 1)))
}
