package web

import (
	"net/http"
	"runtime/debug"
	"strings"

	"github.com/chessrelay/chessrelay/web/base"
)

// recover keeps a bug in one handler from ending the node.
func (s *Server) recover(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		defer func() {
			v := recover()
			if v == nil {
				return
			}
			if v == http.ErrAbortHandler { //nolint:errorlint // net/http compares it so, too
				panic(v) // net/http closes the connection
			}
			s.Log.Error("panic in a handler", "method", r.Method, "path", r.URL.Path, "panic", v, "stack", string(debug.Stack()))
			s.Fail(w, r, &base.Error{Status: http.StatusInternalServerError, Code: "internal", Message: "something went wrong on this node; its log says what"})
		}()
		next.ServeHTTP(w, r)
	})
}

// The pages load nothing from elsewhere, but they go on at another node when they have lost theirs.
// Scripts set styles on single elements (a piece that moves); CSP counts that as inline.
const contentSecurityPolicy = "default-src 'self'; img-src 'self' data:; style-src 'self' 'unsafe-inline'; " +
	"connect-src 'self' ws: wss: http: https:; base-uri 'none'; form-action 'self'; frame-ancestors 'self'"

func securityHeaders(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h := w.Header()
		h.Set("Content-Security-Policy", contentSecurityPolicy)
		if strings.HasPrefix(r.URL.Path, "/embed/") { // these pages show boards, and change nothing
			h.Set("Content-Security-Policy", strings.Replace(contentSecurityPolicy, "frame-ancestors 'self'", "frame-ancestors *", 1))
		}
		h.Set("X-Content-Type-Options", "nosniff")
		h.Set("Referrer-Policy", "same-origin")
		if r.TLS != nil {
			h.Set("Strict-Transport-Security", "max-age=31536000") // RFC 6797
		}
		next.ServeHTTP(w, r)
	})
}

// crossOriginReads lets any page read the boards: they are public.
func crossOriginReads(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method == http.MethodGet || r.Method == http.MethodHead {
			w.Header().Set("Access-Control-Allow-Origin", "*")
			w.Header().Set("Access-Control-Expose-Headers", base.IndexHeader+", Retry-After, ETag")
		}
		next.ServeHTTP(w, r)
	})
}
