package base

import (
	"net/http"
)

// SameOrigin refuses what another site's page makes a browser submit. Programs send no Origin, so
// they pass.
func (s *Server) SameOrigin(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if IsForeign(r) {
			s.Fail(w, r, &Error{Status: http.StatusForbidden, Code: "forbidden", Message: "a page of another site may not submit here"})
			return
		}
		next.ServeHTTP(w, r)
	})
}

// VaryByToken says that the answer may depend on the token, so that no cache gives the truth to the
// public.
func VaryByToken(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Add("Vary", "Authorization")
		next.ServeHTTP(w, r)
	})
}

// IndexHeader carries the log index at which a read was true.
const IndexHeader = "X-Chessrelay-Index"

// Consistency makes a read linearizable on request: first ReadIndex (Raft thesis, 6.4), then the
// boards of this node.
func (s *Server) Consistency(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch c := r.URL.Query().Get("consistency"); c {
		case "", "local":
		case "linearizable":
			if s.Edge != nil {
				s.Fail(w, r, s.Elsewhere())
				return
			}
			ctx, cancel := s.Deadline(r)
			err := s.Node.ReadIndex(ctx)
			cancel()
			if err != nil {
				s.Fail(w, r, err)
				return
			}
		default:
			s.Fail(w, r, BadRequest("consistency must be local or linearizable, not %q", c))
			return
		}
		next.ServeHTTP(w, r)
	})
}
