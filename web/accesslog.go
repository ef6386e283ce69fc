package web

import (
	"net/http"
	"net/url"
	"time"

	"github.com/go-chi/chi/v5/middleware"

	"github.com/chessrelay/chessrelay/broadcast"
	"github.com/chessrelay/chessrelay/web/base"
)

// logged writes a line for each request to the access log, if any. A WebSocket's line is written
// when it is open. No line contains a token, only the id of a valid one.
func (s *Server) logged(next http.Handler) http.Handler {
	if s.cfg.AccessLog == nil {
		return next
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		began := time.Now()
		seen := middleware.NewWrapResponseWriter(w, r.ProtoMajor)
		defer func() {
			token := ""
			if c := base.CallerOf(r); c.Token != nil {
				token = c.ID
			}
			status := seen.Status()
			if status == 0 && r.Header.Get("Upgrade") != "" {
				status = http.StatusSwitchingProtocols // the connection was taken over
			}
			s.cfg.AccessLog.Info("request",
				"from", broadcast.Address(r, s.Proxies), "method", r.Method, "uri", withoutToken(r.URL), "status", status,
				"bytes", seen.BytesWritten(), "ms", time.Since(began).Milliseconds(), "token", token, "agent", base.Clip(r.UserAgent(), 256))
		}()
		next.ServeHTTP(seen, r)
	})
}

// withoutToken returns the path and the query of a URL, without secrets and at most 1,024 bytes.
func withoutToken(u *url.URL) string {
	q := u.Query()
	for _, name := range []string{"access_token", "token", "code", "code_verifier"} {
		if q.Has(name) {
			q.Set(name, "-")
		}
	}
	text := u.EscapedPath()
	if len(q) > 0 {
		text += "?" + q.Encode()
	}
	return base.Clip(text, 1024)
}
