package web

import (
	"net/http"
	"runtime/debug"
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
			s.log.Error("panic in a handler", "method", r.Method, "path", r.URL.Path, "panic", v, "stack", string(debug.Stack()))
			s.fail(w, r, &apiError{Status: http.StatusInternalServerError, Code: "internal", Message: "something went wrong on this node; its log says what"})
		}()
		next.ServeHTTP(w, r)
	})
}

// The pages load nothing from elsewhere. Scripts set styles on single elements (a piece that
// moves); CSP counts that as inline.
const contentSecurityPolicy = "default-src 'self'; img-src 'self' data:; style-src 'self' 'unsafe-inline'; " +
	"connect-src 'self' ws: wss:; base-uri 'none'; form-action 'self'; frame-ancestors 'self'"

func securityHeaders(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h := w.Header()
		h.Set("Content-Security-Policy", contentSecurityPolicy)
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
			w.Header().Set("Access-Control-Expose-Headers", indexHeader+", Retry-After, ETag")
		}
		next.ServeHTTP(w, r)
	})
}

// sameOrigin refuses what another site's page makes a browser submit. Programs send no Origin, so
// they pass.
func (s *Server) sameOrigin(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if isForeign(r) {
			s.fail(w, r, &apiError{Status: http.StatusForbidden, Code: "forbidden", Message: "a page of another site may not submit here"})
			return
		}
		next.ServeHTTP(w, r)
	})
}

// vary says that the answer may depend on the token, so that no cache gives the truth to the
// public.
func vary(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Add("Vary", "Authorization")
		next.ServeHTTP(w, r)
	})
}

// indexHeader carries the log index at which a read was true.
const indexHeader = "X-Chessrelay-Index"

// consistency makes a read linearizable on request: first ReadIndex (Raft thesis, 6.4), then the
// boards of this node.
func (s *Server) consistency(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch c := r.URL.Query().Get("consistency"); c {
		case "", "local":
		case "linearizable":
			if s.cfg.Edge != nil {
				s.fail(w, r, s.elsewhere())
				return
			}
			ctx, cancel := s.deadline(r)
			err := s.cfg.Node.ReadIndex(ctx)
			cancel()
			if err != nil {
				s.fail(w, r, err)
				return
			}
		default:
			s.fail(w, r, badRequest("consistency is local or linearizable, not %q", c))
			return
		}
		next.ServeHTTP(w, r)
	})
}
