package web

import (
	"context"
	"net/http"
	"strings"

	"github.com/chessrelay/chessrelay/web/base"
)

// verdict says whether this node's boards were found to be wrong.
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

// SetDiverged makes the server show no boards while why is not empty. Only one goroutine may call
// it.
func (s *Server) SetDiverged(why string) {
	if was := s.verdict.Load(); was.why != why {
		s.verdict.Store(newVerdict(why))
		was.end()
	}
}

// whileRight refuses everything about boards while this node's boards are known to be wrong: no
// board is better than a false one. It also ends long answers then.
func (s *Server) whileRight(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		v := s.verdict.Load()
		switch {
		case v.why != "" && aboutBoards(r.URL.Path):
			s.Fail(w, r, &base.Error{
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

// aboutBoards reports whether a path reads or changes boards. The state of the cluster and of this
// node does not. Nor do the pages, since they get their boards from other paths.
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
