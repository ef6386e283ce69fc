package web

import (
	"context"
	"net/http"
	"strings"
)

// verdict is whether this node's boards were found to be wrong.
type verdict struct {
	why   string          // empty: they are right
	ended context.Context // ends when they are found to be wrong
	end   context.CancelFunc
}

func newVerdict(why string) *verdict {
	v := &verdict{why: why}
	v.ended, v.end = context.WithCancel(context.Background())
	if why != "" {
		v.end()
	}
	return v
}

// SetDiverged has the server show no boards for as long as why is not empty. One goroutine may call
// it.
func (s *Server) SetDiverged(why string) {
	if was := s.verdict.Load(); was.why != why {
		s.verdict.Store(newVerdict(why))
		was.end()
	}
}

// whileRight refuses everything that has to do with boards while this node's are known to be
// wrong: better no board than a false one. Long answers end.
func (s *Server) whileRight(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		v := s.verdict.Load()
		switch {
		case v.why != "" && aboutBoards(r.URL.Path):
			s.fail(w, r, &apiError{
				Status: http.StatusServiceUnavailable, Code: "diverged", RetryAfter: 5,
				Message: v.why + "; ask another node meanwhile",
			})
			return
		case v.why == "" && (strings.HasPrefix(r.URL.Path, "/api/stream/") || r.URL.Path == "/feed/log"):
			ctx, cancel := context.WithCancel(r.Context())
			defer cancel()
			defer context.AfterFunc(v.ended, cancel)()
			r = r.WithContext(ctx)
		}
		next.ServeHTTP(w, r)
	})
}

// aboutBoards reports whether what is at a path reads or changes boards. The state of the cluster
// and of this node do not, nor do the pages, which get their boards from elsewhere.
func aboutBoards(path string) bool {
	switch {
	case path == "/api/openapi.json", path == "/api/cluster", strings.HasPrefix(path, "/api/cluster/"):
		return false
	case path == "/live", path == "/events", path == "/feed":
		return true
	}
	for _, prefix := range []string{"/api/", "/feed/", "/get/", "/broadcast/"} {
		if strings.HasPrefix(path, prefix) {
			return true
		}
	}
	return false
}
