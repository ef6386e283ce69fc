package lichess

import (
	"net/http"
	"testing"

	"github.com/chessrelay/chessrelay/consensus"
	"github.com/chessrelay/chessrelay/relay"
	"github.com/chessrelay/chessrelay/web/base"
	"github.com/go-chi/chi/v5"
)

// serve returns a server of a node without a cluster, and its routes as package web mounts them.
func serve(t *testing.T, cfg base.Config, more Config) (*Server, http.Handler) {
	t.Helper()
	cfg.Node = new(consensus.Node)
	b, err := base.New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	s, r := New(b, more), chi.NewRouter()
	r.Use(Preflight, b.Access.Identify)
	s.Routes(r)
	return s, r
}

// noBoards is a view that nobody reads.
type noBoards struct{}

func (noBoards) Read(func(uint64, *relay.State)) {}
